"""What a reader of the page sees first, and that nothing on it misleads."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from harness.ranking.boards import rank_boards
from harness.ranking.costs import COLUMNS
from harness.ranking.latex import latex
from harness.ranking.rows import collect
from harness.ranking.tables import csv as board_csv
from harness.ranking.tables import markdown, table_rows
from harness.records import Cost, Outcome, Row
from harness.report.curves import curves

if TYPE_CHECKING:
    from tests.report.conftest import Browser

TWO_OF_A_NAME = ("one/final", "two/final")


@pytest.fixture(scope="module")
def alike(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models with one last name and two retrievers, each with one and four examples; and a built-in sample."""
    root = tmp_path_factory.mktemp("alike") / "runs"
    specs = [synthetic.run_spec("rag", 1, model, examples=n) for model in TWO_OF_A_NAME for n in (1, 4)]
    specs = [replace(s, options={**s.options, "rag": {**s.options["rag"], "retriever": "bm25"}}) for s in specs]
    other = replace(specs[0], options={**specs[0].options, "rag": {**specs[0].options["rag"], "retriever": "dense"}})
    specs = [replace(s, task_version="2") for s in (*specs, other)]  # so that the sample's board comes first
    specs += [synthetic.run_spec("lora", 1, "builtin", builtin=True)]
    for number, spec in enumerate(specs):
        rng = random.Random(number)
        found = list(synthetic.records(rng, 0.7 - 0.1 * number, 40, examples=spec.options[spec.method].get("n", 0)))
        synthetic.write(root, synthetic.row(spec, found, rng), found)
    return root


@pytest.fixture(scope="module")
def alike_page(alike: Path, render: Callable[..., Path]) -> Path:
    return render(alike, alike.parent / "page.html", metric="em@10")


def ready(browser: Browser, page: Path, state: str = "") -> None:
    browser.open(page, state)
    browser.wait("document.querySelector('#problem h3') || document.querySelector('#explorer p')")


def test_every_row_stands_with_its_interval_above_the_fold(browser: Browser, html: Path, runs: Path) -> None:
    browser.show(width=1440, height=900)
    ready(browser, html)
    found = collect([runs])
    [board] = rank_boards(found.rows, found.folders, metric="em@10")
    assert browser.texts("#forest tbody .cut") == list(board.labels)
    shown = browser.texts("#forest tbody td.number:not(.cost)")
    marks = browser.run("return [...document.querySelectorAll('#forest tbody tr')].map((r) => r.className)")
    assert marks == ["first" if rank == 1 else "" for rank in board.ranks]
    assert [re.split(" ", text)[0] for text in shown] == [
        f"{100 * (board.column(row, board.ranked_by).value or 0):.2f}"  # type: ignore[union-attr]
        for row in board.rows
    ]
    assert browser.run("return document.querySelector('#board').offsetHeight") == 0, "one board needs no chooser"
    bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
    assert browser.run(bottom, "#forest") < 900 and browser.run(bottom, "#answers > div") < 900


@pytest.mark.parametrize(("width", "height", "seen"), [(1440, 900, 4), (1280, 720, 4), (390, 844, 2)])
def test_the_answers_stand_above_the_fold_however_many_rows_there_are(
    browser: Browser,
    synthetic: ModuleType,
    tmp_path: Path,
    render: Callable[..., Path],
    width: int,
    height: int,
    seen: int,
) -> None:
    for number in range(40):
        rng = random.Random(number)
        spec = synthetic.run_spec(synthetic.METHODS[number % 9], 42, f"maker/coder-{number // 9}b")
        found = list(synthetic.records(rng, 0.7 - 0.01 * number, 40))
        synthetic.write(tmp_path / "runs", synthetic.row(spec, found, rng), found)
    browser.show(width=width, height=height)
    ready(browser, render(tmp_path / "runs", tmp_path / "page.html"))
    first = "#answers > div:nth-child(1)"
    bottoms = [f"#answers > div:nth-child({i}) > div > :first-child" for i in range(1, seen + 1)]
    last = browser.run("return document.querySelector(arguments[0]).getBoundingClientRect().bottom", bottoms[-1])
    assert browser.texts(f"{first} h3") == ["Which is best?"] and last < height
    assert browser.run("return document.querySelectorAll('#forest tbody tr').length") == 40
    rows = "return document.querySelector('#forest').clientHeight / document.querySelector('#forest tr').offsetHeight"
    assert browser.run(rows) > 5, "and some of the rows are seen"


def test_the_four_answers_take_a_line_each_on_a_desk(browser: Browser, html: Path) -> None:
    browser.show(width=1440, height=900)
    ready(browser, html)
    heights = browser.run("return [...document.querySelectorAll('#answers summary')].map((s) => s.offsetHeight)")
    assert len(heights) == 3 and max(heights) < 35, "no line is wrapped"


def test_page_table_answers_csv_and_markdown_show_the_same_digits(browser: Browser, html: Path, runs: Path) -> None:
    """The page rounded twice: 0.05449 became 5.45, then 5.5, where the table said 5.4."""
    found = collect([runs])
    rows = [
        replace(row, estimates=tuple(replace(e, low=0.05449, high=0.78849) for e in row.estimates))
        for row in found.rows
    ]
    from harness.report.payload import page_data

    boards = rank_boards(rows, metric="em@10")
    data, _ = page_data(boards, {}, ())
    place = data["row"].index("estimates")
    ends = {tuple(e[1:3]) for values in data["boards"][0]["rows"] for e in values[place]}
    assert ends == {("5.4", "78.8")}
    assert "[5.4, 78.8]" in markdown(boards).replace("\\", "")
    assert "[5.4, 78.8]" in data["boards"][0]["answers"][0]["short"]
    ready(browser, html)
    forest, table = browser.texts("#forest tbody td.number:not(.cost)"), browser.texts("#table tbody td:nth-child(3)")
    assert forest == table
    lines = list(csv.DictReader(browser.run("return table.csv()").splitlines()))
    assert [f"{one['em@10 *']} [{one['em@10 * low']}, {one['em@10 * high']}]" for one in lines] == table


def told_by_results(root: Path) -> dict[str, dict[str, str]]:
    """By run, what each column has to show: rounded here, from the numbers of `result.json` alone."""
    told = {}
    for path in root.glob("*/result.json"):
        row = json.loads(path.read_text("utf-8"))["row"]
        scores = {
            e["measure"]: f"{100 * e['value']:.2f} [{100 * e['low']:.1f}, {100 * e['high']:.1f}]"
            for e in row["estimates"]
            if e["slice"] is None and e["measure"] in ("em@1", "em@10")
        }
        costs = {cost["phase"]: cost for cost in row["costs"]}
        peak = max(cost["peak_gpu_bytes"] or cost["peak_cpu_bytes"] for cost in row["costs"])
        energy = sum(cost["energy_joules"] or 0 for cost in row["costs"])
        told[row["run_id"]] = scores | {
            "peak GB": f"{peak / 1e9:.2f}",
            "tune s": f"{costs['tune']['seconds']:.0f}" if "tune" in costs else "-",
            "write s": f"{costs['generate']['seconds']:.0f}",
            "Wh": f"{energy / 3600:.1f}" if energy else "-",
            "timeouts": str(row["outcomes"].get(Outcome.TIMED_OUT.value, 0)),
        }
    return told


def cells_of_latex(text: str) -> list[dict[str, str]]:
    """The rows of a board in LaTeX by their heads, put together from all its parts."""
    rows: list[dict[str, str]] = []
    for part in text.split("\\begin{longtable}")[1:]:
        plain = part.replace(r"\allowbreak{}", "").replace("{[}", "[")
        head, *lines = [line[:-3].split(" & ") for line in plain.splitlines() if " & " in line]
        rows = rows or [{} for _ in lines]
        for row, cells in zip(rows, lines, strict=True):
            row |= dict(zip(head, cells, strict=True))
    return rows


def test_page_table_csv_latex_and_markdown_show_the_numbers_of_result_json(
    browser: Browser, runs: Path, render: Callable[..., Path], tmp_path: Path
) -> None:
    told, found = told_by_results(runs), collect([runs])
    options = {"metric": "exact_match", "separate_seeds": True}
    [board] = rank_boards(found.rows, found.folders, **options)
    order = [row.run_id for row in board.rows]
    wanted = [told[name] for name in order]
    assert len(wanted) == 15 and all(len(one) == 7 for one in wanted)

    def shown(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        plain = [{head.removesuffix(" *"): cell for head, cell in row.items()} for row in rows]
        return [{head: row[head] for head in one} for row, one in zip(plain, wanted, strict=True)]

    head, *table = table_rows(board)
    assert shown([dict(zip(head, row, strict=True)) for row in table]) == wanted
    assert shown(cells_of_latex(latex([board], found.folders))) == wanted
    lines = [line.replace("\\", "").strip("| ").split(" | ") for line in markdown([board]).splitlines() if "|" in line]
    assert shown([dict(zip(lines[0], line, strict=True)) for line in lines[2:]]) == wanted

    ready(browser, render(runs, tmp_path / "page.html", **options))
    on_page = {column.title: column.header for column in COLUMNS.values()}
    heads = [on_page.get(text, text) for text in browser.texts("#table thead th")]
    rows = "return [...document.querySelectorAll('#table tbody tr')]"
    cells = browser.run(f"{rows}.map((r) => [...r.cells].map((c) => c.innerText.trim()))")
    assert shown([dict(zip(heads, row, strict=True)) for row in cells]) == wanted

    for line in csv.DictReader(board_csv([board]).splitlines()):
        result = json.loads((runs / line["run"] / "result.json").read_text("utf-8"))["row"]
        [e] = [e for e in result["estimates"] if (e["measure"], e["slice"] or "") == (line["measure"], line["slice"])]
        assert [float(line[name]) for name in ("value", "low", "high")] == [e["value"], e["low"], e["high"]]


def test_costs_have_the_digits_of_the_table_on_a_terminal(browser: Browser, html: Path, runs: Path) -> None:
    found = collect([runs])
    [board] = rank_boards(found.rows, found.folders, metric="em@10")
    head, *rows = table_rows(board)
    ready(browser, html)
    lines = list(csv.reader(browser.run("return table.csv()").splitlines()))
    for column in COLUMNS.values():
        wanted = [row[head.index(column.header)] for row in rows]
        at = browser.texts("#table thead th").index(column.title) + 1
        assert browser.texts(f"#table tbody td:nth-child({at})") == wanted
        saved = [line[lines[0].index(column.title)] for line in lines[1:]]
        assert all(a == b for a, b in zip(saved, wanted, strict=True) if re.fullmatch(r"[\d.]+", b))


def test_two_models_with_one_last_name_are_two_everywhere_on_the_page(browser: Browser, alike_page: Path) -> None:
    ready(browser, alike_page)
    for selector in ("#forest .model", "#table td:nth-child(4)", "#run-a option", "#model option"):
        texts = " ".join(browser.texts(selector))
        assert all(name in texts for name in TWO_OF_A_NAME), selector
    assert "one/final" in browser.texts("#answers")[0]


def test_a_curve_joins_runs_that_differ_in_the_number_of_examples_alone(alike: Path, browser: Browser) -> None:
    found = collect([alike])
    board = next(b for b in rank_boards(found.rows, found.folders, metric="em@10") if not b.rows[0].run.builtin_data)
    names, numbers = curves(board)
    assert sorted(names) == [
        "rag (retriever=bm25) on one/final",
        "rag (retriever=dense) on one/final",
        "rag on two/final",
    ]
    points: dict[str, list[int]] = {name: [] for name in names}
    for row, number in zip(board.rows, numbers, strict=True):
        assert number is not None
        points[names[number]].append(row.run.options["rag"]["n"])
    assert sorted(map(sorted, points.values())) == [[1], [1, 4], [1, 4]]


def test_seeds_are_points_of_one_curve(synthetic: ModuleType) -> None:
    rng = random.Random(0)
    rows = []
    for n, seed in ((1, 1), (1, 2), (8, 1)):
        found = list(synthetic.records(rng, 0.5, 10, examples=n))
        rows.append(synthetic.row(synthetic.run_spec("icl", seed, examples=n), found, rng))
    [board] = rank_boards(rows)
    assert curves(board) == (["icl on coder"], [0, 0, 0])


def test_the_front_keeps_equal_scores_and_shows_two_runs_at_one_place(
    browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    peaks = {"lora": 4, "ia3": 6, "prompt-tuning": 6, "zero-shot": 5}
    for method, peak in peaks.items():
        rng = random.Random(0)
        found = list(synthetic.records(rng, 0.1 if method == "zero-shot" else 0.6, 20))
        row: Row = synthetic.row(synthetic.run_spec(method, 1), found, rng)
        synthetic.write(tmp_path / "runs", replace(row, costs=(Cost("generate", 9.0, peak * 10**9),)), found)
    ready(browser, render(tmp_path / "runs", tmp_path / "page.html", metric="em@10"))
    names = {name.split(" ")[0] for name in browser.texts("#pareto tbody td:first-child")}
    assert names == {"lora", "ia3", "prompt-tuning"}, "equal at a higher cost is not beaten"
    assert len(browser.texts("#pareto .dot")) == 2
    assert any("and 1 more" in text for text in browser.texts("#pareto svg text"))
    assert len(browser.texts("#pareto path.interval")) == 2


def test_a_page_with_real_data_does_not_open_on_the_built_in_sample(browser: Browser, alike_page: Path) -> None:
    ready(browser, alike_page)
    assert browser.run("return document.querySelector('#sample').hidden")
    assert "BUILT-IN" not in browser.texts("#board-facts")[0]
    assert ["BUILT-IN" in text for text in browser.texts("#board option")] == [True, False]


def test_a_problem_is_solved_by_any_match_whatever_ranks_the_board(
    browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    """With em@1 ranking, a problem whose second answer was right counted as unsolved."""
    for number, method in enumerate(("lora", "ia3")):
        rng = random.Random(number)
        found = []
        for record in synthetic.records(rng, 0.5, 6):
            values = {"em@1": 0.0, "em@10": float(number == 0)}
            executions = tuple(replace(e, outcome=Outcome.FAILED) for e in record.executions)
            scores = (replace(record.scores[0], values=values),)
            found.append(replace(record, scores=scores, executions=executions))
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec(method, 1), found, rng), found)
    ready(browser, render(tmp_path / "runs", tmp_path / "page.html", metric="em@1"))
    a = browser.run("return document.querySelector('#run-a').selectedOptions[0].textContent")
    only = f"only {'A' if a.startswith('lora') else 'B'} solved (6)"
    assert only in browser.texts(".sets button")
    assert "whatever k" in " ".join(browser.texts("#explorer p"))


def test_a_cost_has_one_unit_in_csv_and_in_the_table(runs: Path) -> None:
    found = collect([runs])
    boards = rank_boards(found.rows, found.folders, metric="em@10")
    lines = {line["run"]: line for line in csv.DictReader(board_csv(boards).splitlines())}
    for row in boards[0].rows:
        written = next(cost.seconds for cost in row.costs if cost.phase == "generate")
        assert float(lines[row.run_id]["writing"]) == written


@pytest.mark.parametrize(
    "models", [["maker/SmolLM2-135M-Instruct"], ["maker/SmolLM2-135M-Instruct", "x/CodeLlama-7b-hf"]]
)
@pytest.mark.parametrize("width", [1440, 1100])
def test_no_name_lies_over_a_score(
    models: list[str], width: int, browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    """Long options and the name of the model beside them ran into the score."""
    for number, (model, rank) in enumerate((model, rank) for model in models for rank in (16, 64)):
        rng = random.Random(number)
        found = list(synthetic.records(rng, 0.5, 20))
        run = synthetic.run_spec("qlora-4bit", 1, model)
        run = replace(run, options={**run.options, "qlora-4bit": {"learning_rate": 1.6e-5, "r": rank}})
        synthetic.write(tmp_path / "runs", synthetic.row(run, found, rng), found)
    browser.show(width=width, height=900)
    ready(browser, render(tmp_path / "runs", tmp_path / "page.html", metric="em@10"))
    gaps = browser.run(
        "return [...document.querySelectorAll('#forest tbody tr')].map((row) => {"
        "const text = document.createRange(); text.selectNodeContents(row.querySelector('td.number'));"
        "const ends = [...row.querySelectorAll('th > span')].map((e) => e.getBoundingClientRect().right);"
        "return text.getBoundingClientRect().left - Math.max(...ends); })"
    )
    assert len(gaps) == 2 * len(models) and min(gaps) >= 0
    named = browser.texts("#forest .model")
    caption = browser.texts("#forest caption")[0]
    if len(models) == 1:
        assert named == [] and caption.endswith("All on SmolLM2-135M-Instruct.")
    else:
        assert len(named) == 4 and "All on" not in caption


def test_what_the_metric_counted_is_never_marked_as_no_match_though_nobody_can_say_which_it_was(
    browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    """Ten times "no match" stood under "solved": the data was not at hand, or a match took another layout."""
    for number, method in enumerate(("lora", "ia3")):
        rng = random.Random(number)
        found = []
        for record in synthetic.records(rng, 0.5, 6):
            values = {"em@1": 0.0, "em@10": float(number == 0)}
            scores = (replace(record.scores[0], values=values),)
            found.append(replace(record, scores=scores, executions=()))
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec(method, 1), found, rng), found)
    ready(browser, render(tmp_path / "runs", tmp_path / "page.html", metric="em@10"))
    said = browser.texts(".halves > div > .small")
    tags = [set(browser.texts(f".halves > div:nth-child({n}) .tag")) for n in (1, 2)]
    assert [words.partition(", ")[2] for words in said] == ["solved", "not solved"]
    assert tags == [{f"{n}. {word}" for n in range(1, 11)} for word in ("? other text", "✗ no match")]
    assert "Other text: the metric counted one of them" in " ".join(browser.texts("#explorer p"))


def test_a_row_of_several_seeds_says_how_all_of_them_are_made(
    browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    for seed in (1, 2, 3):
        rng = random.Random(seed)
        found = list(synthetic.records(rng, 0.5, 10))
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec("lora", seed), found, rng), found)
    ready(browser, render(tmp_path / "runs", tmp_path / "page.html", metric="em@10"))
    again = browser.texts("#answers > div")[-1]
    assert "--seed 1" in browser.texts("#answers pre")[0]
    assert "That is one of 3 seeds; all: --seed 1,2,3. Data:" in again


def test_of_many_sentences_on_when_tuning_pays_the_first_ones_are_shown(browser: Browser, html: Path) -> None:
    ready(browser, html)
    shown, folded = (browser.texts(f"#break {place} li") for place in ("> ul", "details"))
    assert len(shown) == 5 and folded
    assert browser.texts("#break summary") == [f"{len(folded)} more"]


SMOL = "maker/SmolLM2-135M-Instruct"


@pytest.mark.parametrize("width", [390, 1440])
def test_no_name_of_a_chart_is_cut_by_its_edge(
    width: int, browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    """On a phone "icl on SmolLM2…" began with "cl"."""
    for number, (model, method) in enumerate([(SMOL, "icl"), (SMOL, "rag"), ("x/DEEPSEEK-CODER-MW", "zero-shot")]):
        rng = random.Random(number)
        found = list(synthetic.records(rng, 0.5, 20, examples=3 * (method != "zero-shot")))
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec(method, 1, model), found, rng), found)
    browser.show(width=width, height=844)
    ready(browser, render(tmp_path / "runs", tmp_path / "page.html", metric="em@10"))
    outside = browser.run(
        "return [...document.querySelectorAll('#slices figure > svg text, #curves svg text')].filter((text) => {"
        "const own = text.getBoundingClientRect(), svg = text.ownerSVGElement.getBoundingClientRect();"
        "return own.left < svg.left || own.right > svg.right + 1; }).map((text) => text.textContent)"
    )
    assert outside == []

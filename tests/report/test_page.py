"""The page in a real browser: it sorts, filters and explains, asks nobody for anything, and everyone can use it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from harness.evaluation.runs import read_records
from harness.ranking.boards import Board, rank_boards
from harness.ranking.rows import collect
from harness.records import Outcome
from harness.report import page

if TYPE_CHECKING:
    from tests.report.conftest import Browser


@pytest.fixture(scope="module")
def board(runs: Path) -> Board:
    found = collect([runs])
    [board] = rank_boards(found.rows, found.folders, metric="em@10")
    return board


def column(browser: Browser, key: str) -> list[str]:
    """The texts of a column of the table, by the key of its sort button."""
    return list(
        browser.run(
            "const heads = [...document.querySelectorAll('#table thead th')];"
            "const at = heads.findIndex((h) => h.querySelector(`[data-key='${arguments[0]}']`));"
            "return [...document.querySelectorAll('#table tbody tr')].map((r) => r.children[at].textContent)",
            key,
        )
    )


def test_the_page_asks_nobody_and_complains_of_nothing(opened: Browser, html: Path) -> None:
    opened.click("#theme")
    assert opened.log("browser") == []
    assert opened.requested() == [html.as_uri()]


def test_a_column_is_sorted_by_its_head_and_says_so(opened: Browser) -> None:
    opened.click("[data-key='memory']")
    values = [float(text) for text in column(opened, "memory")]
    assert values == sorted(values) and len(set(values)) > 1
    opened.click("[data-key='memory']")
    assert [float(text) for text in column(opened, "memory")] == sorted(values, reverse=True)
    head = "return document.querySelector(\"[data-key='memory']\").parentElement.getAttribute('aria-sort')"
    assert opened.run(head) == "descending"


def test_the_table_is_sorted_with_the_keyboard_alone(opened: Browser) -> None:
    opened.run("document.querySelector(\"[data-key='rank']\").focus()")
    opened.press("\ue004", "\ue007")  # one head further, Enter
    assert column(opened, "label") == sorted(column(opened, "label"))
    assert opened.run("return document.activeElement.dataset.key") == "label"


def test_filters_keep_what_they_name_and_the_charts_follow(opened: Browser) -> None:
    rows = len(column(opened, "label"))
    opened.choose("#find", "icl n=4")
    assert column(opened, "label") == ["icl (n=4; 2 seeds)"]
    assert opened.run("return document.querySelector('#count').textContent") == f"1 of {rows} runs"
    assert opened.run("return document.querySelectorAll('#curves .legend li').length") == 1
    opened.choose("#find", "")
    opened.choose("#method", "rag")
    assert len(column(opened, "label")) == 2


def test_the_forest_says_where_none_of_the_rows_that_are_shown_may_be_best(opened: Browser) -> None:
    worst = opened.run(
        "return page.boards[0].rows.filter((r) => r[place.rank] > 1).map((r) => page.texts[r[place.label]])[0]"
    )
    opened.choose("#find", worst)
    assert opened.texts("#forest caption")[0].startswith("None of these rows may be best.")
    opened.choose("#find", "")
    assert "may be best (marked)" in opened.texts("#forest caption")[0]


def test_a_row_opens_to_its_command_versions_and_every_measure(opened: Browser, board: Board) -> None:
    opened.click("#table tbody tr button")
    text = opened.run("return document.querySelector('tr.detail').textContent")
    assert f"harness eval --method {board.rows[0].run.method}" in text
    assert "sha256 " + "d" * 64 in text and "torch 2.13.0" in text
    assert "em@10, interview" in text


def test_the_answers_name_the_best_whether_it_is_real_its_cost_and_its_command(opened: Browser, board: Board) -> None:
    text = opened.run("return document.querySelector('#answers').textContent")
    best = board.rows[0].run.method
    assert f"{best} (1 seed) on coder-7b: em@10" in text
    assert "Not found to differ from it" in text and "corrected for all pairs" in text and "p = " in text
    assert "12.5M trainable parameters" in text and "GPU memory" in text
    assert f"harness eval --method {best}" in text


def test_rows_that_may_be_as_good_are_told_with_what_they_cost(synthetic: ModuleType, tmp_path: Path) -> None:
    from harness.plugin_system.registry import Registry
    from harness.report.board_questions import answer_questions

    def lines(sort: str | None) -> list[tuple[str, ...]]:
        found = collect([tmp_path])
        [board] = rank_boards(found.rows, found.folders, metric="em@10", sort=sort)
        return [answer.lines for answer in answer_questions(board, found.folders, Registry())]

    for method, seed, skill in (("lora", 1, 0.6), ("zero-shot", 2, 0.58), ("ia3", 3, 0.02)):
        rng = random.Random(seed)
        made = list(synthetic.records(rng, skill, 100))
        synthetic.write(tmp_path, synthetic.row(synthetic.run_spec(method, 42), made, rng), made)
    best, real, cost, _ = lines(None)
    assert best[0].startswith("Highest is ") and best[1].startswith("Not found to differ from it: ")
    assert "ia3" not in " ".join(best)
    assert ": real" in real[1] and "not decided" in real[0]
    named = [best[0].removeprefix("Highest is "), best[1].split(": ")[1]]
    assert [line.split(" on ")[0] for line in cost] == [words.split(" on ")[0] for words in named]
    assert lines("trainable")[0] == best, "the answer does not depend on how the table is sorted"


def test_rows_with_one_score_are_told_as_equal(synthetic: ModuleType, tmp_path: Path) -> None:
    from harness.plugin_system.registry import Registry
    from harness.report.board_questions import answer_questions

    for method in ("lora", "ia3"):
        rng = random.Random(0)
        made = list(synthetic.records(rng, 0.5, 30))
        synthetic.write(tmp_path, synthetic.row(synthetic.run_spec(method, 42), made, rng), made)
    found = collect([tmp_path])
    [board] = rank_boards(found.rows, found.folders, metric="em@10")
    best, real, *_ = answer_questions(board, found.folders, Registry())
    assert best.lines[0].startswith("None is ahead: em@10 ")
    assert real.lines[0].endswith(": the same on each of 30 problems.")


def test_the_explorer_opens_with_a_kind_of_difference_that_there_is(
    browser: Browser, synthetic: ModuleType, tmp_path: Path, render: Callable[..., Path]
) -> None:
    for method in ("lora", "ia3"):
        rng = random.Random(0)
        made = list(synthetic.records(rng, 0.0, 10))
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec(method, 42), made, rng), made)
    browser.open(render(tmp_path / "runs", tmp_path / "page.html"))
    browser.wait("document.querySelector('#problem h3')")
    assert (
        browser.run("return document.querySelector('.sets [aria-pressed=true]').textContent") == "neither solved (10)"
    )


def test_the_explorer_finds_the_problems_that_only_one_run_solved(opened: Browser, runs: Path, board: Board) -> None:
    other = board.labels.index("zero-shot")
    opened.choose("#run-b", board.rows[other].run_id)
    opened.wait("document.querySelector('#explorer').textContent.includes('B: zero-shot')")
    a, b = ({r.id for r in read_records(runs / board.rows[i].run_id) if _solved(r)} for i in (0, other))
    shown = opened.run("return [...document.querySelectorAll('.list button')].map((b) => b.textContent.trim())")
    assert shown == sorted(a - b, key=int)
    counts = opened.run("return [...document.querySelectorAll('.sets button')].map((b) => b.textContent)")
    assert counts[:4] == [
        f"only A solved ({len(a - b)})",
        f"only B solved ({len(b - a)})",
        f"both solved ({len(a & b)})",
        f"neither solved ({60 - len(a | b)})",
    ]


def _solved(record: Any) -> bool:
    passed = any(execution.outcome is Outcome.PASSED for execution in record.executions)
    return passed or bool(record.scores[0].values["em@10"] == 1)


def test_the_explorer_shows_completions_with_what_went_wrong(opened: Browser) -> None:
    opened.click("[data-set='neither']")
    tags = set(opened.run("return [...document.querySelectorAll('#problem .tag')].map((t) => t.textContent)"))
    assert {tag.partition(" ")[2] for tag in tags} <= {
        f"✗ {kind}" for kind in ("wrong answer", "exception", "timeout", "no code", "not measured")
    }


def test_what_a_model_wrote_is_text_and_never_markup(opened: Browser) -> None:
    for name in ("both", "onlyA", "onlyB", "neither"):
        opened.click(f"[data-set='{name}']")
        opened.run(
            "const first = (b) => b.textContent.trim() === '0';"
            "[...document.querySelectorAll('.list button')].filter(first).forEach((b) => b.click())"
        )
        if "onerror" in opened.run("return document.querySelector('#problem').textContent"):
            break
    else:
        pytest.fail("problem 0 is in no set")
    assert opened.run("return document.title") == "Leaderboard"
    assert opened.run("return document.querySelectorAll('#problem img').length") == 0


def test_the_front_is_what_no_other_run_beats_in_both(opened: Browser) -> None:
    opened.choose("#pareto-cost", "tuning")
    found = opened.run(
        "const c = page.boards[0].main;"
        "const all = table.kept.map((r) => [COSTS.tuning.of(r), r.value(c), r.name]);"
        "const best = all.filter(([x, y]) => !all.some(([a, b]) => b > y && a <= x));"
        "return [best.map((b) => b[2]).sort(),"
        " [...document.querySelectorAll('#pareto tbody tr')].map((r) => r.children[0].textContent).sort()]"
    )
    assert found[0] == found[1] and found[0]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390], ids=["desk", "phone"])
def test_an_accessibility_checker_finds_nothing_serious(
    browser: Browser, html: Path, axe: str, width: int, dark: bool
) -> None:
    browser.show(width=width, height=844, dark=dark)
    browser.open(html)
    browser.wait("document.querySelector('#problem h3')")
    browser.click("#table tbody tr button")
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    browser.run(axe)
    found = browser.run("return axe.run().then((r) => r.violations.map((v) => [v.id, v.impact, v.nodes[0].html]))")
    assert [one for one in found if one[1] in ("serious", "critical")] == []
    assert browser.run("return document.documentElement.dataset.theme") == ("dark" if dark else "light")


def test_a_phone_never_scrolls_sideways(browser: Browser, html: Path) -> None:
    browser.show(width=390, height=844)
    browser.open(html)
    browser.wait("document.querySelector('#problem h3')")
    assert browser.run("return document.documentElement.scrollWidth") == 390


@pytest.mark.slow
def test_ten_thousand_rows_stay_under_ten_megabytes_and_are_drawn_a_page_at_a_time(
    browser: Browser, synthetic: ModuleType, tmp_path: Path, render: Callable[..., Path]
) -> None:
    synthetic.many(tmp_path / "runs", 10_000)
    out = render(tmp_path / "runs", tmp_path / "many.html")
    assert out.stat().st_size < 10_000_000
    browser.open(out)
    browser.wait("document.querySelectorAll('#table tbody tr').length === 100")
    browser.click("[data-key='tuning']")
    browser.choose("#find", "coder-7 lora")
    assert "of 10000 runs" in browser.run("return document.querySelector('#count').textContent")
    assert browser.run("return document.querySelectorAll('#table tbody tr').length") <= 100
    browser.choose("#find", "")
    browser.click("#after")
    assert "101 to 200 shown" in browser.run("return document.querySelector('#count').textContent")
    assert browser.run("return document.querySelectorAll('#pareto circle').length") < 1000
    assert browser.log("browser") == []


def test_no_runs_make_a_page_that_says_so(browser: Browser, tmp_path: Path, render: Callable[..., Path]) -> None:
    out = tmp_path / "empty.html"
    out.write_text(page.render([], {}), "utf-8")
    browser.open(out)
    seen = browser.run("return document.querySelector('main').innerText.trim()")
    assert seen == "There are no finished runs here yet. Make one: harness eval --method lora --task apps"
    assert browser.log("browser") == []


def test_the_same_runs_give_the_same_page(html: Path, runs: Path, tmp_path: Path, render: Callable[..., Path]) -> None:
    assert render(runs, tmp_path / "again.html", metric="em@10").read_bytes() == html.read_bytes()


def test_the_explorer_shows_the_prompt_reference_and_tests_where_the_data_is_at_hand(
    browser: Browser, synthetic: ModuleType, tmp_path: Path, render: Callable[..., Path]
) -> None:
    from dataclasses import replace

    from harness.data import sources as data
    from harness.plugin_system.registry import Registry

    task = Registry().task("conala").plugin
    source = data.open_builtin("conala")
    problems = task.load(source, task.Config())["test"]
    for number, method in enumerate(("lora", "zero-shot")):
        rng = random.Random(number)
        made = list(synthetic.records(rng, 0.5, len(problems)))
        found = [replace(record, id=problem.id) for record, problem in zip(made, problems, strict=True)]
        run = replace(synthetic.run_spec(method, 1, "builtin", builtin=True), data_digest=source.digest)
        folder = synthetic.write(tmp_path / "runs", synthetic.row(run, found, rng), found)
        about = json.loads((folder / "run.json").read_text())
        about["data"]["source"] = source.label
        (folder / "run.json").write_text(json.dumps(about))
    browser.open(render(tmp_path / "runs", tmp_path / "page.html"))
    browser.wait("document.querySelector('#problem h3')")
    browser.click("[data-set='neither']")
    shown = browser.run("return [...document.querySelectorAll('#problem > pre')].map((p) => p.textContent)")
    name = browser.run("return document.querySelector('#problem h3').textContent").removeprefix("Problem ")
    problem = next(p for p in problems if p.id == name)
    assert shown == [task.template(problem), problem.reference]

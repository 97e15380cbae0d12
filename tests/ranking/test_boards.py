"""A leaderboard ranks only what may be ranked, says how sure it is, and never counts what it cannot trust."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from markdown_it import MarkdownIt

from harness.errors import RunError, UsageError
from harness.evaluation import runs
from harness.ranking import latex, ranking, tables, terminal
from harness.ranking.boards import Board, rank_boards
from harness.ranking.rows import collect, row_labels, select
from harness.records import ModelSpec, Row, Sampling, Tuning


def skilled(synthetic: ModuleType, root: Path, skills: dict[str, float], **spec: Any) -> list[Row]:
    """A run with records for each method and skill, the same problems for all."""
    rows = []
    for number, (method, skill) in enumerate(skills.items()):
        rng = random.Random(number)
        found = list(synthetic.records(rng, skill, 200))
        row = synthetic.row(synthetic.run_spec(method, 42, **spec), found, rng)
        synthetic.write(root, row, found)
        rows.append(row)
    return rows


@pytest.fixture
def root(synthetic: ModuleType, tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    skilled(synthetic, folder, {"lora": 0.6, "ia3": 0.58, "zero-shot": 0.05})
    return folder


def boards(root: Path, **options: Any) -> tuple[list[Board], list[str]]:
    found = collect([root])
    return rank_boards(found.rows, found.folders, left_out=found.left_out, **options), found.left_out


def test_rows_that_do_not_differ_share_a_rank_and_a_worse_one_does_not(root: Path) -> None:
    [board], left_out = boards(root, metric="em@10")
    assert not left_out
    assert [row.run.method for row in board.rows][2] == "zero-shot"
    assert board.ranks == (1, 1, 3)
    assert board.basis.startswith("paired tests")


def test_rows_of_one_score_share_their_ranks_however_they_are_found(synthetic: ModuleType, tmp_path: Path) -> None:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.6, 60))
    rows = [synthetic.row(synthetic.run_spec(method, 1), found, rng) for method in ("lora", "ia3")]
    few = list(synthetic.records(rng, 0.1, 60))
    rows.append(synthetic.row(synthetic.run_spec("icl", 1), few, rng))
    # The same score on fewer problems has a wider interval, which reaches the best row where the other's does not.
    main = next(e for e in rows[0].estimates if e.measure == "em@1" and e.slice is None)
    ends = ((0.58, 0.62), (0.4, 0.5), (0.3, 0.59))
    values = (0.6, 0.45, 0.45)
    made = [
        replace(row, estimates=(replace(main, value=value, low=low, high=high),))
        for row, value, (low, high) in zip(rows, values, ends, strict=True)
    ]
    [board] = rank_boards(made, metric="em@1")
    assert board.ranks == (1, 1, 1) and board.ranks_to == (2, 3, 3)


def test_rows_of_other_data_versions_sampling_or_reading_never_share_a_board(synthetic: ModuleType) -> None:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 20))
    run = synthetic.run_spec("lora", 1)
    others = [
        replace(run, data_digest="e" * 64),
        replace(run, task_version="2"),
        replace(run, sampling=Sampling(10, 64, temperature=0.6)),
        replace(run, limit=20),
        replace(run, reading=run.reading + 1),
        replace(run, builtin_data=True),
        replace(run, options={**run.options, "exact_match": {"normalisation": "literal"}}),
    ]
    rows = [synthetic.row(one, found, rng) for one in (run, replace(run, seed=2), *others)]
    sizes = sorted(len(board.rows) for board in rank_boards(rows))
    assert sizes == [1] * len(others) + [2]


def test_a_metric_added_to_one_run_does_not_take_it_off_the_board(synthetic: ModuleType) -> None:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 20))
    run = synthetic.run_spec("lora", 1)
    more = replace(run, seed=2, metrics=("exact_match", "bleu"), options={**run.options, "bleu": {"order": 4}})
    [board] = rank_boards([synthetic.row(one, found, rng) for one in (run, more)])
    assert len(board.rows) == 2


def test_a_run_whose_records_are_torn_is_named_and_left_out(root: Path) -> None:
    folder = next(root.glob("conala-lora-*"))
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    [board], left_out = boards(root)
    assert [row.run.method for row in board.rows] == ["ia3", "zero-shot"]
    assert left_out == [f"{path}: the last line is torn; run the same command again to mend it"]


def test_a_changed_record_is_named_and_never_averaged_in(root: Path) -> None:
    path = next(root.glob("conala-zero-shot-*")) / "records.jsonl"
    path.write_text(path.read_text().replace('"em@1": 0.0', '"em@1": 1.0'))
    [board], [line] = boards(root)
    assert "zero-shot" not in [row.run.method for row in board.rows]
    assert line.startswith(f"{path}: gives em@1 1.000000 on 200 problems, result.json has 0.0")


def test_on_a_board_of_any_size_a_run_whose_records_are_not_those_of_its_result_is_named(
    synthetic: ModuleType, tmp_path: Path
) -> None:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 10))
    for seed in range(ranking.PAIRED_ROWS + 2):
        folder = synthetic.write(tmp_path, synthetic.row(synthetic.run_spec("lora", seed), found, rng), found)
        result = json.loads((folder / "result.json").read_text())
        result["records_sha256"] = hashlib.sha256((folder / "records.jsonl").read_bytes()).hexdigest()
        (folder / "result.json").write_text(json.dumps(result))
    one, other = sorted(tmp_path.iterdir())[:2]
    records = (one / "records.jsonl").read_text()
    (one / "records.jsonl").write_text(records.replace("guess", "gUess", 1))
    (other / "records.jsonl").unlink()
    [board], left_out = boards(tmp_path, separate_seeds=True)
    assert len(board.rows) == ranking.PAIRED_ROWS
    assert left_out == [
        f"{one}/records.jsonl: not what result.json was computed from: changed or torn; "
        "delete the folder to run it again",
        f"{other}/records.jsonl: no such file",
    ]


def test_a_lost_record_is_named(root: Path) -> None:
    path = next(root.glob("conala-ia3-*")) / "records.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    _, [line] = boards(root)
    assert line.startswith(f"{path}: gives em@1") and "on 199 problems" in line


def test_deleting_one_run_folder_changes_only_its_row(root: Path) -> None:
    def lines() -> dict[str, Any]:
        [board], _ = boards(root)
        return {row.run_id: row for row in board.rows}

    before = lines()
    gone = next(root.glob("conala-ia3-*"))
    shutil.rmtree(gone)
    assert lines() == {name: row for name, row in before.items() if name != gone.name}


def test_a_run_that_is_there_twice_counts_once_and_is_named(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    found = collect([root, copy])
    assert len(found.rows) == 3
    assert all("the same run as" in line for line in found.left_out) and len(found.left_out) == 3


def test_a_result_of_another_schema_is_named(root: Path) -> None:
    path = next(root.glob("conala-lora-*")) / "result.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    found = collect([root])
    assert found.left_out == [f"{path}: schema 99, this harness reads 1"]


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder; run something first"):
        collect([tmp_path / "nothing"])


def test_a_mistyped_metric_or_cost_gets_a_suggestion(root: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'em@10'"):
        boards(root, metric="em@100")
    with pytest.raises(UsageError, match="Did you mean 'memory'"):
        boards(root, sort="memry")


def test_rows_are_selected_by_task_method_and_model_and_a_mistyped_name_gets_a_suggestion(root: Path) -> None:
    rows = collect([root]).rows
    assert [row.run.method for row in select(rows, methods=["lora"])] == ["lora"]
    assert len(select(rows, tasks=["conala"], models=["coder"])) == 3
    assert len(select(rows, models=["example/coder"])) == 3
    assert select([], tasks=["conala"]) == []
    alike = [replace(row, run=replace(row.run, model=ModelSpec(f"/data/{i}/final"))) for i, row in enumerate(rows)]
    assert select(alike, models=["1/final"]) == alike[1:2] and select(alike, models=["final"]) == alike
    for given, hint in (
        ({"methods": ["lroa"]}, "no method in these runs 'lroa'. Did you mean 'lora'"),
        ({"tasks": ["conalla"]}, "no task in these runs 'conalla'. Did you mean 'conala'"),
        ({"models": ["codr"]}, "no model in these runs 'codr'. Did you mean 'coder'"),
    ):
        with pytest.raises(UsageError, match=hint):
            select(rows, **given)  # type: ignore[arg-type]


def test_sorting_by_a_cost_keeps_the_ranks(root: Path) -> None:
    [board], _ = boards(root, sort="trainable", metric="em@10")
    assert board.rows[0].run.method == "zero-shot"
    assert board.ranks[0] == 3


def test_of_equal_scores_the_one_that_costs_fewer_tokens_comes_first(synthetic: ModuleType) -> None:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 20))
    rows = [synthetic.row(synthetic.run_spec("icl", 1, examples=n), found, rng) for n in (8, 1, 4)]
    dear = [
        replace(row, costs=tuple(replace(c, tokens_in=c.tokens_in * n) for c in row.costs))
        for row, n in zip(rows, (8, 1, 4), strict=True)
    ]
    [board] = rank_boards(dear)
    assert [row.run.options["icl"]["n"] for row in board.rows] == [1, 4, 8]


def test_a_board_shows_main_measures_or_everything_of_the_metric_that_is_asked_for(synthetic: ModuleType) -> None:
    rng = random.Random(0)
    row = synthetic.row(synthetic.run_spec("lora", 1), list(synthetic.records(rng, 0.5, 20)), rng)
    part = replace(row.estimates[0], slice="hard")
    row = replace(row, estimates=(*row.estimates, part, replace(part, metric="bleu", measure="bleu", slice=None)))

    def shown(**options: str) -> list[Any]:
        [board] = rank_boards([row], **options)
        return [column[1:] for column in board.columns]

    assert shown() == [("em@1", None), ("em@10", None), ("bleu", None)]
    em = [(f"em@{k}{variant}", None) for variant in ("", "/literal") for k in (1, 10)]
    assert shown(metric="exact_match") == em
    assert shown(metric="em@10/literal") == [("em@10/literal", None)] and shown(metric="bleu") == [("bleu", None)]


def test_labels_tell_rows_of_one_method_apart_by_what_differs(synthetic: ModuleType) -> None:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 10))
    specs = [synthetic.run_spec("icl", seed, examples=n) for seed in (1, 2) for n in (4, 8)]
    rows = [synthetic.row(run, found, rng) for run in specs]
    assert row_labels(rows) == [f"icl (n={n}, seed={seed})" for seed in (1, 2) for n in (4, 8)]
    assert row_labels(rows[:1]) == ["icl"]


def test_a_learning_rate_stands_once_in_a_label_though_it_is_an_option_and_a_setting(synthetic: ModuleType) -> None:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 10))
    specs = []
    for rate in (1e-4, 1e-3):
        run = synthetic.run_spec("lora", 1)
        options = {**run.options, "lora": {**run.options.get("lora", {}), "learning_rate": rate}}
        specs.append(replace(run, options=options, tuning=Tuning(learning_rate=rate)))
    rows = [synthetic.row(run, found, rng) for run in specs]
    assert row_labels(rows) == ["lora (learning_rate=0.0001)", "lora (learning_rate=0.001)"]


def test_more_rows_than_can_be_tested_are_ranked_by_intervals_and_it_is_said(
    synthetic: ModuleType, tmp_path: Path
) -> None:
    synthetic.many(tmp_path, ranking.PAIRED_ROWS + 1)
    [board], _ = boards(tmp_path)
    assert "more than 64 rows" in board.basis
    values = [board.column(row, board.ranked_by) for row in board.rows]
    for one, first, last in zip(values, board.ranks, board.ranks_to, strict=True):
        assert one is not None and one.low is not None and one.high is not None
        better = sum(other is not None and (other.low or 0) > one.high for other in values)
        worse = sum(other is not None and (other.high or 0) < one.low for other in values)
        assert first is not None and last is not None
        assert 1 <= first <= 1 + better and len(values) - worse <= last <= len(values)


def test_json_holds_the_row_its_place_and_how_to_make_it_again(root: Path) -> None:
    found, _ = boards(root)
    folders = collect([root]).folders
    parsed = json.loads("\n".join(tables.json_lines(found, folders)))
    assert [one["rank"] for one in parsed] == [1, 1, 3]
    first = parsed[0]
    assert first["command"].startswith("harness eval --method ")
    assert first["versions"]["torch"] == "2.13.0" and first["run"]["data_digest"] == "d" * 64
    assert runs.read_row(Path(first["folder"])).run_id == first["run_id"]


def test_csv_has_a_line_for_each_measure_with_costs(root: Path) -> None:
    found, _ = boards(root)
    lines = list(csv.DictReader(tables.csv(found).splitlines()))
    assert len(lines) == 3 * 4
    lora = next(one for one in lines if one["method"] == "lora" and one["measure"] == "em@10")
    assert float(lora["low"]) <= float(lora["value"]) <= float(lora["high"])
    assert lora["trainable"] == "12500000.0" and int(lora["timeouts"]) > 0


def test_markdown_renders_with_every_cell_in_its_column(root: Path) -> None:
    found, _ = boards(root)
    html = MarkdownIt("commonmark").enable("table").render(tables.markdown(found, collect([root]).folders))
    width = len(tables.table_rows(found[0])[0])
    assert html.count("<th>") == width and html.count("<td>") == 3 * width
    assert html.count("harness eval --method") == 3


def test_a_board_of_the_built_in_sample_says_so_in_every_form(synthetic: ModuleType, tmp_path: Path) -> None:
    skilled(synthetic, tmp_path, {"lora": 0.5}, builtin=True)
    found, _ = boards(tmp_path)
    for form in (terminal.text, tables.markdown, latex.latex):
        assert "BUILT-IN SAMPLE" in form(found)


def test_compare_names_both_runs_and_decides_each_main_measure(root: Path) -> None:
    from click.testing import CliRunner

    from harness.cli import cli

    folders = [next(root.glob(f"conala-{method}-*")) for method in ("lora", "zero-shot")]
    text = CliRunner().invoke(cli, ["compare", *map(str, folders)], catch_exceptions=False).output
    head = f"A  {folders[0].name}\nB  {folders[1].name}\nsettings that differ: method: A lora, B zero-shot\n"
    assert text.startswith(f"{head}\nem@1: A 10.00, B 0.50 on 200")
    assert text.count("decided at 5 %") == 2
    whole = CliRunner().invoke(cli, ["compare", "--json", *map(str, folders)], catch_exceptions=False).output
    assert [one["measure"] for one in json.loads(whole)] == ["em@1", "em@10", "em@1/literal", "em@10/literal"]


def test_compare_refuses_runs_whose_records_were_changed(root: Path) -> None:
    from harness.ranking.comparison import compare_runs

    path = next(root.glob("conala-lora-*/records.jsonl"))
    path.write_text(path.read_text().replace('"em@1": 0.0', '"em@1": 1.0'))
    with pytest.raises(RunError, match="the records were changed"):
        compare_runs([path.parent], [next(root.glob("conala-ia3-*"))])

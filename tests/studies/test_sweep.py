"""Studies that choose a setting: every method of the fair study under its default and under its best learning rate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import files
from harness.cli import cli
from harness.errors import UsageError
from harness.evaluation import executor, runs
from harness.plugin_system.registry import Registry
from harness.plugins.studies.fair import Fair
from harness.report.exhibits import StudyResults
from harness.report.results import load_results
from harness.studies import study
from harness.studies.runner import CellLog

ROWS = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(20)]
STUDY = """
title = "A sweep"
shows = ["fair"]
[[grid]]
task = ["conala"]
method = ["lora"]
seed = [1, 2]
candidates = 2
max_new_tokens = 4
k = [1]
[grid.options]
"lora.epochs" = [1]
{sweep}
"""


def harness(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(cli, words, catch_exceptions=True)
    assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
    return done.output


@pytest.fixture
def words(tmp_path: Path, tiny_model: Path) -> list[str]:
    for split, part in {"train": ROWS[:12], "dev": ROWS[12:15], "test": ROWS[15:]}.items():
        (tmp_path / "conala").mkdir(exist_ok=True)
        (tmp_path / "conala" / f"{split}.json").write_text(json.dumps(part), "utf-8")
    rates = '[grid.sweep]\n"lora.learning_rate" = [0.0001, 0.01]\n"ia3.learning_rate" = [1.0]'
    (tmp_path / "s.toml").write_text(STUDY.format(sweep="") + STUDY.split("\n", 3)[3].format(sweep=rates), "utf-8")
    more = ["--model", str(tiny_model), "--data", f"conala={tmp_path / 'conala'}", "--runs", str(tmp_path / "runs")]
    return [str(tmp_path / "s.toml"), *more]


def test_a_swept_cell_runs_with_what_validation_chose_and_the_report_sets_it_beside_the_default(
    words: list[str], tmp_path: Path
) -> None:
    assert "4 of 4 cells finished" in harness("study", "run", *words)
    rows = [runs.read_row(folder) for folder in runs.finished(tmp_path / "runs")]
    rates = {(row.run.seed, row.run.options["lora"]["learning_rate"]) for row in rows}
    tried = [folder for folder in (tmp_path / "runs").iterdir() if (folder / "sweep.json").is_file()]
    assert len(tried) == 2
    (chosen,) = [s["options"] for s in files.read_json(tried[0] / "sweep.json")["settings"] if s["chosen"]]
    rate = float(chosen[0].partition("=")[2])
    assert rates == {(seed, one) for seed in (1, 2) for one in (0.0003, rate)}
    again = harness("study", "run", *words)
    assert "4 of 4 cells finished" in again
    harness("study", "report", *words)
    report = (tmp_path / "runs" / "studies" / "s" / "report" / "report.md").read_text("utf-8").replace("\\_", "_")
    lines = [line for line in report.splitlines() if "| LoRA |" in line and "learning_rate" in line]
    assert len(lines) == 1
    assert f"learning_rate {rate:g}" in lines[0]
    assert [line for line in report.splitlines() if "| LoRA | default |" in line]


def test_the_runs_of_a_cell_swept_or_not_are_written_at_once_for_all_seeds_where_that_saves_time(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "gpu_available", lambda: True)
    assert "4 of 4 cells finished" in harness("study", "run", *words)
    folders = runs.finished(tmp_path / "runs")
    together = {folder.name: files.read_json(folder / "batch.json").get("together", []) for folder in folders}
    swept = {folder.name for folder in folders if (folder / "sweep.json").is_file()}
    plain = together.keys() - swept
    assert {name: set(others) for name, others in together.items()} == {
        **dict.fromkeys(swept, swept),
        **dict.fromkeys(plain, plain),
    }
    assert "4 of 4 cells finished" in harness("study", "run", *words)


def test_a_setting_that_cannot_win_ends_early_and_the_report_counts_no_hours_for_what_it_did_not_take(
    words: list[str], tmp_path: Path
) -> None:
    text = STUDY.format(sweep='[grid.sweep]\n"lora.learning_rate" = [0.0000001, 0.03]')
    text = text.replace('"lora.epochs" = [1]', '"lora.epochs" = [4]').replace("k = [1]", "k = [1]\nstop_losers = true")
    Path(words[0]).write_text(text, "utf-8")
    assert "2 of 2 cells finished" in harness("study", "run", *words)
    made = list(runs.finished(tmp_path / "runs"))
    found = files.read_json(made[0] / "sweep.json")
    assert [one.get("ended_after_steps") for one in found["settings"]] == [2, None]
    assert found["saved_share_of_steps"] == 6 / 16
    registry = Registry()
    cells = study.load(words[0], registry).with_model(words[2]).cells(data={"conala": tmp_path / "conala"})
    results = load_results(cells, tmp_path / "runs", CellLog(tmp_path / "runs", "s"), registry)
    rows = [one.row for one in results if one.row is not None]
    slow = [replace(row, costs=tuple(replace(cost, seconds=3600.0) for cost in row.costs)) for row in rows]
    results = [replace(one, row=row) for one, row in zip(results, slow, strict=True)]
    (line,) = Fair().exhibits()["fair"](StudyResults(results, registry)).lines
    phases = sum(cost.phase == "tune" for row in slow for cost in row.costs)
    assert line.values[-1].ours == f"{2 * (1 - 6 / 16) * phases:.2f}"


def test_the_fair_study_gives_every_tuning_method_five_rates_with_its_default_among_them() -> None:
    registry = Registry()
    cells = study.load("fair", registry).cells()
    swept = {cell.request.method: cell.sweep for cell in cells if cell.sweep}
    assert set(swept) == {"lora", "ia3", "prompt-tuning", "prefix-tuning", "qlora-8bit", "qlora-4bit", "full-ft"}
    for method, ((name, values),) in swept.items():
        default = registry.method(method).plugin.Config().learning_rate
        assert name == f"{method}.learning_rate"
        assert len(set(values)) == 5
        assert float(values[0]) == default, "of equal losses the default is chosen"
    seeds = {(cell.request.method, cell.request.seed) for cell in cells if cell.sweep}
    assert len(seeds) == 3 * len(swept)


def test_a_sweep_makes_no_cells_and_its_cell_is_another_than_the_default(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(STUDY.format(sweep='[grid.sweep]\n"lora.learning_rate" = [1.0, 2.0]'), "utf-8")
    swept = study.load(str(file)).cells()
    file.write_text(STUDY.format(sweep=""), "utf-8")
    plain = study.load(str(file)).cells()
    assert len(swept) == len(plain) == 2
    assert {cell.id for cell in swept}.isdisjoint(cell.id for cell in plain)
    assert "best lora.learning_rate of 2" in swept[0].description


@pytest.fixture
def select_words(words: list[str], tmp_path: Path) -> list[str]:
    """The swept grid alone, whose setting a metric chooses, and a method beside it of which nothing is swept."""
    text = STUDY.format(sweep='[grid.sweep]\n"lora.learning_rate" = [0.0001, 0.01]')
    text = text.replace('method = ["lora"]', 'method = ["lora", "zero-shot"]\nselect = "edit_similarity"')
    Path(words[0]).write_text(text, "utf-8")
    return words


def test_a_metric_on_the_validation_problems_chooses_the_setting_of_a_cell(
    select_words: list[str], tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    assert "4 of 4 cells finished" in harness("study", "run", *select_words)
    assert len(list((root / "validations").iterdir())) == 4
    tried = {
        folder.name: files.read_json(folder / "sweep.json")
        for folder in root.iterdir()
        if (folder / "sweep.json").is_file()
    }
    assert len(tried) == 2
    for found in tried.values():
        assert found["metric"] == "edit_similarity"
        means = [sum(one["validation_values"]) / 2 for one in found["settings"]]
        assert [one["chosen"] for one in found["settings"]].index(True) == means.index(max(means))
    made = {folder.name for folder in runs.finished(root)}
    costs = {path: path.read_bytes() for path in root.glob("validations/*/costs.jsonl")}
    assert "4 of 4 cells finished" in harness("study", "run", *select_words)
    assert {folder.name for folder in runs.finished(root)} == made
    assert {path: path.read_bytes() for path in costs} == costs
    harness("study", "report", *select_words)


def test_a_cell_whose_validation_runs_fail_says_why_and_the_same_command_goes_on(
    select_words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "validations").write_text("in the way")
    said = harness("study", "run", *select_words, status=1)
    assert "2 of 4 cells finished" in said
    assert said.count("validations") >= 2
    (tmp_path / "runs" / "validations").unlink()
    tunings = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("tunings/*/tuning.json")}
    assert "4 of 4 cells finished" in harness("study", "run", *select_words)
    assert {path: path.stat().st_mtime_ns for path in tunings} == tunings


def test_a_metric_that_chooses_changes_no_cell_of_which_nothing_is_swept(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    sweep = '[grid.sweep]\n"lora.learning_rate" = [1.0, 2.0]'
    text = STUDY.replace('method = ["lora"]', 'method = ["lora", "zero-shot"]')
    file.write_text(text.format(sweep=sweep), "utf-8")
    by_loss = study.load(str(file)).cells()
    file.write_text(text.replace("k = [1]", 'k = [1]\nselect = "bleu"').format(sweep=sweep), "utf-8")
    by_metric = study.load(str(file)).cells()
    same = {cell.id for cell in by_loss} & {cell.id for cell in by_metric}
    assert same == {cell.id for cell in by_loss if cell.request.method == "zero-shot"}
    assert "best lora.learning_rate of 2 by bleu" in by_metric[0].description


@pytest.mark.parametrize(
    ("select", "sweep", "says"),
    [
        ('select = "bleu"', "", "select: it is for the settings of a sweep; add a table sweep or leave it out"),
        ('select = ["bleu", "chrf"]', '[grid.sweep]\n"lora.r" = [1, 2]', "select: expected str, found"),
    ],
)
def test_a_metric_that_cannot_choose_is_named_with_its_file(tmp_path: Path, select: str, sweep: str, says: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(STUDY.replace("k = [1]", f"k = [1]\n{select}").format(sweep=sweep), "utf-8")
    with pytest.raises(UsageError, match=r"s\.toml, \[\[grid\]\]: ") as raised:
        study.load(str(file))
    assert says in str(raised.value)


def test_cells_whose_metric_is_unknown_or_lacks_something_say_so_before_anything_is_tuned(
    select_words: list[str], tmp_path: Path
) -> None:
    text = Path(select_words[0]).read_text("utf-8")
    for metric, says in (
        ("edit_similarty", "Did you mean 'edit_similarity'?"),
        ("pass_at_k", "no validation problem has tests"),
    ):
        Path(select_words[0]).write_text(text.replace("edit_similarity", metric).replace('"zero-shot"', ""), "utf-8")
        assert says in harness("study", "run", *select_words, status=1)
    assert not (tmp_path / "runs" / "tunings").exists()


def test_the_option_of_a_method_that_tunes_nothing_is_not_swept(words: list[str], tmp_path: Path) -> None:
    text = Path(words[0]).read_text("utf-8").replace('"lora"', '"icl"').replace('"ia3.learning_rate"', '"icl.n"')
    Path(words[0]).write_text(text.replace('"lora.epochs" = [1]', "").replace("[1.0]", "[1, 2]"), "utf-8")
    assert "icl tunes nothing" in harness("study", "run", *words, status=1)


def test_a_model_stands_in_for_those_of_the_grids_but_not_for_the_built_in_one() -> None:
    one = study.load("fair").with_model("owner/other")
    assert {cell.request.model for cell in one.cells()} == {"owner/other"}
    assert {cell.request.model for cell in one.cells(builtin=True)} == {None}
    done = CliRunner().invoke(cli, ["study", "run", "fair", "--builtin", "--model", "owner/other"])
    assert done.exit_code == 2
    assert "leave --model out" in done.output

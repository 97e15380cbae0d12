"""Studies that choose a setting: every method of the fair study under its default and under its best learning rate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import files
from harness.cli import cli
from harness.evaluation import runs
from harness.plugin_system.registry import Registry
from harness.studies import study

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
    lines = [line for line in report.splitlines() if "| lora |" in line and "learning_rate" in line]
    assert len(lines) == 1
    assert f"learning_rate {rate:g}" in lines[0]
    assert [line for line in report.splitlines() if "| lora | default |" in line]


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

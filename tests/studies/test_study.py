"""A study expands its grid, skips what is finished, continues what is broken, and outlives cells that fail."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.evaluation import executor, runs
from harness.evaluation.plan import RunPlan
from harness.modeling.bases import LoadedBases
from harness.plugin_system.registry import Registry
from harness.ranking.rows import collect
from harness.records import Row
from harness.studies import runner, study
from harness.studies.forecast import forecast_cells
from tests import warm

GRID = """
title = "Small"
[[grid]]
task = ["conala"]
model = ["{model}"]
method = ["zero-shot", "lora"]
seed = [1, 2]
limit = 8
candidates = 2
max_new_tokens = 4
k = [1, 2]
metric = ["exact_match"]
options = {{ "lora.r" = [2], "lora.epochs" = 1 }}
"""


@pytest.fixture(scope="module")
def conala(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conala")
    rows = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(36)]
    for split, part in {"train": rows[:16], "dev": rows[16:24], "test": rows[24:]}.items():
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    return folder


@pytest.fixture
def file(tmp_path: Path, tiny_model: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(GRID.format(model=tiny_model))
    return path


def run(file: Path, conala: Path, root: Path) -> list[runner.CellOutcome]:
    one = study.load(str(file))
    registry = Registry()
    planned = runner.plan_cells(one.cells(data={"conala": conala}), registry, root)
    return list(runner.run_cells(planned, registry, runner.CellLog(root, one.name), lambda _: None))


def test_a_grid_expands_to_every_combination_and_options_go_where_their_plugin_is(file: Path) -> None:
    found = study.load(str(file)).cells()
    asked = [(cell.request.method, cell.request.seed, cell.sets) for cell in found]
    tuned = ("lora.r=2", "lora.epochs=1")
    assert asked == [("zero-shot", 1, ()), ("zero-shot", 2, ()), ("lora", 1, tuned), ("lora", 2, tuned)]


def test_a_study_runs_every_cell_loads_the_base_once_and_skips_what_is_finished(
    file: Path, conala: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.modeling import base as model

    loads = []
    load = model.load
    monkeypatch.setattr(model, "load", lambda *words: loads.append(1) or load(*words))
    first = run(file, conala, tmp_path / "runs")
    assert [one.state for one in first] == ["finished"] * 4
    assert len(loads) == 1
    again = run(file, conala, tmp_path / "runs")
    assert [(one.state, one.seconds) for one in again] == [("finished", 0.0)] * 4
    assert len(loads) == 1


def test_two_runs_with_the_same_seed_give_the_same_rows_and_records(file: Path, conala: Path, tmp_path: Path) -> None:
    roots = [tmp_path / "one", tmp_path / "two"]
    for root in roots:
        run(file, conala, root)
    one, two = (collect([root]) for root in roots)
    assert [row.estimates for row in one.rows] == [row.estimates for row in two.rows]
    for name in one.folders:
        assert (one.folders[name] / "records.jsonl").read_bytes() == (two.folders[name] / "records.jsonl").read_bytes()


def test_a_cell_that_fails_is_recorded_with_its_reason_and_the_others_are_run(
    file: Path, conala: Path, tmp_path: Path
) -> None:
    file.write_text(file.read_text().replace('"zero-shot", "lora"', '"nosuch", "zero-shot"'))
    root = tmp_path / "runs"
    ended = run(file, conala, root)
    assert sorted(one.state for one in ended) == ["failed", "failed", "finished", "finished"]
    lines = runner.CellLog(root, "small").last().values()
    reasons = {line["reason"] for line in lines if line["state"] == "failed"}
    assert len(reasons) == 1 and "no method 'nosuch'" in reasons.pop()


def test_a_crash_inside_a_cell_does_not_stop_the_study(
    file: Path, conala: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    evaluate = executor.evaluate

    def crashing(*words: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError("in the middle")
        return evaluate(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(executor, "evaluate", crashing)
    ended = run(file, conala, tmp_path / "runs")
    assert [one.state for one in ended].count("failed") == 1
    assert [one.reason for one in ended if one.reason] == ["ZeroDivisionError: in the middle"]
    assert [one.state for one in run(file, conala, tmp_path / "runs")] == ["finished"] * 4


def test_a_study_killed_in_the_middle_ends_with_the_same_rows(file: Path, conala: Path, tmp_path: Path) -> None:
    root, whole = tmp_path / "killed", tmp_path / "whole"
    words = ["study", "run", str(file), "--data", f"conala={conala}", "--runs", str(root)]
    environ = {**os.environ, "HARNESS_PLUGINS": ""}
    process = warm.start(*words, environ=environ)
    deadline = time.monotonic() + 120
    while not list(root.glob("*/result.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    assert len(list(root.glob("*/result.json"))) < 4
    done = warm.harness(*words, environ=environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"small: 4 of 4 cells finished, in {root}\n"
    report = f"its report: harness study report {file} --data conala={conala} --runs {root}"
    assert done.stderr.splitlines()[-1] == report
    run(file, conala, whole)
    one, two = (collect([folder]) for folder in (root, whole))
    assert [made(row) for row in one.rows] == [made(row) for row in two.rows]


def made(row: Row) -> object:
    """What a row says beside the time it took."""
    tokens = [(cost.tokens_in, cost.tokens_out) for cost in row.costs if cost.phase == "generate"]
    return row.run_id, row.estimates, tokens, row.outcomes, row.trainable_parameters, row.examples


def test_a_dry_run_forecasts_each_cell_and_leaves_nothing_behind(file: Path, conala: Path, tmp_path: Path) -> None:
    registry = Registry()
    root, probes = tmp_path / "runs", tmp_path / "probes"
    planned = runner.plan_cells(study.load(str(file)).cells(data={"conala": conala}), registry, root)
    found = list(forecast_cells(planned, registry, probes))
    assert all(cost.seconds and cost.seconds > 0 and cost.peak_bytes for _, cost in found)
    assert not root.exists()
    limits = sorted(runs.read_row(folder).run.limit or 0 for folder in runs.finished(probes))
    assert limits == [1, 8, 8]  # to warm up, then one for each method, not for each seed


def test_a_probe_that_fails_spoils_no_other(
    file: Path, conala: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, evaluate = [], executor.evaluate

    def crashing(plan: RunPlan, registry: Registry, root: Path, bases: LoadedBases) -> Row:
        used.append(bases)
        if plan.tuner is not None:
            raise ZeroDivisionError("half an adapter on the base")
        return evaluate(plan, registry, root, bases)

    monkeypatch.setattr(executor, "evaluate", crashing)
    file.write_text(file.read_text().replace('"zero-shot", "lora"', '"lora", "zero-shot"'))
    registry = Registry()
    planned = runner.plan_cells(study.load(str(file)).cells(data={"conala": conala}), registry, tmp_path / "runs")
    planned.sort(key=lambda one: one.cell.request.method)
    found = {one.cell.request.method: cost for one, cost in forecast_cells(planned, registry, tmp_path / "probes")}
    assert found["lora"].why == "ZeroDivisionError: half an adapter on the base" and found["lora"].seconds is None
    assert found["zero-shot"].seconds is not None
    assert len({id(bases) for bases in used}) == len(used) == 3, "nothing is left of a failed probe"


MISTAKES = {
    "title = ": "not TOML",
    "gird = 1": "Did you mean 'grid'",
    "[[grid]]\ntask = ['conala']": "needs method",
    "[[grid]]\ntask = ['conala']\nmethod = ['lora']\nsede = 1": "Did you mean 'seed'",
    "[[grid]]\ntask = ['conala']\nmethod = ['lora']\nseed = ['x']": "seed: expected int, found 'x'",
    "[[grid]]\ntask = ['conala']\nmethod = ['lora']\nlimit = true": "limit: expected int, found True",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_a_study_file_is_one_line_with_its_place(text: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        study.load(str(path))
    assert MISTAKES[text] in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistyped_study_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="Did you mean 'rq1'"):
        study.load("rq11")


def test_data_for_a_task_that_the_study_has_not_is_refused(file: Path, conala: Path) -> None:
    with pytest.raises(UsageError, match="no task in the study 'small' 'apps'"):
        study.load(str(file)).cells(data={"apps": conala})


def test_a_list_of_studies_is_told_without_loading_anything_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom harness.cli import cli\n"
        "print(CliRunner().invoke(cli, ['study', 'list']).output)\n"
        "print([m for m in ('torch', 'transformers', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    assert all(name in done.stdout for name in ("rq1", "rq2", "rq3", "rq4", "fig2"))


def planned_cell(cell: study.Cell, state: str = runner.NEW) -> runner.PlannedCell:
    return runner.PlannedCell(cell, None, state, runner.cell_job(cell, Path()))


def outcome(cell: study.Cell, state: str, seconds: float) -> runner.CellOutcome:
    return runner.CellOutcome(cell, state, seconds)


def test_the_expected_end_goes_by_cells_that_took_their_time_not_by_those_that_failed_at_once(file: Path) -> None:
    from harness.studies.progress import ProgressReporter

    planned = [
        runner.PlannedCell(cell, None, runner.NEW, runner.cell_job(cell, Path()))
        for cell in study.load(str(file)).cells()
    ]
    reporter = ProgressReporter("small", planned)
    reporter.ended(outcome(planned[0].cell, runner.FAILED, 0.0))
    assert reporter.summary == "0 of 4 done, 1 failed"
    reporter.ended(outcome(planned[1].cell, runner.FINISHED, 300.0))
    assert reporter.summary == "1 of 4 done, 1 failed, about 10 min left (2 cells like none before)"
    reporter.ended(outcome(planned[2].cell, runner.FINISHED, 100.0))
    assert reporter.summary == "2 of 4 done, 1 failed, about 1 min 40 s left"


def test_the_expected_end_goes_by_cells_of_the_same_method_and_by_what_is_done_of_the_one_that_runs(
    file: Path,
) -> None:
    from harness.studies.progress import ProgressReporter

    planned = [planned_cell(cell) for cell in study.load(str(file)).cells()]
    assert [one.cell.request.method for one in planned] == ["zero-shot", "zero-shot", "lora", "lora"]
    reporter = ProgressReporter("small", planned)
    assert reporter.remaining(0.0) is None
    reporter.ended(outcome(planned[0].cell, runner.FINISHED, 30.0))
    assert reporter.remaining(0.0) == (90.0, 2)
    reporter.ended(outcome(planned[2].cell, runner.FINISHED, 600.0))
    assert reporter.remaining(0.0) == (630.0, 0)
    reporter.started(planned[3].cell)
    assert reporter.summary.startswith("2 of 4 done, 1 running, 0 failed, about ")
    found = reporter.remaining(time.monotonic() + 400.0)
    assert found is not None and found[0] == pytest.approx(230.0, abs=30.0)


def test_cells_that_were_finished_before_say_nothing_about_the_pace(file: Path) -> None:
    from harness.studies.progress import ProgressReporter

    states = (runner.FINISHED, runner.NEW, runner.NEW, runner.NEW)
    every = study.load(str(file)).cells()
    planned = [
        runner.PlannedCell(cell, "run", state, runner.cell_job(cell, Path()))
        for cell, state in zip(every, states, strict=True)
    ]
    reporter = ProgressReporter("small", planned)
    reporter.ended(outcome(planned[0].cell, runner.FINISHED, 0.0))
    assert reporter.summary == "1 of 4 done, 0 failed"
    reporter.ended(outcome(planned[1].cell, runner.FINISHED, 600.0))
    assert reporter.summary == "2 of 4 done, 0 failed, about 20 min left (2 cells like none before)"


def test_a_dry_run_says_how_many_cells_are_left_and_how_many_cannot_run(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from harness.cli import cli

    path = tmp_path / "wrong.toml"
    path.write_text("[[builtin]]\ntask = ['conala']\nmethod = ['loora', 'lorra']\n")
    words = ["study", "run", str(path), "--builtin", "--runs", str(tmp_path / "runs"), "--dry-run"]
    output = CliRunner().invoke(cli, words, catch_exceptions=False).stdout
    assert "no method 'loora'. Did you mean 'lora'?" in output
    assert output.rstrip().splitlines()[-1] == "nothing to run: of 2 cells 0 are finished and 2 cannot be run"


def test_a_run_that_cannot_be_read_fails_its_cell_and_no_other(file: Path, conala: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    first = run(file, conala, root)
    path = root / str(first[0].run_id) / "result.json"
    path.write_text(path.read_text()[:100])
    again = run(file, conala, root)
    assert [one.state for one in again].count("failed") == 1
    [reason] = [one.reason for one in again if one.reason]
    assert reason.startswith(f"{path}: not JSON")


def test_a_finished_cell_whose_records_were_changed_is_not_taken_for_finished(
    file: Path, conala: Path, tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    first = run(file, conala, root)
    path = root / str(first[0].run_id) / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    again = run(file, conala, root)
    assert [one.state for one in again].count("failed") == 1
    [reason] = [one.reason for one in again if one.reason]
    assert reason.startswith(f"{path}: not what result.json was computed from")


def test_on_a_terminal_the_bar_of_a_phase_stands_below_that_of_the_study(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    from harness import progress
    from harness.studies import progress as studyprogress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr(progress, "console", lambda: screen)
    planned = [
        runner.PlannedCell(cell, None, runner.NEW, runner.cell_job(cell, Path()))
        for cell in study.load(str(file)).cells()
    ]
    with studyprogress.report_progress("small", planned) as reporter:
        reporter.started(planned[0].cell)
        with progress.bar("tuning lora") as step:
            step(3, 5, "")
    assert isinstance(screen.file, io.StringIO)
    text = screen.file.getvalue()
    last = text[text.rindex("small: 0 of 4 done, 1 running", 0, text.rindex("tuning lora")) :]
    assert last.index("zero-shot on conala") < last.index("lora on conala") < last.index("tuning lora")

"""Runs the cells of a study: finished ones are skipped, interrupted ones continued, failed ones recorded.

    runs/studies/<study>/cells.jsonl     one line for each start and end of a cell, with the reason of a failure

Cells that share a base model are run one after another, and so are those that share a tuning, so that nothing is loaded
or tuned twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import files
from harness.config import Settings
from harness.disk import describe_os_error, file_errors
from harness.errors import HarnessError
from harness.evaluation import runs
from harness.evaluation.executor import Executor, Job, JobResult, LocalExecutor, base_group, resolve_job, resolved
from harness.evaluation.plan import RunPlan
from harness.evaluation.resume import satisfies
from harness.evaluation.sweep import Trial, build_trials, choose, is_tuned, validations_of, write_choice
from harness.evaluation.validations import is_validated
from harness.plugin_system.registry import Registry
from harness.records import canonical, digest
from harness.studies.study import Cell

NEW, BROKEN, FINISHED, FAILED = "new", "broken", "finished", "failed"
"""States of a cell. A broken one has a run folder without the result that the cell asks for."""


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A cell, the id of its run, the state of that run, and the job that makes it.

    `run_id` is None and `reason` says why where the cell cannot be resolved; its state is "failed".
    """

    cell: Cell
    run_id: str | None
    state: str
    job: Job
    order: tuple[str, ...] = ()
    reason: str = ""
    trials: tuple[Trial, ...] = ()
    """The settings of a cell that sweeps options; once one is chosen, `job` and `run_id` are that one's."""


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """How a cell ended: "finished", or "failed" with a reason. `seconds` is the time of this attempt."""

    cell: Cell
    state: str
    seconds: float
    run_id: str | None = None
    reason: str = ""


def plan_cells(cells: Iterable[Cell], registry: Registry, root: Path) -> list[PlannedCell]:
    """The cells in the order in which they are run, with the state of each in the folder of runs `root`."""
    every = tuple(cells)
    seeds: dict[Cell, list[Cell]] = {}
    for cell in every:
        seeds.setdefault(_without_seed(cell), []).append(cell)
    planned = (_plan_cell(cell, seeds[_without_seed(cell)], registry, root) for cell in every)
    return sorted(planned, key=lambda planned: planned.order)


def _without_seed(cell: Cell) -> Cell:
    return replace(cell, request=replace(cell.request, seed=0))


def _plan_cell(cell: Cell, seeds: Sequence[Cell], registry: Registry, root: Path) -> PlannedCell:
    """`seeds` are the cells that differ from this one in their seed at most."""
    job = cell_job(cell, root)
    run_id = None
    try:
        if cell.sweep:
            return _plan_sweep(cell, seeds, registry, root)
        plan = resolve_job(job, registry)
        run_id = runs.run_id(plan.run)
        state = _state(root / run_id, plan)
    except HarnessError as error:
        return PlannedCell(cell, run_id, FAILED, job, reason=str(error))
    except OSError as error:
        return PlannedCell(cell, run_id, FAILED, job, reason=describe_os_error(error))
    return PlannedCell(cell, run_id, state, resolved(job, plan), _sort_key(plan))


def _plan_sweep(cell: Cell, seeds: Sequence[Cell], registry: Registry, root: Path) -> PlannedCell:
    requests = [one.request for one in seeds]
    trials = tuple(build_trials(requests, cell.sets, dict(cell.sweep), registry, Settings(cell.sets), root))
    if is_tuned(trials, root) and is_validated(validations_of(trials, root), root):
        return with_choice(cell, trials, root)
    first = trials[0].plans[seeds.index(cell)]
    return PlannedCell(cell, None, NEW, cell_job(cell, root), _sort_key(first), trials=trials)


def with_choice(cell: Cell, trials: tuple[Trial, ...], root: Path) -> PlannedCell:
    """The cell with the setting that validation chose."""
    chosen = choose(trials, root)
    job, plan = next((job, plan) for job, plan in chosen.jobs.items() if job.request.seed == cell.request.seed)
    return PlannedCell(cell, job.run_id, _state(root / job.run_id, plan), job, _sort_key(plan), trials=trials)


def _state(folder: Path, plan: RunPlan) -> str:
    row = runs.finished_row(folder)
    if row is not None and satisfies(row, plan, folder):
        return FINISHED
    return BROKEN if folder.is_dir() else NEW


def cell_job(cell: Cell, root: Path) -> Job:
    """The job that makes the run of `cell` in the folder of runs `root`."""
    return Job(cell.request, cell.sets, root)


def _sort_key(plan: RunPlan) -> tuple[str, ...]:
    """Puts cells with the same base model next to each other, and among those the ones with the same tuning."""
    method = plan.method
    options = method.plugin.load_options(plan.config(method)) if method else {}
    loading = canonical({name: str(value) for name, value in options.items()})
    tuning = digest(plan.tuning_key) if plan.tuner else ""
    run = plan.run
    return (run.model.id, loading, base_group(plan), run.task, run.method, tuning, runs.run_id(run))


class CellLog:
    """The log of one study: every start and end of its cells, across all attempts."""

    def __init__(self, root: Path, study: str) -> None:
        self.path = root / "studies" / study / "cells.jsonl"

    def write(self, cell: Cell, state: str, **facts: Any) -> None:
        """Append a line; `facts` are further keys of it."""
        with file_errors(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        files.append(self.path, {"cell": cell.id, "words": cell.description, "state": state, "at": at, **facts})

    def last(self) -> Mapping[str, Mapping[str, Any]]:
        """The latest line of each cell, by the cell's id."""
        return {line["cell"]: line for line in files.lines(self.path, repair=True)}


def run_cells(
    planned: Sequence[PlannedCell],
    registry: Registry,
    log: CellLog,
    started: Callable[[Cell], None],
    executor: Executor | None = None,
) -> Iterator[CellOutcome]:
    """Run the cells that are not finished and yield the outcome of every cell, those of finished cells first.

    `started` is called before a cell is run. The runs are made by `executor`, by default in this process.
    """
    executor = executor or LocalExecutor(registry, plans=_plans_of_sweeps(planned))
    settled: list[PlannedCell] = []
    for outcome in _settle_sweeps(planned, executor, log, started):
        if isinstance(outcome, CellOutcome):
            yield outcome
        else:
            settled.append(outcome)
    settled.sort(key=lambda one: one.order)
    last = log.last()
    waiting: dict[Job, list[PlannedCell]] = {}
    for one in settled:
        if one.state != FINISHED:
            waiting.setdefault(one.job, []).append(one)
            continue
        if last.get(one.cell.id, {}).get("state") != FINISHED:  # made by `harness eval`
            log.write(one.cell, FINISHED, run=one.run_id)
        yield CellOutcome(one.cell, FINISHED, 0.0, one.run_id)

    def log_start(job: Job) -> None:
        for one in waiting[job]:
            started(one.cell)
            log.write(one.cell, "started", run=one.run_id)

    for result in executor.run(list(waiting), log_start):
        for one in waiting[result.job]:
            yield _record_outcome(one, result, log)


def _plans_of_sweeps(planned: Sequence[PlannedCell]) -> dict[Job, RunPlan]:
    """The plans of swept settings: they are all tuned before any run is made, so that their runs can share batches."""
    trials = [trial for one in planned for trial in one.trials]
    return {job: plan for trial in trials for job, plan in (*trial.jobs.items(), *trial.validations.items())}


def _settle_sweeps(
    planned: Sequence[PlannedCell], executor: Executor, log: CellLog, started: Callable[[Cell], None]
) -> Iterator[PlannedCell | CellOutcome]:
    """Every cell with its setting chosen, after all settings were tuned with all seeds; or that this failed.

    The first cell of a sweep stands for all of its seeds until then.
    """
    sweeps: dict[tuple[Job, ...], list[PlannedCell]] = {}
    for one in planned:
        if one.cell.sweep and not one.trials:
            yield _failed(one, 0.0, one.reason, log)
        elif one.trials and one.run_id is None:
            sweeps.setdefault(tuple(job for trial in one.trials for job in trial.jobs), []).append(one)
        else:
            yield one
    tuned: list[list[PlannedCell]] = []
    waiting: list[list[PlannedCell]] = []
    for cells in sweeps.values():
        (tuned if is_tuned(cells[0].trials, cells[0].job.runs) else waiting).append(cells)

    def log_start(cell: Cell) -> None:
        started(cell)
        log.write(cell, "started")

    asked = [{job: plan for trial in cells[0].trials for job, plan in trial.jobs.items()} for cells in waiting]
    for cells in tuned:
        log_start(cells[0].cell)
    for result in executor.tune(asked, lambda place: log_start(waiting[place][0].cell)):
        if result.error is None:
            tuned.append(waiting[result.place])
            continue
        for one in waiting[result.place]:
            yield _failed(one, result.seconds, result.error.summary, log)
    yield from _choose_settings(tuned, executor, log)


def _choose_settings(
    sweeps: Sequence[Sequence[PlannedCell]], executor: Executor, log: CellLog
) -> Iterator[PlannedCell | CellOutcome]:
    """The cells of sweeps that are tuned, with the setting that validation chooses; or that this failed.

    Where a metric chooses, the runs on validation problems are made before.
    """
    validations = [validations_of(cells[0].trials, cells[0].job.runs) for cells in sweeps]
    jobs = list(dict.fromkeys(job for some in validations for job in some))
    results = {result.job: result for result in executor.run(jobs, lambda _: None)}
    for cells, some in zip(sweeps, validations, strict=True):
        made = [results[job] for job in some]
        error = next((one.error for one in made if one.error is not None), None)
        for one in cells:
            try:
                if error is not None:
                    raise HarnessError(error.summary)
                yield with_choice(one.cell, one.trials, one.job.runs)
            except HarnessError as failure:
                yield _failed(one, sum(result.seconds for result in made), str(failure), log)


def _failed(planned: PlannedCell, seconds: float, reason: str, log: CellLog) -> CellOutcome:
    log.write(planned.cell, FAILED, seconds=seconds, reason=reason)
    return CellOutcome(planned.cell, FAILED, seconds, reason=reason)


def _record_outcome(planned: PlannedCell, result: JobResult, log: CellLog) -> CellOutcome:
    state = FAILED if result.row is None else FINISHED
    if result.row is not None and planned.trials:
        write_choice(planned.trials, choose(planned.trials, result.job.runs), result.job.runs)
    reason = result.error.summary if result.error is not None else ""
    run_id = result.row.run_id if result.row is not None else None
    facts = {"seconds": result.seconds, "reason": reason, **result.facts}
    log.write(planned.cell, state, run=run_id or planned.run_id, **facts)
    return CellOutcome(planned.cell, state, result.seconds, run_id, reason)

"""What the cells of a study are expected to take: time and memory, scaled from short probe runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.evaluation.costs import peak_bytes
from harness.evaluation.executor import JobResult, resolve_job, run_job
from harness.evaluation.plan import RunPlan
from harness.modeling.bases import LoadedBases
from harness.plugin_system.registry import Registry
from harness.records import Row
from harness.studies.runner import BROKEN, NEW, PlannedCell, cell_job
from harness.studies.study import Cell

PROBE_PROBLEMS = 8
"""Problems of each split in a probe run: one training batch, so that the peak memory of tuning is reached."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected cost of a cell, scaled from a probe; None where it is unknown, and `why` says the reason."""

    seconds: float | None
    peak_bytes: int | None
    why: str = ""


def forecast_cells(
    planned: Sequence[PlannedCell], registry: Registry, root: Path
) -> Iterator[tuple[PlannedCell, Forecast]]:
    """The forecast of each cell; `root` is an empty folder for the probe runs.

    There is one probe for each task, model and method, with the options of the last such cell. A first probe warms up
    and is thrown away. Tuning and generation are scaled by the number of problems, which overestimates. Memory is that
    of the probe, which is a lower bound: a full run generates for more problems at once.
    """
    bases = LoadedBases()
    probes: dict[tuple[Any, ...], JobResult] = {}
    last = {_probe_key(one.cell): one.cell for one in planned}
    for one in planned:
        if one.state not in (NEW, BROKEN):
            yield one, Forecast(None, None, one.reason or one.state)
            continue
        key = _probe_key(one.cell)
        if key not in probes:
            if not probes:
                _probe(last[key], 1, registry, root, LoadedBases())
            probes[key] = _probe(last[key], PROBE_PROBLEMS, registry, root, bases)
            bases = bases if probes[key].row else LoadedBases()
        row, error = probes[key].row, probes[key].error
        if row is not None:
            yield one, _scale(row, resolve_job(one.job, registry))
        else:
            yield one, Forecast(None, None, error.summary if error is not None else "")


def _probe(cell: Cell, problems: int, registry: Registry, root: Path, bases: LoadedBases) -> JobResult:
    limit = min(problems, cell.request.limit or problems)
    return run_job(cell_job(replace(cell, request=replace(cell.request, limit=limit)), root), registry, bases)


def _probe_key(cell: Cell) -> tuple[Any, ...]:
    request = cell.request
    return (request.task, request.model, request.method, request.candidates, request.max_new_tokens)


def _scale(row: Row, plan: RunPlan) -> Forecast:
    probed = min(PROBE_PROBLEMS, plan.run.limit or PROBE_PROBLEMS)
    train = len(plan.splits.get("train", ())) / probed
    test = len(plan.problems) / probed
    factors = {"load": 1.0, "tune": train, "generate": test, "judge": test}
    seconds = sum(cost.seconds * max(1.0, factors[cost.phase]) for cost in row.costs)
    return Forecast(seconds, peak_bytes(row.costs))

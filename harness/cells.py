"""The cells of a study, run one after another: finished ones skipped, broken ones continued, failed ones recorded.

    runs/studies/<study>/cells.jsonl     one line for each start and end of a cell, with the reason of a failure

Cells that share a base are neighbours, and so are those that share a tuning, so nothing is loaded or tuned twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import runs
from harness.config import Settings
from harness.errors import HarnessError
from harness.evaluate import covers, evaluate
from harness.plan import Plan, resolve
from harness.records import Row, canonical, digest
from harness.registry import Registry
from harness.runs import RESULT
from harness.study import Cell
from harness.workshop import Workshop

NEW, BROKEN, FINISHED, FAILED = "new", "broken", "finished", "failed"


@dataclass(frozen=True, slots=True)
class Placed:
    """A cell with the run it makes, and how far that run is; `reason` says why there is no run."""

    cell: Cell
    run_id: str | None
    state: str
    order: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a cell: "finished" or "failed" with a reason. `seconds` is what it took this time."""

    cell: Cell
    state: str
    seconds: float
    run_id: str | None = None
    reason: str = ""


def place(cells: Iterable[Cell], registry: Registry, root: Path) -> list[Placed]:
    """The cells in the order in which they are run; one that cannot be planned is "failed"."""
    return sorted((_placed(cell, registry, root) for cell in cells), key=lambda placed: placed.order)


def _placed(cell: Cell, registry: Registry, root: Path) -> Placed:
    name = None
    try:
        plan = planned(cell, registry)
        name = runs.run_id(plan.run)
        folder = root / name
        state = BROKEN if folder.is_dir() else NEW
        if (folder / RESULT).is_file() and covers(runs.read_row(folder).run, plan.run):
            runs.check_records(folder)
            state = FINISHED
    except HarnessError as error:
        return Placed(cell, name, FAILED, reason=str(error))
    return Placed(cell, name, state, _order(plan))


def planned(cell: Cell, registry: Registry) -> Plan:
    """The cell's plan.

    Raises:
        HarnessError: a name, an option or the data does not exist or does not fit.
    """
    return resolve(cell.request, registry, Settings(cell.sets))


def _order(plan: Plan) -> tuple[str, ...]:
    """Cells with the same beginning share a base, then a tuning."""
    method = plan.method
    options = method.plugin.load_options(plan.config(method)) if method else {}
    base = canonical({name: str(value) for name, value in options.items()})
    tuning = digest(plan.tuning_key) if plan.tuner else ""
    return (plan.run.model.id, base, plan.run.task, plan.run.method, tuning, runs.run_id(plan.run))


class Log:
    """What happened to the cells of one study, across all its attempts."""

    def __init__(self, root: Path, study: str) -> None:
        self.path = root / "studies" / study / "cells.jsonl"

    def write(self, cell: Cell, state: str, **facts: Any) -> None:
        """Add a line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        runs.append(self.path, {"cell": cell.id, "words": cell.words, "state": state, "at": at, **facts})

    def last(self) -> Mapping[str, Mapping[str, Any]]:
        """The latest line of each cell, by the cell's id."""
        return {line["cell"]: line for line in runs.lines(self.path, repair=True)}


def run(
    placed: Sequence[Placed], registry: Registry, root: Path, log: Log, started: Callable[[Cell], None]
) -> Iterator[Ended]:
    """Run the cells in order and yield what became of each; `started` is called before one is run."""
    shop, last = Workshop(), log.last()
    for one in placed:
        if one.state == FINISHED:
            if last.get(one.cell.id, {}).get("state") != FINISHED:  # made by `harness eval`
                log.write(one.cell, FINISHED, run=one.run_id)
            yield Ended(one.cell, FINISHED, 0.0, one.run_id)
            continue
        started(one.cell)
        log.write(one.cell, "started", run=one.run_id)
        start = time.monotonic()
        row, reason = _attempt(one.cell, registry, root, shop)
        seconds = round(time.monotonic() - start, 1)
        state = FAILED if row is None else FINISHED
        if row is None:
            # The base may carry half an adapter now.
            shop = Workshop()
        log.write(one.cell, state, run=row.run_id if row else one.run_id, seconds=seconds, reason=reason)
        yield Ended(one.cell, state, seconds, row.run_id if row else None, reason)


def _attempt(cell: Cell, registry: Registry, root: Path, shop: Workshop) -> tuple[Row | None, str]:
    """The cell's row, or why there is none."""
    try:
        return evaluate(planned(cell, registry), registry, root, shop), ""
    except HarnessError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 - whatever one cell dies of, the others are run and it is recorded
        first = (str(error).splitlines() or [""])[0]
        return None, f"{type(error).__name__}: {first}"


# ---- what it will take -------------------------------------------------------------------------------------------

PROBE = 8
"""Problems of each split that a probe tunes on and writes for: a batch of tuning, so that its memory is met."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a cell is expected to take, scaled from a probe; None where there is no number, and `why` not."""

    seconds: float | None
    peak_bytes: int | None
    why: str = ""


def forecast(placed: Sequence[Placed], registry: Registry, root: Path) -> Iterator[tuple[Placed, Forecast]]:
    """For each cell its forecast; `root` is an empty folder for the probes.

    One probe runs for each task, model and method, with the options of the last such cell, after a first one that is
    thrown away: it meets everything that is slow once. Tuning and writing are scaled by the number of problems, which
    errs on the long side; memory is the probe's, which is the least it takes: more problems are written at once later.
    """
    shop = Workshop()
    known: dict[tuple[Any, ...], tuple[Row | None, str]] = {}
    last = {_kind(one.cell): one.cell for one in placed}
    for one in placed:
        if one.state not in (NEW, BROKEN):
            yield one, Forecast(None, None, one.reason or one.state)
            continue
        kind = _kind(one.cell)
        if kind not in known:
            cell = last[kind]
            if not known:
                _attempt(Cell(replace(cell.request, limit=1), cell.sets), registry, root, Workshop())
            small = replace(cell.request, limit=min(PROBE, cell.request.limit or PROBE))
            known[kind] = _attempt(Cell(small, cell.sets), registry, root, shop)
            shop = shop if known[kind][0] else Workshop()
        row, why = known[kind]
        yield one, _scaled(row, planned(one.cell, registry)) if row else Forecast(None, None, why)


def _kind(cell: Cell) -> tuple[Any, ...]:
    request = cell.request
    return (request.task, request.model, request.method, request.candidates, request.max_new_tokens)


def _scaled(row: Row, plan: Plan) -> Forecast:
    small = min(PROBE, plan.run.limit or PROBE)
    train = len(plan.splits.get("train", ())) / small
    test = len(plan.splits["test"]) / small
    factors = {"load": 1.0, "tune": train, "generate": test, "judge": test}
    gpu = [c.peak_gpu_bytes for c in row.costs if c.peak_gpu_bytes is not None]
    peak = max(gpu) if gpu else max((c.peak_rss_bytes for c in row.costs), default=None)
    return Forecast(sum(cost.seconds * max(1.0, factors[cost.phase]) for cost in row.costs), peak)

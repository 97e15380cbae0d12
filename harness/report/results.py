"""The cells of a study with what became of them: the runs, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config import option_text
from harness.errors import HarnessError, RunError
from harness.evaluation import runs
from harness.evaluation.facts import run_facts
from harness.modeling.checkpoint import BUILTIN, identity
from harness.plugin_system.registry import Registry
from harness.ranking import ranking
from harness.records import Estimate, Row, Run
from harness.stats.estimates import estimate
from harness.studies.runner import FAILED, FINISHED, CellLog
from harness.studies.study import Cell


@dataclass(frozen=True)
class CellResult:
    """A cell and its run; `why` says why there is none ("not run", "failed: …")."""

    cell: Cell
    row: Row | None
    folder: Path | None
    why: str = ""


def load_results(cells: Iterable[Cell], root: Path, log: CellLog, registry: Registry) -> list[CellResult]:
    """What became of each cell; a run whose records do not give its result is named and does not count."""
    last = log.last()
    rows: dict[str, Row] = {}
    broken: dict[str, str] = {}
    for folder in runs.finished(root) if root.is_dir() else ():
        try:
            rows[folder.name] = runs.read_row(folder)
        except RunError as error:
            broken[folder.name] = str(error)
    return [_result(cell, last.get(cell.id, {}), rows, broken, root, registry) for cell in cells]


def _result(
    cell: Cell,
    line: Mapping[str, Any],
    rows: Mapping[str, Row],
    broken: Mapping[str, str],
    root: Path,
    registry: Registry,
) -> CellResult:
    name = line.get("run", "")
    if name in broken:
        return CellResult(cell, None, None, f"left out: {broken[name]}")
    fitting = [name] if name in rows else [run_id for run_id, row in rows.items() if is_run_of(cell, row.run)]
    if len(fitting) == 1 and line.get("state", FINISHED) != FAILED:
        row, folder = rows[fitting[0]], root / fitting[0]
        try:
            runs.check_records(folder)
            run_facts(folder)
            for metric in row.run.metrics:
                _check_metric(row, folder, metric, registry)
        except RunError as error:
            return CellResult(cell, None, None, f"left out: {error}")
        return CellResult(cell, row, folder)
    if line.get("state") == FAILED:
        return CellResult(cell, None, None, f"failed: {line.get('reason')}")
    if fitting:
        return CellResult(cell, None, None, f"not run by this study; {len(fitting)} runs fit it ({', '.join(fitting)})")
    unread = f"; cannot be read: {', '.join(broken.values())}" if broken else ""
    return CellResult(cell, None, None, f"{'started, not finished' if line else 'not run'}{unread}")


def _check_metric(row: Row, folder: Path, metric: str, registry: Registry) -> None:
    scores = ranking.scores_of(runs.read_records(folder), metric)
    ranking.check_estimates(row, scores, registry.metric(metric).plugin, folder)


def is_run_of(cell: Cell, run: Run) -> bool:
    """Whether a run is what the cell asks for, as far as the cell says."""
    request = cell.request
    asked = (request.task, request.method, request.seed, request.limit, request.protocol or "")
    model = request.model or BUILTIN
    if asked != (run.task, run.method, run.seed, run.limit, run.protocol):
        return False
    if run.model.id not in (model, identity(model)):
        return False
    if request.model is None and not run.builtin_data:
        return False
    given = [(name, (value,)) for name, _, value in (item.partition("=") for item in cell.sets)]
    return all(_value_in(run, name) in values for name, values in [*given, *cell.sweep])


def _value_in(run: Run, name: str) -> str:
    """The value of an option of a run as `--set` writes it."""
    plugin, _, option = name.rpartition(".")
    return option_text(run.options.get(plugin, {}).get(option))


def pooled_estimate(
    found: Sequence[CellResult], metric: str, measure: str, slice_: str | None, registry: Registry
) -> Estimate | None:
    """One estimate over the runs of several seeds: problems are resampled with all their seeds.

    A single run's own estimate is returned as it is. None where the runs do not have the measure.
    """
    rows = [one.row for one in found if one.row is not None]
    if len(rows) == 1:
        wanted = (metric, measure, slice_)
        return next((e for e in rows[0].estimates if (e.metric, e.measure, e.slice) == wanted), None)
    names, scores = [], []
    for one in found:
        if one.folder is None:
            continue
        for record in runs.read_records(one.folder):
            if slice_ is None or record.slice == slice_:
                names += [record.id for s in record.scores if s.metric == metric]
                scores += [s for s in record.scores if s.metric == metric]
    try:
        estimates = estimate(registry.metric(metric).plugin, scores, problems=names, slice=slice_)
    except HarnessError:
        return None
    return next((e for e in estimates if e.measure == measure), None)

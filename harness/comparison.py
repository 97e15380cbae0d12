"""Two finished runs on the same problems, compared measure by measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import runs, statistics
from harness.errors import UsageError
from harness.leaderboard import group_key
from harness.records import Record, Score
from harness.registry import Registry


def compare_runs(first: Path, second: Path) -> list[statistics.Comparison]:
    """Every measure that both runs have.

    Raises:
        UsageError: the runs are not on the same problems.
    """
    rows = [runs.read_row(first), runs.read_row(second)]
    if group_key(rows[0])[:4] != group_key(rows[1])[:4]:
        raise UsageError(f"{first.name} and {second.name} are not on the same problems (task, version, data, limit)")
    registry = Registry()
    records = [runs.read_records(first), runs.read_records(second)]
    shared = [name for name in rows[0].run.metrics if name in rows[1].run.metrics]
    found = []
    for name in shared:
        a, b = (_scores(part, name) for part in records)
        both = [{e.measure for e in row.estimates if e.metric == name} for row in rows]
        measures = dict.fromkeys(e.measure for e in rows[0].estimates if e.metric == name and e.measure in both[1])
        found += [statistics.compare(registry.metric(name).plugin, a, b, measure) for measure in measures]
    return found


def _scores(records: list[Record], metric: str) -> Any:
    found: list[tuple[str, Score]] = []
    for record in records:
        found += [(record.id, score) for score in record.scores if score.metric == metric]
    return found

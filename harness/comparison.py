"""Two finished runs on the same problems, compared measure by measure."""

from __future__ import annotations

from pathlib import Path

from harness import ranking, runs, statistics
from harness.errors import UsageError
from harness.leaderboard import group_key, measures
from harness.records import Row
from harness.registry import Registry


def compare_runs(first: Path, second: Path, *, everything: bool = False) -> list[statistics.Comparison]:
    """The measures that both runs have: those of a leaderboard, or with `everything` variants and parts too.

    Raises:
        UsageError: the runs are not on the same problems.
        RunError: a run is not finished, or its records do not give its result.
    """
    rows = [runs.read_row(first), runs.read_row(second)]
    if group_key(rows[0])[:4] != group_key(rows[1])[:4]:
        raise UsageError(f"{first.name} and {second.name} are not on the same problems (task, version, data, limit)")
    registry = Registry()
    records = [runs.read_records(first), runs.read_records(second)]
    shared = [name for name in rows[0].run.metrics if name in rows[1].run.metrics]
    found = []
    for name in shared:
        metric = registry.metric(name).plugin
        a, b = (ranking.scores_of(part, name) for part in records)
        for row, scores, folder in zip(rows, (a, b), (first, second), strict=True):
            ranking.check(row, scores, metric, folder)
        found += [
            statistics.compare(metric, a, b, measure)
            for column_metric, measure, slice_ in measures(rows[:1], everything=everything)
            if column_metric == name and slice_ is None and has(rows[1], name, measure)
        ]
    return found


def has(row: Row, metric: str, measure: str) -> bool:
    """Whether the row has an estimate of a measure."""
    return any((e.metric, e.measure) == (metric, measure) for e in row.estimates)

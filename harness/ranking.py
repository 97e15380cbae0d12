"""Ranks as tie groups, from paired tests on the records.

The best row opens a group; the rows below it are each compared with it on the same problems, and Holm's correction
makes those comparisons a family. The first row that differs opens the next group. Where there are no records, or too
many rows to read them all, intervals that do not overlap decide, which sees fewer differences; `basis` says which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import runs
from harness.errors import HarnessError, RunError
from harness.leaderboard import Column, sort_key
from harness.plugin import Metric
from harness.records import Record, Row, Score

PAIRED_ROWS = 64
"""Boards of more rows are ranked by their intervals: reading all their records would take minutes."""
RESAMPLES = 2_000
"""Random swaps for each permutation test of a rank; the p-value is good to half a per mille."""

Scored = list[tuple[str, Score]]


@dataclass(frozen=True)
class Ranked:
    """Rows with their ranks, how they were found, and the runs that were left out on the way."""

    rows: tuple[Row, ...]
    ranks: tuple[int | None, ...]
    basis: str
    left_out: tuple[str, ...] = field(default=())


def leading(group: Sequence[Row], metric: str | None) -> Column | None:
    """The column that decides ranks: `metric` (a metric or a measure), else the first metric's main measure."""
    candidates = (
        (e.metric, e.measure, e.slice)
        for row in group
        for e in row.estimates
        if e.slice is None and (metric is None or metric in (e.metric, e.measure))
    )
    first = next(candidates, None)
    if first is None:
        return None
    main = None if metric == first[1] else _main(first[0], group[0].run.ks)
    if main in (None, first[1]):
        return first
    return next((c for c in candidates if c[:2] == (first[0], main)), first)


def _main(metric: str, ks: Sequence[int]) -> str | None:
    plugin = _plugin(metric)
    return plugin.primary(ks) if plugin else None


_PLUGINS: dict[str, Metric | None] = {}


def _plugin(name: str) -> Metric | None:
    """The metric, or None where the plugin that computed it is not installed here."""
    if name not in _PLUGINS:
        from harness.registry import Registry

        try:
            _PLUGINS[name] = Registry(warn=lambda _: None).metric(name).plugin
        except HarnessError:
            _PLUGINS[name] = None
    return _PLUGINS[name]


def rank(group: Sequence[Row], folders: Mapping[str, Path], column: Column) -> Ranked:
    """The rows of one group with their ranks in `column`."""
    metric = _plugin(column[0])
    if not folders:
        return _by_intervals(group, column, "intervals that do not overlap")
    if len(group) > PAIRED_ROWS:
        why = f"intervals that do not overlap (more than {PAIRED_ROWS} rows; select fewer for paired tests)"
        return _by_intervals(group, column, why)
    if metric is None:
        why = f"intervals that do not overlap (the metric {column[0]} is not installed, so no test can be made)"
        return _by_intervals(group, column, why)
    kept, scored, left_out = _read(group, folders, metric)
    ranks = _by_tests(kept, scored, metric, column)
    basis = "paired tests against the first of each group, Holm-corrected at 5 %"
    return Ranked(tuple(kept), ranks, basis, tuple(left_out))


def _by_intervals(group: Sequence[Row], column: Column, basis: str) -> Ranked:
    """As `statistics.tie_groups` does without tests, and without the libraries that tests need."""
    order = sorted(range(len(group)), key=lambda i: sort_key(group[i], column))
    ranks: list[int | None] = [None] * len(group)
    ends: tuple[float, float] | None = None
    number = 0
    for place, i in enumerate(order, 1):
        e = next((e for e in group[i].estimates if (e.metric, e.measure, e.slice) == column), None)
        if e is None or e.value is None:
            continue
        own = (e.value if e.low is None else e.low, e.value if e.high is None else e.high)
        if ends is None or own[0] > ends[1] or own[1] < ends[0]:
            ends, number = own, place
        ranks[i] = number
    return Ranked(tuple(group), tuple(ranks), basis)


def _read(
    group: Sequence[Row], folders: Mapping[str, Path], metric: Metric
) -> tuple[list[Row], list[Scored], list[str]]:
    kept, scored, left_out = [], [], []
    for row in group:
        try:
            scores = scores_of(runs.read_records(folders[row.run_id]), metric.name)
            check(row, scores, metric, folders[row.run_id])
        except RunError as error:
            left_out.append(str(error))
            continue
        kept.append(row)
        scored.append(scores)
    return kept, scored, left_out


def scores_of(records: Sequence[Record], metric: str) -> Scored:
    """The scores of one metric with the ids of their problems."""
    return [(record.id, score) for record in records for score in record.scores if score.metric == metric]


def check(row: Row, scores: Scored, metric: Metric, folder: Path) -> None:
    """Refuse a run whose records do not give its result: one was lost, added or changed since.

    Raises:
        RunError: names the run, the measure and both values.
    """
    from harness.resampling import tables

    path, remedy = folder / "records.jsonl", "the records were changed; delete the folder to run it again"
    wanted = {
        e.measure: e for e in row.estimates if e.metric == metric.name and e.slice is None and e.value is not None
    }
    found = {name: (float(v), len(t.ids)) for t in tables(metric, scores) for name, v in t.measures(metric).items()}
    for measure, estimate in wanted.items():
        value, n = found.get(measure, (float("nan"), 0))
        if n != estimate.n or abs(value - (estimate.value or 0.0)) > 1e-9:
            here = f"{estimate.value:.6f} on {estimate.n} problems"
            raise RunError(f"{path}: gives {measure} {value:.6f} on {n} problems, result.json has {here}; {remedy}")


def _by_tests(rows: Sequence[Row], scored: Sequence[Scored], metric: Metric, column: Column) -> tuple[int | None, ...]:
    from harness.resampling import LEVEL
    from harness.statistics import holm, p_value

    order = sorted(range(len(rows)), key=lambda i: sort_key(rows[i], column))
    order = [i for i in order if sort_key(rows[i], column)[0] != float("inf")]
    ranks: list[int | None] = [None] * len(rows)
    start = 0
    while start < len(order):
        leader, below = order[start], order[start + 1 :]
        found = [p_value(metric, scored[leader], scored[i], column[1], resamples=RESAMPLES) for i in below]
        adjusted = holm([1.0 if p is None else p for p in found])
        same = next((place for place, p in enumerate(adjusted) if p < 1 - LEVEL), len(below))
        for i in (leader, *below[:same]):
            ranks[i] = start + 1
        start += 1 + same
    return tuple(ranks)

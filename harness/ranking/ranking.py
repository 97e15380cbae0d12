"""Ranks as ranges, from paired tests on the records.

All pairs of rows are compared on the problems that all rows have. The tests control the family-wise error rate: the
probability that any two equal rows are found to differ is at most 5 %. The first rank of a row is one more than the
number of rows found better; its last rank leaves room for the rows found worse. Without records, or with too many runs
to read them all, two rows differ if their intervals do not overlap; this finds fewer differences. `basis` says which
rule was used.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

from harness.errors import HarnessError, RunError
from harness.evaluation import runs
from harness.plugin import Metric
from harness.ranking.digits import digits
from harness.ranking.rows import Column, find_estimate, sort_key
from harness.ranking.seed_groups import ScoredRun, SeedGroup, group_seeds, key_without_seed, ungrouped
from harness.records import Record, Row, Score

if TYPE_CHECKING:
    from harness.stats.pairwise_tests import PairwiseTests

PAIRED_ROWS = 64
"""Boards with more rows are ranked by their intervals: tests of all pairs would take minutes."""
READ_RUNS = 256
"""With more runs the records are not read, so that each seed is a row of its own."""
RESAMPLES = 2_000
"""Random sign changes of the permutation tests of a board; the smallest p-value is 0.0005."""

Scored = list[tuple[str, Score]]


@dataclass(frozen=True)
class RowTests:
    """The tests of all pairs of the rows whose indices in `Ranked.rows` are `rows`."""

    tests: PairwiseTests
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Ranked:
    """Rows with the first and last rank of each, how the ranks were found (`basis`), and the runs left out."""

    rows: tuple[SeedGroup, ...]
    ranks: tuple[tuple[int, int] | None, ...]
    basis: str
    left_out: tuple[str, ...] = field(default=())
    row_tests: RowTests | None = None


def ranking_column(group: Sequence[Row], metric: str | None) -> Column | None:
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
    main = None if metric == first[1] else _primary_measure(first[0], group[0].run.ks)
    if main in (None, first[1]):
        return first
    return next((c for c in candidates if c[:2] == (first[0], main)), first)


def _primary_measure(metric: str, ks: Sequence[int]) -> str | None:
    metric_plugin = installed_metric(metric)
    return metric_plugin.primary(ks) if metric_plugin else None


_PLUGINS: dict[str, Metric | None] = {}


def installed_metric(name: str) -> Metric | None:
    """The metric, or None where the plugin that computed it is not installed here."""
    if name not in _PLUGINS:
        from harness.plugin_system.registry import Registry

        try:
            _PLUGINS[name] = Registry(warn=lambda _: None).metric(name).plugin
        except HarnessError:
            _PLUGINS[name] = None
    return _PLUGINS[name]


def rank(group: Sequence[Row], folders: Mapping[str, Path], column: Column, *, separate_seeds: bool = False) -> Ranked:
    """The rows of one group with their ranks in `column`; seeds of one method are one row unless `separate_seeds`."""
    metric = installed_metric(column[0])
    if not folders:
        return rank_by_intervals(ungrouped(group), column, _INTERVALS)
    if metric is None:
        absent = f"{_INTERVALS} (the metric {column[0]} is not installed, so no test can be made)"
        return rank_by_intervals(ungrouped(group), column, absent)
    if (why := _too_many(group, separate_seeds=separate_seeds)) is not None:
        return rank_by_intervals(ungrouped(group), column, f"{_INTERVALS} ({why}; select fewer for paired tests)")
    read, left_out = _read_scored_runs(group, folders, metric)
    rows = ungrouped(read) if separate_seeds else group_seeds(read, installed_metric)
    return replace(_rank_by_tests(rows, metric, column), left_out=tuple(left_out))


_INTERVALS = "intervals that do not overlap"


def _too_many(group: Sequence[Row], *, separate_seeds: bool) -> str | None:
    """Why the records are not read; None where they are."""
    if len(group) > READ_RUNS:
        return f"more than {PAIRED_ROWS} rows, or {READ_RUNS} runs: each seed is a row"
    rows = len(group) if separate_seeds else len({key_without_seed(row) for row in group})
    return f"more than {PAIRED_ROWS} rows: each seed is one" if rows > PAIRED_ROWS else None


def rank_by_intervals(rows: Sequence[SeedGroup], column: Column, basis: str) -> Ranked:
    """Ranks without records, and without the libraries that tests need: rows whose intervals do not overlap differ.

    For many rows the intervals are widened so that all pairs keep 5 % together (Bonferroni); intervals of 95 % that do
    not overlap are already stricter than one test at 5 %, so for two rows they are not widened.
    """
    ends = [_interval(one.row, column, len(rows)) for one in rows]
    lows, highs = (sorted(end[side] for end in ends if end) for side in (0, 1))
    ranks = [
        (1 + bisect.bisect_left(highs, end[0]), bisect.bisect_right(lows, end[1])) if end else None for end in ends
    ]
    return Ranked(tuple(rows), _share_ranks(ranks, rows, column), basis)


Places = tuple[int, int] | None


def _share_ranks(ranks: Sequence[Places], rows: Sequence[SeedGroup], column: Column) -> tuple[Places, ...]:
    """Rows of one score share all ranks that any of them can have.

    A test may tell one of them from the best and not the other, since their problems differ; a reader who sees the same
    score twice would take two ranks for a mistake.
    """
    scores = [(digits(find_estimate(one.row, column)) or ("",))[0] for one in rows]
    shared: dict[str, tuple[int, int]] = {}
    for score, place in zip(scores, ranks, strict=True):
        if place is not None:
            first, last = shared.get(score, place)
            shared[score] = min(first, place[0]), max(last, place[1])
    return tuple(None if place is None else shared[score] for score, place in zip(scores, ranks, strict=True))


def _interval(row: Row, column: Column, count: int) -> tuple[float, float] | None:
    """The row's interval, the better end first and lower; None without a value."""
    e = find_estimate(row, column)
    if e is None or e.value is None:
        return None
    pairs = max(1, count * (count - 1) // 2)
    stretch = max(1.0, NormalDist().inv_cdf(1 - 0.025 / pairs) / NormalDist().inv_cdf(0.975))
    low = e.value - stretch * (e.value - (e.value if e.low is None else e.low))
    high = e.value + stretch * ((e.value if e.high is None else e.high) - e.value)
    return (-high, -low) if e.higher_is_better else (low, high)


def _read_scored_runs(
    group: Sequence[Row], folders: Mapping[str, Path], metric: Metric
) -> tuple[list[ScoredRun], list[str]]:
    kept, left_out = [], []
    for row in group:
        try:
            read = ScoredRun(row, tuple(runs.read_scores(folders[row.run_id])))
            check_estimates(row, read.scored(metric.name), metric, folders[row.run_id])
        except RunError as error:
            left_out.append(str(error))
            continue
        kept.append(read)
    return kept, left_out


def scores_of(records: Sequence[Record], metric: str) -> Scored:
    """The scores of one metric with the ids of their problems."""
    return [(record.id, score) for record in records for score in record.scores if score.metric == metric]


def check_estimates(row: Row, scores: Scored, metric: Metric, folder: Path) -> None:
    """Refuse a run whose records do not give its result: one was lost, added or changed since.

    Raises:
        RunError: names the run, the measure and both values.
    """
    from harness.stats.resampling import score_tables

    path, remedy = folder / "records.jsonl", "the records were changed; delete the folder to run it again"
    expected = {
        e.measure: e for e in row.estimates if e.metric == metric.name and e.slice is None and e.value is not None
    }
    computed = {
        name: (float(v), len(t.ids)) for t in score_tables(metric, scores) for name, v in t.measures(metric).items()
    }
    for measure, estimate in expected.items():
        value, n = computed.get(measure, (float("nan"), 0))
        if n != estimate.n or abs(value - (estimate.value or 0.0)) > 1e-9:
            here = f"{estimate.value:.6f} on {estimate.n} problems"
            raise RunError(f"{path}: gives {measure} {value:.6f} on {n} problems, result.json has {here}; {remedy}")


def _rank_by_tests(rows: Sequence[SeedGroup], metric: Metric, column: Column) -> Ranked:
    from harness.stats.paired_sample import align_problems
    from harness.stats.pairwise_tests import compare_all_pairs

    tested = [i for i, one in enumerate(rows) if sort_key(one.row, column)[0] != float("inf")]
    ranks: list[tuple[int, int] | None] = [None] * len(rows)
    if not tested:
        return Ranked(tuple(rows), tuple(ranks), _INTERVALS)
    try:
        sides = align_problems(metric, [rows[i].scored(metric.name) for i in tested], column[1])
    except HarnessError:
        return rank_by_intervals(rows, column, f"{_INTERVALS} (no problem is scored in all rows)")
    tests = compare_all_pairs(metric, sides, column[1], resamples=RESAMPLES)
    higher = all(e.higher_is_better for one in rows if (e := find_estimate(one.row, column)) is not None)
    for i, place in zip(tested, tests.ranks(higher_is_better=higher), strict=True):
        ranks[i] = place
    basis = f"paired tests of all pairs on {tests.n} problems, corrected together (max-T) at 5 %"
    row_tests = RowTests(tests, tuple(tested))
    return Ranked(tuple(rows), _share_ranks(ranks, rows, column), basis, row_tests=row_tests)

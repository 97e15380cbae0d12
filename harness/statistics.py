"""Intervals and comparisons: how sure a number is, and whether two runs differ.

Problems are the sampling unit: several candidates are inside a problem's statistics already, and scores of several
seeds that name the same problem are resampled together. Intervals are 95 %: Wilson's for shares of yes/no answers (a
bootstrap of 0 out of 20 would claim certainty), otherwise the bias-corrected and accelerated bootstrap (Efron 1987,
"Better bootstrap confidence intervals"). Equal inputs and seed give equal numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.errors import HarnessError, unknown
from harness.plugin import Metric
from harness.records import Estimate, Score
from harness.resampling import (
    CELLS,
    LEVEL,
    NORMAL,
    Array,
    Scored,
    Table,
    bca,
    combine,
    gather,
    is_share,
    resampled,
    tables,
    wilson,
)

POWER = 0.80
SAME = 1e-12
"""Measures closer than this are equal; sums of floats in another order differ by less."""


def estimate(
    metric: Metric,
    scores: Sequence[Score],
    *,
    problems: Sequence[str] | None = None,
    slice: str | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[Estimate, ...]:
    """Each measure of `metric` over `scores`, with its 95 % interval.

    `problems` names the problem of each score where several scores (seeds) share one; by default each score is a
    problem of its own. `slice` only labels the result. `Estimate.n` counts problems with at least one score that has
    the measure, `Estimate.unscored` the others. An interval is None where one problem says nothing about the spread.
    """
    if not scores:
        return ()
    names = [str(i) for i in range(len(scores))] if problems is None else problems
    total = len(set(names))
    found = [
        replace(e, unscored=total - e.n, slice=slice)
        for table in tables(metric, list(zip(names, scores, strict=True)))
        for e in _estimates(metric, table, resamples, seed)
    ]
    if not found:
        return (Estimate(metric.name, metric.name, None, None, None, 0, unscored=total, slice=slice),)
    return tuple(found)


def _estimates(metric: Metric, table: Table, resamples: int, seed: int) -> Iterator[Estimate]:
    point = table.measures(metric)
    n = len(table.ids)
    plain = {
        name
        for i, name in enumerate(table.names)
        if name in point
        and is_share(table.sums[:, i], table.counts)
        and abs(point[name] - table.sums[:, i].sum() / table.counts.sum()) < SAME
    }
    drawn: dict[str, Array] = {}
    left_out: dict[str, Array] = {}
    if n > 1 and any(name not in plain for name in point):
        drawn = gather(table.measures(metric, w) for w in resampled(n, resamples, seed))
        left_out = table.without_each(metric)
    for name, at in point.items():
        value = None if np.isnan(at) else float(at)
        low = high = None
        if value is not None and name in plain:
            low, high = wilson(round(value * n), n)
        elif value is not None and n > 1:
            low, high = bca(value, drawn[name], left_out[name])
        yield Estimate(metric.name, name, value, low, high, n, higher_is_better=_higher(metric, name))


def _higher(metric: Metric, measure: str) -> bool:
    return metric.higher_is_better and measure not in metric.lower_is_better


# ---- two runs on the same problems -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Run A against run B on the problems that both were scored on; `difference` is A's measure minus B's.

    `low` and `high` are the 95 % interval of the difference. `wins` and `losses` count problems where A or B is
    better, `unpaired` those left out because one side has no score. `problems_needed` is the number of problems at
    which a difference of this size would be found in four of five attempts, `seeds_needed` the number of seeds on
    these problems that would do; None where no number would, or where these scores cannot tell.
    """

    metric: str
    measure: str
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    test: str
    n: int
    wins: int
    losses: int
    ties: int
    unpaired: int
    problems_needed: int | None
    seeds_needed: int | None

    @property
    def decided(self) -> bool:
        """Whether the difference is significant at 5 % on its own; see `holm` for a table of comparisons."""
        return self.p is not None and self.p < 1 - LEVEL


def compare(
    metric: Metric, scores_a: Scored, scores_b: Scored, measure: str, *, resamples: int = 10_000, seed: int = 0
) -> Comparison:
    """The paired comparison of two runs in one measure.

    p is two-sided: the exact McNemar (sign) test where each problem is a yes or a no on both sides, otherwise the
    paired permutation test, which swaps the two runs problem by problem (in all ways where there are no more than
    `resamples` of them, else in that many random ways).

    Raises:
        HarnessError: no problem has the measure on both sides.
    """
    pair = _pair(metric, scores_a, scores_b, measure)
    problems = pair.a.ids
    value_a, value_b = (_number(side.measures(metric)[measure]) for side in (pair.a, pair.b))
    wins, losses, ties = _wins(metric, scores_a, scores_b, measure, set(problems))
    difference = low = high = p = needed = None
    if value_a is not None and value_b is not None:
        difference = value_a - value_b
        low, high, error = pair.interval(resamples, seed)
        p = pair.mcnemar() if pair.binary else pair.permutation(resamples, seed)
        needed = _needed(difference, error * error * len(problems))
    return Comparison(
        metric=metric.name,
        measure=measure,
        a=value_a,
        b=value_b,
        difference=difference,
        low=low,
        high=high,
        p=p,
        test="exact McNemar" if pair.binary else "paired permutation",
        n=len(problems),
        wins=wins,
        losses=losses,
        ties=ties,
        unpaired=len({name for name, _ in (*scores_a, *scores_b)}) - len(problems),
        problems_needed=needed,
        seeds_needed=_seeds_needed(scores_a, scores_b, measure, problems),
    )


def p_value(
    metric: Metric, scores_a: Scored, scores_b: Scored, measure: str, *, resamples: int = 10_000, seed: int = 0
) -> float | None:
    """The p of `compare` alone, without the intervals that cost most of its time; None where nothing can be tested."""
    pair = _pair(metric, scores_a, scores_b, measure)
    if any(_number(side.measures(metric)[measure]) is None for side in (pair.a, pair.b)):
        return None
    return pair.mcnemar() if pair.binary else pair.permutation(resamples, seed)


@dataclass(frozen=True)
class _Pair:
    """Two runs' statistics of one measure on the same problems, in one order."""

    metric: Metric
    measure: str
    a: Table
    b: Table

    @property
    def binary(self) -> bool:
        """Whether every problem is a plain yes or no on both sides."""
        return all(
            side.names == (self.measure,) and is_share(side.sums[:, 0], side.counts) for side in (self.a, self.b)
        )

    def gap(self, weights: Array | None = None) -> Array:
        """A's measure minus B's, under `weights` over the problems."""
        first, second = (side.measures(self.metric, weights)[self.measure] for side in (self.a, self.b))
        return first - second

    def interval(self, resamples: int, seed: int) -> tuple[float | None, float | None, float]:
        """The 95 % interval of the gap under a paired bootstrap over problems, and its standard error."""
        n = len(self.a.ids)
        if n < 2:
            return None, None, float("nan")
        drawn = np.concatenate([self.gap(weights) for weights in resampled(n, resamples, seed)])
        first, second = (side.without_each(self.metric)[self.measure] for side in (self.a, self.b))
        low, high = bca(float(self.gap()), drawn, first - second)
        return low, high, float(np.nanstd(drawn))

    def mcnemar(self) -> float:
        """Exact two-sided McNemar test; only for `binary` pairs."""
        from scipy.stats import binomtest

        gaps = self.a.sums[:, 0] / self.a.counts - self.b.sums[:, 0] / self.b.counts
        changed = int(np.count_nonzero(gaps))
        return float(binomtest(int(np.sum(gaps > 0)), changed).pvalue) if changed else 1.0

    def permutation(self, resamples: int, seed: int) -> float:
        """Two-sided p of the gap when each problem's two sides are swapped at random."""
        n, observed, extreme = len(self.a.ids), abs(float(self.gap())), 0
        everything = 2**n <= resamples
        for keep in _all_swaps(n) if everything else _some_swaps(n, resamples, seed):
            first, second = self._mixed(keep, self.a, self.b), self._mixed(keep, self.b, self.a)
            extreme += int(np.sum(np.abs(first - second) >= observed - SAME))
        return extreme / 2**n if everything else (extreme + 1) / (resamples + 1)

    def _mixed(self, keep: Array, one: Table, other: Table) -> Array:
        totals = keep @ one.sums + (1 - keep) @ other.sums
        counts = keep @ one.counts + (1 - keep) @ other.counts
        return combine(self.metric, one.names, totals, counts)[self.measure]


def _all_swaps(n: int) -> Iterator[Array]:
    yield np.array(list(itertools.product((0.0, 1.0), repeat=n)))


def _some_swaps(n: int, resamples: int, seed: int) -> Iterator[Array]:
    rng = np.random.default_rng(seed)
    block = max(1, CELLS // n)
    for start in range(0, resamples, block):
        yield rng.integers(0, 2, size=(min(block, resamples - start), n)).astype(np.float64)


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _pair(metric: Metric, scores_a: Scored, scores_b: Scored, measure: str) -> _Pair:
    sides = [
        [
            (problem, score if score.sums else replace(score, values={measure: score.values[measure]}))
            for problem, score in scores
            if score.why is None and (score.sums or measure in score.values)
        ]
        for scores in (scores_a, scores_b)
    ]
    common = {problem for problem, _ in sides[0]} & {problem for problem, _ in sides[1]}
    if not common:
        raise HarnessError(f"no problem has {measure!r} of metric {metric.name} in both runs: nothing to compare")
    ordered = [sorted((pair for pair in side if pair[0] in common), key=lambda pair: pair[0]) for side in sides]
    a, b = (next(tables(metric, side)) for side in ordered)
    known = a.measures(metric)
    if measure not in known:
        raise unknown(f"measure of metric {metric.name}", measure, known)
    return _Pair(metric, measure, a, b)


def _wins(metric: Metric, scores_a: Scored, scores_b: Scored, measure: str, ids: Set[str]) -> tuple[int, int, int]:
    """Problems of `ids` where A is better, where B is, and where they are equal."""
    a, b = _values(scores_a, measure), _values(scores_b, measure)
    gaps = np.array([np.mean(a[p]) - np.mean(b[p]) for p in ids if p in a and p in b])
    up, down = int(np.sum(gaps > SAME)), int(np.sum(gaps < -SAME))
    wins, losses = (up, down) if _higher(metric, measure) else (down, up)
    return wins, losses, len(gaps) - up - down


def _values(scores: Scored, measure: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for problem, score in scores:
        if score.why is None and measure in score.values:
            found.setdefault(problem, []).append(score.values[measure])
    return found


def _needed(difference: float, variance: float) -> int | None:
    """How many units of this variance would show the difference, two-sided, with the usual power."""
    if difference == 0 or np.isnan(variance):
        return None
    reach = NORMAL.inv_cdf((1 + LEVEL) / 2) + NORMAL.inv_cdf(POWER)
    return max(1, math.ceil(variance * (reach / difference) ** 2))


def _seeds_needed(scores_a: Scored, scores_b: Scored, measure: str, ids: Sequence[str]) -> int | None:
    """How many seeds on these problems would show the difference; None for one seed, or for a corpus measure.

    A mean's variance has a part between problems, which more seeds leave alone, and a part within, which they divide.
    """
    a, b = _values(scores_a, measure), _values(scores_b, measure)
    corpus = any(score.sums for _, score in (*scores_a, *scores_b))
    seeds = min((min(len(a[p]), len(b[p])) for p in ids if p in a and p in b), default=0)
    if corpus or seeds < 2 or len(ids) < 2:
        return None
    gaps = np.array([np.mean(a[p]) - np.mean(b[p]) for p in ids])
    within = float(np.mean([np.var(a[p], ddof=1) + np.var(b[p], ddof=1) for p in ids]))
    between = max(0.0, float(np.var(gaps, ddof=1)) - within / seeds)
    reach = NORMAL.inv_cdf((1 + LEVEL) / 2) + NORMAL.inv_cdf(POWER)
    room = len(ids) * (float(np.mean(gaps)) / reach) ** 2 - between
    return max(1, math.ceil(within / room)) if room > 0 else None


def describe(comparison: Comparison, a: str = "A", b: str = "B") -> list[str]:
    """The comparison as lines of text; `a` and `b` are the runs' names."""
    c = comparison
    if c.difference is None or c.p is None:
        return [f"{c.measure}: not defined on the {c.n} common problems"]
    interval = f" [{c.low:+.4f}, {c.high:+.4f}]" if c.low is not None and c.high is not None else ""
    lines = [
        f"{c.measure}: {a} {c.a:.4f}, {b} {c.b:.4f} on {c.n} common problems"
        + (f" ({c.unpaired} not scored in both)" if c.unpaired else ""),
        f"difference {c.difference:+.4f}{interval} (95 %), p = {c.p:.4g} ({c.test})",
        f"{a} better on {c.wins}, {b} on {c.losses}, equal on {c.ties}",
    ]
    if c.decided:
        lines.append("decided at 5 %")
    elif c.problems_needed is None:
        lines.append("undecided; no number of problems would show a difference of 0")
    else:
        more = max(0, c.problems_needed - c.n)
        seeds = f", or {c.seeds_needed} seeds on these" if c.seeds_needed else ""
        lines.append(f"undecided; a difference of this size needs about {more} more problems{seeds} (power 80 %)")
    return lines


# ---- many runs -----------------------------------------------------------------------------------------------------


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values adjusted for being a family (Holm 1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[i]))
        adjusted[i] = highest
    return tuple(adjusted)


def tie_groups(
    estimates: Sequence[Estimate], differ: Callable[[int, int], bool] | None = None
) -> tuple[int | None, ...]:
    """Ranks with ties: the best row opens group 1, and each next row joins unless it differs from the group's first.

    `differ(i, j)` says whether rows i and j were found to differ (by paired tests corrected with `holm`); without it,
    rows differ when their intervals do not overlap, which needs no records but sees fewer differences. A group's
    number is the rank of its first row; a row without a value has none.
    """
    differ = differ or (lambda i, j: _apart(estimates[i], estimates[j]))
    sign = -1.0 if all(e.higher_is_better for e in estimates) else 1.0
    order = sorted(
        (i for i, e in enumerate(estimates) if e.value is not None), key=lambda i: sign * (estimates[i].value or 0.0)
    )
    ranks: list[int | None] = [None] * len(estimates)
    leader = None
    for place, i in enumerate(order, 1):
        if leader is None or differ(leader, i):
            leader, rank = i, place
        ranks[i] = rank
    return tuple(ranks)


def _apart(one: Estimate, other: Estimate) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def rank(
    metric: Metric, runs: Sequence[Scored], measure: str, *, resamples: int = 10_000, seed: int = 0
) -> tuple[int | None, ...]:
    """Ranks of runs on the same problems as tie groups, by paired tests of all pairs with Holm's correction."""
    pairs = list(itertools.combinations(range(len(runs)), 2))
    found = [compare(metric, runs[i], runs[j], measure, resamples=resamples, seed=seed) for i, j in pairs]
    tested = [i for i, c in enumerate(found) if c.p is not None]
    significant = {
        pairs[i] for i, p in zip(tested, holm([found[i].p or 0.0 for i in tested]), strict=True) if p < 1 - LEVEL
    }
    estimates = [
        next(e for e in estimate(metric, [s for _, s in run], problems=[p for p, _ in run]) if e.measure == measure)
        for run in runs
    ]
    return tie_groups(estimates, lambda i, j: (min(i, j), max(i, j)) in significant)

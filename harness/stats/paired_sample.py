"""Runs aligned on their common problems, and the interval and test of the difference of two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.errors import HarnessError, unknown
from harness.plugin import Metric
from harness.records import Score
from harness.stats.resampling import (
    CONFIDENCE_LEVEL,
    NORMAL,
    TOLERANCE,
    Array,
    ProblemScores,
    ScoreTable,
    bca_interval,
    bootstrap_weights,
    constant_interval,
    is_binary,
    score_tables,
)


def align_problems(metric: Metric, sides: Sequence[ProblemScores], measure: str) -> list[ScoreTable]:
    """The statistics of `measure` on the problems that all sides have scores for, in the same order.

    Raises:
        HarnessError: there is no such problem, or the metric has no such measure.
    """
    usable = [[(problem, _keep_measure(score, measure)) for problem, score in side] for side in sides]
    shared = set.intersection(*({problem for problem, score in side if score.why is None} for side in usable))
    if not shared:
        where = "both runs" if len(sides) == 2 else "all runs"
        raise HarnessError(f"no problem has {measure!r} of metric {metric.name} in {where}: nothing to compare")
    ordered = [sorted((one for one in side if one[0] in shared), key=lambda one: one[0]) for side in usable]
    side_tables = [next(score_tables(metric, side)) for side in ordered]
    known = side_tables[0].measures(metric)
    if measure not in known:
        raise unknown(f"measure of metric {metric.name}", measure, known)
    return side_tables


def _keep_measure(score: Score, measure: str) -> Score:
    """The score with this measure only. A score that lacks it stays in the list, whose order identifies the seeds."""
    if score.why is not None or score.sums:
        return score
    if measure not in score.values:
        return Score(score.metric, why=f"no {measure}")
    return replace(score, values={measure: score.values[measure]})


@dataclass(frozen=True)
class PairedSample:
    """The statistics of two runs in one measure, on the same problems in the same order."""

    metric: Metric
    measure: str
    a: ScoreTable
    b: ScoreTable

    @property
    def binary(self) -> bool:
        """Whether every problem is a binary outcome of one seed on both sides."""
        return all(
            side.names == (self.measure,) and len(side.by_seed) == 1 and is_binary(side.sums[:, 0], side.counts)
            for side in (self.a, self.b)
        )

    def difference(self, weights: Array | None = None) -> Array:
        """A's measure minus B's, under `weights` over the problems."""
        first, second = (side.measures(self.metric, weights)[self.measure] for side in (self.a, self.b))
        return first - second

    @property
    def identical(self) -> bool:
        """Whether both runs have the same statistics on every problem."""
        first, second = (side.sums / side.counts[:, None] for side in (self.a, self.b))
        return bool(np.all(np.abs(first - second) < TOLERANCE))

    def interval(self, resamples: int, seed: int) -> tuple[float | None, float | None]:
        """The 95 % interval of the difference over problems, with fixed seeds.

        Tango's score interval for binary outcomes, the paired bootstrap otherwise. If all differences are equal, a
        bootstrap interval would have zero width. Where they are 0 the interval is then the upper end of Wilson's
        interval for 0 differing problems times the range of the metric; else it is Wilson's over all differences that
        there may be; None where the metric has no bounds.
        """
        n = len(self.a.ids)
        if self.binary:
            gaps = self.a.sums[:, 0] - self.b.sums[:, 0]
            return tango_interval(int(np.sum(gaps > 0)), int(np.sum(gaps < 0)), n)
        lowest, highest = self.metric.bounds
        width = None if lowest is None or highest is None else highest - lowest
        if self.identical:
            if width is None:
                return None, None
            reach = width * _Z**2 / (n + _Z**2)
            return -reach, reach
        if n < 2:
            return None, None
        drawn = np.concatenate([self.difference(weights) for weights in bootstrap_weights(n, resamples, seed)])
        if np.ptp(drawn) < TOLERANCE:
            return constant_interval(float(self.difference()), (width and -width, width), n)
        first, second = (side.leave_one_out(self.metric)[self.measure] for side in (self.a, self.b))
        return bca_interval(float(self.difference()), drawn, first - second)

    def mcnemar(self) -> float:
        """Exact two-sided McNemar test; only for `binary` pairs."""
        from scipy.stats import binomtest

        gaps = self.a.sums[:, 0] - self.b.sums[:, 0]
        changed = int(np.count_nonzero(gaps))
        return float(binomtest(int(np.sum(gaps > 0)), changed).pvalue) if changed else 1.0


_Z = NORMAL.inv_cdf((1 + CONFIDENCE_LEVEL) / 2)


def tango_interval(wins: int, losses: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a difference of paired shares (Tango 1998, "Equivalence test and confidence interval
    for the difference in proportions for the paired-sample design"); 0 against 0 of 24 gives ±.138."""
    gap = (wins - losses) / n
    return -_score_limit(losses, wins, n, -gap), _score_limit(wins, losses, n, gap)


def _score_limit(wins: int, losses: int, n: int, gap: float) -> float:
    """The largest difference that the score test does not reject, by bisection."""
    low, high = gap, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _score_statistic(wins, losses, n, middle) < -_Z:
            high = middle
        else:
            low = middle
    return low


def _score_statistic(wins: int, losses: int, n: int, gap: float) -> float:
    """Tango's statistic of a true difference `gap`, with the maximum-likelihood estimate of the nuisance parameter."""
    linear = (2 * n - wins + losses) * gap - wins - losses
    constant = -losses * gap * (1 - gap)
    nuisance = ((linear * linear - 8 * n * constant) ** 0.5 - linear) / (4 * n)
    variance = n * (2 * nuisance + gap * (1 - gap))
    return (wins - losses - n * gap) / variance**0.5 if variance > 0 else 0.0

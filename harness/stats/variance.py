"""Variance components: what problems, sampled answers and seeds contribute to the error of a measure.

The result of a method depends on the problems and on the training seeds. The variance of the mean over both is that of
two crossed factors: `problems` (which includes sampled answers) plus `seeds`, minus the share of sampled answers that
would count twice (Cameron, Gelbach & Miller 2011, "Robust inference with multiway clustering"). A bootstrap over S
seeds sees only (S - 1) / S of their variance and ignores its own error, so that at three seeds its intervals cover too
little (benchmarks/stats.py). Seeds therefore enter by their variance, with Student's t for the few degrees of
freedom; problems keep their own interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.plugin import Metric
from harness.stats.resampling import CONFIDENCE_LEVEL, Array, ScoreTable, combine_measures

MIN_SEEDS = 3
"""With fewer seeds they count as fixed: one has no variance, and with two the interval is too wide to be useful."""

_DEDUCTED = 0.6
"""How much of what single answers add is taken off the seeds' variance. All of it would be unbiased, but leaves nothing
in one case of ten with three seeds, and then intervals cover as little as 91 %. With this share, chosen by simulation
of normal values, those over three to ten seeds cover 93.6 to 97.6 %, whatever the sizes of the components."""


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of a measure over `n` problems and `count` seeds.

    `problems` is the variance over samples of problems. `answers` is the part of it that comes from sampled answers
    (and from how a tuning happens to do on single problems). `seeds` is the additional variance over seeds. The last
    two are None below `MIN_SEEDS` seeds, where they cannot be estimated.
    """

    problems: float
    answers: float | None
    excess: float | None
    n: int
    count: int

    @property
    def seeds(self) -> float | None:
        """The seed variance: the estimate `excess`, at least 0."""
        return None if self.excess is None else max(0.0, self.excess)

    @property
    def shared(self) -> float:
        """What single answers add both to the problems' variance and to that of the values over seeds."""
        return self.answers or 0.0

    @property
    def observed(self) -> float:
        """The variance of the measure as its values over the seeds show it; single answers are in it."""
        return max(0.0, (self.excess or 0.0) + self.shared)

    @property
    def total(self) -> float:
        """The variance of the measure, including that of the seeds where it is known."""
        return self.problems + (self.seeds or 0.0)


def variance_components(metric: Metric, table: ScoreTable, measure: str) -> VarianceComponents:
    """The variance components of a measure. The jackknife linearises it, so this works for any metric."""
    n, count = len(table.ids), len(table.by_seed)
    problems = jackknife_variance(table.leave_one_out(metric)[measure])
    if count < MIN_SEEDS:
        return VarianceComponents(problems, None, None, n, count)
    whole = table.by_seed[:, ~np.isnan(table.by_seed[:, :, 0]).any(axis=0)]
    kept = whole.shape[1]
    if kept < 2:
        return VarianceComponents(problems, None, None, n, count)
    totals = whole.sum(axis=1)
    values = combine_measures(metric, table.names, totals, kept)[measure]
    left_out = combine_measures(metric, table.names, totals[:, None] - whole, kept - 1)[measure]
    pull = (kept - 1) * (left_out.mean(axis=1, keepdims=True) - left_out)
    rest = pull - pull.mean(axis=0)
    answers = float(np.sum(rest**2)) / ((kept - 1) * (count - 1)) / (kept * count)
    excess = float(np.var(values, ddof=1)) / count - answers
    return VarianceComponents(problems, min(answers, problems), excess, n, count)


def jackknife_variance(left_out: Array) -> float:
    """The jackknife variance of a measure, from its leave-one-out values."""
    known = left_out[~np.isnan(left_out)]
    return float((len(known) - 1) / len(known) * np.sum((known - known.mean()) ** 2)) if len(known) > 1 else 0.0


def t_quantile(freedom: float) -> float:
    """The two-sided 95 % quantile of Student's t."""
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE_LEVEL) / 2, freedom))


def add_seed_variance(value: float, low: float, high: float, *parts: VarianceComponents) -> tuple[float, float]:
    """The interval over problems, widened by the seed variance of `parts` (one for each side of a difference).

    The errors are independent, so the squares of the half-widths add, separately for each end
    (Zou & Donner 2008, "method of variance estimates recovery").
    """
    known = [one for one in parts if one.excess is not None]
    seeds = sum(t_quantile(one.count - 1) ** 2 * max(0.0, one.observed - _DEDUCTED * one.shared) for one in known)
    return value - ((value - low) ** 2 + seeds) ** 0.5, value + ((high - value) ** 2 + seeds) ** 0.5


def effective_wilson_interval(value: float, components: VarianceComponents) -> tuple[float, float]:
    """Wilson's interval over problems of a share of binary outcomes of several seeds.

    The sample size is the effective one, which gives the estimated variance (Korn & Graubard 1998), at most the number
    of outcomes; with Student's t.
    """
    spread = value * (1 - value)
    size = spread / components.problems if components.problems > 0 and spread > 0 else float(components.n)
    size = min(size, float(components.n * components.count))
    z = t_quantile(components.n - 1)
    centre = (value + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * (spread / size + z * z / (4 * size * size)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)

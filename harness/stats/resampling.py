"""Resampling the problems of a run: sufficient statistics, bootstrap weights, intervals.

Every measure is a function of totals over problems (`Metric.combine`), so a bootstrap resample is one row of weights W
over the problems, and all resamples together are `combine(W @ S)`, whatever the metric. A seed gives the same
numbers on every call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.plugin import Metric
from harness.records import Score

Array = NDArray[np.float64]
ProblemScores = Sequence[tuple[str, Score]]
"""(problem id, its score); the s-th time that an id occurs is its score with the s-th seed."""

CONFIDENCE_LEVEL = 0.95
NORMAL = NormalDist()
TOLERANCE = 1e-12
"""Measures closer than this are equal; rounding in sums of floats is smaller."""
BLOCK_WEIGHTS = 1 << 22
"""Resampling works in blocks of about this many weights, to bound memory."""


@dataclass(frozen=True)
class ScoreTable:
    """Additive statistics: one row for each problem, one column for each name, with the scores they are summed from.

    `by_seed` has shape (seeds, problems, names), with NaN where a seed has no score for a problem.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    sums: Array
    counts: Array
    by_seed: Array

    def measures(self, metric: Metric, weights: Array | None = None) -> dict[str, Array]:
        """The measures under `weights` (any leading shape, last axis = problems); all problems once by default."""
        weights = np.ones(len(self.ids)) if weights is None else weights
        return combine_measures(metric, self.names, weights @ self.sums, weights @ self.counts)

    def leave_one_out(self, metric: Metric) -> dict[str, Array]:
        """The leave-one-out measures, one for each problem that is left out."""
        return combine_measures(metric, self.names, self.sums.sum(0) - self.sums, self.counts.sum() - self.counts)


def combine_measures(metric: Metric, names: Sequence[str], totals: Array, n: Any) -> dict[str, Array]:
    """The metric's measures from `totals`, whose last axis is `names`; NaN where a measure is undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 becomes NaN
        values = metric.combine({name: totals[..., i] for i, name in enumerate(names)}, n)
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}


def score_tables(metric: Metric, scored: ProblemScores) -> Iterator[ScoreTable]:
    """The scored problems, grouped by which names their scores carry.

    Metrics with `sums` must give the same names for every problem. Plain means may not: a measure that some problems
    lack is averaged over those that have it, so names are grouped by the set of scores that carry them.
    """
    turns: Counter[str] = Counter()
    usable, seeds = [], []
    for problem, score in scored:
        if score.why is None:
            usable.append((problem, score))
            seeds.append(turns[problem])
        turns[problem] += 1
    statistics = [score.sums or score.values for _, score in usable]
    carriers: dict[str, list[int]] = {}
    for row, values in enumerate(statistics):
        for name in values:
            carriers.setdefault(name, []).append(row)
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, rows in carriers.items():
        groups.setdefault(tuple(rows), []).append(name)
    if len(groups) > 1 and any(score.sums for _, score in usable):
        raise HarnessError(f"metric {metric.name}: its scores carry different sums: {sorted(carriers)}")
    for chosen, names in groups.items():
        ids = tuple(dict.fromkeys(usable[row][0] for row in chosen))
        place = {problem: i for i, problem in enumerate(ids)}
        by_seed = np.full((1 + max(seeds[row] for row in chosen), len(ids), len(names)), np.nan)
        for row in chosen:
            by_seed[seeds[row], place[usable[row][0]]] = [statistics[row][name] for name in names]
        counts = np.sum(~np.isnan(by_seed[:, :, 0]), axis=0).astype(np.float64)
        yield ScoreTable(ids, tuple(names), np.nansum(by_seed, axis=0), counts, by_seed)


def is_binary(values: Array, counts: Array) -> bool:
    """Whether outcomes are binary: the same number of scores for each problem, which are all 0 or all 1."""
    return bool(np.all(counts == counts[0]) and np.all((values == 0) | (values == counts)))


def concatenate_measures(blocks: Iterator[dict[str, Array]]) -> dict[str, Array]:
    """The measures of all blocks, concatenated."""
    parts = list(blocks)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def bootstrap_weights(n: int, resamples: int, seed: int) -> Iterator[Array]:
    """The count of each of n problems in each bootstrap resample, in blocks of shape (resamples, n)."""
    rng = np.random.default_rng(seed)
    block = max(1, min(resamples, BLOCK_WEIGHTS // n))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(0, n, size=(rows, n), dtype=np.int64)
        drawn += np.arange(rows)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def wilson_interval(successes: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson 1927)."""
    z = NORMAL.inv_cdf((1 + CONFIDENCE_LEVEL) / 2)
    centre = (successes + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (successes * (n - successes) / n + z * z / 4) ** 0.5
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half)


def constant_interval(
    value: float, bounds: tuple[float | None, float | None], n: int
) -> tuple[float | None, float | None]:
    """The interval of a mean over `n` problems that all have the same value, where a bootstrap would claim certainty.

    Wilson's for a measure within `bounds`, which is the widest that any spread within them could give; None without.
    """
    lowest, highest = bounds
    if lowest is None or highest is None:
        return None, None
    low, high = wilson_interval(n * (value - lowest) / (highest - lowest), n)
    return lowest + (highest - lowest) * low, lowest + (highest - lowest) * high


def bca_interval(value: float, drawn: Array, left_out: Array) -> tuple[float, float]:
    """Ends of the BCa interval; the percentile interval where the correction is not defined."""
    drawn = np.sort(drawn[~np.isnan(drawn)])
    tails = ((1 - CONFIDENCE_LEVEL) / 2, (1 + CONFIDENCE_LEVEL) / 2)
    below = (np.count_nonzero(drawn < value) + 0.5 * np.count_nonzero(drawn == value)) / len(drawn)
    if 0 < below < 1:
        shift = NORMAL.inv_cdf(below)
        lean = _acceleration(left_out[~np.isnan(left_out)])
        tails = tuple(_corrected(NORMAL.inv_cdf(tail), shift, lean) for tail in tails)  # type: ignore[assignment]
    low, high = np.quantile(drawn, tails)
    return float(low), float(high)


def _acceleration(left_out: Array) -> float:
    away = left_out.mean() - left_out
    spread = float(np.sum(away**2))
    return float(np.sum(away**3)) / (6 * spread**1.5) if spread > 0 else 0.0


def _corrected(z: float, shift: float, lean: float) -> float:
    stretch = 1 - lean * (shift + z)
    return NORMAL.cdf(shift + (shift + z) / stretch) if stretch > 0 else float(z > 0)

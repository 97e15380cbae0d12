"""Tests of all pairs of rows of a board with family-wise error control, and rank ranges from them.

The probability that any two equal rows are found to differ is at most 5 %, for any number of rows. The statistic of a
pair is its difference over its standard error. All pairs are judged by the distribution of the largest statistic under
one permutation scheme common to all rows (max-T; Westfall & Young 1993), step-down (Romano & Wolf 2005).

A permutation swaps the two rows of a pair problem by problem, with the same random signs for all pairs. For each pair
of equal rows this is its exact permutation test (for binary outcomes: McNemar's), which does not depend on other rows,
so the error is controlled whichever rows are equal. With more than two rows, one sign per problem does not model that
each row is sampled independently: with binary outcomes on 60 problems the error rate was 6 to 7.5 %. The observed
difference is therefore reduced by one step (Edwards' continuity correction of McNemar's test).

Rows of several seeds add the variance of the seeds. Three seeds estimate it badly, so it has a critical value of its
own: that of the largest Student's t of all pairs, where the variance of a row is at least the mean over rows. A pair
differs when its squared difference is above the sum of both variances, each times its squared critical value.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.plugin import Metric
from harness.stats.resampling import (
    BLOCK_WEIGHTS,
    CONFIDENCE_LEVEL,
    NORMAL,
    TOLERANCE,
    Array,
    ScoreTable,
    combine_measures,
    is_binary,
)
from harness.stats.variance import VarianceComponents, variance_components

POWER = 0.80


@dataclass(frozen=True)
class PairwiseTests:
    """All pairs of rows on the same `n` problems.

    `p[i, j]` is two-sided and adjusted for all pairs, NaN where a measure is undefined. `errors[i, j]` is the standard
    error of the difference, `reach[i, j]` the critical difference. `critical` is the critical value over problems in
    standard errors.
    """

    values: Array
    p: Array
    errors: Array
    reach: Array
    critical: float
    n: int
    shares: bool
    """Whether all rows have binary outcomes of one seed."""

    def ranks(self, *, higher_is_better: bool) -> tuple[tuple[int, int] | None, ...]:
        """The first and last rank of each row: one more than the rows found better; all rows less those worse."""
        sign = 1.0 if higher_is_better else -1.0
        known = ~np.isnan(self.values)
        values = np.where(known, sign * self.values, 0.0)
        apart = (self.p < 1 - CONFIDENCE_LEVEL) & known[:, None] & known[None, :]
        better = np.sum(apart & (values[None, :] > values[:, None]), axis=1)
        worse = np.sum(apart & (values[None, :] < values[:, None]), axis=1)
        total = int(known.sum())
        return tuple((1 + int(b), total - int(w)) if k else None for b, w, k in zip(better, worse, known, strict=True))

    def detectable(self, i: int, j: int) -> float:
        """The smallest difference of two rows that would be found with a power of 80 %."""
        return detectable_difference(float(self.reach[i, j]), float(self.errors[i, j]), self.n, shares=self.shares)


def compare_all_pairs(
    metric: Metric, sides: Sequence[ScoreTable], measure: str, *, resamples: int = 2_000, seed: int = 0
) -> PairwiseTests:
    """The tests of all pairs of `sides`, whose problems are the same in the same order.

    All problems have the same weight, whatever their number of seeds. All permutations are enumerated where there are
    at most `resamples`.
    """
    means = np.stack([side.sums / side.counts[:, None] for side in sides])
    n, names = means.shape[1], sides[0].names
    values = combine_measures(metric, names, means.sum(axis=1), n)[measure]
    noises = [variance_components(metric, side, measure) for side in sides]
    pairs = np.array(list(itertools.combinations(range(len(sides)), 2)), dtype=np.int64).reshape(-1, 2)
    variance = _seed_variances(noises)
    exact = 2**n <= resamples and not variance.any()
    signed_totals = _signed_totals(means, resamples, seed, exact=exact)
    null_differences = _null_differences(metric, names, means, signed_totals, pairs, measure)
    differences = values[pairs[:, 0]] - values[pairs[:, 1]]
    undefined, differences = np.isnan(differences), np.nan_to_num(differences)
    steps = _smallest_steps(means, names, pairs, measure) / n if len(sides) > 2 else np.zeros(len(pairs))
    spread = np.mean(null_differences**2, axis=0)
    seed_variance = variance[pairs[:, 0]] + variance[pairs[:, 1]]
    swaps = np.abs(null_differences) / np.sqrt(np.where(spread > TOLERANCE**2, spread, np.inf))
    training = _student_draws(noises, pairs, len(null_differences), seed)
    adjusted, critical, reach = _step_down(
        np.clip(np.abs(differences) - steps, 0.0, None), spread, seed_variance, swaps, training
    )
    if not exact:
        adjusted = (adjusted * len(null_differences) + 1) / (len(null_differences) + 1)
    errors = np.sqrt(np.clip(spread - differences**2 / n, 0.0, None) + seed_variance)
    square = [np.where(undefined, np.nan, one) for one in (adjusted, errors, reach + steps)]
    p, error, needed = (
        _symmetric_matrix(one, pairs, len(sides), at) for one, at in zip(square, (1.0, 0.0, 0.0), strict=True)
    )
    shares = all(len(side.by_seed) == 1 and is_binary(side.sums[:, 0], side.counts) for side in sides)
    return PairwiseTests(values, p, error, needed, critical, n, shares and tuple(names) == (measure,))


def detectable_difference(reach: float, error: float, n: int, *, shares: bool) -> float:
    """The difference found with a power of 80 %, given the critical difference `reach` and the standard error.

    For binary outcomes the standard error grows with the difference (Connor 1987).
    """
    detectable = plain = reach + NORMAL.inv_cdf(POWER) * error
    for _ in range(50 if shares and error > 0 else 0):
        detectable = plain * (1 + detectable / (n * error**2)) ** 0.5
    return min(detectable, 1.0) if shares else detectable


def _symmetric_matrix(upper: Array, pairs: NDArray[np.int64], size: int, diagonal: float) -> Array:
    matrix = np.full((size, size), diagonal)
    matrix[pairs[:, 0], pairs[:, 1]] = matrix[pairs[:, 1], pairs[:, 0]] = upper
    return matrix


def _signed_totals(means: Array, resamples: int, seed: int, *, exact: bool) -> Array:
    """The totals of each row under the signs of each resample, of shape (resamples, rows, names).

    A sign is -1 where the sides of a problem are swapped, else +1.
    """
    rows, n, width = means.shape
    flat = means.transpose(1, 0, 2).reshape(n, rows * width)
    if exact:
        parts = [np.array(list(itertools.product((1.0, -1.0), repeat=n))) @ flat]
    else:
        rng, size = np.random.default_rng(seed), max(1, BLOCK_WEIGHTS // n)
        some = [min(size, resamples - start) for start in range(0, resamples, size)]
        parts = [(2.0 * rng.integers(0, 2, size=(k, n), dtype=np.int8) - 1.0) @ flat for k in some]
    return np.concatenate(parts).reshape(-1, rows, width)


def _null_differences(
    metric: Metric, names: Sequence[str], means: Array, turned: Array, pairs: NDArray[np.int64], measure: str
) -> Array:
    """The differences of all pairs under the null hypothesis, of shape (resamples, pairs)."""
    totals, n = means.sum(axis=1), means.shape[1]
    parts = [np.zeros((len(turned), 0))]
    for some in _blocks(pairs, len(turned) * len(names)):
        first, second = some[:, 0], some[:, 1]
        middle, half = (totals[first] + totals[second]) / 2, (turned[:, first] - turned[:, second]) / 2
        one, other = (combine_measures(metric, names, middle + way * half, n)[measure] for way in (1, -1))
        parts.append(np.nan_to_num(one - other))  # undefined says nothing
    return np.concatenate(parts, axis=1)


def _blocks(pairs: NDArray[np.int64], each: int) -> Iterator[NDArray[np.int64]]:
    size = max(1, BLOCK_WEIGHTS // each)
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def _smallest_steps(means: Array, names: Sequence[str], pairs: NDArray[np.int64], measure: str) -> Array:
    """The smallest change of a pair's sum by one problem; 0 for a corpus measure, which is not a sum over problems."""
    if tuple(names) != (measure,):
        return np.zeros(len(pairs))
    gaps = np.abs(means[pairs[:, 0], :, 0] - means[pairs[:, 1], :, 0])
    least = np.where(gaps > TOLERANCE, gaps, np.inf).min(axis=1)
    return np.where(np.isfinite(least), least, 0.0)


def _seed_variances(noises: Sequence[VarianceComponents]) -> Array:
    """The seed variance of each row, at least the mean over rows; 0 where it is unknown or zero."""
    known = [one.excess for one in noises if _has_seed_variance(one) and one.excess is not None]
    floor = max(0.0, float(np.mean(known))) if known else 0.0
    return np.array([max(one.seeds or 0.0, floor) if _has_seed_variance(one) else 0.0 for one in noises])


def _has_seed_variance(one: VarianceComponents) -> bool:
    """Whether the row has enough seeds to estimate their variance, and it is not zero."""
    return one.excess is not None and (one.excess > 0 or bool(one.answers))


def _student_draws(noises: Sequence[VarianceComponents], pairs: NDArray[np.int64], resamples: int, seed: int) -> Array:
    """Draws of Student's t of each pair whose rows differ only by seeds, of shape (resamples, pairs)."""
    live = np.array([_has_seed_variance(one) for one in noises])
    if not live.any():
        return np.zeros((resamples, len(pairs)))
    rng = np.random.default_rng([seed, 1])
    free = np.array([max(1, one.count - 1) for one in noises])
    shift = rng.normal(size=(resamples, len(noises))) * live
    variance = rng.chisquare(free, (resamples, len(noises))) / free
    floor = variance[:, live].mean(axis=1, keepdims=True)
    variance = np.maximum(variance, floor) * live
    both = variance[:, pairs[:, 0]] + variance[:, pairs[:, 1]]
    gaps: Array = np.abs(shift[:, pairs[:, 0]] - shift[:, pairs[:, 1]])
    return gaps / np.sqrt(np.where(both > 0, both, np.inf))


def _step_down(gaps: Array, spread: Array, seeds: Array, swaps: Array, training: Array) -> tuple[Array, float, Array]:
    """(adjusted p of each pair, the critical value over problems, the critical difference of each pair)."""
    if not len(gaps):
        return gaps, NORMAL.inv_cdf((1 + CONFIDENCE_LEVEL) / 2), gaps
    critical, other = (float(np.quantile(one.max(axis=1), CONFIDENCE_LEVEL)) for one in (swaps, training))
    reach = np.sqrt(critical**2 * spread + other**2 * seeds)
    falling = np.argsort(-np.divide(gaps, reach, out=np.zeros_like(gaps), where=reach > 0), kind="stable")
    # The largest of this pair and all that follow, in rising order: the quantiles at which a difference is judged.
    first, second = (
        np.sort(np.maximum.accumulate(one[:, falling][:, ::-1], axis=1)[:, ::-1], axis=0) for one in (swaps, training)
    )
    bar = np.sqrt(first**2 * spread[falling] + second**2 * seeds[falling])
    adjusted = np.empty_like(gaps)
    adjusted[falling] = np.maximum.accumulate(np.mean(bar >= gaps[falling] - TOLERANCE, axis=0))
    return adjusted, critical, reach

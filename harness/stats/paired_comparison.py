"""Paired comparison of two sides on the same problems, each one run or the seeds of one method.

p is two-sided: the exact McNemar (sign) test where every problem is a binary outcome on both sides, otherwise the
paired permutation test, which swaps the sides problem by problem. With seeds, their variance is added
(`pairwise_tests`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np

from harness.plugin import Metric
from harness.stats.estimates import is_higher_better
from harness.stats.paired_sample import PairedSample, align_problems
from harness.stats.pairwise_tests import POWER, compare_all_pairs, detectable_difference
from harness.stats.resampling import CONFIDENCE_LEVEL, NORMAL, TOLERANCE, ProblemScores
from harness.stats.variance import (
    MIN_SEEDS,
    VarianceComponents,
    add_seed_variance,
    jackknife_variance,
    variance_components,
)


@dataclass(frozen=True)
class PairedComparison:
    """Side A against side B on the problems that both have scores for; `difference` is A's measure minus B's.

    `low` and `high` are the 95 % interval of the difference. `wins` and `losses` count problems where A or B is
    better, `unpaired` the problems left out because one side has no score. `problems_needed` is the number of problems
    at which a difference of this size would be found with a power of 80 %, and `problems_needed_range` the same for the
    ends of the interval (the second is None where the interval contains 0). `seeds_needed` is the number of seeds per
    side that would suffice on these problems. These are None where no number would suffice, or where the scores cannot
    show it. `detectable` is the smallest difference found with a power of 80 % as it is. `noises` are the standard
    errors of the difference by cause; None where they are unknown.
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
    problems_needed_range: tuple[int | None, int | None] = (None, None)
    detectable: float | None = None
    seeds: tuple[int, int] = (1, 1)
    noises: tuple[float, float | None, float | None] | None = None
    """(problems, single answers, seeds)."""
    tuned: tuple[bool, bool] = (True, True)
    """Whether a side was tuned: what was not has no seeds of training."""
    without_leaks: PairedComparison | None = None
    """The same on the problems that neither side learnt from; None where there is no leak, or nothing but leaks."""

    @property
    def decided(self) -> bool:
        """Whether the difference is significant at 5 % on its own; for the rows of a board see `pairwise_tests`."""
        return self.p is not None and self.p < 1 - CONFIDENCE_LEVEL


def compare(
    metric: Metric,
    scores_a: ProblemScores,
    scores_b: ProblemScores,
    measure: str,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    critical: float | None = None,
) -> PairedComparison:
    """The paired comparison of two sides in one measure.

    `critical` is the number of standard errors that counts as found: that of one comparison (1.96) by default, that of
    an `Ordering` where the two are rows among others. It enters what is needed and what can be detected.

    Raises:
        HarnessError: no problem has the measure on both sides.
    """
    pair = PairedSample(metric, measure, *align_problems(metric, (scores_a, scores_b), measure))
    problems = pair.a.ids
    value_a, value_b = (_number(float(side.measures(metric)[measure])) for side in (pair.a, pair.b))
    wins, losses, ties = _wins(metric, scores_a, scores_b, measure, set(problems))
    inference = _Inference()
    if value_a is not None and value_b is not None:
        reach = (_Z if critical is None else critical) + NORMAL.inv_cdf(POWER)
        inference = _infer(pair, value_a - value_b, resamples, seed, reach)
    return PairedComparison(
        metric=metric.name,
        measure=measure,
        a=value_a,
        b=value_b,
        test=_test(pair),
        n=len(problems),
        wins=wins,
        losses=losses,
        ties=ties,
        unpaired=len({name for name, _ in (*scores_a, *scores_b)}) - len(problems),
        seeds=(len(pair.a.by_seed), len(pair.b.by_seed)),
        **vars(inference),
    )


_Z = NORMAL.inv_cdf((1 + CONFIDENCE_LEVEL) / 2)


@dataclass
class _Inference:
    """The inference about a difference, where it is defined."""

    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    problems_needed: int | None = None
    problems_needed_range: tuple[int | None, int | None] = (None, None)
    seeds_needed: int | None = None
    detectable: float | None = None
    noises: tuple[float, float | None, float | None] | None = None


def _infer(pair: PairedSample, difference: float, resamples: int, seed: int, reach: float) -> _Inference:
    sides = [variance_components(pair.metric, side, pair.measure) for side in (pair.a, pair.b)]
    tested = compare_all_pairs(pair.metric, (pair.a, pair.b), pair.measure, resamples=resamples, seed=seed)
    low, high = pair.interval(resamples, seed)
    if low is not None and high is not None:
        low, high = add_seed_variance(difference, low, high, *sides)
    inference = _Inference(difference, low, high, pair.mcnemar() if pair.binary else float(tested.p[0, 1]))
    spread = [one.seeds for one in sides if one.seeds is not None]
    first, second = (side.leave_one_out(pair.metric)[pair.measure] for side in (pair.a, pair.b))
    fixed = jackknife_variance(first - second)
    inference.noises = _noises(fixed, sides)
    inference.problems_needed = _problems_needed(difference, fixed, sum(spread), len(pair.a.ids), reach)
    if low is not None and high is not None:
        ends = [max(abs(low), abs(high)), 0.0 if low <= 0 <= high else min(abs(low), abs(high))]
        few, many = (_problems_needed(end, fixed, sum(spread), len(pair.a.ids), reach) for end in ends)
        inference.problems_needed_range = (few, many)
    inference.seeds_needed = _seeds_needed(difference, fixed, sides, reach)
    error = (fixed + sum(spread)) ** 0.5
    bar = (reach - NORMAL.inv_cdf(POWER)) * error
    inference.detectable = detectable_difference(bar, error, len(pair.a.ids), shares=pair.binary) or None
    return inference


def _noises(fixed: float, sides: Sequence[VarianceComponents]) -> tuple[float, float | None, float | None]:
    """Standard errors of the difference by cause; with too few seeds the first includes the second."""
    answers = [one.answers for one in sides if one.answers is not None]
    seeds = [one.seeds for one in sides if one.seeds is not None]
    if len(answers) < len(sides):
        return fixed**0.5, None, None
    within = min(fixed, sum(answers))
    return (fixed - within) ** 0.5, within**0.5, sum(seeds) ** 0.5


def _test(pair: PairedSample) -> str:
    if pair.binary:
        return "exact McNemar"
    counts = [len(side.by_seed) for side in (pair.a, pair.b)]
    return "paired permutation" + (", with seeds" if max(counts) >= MIN_SEEDS else "")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _problems_needed(difference: float, fixed: float, seeds: float, n: int, reach: float) -> int | None:
    """The number of problems at which the difference would be found; it does not reduce the variance of the seeds."""
    room = (difference / reach) ** 2 - seeds
    return max(1, math.ceil(fixed * n / room)) if difference and room > 0 and fixed > 0 else None


def _seeds_needed(difference: float, fixed: float, sides: Sequence[VarianceComponents], reach: float) -> int | None:
    """The number of seeds per side at which the difference would be found; None below three seeds or if impossible."""
    per_seed = 0.0
    for one in sides:
        if one.answers is None or one.seeds is None:
            return None
        per_seed += (one.answers + one.seeds) * one.count
    between = max(0.0, fixed - sum(one.answers or 0.0 for one in sides))
    room = (difference / reach) ** 2 - between
    return max(1, math.ceil(per_seed / room)) if difference and room > 0 else None


def _wins(
    metric: Metric, scores_a: ProblemScores, scores_b: ProblemScores, measure: str, ids: Set[str]
) -> tuple[int, int, int]:
    """Problems of `ids` where A is better, where B is, and where they are equal."""
    a, b = _values(scores_a, measure), _values(scores_b, measure)
    gaps = np.array([np.mean(a[p]) - np.mean(b[p]) for p in ids if p in a and p in b])
    up, down = int(np.sum(gaps > TOLERANCE)), int(np.sum(gaps < -TOLERANCE))
    wins, losses = (up, down) if is_higher_better(metric, measure) else (down, up)
    return wins, losses, len(gaps) - up - down


def _values(scores: ProblemScores, measure: str) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for problem, score in scores:
        if score.why is None and measure in score.values:
            values.setdefault(problem, []).append(score.values[measure])
    return values


def describe(comparison: PairedComparison, a: str = "A", b: str = "B") -> list[str]:
    """The comparison as lines of text, values in per cent; `a` and `b` are the sides' names."""
    c = comparison
    if c.difference is None or c.p is None:
        return [f"{c.measure}: not defined on the {c.n} common problems"]
    return [
        f"{c.measure}: {a} {100 * (c.a or 0):.2f}, {b} {100 * (c.b or 0):.2f} on {c.n} common problems"
        + (f" ({c.unpaired} not scored in both)" if c.unpaired else ""),
        _difference(c),
        f"{a} better on {c.wins}, {b} on {c.losses}, equal on {c.ties}",
        *_verdict(c),
        *_causes(c),
        *_clean(c, a, b),
    ]


def _difference(c: PairedComparison) -> str:
    interval = ""
    if c.low is not None and c.high is not None:
        interval = f" [{100 * c.low:+.2f}, {100 * c.high:+.2f}]"
    return f"difference {100 * (c.difference or 0):+.2f} points{interval} (95 %), p = {c.p:.4g} ({c.test})"


def _clean(c: PairedComparison, a: str, b: str) -> Iterator[str]:
    """The same on the problems that neither side learnt from, in a line."""
    clean = c.without_leaks
    if clean is not None and clean.difference is not None and clean.p is not None:
        values = f"{a} {100 * (clean.a or 0):.2f}, {b} {100 * (clean.b or 0):.2f}"
        yield f"without the {c.n - clean.n} problems that a side learnt from: {values}; {_difference(clean)}"


def _verdict(c: PairedComparison) -> Iterator[str]:
    if c.decided:
        yield "decided at 5 %"
    elif not c.difference:
        yield "undecided; no number of problems would show a difference of 0"
    else:
        ways = [f"about {format_problems_needed(c)} problems"] if c.problems_needed else []
        ways += [f"{c.seeds_needed} seeds a side on these"] if c.seeds_needed else []
        remedy = " or ".join(ways) if ways else "more problems and more seeds together"
        yield f"undecided; a difference of this size needs {remedy} (power 80 %)"


def format_problems_needed(c: PairedComparison) -> str:
    """The number of problems needed, with the ends of its own interval: "1,200 (at least 300)"."""
    few, many = c.problems_needed_range
    most = f", at most {many:,}" if many else ""
    return f"{c.problems_needed:,}" + (f" (at least {few:,}{most})" if few else "")


def _causes(c: PairedComparison) -> Iterator[str]:
    if c.detectable:
        yield f"smallest difference that these runs could have shown: {100 * c.detectable:.2f} points (power 80 %)"
    if any(tuned and seeds < MIN_SEEDS for tuned, seeds in zip(c.tuned, c.seeds, strict=True)):
        yield f"the interval does not hold what training adds: that takes {MIN_SEEDS} seeds a side"
    elif c.noises is not None:
        parts = zip(("problems", "single answers", "seeds"), c.noises, strict=True)
        shares = [f"{name} {100 * value:.2f}" for name, value in parts if value is not None]
        yield f"standard error by cause, in points: {', '.join(shares)}"

"""Two runs on the same problems: exact tests and score intervals against scipy and the likelihood itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from harness.errors import HarnessError, UsageError
from harness.plugin import Metric
from harness.records import Score
from harness.stats.estimates import estimate
from harness.stats.paired_sample import PairedSample, align_problems, tango_interval

Z = 1.959963984540054


class Mean(Metric):
    name = "mean"


class Sixth(Metric):
    """A mean of values from -1 to 5."""

    name = "mean"
    bounds = (-1.0, 5.0)


class Unbounded(Metric):
    name = "mean"
    bounds = (0.0, None)


class Ratio(Metric):
    name = "ratio"

    def combine(self, totals, n):
        return {"ratio": totals["hit"] / totals["all"]}


def named(*values: float) -> list[tuple[str, Score]]:
    return [(f"p{i:03}", Score("mean", {"m": value})) for i, value in enumerate(values)]


def pair(a: Any, b: Any, metric: Metric | None = None) -> PairedSample:
    metric = metric or Mean()
    return PairedSample(metric, "m", *align_problems(metric, (named(*a), named(*b)), "m"))


def score_of(wins: int, losses: int, n: int, gap: float) -> float:
    """The score statistic of a difference `gap`, its nuisance share found by maximising the likelihood."""

    def unlikely(lost: float) -> float:
        shares = (lost + gap, lost, 1 - 2 * lost - gap)
        return -sum(
            k * math.log(max(p, 1e-300)) for k, p in zip((wins, losses, n - wins - losses), shares, strict=True) if k
        )

    most = optimize.minimize_scalar(
        unlikely, bounds=(max(0.0, -gap), (1 - gap) / 2), method="bounded", options={"xatol": 1e-12}
    )
    return (wins - losses - n * gap) / math.sqrt(n * (2 * most.x + gap - gap * gap))


@pytest.mark.parametrize(
    ("wins", "losses", "n"), [(12, 2, 44), (2, 12, 44), (3, 3, 10), (5, 1, 9), (1, 0, 30), (20, 19, 40)]
)
def test_the_ends_of_the_score_interval_are_where_the_likelihood_just_refuses(wins: int, losses: int, n: int) -> None:
    low, high = tango_interval(wins, losses, n)
    assert low < (wins - losses) / n < high
    assert score_of(wins, losses, n, low) == pytest.approx(Z, abs=1e-4)
    assert score_of(wins, losses, n, high) == pytest.approx(-Z, abs=1e-4)


def test_the_score_interval_turns_with_its_sides_and_stays_in_its_bounds() -> None:
    for wins, losses, n in ((4, 1, 12), (9, 0, 9), (0, 0, 5), (0, 6, 6)):
        low, high = tango_interval(wins, losses, n)
        assert tango_interval(losses, wins, n) == pytest.approx((-high, -low), abs=1e-9)
        assert -1 <= low <= high <= 1
    reach = Z**2 / (24 + Z**2)
    assert tango_interval(0, 0, 24) == pytest.approx((-reach, reach), abs=1e-9)


@pytest.mark.parametrize(("wins", "losses"), [(9, 2), (2, 9), (4, 4), (1, 0), (0, 0), (6, 0)])
def test_mcnemar_is_the_share_of_all_ways_that_the_unlike_problems_can_fall(wins: int, losses: int) -> None:
    changed = wins + losses
    ways = [math.comb(changed, k) for k in range(changed + 1)]
    wanted = sum(way for way in ways if way <= ways[wins]) / 2**changed
    a, b = [1.0] * wins + [0.0] * losses + [1.0, 0.0], [0.0] * wins + [1.0] * losses + [1.0, 0.0]
    assert pair(a, b).binary
    assert pair(a, b).mcnemar() == pytest.approx(wanted)


def test_of_yes_and_no_answers_the_interval_is_the_score_interval_of_wins_and_losses() -> None:
    a, b = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    assert pair(a, b).interval(100, 0) == tango_interval(3, 1, 7)
    assert float(pair(a, b).difference()) == pytest.approx(2 / 7)


def test_of_other_values_the_interval_is_that_of_the_differences() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random(30), rng.exponential(size=30)
    [wanted] = estimate(Mean(), [score for _, score in named(*(a - b))], resamples=800, seed=5)
    assert pair(a, b).interval(800, 5) == pytest.approx((wanted.low, wanted.high))
    assert pair(a, b).difference(np.eye(30)) == pytest.approx(a - b)


def test_sides_that_differ_alike_everywhere_claim_no_certainty() -> None:
    low, high = pair([0.75, 0.5, 0.5], [0.5, 0.25, 0.25]).interval(500, 0)
    assert low is not None and high is not None
    assert -1 < low < 0 and 0.25 < high < 1  # Wilson for 0.25 between -1 and 1 on three problems
    assert pair([0.75] * 400, [0.5] * 400).interval(500, 0) == pytest.approx((0.153, 0.342), abs=0.001)


def test_sides_that_are_alike_everywhere_claim_what_the_bounds_of_the_metric_allow() -> None:
    values = [0.5, 0.25, 0.75, 0.125]
    reach = 6 * Z**2 / (4 + Z**2)
    assert pair(values, values, Sixth()).interval(100, 0) == pytest.approx((-reach, reach))
    assert pair(values, values, Unbounded()).interval(100, 0) == (None, None)
    nearly = [0.5 + 1e-9, *values[1:]]
    assert not pair(values, nearly).identical and pair(values, [v + 1e-15 for v in values]).identical


def test_one_problem_has_no_interval() -> None:
    assert pair([0.5], [0.25]).interval(100, 0) == (None, None)
    assert pair([0.5, 0.5], [0.25, 0.0]).interval(100, 0) != (None, None)


def test_values_between_0_and_1_several_seeds_and_corpus_measures_are_no_yes_or_no() -> None:
    assert not pair([0.5, 1.0], [0.0, 1.0]).binary
    assert not pair([0.0, 1.0], [0.5, 1.0]).binary
    twice = [*named(1.0, 0.0), *named(1.0, 0.0)]
    assert not PairedSample(Mean(), "m", *align_problems(Mean(), (twice, twice), "m")).binary
    ratios = [(str(i), Score("ratio", sums={"hit": 1.0, "all": 1.0})) for i in range(3)]
    assert not PairedSample(Ratio(), "ratio", *align_problems(Ratio(), (ratios, ratios), "ratio")).binary


def test_common_problems_are_in_one_order_with_the_measure_alone() -> None:
    a = [
        ("z", Score("mean", {"m": 1.0, "other": 3.0})),
        ("x", Score("mean", {"m": 2.0})),
        ("y", Score("mean", why="no")),
    ]
    b = [("x", Score("mean", {"m": 4.0})), ("w", Score("mean", {"m": 9.0})), ("z", Score("mean", {"m": 5.0}))]
    b += [("y", Score("mean", {"m": 9.0})), ("v", Score("mean", {"other": 1.0}))]
    first, second = align_problems(Mean(), (a, b), "m")
    assert first.ids == second.ids == ("x", "z") and first.names == second.names == ("m",)
    assert (first.sums.ravel().tolist(), second.sums.ravel().tolist()) == ([2.0, 1.0], [4.0, 5.0])


def test_a_seed_without_the_measure_leaves_the_other_seeds_in_their_places() -> None:
    a = [("x", Score("mean", {"m": 1.0})), ("x", Score("mean", {"other": 2.0})), ("x", Score("mean", {"m": 3.0}))]
    [table] = align_problems(Mean(), (a,), "m")
    assert np.array_equal(table.by_seed[:, 0, 0], [1.0, np.nan, 3.0], equal_nan=True)


def test_runs_without_a_common_problem_are_refused_in_the_words_of_their_number() -> None:
    with pytest.raises(HarnessError, match="no problem has 'm' of metric mean in both runs: nothing to compare"):
        align_problems(Mean(), (named(1.0), [("q", Score("mean", {"m": 1.0}))]), "m")
    with pytest.raises(HarnessError, match="in all runs"):
        align_problems(Mean(), (named(1.0), named(1.0), [("q", Score("mean", {"m": 1.0}))]), "m")
    with pytest.raises(UsageError, match="no measure of metric ratio 'share'"):
        ratios = [("x", Score("ratio", sums={"hit": 1.0, "all": 1.0}))]
        align_problems(Ratio(), (ratios, ratios), "share")


def test_mcnemar_is_scipys_sign_test() -> None:
    a, b = [1.0] * 7 + [0.0] * 3, [0.0] * 7 + [1.0] * 3
    assert pair(a, b).mcnemar() == pytest.approx(stats.binomtest(7, 10).pvalue)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_score_interval_of_few_problems_alike_has_a_closed_form(n: int) -> None:
    reach = Z**2 / (n + Z**2)
    assert tango_interval(0, 0, n) == pytest.approx((-reach, reach), abs=1e-9)


def test_another_measure_of_the_same_scores_changes_nothing() -> None:
    a = [(f"p{i}", Score("mean", {"other": 0.5, "m": float(i % 2)})) for i in range(6)]
    b = [(f"p{i}", Score("mean", {"other": 0.5, "m": float(i % 3 == 0)})) for i in range(6)]
    found = PairedSample(Mean(), "m", *align_problems(Mean(), (a, b), "m"))
    assert found.binary and found.a.names == ("m",)


def test_a_problem_that_one_side_has_without_the_measure_is_left_out_of_both() -> None:
    a = [("x", Score("mean", {"m": 1.0})), ("y", Score("mean", {"other": 1.0}))]
    b = [("x", Score("mean", {"m": 0.0})), ("y", Score("mean", {"m": 0.0}))]
    for sides in ((a, b), (b, a)):
        assert [table.ids for table in align_problems(Mean(), sides, "m")] == [("x",), ("x",)]

"""Intervals cover what they say, comparisons agree with exact tests, and equal inputs give equal numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.plugin import Metric
from harness.records import Estimate, Score
from harness.stats import estimates


class Mean(Metric):
    name = "mean"


class Ratio(Metric):
    """A corpus measure: the ratio of two totals, which no mean over problems gives."""

    name = "ratio"
    lower_is_better = ("rest",)

    def combine(self, totals, n):
        return {"ratio": totals["hit"] / totals["all"], "rest": 1 - totals["hit"] / totals["all"]}


def means(*values: float) -> list[Score]:
    return [Score("mean", values={"m": value}) for value in values]


def ratio(hit: float, all: float) -> Score:
    share = {"ratio": hit / all, "rest": 1 - hit / all} if all else {}
    return Score("ratio", values=share, sums={"hit": hit, "all": all})


def named(scores: list[Score]) -> list[tuple[str, Score]]:
    return [(f"p{i:03}", score) for i, score in enumerate(scores)]


def only(metric: Metric, scores: list[Score], **options) -> Estimate:
    (found,) = estimates.estimate(metric, scores, resamples=2000, **options)
    return found


def test_a_share_of_yes_and_no_gets_the_wilson_interval():
    found = only(Mean(), means(*[1.0] * 7, *[0.0] * 13))
    # Newcombe 1998, table I: Wilson for 7 of 20 is .1812 to .5671
    assert (round(found.low, 4), round(found.high, 4)) == (0.1812, 0.5671)


def test_a_share_of_yes_and_no_and_a_graded_measure_of_one_metric_have_the_interval_of_each():
    graded = [0.2, 0.4, 0.9, 0.3, 0.8] * 4
    scores = [Score("mean", values={"m": float(i < 7), "g": value}) for i, value in enumerate(graded)]
    found = {e.measure: e for e in estimates.estimate(Mean(), scores, resamples=2000)}
    assert (round(found["m"].low, 4), round(found["m"].high, 4)) == (0.1812, 0.5671)
    assert found["g"].value == pytest.approx(0.52)
    assert 0.3 < found["g"].low < 0.52 < found["g"].high < 0.7


def test_two_problems_are_enough_for_an_interval_and_one_is_not():
    found = only(Mean(), means(0.25, 0.75))
    assert found.low < found.value == 0.5 < found.high
    alone = only(Mean(), means(0.25))
    assert (alone.value, alone.low, alone.high) == (0.25, None, None)


def test_the_same_value_on_every_problem_does_not_claim_certainty():
    found = only(Mean(), means(0.5, 0.5, 0.5))
    assert (found.value, round(found.low, 3), round(found.high, 3)) == (0.5, 0.125, 0.875)  # Wilson for half of 3
    many = only(Mean(), means(*[0.25] * 80))
    assert 0.16 < many.low < 0.25 < many.high < 0.36


def test_the_same_value_of_a_measure_without_bounds_has_no_interval():
    class Length(Metric):
        name = "length"
        bounds = (0.0, None)

    found = only(Length(), [Score("length", values={"m": 7.0})] * 3)
    assert (found.value, found.low, found.high) == (7.0, None, None)


def test_nothing_right_does_not_claim_certainty():
    found = only(Mean(), means(*[0.0] * 20))
    assert (found.value, found.low) == (0.0, 0.0)
    assert 0.1 < found.high < 0.2


def test_nothing_right_with_three_seeds_does_not_claim_certainty_either():
    found = only(Mean(), means(*[0.0] * 60), problems=[f"p{i // 3}" for i in range(60)])
    assert found.n == 20
    assert 0.1 < found.high < 0.2


def test_a_corpus_measure_is_the_ratio_of_totals_not_the_mean_of_ratios():
    found = estimates.estimate(Ratio(), [ratio(1, 1), ratio(0, 9)], resamples=500)
    assert found[0].value == 0.1


def test_a_measure_where_less_is_better_says_so():
    found = estimates.estimate(Ratio(), [ratio(1, 2), ratio(3, 9)], resamples=500)
    assert [e.higher_is_better for e in found] == [True, False]


def test_an_undefined_measure_is_none_not_zero():
    found = estimates.estimate(Ratio(), [ratio(0, 0), ratio(0, 0)], resamples=500)
    assert [(e.value, e.low, e.high) for e in found] == [(None, None, None)] * 2


def test_unscored_problems_are_counted_apart():
    found = only(Mean(), [*means(1.0, 0.0), Score("mean", why="the sandbox failed")])
    assert (found.value, found.n, found.unscored) == (0.5, 2, 1)


def test_nothing_scored_is_an_estimate_without_value():
    found = only(Mean(), [Score("mean", why="x")] * 3)
    assert (found.value, found.n, found.unscored) == (None, 0, 3)


def test_a_measure_that_some_problems_lack_is_averaged_over_those_that_have_it():
    scores = [Score("mean", values={"m": 1.0, "m/strict": 1.0}), *means(0.0, 0.0)]
    found = {e.measure: e for e in estimates.estimate(Mean(), scores, resamples=500)}
    assert (found["m"].n, found["m"].unscored) == (3, 0)
    assert (found["m/strict"].value, found["m/strict"].n, found["m/strict"].unscored) == (1.0, 1, 2)


def test_scores_of_a_corpus_metric_with_different_sums_are_refused():
    with pytest.raises(HarnessError, match="different sums"):
        estimates.estimate(Ratio(), [ratio(1, 1), Score("ratio", sums={"hit": 1.0})])


def test_seeds_of_one_problem_are_resampled_together():
    values = np.random.default_rng(1).random(40)
    once = only(Mean(), means(*values))
    seeds = only(Mean(), means(*np.repeat(values, 3)), problems=[f"p{i // 3}" for i in range(120)])
    apart = only(Mean(), means(*np.repeat(values, 3)))
    assert seeds.n == 40
    assert seeds.value == pytest.approx(once.value)
    assert (seeds.low, seeds.high) == pytest.approx((once.low, once.high))
    assert apart.high - apart.low < 0.7 * (once.high - once.low)


def test_equal_inputs_and_seed_give_equal_numbers():
    scores = means(*np.random.default_rng(2).random(50))
    assert only(Mean(), scores, seed=3) == only(Mean(), scores, seed=3)
    assert only(Mean(), scores, seed=3) != only(Mean(), scores, seed=4)


def test_the_bca_interval_agrees_with_scipy():
    from scipy.stats import bootstrap

    values = np.random.default_rng(5).exponential(size=60)
    found = estimates.estimate(Mean(), means(*values), resamples=20_000)[0]
    wanted = bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(6))
    low, high = wanted.confidence_interval
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.015)


def test_the_interval_of_a_skewed_ratio_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    covered = 0
    for trial in range(200):
        sizes = rng.geometric(0.2, size=60)
        scores = [ratio(float(rng.binomial(size, 0.7)), float(size)) for size in sizes]
        found = estimates.estimate(Ratio(), scores, resamples=600, seed=trial)[0]
        covered += found.low <= 0.7 <= found.high
    assert 178 <= covered <= 200  # 190 expected; 4 standard deviations


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12), st.randoms())
def test_the_order_of_problems_changes_no_value(pairs, random):
    scores = [ratio(min(a, b), max(a, b)) for a, b in pairs]
    shuffled = scores.copy()
    random.shuffle(shuffled)
    values = [[e.value for e in estimates.estimate(Ratio(), order, resamples=50)] for order in (scores, shuffled)]
    assert values[0] == values[1]


class Turned(Metric):
    """What is counted is not what is measured, though it has its name."""

    name = "mean"

    def combine(self, totals, n):
        return {"m": 1 - totals["m"] / n if self.turned > 0 else totals["m"] / n + 0.25}

    def __init__(self, turned: int) -> None:
        self.turned = turned


def test_an_estimate_says_what_was_not_scored_of_which_slice():
    found = only(Mean(), [Score("mean", why="x"), *means(0.0, 1.0)], slice="easy")
    assert (found.metric, found.measure, found.slice, found.n, found.unscored) == ("mean", "m", "easy", 2, 1)
    nothing = only(Mean(), [Score("mean", why="x")], slice="easy")
    assert nothing == Estimate("mean", "mean", None, None, None, 0, unscored=1, slice="easy")
    assert estimates.estimate(Mean(), []) == ()


def test_ten_thousand_resamples_are_drawn_with_seed_0_where_nothing_is_said():
    scores = means(*np.random.default_rng(3).random(15))
    (found,) = estimates.estimate(Mean(), scores)
    assert (found,) == estimates.estimate(Mean(), scores, resamples=10_000, seed=0)
    assert (found,) != estimates.estimate(Mean(), scores, resamples=9_999)
    assert (found,) != estimates.estimate(Mean(), scores, seed=1)


def test_one_problem_has_a_value_and_no_interval_unless_it_is_a_yes_or_a_no():
    found = only(Mean(), means(0.25))
    assert (found.value, found.low, found.high, found.n) == (0.25, None, None, 1)
    assert only(Mean(), means(1.0)).low == pytest.approx(0.2065, abs=1e-4)  # Wilson's for 1 of 1
    two = [Score("mean", {"m": 0.25}), Score("mean", {"m": 0.75})]
    seeds = only(Mean(), two, problems=["p", "p"])
    assert (seeds.value, seeds.low, seeds.high, seeds.n) == (0.5, None, None, 1)


def test_yes_and_no_answers_of_several_seeds_get_wilsons_interval_of_their_variance():
    from harness.stats.resampling import score_tables
    from harness.stats.variance import effective_wilson_interval, variance_components

    answers = np.random.default_rng(4).integers(0, 2, (2, 20)).astype(float)
    scores, names = means(*answers.ravel()), [f"p{i}" for i in range(20)] * 2
    found = only(Mean(), scores, problems=names)
    [table] = score_tables(Mean(), list(zip(names, scores, strict=True)))
    wanted = effective_wilson_interval(answers.mean(), variance_components(Mean(), table, "m"))
    assert (found.low, found.high) == pytest.approx(wanted)
    apart = only(Mean(), means(*(answers.ravel() / 2)), problems=names)
    assert (apart.low, apart.high) != pytest.approx((wanted[0] / 2, wanted[1] / 2), abs=1e-6)


@pytest.mark.parametrize("turned", [1, -1])
def test_a_measure_that_is_no_mean_of_its_answers_is_no_share(turned):
    scores = means(*[1.0] * 12, *[0.0] * 3)
    found = only(Turned(turned), scores)
    share = only(Mean(), scores)
    width = share.high - share.low
    assert found.value == pytest.approx(0.2 if turned > 0 else 1.05)
    assert (found.low, found.high) != pytest.approx((0.0548, 0.4537), abs=0.01)  # Wilson's for 3 of 15
    assert found.high - found.low != pytest.approx(width, abs=1e-6)
    twice = only(Turned(turned), scores * 2, problems=[f"p{i}" for i in range(15)] * 2)
    assert (twice.low, twice.high) == pytest.approx((found.low, found.high))


def test_an_interval_over_three_seeds_is_widened_by_what_they_add():
    rng = np.random.default_rng(5)
    values = rng.random((3, 12)) + np.array([[0.0], [0.4], [-0.4]])
    names = [f"p{i}" for i in range(12)]
    wide = only(Mean(), means(*values.ravel()), problems=names * 3)
    fixed = only(Mean(), means(*values.mean(axis=0)), problems=names)
    assert wide.value == pytest.approx(fixed.value)
    assert wide.high - wide.low > 2 * (fixed.high - fixed.low)


def test_the_numbers_of_a_seed_stay_what_they_were():
    """Random numbers drawn in another way would change every published interval a little."""
    (found,) = estimates.estimate(Mean(), means(*(np.arange(20) / 16) ** 2), resamples=500)
    assert (found.low, found.high) == pytest.approx((0.3009428894618997, 0.6645595942830432), abs=1e-12)

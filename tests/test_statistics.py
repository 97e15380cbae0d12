"""Intervals cover what they say, comparisons agree with exact tests, and equal inputs give equal numbers."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import statistics
from harness.errors import HarnessError
from harness.plugin import Metric
from harness.records import Estimate, Score


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
    (found,) = statistics.estimate(metric, scores, resamples=2000, **options)
    return found


def test_a_share_of_yes_and_no_gets_the_wilson_interval():
    found = only(Mean(), means(*[1.0] * 7, *[0.0] * 13))
    # Newcombe 1998, table I: Wilson for 7 of 20 is .1812 to .5671
    assert (round(found.low, 4), round(found.high, 4)) == (0.1812, 0.5671)


def test_nothing_right_does_not_claim_certainty():
    found = only(Mean(), means(*[0.0] * 20))
    assert (found.value, found.low) == (0.0, 0.0)
    assert 0.1 < found.high < 0.2


def test_nothing_right_with_three_seeds_does_not_claim_certainty_either():
    found = only(Mean(), means(*[0.0] * 60), problems=[f"p{i // 3}" for i in range(60)])
    assert found.n == 20
    assert 0.1 < found.high < 0.2


def test_a_corpus_measure_is_the_ratio_of_totals_not_the_mean_of_ratios():
    found = statistics.estimate(Ratio(), [ratio(1, 1), ratio(0, 9)], resamples=500)
    assert found[0].value == 0.1


def test_a_measure_where_less_is_better_says_so():
    found = statistics.estimate(Ratio(), [ratio(1, 2), ratio(3, 9)], resamples=500)
    assert [e.higher_is_better for e in found] == [True, False]


def test_an_undefined_measure_is_none_not_zero():
    found = statistics.estimate(Ratio(), [ratio(0, 0), ratio(0, 0)], resamples=500)
    assert [(e.value, e.low, e.high) for e in found] == [(None, None, None)] * 2


def test_unscored_problems_are_counted_apart():
    found = only(Mean(), [*means(1.0, 0.0), Score("mean", why="the sandbox failed")])
    assert (found.value, found.n, found.unscored) == (0.5, 2, 1)


def test_nothing_scored_is_an_estimate_without_value():
    found = only(Mean(), [Score("mean", why="x")] * 3)
    assert (found.value, found.n, found.unscored) == (None, 0, 3)


def test_a_measure_that_some_problems_lack_is_averaged_over_those_that_have_it():
    scores = [Score("mean", values={"m": 1.0, "m/strict": 1.0}), *means(0.0, 0.0)]
    found = {e.measure: e for e in statistics.estimate(Mean(), scores, resamples=500)}
    assert (found["m"].n, found["m"].unscored) == (3, 0)
    assert (found["m/strict"].value, found["m/strict"].n, found["m/strict"].unscored) == (1.0, 1, 2)


def test_scores_of_a_corpus_metric_with_different_sums_are_refused():
    with pytest.raises(HarnessError, match="different sums"):
        statistics.estimate(Ratio(), [ratio(1, 1), Score("ratio", sums={"hit": 1.0})])


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
    found = statistics.estimate(Mean(), means(*values), resamples=20_000)[0]
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
        found = statistics.estimate(Ratio(), scores, resamples=600, seed=trial)[0]
        covered += found.low <= 0.7 <= found.high
    assert 178 <= covered <= 200  # 190 expected; 4 standard deviations


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12), st.randoms())
def test_the_order_of_problems_changes_no_value(pairs, random):
    scores = [ratio(min(a, b), max(a, b)) for a, b in pairs]
    shuffled = scores.copy()
    random.shuffle(shuffled)
    values = [[e.value for e in statistics.estimate(Ratio(), order, resamples=50)] for order in (scores, shuffled)]
    assert values[0] == values[1]


def test_mcnemar_is_the_exact_sign_test_on_the_problems_that_differ():
    a = means(*[1.0] * 9, *[0.0] * 2, *[1.0] * 20)
    b = means(*[0.0] * 9, *[1.0] * 2, *[1.0] * 20)
    found = statistics.compare(Mean(), named(a), named(b), "m", resamples=500)
    assert found.test == "exact McNemar"
    assert (found.wins, found.losses, found.ties) == (9, 2, 20)
    assert found.p == pytest.approx(2 * sum(comb(11, i) for i in range(3)) / 2**11)


def test_the_permutation_test_goes_through_all_swaps_of_few_problems():
    a, b = [ratio(h, 10) for h in (9, 8, 9, 7, 9)], [ratio(h, 10) for h in (3, 2, 4, 1, 2)]
    found = statistics.compare(Ratio(), named(a), named(b), "ratio")
    assert found.test == "paired permutation"
    assert found.p == 2 / 32
    assert found.difference == pytest.approx(0.6)


def test_random_swaps_agree_with_scipy():
    from scipy.stats import permutation_test

    rng = np.random.default_rng(8)
    a, b = rng.random(40) + 0.1, rng.random(40)
    found = statistics.compare(Mean(), named(means(*a)), named(means(*b)), "m")
    wanted = permutation_test(
        (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", n_resamples=10_000, rng=rng
    )
    assert found.p == pytest.approx(wanted.pvalue, abs=0.02)


def test_a_run_never_differs_from_itself():
    runs = named([ratio(h, 10) for h in range(1, 9)])
    found = statistics.compare(Ratio(), runs, runs, "ratio", resamples=500)
    assert (found.difference, found.p, found.wins, found.losses, found.ties) == (0.0, 1.0, 0, 0, 8)
    assert found.problems_needed is None


def test_less_is_better_turns_wins_around_but_not_the_difference():
    a, b = [ratio(9, 10), ratio(8, 10)], [ratio(2, 10), ratio(3, 10)]
    found = statistics.compare(Ratio(), named(a), named(b), "rest", resamples=500)
    assert found.difference == pytest.approx(-0.6)
    assert (found.wins, found.losses) == (2, 0)


def test_only_problems_with_both_scores_are_compared():
    a = [("x", means(1.0)[0]), ("y", means(1.0)[0]), ("only-a", means(0.0)[0])]
    b = [("y", means(0.0)[0]), ("x", means(0.0)[0]), ("only-b", means(1.0)[0])]
    found = statistics.compare(Mean(), a, b, "m", resamples=500)
    assert (found.a, found.b, found.n, found.unpaired) == (1.0, 0.0, 2, 2)


def test_runs_without_common_problems_cannot_be_compared():
    with pytest.raises(HarnessError, match="nothing to compare"):
        statistics.compare(Mean(), [("x", means(1.0)[0])], [("y", means(1.0)[0])], "m")


def test_a_mistyped_measure_gets_the_nearest_one():
    runs = named([ratio(1, 2), ratio(2, 2)])
    with pytest.raises(HarnessError, match="Did you mean 'ratio'"):
        statistics.compare(Ratio(), runs, runs, "ratoi")


def test_the_problems_that_are_said_to_be_needed_would_decide_it():
    rng = np.random.default_rng(9)
    gap, spread = 0.05, 0.3
    pilot = rng.normal(gap, spread, 60)
    shifted = pilot - pilot.mean() + gap
    found = statistics.compare(Mean(), named(means(*shifted)), named(means(*[0.0] * 60)), "m", resamples=4000)
    assert found.problems_needed == pytest.approx((2.8016 * shifted.std() / gap) ** 2, rel=0.1)
    decided = 0
    for trial in range(60):
        sample = rng.normal(gap, shifted.std(), found.problems_needed)
        again = statistics.compare(
            Mean(), named(means(*sample)), named(means(*[0.0] * len(sample))), "m", resamples=400, seed=trial
        )
        decided += again.decided
    assert 38 <= decided <= 58  # 80 % of 60 is 48


def test_more_seeds_help_only_against_the_spread_within_problems():
    rng = np.random.default_rng(10)
    names = [f"p{i:02}" for i in range(30) for _ in range(4)]
    noise = rng.normal(0, 0.5, 120)
    within = [(n, s) for n, s in zip(names, means(*(0.05 + noise - noise.mean())), strict=True)]
    nothing = [(n, s) for n, s in zip(names, means(*[0.0] * 120), strict=True)]
    between = [(n, s) for n, s in zip(names, means(*np.repeat(rng.normal(0.05, 0.5, 30), 4)), strict=True)]
    one = statistics.compare(Mean(), within, nothing, "m", resamples=500)
    other = statistics.compare(Mean(), between, nothing, "m", resamples=500)
    assert one.seeds_needed is not None
    assert one.seeds_needed > 4
    assert other.seeds_needed is None


def test_a_comparison_reads_as_lines():
    a, b = means(*[1.0] * 6, *[0.0] * 6), means(*[0.0] * 3, *[1.0] * 2, *[0.0] * 7)
    lines = statistics.describe(statistics.compare(Mean(), named(a), named(b), "m", resamples=500), "lora", "icl")
    assert lines[0] == "m: lora 0.5000, icl 0.1667 on 12 common problems"
    assert lines[1].startswith("difference +0.3333 [")
    assert "lora better on 4, icl on 0, equal on 8" in lines
    assert lines[-1].startswith("undecided; a difference of this size needs about")


def test_holm_matches_a_worked_example():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert statistics.holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_only_raises_p_and_keeps_their_order(p_values):
    adjusted = statistics.holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


def row(value: float | None, half: float = 0.05, higher: bool = True) -> Estimate:
    ends = (None, None) if value is None else (value - half, value + half)
    return Estimate("m", "m", value, *ends, 10, higher_is_better=higher)


def test_rows_whose_intervals_overlap_share_a_rank():
    assert statistics.tie_groups([row(0.5), row(0.9), row(0.45), row(0.1), row(None)]) == (2, 1, 2, 4, None)


def test_where_less_is_better_the_smallest_is_first():
    assert statistics.tie_groups([row(0.5, higher=False), row(0.1, higher=False)]) == (2, 1)


def test_ranks_use_paired_tests_that_see_more_than_overlapping_intervals():
    rng = np.random.default_rng(11)
    hard = rng.random(80)
    best, good = (named(means(*np.clip(hard + up, 0, 2))) for up in (0.05, 0.0))
    twin = [(name, Score("mean", values={"m": s.values["m"] + rng.normal(0, 1e-3)})) for name, s in good]
    assert statistics.rank(Mean(), [good, best, twin], "m", resamples=500) == (2, 1, 2)
    estimates = [only(Mean(), [s for _, s in run]) for run in (good, best, twin)]
    assert set(statistics.tie_groups(estimates)) == {1}

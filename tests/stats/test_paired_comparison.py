"""Comparisons agree with exact tests, claim no certainty, and say what would decide them."""

from __future__ import annotations

import math
from dataclasses import replace
from math import comb

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.plugin import Metric
from harness.records import Score
from harness.stats.paired_comparison import PairedComparison, compare, describe


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


def test_mcnemar_is_the_exact_sign_test_on_the_problems_that_differ():
    a = means(*[1.0] * 9, *[0.0] * 2, *[1.0] * 20)
    b = means(*[0.0] * 9, *[1.0] * 2, *[1.0] * 20)
    found = compare(Mean(), named(a), named(b), "m", resamples=500)
    assert found.test == "exact McNemar"
    assert (found.wins, found.losses, found.ties) == (9, 2, 20)
    assert found.p == pytest.approx(2 * sum(comb(11, i) for i in range(3)) / 2**11)


def test_the_permutation_test_goes_through_all_swaps_of_few_problems():
    a, b = [ratio(h, 10) for h in (9, 8, 9, 7, 9)], [ratio(h, 10) for h in (3, 2, 4, 1, 2)]
    found = compare(Ratio(), named(a), named(b), "ratio")
    assert found.test == "paired permutation"
    assert found.p == 2 / 32
    assert found.difference == pytest.approx(0.6)


def test_random_swaps_agree_with_scipy():
    from scipy.stats import permutation_test

    rng = np.random.default_rng(8)
    a, b = rng.random(40) + 0.1, rng.random(40)
    found = compare(Mean(), named(means(*a)), named(means(*b)), "m")
    wanted = permutation_test(
        (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", n_resamples=10_000, rng=rng
    )
    assert found.p == pytest.approx(wanted.pvalue, abs=0.02)


def test_a_run_never_differs_from_itself():
    runs = named([ratio(h, 10) for h in range(1, 9)])
    found = compare(Ratio(), runs, runs, "ratio", resamples=500)
    assert (found.difference, found.p, found.wins, found.losses, found.ties) == (0.0, 1.0, 0, 0, 8)
    assert found.problems_needed is None


def test_less_is_better_turns_wins_around_but_not_the_difference():
    a, b = [ratio(9, 10), ratio(8, 10)], [ratio(2, 10), ratio(3, 10)]
    found = compare(Ratio(), named(a), named(b), "rest", resamples=500)
    assert found.difference == pytest.approx(-0.6)
    assert (found.wins, found.losses) == (2, 0)


def test_only_problems_with_both_scores_are_compared():
    a = [("x", means(1.0)[0]), ("y", means(1.0)[0]), ("only-a", means(0.0)[0])]
    b = [("y", means(0.0)[0]), ("x", means(0.0)[0]), ("only-b", means(1.0)[0])]
    found = compare(Mean(), a, b, "m", resamples=500)
    assert (found.a, found.b, found.n, found.unpaired) == (1.0, 0.0, 2, 2)


def test_runs_without_common_problems_cannot_be_compared():
    with pytest.raises(HarnessError, match="nothing to compare"):
        compare(Mean(), [("x", means(1.0)[0])], [("y", means(1.0)[0])], "m")


def test_a_mistyped_measure_gets_the_nearest_one():
    runs = named([ratio(1, 2), ratio(2, 2)])
    with pytest.raises(HarnessError, match="Did you mean 'ratio'"):
        compare(Ratio(), runs, runs, "ratoi")


def test_the_problems_that_are_said_to_be_needed_would_decide_it():
    rng = np.random.default_rng(9)
    gap, spread = 0.05, 0.3
    pilot = rng.normal(gap, spread, 60)
    shifted = pilot - pilot.mean() + gap
    found = compare(Mean(), named(means(*shifted)), named(means(*[0.0] * 60)), "m", resamples=4000)
    assert found.problems_needed == pytest.approx((2.8016 * shifted.std() / gap) ** 2, rel=0.1)
    decided = 0
    for trial in range(60):
        sample = rng.normal(gap, shifted.std(), found.problems_needed)
        again = compare(
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
    one = compare(Mean(), within, nothing, "m", resamples=500)
    other = compare(Mean(), between, nothing, "m", resamples=500)
    assert one.seeds_needed is not None
    assert one.seeds_needed > 4
    assert other.seeds_needed is None


def test_a_comparison_reads_as_lines():
    a, b = means(*[1.0] * 6, *[0.0] * 6), means(*[0.0] * 3, *[1.0] * 2, *[0.0] * 7)
    lines = describe(compare(Mean(), named(a), named(b), "m", resamples=500), "lora", "icl")
    assert lines[0] == "m: lora 50.00, icl 16.67 on 12 common problems"
    assert lines[1].startswith("difference +33.33 points [")
    assert "lora better on 4, icl on 0, equal on 8" in lines
    assert any(line.startswith("undecided; a difference of this size needs about") for line in lines)
    assert lines[-1] == "the interval does not hold what training adds: that takes 3 seeds a side"


def test_nothing_right_on_both_sides_claims_no_certainty():
    nothing = named(means(*[0.0] * 24))
    found = compare(Mean(), nothing, nothing, "m", resamples=500)
    # z^2 / (24 + z^2), the limit of Tango's interval without an unlike pair
    assert (found.difference, round(found.low, 3), round(found.high, 3)) == (0.0, -0.138, 0.138)


def test_a_corpus_measure_that_is_the_same_on_every_problem_claims_no_certainty_either():
    runs = named([ratio(h, 10) for h in range(1, 9)])
    found = compare(Ratio(), runs, runs, "ratio", resamples=500)
    assert found.low == -found.high and found.high > 0.3


def test_at_the_ends_of_the_score_interval_of_paired_shares_the_score_test_just_decides():
    from harness.stats.paired_sample import _score_statistic, tango_interval

    low, high = tango_interval(12, 2, 44)
    assert [round(abs(_score_statistic(12, 2, 44, gap)), 6) for gap in (low, high)] == [1.959964] * 2
    assert low < 10 / 44 < high


def test_problems_needed_says_how_little_it_knows():
    rng = np.random.default_rng(12)
    a, b = named(means(*(rng.random(50) + 0.03))), named(means(*rng.random(50)))
    found = compare(Mean(), a, b, "m", resamples=500)
    few, many = found.problems_needed_range
    assert few is not None and found.problems_needed is not None and few < found.problems_needed
    assert many is None and found.low < 0 < found.high
    more = compare(Mean(), a, b, "m", resamples=500, critical=3.5)
    assert more.problems_needed > found.problems_needed and more.detectable > found.detectable


POWER = 0.8416212335729143
"""Standard errors between a bar and the difference that is above it in four of five attempts."""
REACH = 1.959963984540054 + POWER


def seeded(values: np.ndarray) -> list[tuple[str, Score]]:
    """(seeds, problems) as scores."""
    return [(f"p{i:03}", score) for one in values for i, score in enumerate(means(*one))]


def test_problems_needed_detectable_and_noises_follow_from_the_variance_over_problems():
    rng = np.random.default_rng(20)
    a, b = rng.random(40) + 0.3, rng.random(40)
    found = compare(Mean(), named(means(*a)), named(means(*b)), "m", resamples=300)
    gap, error = np.mean(a - b), np.std(a - b, ddof=1) / 40**0.5
    assert found.difference == pytest.approx(gap)
    assert found.problems_needed == math.ceil(40 * (REACH * error / gap) ** 2)
    assert found.detectable == pytest.approx(REACH * error)
    assert found.noises == (pytest.approx(error), None, None)
    near, far = sorted((abs(found.low), abs(found.high)))
    assert found.problems_needed_range == tuple(math.ceil(40 * (REACH * error / end) ** 2) for end in (far, near))
    assert found.seeds_needed is None and found.seeds == (1, 1)
    wider = compare(Mean(), named(means(*a)), named(means(*b)), "m", resamples=300, critical=3.0)
    assert wider.detectable == pytest.approx((3.0 + POWER) * error)


def test_more_problems_leave_the_variance_of_seeds_as_it_is_and_more_seeds_that_of_problems():
    rng = np.random.default_rng(21)
    base = rng.normal(0, 0.3, (1, 30))
    shift = np.array([0.02, -0.02, 0.01, -0.01])[:, None]
    a = base + 0.1 + shift + rng.normal(0, 0.1, (4, 30))
    b = 0.5 * base - shift + rng.normal(0, 0.1, (4, 30))
    found = compare(Mean(), seeded(a), seeded(b), "m", resamples=300)
    gap = a.mean() - b.mean()
    fixed = np.var(a.mean(axis=0) - b.mean(axis=0), ddof=1) / 30
    answers, seeds = [], []
    for side in (a, b):
        rest = side - side.mean(axis=0) - side.mean(axis=1, keepdims=True) + side.mean()
        answers.append(np.sum(rest**2) / (29 * 3) / (30 * 4))
        seeds.append(max(0.0, np.var(side.mean(axis=1), ddof=1) / 4 - answers[-1]))
    assert found.seeds == (4, 4) and found.test == "paired permutation, with seeds"
    assert found.noises == pytest.approx(((fixed - sum(answers)) ** 0.5, sum(answers) ** 0.5, sum(seeds) ** 0.5))
    assert found.problems_needed == math.ceil(fixed * 30 / ((gap / REACH) ** 2 - sum(seeds)))
    room = (gap / REACH) ** 2 - (fixed - sum(answers))
    assert found.seeds_needed == (math.ceil(4 * (sum(answers) + sum(seeds)) / room) if room > 0 else None)
    assert found.detectable == pytest.approx(REACH * (fixed + sum(seeds)) ** 0.5)
    points = compare(Mean(), named(means(*a.mean(axis=0))), named(means(*b.mean(axis=0))), "m", resamples=300)
    seen = [np.var(side.mean(axis=1), ddof=1) / 4 for side in (a, b)]
    more = 3.182446**2 * sum(max(0.0, v - 0.6 * w) for v, w in zip(seen, answers, strict=True))  # Student's t
    assert found.low == pytest.approx(gap - ((gap - points.low) ** 2 + more) ** 0.5, rel=1e-5)
    assert found.high == pytest.approx(gap + ((points.high - gap) ** 2 + more) ** 0.5, rel=1e-5)


def test_seeds_needed_are_those_at_which_the_spread_of_seeds_is_small_enough():
    rng = np.random.default_rng(22)
    base = rng.normal(0, 1, (1, 60))
    shift = np.array([0.3, -0.3, 0.0])[:, None]
    a, b = base + 0.2 + shift, base + 1e-6 * rng.normal(size=(3, 60))
    found = compare(Mean(), seeded(a), seeded(b), "m", resamples=200)
    assert found.seeds_needed == math.ceil(3 * (0.09 / 3) / (0.2 / REACH) ** 2)
    assert found.problems_needed is None  # no number of problems makes up for three seeds
    swapped = compare(Mean(), seeded(b), seeded(a), "m", resamples=200)
    assert swapped.seeds_needed == found.seeds_needed and swapped.difference == pytest.approx(-0.2)
    mixed = compare(Mean(), seeded(a), named(means(*base[0])), "m", resamples=200)
    assert mixed.seeds_needed is None and mixed.seeds == (3, 1) and mixed.noises[1:] == (None, None)
    assert mixed.test == "paired permutation, with seeds"


def test_yes_and_no_answers_can_show_no_difference_above_1():
    found = compare(Mean(), named(means(1.0, 0.0, 1.0)), named(means(0.0, 1.0, 0.0)), "m")
    assert found.detectable == 1.0 and found.test == "exact McNemar" and found.p == 1.0
    few = compare(Mean(), named(means(*[1.0] * 30, 0.0, 0.0)), named(means(*[1.0] * 28, 0.0, 0.0, 1.0, 0.0)), "m")
    error = (np.var([0.0] * 28 + [1.0, 1.0, -1.0, 0.0], ddof=1) / 32) ** 0.5
    assert few.detectable > REACH * error


def test_wins_are_counted_on_the_common_problems_by_the_mean_of_their_seeds():
    a = [("x", s) for s in means(1.0, 0.0)] + [("y", s) for s in means(1.0, 1.0)] + [("z", s) for s in means(0.0, 0.0)]
    b = [("x", s) for s in means(0.0, 1.0)] + [("y", s) for s in means(1.0, 0.0)] + [("z", s) for s in means(0.0, 1.0)]
    b += [("only-b", s) for s in means(1.0, 1.0)] + [("unscored", Score("mean", why="no"))]
    found = compare(Mean(), a, b, "m", resamples=100)
    assert (found.wins, found.losses, found.ties, found.unpaired) == (1, 1, 1, 2)


def test_a_measure_that_is_not_defined_says_nothing_else():
    runs = named([ratio(0, 0)] * 3)
    found = compare(Ratio(), runs, named([ratio(1, 2)] * 3), "ratio")
    assert (found.a, found.b, found.difference, found.p, found.low, found.detectable) == (None, 0.5, *[None] * 4)
    assert found.problems_needed_range == (None, None) and not found.decided
    assert describe(found) == ["ratio: not defined on the 3 common problems"]


BASE = PairedComparison(
    metric="mean",
    measure="m",
    a=0.5,
    b=0.25,
    difference=0.25,
    low=-0.05,
    high=0.5,
    p=0.0625,
    test="paired permutation",
    n=12,
    wins=4,
    losses=1,
    ties=7,
    unpaired=0,
    problems_needed=1234,
    seeds_needed=None,
)
HEAD = [
    "m: lora 50.00, icl 25.00 on 12 common problems",
    "difference +25.00 points [-5.00, +50.00] (95 %), p = 0.0625 (paired permutation)",
    "lora better on 4, icl on 1, equal on 7",
]
NO_SEEDS = "the interval does not hold what training adds: that takes 3 seeds a side"
WORDS = [
    ({}, "undecided; a difference of this size needs about 1,234 problems (power 80 %)"),
    (
        {"problems_needed_range": (300, None)},
        "undecided; a difference of this size needs about 1,234 (at least 300) problems (power 80 %)",
    ),
    (
        {"problems_needed_range": (300, 5000)},
        "undecided; a difference of this size needs about 1,234 (at least 300, at most 5,000) problems (power 80 %)",
    ),
    (
        {"seeds_needed": 7},
        "undecided; a difference of this size needs about 1,234 problems or 7 seeds a side on these (power 80 %)",
    ),
    (
        {"problems_needed": None, "seeds_needed": 7},
        "undecided; a difference of this size needs 7 seeds a side on these (power 80 %)",
    ),
    (
        {"problems_needed": None},
        "undecided; a difference of this size needs more problems and more seeds together (power 80 %)",
    ),
    ({"p": 0.049}, "decided at 5 %"),
    ({"p": 0.0}, "decided at 5 %"),
]


@pytest.mark.parametrize(("fields", "verdict"), WORDS)
def test_the_verdict_says_what_a_difference_needs(fields, verdict):
    lines = describe(replace(BASE, **fields), "lora", "icl")
    assert lines[3:] == [verdict, NO_SEEDS]
    if not fields:
        assert lines[:3] == HEAD


def test_a_comparison_says_what_is_missing_and_what_it_could_have_shown():
    plain = replace(BASE, difference=0.0, low=None, high=None, unpaired=3, detectable=0.125, seeds=(3, 2))
    assert describe(plain) == [
        "m: A 50.00, B 25.00 on 12 common problems (3 not scored in both)",
        "difference +0.00 points (95 %), p = 0.0625 (paired permutation)",
        "A better on 4, B on 1, equal on 7",
        "undecided; no number of problems would show a difference of 0",
        "smallest difference that these runs could have shown: 12.50 points (power 80 %)",
        NO_SEEDS,
    ]
    told = replace(BASE, seeds=(3, 4), noises=(0.01, 0.02, 0.03))
    assert describe(told)[4:] == ["standard error by cause, in points: problems 1.00, single answers 2.00, seeds 3.00"]
    assert describe(replace(told, noises=(0.01, None, None)))[4:] == [
        "standard error by cause, in points: problems 1.00"
    ]
    assert describe(replace(told, noises=None))[4:] == []


def test_ten_thousand_swaps_are_made_where_nothing_is_said_and_as_many_as_are_asked_for():
    rng = np.random.default_rng(23)
    a, b = named(means(*(rng.random(30) + 5.0))), named(means(*rng.random(30)))
    assert compare(Mean(), a, b, "m").p == pytest.approx(1 / 10_001)
    assert compare(Mean(), a, b, "m", resamples=300).p == pytest.approx(1 / 301)
    assert compare(Mean(), a, b, "m", resamples=300).problems_needed == 1
    assert BASE.seeds == (1, 1) and BASE.noises is None and BASE.detectable is None


@pytest.mark.parametrize(("p", "decided"), [(0.0499, True), (0.0501, False), (None, False), (0.0, True)])
def test_a_difference_is_decided_below_5_per_cent(p, decided):
    assert replace(BASE, p=p).decided is decided


def test_the_problems_needed_are_the_same_whichever_side_is_named_first():
    rng = np.random.default_rng(24)
    a, b = rng.random(40) + 0.3, rng.random(40)
    error = np.std(a - b, ddof=1) / 40**0.5
    for first, second in ((a, b), (b, a)):
        found = compare(Mean(), named(means(*first)), named(means(*second)), "m", resamples=300)
        near, far = sorted((abs(found.low), abs(found.high)))
        assert found.problems_needed_range == tuple(math.ceil(40 * (REACH * error / end) ** 2) for end in (far, near))
        assert found.problems_needed == math.ceil(40 * (REACH * error / np.mean(a - b)) ** 2)


@pytest.mark.parametrize(
    ("tuned", "seeds", "said"),
    [
        ((True, False), (3, 1), False),
        ((True, False), (1, 1), True),
        ((False, False), (1, 1), False),
        ((True, True), (3, 2), True),
    ],
)
def test_seeds_are_asked_for_only_of_a_side_that_was_tuned(tuned, seeds, said):
    lines = describe(replace(BASE, tuned=tuned, seeds=seeds), "lora", "icl")
    assert (NO_SEEDS in lines) is said


class Count(Metric):
    """A measure without an upper bound."""

    name = "count"
    bounds = (0.0, None)


def test_sides_that_are_alike_in_a_measure_without_bounds_have_no_interval():
    alike = named([Score("count", values={"m": value}) for value in (3.0, 7.5, 9.0)])
    found = compare(Count(), alike, alike, "m", resamples=200)
    assert (found.difference, found.low, found.high, found.p) == (0.0, None, None, 1.0)
    assert found.problems_needed_range == (None, None)
    assert describe(found)[1] == "difference +0.00 points (95 %), p = 1 (paired permutation)"

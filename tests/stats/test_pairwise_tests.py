"""Ranks of equal rows are not told apart more often than promised, unequal ones are, and no row is cut off."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import pytest

from harness.plugin import Metric
from harness.records import Score
from harness.stats.paired_sample import align_problems
from harness.stats.pairwise_tests import PairwiseTests, compare_all_pairs, detectable_difference
from harness.stats.resampling import ScoreTable


class Mean(Metric):
    name = "mean"


class Ratio(Metric):
    name = "ratio"

    def combine(self, totals, n):
        return {"ratio": totals["hit"] / totals["all"]}


def board(values: np.ndarray) -> list[ScoreTable]:
    """(rows, seeds, problems) as tables."""
    sides = [[(f"{i:04}", Score("mean", {"m": v})) for one in row for i, v in enumerate(one)] for row in values]
    return align_problems(Mean(), sides, "m")


def test_two_rows_of_yes_and_no_get_the_exact_mcnemar_test():
    a, b = np.array([1.0] * 9 + [0.0] * 3), np.array([0.0] * 9 + [1.0] * 2 + [0.0])
    found = compare_all_pairs(Mean(), board(np.array([[a], [b]])), "m", resamples=5000)
    assert found.p[0, 1] == pytest.approx(2 * sum(comb(11, i) for i in range(3)) / 2**11)


def test_a_row_that_is_better_than_all_stands_alone_and_equal_ones_share_a_range():
    rng = np.random.default_rng(0)
    shared = rng.random(200)
    values = np.stack([shared + 0.05 * rng.normal(size=200) + up for up in (0.0, 0.1, 0.0, 0.0)])[:, None]
    ranks = compare_all_pairs(Mean(), board(values), "m").ranks(higher_is_better=True)
    assert ranks == ((2, 4), (1, 1), (2, 4), (2, 4))


def test_a_row_between_two_that_differ_may_have_either_place():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.2, (3, 100))
    noise -= noise.mean(axis=1, keepdims=True)
    values = (np.array([0.58, 0.54, 0.50])[:, None] + noise)[:, None]
    assert compare_all_pairs(Mean(), board(values), "m").ranks(higher_is_better=True) == ((1, 2), (1, 3), (2, 3))


def test_where_less_is_better_the_ranks_turn_around_and_an_undefined_row_has_none():
    rng = np.random.default_rng(2)
    values = np.stack([rng.normal(at, 0.1, 80) for at in (0.2, 0.8)])[:, None]
    assert compare_all_pairs(Mean(), board(values), "m").ranks(higher_is_better=False) == ((1, 1), (2, 2))
    ratios = [
        [(str(i), Score("ratio", {}, sums={"hit": hit, "all": n})) for i in range(9)]
        for hit, n in [(1, 2), (1, 3), (0, 0)]
    ]
    found = compare_all_pairs(Ratio(), align_problems(Ratio(), ratios, "ratio"), "ratio").ranks(higher_is_better=True)
    assert found == ((1, 1), (2, 2), None)


def test_a_corpus_measure_is_recomputed_for_each_swap():
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 30, 60).astype(float)
    sides = [
        [
            (f"{i:02}", Score("ratio", {}, sums={"hit": float(rng.binomial(int(n), p)), "all": n}))
            for i, n in enumerate(sizes)
        ]
        for p in (0.8, 0.5, 0.5)
    ]
    ranks = compare_all_pairs(Ratio(), align_problems(Ratio(), sides, "ratio"), "ratio").ranks(higher_is_better=True)
    assert ranks == ((1, 1), (2, 3), (2, 3))


@pytest.mark.parametrize(("seeds", "effect"), [(1, 0.0), (3, 0.0), (3, 0.1)])
def test_equal_rows_are_told_apart_on_few_boards(seeds, effect):
    rng = np.random.default_rng(4)
    split = 0
    for _ in range(80):
        values = (
            rng.normal(0, 0.3, (5, seeds, 40)) + rng.normal(0, 0.3, (1, 1, 40)) + rng.normal(0, effect, (5, seeds, 1))
        )
        split += bool((compare_all_pairs(Mean(), board(values), "m", resamples=300).p < 0.05).any())
    assert split <= 10  # 4 expected, three standard deviations


def test_a_seed_effect_that_one_seed_hides_is_no_difference_with_three():
    rng = np.random.default_rng(5)
    shift = np.array([[0.10, -0.08, 0.02], [-0.06, 0.05, -0.04]])[:, :, None]
    values = rng.normal(0, 0.2, (1, 1, 300)) + 0.05 * rng.normal(size=(2, 3, 300)) + shift
    assert compare_all_pairs(Mean(), board(values[:, :1]), "m").p[0, 1] < 0.01
    assert compare_all_pairs(Mean(), board(values), "m").p[0, 1] > 0.05


def by_enumeration(values: np.ndarray) -> tuple[dict[tuple[int, int], float], float, dict[tuple[int, int], float]]:
    """(adjusted p, critical value, reach) of all pairs of rows of means: every swap, step by step, without arrays."""
    rows, n = values.shape
    pairs = list(itertools.combinations(range(rows), 2))
    apart = {(i, j): [values[i][k] - values[j][k] for k in range(n)] for i, j in pairs}
    spread = {pair: sum(d * d for d in each) ** 0.5 / n for pair, each in apart.items()}
    step = {pair: min((abs(d) for d in each if abs(d) > 1e-9), default=0.0) / n for pair, each in apart.items()}
    if rows == 2:
        step = dict.fromkeys(step, 0.0)
    gap = {pair: max(abs(sum(each)) / n - step[pair], 0.0) for pair, each in apart.items()}
    drawn = []
    for signs in itertools.product((1, -1), repeat=n):
        sums = {pair: abs(sum(s * d for s, d in zip(signs, each, strict=True))) / n for pair, each in apart.items()}
        drawn.append({pair: total / spread[pair] if spread[pair] else 0.0 for pair, total in sums.items()})
    critical = float(np.quantile([max(one.values()) for one in drawn], 0.95))
    left = sorted(pairs, key=lambda pair: -gap[pair] / spread[pair] if spread[pair] else 0.0)
    adjusted, last = {}, 0.0
    while left:
        pair = left[0]
        beyond = [max(one[other] for other in left) * spread[pair] >= gap[pair] - 1e-12 for one in drawn]
        last = adjusted[pair] = max(last, sum(beyond) / len(beyond))
        left = left[1:]
    return adjusted, critical, {pair: critical * spread[pair] + step[pair] for pair in pairs}


BOARDS = {
    "two": [[1, 1, 0, 1, 1, 1], [0, 0, 0, 1, 0, 0]],
    "three": [[9, 8, 9, 7, 9, 8, 9], [3, 2, 4, 9, 2, 1, 3], [3, 3, 3, 8, 2, 2, 4]],
    "yes and no": [[1, 1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1, 0, 0], [1, 0, 1, 0, 1, 0, 1, 0], [0] * 8],
    "one row twice": [[0.5, 0.1, 0.7, 0.2], [0.5, 0.1, 0.7, 0.2], [0.1, 0.0, 0.2, 0.1]],
    "skewed": [[0.1, 0.2, 9.0, 0.1, 0.3, 0.2], [0.0, 0.1, 0.1, 0.1, 0.0, 0.1], [0.3, 0.1, 0.1, 0.2, 0.2, 5.0]],
}


@pytest.mark.parametrize("name", BOARDS)
def test_all_pairs_are_judged_as_every_swap_judges_them(name):
    values = np.array(BOARDS[name], dtype=float)
    found = compare_all_pairs(Mean(), board(values[:, None]), "m", resamples=300)
    adjusted, critical, reach = by_enumeration(values)
    assert found.values == pytest.approx(values.mean(axis=1))
    assert found.critical == pytest.approx(critical)
    assert found.n == values.shape[1]
    for (i, j), p in adjusted.items():
        assert found.p[i, j] == found.p[j, i] == pytest.approx(p)
        assert found.reach[i, j] == found.reach[j, i] == pytest.approx(reach[i, j])
        error = np.std(values[i] - values[j]) / len(values[i]) ** 0.5
        assert found.errors[i, j] == found.errors[j, i] == pytest.approx(error, abs=1e-12)
    assert np.all(np.diag(found.p) == 1.0)
    assert np.all(np.diag(found.errors) == 0.0) and np.all(np.diag(found.reach) == 0.0)


def test_the_correction_is_that_of_all_pairs_and_a_single_pair_has_none():
    values = np.array(BOARDS["yes and no"], dtype=float)
    alone = compare_all_pairs(Mean(), board(values[:2, None]), "m").p[0, 1]
    among = compare_all_pairs(Mean(), board(values[:, None]), "m").p[0, 1]
    assert alone == pytest.approx(2 / 2**6)  # six problems differ, all in one way
    assert among > 2 * alone


def test_random_swaps_count_the_observed_one_so_that_no_p_is_0():
    rng = np.random.default_rng(7)
    values = np.stack([rng.random(30), rng.random(30) + 5.0])[:, None]
    assert compare_all_pairs(Mean(), board(values), "m", resamples=200).p[0, 1] == pytest.approx(1 / 201)
    same = np.stack([values[0], values[0]])
    assert compare_all_pairs(Mean(), board(same), "m", resamples=200).p[0, 1] == 1.0


def test_swaps_are_all_made_where_they_are_no_more_than_the_resamples():
    values = np.stack([np.arange(1.0, 7.0), np.zeros(6)])[:, None]
    assert compare_all_pairs(Mean(), board(values), "m", resamples=64).p[0, 1] == 2 / 64
    drawn = compare_all_pairs(Mean(), board(values), "m", resamples=63).p[0, 1]
    assert round(drawn * 64) == pytest.approx(drawn * 64) and drawn >= 1 / 64


def test_random_swaps_in_blocks_are_those_of_one_block(monkeypatch):
    values = np.random.default_rng(8).random((4, 1, 30))
    whole = compare_all_pairs(Mean(), board(values), "m", resamples=100)
    monkeypatch.setattr("harness.stats.pairwise_tests.BLOCK_WEIGHTS", 200)
    parts = compare_all_pairs(Mean(), board(values), "m", resamples=100)
    assert np.array_equal(whole.p, parts.p) and whole.critical == parts.critical


def test_a_corpus_measure_has_no_steps_and_undefined_pairs_no_p():
    hits = [[3, 2, 4, 1, 3], [1, 1, 2, 1, 0], [2, 0, 2, 2, 1]]
    sides = [[(str(i), Score("ratio", sums={"hit": h, "all": 5.0})) for i, h in enumerate(row)] for row in hits]
    sides.append([(str(i), Score("ratio", sums={"hit": 0.0, "all": 0.0})) for i in range(5)])
    found = compare_all_pairs(Ratio(), align_problems(Ratio(), sides, "ratio"), "ratio", resamples=40)
    apart = np.array(hits[0]) - np.array(hits[1])
    every = [abs(np.dot(signs, apart)) for signs in itertools.product((1, -1), repeat=5)]
    assert found.reach[0, 1] == pytest.approx(found.critical * np.mean(np.square(every)) ** 0.5 / 25)
    assert np.all(np.isnan(found.p[3, :3])) and np.all(np.isnan(found.reach[:3, 3]))
    assert found.ranks(higher_is_better=True)[3] is None
    assert not found.shares


def test_shares_are_yes_and_no_answers_of_one_seed_in_one_measure():
    yes = np.array(BOARDS["two"], dtype=float)
    assert compare_all_pairs(Mean(), board(yes[:, None]), "m").shares
    assert not compare_all_pairs(Mean(), board(np.stack([yes, yes], axis=1)), "m").shares
    assert not compare_all_pairs(Mean(), board(yes[:, None] / 2), "m").shares


@pytest.mark.parametrize("higher", [True, False])
def test_ranks_count_the_rows_that_are_surely_better_and_those_that_are_surely_worse(higher):
    rng = np.random.default_rng(9)
    for _ in range(20):
        values = rng.choice([0.1, 0.2, 0.3, np.nan], size=5)
        p = rng.choice([0.01, 0.0499, 0.0501, 0.3], size=(5, 5))
        p = np.triu(p, 1) + np.triu(p, 1).T + np.eye(5)
        found = PairwiseTests(values, p, p, p, 2.0, 9, False).ranks(higher_is_better=higher)
        known = [i for i in range(5) if not np.isnan(values[i])]
        for i in range(5):
            if i not in known:
                assert found[i] is None
                continue
            others = [j for j in known if p[i, j] < 0.05 and values[i] != values[j]]
            better = sum((values[j] > values[i]) == higher for j in others)
            assert found[i] == (1 + better, len(known) - (len(others) - better))


def test_the_smallest_difference_found_is_the_reach_and_what_four_of_five_attempts_ask():
    power = 0.8416212335729143
    assert detectable_difference(0.1, 0.05, 40, shares=False) == pytest.approx(0.1 + power * 0.05)
    assert detectable_difference(3.0, 0.5, 40, shares=False) == pytest.approx(3.0 + power * 0.5)
    found = detectable_difference(0.1, 0.05, 400, shares=True)
    assert found == pytest.approx((0.1 + power * 0.05) * (1 + found / (400 * 0.05**2)) ** 0.5, abs=1e-9)
    assert found > detectable_difference(0.1, 0.05, 400, shares=False)
    assert detectable_difference(0.9, 0.3, 5, shares=True) == 1.0
    assert detectable_difference(0.1, 0.0, 40, shares=True) == 0.1
    ordering = PairwiseTests(
        *[np.zeros(2)], np.ones((2, 2)), np.full((2, 2), 0.05), np.full((2, 2), 0.1), 2.0, 40, False
    )
    assert ordering.detectable(0, 1) == pytest.approx(0.1 + power * 0.05)


def test_one_row_has_the_first_place_and_the_bar_of_a_single_test():
    found = compare_all_pairs(Mean(), board(np.random.default_rng(10).random((1, 1, 9))), "m")
    assert found.critical == pytest.approx(1.959964)
    assert found.ranks(higher_is_better=True) == ((1, 1),)


def test_seeds_are_judged_by_the_largest_student_t_of_all_pairs():
    """Rows that differ by their seeds alone: the reach is what a simulation without the product's functions finds."""
    rng = np.random.default_rng(11)
    shift = rng.normal(size=(3, 4, 1)) * 0.2
    values = 0.5 + shift + 1e-4 * rng.normal(size=(3, 4, 40))
    found = compare_all_pairs(Mean(), board(values), "m", resamples=20_000)
    drawn = rng.normal(size=(100_000, 3, 4))
    variance = drawn.var(axis=2, ddof=1) / 4
    variance = np.maximum(variance, variance.mean(axis=1, keepdims=True))
    means = drawn.mean(axis=2)
    pairs = ((0, 1), (0, 2), (1, 2))
    apart = [abs(means[:, i] - means[:, j]) / (variance[:, i] + variance[:, j]) ** 0.5 for i, j in pairs]
    largest = np.max(apart, axis=0)
    excess = shift[:, :, 0].var(axis=1, ddof=1) / 4
    excess = np.maximum(excess, excess.mean())
    for i, j in pairs:
        assert found.reach[i, j] == pytest.approx(np.quantile(largest, 0.95) * (excess[i] + excess[j]) ** 0.5, rel=0.03)
        assert found.errors[i, j] == pytest.approx((excess[i] + excess[j]) ** 0.5, rel=0.01)


def test_seeds_that_are_all_the_same_add_nothing():
    values = np.repeat(np.random.default_rng(12).random((2, 1, 12)), 3, axis=1)
    once = compare_all_pairs(Mean(), board(values[:, :1]), "m")
    thrice = compare_all_pairs(Mean(), board(values), "m")
    assert thrice.p == pytest.approx(once.p) and thrice.errors == pytest.approx(once.errors)


def test_of_a_row_with_seeds_beside_one_without_only_the_seeds_that_are_known_count():
    rng = np.random.default_rng(13)
    shift = np.array([0.3, -0.3, 0.0])[:, None]
    sides = [
        [(f"{i:04}", Score("mean", {"m": float(v)})) for one in row for i, v in enumerate(one)]
        for row in (0.5 + shift + 0.01 * rng.normal(size=(3, 20)), 0.5 + 0.01 * rng.normal(size=(1, 20)))
    ]
    found = compare_all_pairs(Mean(), align_problems(Mean(), sides, "m"), "m")
    assert found.errors[0, 1] == pytest.approx((0.09 / 3) ** 0.5, rel=0.05)  # 0.09 is the variance of the three shifts


def test_two_thousand_swaps_are_made_where_nothing_is_said():
    rng = np.random.default_rng(14)
    values = np.stack([rng.random(30), rng.random(30) + 5.0])[:, None]
    assert compare_all_pairs(Mean(), board(values), "m").p[0, 1] == pytest.approx(1 / 2001)


def test_seeds_count_where_single_answers_add_nothing_at_all():
    base = 36.0 * np.array([1, 5, 2, 8])
    a = base + 36.0 * np.array([[2], [-2], [0]])
    values = np.stack([a, np.repeat(base[None], 3, axis=0)])
    found = compare_all_pairs(Mean(), board(values), "m")
    assert found.errors[0, 1] == pytest.approx((72.0**2 / 3) ** 0.5)


def test_the_numbers_of_a_seed_stay_what_they_were():
    """Random numbers drawn in another way would change every published rank a little."""
    steps = np.arange(24) / 16
    rows = np.stack([steps**2, steps**2 + 0.05 * np.sin(7 * steps), steps**2 + 0.06 * np.cos(9 * steps) + 0.02])
    found = compare_all_pairs(Mean(), board(rows[:, None]), "m", resamples=400)
    assert (found.p[0, 1], found.p[0, 2], found.critical) == pytest.approx((163 / 401, 13 / 401, 2.2388377392733894))
    seeds = [board(np.stack([row, row + 0.02, row - 0.01])[None])[0] for row in rows[:2]]
    mixed = compare_all_pairs(Mean(), [*seeds, board(rows[2][None, None])[0]], "m", resamples=400)
    assert (mixed.p[0, 1], mixed.p[0, 2], mixed.reach[0, 1]) == pytest.approx(
        (244 / 401, 111 / 401, 0.0433772937449337)
    )

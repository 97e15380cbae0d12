"""Intervals over seeds hold what training adds, and say so only where the seeds are enough."""

from __future__ import annotations

import numpy as np
import pytest

from harness.plugin import Metric
from harness.records import Score
from harness.stats.estimates import estimate
from harness.stats.resampling import ScoreTable, score_tables
from harness.stats.variance import (
    VarianceComponents,
    add_seed_variance,
    effective_wilson_interval,
    jackknife_variance,
    t_quantile,
    variance_components,
)


class Mean(Metric):
    name = "mean"


def scored(values: np.ndarray) -> list[tuple[str, Score]]:
    return [(f"{i:04}", Score("mean", {"m": float(v)})) for one in values for i, v in enumerate(one)]


def interval(values: np.ndarray) -> tuple[float, float]:
    pairs = scored(values)
    [found] = estimate(Mean(), [s for _, s in pairs], problems=[p for p, _ in pairs], resamples=400)
    assert found.low is not None and found.high is not None
    return found.low, found.high


@pytest.mark.parametrize("kind", ["continuous", "yes/no"])
def test_the_interval_of_three_seeds_covers_the_mean_over_all_seeds(kind):
    rng = np.random.default_rng(0)
    held = fixed = 0
    for _ in range(150):
        level = 0.4 + rng.normal(0, 0.15, (1, 200)) + rng.normal(0, 0.03, (3, 1))
        values = level + rng.normal(0, 0.05, (3, 200))
        if kind == "yes/no":
            values = (rng.random((3, 200)) < level).astype(float)
        low, high = interval(values)
        held += low <= 0.4 <= high
        low, high = interval(values.mean(axis=0, keepdims=True))
        fixed += low <= 0.4 <= high
    assert 134 <= held <= 150  # 142 expected
    assert fixed < held


def test_the_parts_of_the_variance_are_told_apart():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(40):
        values = rng.normal(0, 0.4, (1, 300)) + rng.normal(0, 0.2, (5, 300)) + rng.normal(0, 0.03, (5, 1))
        [table] = score_tables(Mean(), scored(values))
        one = variance_components(Mean(), table, "m")
        found.append((one.problems, one.answers, one.excess))
    problems, answers, seeds = np.mean(found, axis=0)
    assert problems == pytest.approx((0.4**2 + 0.2**2 / 5) / 300, rel=0.1)
    assert answers == pytest.approx(0.2**2 / 300 / 5, rel=0.1)
    assert seeds == pytest.approx(0.03**2 / 5, rel=0.4)


def test_two_seeds_say_nothing_of_what_training_adds():
    values = np.random.default_rng(2).random((2, 50))
    [table] = score_tables(Mean(), scored(values))
    one = variance_components(Mean(), table, "m")
    assert (one.answers, one.seeds, one.count) == (None, None, 2)


def test_a_score_that_one_seed_lacks_does_not_shift_the_other_seeds():
    pairs = scored(np.arange(6.0).reshape(3, 2))
    pairs[2] = ("0000", Score("mean", why="the sandbox failed"))
    [table] = score_tables(Mean(), pairs)
    assert np.isnan(table.by_seed[1, 0, 0]) and table.by_seed[2, 0, 0] == 4.0
    assert table.counts.tolist() == [2.0, 3.0]


def table_of(values: np.ndarray) -> ScoreTable:
    [table] = score_tables(Mean(), scored(values))
    return table


def test_the_parts_of_the_variance_are_those_of_two_crossed_factors():
    rng = np.random.default_rng(6)
    values = rng.random((4, 9)) + rng.random((1, 9)) + rng.random((4, 1))
    count, n = values.shape
    rest = [
        values[s, p] - values[s].mean() - values[:, p].mean() + values.mean() for s in range(count) for p in range(n)
    ]
    single = sum(r * r for r in rest) / ((n - 1) * (count - 1))
    found = variance_components(Mean(), table_of(values), "m")
    assert (found.n, found.count) == (9, 4)
    assert found.problems == pytest.approx(np.var(values.mean(axis=0), ddof=1) / n)
    assert found.answers == pytest.approx(single / (n * count))
    assert found.excess == pytest.approx(np.var(values.mean(axis=1), ddof=1) / count - single / (n * count))
    assert found.seeds == max(0.0, found.excess)
    assert found.total == found.problems + found.seeds


def test_single_answers_are_never_more_than_the_part_of_which_they_are_one():
    turned = np.array([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]])
    found = variance_components(Mean(), table_of(turned), "m")
    assert found.problems == 0.0 and found.answers == 0.0
    assert found.excess is not None and found.excess < 0 and found.seeds == 0.0 and found.total == 0.0


def test_where_fewer_than_two_problems_have_all_seeds_nothing_is_said_of_seeds():
    pairs = scored(np.random.default_rng(7).random((3, 2)))
    pairs[2] = ("0000", Score("mean", why="the sandbox failed"))
    [table] = score_tables(Mean(), pairs)
    found = variance_components(Mean(), table, "m")
    assert (found.answers, found.excess, found.seeds, found.n, found.count) == (None, None, None, 2, 3)
    assert found.total == found.problems > 0


def test_seeds_are_told_by_the_problems_that_all_of_them_have():
    values = np.random.default_rng(8).random((3, 5))
    pairs = scored(values)
    pairs[7] = ("0002", Score("mean", why="the sandbox failed"))
    [table] = score_tables(Mean(), pairs)
    whole = variance_components(Mean(), table_of(np.delete(values, 2, axis=1)), "m")
    found = variance_components(Mean(), table, "m")
    assert (found.excess, found.n) == (pytest.approx(whole.excess), 5)


@pytest.mark.parametrize(
    ("left_out", "wanted"), [([1.0], 0.0), ([], 0.0), ([1.0, 2.0, 6.0], 2 / 3 * 14), ([3.0, np.nan], 0.0)]
)
def test_the_jackknife_is_its_textbook_formula(left_out, wanted):
    assert jackknife_variance(np.array(left_out)) == pytest.approx(wanted)


def test_students_point_is_that_of_the_table():
    assert [round(t_quantile(f), 3) for f in (1, 2, 10, 1e9)] == [12.706, 4.303, 2.228, 1.96]


def test_seeds_widen_an_interval_by_students_t_each_side_for_itself():
    three = VarianceComponents(0.01, 0.001, 0.0004, 50, 3)
    four = VarianceComponents(0.01, 0.001, 0.0009, 50, 4)
    fixed, negative = VarianceComponents(0.01, None, None, 50, 2), VarianceComponents(0.01, 0.001, -0.1, 50, 3)
    more = 4.302653**2 * (0.0004 + 0.4 * 0.001) + 3.182446**2 * (0.0009 + 0.4 * 0.001)
    low, high = add_seed_variance(0.5, 0.4, 0.7, three, fixed, four, negative)
    assert (0.5 - low) ** 2 == pytest.approx(0.1**2 + more, rel=1e-6)
    assert (high - 0.5) ** 2 == pytest.approx(0.2**2 + more, rel=1e-6)
    assert add_seed_variance(0.5, 0.4, 0.7, fixed, negative) == pytest.approx((0.4, 0.7))


@pytest.mark.parametrize(
    ("value", "problems", "size"),
    [(0.3, 0.21 / 40, 40.0), (0.3, 0.21 / 500, 60.0), (0.3, 0.0, 20.0), (0.02, 0.0196 / 33, 33.0)],
)
def test_the_interval_of_a_share_over_seeds_is_wilsons_of_as_many_answers_as_give_its_variance(value, problems, size):
    z = 2.093024  # Student's t with 19 degrees of freedom
    low, high = effective_wilson_interval(value, VarianceComponents(problems, None, None, 20, 3))
    for end in (low, high):
        assert abs(value - end) == pytest.approx(z * (end * (1 - end) / size) ** 0.5, rel=1e-5)
    assert low < value < high


@pytest.mark.parametrize(("value", "end"), [(0.0, 0), (1.0, 1)])
def test_a_share_of_none_or_all_over_seeds_counts_each_problem_once(value, end):
    found = effective_wilson_interval(value, VarianceComponents(0.0, None, None, 20, 3))
    z = 2.093024
    assert found[end] == pytest.approx(value, abs=1e-12)
    assert abs(found[1 - end] - value) == pytest.approx(z * z / (20 + z * z), rel=1e-5)


def test_the_interval_of_a_share_never_leaves_0_to_1():
    for n in range(2, 60):
        for value in (0.0, 1.0, 1 / n, 1 - 1 / n):
            for problems in (0.0, 1e-3):
                low, high = effective_wilson_interval(value, VarianceComponents(problems, None, None, n, 3))
                assert 0.0 <= low <= high <= 1.0

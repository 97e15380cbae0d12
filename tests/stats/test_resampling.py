"""Resampling against scipy, on the same resamples, over samples of many shapes; statistics by problem and by seed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.plugin import Metric
from harness.records import Score
from harness.stats import resampling
from harness.stats.resampling import (
    bca_interval,
    bootstrap_weights,
    combine_measures,
    is_binary,
    score_tables,
    wilson_interval,
)


class Mean(Metric):
    name = "mean"


class Ratio(Metric):
    name = "ratio"

    def combine(self, totals, n):
        return {"ratio": totals["hit"] / totals["all"], "each": totals["hit"] / n}


def scored(*values: float) -> list[tuple[str, Score]]:
    return [(f"p{i}", Score("mean", {"m": value})) for i, value in enumerate(values)]


RNG = np.random.default_rng(0)
SHAPES = {
    "skewed to the right": RNG.exponential(size=25),
    "skewed to the left": -RNG.exponential(size=25),
    "heavy tails": RNG.standard_t(2, size=30),
    "lognormal": RNG.lognormal(sigma=1.5, size=12),
    "few": np.array([0.1, 0.9, 0.2]),
    "ties": np.array([0.0, 0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    "one apart": np.array([0.0] * 14 + [1.0]),
    "symmetric": np.array([-2.0, -1.0, 0.0, 1.0, 2.0]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bca_interval_is_scipys_on_the_same_resamples(shape: str) -> None:
    values = SHAPES[shape]
    [table] = score_tables(Mean(), scored(*values))
    drawn = np.concatenate([table.measures(Mean(), weights)["m"] for weights in bootstrap_weights(len(values), 999, 1)])
    given = SimpleNamespace(bootstrap_distribution=drawn)
    wanted = stats.bootstrap((values,), np.mean, n_resamples=0, bootstrap_result=given, method="BCa")
    value = float(table.measures(Mean())["m"])
    found = bca_interval(value, drawn, table.leave_one_out(Mean())["m"])
    assert found == pytest.approx(tuple(wanted.confidence_interval), rel=1e-9, abs=1e-12)


def test_resamples_that_are_undefined_are_left_out_of_the_interval() -> None:
    rng = np.random.default_rng(3)
    drawn, left_out = rng.exponential(size=300), rng.exponential(size=20)
    holes = np.concatenate([drawn, [np.nan] * 50]), np.concatenate([left_out, [np.nan] * 3])
    assert bca_interval(0.9, *holes) == bca_interval(0.9, drawn, left_out)


@pytest.mark.parametrize("value", [-1.0, 2.0])
def test_a_value_outside_all_resamples_gets_the_percentile_interval(value: float) -> None:
    drawn = np.random.default_rng(4).random(400)
    assert bca_interval(value, drawn, drawn[:9]) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_statistic_that_no_problem_moves_has_no_acceleration() -> None:
    drawn = np.random.default_rng(5).normal(size=500)
    shift = stats.norm.ppf(np.mean(drawn < 0.3))
    tails = stats.norm.cdf(2 * shift + stats.norm.ppf([0.025, 0.975]))
    assert bca_interval(0.3, drawn, np.full(9, 0.3)) == pytest.approx(tuple(np.quantile(drawn, tails)))


def test_where_the_correction_has_no_end_the_interval_reaches_the_last_resample() -> None:
    drawn = np.arange(2_000_000.0)
    lone = np.concatenate([[0.0], np.full(999, 1.0)])  # an acceleration near 1/6, the largest that there is
    low, high = bca_interval(drawn[-2] + 0.5, drawn, lone)
    assert high == drawn[-1] and low > drawn[-100]
    low, high = bca_interval(drawn[1] - 0.5, drawn, 1 - lone)
    assert low == drawn[0] and high < drawn[100]


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_wilsons_interval_is_scipys(n: int) -> None:
    for successes in range(n + 1):
        wanted = stats.binomtest(successes, n).proportion_ci(method="wilson")
        assert wilson_interval(successes, n) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    assert wilson_interval(0, n)[0] == 0.0 and wilson_interval(n, n)[1] == 1.0


def test_each_resample_draws_as_many_problems_as_there_are_each_equally_often() -> None:
    drawn = np.concatenate(list(bootstrap_weights(6, 4000, 2)))
    assert drawn.shape == (4000, 6)
    assert np.all(drawn.sum(axis=1) == 6)
    assert drawn.mean(axis=0) == pytest.approx(np.ones(6), abs=0.07)
    assert drawn.var() == pytest.approx(6 * (1 / 6) * (5 / 6), rel=0.05)  # that of a multinomial count


def test_resamples_in_blocks_are_those_of_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(bootstrap_weights(7, 50, 3))
    monkeypatch.setattr(resampling, "BLOCK_WEIGHTS", 7 * 8 + 3)
    parts = list(bootstrap_weights(7, 50, 3))
    assert [len(part) for part in whole] == [50]
    assert [len(part) for part in parts] == [8] * 6 + [2]
    assert np.array_equal(np.concatenate(parts), whole[0])
    monkeypatch.setattr(resampling, "BLOCK_WEIGHTS", 3)
    assert [len(part) for part in bootstrap_weights(7, 5, 3)] == [1] * 5


def test_scores_of_several_seeds_are_kept_apart_and_added_by_problem() -> None:
    gone = Score("mean", why="the sandbox failed")
    pairs = [("a", Score("mean", {"m": 1.0})), ("b", gone), ("a", Score("mean", {"m": 3.0}))]
    pairs += [("b", Score("mean", {"m": 5.0})), ("c", gone), ("c", gone), ("c", Score("mean", {"m": 7.0}))]
    [table] = score_tables(Mean(), pairs)
    assert table.ids == ("a", "b", "c") and table.names == ("m",)
    assert table.sums.tolist() == [[4.0], [5.0], [7.0]]
    assert table.counts.tolist() == [2.0, 1.0, 1.0]
    nan = np.nan
    assert np.array_equal(table.by_seed[:, :, 0], [[1.0, nan, nan], [3.0, 5.0, nan], [nan, nan, 7.0]], equal_nan=True)
    assert float(table.measures(Mean())["m"]) == 4.0  # 16 / 4
    assert table.measures(Mean(), np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 1.0]]))["m"].tolist() == [2.0, 17 / 3]
    assert table.leave_one_out(Mean())["m"].tolist() == [6.0, 11 / 3, 3.0]


def test_sums_are_what_a_corpus_measure_is_made_of_and_values_are_not() -> None:
    pairs = [(str(i), Score("ratio", {"ratio": 9.0}, {"hit": hit, "all": 4.0})) for i, hit in enumerate((1.0, 3.0))]
    [table] = score_tables(Ratio(), pairs)
    assert {name: float(v) for name, v in table.measures(Ratio()).items()} == {"ratio": 0.5, "each": 2.0}
    assert {name: v.tolist() for name, v in table.leave_one_out(Ratio()).items()} == {
        "ratio": [0.75, 0.25],
        "each": [3.0, 1.0],
    }


def test_measures_that_some_problems_lack_are_tables_of_their_own() -> None:
    values = [{"m": 1.0, "m/strict": 0.0}, {"m": 0.0}, {"m": 0.5, "m/strict": 1.0, "m/more": 2.0}]
    found = list(score_tables(Mean(), [(str(i), Score("mean", one)) for i, one in enumerate(values)]))
    assert [(t.ids, t.names) for t in found] == [
        (("0", "1", "2"), ("m",)),
        (("0", "2"), ("m/strict",)),
        (("2",), ("m/more",)),
    ]
    with pytest.raises(HarnessError, match=r"different sums: \['all', 'hit'\]"):
        list(
            score_tables(Ratio(), [("0", Score("ratio", sums={"hit": 1.0})), ("1", Score("ratio", sums={"all": 1.0}))])
        )


def test_what_is_undefined_is_nan_and_no_warning() -> None:
    found = combine_measures(Ratio(), ("hit", "all"), np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]), 2)
    assert np.isnan(found["ratio"][0]) and found["ratio"][1] == np.inf and found["ratio"][2] == 0.5
    assert found["each"].tolist() == [0.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("values", "counts", "wanted"),
    [
        ([0, 1, 1], [1, 1, 1], True),
        ([0, 2, 2], [2, 2, 2], True),
        ([0, 1, 2], [2, 2, 2], False),
        ([0, 1, 2], [1, 1, 2], False),
        ([0.5, 1], [1, 1], False),
        ([0, 0], [3, 3], True),
    ],
)
def test_a_yes_or_no_is_all_or_nothing_of_equally_many_scores(values, counts, wanted) -> None:
    assert is_binary(np.array(values, dtype=float), np.array(counts, dtype=float)) is wanted

"""When tuning pays, worked out by hand."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from harness.ranking.boards import Board, rank_boards
from harness.ranking.uncertainty import Uncertainty
from harness.records import Cost, ModelSpec, Row
from harness.report.break_even import BreakEven, break_even, sentence, soonest_first


def row(synthetic: ModuleType, method: str, generate: float, tune: float | None, joules: float | None = None) -> Row:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 100, examples=8 if method == "icl" else 0))
    costs = [Cost("generate", generate, 1, energy_joules=None if joules is None else joules)]
    costs += [] if tune is None else [Cost("tune", tune, 1, energy_joules=None if joules is None else 9000.0)]
    made: Row = replace(synthetic.row(synthetic.run_spec(method, 1), found, rng), costs=tuple(costs))
    return made


def board(*rows: Row) -> Board:
    [made] = rank_boards(rows)
    return made


def test_tuning_pays_when_the_seconds_saved_have_added_up(synthetic: ModuleType) -> None:
    made = board(row(synthetic, "lora", 100.0, 1000.0), row(synthetic, "icl", 300.0, None))
    [one] = break_even(made)
    assert one.requests == 500  # 1000 s of tuning, 1 s a request against 3 s
    assert sentence(made, one) == (
        "lora (1 seed) in place of icl: 1,000 s once save 2 s a request (1 against 3); "
        f"paid back after 500 requests; em@1 {score(made)} against {score(made)} per cent"
    )


def score(board: Board) -> str:
    estimate = board.column(board.rows[0], board.ranked_by)
    assert estimate is not None and estimate.value is not None
    return f"{100 * estimate.value:.2f}"


def test_a_sentence_names_the_model_where_there_are_several(synthetic: ModuleType) -> None:
    rows = [row(synthetic, "lora", 100.0, 1000.0), row(synthetic, "icl", 300.0, None)]
    other = [replace(r, run_id=f"{r.run_id}-2", run=replace(r.run, model=ModelSpec("maker/other"))) for r in rows]
    made = board(*rows, *other)
    told = [sentence(made, one) for one in break_even(made)]
    assert sorted(line.split(" in place of ")[0] for line in told) == ["coder: lora (1 seed)", "other: lora (1 seed)"]


def test_tuning_never_pays_when_its_requests_cost_as_much(synthetic: ModuleType) -> None:
    made = board(row(synthetic, "lora", 300.0, 1000.0), row(synthetic, "icl", 300.0, None))
    [one] = break_even(made)
    assert one.requests is None and "about the same" in sentence(made, one)
    made = board(row(synthetic, "lora", 600.0, 1000.0), row(synthetic, "icl", 300.0, None))
    [one] = break_even(made)
    assert one.requests is None and "never: a request costs 6 s against 3 s" in sentence(made, one)


def test_energy_is_compared_where_both_measured_it(synthetic: ModuleType) -> None:
    made = board(row(synthetic, "lora", 100.0, 1000.0, 100.0), row(synthetic, "icl", 300.0, None, 400.0))
    by_unit = {one.unit: one.requests for one in break_even(made)}
    assert by_unit == {"s": 500, "J": 3000}  # 9000 J of tuning, 1 J a request against 4 J


@pytest.mark.parametrize("methods", [("lora", "ia3"), ("icl", "rag"), ("lora", "zero-shot")])
def test_only_tuning_against_examples_is_compared(synthetic: ModuleType, methods: tuple[str, str]) -> None:
    rows = [row(synthetic, m, 100.0, 1000.0 if m in synthetic.TUNED else None) for m in methods]
    assert break_even(board(*rows)) == []


@pytest.mark.parametrize("saved", [0.0001, 20.0])
def test_a_difference_within_the_noise_of_recorded_costs_names_no_number(synthetic: ModuleType, saved: float) -> None:
    made = board(row(synthetic, "lora", 300.0 - saved, 1000.0), row(synthetic, "icl", 300.0, None))
    [one] = break_even(made)
    assert one.requests is None and "no number can be named" in sentence(made, one)


def test_seeds_that_differ_more_than_the_methods_do_name_no_number(synthetic: ModuleType, tmp_path: Path) -> None:
    rows, folders = [], {}
    for seed, spent in ((1, 100.0), (2, 340.0)):
        rng = random.Random(seed)
        found = list(synthetic.records(rng, 0.5, 100))
        made = synthetic.row(synthetic.run_spec("lora", seed), found, rng)
        made = replace(made, costs=(Cost("generate", spent, 1), Cost("tune", 1000.0, 1)))
        folders[made.run_id] = synthetic.write(tmp_path, made, found)
        rows.append(made)
    other = row(synthetic, "icl", 300.0, None)
    rng = random.Random(0)
    folders[other.run_id] = synthetic.write(tmp_path, other, list(synthetic.records(rng, 0.5, 100, examples=8)))
    [made] = rank_boards([*rows, other], folders)
    [one] = break_even(made)
    assert (one.tuned_request, one.prompting_request, one.clear) == (2.2, 3.0, False)


def test_the_noise_is_a_tenth_of_the_dearer_request_or_twice_the_standard_error_of_seeds(
    synthetic: ModuleType,
) -> None:
    made = board(row(synthetic, "lora", 100.0, 1000.0), row(synthetic, "icl", 300.0, None))
    [one] = break_even(made)
    assert (one.once, one.tuned_request, one.prompting_request, one.unit) == (1000.0, 1.0, 3.0, "s")
    assert one.noise == pytest.approx(0.3) and one.clear
    tuned, other = (made.uncertainty[i] for i in (one.tuned, one.prompting))
    assert (tuned.writing, other.writing) == ((100.0,), (300.0,))
    seeds = {one.tuned: (90.0, 100.0, 110.0), one.prompting: (240.0, 360.0)}
    told = replace(made, uncertainty=tuple(Uncertainty((1,), ("r",), writing=seeds[i]) for i in range(2)))
    [noisy] = break_even(told)
    # standard deviations of 10 and 84.85, over the roots of 3 and 2, over means of 100 and 300
    a, b = 2 * 10 / 3**0.5 / 100 * 1.0, 2 * 84.8528137 / 2**0.5 / 300 * 3.0
    assert noisy.noise == pytest.approx((a * a + b * b) ** 0.5) and noisy.clear and noisy.requests == 500
    idle = replace(made, uncertainty=(Uncertainty((1,), ("r",), writing=(0.0, 0.0)),) * 2)
    assert break_even(idle)[0].noise == pytest.approx(0.3)


def test_the_number_of_requests_is_rounded_up_and_told_in_two_digits(synthetic: ModuleType) -> None:
    made = board(row(synthetic, "lora", 100.0, 1000.0), row(synthetic, "icl", 300.0, None))
    for tune, requests, words in (
        (1001.0, 501, "after 500 requests"),
        (12_460.0, 6230, "after 6,200 requests"),
        (2.5, 2, "after 2 requests"),
        (198.0, 99, "after 99 requests"),
        (2_512_000.0, 1_256_000, "after 1,300,000 requests"),
    ):
        costs = (Cost("generate", 100.0, 1), Cost("tune", tune, 1))
        rows = tuple(replace(r, costs=costs) if r.trainable_parameters else r for r in made.rows)
        told = replace(made, rows=rows)
        [one] = break_even(told)
        assert one.requests == requests and words in sentence(told, one)


def test_runs_that_lack_a_phase_or_a_problem_take_no_part(synthetic: ModuleType) -> None:
    tuned, prompting = row(synthetic, "lora", 100.0, 1000.0), row(synthetic, "icl", 300.0, None)
    tuning, writing = Cost("tune", 9.0, 1), Cost("generate", 9.0, 1)
    for costs in ((tuning,), (writing,), ()):
        assert break_even(board(replace(tuned, costs=costs), prompting)) == []
    assert break_even(board(tuned, replace(prompting, costs=()))) == []
    none = tuple(replace(e, n=0, unscored=0) for e in tuned.estimates)
    assert break_even(board(replace(tuned, estimates=none), prompting)) == []
    assert break_even(board(replace(tuned, examples=1.0), prompting)) == []
    assert break_even(board(tuned, replace(prompting, trainable_parameters=1))) == []
    other = replace(prompting, run=replace(prompting.run, model=ModelSpec("maker/other")))
    assert break_even(board(tuned, other)) == []


def test_the_best_run_of_each_method_stands_for_it(synthetic: ModuleType) -> None:
    tuned, prompting = row(synthetic, "lora", 100.0, 1000.0), row(synthetic, "icl", 300.0, None)
    low = tuple(replace(e, value=0.01, low=0.0, high=0.02) for e in tuned.estimates)
    worse = replace(tuned, run_id="worse", run=replace(tuned.run, seed=2), estimates=low)
    made = board(worse, tuned, prompting)
    [one] = break_even(made)
    assert made.rows[one.tuned].run_id == tuned.run_id


def test_comparisons_of_a_row_stand_in_the_order_in_which_they_pay() -> None:
    def one(tuned: int, requests: int | None, unit: str = "s") -> BreakEven:
        return BreakEven(tuned, 9, unit, 1.0, 1.0, 2.0, 0.1, requests)

    found = [one(1, None), one(0, 50), one(1, 7), one(1, 3, "J"), one(0, 20), one(0, None)]
    assert soonest_first(found, "s") == [one(0, 20), one(0, 50), one(0, None), one(1, 7), one(1, None)]
    assert soonest_first(found, "J") == [one(1, 3, "J")]

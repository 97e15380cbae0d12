"""When tuning pays, worked out by hand."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from harness.ranking.boards import Board, rank_boards
from harness.records import Cost, ModelSpec, Row
from harness.report.break_even import break_even, sentence


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

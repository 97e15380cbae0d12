"""When tuning pays, worked out by hand."""

from __future__ import annotations

import random
from dataclasses import replace
from types import ModuleType

import pytest

from harness import leaderboard
from harness.records import Cost, ModelSpec, Row
from harness.report.breakeven import break_even, sentence


def row(synthetic: ModuleType, method: str, generate: float, tune: float | None, joules: float | None = None) -> Row:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 100, examples=8 if method == "icl" else 0))
    costs = [Cost("generate", generate, 1, energy_joules=None if joules is None else joules)]
    costs += [] if tune is None else [Cost("tune", tune, 1, energy_joules=None if joules is None else 9000.0)]
    made: Row = replace(synthetic.row(synthetic.run_spec(method, 1), found, rng), costs=tuple(costs))
    return made


def board(*rows: Row) -> leaderboard.Board:
    [made] = leaderboard.boards(rows)
    return made


def test_tuning_pays_when_the_seconds_saved_have_added_up(synthetic: ModuleType) -> None:
    made = board(row(synthetic, "lora", 100.0, 1000.0), row(synthetic, "icl", 300.0, None))
    [one] = break_even(made)
    assert one.requests == 500  # 1000 s of tuning, 1 s a request against 3 s
    assert sentence(made, one) == (
        "lora overtakes icl after 500 requests: tuning 1,000 s once, then 1 s a request, against 3 s; "
        f"em@1 {score(made)} against {score(made)} per cent"
    )


def score(board: leaderboard.Board) -> str:
    estimate = board.column(board.rows[0], board.ranked_by)
    assert estimate is not None and estimate.value is not None
    return f"{100 * estimate.value:.2f}"


def test_a_sentence_names_the_model_where_there_are_several(synthetic: ModuleType) -> None:
    rows = [row(synthetic, "lora", 100.0, 1000.0), row(synthetic, "icl", 300.0, None)]
    other = [replace(r, run_id=f"{r.run_id}-2", run=replace(r.run, model=ModelSpec("maker/other"))) for r in rows]
    made = board(*rows, *other)
    told = [sentence(made, one) for one in break_even(made)]
    assert sorted(line.split(" overtakes ")[0] for line in told) == ["coder: lora", "other: lora"]


def test_tuning_never_pays_when_its_requests_cost_as_much(synthetic: ModuleType) -> None:
    made = board(row(synthetic, "lora", 300.0, 1000.0), row(synthetic, "icl", 300.0, None))
    [one] = break_even(made)
    assert one.requests is None and "never overtakes" in sentence(made, one)


def test_energy_is_compared_where_both_measured_it(synthetic: ModuleType) -> None:
    made = board(row(synthetic, "lora", 100.0, 1000.0, 100.0), row(synthetic, "icl", 300.0, None, 400.0))
    by_unit = {one.unit: one.requests for one in break_even(made)}
    assert by_unit == {"s": 500, "J": 3000}  # 9000 J of tuning, 1 J a request against 4 J


@pytest.mark.parametrize("methods", [("lora", "ia3"), ("icl", "rag"), ("lora", "zero-shot")])
def test_only_tuning_against_examples_is_compared(synthetic: ModuleType, methods: tuple[str, str]) -> None:
    rows = [row(synthetic, m, 100.0, 1000.0 if m in synthetic.TUNED else None) for m in methods]
    assert break_even(board(*rows)) == []

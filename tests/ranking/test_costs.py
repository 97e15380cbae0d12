"""One table of cost columns feeds every form of a leaderboard, and a name has one unit in all of them."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.ranking import tables
from harness.ranking.boards import Board, rank_boards
from harness.ranking.costs import (
    COLUMNS,
    COSTS,
    FAILURES,
    energy,
    format_count,
    peak_bytes,
    phase_seconds,
    problem_count,
    tokens_per_request,
    total_tokens_per_request,
)
from harness.ranking.rows import collect
from harness.records import Cost, Estimate, Row
from harness.report.payload import page_data


@pytest.fixture
def board(synthetic: ModuleType, tmp_path: Path) -> Board:
    """A tuned run and one that is not."""
    for method in ("lora", "zero-shot"):
        rng = random.Random(method)
        found = list(synthetic.records(rng, 0.5, 40))
        synthetic.write(tmp_path, synthetic.row(synthetic.run_spec(method, 42), found, rng), found)
    found = collect([tmp_path])
    [board] = rank_boards(found.rows, sort="tuning")
    return board


def page_rows(board: Board) -> list[dict[str, Any]]:
    data, _ = page_data([board], {}, ())
    return [dict(zip(data["row"], values, strict=True)) for values in data["boards"][0]["rows"]]


def test_every_form_has_every_column(board: Board) -> None:
    head = tables.table_rows(board)[0]
    assert head[-len(COLUMNS) :] == [column.header for column in COLUMNS.values()]
    assert set(COLUMNS) <= set(csv.DictReader(tables.csv([board]).splitlines()).fieldnames or ())
    parsed = json.loads("\n".join(tables.json_lines([board])))
    assert [list(one["columns"]) for one in parsed] == [list(COLUMNS)] * 2
    data, _ = page_data([board], {}, ())
    assert set(COLUMNS) <= set(data["row"])
    for part, columns in (("costs", COSTS), ("failures", FAILURES)):
        assert [(one["key"], one["title"]) for one in data[part]] == [(c.key, c.title) for c in columns.values()]


@pytest.mark.parametrize("key", COSTS)
def test_rows_are_sorted_by_any_cost_and_help_names_it(board: Board, key: str) -> None:
    [again] = rank_boards(board.rows, sort=key)
    values = [COSTS[key].value(row) for row in again.rows]
    known = [value for value in values if value is not None]
    assert known == sorted(known) and values[: len(known)] == known
    assert key in CliRunner().invoke(cli, ["leaderboard", "--help"], catch_exceptions=False).output


def test_a_name_has_the_same_value_in_csv_json_and_on_the_page(board: Board) -> None:
    """`writing` was seconds for a request in CSV and for `--sort`, and seconds in all everywhere else."""
    ids = [row.run_id for row in board.rows]
    lines = {line["run"]: line for line in csv.DictReader(tables.csv([board]).splitlines())}
    for name, line, shown in zip(ids, json.loads("\n".join(tables.json_lines([board]))), page_rows(board), strict=True):
        for key, value in line["columns"].items():
            assert lines[name][key] == ("" if value is None else str(value))
            assert shown[key] == (None if value is None else round(value, COLUMNS[key].decimals))
    writing = next(cost.seconds for cost in board.rows[0].costs if cost.phase == "generate")
    assert COSTS["writing"].value(board.rows[0]) == writing > 300
    assert COSTS["writing"].shown(board.rows[0]) == f"{writing:.0f}"


def test_a_shown_number_is_in_the_unit_of_its_head(board: Board) -> None:
    untuned, tuned = board.rows
    shown = {column.header: column.shown(tuned) for column in COLUMNS.values()}
    assert (shown["peak GB"], shown["Wh"], shown["trainable"]) == ("20.40", f"{4.1e5 / 3600:.1f}", "12.5M")
    assert shown["tokens/request"] == f"{21720 / 40:.0f}+{65160 / 40:.0f}"
    assert (COSTS["tuning"].value(untuned), COSTS["tuning"].shown(untuned)) == (0.0, "-")
    assert COSTS["energy"].shown(untuned) == "-"


def test_parameters_are_counted_in_words() -> None:
    assert [format_count(n) for n in (0, 7, 1_500, 12_500_000, 7_000_000_000)] == ["-", "7", "1.5k", "12.5M", "7B"]
    assert [format_count(n) for n in (1, 999, 1_000, 999_999, 1_000_000)] == ["1", "999", "1k", "1e+03k", "1M"]
    assert [format_count(n) for n in (999_999_999, 10**9)] == ["1e+03M", "1B"]


def costly(*costs: Cost, n: int = 4, unscored: int = 0) -> Row:
    estimates = (Estimate("m", "m", 0.5, None, None, n, unscored), Estimate("m", "m", 0.5, None, None, 99, slice="a"))
    return Row("x", None, estimates, costs, {"timed-out": 2, "sandbox-error": 3}, 0, 0)  # type: ignore[arg-type]


def test_a_request_is_one_problem_scored_or_not() -> None:
    row = costly(Cost("generate", 8.0, 5, None, 10, 30), n=3, unscored=1)
    assert (problem_count(row), tokens_per_request(row), total_tokens_per_request(row)) == (4, (2.5, 7.5), 10.0)
    assert COSTS["tokens"].shown(row) == "2+8" and COSTS["tokens"].value(row) == 10.0


@pytest.mark.parametrize("row", [costly(Cost("tune", 9.0, 5)), costly(Cost("generate", 1.0, 5, None, 1, 1), n=0)])
def test_without_a_written_problem_there_are_no_tokens_of_a_request(row: Row) -> None:
    assert tokens_per_request(row) is None is total_tokens_per_request(row)
    assert (COSTS["tokens"].shown(row), COSTS["tokens"].value(row)) == ("-", None)


def test_costs_of_single_phases_and_of_all() -> None:
    row = costly(Cost("tune", 1800.4, 7, 10, energy_joules=3600.0), Cost("generate", 300.0, 9, 8, energy_joules=1800.0))
    assert (phase_seconds(row, "tune"), phase_seconds(row, "judge")) == (1800.4, None)
    assert (energy(row), energy(costly(Cost("tune", 1.0, 5)))) == (5400.0, None)
    assert (peak_bytes(row), peak_bytes(costly())) == (10, None)
    assert [COSTS[key].shown(row) for key in ("tuning", "writing", "energy", "memory")] == [
        "1800",
        "300",
        "1.5",
        "0.00",
    ]
    assert [COSTS[key].shown(costly()) for key in ("tuning", "writing", "energy", "memory")] == ["-"] * 4
    assert [COSTS[key].value(costly()) for key in ("tuning", "writing", "energy", "memory")] == [0.0, None, None, None]
    assert [FAILURES[key].value(row) for key in FAILURES] == [2, 3]
    assert {key: column.decimals for key, column in COLUMNS.items() if column.decimals != 1} == {"tuning": 3}

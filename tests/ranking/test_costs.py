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
from harness.ranking.costs import COLUMNS, COSTS, FAILURES, format_count
from harness.ranking.rows import collect
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

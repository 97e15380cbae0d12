"""The seeds of a method are one row, and a side of a comparison."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.errors import UsageError
from harness.ranking import tables
from harness.ranking.boards import Board, rank_boards
from harness.ranking.comparison import compare_runs
from harness.ranking.rows import collect


@pytest.fixture
def root(synthetic: ModuleType, tmp_path: Path) -> Path:
    """Three seeds of two methods, and one of a third."""
    for number, (method, seed, skill) in enumerate(
        [*(("lora", s, 0.9) for s in (1, 2, 3)), *(("ia3", s, 0.3) for s in (1, 2, 3)), ("zero-shot", 1, 0.05)]
    ):
        rng = random.Random(number)
        found = list(synthetic.records(rng, skill, 150))
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec(method, seed), found, rng), found)
    return tmp_path / "runs"


def board_of(root: Path, **options: bool) -> Board:
    found = collect([root])
    [board] = rank_boards(found.rows, found.folders, metric="em@10", **options)
    return board


def test_runs_that_differ_in_nothing_but_the_seed_are_one_row_with_the_mean_of_their_values(root: Path) -> None:
    board, single = board_of(root), board_of(root, separate_seeds=True)
    assert board.labels == ("lora (3 seeds)", "ia3 (3 seeds)", "zero-shot")
    assert [one.seeds for one in board.uncertainty] == [(1, 2, 3), (1, 2, 3), (1,)]
    values = [e.value for row in single.rows[:3] if (e := single.column(row, single.ranked_by))]
    lora = board.column(board.rows[0], board.ranked_by)
    assert lora is not None and lora.value == pytest.approx(sum(v for v in values if v is not None) / 3)
    assert lora.n == 150 and lora.low is not None and lora.low < lora.value
    assert board.rows[0].outcomes["passed"] == sum(row.outcomes["passed"] for row in single.rows[:3])


def test_the_error_of_a_row_of_three_seeds_is_told_by_cause_and_of_one_seed_it_is_not(root: Path) -> None:
    lora, _, zero = board_of(root).uncertainty
    assert lora.problems and lora.answers is not None and lora.training is not None and lora.detectable
    assert zero.problems and zero.answers is None and zero.training is None
    assert lora.sentence().startswith("standard error by cause, in points: problems ")


def test_each_seed_is_a_row_where_it_is_asked_for(root: Path) -> None:
    text = CliRunner().invoke(cli, ["leaderboard", str(root), "--seeds"], catch_exceptions=False).output
    assert text.count("lora (seed=") == 3 and "1-4" in text
    assert "With fewer than 3 seeds they do not hold what training adds" in text
    whole = CliRunner().invoke(cli, ["leaderboard", str(root)], catch_exceptions=False).output
    assert whole.count("lora (3 seeds)") == 1 and "do not hold" not in whole
    assert whole.count("harness eval --method lora") == 3


def test_json_and_csv_have_the_range_of_ranks_the_seeds_and_the_noises(root: Path) -> None:
    found, board = collect([root]), board_of(root)
    first, *_ = json.loads("\n".join(tables.json_lines([board], found.folders, found.json)))
    assert (first["rank"], first["rank_to"], first["certainty"]["seeds"]) == (1, 1, [1, 2, 3])
    assert len(first["certainty"]["runs"]) == 3 and first["certainty"]["training"] is not None
    value = next(e["value"] for e in first["estimates"] if e["measure"] == "em@10" and e["slice"] is None)
    shown = board.column(board.rows[0], board.ranked_by)
    assert shown is not None and value == shown.value
    line = next(csv.DictReader(tables.csv([board]).splitlines()))
    assert (line["rank"], line["rank_to"], line["seeds"]) == ("1", "1", "1 2 3")


def test_compare_takes_the_seeds_of_a_side_together(root: Path) -> None:
    sides = [sorted(map(str, root.glob(f"conala-{method}-*"))) for method in ("lora", "ia3")]
    text = CliRunner().invoke(cli, ["compare", *sides[0], "vs", *sides[1]], catch_exceptions=False).output
    assert text.count("\nA  ") + text.startswith("A  ") == 3 and text.count("\nB  ") == 3
    assert "standard error by cause, in points: problems" in text and "decided at 5 %" in text
    [one, *_] = compare_runs([Path(p) for p in sides[0]], [Path(p) for p in sides[1]])
    assert one.seeds == (3, 3) and one.n == 150 and one.test == "paired permutation, with seeds"


def test_what_is_no_side_is_refused(root: Path) -> None:
    lora, ia3 = (sorted(root.glob(f"conala-{method}-*")) for method in ("lora", "ia3"))
    with pytest.raises(UsageError, match="differ in more than the seed"):
        compare_runs([lora[0], ia3[0]], [ia3[1]])
    with pytest.raises(UsageError, match="is there twice"):
        compare_runs([lora[0], lora[0]], [ia3[1]])
    done = CliRunner().invoke(cli, ["compare", str(lora[0])])
    assert done.exit_code != 0

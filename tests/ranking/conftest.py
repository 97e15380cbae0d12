"""Boards of synthetic runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from harness.ranking.boards import Board, rank_boards
from harness.ranking.rows import collect
from harness.records import Row


@pytest.fixture
def board_of(synthetic: ModuleType, tmp_path: Path) -> Callable[..., Board]:
    """Makes one board of rows from (model, method) pairs, each with the same problems."""

    def make(*pairs: tuple[str, str], folder: str = "runs", problems: int = 40) -> Board:
        for number, (model, method) in enumerate(pairs):
            rng = random.Random(number)
            found = list(synthetic.records(rng, 0.6 - 0.01 * number, problems))
            row: Row = synthetic.row(synthetic.run_spec(method, 42, model), found, rng)
            synthetic.write(tmp_path / folder, replace(row, notes=()), found)
        collected = collect([tmp_path / folder])
        [board] = rank_boards(collected.rows, collected.folders)
        return board

    return make

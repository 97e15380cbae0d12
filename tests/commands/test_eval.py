"""`harness eval`: what to type next."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.commands.eval import _summary
from harness.ranking.uncertainty import Uncertainty


def board(*sides: tuple[str, ...]) -> SimpleNamespace:
    return SimpleNamespace(uncertainty=tuple(Uncertainty(tuple(range(len(runs))), runs) for runs in sides))


@pytest.mark.parametrize(
    ("sides", "says"),
    [
        ([("a",), ("b",), ("c",)], "finished: 3 runs in runs; is the difference real: harness compare runs/a runs/b"),
        (
            [("a", "b"), ("c",)],
            "finished: 3 runs in runs; is the difference real: harness compare runs/a runs/b vs runs/c",
        ),
        ([("a",)], "finished: runs/a; beside other runs: harness leaderboard"),
        ([("a", "b")], "finished: 2 runs in runs; beside other runs: harness leaderboard"),
    ],
)
def test_the_best_two_of_a_command_are_offered_to_be_compared(sides: list[tuple[str, ...]], says: str) -> None:
    runs = [name for names in sides for name in names]
    assert _summary(runs, [board(*sides)], Path("runs")) == says


def test_a_run_without_a_score_and_another_folder_are_told_of() -> None:
    assert _summary(["a"], [], Path("my runs")) == (
        "finished: my runs/a; beside other runs: harness leaderboard --runs 'my runs'"
    )

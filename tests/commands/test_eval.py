"""`harness eval`: what to type next."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from harness.cli import cli
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


def test_a_log_has_every_note_before_the_first_tuning_and_names_each_phase_with_its_method(
    tiny_model: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f'{{"instruction": "Say {n}.", "answer": "{n}", "odd": 1}}\n' for n in range(10)))
    words = ["eval", "--method", "zero-shot,lora", "--task", "my", "--data", rows, "--model", tiny_model]
    more = ["--runs", tmp_path / "runs", "--candidates", "1", "-k", "1", "--max-new-tokens", "4"]
    done = CliRunner().invoke(cli, [str(word) for word in (*words, *more)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    log = [line for line in done.stderr.splitlines() if not line.startswith("warning")]
    cut, unused, *phases = log
    assert cut.startswith("note: ") and "is one file: cut into train, validation and test" in cut
    assert unused.startswith("note: ") and "odd" in unused
    begun = [line.partition(":")[0] for line in phases]
    assert begun[0] == "loading tiny-llama"
    assert next(phase for phase in begun if not phase.startswith("loading")) == "tuning lora"
    assert {"making the prompts of zero-shot", "writing zero-shot", "writing lora"} <= {*begun}

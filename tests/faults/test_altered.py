"""An altered or unreadable file of a run is named, and what is shown of the others stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults.altered import READERS, WRITERS, Base, try_all
from benchmarks.faults.mutations import Mutation

COMMANDS = (*READERS, *WRITERS)
FINISHED = [
    ("run.json", "empty"),
    ("run.json", "missing key"),
    ("run.json", "pipe"),
    ("run.json", "circle"),
    ("result.json", "other value"),
    ("result.json", "folder"),
    ("result.json", "deep"),
    ("records.jsonl", "flip"),
    ("records.jsonl", "not UTF-8"),
    ("tuning.json", "huge number"),
    ("costs.jsonl", "line gone"),
    ("leakage.json", "circle"),
    ("adapter/adapter_model.safetensors", "cut"),
]
UNFINISHED = [
    ("completions.jsonl", "cut"),
    ("completions.jsonl", "other value"),
    ("executions.jsonl", "flip"),
    ("tuning.json", "nested"),
]


def named(fault: tuple[str, str]) -> str:
    return f"{fault[0]}, {fault[1]}"


@pytest.mark.parametrize("fault", FINISHED, ids=named)
def test_a_finished_run_with_an_altered_file_is_named_and_shows_no_other_number(
    fault: tuple[str, str], base: Base, place: Path
) -> None:
    file, kind = fault
    found, counts = try_all(base, [Mutation(f"{base.run}/{file}", kind, 1)], place, COMMANDS, finished=True)
    assert not found
    assert counts["tried"] == len(COMMANDS)


@pytest.mark.parametrize("fault", UNFINISHED, ids=named)
def test_an_unfinished_run_with_an_altered_file_ends_equal_or_is_named(
    fault: tuple[str, str], base: Base, place: Path
) -> None:
    file, kind = fault
    found, _ = try_all(base, [Mutation(f"{base.run}/{file}", kind, 1)], place, COMMANDS, finished=False)
    assert not found

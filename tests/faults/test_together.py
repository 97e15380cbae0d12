"""Two commands on one run or study: the second waits, or shares the work."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from benchmarks.faults import bench
from harness import files


def printed(log: str) -> Any:
    """The JSON in what a command has said; notes stand before and after it."""
    return json.loads(log[log.index("[\n") : log.rindex("\n]") + 2])


def test_a_second_command_waits_for_the_run_and_gives_the_same_row(
    ground: bench.Ground, place: Path, tmp_path: Path
) -> None:
    words = ground.words("zero-shot", place)
    children = [bench.spawn(words, tmp_path / name) for name in ("first", "second")]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    rows = [(tmp_path / name).read_text("utf-8") for name in ("first", "second")]
    assert sum("another process is making this run; waiting for it" in text for text in rows) == 1
    assert printed(rows[0]) == printed(rows[1])
    assert len((next(place.glob("apps-*")) / "costs.jsonl").read_text().splitlines()) == 3  # made once


def test_a_command_that_must_not_wait_fails_at_once(ground: bench.Ground, place: Path) -> None:
    words = ground.words("zero-shot", place)
    (planned,) = json.loads(bench.run([*words, "--dry-run"]).out)
    with files.locked(place / planned["id"]):
        said = bench.run([*words, "--no-wait"])
    assert said.status == 1
    assert "another process is making this" in said.err


def test_two_commands_share_the_cells_of_a_study(ground: bench.Ground, place: Path, tmp_path: Path) -> None:
    words = ["study", "run", str(ground.study), "--data", f"apps={ground.data}", "--runs", str(place), "--json"]
    children = [bench.spawn(words, tmp_path / name) for name in ("first", "second")]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    for name in ("first", "second"):
        cells = printed((tmp_path / name).read_text("utf-8"))
        assert [cell["state"] for cell in cells] == ["finished", "finished"]
    for folder in place.glob("apps-*"):
        phases = [json.loads(line)["phase"] for line in (folder / "costs.jsonl").read_text().splitlines()]
        assert sorted(phases) == ["generate", "judge", "load"]
    (log,) = place.glob("studies/*/cells.jsonl")
    assert len(list(files.lines(log))) >= 4

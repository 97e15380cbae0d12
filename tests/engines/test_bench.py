"""Candidates are executed over a cluster with the verdicts that this machine gives, also where a node is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.nodes import Nodes

EACH = 8
"""Programs for each of the sample's 60 problems."""


def words(programs: Path, runs: Path) -> list[str]:
    given = [sys.executable, "-m", "harness", "score", "--task", "apps", "--completions", str(programs)]
    return [*given, "--runs", str(runs), "--json"]


def verdicts(runs: Path) -> list[Any]:
    """Everything that the records say of executions beside the time they took."""
    (path,) = runs.glob("*/records.jsonl")
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [[r["id"], [{k: v for k, v in e.items() if k != "seconds"} for e in r["executions"]]] for r in records]


@pytest.mark.long
def test_a_lost_node_changes_no_verdict(three_nodes: Nodes, programs: Callable[[int], Path], tmp_path: Path) -> None:
    file = programs(EACH)
    here, there = tmp_path / "here", tmp_path / "there"
    subprocess.run(words(file, here), env=three_nodes.environ, capture_output=True, check=True)
    asked = [*words(file, there), "--engine", "ray", "--address", three_nodes.address]
    pipe: Any = subprocess.PIPE
    with subprocess.Popen(asked, env=three_nodes.environ, stdout=pipe, stderr=pipe, text=True) as process:
        deadline = time.monotonic() + 300
        while (
            not (list(there.glob("*/sandbox.json")) and three_nodes.is_judging(1))
            and process.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        three_nodes.kill(1)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert len(json.loads(out)) == 1, "what Ray says is no data"
    assert "programs are executed again" in err
    assert verdicts(there) == verdicts(here)
    (told,) = there.glob("*/sandbox.json")
    isolation = json.loads(told.read_text())
    again = [sys.executable, "-m", "harness", "verify", str(told.parent), "--judge"]
    held = subprocess.run(
        [*again, "--engine", "ray", "--address", three_nodes.address],
        env=three_nodes.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert held.returncode == 0, held.stdout + held.stderr
    assert f"yes the sandbox gives the same verdicts again: {60 * EACH} completions" in held.stdout
    assert len(isolation["nodes"]) == 3 and set(isolation["nodes"].values()) == {isolation["isolation"]["name"]}

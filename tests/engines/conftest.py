"""A cluster of three node processes, and programs to judge."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.config import Settings
from harness.evaluation.plan import resolve
from harness.evaluation.request import Request
from harness.plugin_system.registry import Registry
from tests.engines.nodes import Nodes, nodes


@pytest.fixture
def three_nodes() -> Iterator[Nodes]:
    """A cluster of three nodes with a CPU each."""
    pytest.importorskip("ray", reason="pip install '.[test]' brings ray")
    with nodes(3) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Writes a file with so many programs for each of the sample's 60 problems: right, wrong, broken, none."""
    problems = resolve(Request("zero-shot", "apps"), Registry(), Settings()).splits["test"]

    def write(each: int) -> Path:
        path = tmp_path_factory.mktemp("programs") / "mine.jsonl"
        lines = []
        for place, problem in enumerate(problems):
            kinds = [problem.reference, "raise SystemExit(3)", "print(input())", "def (", "", "print(0)"]
            texts = [f"# {number}\n{kinds[(place + number) % len(kinds)]}" for number in range(each)]
            lines.append(json.dumps({"id": problem.id, "completions": texts}))
        path.write_text("\n".join(lines), "utf-8")
        return path

    return write

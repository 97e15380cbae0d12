"""Examples in the prompt: training problems, in their own words or others, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import PluginError
from harness.evaluation.prompting import reworded
from harness.modeling.examples import ExamplePool
from harness.plugin import PromptingMethod
from harness.plugin_system.registry import Registry
from harness.records import Problem

POOL = ExamplePool([Problem("a", "add", ("x + y",)), Problem("b", "sort", ("sorted(x)",))], seed=0)


class Thinking(PromptingMethod):
    """Training problems with a chain of thought."""

    name = "thinking"

    def examples(self, problems: Sequence[Problem], pool: ExamplePool, config: Any) -> Sequence[Sequence[Problem]]:
        return [[replace(pool.problems[0], references=("# Step by step.\nx + y",))] for _ in problems]


def test_an_example_in_other_words_is_allowed_and_told_apart() -> None:
    registry = Registry()
    registry.add(Thinking())
    entry = registry.method("thinking")
    changed = replace(POOL.problems[0], references=("# Step by step.\nx + y",))
    assert reworded(entry, [changed, POOL.problems[1]], POOL) == {"a"}
    with pytest.raises(PluginError, match="method thinking: the example 'z' is no training problem"):
        reworded(entry, [Problem("z", "add", ("x + y",))], POOL)

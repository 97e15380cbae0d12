"""Parse rate: how many of the candidates are Python at all."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from typing import Any

from harness import hookimpl
from harness.plugin import Metric
from harness.records import Completion, Execution, Problem, Score


class ParseRate(Metric):
    """Mean over problems of the share of candidates that the running Python parses; an empty candidate does not count.

    A candidate is parsed as it stands, without its prompt; a program nested too deeply for the parser does not parse.
    """

    name = "parse_rate"
    needs = ""

    def score(
        self,
        problem: Problem,
        completions: Sequence[Completion],
        executions: Sequence[Execution],
        ks: Sequence[int],
        config: Any,
    ) -> Score:
        if not completions:
            return Score(self.name, why="the problem has no candidate")
        share = sum(parses(completion.text) for completion in completions) / len(completions)
        return Score(self.name, values={"parse_rate": share})


def parses(text: str) -> bool:
    """Whether `text` holds Python statements and nothing else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(ast.parse(text.strip()).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


@hookimpl
def harness_metrics() -> list[Metric]:
    """Parse rate."""
    return [ParseRate()]

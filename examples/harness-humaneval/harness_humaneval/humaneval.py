"""HumanEval: the head of a function with its docstring; the completion is its body.

    def incr_list(l: list):
        \"\"\"Return list with elements incremented by 1. …\"\"\"
        return [x + 1 for x in l]

Chen et al., 2021 (arXiv:2107.03374). A problem has `task_id`, `prompt`, `entry_point`, `canonical_solution` and `test`,
which defines `check(candidate)`. The completion is cut where the function ends, as in the paper's section 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.data.sources import DataRow, HubFiles, Source, rows
from harness.plugin import Task
from harness.records import AssertTests, Problem, Sampling


class HumanEval(Task):
    """The body of a function for its signature and docstring, judged by assertions."""

    name = "humaneval"
    version = "1"
    reference = "Chen et al., 2021 (arXiv:2107.03374)"
    licence = "MIT"
    metrics: ClassVar[tuple[str, ...]] = ("pass_at_k",)
    hub = HubFiles(
        "openai/openai_humaneval",
        "7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544",
        {"test": "openai_humaneval/test-00000-of-00001.parquet"},
    )
    sizes: ClassVar[Mapping[str, int]] = {"test": 164}

    def sampling(self) -> Sampling:
        """Ten samples at temperature 0.8, top-p 0.95; cut at the texts of the paper's section 2.2."""
        stop = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
        return Sampling(candidates=10, max_new_tokens=512, temperature=0.8, top_p=0.95, stop=stop)

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """Every row of every file, all of them to be tested."""
        return {"test": [problem(row) for file in source.files for row in rows(file)]}

    def template(self, problem: Problem) -> str:
        """The function's head and nothing else; the body begins right after it."""
        return problem.instruction


def problem(row: DataRow) -> Problem:
    """One row in the shape of HumanEval."""
    name, prompt = row.get("entry_point", str), row.get("prompt", str)
    # A prompt's trailing blanks would be the first token of the body; the body brings its own indentation.
    prompt = prompt.rstrip(" \t")
    tests = AssertTests(name, f"{row.get('test', str)}\n\ncheck({name})\n", setup=prompt)
    return Problem(row.get("task_id", str), prompt, (row.get("canonical_solution", str),), tests)

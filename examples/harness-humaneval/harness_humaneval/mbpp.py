"""MBPP: a sentence and the assertions that a whole function has to pass.

    ### Instruction:
    Write a function to find the shared elements from the given two lists.
    Your code should satisfy these assertions:
    assert set(similar_elements((3, 4, 5, 6),(5, 7, 4, 10))) == set((4, 5))
    ### Response:
    def similar_elements(a, b):
        …

Austin et al., 2021 (arXiv:2108.07732): problems 11 to 510 are for testing, and the assertions stand in the prompt
(section 3.1). Rows in the shape of HumanEval (the sanitized problems) are read as well, with the head in place of the
sentence.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from harness.data.sources import DataRow, HubFiles, Source, rows
from harness.errors import DataError
from harness.plugin import Task
from harness.records import AssertTests, Problem, Sampling
from harness_humaneval import humaneval

TEST_IDS = range(11, 511)


class Mbpp(Task):
    """Short functions for a sentence and its assertions."""

    name = "mbpp"
    version = "1"
    reference = "Austin et al., 2021 (arXiv:2108.07732)"
    licence = "CC BY 4.0"
    metrics: ClassVar[tuple[str, ...]] = ("pass_at_k",)
    hub = HubFiles(
        "google-research-datasets/mbpp",
        "4bb6404fdc6cacfda99d4ac4205087b89d32030c",
        {"test": "full/test-00000-of-00001.parquet"},
    )

    def sampling(self) -> Sampling:
        """Ten samples at temperature 0.8, top-p 0.95."""
        return Sampling(candidates=10, max_new_tokens=256, temperature=0.8, top_p=0.95)

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """The problems for testing of every file."""
        return {"test": [problem for file in source.files for row in rows(file) for problem in _problems(row)]}

    def template(self, problem: Problem) -> str:
        """The sentence and its assertions; for a row in the shape of HumanEval the function's head alone."""
        if isinstance(problem.tests, AssertTests) and problem.tests.setup == problem.instruction:
            return problem.instruction
        return super().template(problem)


def _problems(row: DataRow) -> Iterator[Problem]:
    if "entry_point" in row.values:
        yield humaneval.problem(row)
    elif row.get("task_id", int) in TEST_IDS:
        yield _problem(row)


def _problem(row: DataRow) -> Problem:
    assertions = row.get("test_list", list)
    if not assertions or not all(isinstance(one, str) for one in assertions):
        raise DataError(f"{row.where}: field 'test_list' is not a list of assertions")
    code = "\n".join(assertions)
    shown = f"{row.get('text', str)}\nYour code should satisfy these assertions:\n{code}"
    setup = row.get("test_setup_code", str, "").replace("\r\n", "\n").strip()  # it may use what the program defines
    tests = AssertTests(_entry_point(row, code), f"{setup}\n{code}" if setup else code)
    reference = row.get("code", str).replace("\r\n", "\n")
    return Problem(str(row.get("task_id", int)), shown, (reference,), tests)


def _entry_point(row: DataRow, code: str) -> str:
    """The function that the assertions call: the one among those they name that the row's own code defines."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in a published row is no news to the user
            own, tests = ast.parse(row.get("code", str)), ast.parse(code)
        defined = {node.name for node in own.body if isinstance(node, ast.FunctionDef)}
        called = [node.func.id for node in ast.walk(tests) if _is_call(node)]
    except SyntaxError as error:
        raise DataError(f"{row.where}: field 'code' or 'test_list' is no Python: {error.msg}") from None
    found = next((name for name in called if name in defined), None)
    if found is None:
        raise DataError(f"{row.where}: no assertion calls a function that field 'code' defines")
    return found


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)

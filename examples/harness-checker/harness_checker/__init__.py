"""Contest problems with many right answers: whether an output is one of them is said by a checker program.

    ### Instruction:
    Write n as a sum of two primes. …
    ### Response:
    n = int(input())
    …

A row has `id`, `statement`, `tests` (a list of [input, answer of the jury]), `checker` and `solution`. The checker is
Python in the manner of Codeforces (testlib): it is called with the names of three files, the input, the output and the
jury's answer, and ends with 0 for a right output, with 1 or 2 for a wrong one, and with anything else when it fails
itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from harness import hookimpl
from harness.data.sources import DataRow, Source, rows
from harness.errors import DataError
from harness.owntests import OwnTests
from harness.plugin import Task
from harness.records import Execution, Limits, Outcome, Problem, Sampling
from harness.sandbox import Finished, execute

_WRONG = (1, 2)
_FILES = ("input.txt", "output.txt", "answer.txt")


@dataclass(frozen=True, slots=True)
class CheckerTests(OwnTests):
    """(input, the jury's answer) of each test, and the checker's text."""

    kind = "checker"
    cases: tuple[tuple[str, str], ...]
    checker: str

    @property
    def total(self) -> int:
        """A test for each input."""
        return len(self.cases)


class Checker(Task):
    """A whole program, whose output a checker program accepts."""

    name = "checker"
    version = "1"
    reference = "problems of this package's own"
    licence = "Apache-2.0"
    metrics: ClassVar[tuple[str, ...]] = ("pass_at_k", "tests_passed")

    def sampling(self) -> Sampling:
        """Five samples."""
        return Sampling(candidates=5, max_new_tokens=384, temperature=0.6)

    def default_ks(self) -> tuple[int, ...]:
        """One and all five."""
        return (1, 5)

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """The problems of each split that `source` has a file for."""
        return {split: [_problem(row) for f in files for row in rows(f)] for split, files in source.splits().items()}

    def judge_one(self, problem: Problem, program: str, limits: Limits, *, accept_unsafe: bool = False) -> Execution:
        """Runs the program on each input, and the checker, in an execution of its own, on what it printed."""
        tests = problem.tests
        assert isinstance(tests, CheckerTests)
        outcomes: list[Outcome] = []
        seconds, error = 0.0, ""
        for given, answer in tests.cases:
            done = execute(program, stdin=given, limits=limits, accept_unsafe=accept_unsafe)
            outcome, why = done.outcome, done.error
            if outcome is Outcome.PASSED:
                outcome, why = _checked(tests.checker, given, done.stdout, answer, limits, accept_unsafe)
            if outcome is Outcome.SANDBOX_ERROR:
                return Execution(outcome, 0, tests.total, error=why, complete=False)
            outcomes.append(outcome)
            seconds, error = seconds + done.seconds, error or why
        passed = outcomes.count(Outcome.PASSED)
        worst = next((one for one in outcomes if one is not Outcome.PASSED), Outcome.PASSED)
        return Execution(worst, passed, tests.total, round(seconds, 6), error if worst is not Outcome.PASSED else "")


def _checked(
    checker: str, given: str, output: bytes, answer: str, limits: Limits, accept_unsafe: bool
) -> tuple[Outcome, str]:
    """What the checker says of an output.

    No output may make the checker fail and so be left out of the count: where it accepts the jury's own answer, the
    fault is the output's.
    """

    def ask(text: str | bytes) -> Finished:
        files = dict(zip(_FILES, (given, text, answer), strict=True))
        # Whatever the program printed, its checker has room for it.
        room = sum(len(one) if isinstance(one, bytes) else len(one.encode()) for one in files.values())
        roomy = replace(limits, scratch_bytes=limits.scratch_bytes + room + len(files) * 4096)
        return execute(checker, arguments=_FILES, files=files, limits=roomy, accept_unsafe=accept_unsafe)

    said = ask(output)
    if said.outcome is Outcome.PASSED:
        return Outcome.PASSED, ""
    if said.code in _WRONG or ask(answer).outcome is Outcome.PASSED:
        return Outcome.FAILED, said.error
    return Outcome.SANDBOX_ERROR, f"the checker refuses the jury's answer: {said.error}"


def _problem(row: DataRow) -> Problem:
    cases = row.get("tests", list)
    if not cases or not all(isinstance(case, list) and list(map(type, case)) == [str, str] for case in cases):
        raise DataError(f"{row.where}: field 'tests' is not a list of [input, answer]")
    tests = CheckerTests(tuple((given, answer) for given, answer in cases), row.get("checker", str))
    return Problem(row.get("id", str), row.get("statement", str), (row.get("solution", str),), tests)


@hookimpl
def harness_tasks() -> list[Task]:
    return [Checker()]

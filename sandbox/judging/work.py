"""State machines of jobs: what is known of a candidate, and what to request of a jail next."""

from __future__ import annotations

import functools
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from harness.records import AssertTests, Execution, Limits, Outcome
from harness.sandbox.comparison import values
from harness.sandbox.comparison.compare import LARGE_VALUE, Comparison
from harness.sandbox.comparison.output import Part
from harness.sandbox.jails.jail import Answer, JailFailed, LevelName
from harness.sandbox.judging.joining import joined
from harness.sandbox.judging.judge import (
    COMPARED_AT_ONCE,
    OUTCOMES,
    LargeAnswer,
    Suite,
    Verdict,
    compared,
    comparison,
    judge,
)
from harness.sandbox.judging.reported_end import ENDS, read_end
from harness.sandbox.static_analysis.analysis import described, needs_the_process
from harness.sandbox.static_analysis.constants import Unread
from harness.sandbox.static_analysis.literal import Check, checks
from harness.sandbox.wire import protocol

Isolation = Literal["shared", "fresh"]
Step = Literal["answers", "assertions", "in-process", "done"]

_NO_VALUE = (values.Unknown, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What reading or comparing an answer raises where it is none that can be compared: the candidate's failure."""
_LARGE_ANSWERS = 8 * LARGE_VALUE
"""Bytes of all answers to a test that are compared in the supervisor."""
_WIDEST = 15
"""How often the limits on one test a block of assertions may take (evalplus: a minute for a problem, at most)."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run; the same for all its jobs."""

    limits: Limits
    comparison: Comparison
    stop: bool
    isolation: Isolation
    level: LevelName


@dataclass(frozen=True, slots=True)
class Request:
    """What to run next. `comparison`: in the slot's second jail, where no candidate ever runs."""

    suite: Suite
    program: str
    groups: Sequence[tuple[int, int]]
    comparison: bool = False


class Work(Protocol):
    """A job in progress."""

    number: int
    attempts: int

    def next(self) -> Request | None:
        """What to ask next; None when the verdict stands."""

    def take(self, answer: Answer) -> None:
        """Enters the guest's answer to the last request."""

    def execution(self) -> Execution:
        """The verdict."""

    def again(self) -> Work:
        """The same job from its start, after a jail has failed under it."""

    def broken(self, why: JailFailed, outcome: Outcome) -> Execution:
        """What is recorded when that has happened twice."""


@dataclass(slots=True)
class CaseWork:
    """A program and its stdin or call tests.

    Where a test that failed among others passes alone, what the program prints depends on more than its input; so that
    no program can give two answers and have the better one counted, all its tests are then run again, each in a process
    of its own, and that alone counts (`unstable`), but those that had failed alone stay failed. Failures are repeated
    one by one, in no order that can be foreseen: a program sees which test is repeated, and so that it had failed.
    """

    number: int
    program: str
    parts: list[Suite]
    options: Options
    verdicts: list[list[Verdict | None]] = field(default_factory=list)
    part: int = 0
    large: list[LargeAnswer] = field(default_factory=list)
    """Answers that have yet to be compared, in the second jail; the last of them were sent there."""
    comparing: int = 0
    error: str = ""
    seconds: float = 0.0
    unstable: bool = False
    attempts: int = 0

    def __post_init__(self) -> None:
        self.verdicts = [[None] * suite.count for suite in self.parts]

    def next(self) -> Request | None:
        if self.large:
            self.comparing = min(len(self.large), COMPARED_AT_ONCE)
            suite = comparison(self.parts[self.part], self.large[: self.comparing], self.options.limits)
            return Request(suite, "", [(0, self.comparing)], comparison=True)
        while self.part < len(self.parts):
            groups = self._groups(self.verdicts[self.part])
            if groups is None:
                return None
            if groups:
                return Request(self.parts[self.part], self.program, groups)
            self.part += 1
        return None

    def _groups(self, known: list[Verdict | None]) -> list[tuple[int, int]] | None:
        """The tests to run next, as groups that share a process; None when no more are wanted.

        A failure that was not the first test of its process may be the fault of the tests before it, so it is
        believed only when it has failed alone.
        """
        failed = [at for at, verdict in enumerate(known) if verdict and self._failing(verdict)]
        doubtful = [at for at in failed if not _sure(known[at])]
        if self.options.stop and len(doubtful) < len(failed):
            return None
        unknown = _stretches([at for at, verdict in enumerate(known) if verdict is None])
        if self.options.isolation == "fresh" or self.unstable:
            unknown = [(at, at + 1) for start, end in unknown for at in range(start, end)]
        if doubtful and (self.options.stop or not unknown):
            return _stretches([secrets.choice(doubtful)])
        return unknown

    def _failing(self, verdict: Verdict) -> bool:
        return not (verdict.strict if self.options.comparison == "strict" else verdict.outcome is Outcome.PASSED)

    def take(self, answer: Answer) -> None:
        if self.comparing:
            self._take_comparison(answer)
            return
        self.seconds += answer.cpu_seconds
        self.error = short(answer.error) or self.error
        part, limit = self.parts[self.part], self.options.limits.output_bytes
        if not all(self._enter(row[0], judge(part, row, answer, limit)) for row in answer.rows):
            return
        if answer.why == "not-loaded" and not self.unstable:
            how = self.verdicts[self.part][answer.rows[-1][0]] or Verdict(Outcome.RAISED, False, True)
            if any(verdict and not self._failing(verdict) for known in self.verdicts for verdict in known):
                self._start_over()
            else:
                self.verdicts = [[how] * len(known) for known in self.verdicts]

    def _take_comparison(self, answer: Answer) -> None:
        asked, self.large = self.large[: self.comparing], self.large[self.comparing :]
        self.comparing = 0
        within = all(row[1] == protocol.ENDED for row in answer.rows)
        rows = {row[0]: row for row in answer.rows}
        for at, one in enumerate(asked):
            if at in rows:
                if not self._enter(one.test, compared(one, rows[at], answer.written)):
                    return
            else:
                self.large.append(one)
        if not within:  # one that takes too long is enough
            for one in self.large:
                self._enter(one.test, Verdict(Outcome.FAILED, False, one.first))
            self.large = []

    def _enter(self, test: int, verdict: Verdict | LargeAnswer) -> bool:
        """Notes how a test went; False where another verdict on it was known, and all tests start over."""
        if isinstance(verdict, LargeAnswer):
            self.large.append(verdict)
            return True
        before, self.verdicts[self.part][test] = self.verdicts[self.part][test], verdict
        if before is not None and self._failing(before) and not self._failing(verdict):
            self._start_over()
            return False
        return True

    def _start_over(self) -> None:
        self.unstable, self.part, self.large = True, 0, []
        self.verdicts = [[v if v and v.first and self._failing(v) else None for v in known] for known in self.verdicts]

    def execution(self) -> Execution:
        known = [verdict for part in self.verdicts for verdict in part if verdict]
        total = sum(len(part) for part in self.verdicts)
        strict = sum(verdict.strict for verdict in known)
        good = strict if self.options.comparison == "strict" else sum(v.outcome is Outcome.PASSED for v in known)
        failures = [verdict.outcome for verdict in known if self._failing(verdict)]
        outcome = Outcome.PASSED
        if failures:
            outcome = Outcome.FAILED if failures[0] is Outcome.PASSED else failures[0]
        return Execution(
            outcome=outcome,
            passed=good,
            total=total,
            seconds=round(self.seconds, 6),
            error=self.error if outcome is not Outcome.PASSED else "",
            strict_passed=strict,
            complete=len(known) == total,
            unstable=self.unstable,
        )

    def again(self) -> CaseWork:
        return CaseWork(self.number, self.program, self.parts, self.options, attempts=self.attempts)

    def broken(self, why: JailFailed, outcome: Outcome) -> Execution:
        total = sum(len(part) for part in self.verdicts)
        return Execution(outcome, 0, total, error=str(why)[:200], strict_passed=0, complete=False)


class Plan:
    """How a block of assertions is judged, as its text says; shared by the candidates of a problem.

    `file`: the test is one of a file in the style of pytest or unittest with this text; `share`: and needs the
    candidate's process. Both as `units` says them.
    """

    def __init__(self, tests: AssertTests, file: str = "", share: bool = False) -> None:
        self.tests = tests
        self.checks = None if file else checks(tests.code, tests.entry_point, tests.setup)
        """The assertions, where they can be read without being run."""
        self._file = file
        self._suites: dict[Step, Suite] = {}
        self.first: Step = "answers" if self.checks is not None else "assertions"
        if share or (self.checks is None and not file and needs_the_process(tests.code)):
            self.first = "in-process"

    def suite(self, step: Step) -> Suite:
        """What a jail is sent for `step`; made when the first candidate comes to it, which most never do."""
        if step not in self._suites:
            texts, limits = self._inputs(step)
            self._suites[step] = _unchecked(step, texts, min(max(1, limits), _WIDEST), bool(self._file))
        return self._suites[step]

    def _inputs(self, step: Step) -> tuple[list[bytes], int]:
        """The inputs, and how many limits the whole may take."""
        tests = self.tests
        if step == "answers":
            calls = [check.call for check in self.checks or ()]
            return [json.dumps(calls).encode()], len(calls)
        if step == "assertions":
            if self._file:
                given = {**_described(tests.entry_point, tests.setup, self._file), "code": tests.code}
            else:
                given = described(tests.code, tests.entry_point, tests.setup)
            return [json.dumps(given).encode()], _WIDEST
        asserts = (self._file or tests.code).count("assert")
        return [one.encode() for one in (tests.code, tests.setup, tests.entry_point)], asserts


@dataclass(slots=True)
class AssertWork:
    """A program and a block of assertions.

    "answers": the test was read, the supervisor compares. "assertions": a second process runs the test.
    "in-process": the candidate's process runs it.
    """

    number: int
    program: str
    plan: Plan
    attempts: int = 0
    step: Step = "answers"
    outcome: Outcome = Outcome.FAILED
    error: str = ""
    seconds: float = 0.0
    trust: str = "isolated"

    def __post_init__(self) -> None:
        self.step = self.plan.first

    def next(self) -> Request | None:
        if self.step == "done":
            return None
        return Request(self.plan.suite(self.step), joined(self.plan.tests.setup, self.program), [(0, 1)])

    def take(self, answer: Answer) -> None:
        ((_, how, start, end, _, _),) = answer.rows
        output = Part(answer.written, start, end)
        self.seconds += answer.cpu_seconds
        if how != protocol.ENDED:
            self._take_end(how, answer)
        elif self.step == "in-process":
            self._finish(Outcome.PASSED)
        elif self.step == "answers":
            self._check(self.plan.checks or [], output)
        else:
            self._take_test_result(output.read())

    def _take_end(self, how: int, answer: Answer) -> None:
        """The test did not come to its end."""
        outcome, error = OUTCOMES[how], answer.error
        if self.step == "answers" and how == protocol.OUTPUT:  # a value is not an output: it has another limit
            self.step = "assertions"
            return
        if how == protocol.KILLED and answer.exhausted:
            outcome = Outcome.OUT_OF_MEMORY
        if self.step == "in-process":  # the text may be the test's own, with what it expects
            error = error.partition(":")[0]
            outcome = Outcome.FAILED if error == "AssertionError" else outcome
        self._finish(outcome, error)

    def _check(self, wanted: list[Check], answers: Part) -> None:
        """Compares the answers with the assertions that were read from the test."""
        output = answers.read() if len(answers) <= _LARGE_ANSWERS else b""
        if len(answers) == len(output) and output.count(b"\n") != len(wanted):
            return self._finish(Outcome.RAISED, "it did not answer every call")
        lines = output.split(b"\n") if output else []
        if not lines or max(map(len, lines)) > LARGE_VALUE:
            self.step = "assertions"  # where what takes long has limits
            return None
        for check, line in zip(wanted, lines, strict=False):
            try:
                said = values.parse(line)
                if "raised" in said:
                    return self._finish(Outcome.RAISED, ": ".join(map(str, said["raised"])))
                if "unknown" in said:  # more than data: what the test makes of it is seen when the test is run
                    self.step = "assertions"
                    return None
                if not check.holds(values.revive(said["value"])):
                    return self._finish(Outcome.FAILED, "AssertionError")
            except Unread:
                self.step = "assertions"
                return None
            except _NO_VALUE:
                return self._finish(Outcome.FAILED, "AssertionError")
        return self._finish(Outcome.PASSED)

    def _take_test_result(self, output: bytes) -> None:
        """Enters what the process that ran the test says."""
        said = read_end(output)
        if said is None:
            return self._finish(Outcome.FAILED, "no result of the test has come")
        ended, error, judged = said
        if ended == "objects":
            self.step = "in-process"
            return None
        if judged:
            self.trust = "in-process"
        return self._finish(ENDS[ended], {"raised": error, "failed": "AssertionError"}.get(ended, ""))

    def _finish(self, outcome: Outcome, error: str = "") -> None:
        if self.step == "in-process":
            self.trust = "in-process"
        self.outcome, self.error, self.step = outcome, short(error), "done"

    def execution(self) -> Execution:
        good = int(self.outcome is Outcome.PASSED)
        return Execution(self.outcome, good, 1, round(self.seconds, 6), self.error, good, True, self.trust)

    def again(self) -> AssertWork:
        return AssertWork(self.number, self.program, self.plan, attempts=self.attempts)

    def broken(self, why: JailFailed, outcome: Outcome) -> Execution:
        return Execution(outcome, 0, 1, error=str(why)[:200], strict_passed=0, complete=False)


@functools.lru_cache(maxsize=4)
def _described(entry_point: str, setup: str, file: str) -> dict[str, Any]:
    """What the tests of one file have in common: it is read once, however many they are."""
    return described("", entry_point, setup, file)


def _unchecked(kind: str, inputs: list[bytes], width: float, collects: bool) -> Suite:
    return Suite({"kind": kind, "width": width, "collects": collects}, inputs, 1, lambda *_: (False, False))


def _sure(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.first


def _stretches(numbers: list[int]) -> list[tuple[int, int]]:
    """[0, 1, 2, 5] as [(0, 3), (5, 6)]."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def short(text: str) -> str:
    """One line without this machine's paths."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text.replace(sys.base_prefix, "<python>")[:200].strip()

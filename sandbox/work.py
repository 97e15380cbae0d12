"""Jobs on their way to a verdict: what is known, and what to ask a jail next."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from harness.records import AssertTests, Execution, Limits, Outcome
from harness.sandbox import protocol, values
from harness.sandbox.compare import Comparison
from harness.sandbox.jail import Answer, JailBroken, RungName
from harness.sandbox.judge import OUTCOMES, Suite, Verdict, judge
from harness.sandbox.literal import Check, checks

Isolation = Literal["shared", "fresh"]

_MOST_ROUNDS = 50
"""Examinations of one candidate; each but the last foresees at least one call more."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; the same for all jobs."""

    limits: Limits
    comparison: Comparison
    stop: bool
    isolation: Isolation
    rung: RungName


@dataclass(frozen=True, slots=True)
class Request:
    """What to run next. `examiner`: in the slot's second jail, where no candidate ever runs."""

    suite: Suite
    program: str
    groups: Sequence[tuple[int, int]]
    examiner: bool = False


class Work(Protocol):
    """A job in progress."""

    number: int
    attempts: int

    @property
    def informs(self) -> bool:
        """Whether others of the same problem wait for what the last request was to find out."""

    def next(self) -> Request | None:
        """What to ask next; None when the verdict stands."""

    def take(self, answer: Answer) -> None:
        """Enters the guest's answer to the last request."""

    def execution(self) -> Execution:
        """The verdict."""

    def again(self) -> Work:
        """The same job from its start, after a jail has failed under it."""

    def broken(self, why: JailBroken) -> Execution:
        """What is recorded when that has happened twice."""


@dataclass(slots=True)
class CaseWork:
    """A program and its stdin or call tests."""

    number: int
    program: str
    parts: list[Suite]
    options: Options
    verdicts: list[list[Verdict | None]] = field(default_factory=list)
    part: int = 0
    error: str = ""
    seconds: float = 0.0
    attempts: int = 0

    informs = False

    def __post_init__(self) -> None:
        self.verdicts = [[None] * suite.count for suite in self.parts]

    def next(self) -> Request | None:
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
        if self.options.isolation == "fresh":
            unknown = [(at, at + 1) for start, end in unknown for at in range(start, end)]
        if doubtful and (self.options.stop or not unknown):
            return [(at, at + 1) for at in (doubtful[:1] if self.options.stop else doubtful)]
        return unknown

    def _failing(self, verdict: Verdict) -> bool:
        return not (verdict.strict if self.options.comparison == "strict" else verdict.outcome is Outcome.PASSED)

    def take(self, answer: Answer) -> None:
        known = self.verdicts[self.part]
        for row in answer.rows:
            known[row[0]] = judge(self.parts[self.part], row, answer, self.options.limits.output_bytes)
        self.seconds += answer.cpu_seconds
        self.error = short(answer.error) or self.error
        if answer.why == "not-loaded":
            how = known[answer.rows[-1][0]] or Verdict(Outcome.RAISED, False, True)
            for part in self.verdicts:
                part[:] = [how] * len(part)

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
        )

    def again(self) -> CaseWork:
        return CaseWork(self.number, self.program, self.parts, self.options, attempts=self.attempts)

    def broken(self, why: JailBroken) -> Execution:
        total = sum(len(part) for part in self.verdicts)
        return Execution(Outcome.SANDBOX_ERROR, 0, total, error=str(why)[:200], strict_passed=0, complete=False)


@dataclass
class Plan:
    """What the first examination of a problem found; shared by its candidates."""

    tests: AssertTests
    calls: list[Any] | None = None
    objects: bool = False
    """Whether the test needs the candidate's process."""
    used: bool = False
    """Whether it takes answers for objects, with attributes."""
    checks: list[Check] | None = None
    """The assertions, where they can be read without being run."""

    def __post_init__(self) -> None:
        self.checks = checks(self.tests.code, self.tests.entry_point)
        if self.checks is not None:
            self.calls = [check.call for check in self.checks]
        self.suite = _unchecked("answers", [json.dumps(self.calls).encode()])


@dataclass(slots=True)
class AssertWork:
    """A program and a block of assertions: plan, let the candidate answer, examine the answers."""

    number: int
    program: str
    plan: Plan
    attempts: int = 0
    step: Literal["plan", "answer", "examine", "in-process", "done"] = "plan"
    calls: list[Any] = field(default_factory=list)
    answers: bytes = b""
    rounds: int = 0
    outcome: Outcome = Outcome.FAILED
    error: str = ""
    seconds: float = 0.0

    @property
    def informs(self) -> bool:
        return self.step == "plan"

    def next(self) -> Request | None:
        tests = self.plan.tests
        if self.step == "plan" and self.plan.calls is not None:
            self.calls = self.plan.calls
            self.step = "in-process" if self.plan.objects else "answer"
        if self.step in ("plan", "examine"):
            given = {"setup": tests.setup, "entry_point": tests.entry_point, "calls": self.calls}
            inputs = [json.dumps(given).encode(), self.answers]
            return Request(_unchecked("assertions", inputs), tests.code, [(0, 1)], examiner=True)
        program = f"{tests.setup}\n{self.program}"
        if self.step == "answer":
            suite = self.plan.suite
            if self.calls is not self.plan.calls:
                suite = _unchecked("answers", [json.dumps(self.calls).encode()])
            return Request(suite, program, [(0, 1)])
        if self.step == "in-process":
            return Request(_unchecked("in-process", [tests.code.encode()]), program, [(0, 1)])
        return None

    def take(self, answer: Answer) -> None:
        ((_, how, start, end, _, _),) = answer.rows
        output = answer.output[start:end]
        if self.step in ("plan", "examine"):
            self._take_examination(how, output)
            return
        self.seconds += answer.cpu_seconds
        if how != protocol.ENDED:
            self._take_end(how, answer)
        elif self.step == "in-process":
            self._finish(Outcome.PASSED)
        elif self.plan.checks is not None:
            self._check(self.plan.checks, output.splitlines())
        else:
            self.answers, self.step = output, "examine"

    def _take_end(self, how: int, answer: Answer) -> None:
        """The candidate's process did not come to its end."""
        outcome, error = OUTCOMES[how], answer.error
        if how == protocol.KILLED and answer.exhausted:
            outcome = Outcome.OUT_OF_MEMORY
        if self.step == "in-process":  # the text may be the test's own, with what it expects
            error = error.partition(":")[0]
            outcome = Outcome.FAILED if error == "AssertionError" else outcome
        self._finish(outcome, error)

    def _check(self, wanted: list[Check], lines: list[bytes]) -> None:
        """Compares the answers with the assertions that were read from the test."""
        for check, line in itertools.zip_longest(wanted, lines):
            if check is None or line is None:
                return self._finish(Outcome.RAISED, "it did not answer every call")
            try:
                said = values.parse(line)
                if "raised" in said:
                    return self._finish(Outcome.RAISED, ": ".join(map(str, said["raised"])))
                if not check.holds(values.revive(said["value"])):
                    return self._finish(Outcome.FAILED, "AssertionError")
            except (values.Unknown, KeyError, TypeError, RecursionError, ArithmeticError):
                return self._finish(Outcome.FAILED, "AssertionError")
        return self._finish(Outcome.PASSED)

    def _take_examination(self, how: int, output: bytes) -> None:
        lines = [json.loads(line) for line in output.splitlines() if line.endswith(b"}")]
        calls = [line["call"] for line in lines if "call" in line]
        ended = lines[-1] if lines and "end" in lines[-1] else None
        if self.step == "plan":
            self.plan.calls = calls
            self.plan.objects, self.plan.used = (bool(ended and ended[key]) for key in ("objects", "used"))
            self.plan.suite = _unchecked("answers", [json.dumps(calls).encode()])
            return
        if ended is None:
            self._finish(OUTCOMES.get(how, Outcome.RAISED), "the test did not end")
        elif ended["objects"] or (ended["stuck"] and (self.plan.used or ended["used"])):
            self.step = "in-process"
        elif ended["end"] == "diverged":
            self._ask_again(calls)
        elif ended["end"] == "raised":
            self._finish(Outcome.RAISED, ended["error"])
        else:
            self._finish(Outcome(ended["end"]), "" if ended["end"] == "passed" else "AssertionError")

    def _ask_again(self, calls: list[Any]) -> None:
        self.rounds += 1
        if self.rounds > _MOST_ROUNDS:
            self._finish(Outcome.SANDBOX_ERROR, "the test's calls could not be foreseen")
        else:
            self.calls, self.step = calls, "answer"

    def _finish(self, outcome: Outcome, error: str = "") -> None:
        self.trust = "in-process" if self.step == "in-process" else "isolated"
        self.outcome, self.error, self.step = outcome, short(error), "done"

    trust: str = "isolated"

    def execution(self) -> Execution:
        good = int(self.outcome is Outcome.PASSED)
        return Execution(self.outcome, good, 1, round(self.seconds, 6), self.error, good, True, self.trust)

    def again(self) -> AssertWork:
        return AssertWork(self.number, self.program, self.plan, attempts=self.attempts)

    def broken(self, why: JailBroken) -> Execution:
        return Execution(Outcome.SANDBOX_ERROR, 0, 1, error=str(why)[:200], strict_passed=0, complete=False)


def _unchecked(kind: str, inputs: list[bytes]) -> Suite:
    return Suite({"kind": kind}, inputs, 1, lambda *_: (False, False))


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

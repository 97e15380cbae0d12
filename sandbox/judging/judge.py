"""Makes requests to a jail from tests, and verdicts from a jail's answers.

A `Suite` is at most `protocol.MAX_TESTS` tests of one problem: what the guest is told, the inputs it gets, and the
expected values, which stay here.

A large answer is not compared here, where it could take any time and memory, but in a jail where no candidate runs,
under limits: `comparison` makes a suite of the large answers, `compared` reads what that jail says.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness import integers
from harness.records import CallTests, Limits, Outcome, StdinTests
from harness.sandbox.comparison.compare import LARGE_VALUE, Expected, ExpectedValue
from harness.sandbox.comparison.output import Output, Part, Texts
from harness.sandbox.jails.jail import Answer
from harness.sandbox.wire import protocol

OUTCOMES = {
    protocol.RAISED: Outcome.RAISED,
    protocol.NOT_LOADED: Outcome.RAISED,
    protocol.NO_MEMORY: Outcome.OUT_OF_MEMORY,
    protocol.OUTPUT: Outcome.OUTPUT_LIMIT,
    protocol.UNKNOWN_VALUE: Outcome.FAILED,
    protocol.CPU_LIMIT: Outcome.TIMED_OUT,
    protocol.WALL_LIMIT: Outcome.TIMED_OUT,
    protocol.KILLED: Outcome.RAISED,
}
COMPARISON_SECONDS = 10.0
"""CPU seconds within which a large answer must be compared, or it has failed."""
COMPARED_AT_ONCE = 64
"""LargeAnswer answers in one request: each is two memory files."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests as the pool handles them.

    `check` takes a test's index and its output: passed in apps, in strict mode; None where that may take long.
    `wanted` are the expected outputs or values as texts, `files` where those of them are that were needed in a file.
    """

    description: dict[str, Any]
    inputs: Sequence[bytes | Part]
    count: int
    check: Callable[[int, Part], tuple[bool, bool] | None]
    wanted: Sequence[str] = ()
    files: dict[int, Part] = field(default_factory=dict)
    texts: list[Texts] = field(default_factory=list)
    """The file that they are in, once there is one."""

    def expected(self, test: int) -> Part:
        """What test `test` expects, in a file; written once."""
        if test not in self.files:
            if not self.texts:
                self.texts.append(Texts())
            self.files[test] = self.texts[0].add(self.wanted[test])
        return self.files[test]


@dataclass(slots=True)
class Verdict:
    """How one test went. `first`: it ran in a process of its own, as far as the tests before it go."""

    outcome: Outcome
    strict: bool
    first: bool


@dataclass(frozen=True, slots=True)
class LargeAnswer:
    """An answer that has to be compared elsewhere; `first` as in `Verdict`."""

    test: int
    output: Part
    first: bool


def suites(tests: StdinTests | CallTests) -> list[Suite]:
    """`tests` in parts that one request to the guest can hold."""
    parts = range(0, len(tests.cases), protocol.MAX_TESTS)
    return [_suite(dataclasses.replace(tests, cases=tests.cases[at : at + protocol.MAX_TESTS])) for at in parts]


def _suite(tests: StdinTests | CallTests) -> Suite:
    texts = [expected for _, expected in tests.cases]
    if isinstance(tests, StdinTests):
        outputs = [Expected(expected) for expected in texts]
        inputs = [given.encode("utf-8", "surrogatepass") for given, _ in tests.cases]

        def check_output(test: int, output: Part) -> tuple[bool, bool] | None:
            return outputs[test].at_once(output)

        return Suite({"kind": "stdin"}, inputs, len(inputs), check_output, texts)
    wanted = [ExpectedValue(expected, integers.parse_int) for expected in texts]
    arguments = json.dumps([given for given, _ in tests.cases]).encode()

    def check_value(test: int, output: Part) -> tuple[bool, bool] | None:
        return wanted[test].at_once(output.read()) if len(output) <= LARGE_VALUE else None

    return Suite({"kind": "call", "entry_point": tests.entry_point}, [arguments], len(wanted), check_value, texts)


def judge(suite: Suite, row: Sequence[int], answer: Answer, output_bytes: int) -> Verdict | LargeAnswer:
    """The verdict on one row of the guest's answer, or the answer where it takes a jail to compare it."""
    test, how, start, end, _, first = row
    if how == protocol.KILLED and answer.exhausted:
        return Verdict(Outcome.OUT_OF_MEMORY, False, bool(first))
    if how != protocol.ENDED:
        return Verdict(OUTCOMES[how], False, bool(first))
    if end - start >= output_bytes:
        return Verdict(Outcome.OUTPUT_LIMIT, False, bool(first))
    output = Part(answer.written, start, end)
    passed = suite.check(test, output)
    return LargeAnswer(test, output, bool(first)) if passed is None else _verdict(*passed, bool(first))


def _verdict(apps: bool, strict: bool, first: bool) -> Verdict:
    return Verdict(Outcome.PASSED if apps else Outcome.FAILED, strict, first)


def comparison(suite: Suite, answers: Sequence[LargeAnswer], limits: Limits) -> Suite:
    """A suite for the second jail with a test for each of `answers`."""
    inputs = [part for one in answers for part in (suite.expected(one.test), one.output)]
    width = max(1.0, COMPARISON_SECONDS / limits.cpu_seconds)
    spans = [[part.start, part.end] for part in inputs]
    what = {"kind": "comparison", "compares": suite.description["kind"], "width": width, "spans": spans}
    return Suite(what, inputs, len(answers), lambda *_: (False, False))


def compared(answer: LargeAnswer, row: Sequence[int], output: Output) -> Verdict:
    """The verdict on a large answer by a row of that suite; what could not be compared within the limits has failed."""
    _, how, start, end, _, _ = row
    said = output.read(start, min(end, start + 2)) if how == protocol.ENDED else b""
    return _verdict(said[:1] == b"1", said[1:2] == b"1", answer.first)

"""Tests on their way into a jail, and answers on their way to a verdict.

A `Suite` is at most `protocol.MAX_TESTS` tests of one problem: what the guest is told, the inputs it gets, and the
expected values, which stay here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.records import CallTests, Outcome, StdinTests
from harness.sandbox import protocol, values
from harness.sandbox.compare import Expected, ExpectedValue
from harness.sandbox.jail import Answer

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


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests as the pool handles them. `check` takes a test's index and its output: passed in apps, in strict mode."""

    description: dict[str, Any]
    inputs: Sequence[bytes]
    count: int
    check: Callable[[int, bytes], tuple[bool, bool]]


@dataclass(slots=True)
class Verdict:
    """How one test went. `first`: it ran in a process of its own, as far as the tests before it go."""

    outcome: Outcome
    strict: bool
    first: bool


def suites(tests: StdinTests | CallTests) -> list[Suite]:
    """`tests` in parts that one request to the guest can hold."""
    parts = range(0, len(tests.cases), protocol.MAX_TESTS)
    return [_suite(dataclasses.replace(tests, cases=tests.cases[at : at + protocol.MAX_TESTS])) for at in parts]


def _suite(tests: StdinTests | CallTests) -> Suite:
    if isinstance(tests, StdinTests):
        outputs = [Expected(expected) for _, expected in tests.cases]
        inputs = [given.encode("utf-8", "surrogatepass") for given, _ in tests.cases]

        def check_output(test: int, output: bytes) -> tuple[bool, bool]:
            return outputs[test].accepts(output.decode("utf-8", "replace"))

        return Suite({"kind": "stdin"}, inputs, len(inputs), check_output)
    wanted = [ExpectedValue(expected) for _, expected in tests.cases]
    arguments = json.dumps([given for given, _ in tests.cases]).encode()

    def check_value(test: int, output: bytes) -> tuple[bool, bool]:
        try:
            return wanted[test].accepts(values.decode(output))
        except values.Unknown:
            return False, False

    return Suite({"kind": "call", "entry_point": tests.entry_point}, [arguments], len(wanted), check_value)


def judge(suite: Suite, row: Sequence[int], answer: Answer, output_bytes: int) -> Verdict:
    """The verdict on one row of the guest's answer."""
    test, how, start, end, _, first = row
    if how == protocol.KILLED and answer.exhausted:
        return Verdict(Outcome.OUT_OF_MEMORY, False, bool(first))
    if how != protocol.ENDED:
        return Verdict(OUTCOMES[how], False, bool(first))
    if end - start >= output_bytes:
        return Verdict(Outcome.OUTPUT_LIMIT, False, bool(first))
    apps, strict = suite.check(test, answer.output[start:end])
    return Verdict(Outcome.PASSED if apps else Outcome.FAILED, strict, bool(first))

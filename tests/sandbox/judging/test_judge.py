"""Verdicts from a jail's answers, row by row: no jail is needed for them."""

from __future__ import annotations

import json
import os

import pytest

from harness.records import CallTests, Limits, Outcome, StdinTests
from harness.sandbox.comparison.output import Part, Texts
from harness.sandbox.jails.jail import Answer
from harness.sandbox.judging.judge import (
    COMPARED_AT_ONCE,
    COMPARISON_SECONDS,
    LargeAnswer,
    Suite,
    Verdict,
    compared,
    comparison,
    judge,
    suites,
)
from harness.sandbox.wire import protocol

STDIN = StdinTests((("1\n", "2 3"), ("2\n", "4")))
CALL = CallTests("f", (("[1]", "[2, 3]"), ("[2]", "4")))


def written(text: str) -> Part:
    return Texts().add(text)


def answer(text: str = "", *, exhausted: bool = False) -> Answer:
    return Answer((), written(text).whole, "done", "", 0.0, exhausted)


def row(test: int, how: int = protocol.ENDED, start: int = 0, end: int = 0, first: int = 0) -> list[int]:
    return [test, how, start, end, 999, first]


def verdict(suite: Suite, test: int, text: str, **fields: int) -> Verdict | LargeAnswer:
    return judge(suite, row(test, end=len(text), **fields), answer(text), 1 << 20)


def test_an_output_passes_in_each_mode_by_what_its_own_test_expects() -> None:
    [suite] = suites(STDIN)
    assert verdict(suite, 0, "2 3\n") == Verdict(Outcome.PASSED, True, False)
    assert verdict(suite, 0, "3 2\n") == Verdict(Outcome.PASSED, False, False)
    assert verdict(suite, 0, "4\n") == Verdict(Outcome.FAILED, False, False)
    assert verdict(suite, 1, "4\n", first=1) == Verdict(Outcome.PASSED, True, True)


def test_a_value_passes_in_each_mode_by_what_its_own_test_expects() -> None:
    [suite] = suites(CALL)
    assert verdict(suite, 0, "[2, 3]") == Verdict(Outcome.PASSED, True, False)
    assert verdict(suite, 1, "[4]") == Verdict(Outcome.FAILED, False, False)
    assert verdict(suite, 1, json.dumps({"float": (4.0).hex()})) == Verdict(Outcome.PASSED, False, False)
    assert verdict(suite, 0, "2", first=1) == Verdict(Outcome.PASSED, False, True)


def test_the_output_of_a_test_is_its_own_part_of_what_was_written() -> None:
    [suite] = suites(STDIN)
    told = answer("4\n2 3\n")
    assert judge(suite, row(1, start=0, end=2), told, 99) == Verdict(Outcome.PASSED, True, False)
    assert judge(suite, row(0, start=2, end=6), told, 99) == Verdict(Outcome.PASSED, True, False)
    assert judge(suite, row(0, start=0, end=2), told, 99) == Verdict(Outcome.FAILED, False, False)


ENDS = {
    protocol.RAISED: Outcome.RAISED,
    protocol.NOT_LOADED: Outcome.RAISED,
    protocol.NO_MEMORY: Outcome.OUT_OF_MEMORY,
    protocol.OUTPUT: Outcome.OUTPUT_LIMIT,
    protocol.UNKNOWN_VALUE: Outcome.FAILED,
    protocol.CPU_LIMIT: Outcome.TIMED_OUT,
    protocol.WALL_LIMIT: Outcome.TIMED_OUT,
    protocol.KILLED: Outcome.RAISED,
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("first", [0, 1])
def test_a_program_that_did_not_end_by_itself_has_not_passed_whatever_it_wrote(how: int, first: int) -> None:
    [suite] = suites(STDIN)
    found = judge(suite, row(0, how, end=3, first=first), answer("2 3"), 99)
    assert found == Verdict(ENDS[how], False, bool(first))
    killed = judge(suite, row(0, how, end=3, first=first), answer("2 3", exhausted=True), 99)
    outcome = Outcome.OUT_OF_MEMORY if how == protocol.KILLED else ENDS[how]
    assert killed == Verdict(outcome, False, bool(first))


def test_a_program_that_ended_is_compared_though_memory_was_short_meanwhile() -> None:
    [suite] = suites(STDIN)
    assert judge(suite, row(0, end=3), answer("2 3", exhausted=True), 99) == Verdict(Outcome.PASSED, True, False)


@pytest.mark.parametrize(("limit", "outcome"), [(4, Outcome.PASSED), (3, Outcome.OUTPUT_LIMIT)])
@pytest.mark.parametrize("first", [0, 1])
def test_an_output_of_as_many_bytes_as_are_allowed_is_beyond_the_limit(
    limit: int, outcome: Outcome, first: int
) -> None:
    [suite] = suites(STDIN)
    found = judge(suite, row(0, start=1, end=4, first=first), answer(" 2 3"), limit)
    assert found == Verdict(outcome, outcome is Outcome.PASSED, bool(first))


def test_what_the_guest_is_told_is_the_kind_and_the_inputs_alone() -> None:
    [stdin], [call] = suites(STDIN), suites(CALL)
    assert (stdin.description, stdin.count, list(stdin.inputs)) == ({"kind": "stdin"}, 2, [b"1\n", b"2\n"])
    assert (call.description, call.count) == ({"kind": "call", "entry_point": "f"}, 2)
    assert [json.loads(bytes(one)) for one in call.inputs] == [["[1]", "[2]"]]
    assert stdin.wanted == ["2 3", "4"] and call.wanted == ["[2, 3]", "4"]


@pytest.mark.parametrize(("count", "parts"), [(1, [1]), (512, [512]), (513, [512, 1]), (1024, [512, 512])])
def test_more_tests_than_a_request_holds_are_several_suites(count: int, parts: list[int]) -> None:
    found = suites(StdinTests(tuple((f"{n}", f"{n}") for n in range(count))))
    assert [one.count for one in found] == parts
    assert [text for one in found for text in one.wanted] == [f"{n}" for n in range(count)]


def test_an_answer_that_takes_long_to_compare_is_compared_elsewhere() -> None:
    large = json.dumps([[1, 2, 3]] * 400)
    [suite] = suites(CallTests("f", (("[1]", large), ("[2]", "1"))))
    found = verdict(suite, 0, large, first=1)
    assert isinstance(found, LargeAnswer)
    assert (found.test, found.first, found.output.read()) == (0, True, large.encode())
    short = "[" + ", ".join(["1"] * 1365) + "]"
    assert len(short) == 4095
    for more in (0, 1):
        assert isinstance(verdict(suite, 0, short + " " * more), Verdict)
    assert isinstance(verdict(suite, 0, short + "  "), LargeAnswer)
    [lines] = suites(StdinTests((("", "1\n2"),)))
    assert isinstance(verdict(lines, 0, "2\n1" * 4000), LargeAnswer)


def test_the_comparison_elsewhere_gets_both_texts_of_each_answer_and_room_for_it() -> None:
    [suite] = suites(STDIN)
    large = [LargeAnswer(1, written("mine"), True), LargeAnswer(0, written("other"), False)]
    made = comparison(suite, large, Limits(cpu_seconds=4.0))
    assert [one.read() for one in made.inputs] == [b"4", b"mine", b"2 3", b"other"]
    assert (made.count, made.check(0, written("x"))) == (2, (False, False))
    assert made.description == {
        "kind": "comparison",
        "compares": "stdin",
        "width": 2.5,
        "spans": [[0, 1], [0, 4], [1, 4], [0, 5]],
    }
    assert COMPARISON_SECONDS == 10 and COMPARED_AT_ONCE * 2 < protocol.DESCRIPTORS_AT_ONCE
    assert comparison(suite, large, Limits(cpu_seconds=40.0)).description["width"] == 1.0
    assert suite.expected(1) is suite.expected(1)
    assert comparison(suites(CALL)[0], large, Limits()).description["compares"] == "call"


@pytest.mark.parametrize(
    ("said", "outcome", "strict"),
    [
        ("11", Outcome.PASSED, True),
        ("10", Outcome.PASSED, False),
        ("00", Outcome.FAILED, False),
        ("01", Outcome.FAILED, True),
        ("1", Outcome.PASSED, False),
        ("", Outcome.FAILED, False),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_what_the_comparison_says_is_the_verdict(said: str, outcome: Outcome, strict: bool, first: bool) -> None:
    large = LargeAnswer(0, written(""), first)
    told = f"xx{said}11"
    found = compared(large, row(0, start=2, end=2 + len(said)), written(told).whole)
    assert found == Verdict(outcome, strict, first)


@pytest.mark.parametrize("how", [protocol.CPU_LIMIT, protocol.KILLED, protocol.RAISED])
def test_what_could_not_be_compared_within_the_limits_has_failed(how: int) -> None:
    found = compared(LargeAnswer(0, written(""), True), row(0, how, end=2), written("11").whole)
    assert found == Verdict(Outcome.FAILED, False, True)


def test_expected_texts_take_one_descriptor_however_many_are_needed_in_a_file() -> None:
    wanted = [f"{number} {'x' * 70_000}" for number in range(20)]
    [suite] = suites(StdinTests(tuple(("", text) for text in wanted)))
    suite.expected(0)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    parts = [suite.expected(test) for test in range(20)]
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert [part.read().decode() for part in parts] == wanted
    assert {part.whole.descriptor for part in parts} == {parts[0].whole.descriptor}

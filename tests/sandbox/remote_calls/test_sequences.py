"""Lists of numbers and texts as JSON, and large answers that are made of them."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.records import AssertTests, CallTests, Execution, Limits, Outcome
from harness.sandbox import run
from harness.sandbox.remote_calls import sequences

SMALL = Limits(output_bytes=1 << 17, cpu_seconds=20.0, wall_seconds=60.0)


def one(program: str, test: str, limits: Limits = SMALL) -> Execution:
    (execution,) = run([(program, AssertTests("f", test))], limits, workers=1)
    return execution


def carried(items):
    def pack(value):
        return {"other": repr(value)}

    data = json.loads(json.dumps(sequences.write_items(items, pack)))
    return sequences.read_items(data, lambda data: data["other"] if isinstance(data, dict) else data)


NUMBERS = st.integers(-(1 << 63) + 1, (1 << 63) - 1)


@settings(database=None, deadline=None, max_examples=50)
@given(st.lists(st.floats(), min_size=40) | st.lists(NUMBERS, min_size=40) | st.lists(st.text() | st.booleans()))
def test_numbers_and_texts_come_as_they_were(items):
    found = carried(items)
    assert list(map(type, found)) == list(map(type, items))
    assert list(map(repr, found)) == list(map(repr, items))


@pytest.mark.parametrize("items", [[1 << 70] * 40, [1, 2.0] * 40, [True, 1] * 40, [0.5] * 3])
def test_what_is_not_of_one_type_and_size_is_written_one_by_one(items):
    assert carried(items) == list(map(repr, items))


def test_many_numbers_take_few_bytes():
    floats = [math.sqrt(n) for n in range(1000)]
    assert len(json.dumps(sequences.write_items(floats, repr))) < 17 * len(floats)


@pytest.mark.parametrize("content", [{"f": "00"}, {"d": "0"}, {"d": "00"}, {}, {"d": "", "q": ""}])
def test_what_nobody_writes_is_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011
        sequences.read_items(content, lambda data: data)


LARGE = {
    "rows of floats": ("[[(i * n + j) / 7 for j in range(n)] for i in range(n)]", "[[(i * 200 + j) / 7 for j in range(200)] for i in range(200)]"),
    "numbers": ("[i * 10**9 for i in range(200 * n)]", "[i * 10**9 for i in range(40000)]"),
    "words": ("[f'word number {i}' for i in range(100 * n)]", "[f'word number {i}' for i in range(20000)]"),
    "a text": ("'ab' * 1000 * n", "'ab' * 200000"),
    "a dictionary": ("{(i, 1): [i / 2] for i in range(25 * n)}", "{(i, 1): [i / 2] for i in range(5000)}"),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_an_answer_may_be_larger_than_an_output(name):
    answer, wanted = LARGE[name]
    execution = one(f"def f(n): return {answer}", f"x = f(200)\nassert x == {wanted}")
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "isolated"), execution
    assert one(f"def f(n): return {answer}", f"x = f(199)\nassert x == {wanted}").outcome is Outcome.FAILED


def test_so_may_the_answer_of_a_call_that_was_read():
    execution = one("def f(n): return ['word'] * n", "assert f(50000)")
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "isolated"), execution


def test_there_is_a_limit_all_the_same_and_no_candidate_comes_to_another_process_by_it():
    execution = one("def f(n): return 'a' * n", "x = f(16 << 17)\nassert len(x) == 16 << 17")
    assert (execution.outcome, execution.trust) == (Outcome.OUTPUT_LIMIT, "isolated"), execution
    execution = one("def f(give): return len(give(16 << 17))", "assert f(lambda n: 'a' * n) == 16 << 17")
    assert (execution.outcome, execution.trust) == (Outcome.OUTPUT_LIMIT, "isolated"), execution


def test_what_a_test_gives_and_cannot_be_sent_has_it_judged_in_the_candidates_process():
    test = "x = 'a' * (16 << 17)\nassert f(x) == 16 << 17"
    execution = one("def f(text): return len(text)", test)
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "in-process"), execution
    assert one("def f(text): return len(text) + 1", test).outcome is Outcome.FAILED


def test_many_floats_are_within_the_limit_of_a_call_test():
    tests = CallTests("f", (("[6000]", json.dumps([i / 7 for i in range(6000)])),))
    programs = [f"def f(n): return [i / {by} for i in range(n)]" for by in (7, 8)]
    found = [execution.outcome for execution in run([(one, tests) for one in programs], SMALL, workers=1)]
    assert found == [Outcome.PASSED, Outcome.FAILED]

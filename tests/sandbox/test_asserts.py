"""Assertion tests: the candidate answers in one jail, the test is examined in another."""

import gzip
import json
import os
from pathlib import Path

import pytest

from harness.records import AssertTests, Execution, Limits, Outcome
from harness.sandbox import run

DATA = Path(os.environ.get("HARNESS_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
BRIEF = Limits(cpu_seconds=1.0, wall_seconds=3.0)


def one(program: str, code: str, name: str = "f", setup: str = "") -> Execution:
    (execution,) = run([(program, AssertTests(name, code, setup))], BRIEF, workers=1)
    return execution


def test_a_right_function_passes_and_a_wrong_one_fails():
    assert one("def f(n): return n + 1", "assert f(1) == 2").outcome is Outcome.PASSED
    assert one("def f(n): return n", "assert f(1) == 2").outcome is Outcome.FAILED


def test_the_setup_stands_before_the_candidate():
    setup = "def helper(n):\n    return n * 2\n\ndef f(n):\n    '''Twice.'''\n"
    assert one("    return helper(n)", "assert f(helper(2)) == 8", setup=setup).outcome is Outcome.PASSED


def test_a_call_that_depends_on_an_answer_is_asked_for_afterwards():
    code = "n = 1\nfor _ in range(5):\n    n = f(n)\nassert n == 32"
    execution = one("def f(n): return n * 2", code)
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "isolated")
    assert one("def f(n): return n * 3", code).outcome is Outcome.FAILED


def test_an_exception_reaches_the_test_as_itself():
    code = "try:\n    f(1)\nexcept KeyError:\n    pass\nelse:\n    raise AssertionError"
    assert one("def f(n): raise KeyError(n)", code).outcome is Outcome.PASSED
    raised = one("def f(n): raise ValueError('why')", code)
    assert (raised.outcome, raised.error) == (Outcome.RAISED, "ValueError: why")


def test_what_the_candidate_does_to_an_argument_is_seen_by_the_test():
    code = "a = [3, 1, 2]\nassert f(a) is None\nassert a == [1, 2, 3]"
    assert one("def f(a): a.sort()", code).outcome is Outcome.PASSED
    assert one("def f(a): sorted(a)", code).outcome is Outcome.FAILED


def test_a_loop_times_out():
    assert one("def f(n):\n    while True: pass", "assert f(1) == 2").outcome is Outcome.TIMED_OUT


def test_a_test_without_calls_still_needs_a_program_that_loads():
    assert one("x = 1", "assert True").outcome is Outcome.PASSED
    assert one("def", "assert True").outcome is Outcome.RAISED


def test_a_test_that_needs_objects_is_checked_in_the_process_and_says_so():
    program = "class P:\n    def __init__(self, n): self.n = n\ndef f(p): return p.n"
    execution = one(program, "assert f(P(3)) == 3")
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "in-process")


def test_an_error_never_tells_what_the_test_expects():
    program = "class P:\n    def __init__(self, n): self.n = n\ndef f(p): return p.n + 1"
    in_process = one(program, "assert f(P(3)) == 3, 'it should be 3'")
    assert (in_process.outcome, in_process.error) == (Outcome.FAILED, "AssertionError")
    for code in ("assert f(1) == 77, 'it should be 77'", "x = f(1)\nassert x == 77, 'it should be 77'"):
        apart = one("def f(n): return n", code)
        assert (apart.outcome, apart.error) == (Outcome.FAILED, "AssertionError")


def test_a_candidate_cannot_choose_to_be_checked_in_its_process():
    program = "class E:\n    def __eq__(self, other): return True\ndef f(n): return E()"
    execution = one(program, "assert f(1) == 2")
    assert (execution.outcome, execution.trust) == (Outcome.FAILED, "isolated")


def test_leaving_the_process_passes_nothing():
    code = "assert f(1) == 2"
    assert one("import os\ndef f(n): os._exit(0)", code).outcome is Outcome.RAISED
    assert one("import os\nos._exit(0)", code).outcome is Outcome.RAISED
    in_process = one("import os\nclass P: pass\ndef f(p): os._exit(0)", "assert f(P()) == 2")
    assert in_process.outcome is Outcome.RAISED


@pytest.mark.skipif(not (DATA / "humaneval").is_dir(), reason="no HumanEval in HARNESS_TEST_DATA")
def test_every_reference_of_humaneval_passes_on_the_unforgeable_path():
    with gzip.open(DATA / "humaneval" / "HumanEval.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    jobs = [
        (
            row["canonical_solution"],
            AssertTests(row["entry_point"], f"{row['test']}\ncheck({row['entry_point']})", row["prompt"]),
        )
        for row in rows
    ]
    executions = list(run(jobs, Limits()))
    assert [row["task_id"] for row, e in zip(rows, executions, strict=True) if e.outcome is not Outcome.PASSED] == []
    assert {execution.trust for execution in executions} == {"isolated"}
    assert len(executions) == 164

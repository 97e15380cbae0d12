"""Assertion tests: the candidate answers in one jail, the test is examined in another."""

import gzip
import json
import os
import re
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


NODE = """
class P:
    zero = 0
    def __init__(self, n): self.n, self.next = n, None
    def twice(self, more=0): return 2 * self.n + more
"""


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("def f(p): return p.n", "assert f(P(3)) == 3"),
        ("def f(ps): return [p.n for p in ps]", "assert f([P(3), P(4)]) == [3, 4]"),
        ("def f(p): return p.next.next.n", "p = P(1)\np.next = P(2)\np.next.next = P(3)\nassert f(p) == 3"),
        ("def f(p): return p", "assert f(P(3)).n == 3\nassert f(P(4)).twice(more=1) == 9"),
        ("def f(n): return P(n)", "p = f(2)\np.n += 1\nassert p.twice() == 6"),
        ("def f(kind, n): return kind(n)", "assert P.zero == 0\nassert f(P, 3).n == 3"),
        ("def f(p): return p.mark", "p = P(3)\np.mark = [4]\nassert f(p) == [4]\nassert p.mark == [4]"),
        ("def f(s): return s * 2", "assert f('ab').upper().count('A') == 2"),
        ("def f(xs, kind): return [x for x in xs if type(x) is kind]", "assert f([1, 'a', 2.5], str) == ['a']"),
    ],
)
def test_a_test_that_uses_objects_leaves_them_where_they_are(program, code):
    right = one(NODE + program, code)
    assert (right.outcome, right.error, right.trust) == (Outcome.PASSED, "", "isolated")
    wrong = one(NODE + program, code[: code.rindex("==")] + "== 77")
    assert (wrong.outcome, wrong.trust) == (Outcome.FAILED, "isolated")


def test_a_test_that_needs_more_of_objects_is_checked_in_the_process_and_says_so():
    program = "class S:\n    def __init__(self): self.items = []\n    def push(self, n): self.items.append(n)\n"
    program += "    def __len__(self): return len(self.items)\n"
    execution = one(program, "s = S()\ns.push(1)\nassert len(s) == 1", name="S")
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "in-process")
    later = "n = f(1) + 1\nassert f(n) == 2\n"
    execution = one(program + "def f(n): return n", f"{later}s = S()\ns.push(1)\nassert len(s) == 1")
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "in-process")
    with_its_class = one("class P: pass\ndef f(n): return P()", "assert isinstance(f(1), P)")
    assert (with_its_class.outcome, with_its_class.trust) == (Outcome.PASSED, "in-process")
    with_a_function = one("def f(g): return g(3)", "assert f(lambda n: n + 1) == 4")
    assert (with_a_function.outcome, with_a_function.trust) == (Outcome.PASSED, "in-process")


def test_a_long_chain_of_calls_is_foreseen_at_once():
    code = "n = 1\nfor _ in range(200):\n    n = f(n)\nassert n == 201"
    execution = one("def f(n): return n + 1", code)
    assert (execution.outcome, execution.error, execution.trust) == (Outcome.PASSED, "", "isolated")
    assert one("def f(n): return n + 2", code).outcome is Outcome.FAILED


def test_what_was_used_up_on_its_way_is_given_to_the_next_call_as_it_was():
    program = "def f(n): yield from range(n)\ndef g(items): return sum(items)"
    for code in ("assert g(f(4)) == 6", "items = f(4)\nassert next(items) == 0\nassert g(items) == 6"):
        assert one(program, code).outcome is Outcome.PASSED


def test_what_the_test_has_changed_is_given_to_the_next_call_as_it_is():
    program = "def f(n): return list(range(n))\ndef g(items): return sum(items)"
    assert one(program, "items = f(4)\nitems.append(10)\nassert g(items) == 16").outcome is Outcome.PASSED


def test_a_branch_on_an_object_is_not_mistaken_for_what_was_foreseen():
    program = "def f(n): return object()\ndef g(x): return x is None"
    code = "x = f(1)\ny = x if x == 3 else None\nassert g(y) is True"
    assert one(program, code).outcome is Outcome.PASSED


def test_a_call_on_what_was_never_returned_ends_nothing():
    program = "def f(n):\n    raise KeyError(n)\ndef g(n):\n    return n"
    code = "try:\n    x = f(1)\n    g(x)\nexcept KeyError:\n    x = 5\nassert g(x) == 5"
    assert one(program, code).outcome is Outcome.PASSED


def test_an_error_never_tells_what_the_test_expects():
    in_process = one("def f(g): return g(1)", "assert f(lambda n: n) == 3, 'it should be 3'")
    assert (in_process.outcome, in_process.error) == (Outcome.FAILED, "AssertionError")
    assert in_process.trust == "in-process"
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
    in_process = one("import os\ndef f(g): os._exit(0)", "assert f(lambda n: n) == 2")
    assert (in_process.outcome, in_process.trust) == (Outcome.RAISED, "in-process")


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


@pytest.mark.skipif(not (DATA / "mbpp").is_dir(), reason="no MBPP in HARNESS_TEST_DATA")
def test_every_reference_of_mbpp_passes_on_the_unforgeable_path():
    rows = [json.loads(line) for line in (DATA / "mbpp" / "mbpp.jsonl").read_text().splitlines()]
    jobs = []
    for row in rows:
        asserts = "\n".join([row["test_setup_code"], *row["test_list"]])
        defined = re.findall(r"def +(\w+)", row["code"])
        called = [name for name in re.findall(r"(\w+) *\(", row["test_list"][0]) if name in defined]
        jobs.append((row["code"], AssertTests(called[0], asserts)))
    wrong = {
        row["task_id"]: execution
        for row, execution in zip(rows, run(jobs, Limits(cpu_seconds=20.0, wall_seconds=60.0)), strict=True)
        if (execution.outcome, execution.trust) != (Outcome.PASSED, "isolated")
    }
    assert (len(rows), wrong) == (974, {})

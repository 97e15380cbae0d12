"""Functions that compare and that a test does not import: the library's, where only the candidate has one."""

import ast

import pytest

from harness.records import AssertTests, Outcome
from harness.sandbox import run
from harness.sandbox.test_support import helpers

OWN = (
    "kept = []\ndef {0}(*a, **k):\n kept.extend(a)\n return kept[-1] or True\ndef f(n): return kept[-1] if kept else 9"
)
WRONG = [
    ("isclose", "assert isclose(f(3), 0.3)"),
    ("isclose", "assert isclose(f(3), 0.3, abs_tol=0.1)"),
    ("isclose", "x = f(3)\nassert isclose(x, 0.3)"),
    ("isclose", "for x, y in [(f(3), 0.3)]: assert isclose(x, y)"),
    ("allclose", "assert allclose(f(3), 0.3)"),
    ("array_equal", "assert array_equal([f(3)], [0.3])"),
    ("assert_equal", "assert_equal(f(3), 0.3)"),
    ("assertEqual", "assertEqual(f(3), 0.3)"),
    ("assertAlmostEqual", "assertAlmostEqual(f(3), 0.3)"),
    ("approx", "assert approx(0.3) == f(3)"),
    ("Counter", "assert Counter([f(3)]) == Counter([0.3])"),
]


@pytest.mark.parametrize("inside", ["", "import inspect\n"])
def test_no_function_of_the_candidates_is_the_verdict(inside):
    jobs = [(OWN.format(name), AssertTests("f", inside + code)) for name, code in WRONG]
    found = zip(WRONG, run(jobs), strict=True)
    assert [(code, e.outcome) for (_, code), e in found if e.outcome is not Outcome.FAILED] == []


HONEST = [
    ("from math import isclose\ndef f(n): return 0.1 + 0.2", "assert isclose(f(3), 0.3) and not isclose(f(3), 0.4)"),
    ("from numpy import allclose\ndef f(n): return [0.3]", "assert allclose(f(3), [0.3]) and not allclose(f(3), [4])"),
    ("from collections import Counter\ndef f(s): return list(s)", "assert Counter(f('aab')) == Counter('aba')"),
    ("def isclose(a, b): return abs(a - b) < 5\ndef f(n): return isclose(n, 4)", "assert isclose(3, 7) and f(8)"),
    ("def isclose(a, b): return abs(a - b) < 5\ndef f(n): return isclose(n, 4)", "assert f(8) and isclose(f(8), 1)"),
    ("def approx(x): return round(x, 2)\ndef f(n): return n", "assert approx(3.14159) == 3.14 and f(1) == 1"),
    ("def is_even(n): return n % 2 == 0\ndef f(n): return n * 2", "assert is_even(f(3))"),
]


@pytest.mark.parametrize("inside", ["", "import inspect\n"])
def test_honest_programs_with_such_functions_pass(inside):
    executions = list(run([(program, AssertTests("f", inside + code)) for program, code in HONEST]))
    assert [(code, e.error) for (_, code), e in zip(HONEST, executions, strict=True) if e.passed != 1] == []
    if not inside:
        assert {e.trust for e in executions} == {"isolated"}


def test_a_candidate_without_such_a_function_fails_as_in_plain_python():
    (execution,) = run([("def f(n): return 0.3", AssertTests("f", "assert isclose(f(3), 0.3)"))])
    assert (execution.outcome, execution.error[:9]) == (Outcome.RAISED, "NameError")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("assert isclose(f(3), 1)", {"isclose": "math:isclose"}),
        ("assert isclose(f(3), 1, rtol=2)", {"isclose": "numpy:isclose"}),
        ("assert isclose(1, 2)", {}),
        ("for a, b in [(1, 2)]: assert isclose(a, b)", {}),
        ("assert isclose(int(f(3)), 1)", {"isclose": "math:isclose"}),
        ("assert f(3) == approx(1)", {"approx": "pytest:approx"}),
        ("assert approx(1.5) == 2", {}),
    ],
)
def test_the_text_says_what_is_applied_to_an_answer(code, expected):
    assert helpers.applied(ast.parse(code), {"f", "isclose", "approx"}, "f") == expected


def test_a_function_that_compares_by_its_name_alone_is_no_verdict_of_ours():
    program = "def same(a, b): return True\ndef f(n): return 9"
    (execution,) = run([(program, AssertTests("f", "assert same(f(3), 0.3)"))])
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "in-process")
    (execution,) = run([(program, AssertTests("same f", "assert same(f(3), 0.3)"))])
    assert execution.trust == "isolated"


def test_what_the_test_is_about_is_not_replaced():
    assert helpers.applied(ast.parse("assert isclose(f(3), 1)"), {"f", "isclose"}, "isclose") == {}

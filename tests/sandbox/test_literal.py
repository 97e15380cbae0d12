"""Assertion tests that are read instead of run."""

import pytest

from harness.sandbox.literal import checks


def test_calls_and_expected_values_are_taken_from_the_code():
    found = checks("assert f(1, [2]) == (3, {4})\nassert not f('x')\nassert f(k=None)", "f")
    assert [check.call for check in found] == [["f", [1, [2]], []], ["f", ["x"], []], ["f", [], [["k", None]]]]
    assert found[0].holds((3, {4}))
    assert not found[0].holds([3, {4}])
    assert found[1].holds(0)
    assert not found[1].holds(1)
    assert found[2].holds("y")


def test_humanevals_check_function_is_followed():
    code = "METADATA = {'author': 'x'}\n\ndef check(candidate):\n    '''Doc.'''\n    assert True, 'simple'\n"
    code += "    assert candidate(2) == 4, 'message'\n\ncheck(f)\n"
    assert [check.call for check in checks(code, "f")] == [["f", [2], []]]


@pytest.mark.parametrize(
    "code",
    [
        "",
        "assert f(1) == ",
        "assert f(1) == g(1)",
        "assert f(x) == 1",
        "assert f(1) == 1 == 1",
        "assert f(1) != 1",
        "assert 1 == f(1)",
        "assert abs(f(1) - 1) < 1e-6",
        "assert f(*[1]) == 1",
        "assert f(**{'a': 1}) == 1",
        "assert f(f(1)) == 1",
        "import random\nassert f(1) == 1",
        "for n in range(3): assert f(n) == n",
        "f = 3\nassert f(1) == 1",
        "x = f(1)\nassert x == 1",
        "def check(candidate): assert candidate(1) == 1",
        "@f\ndef check(c): assert c(1) == 1\ncheck(f)",
        "def check(c):\n    return 1\n    assert c(1) == 1\ncheck(f)",
        "def f(n): return n\nassert f(1) == 1",
        "assert False",
        "assert f(1) is True",
    ],
)
def test_what_only_running_can_tell_is_left_to_the_examiner(code):
    assert checks(code, "f") is None

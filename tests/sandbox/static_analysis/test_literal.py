"""Assertion tests that are read instead of run."""

import pytest

from harness.sandbox.static_analysis.constants import Unread
from harness.sandbox.static_analysis.literal import checks


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
        "assert abs(f(1) - 1j) < 1e-6",
        "assert abs(f(1)) < 1e-6",
        "assert f(1) is 1",
        "assert f(1 / 0) == 1",
        "assert f(9 ** 9 ** 9) == 1",
        "assert f('a' * 10 ** 9) == 1",
        "assert f([0] * 10 ** 9) == 1",
        "assert f(1) == sum([1])",
        "assert tuple(f(1), 2) == 1",
        "assert tuple(tuple(f(1))) == (1,)",
        "def tuple(x): return 1\nassert tuple(f(1)) == 1",
        "abs = 1\nassert abs(f(1) - 1) < 1e-6",
        "def check(abs): assert abs(2) == 1\ncheck(f)",
        "assert f(*[1]) == 1",
        "assert f(**{'a': 1}) == 1",
        "assert f(f(1)) == 1",
        "import random\nassert f(1) == 1",
        "for n in range(3): assert f(n) == n",
        "f = 3\nassert f(1) == 1",
        "LIMIT = 3\nassert f(1) == 1",
        "x = f(1)\nassert x == 1",
        "def check(candidate): assert candidate(1) == 1",
        "@f\ndef check(c): assert c(1) == 1\ncheck(f)",
        "def check(c):\n    return 1\n    assert c(1) == 1\ncheck(f)",
        "def f(n): return n\nassert f(1) == 1",
        "assert False",
    ],
)
def test_what_only_running_can_tell_is_left_to_the_examiner(code):
    assert checks(code, "f") is None


READ = [
    "assert f(1) is True",
    "assert f(1) is None",
    "assert abs(f(1) - 2.0 / 3.0) < 1e-6",
    "assert abs(f(1) - 3) < 0.5",
    "assert f(3 * 5 ** 2) == (3 + 5, 7 // 2, -2 % 5)",
    "assert f('ab' + 'c' * 3) == ['x'] * 2 + ['y']",
    "assert tuple(f(1)) == tuple([1, 2])",
    "assert set(f(1)) == {1, 2}",
    "assert sorted(f(1)) == [1, 2]",
    "assert list(f(1)) == ['a', 'b']",
    "assert list(f(1)) == [1, 2]",
    "assert not f(2 - 2)",
]
ANSWERS = [True, False, None, 1, 0, 2 / 3, 0.6666660, 3, 2.6, 10**400, float("nan"), 2j, (8, 3, 3), ["x", "x", "y"]]
ANSWERS += [[1, 2], (2, 1), [2, 1, 1], {1, 2}, {1: 0, 2: 0}, "ab", b"", [[1], 2], [1, "a"], range(1, 3), iter([1, 2])]


@pytest.mark.parametrize("code", READ)
def test_what_is_read_holds_exactly_where_the_assertion_does(code):
    (check,) = checks(code, "f")
    for answer in ANSWERS:
        try:
            exec(code, {"f": lambda _, answer=answer: answer})
            expected = True
        except AssertionError:
            expected = False
        except Exception:  # noqa: BLE001 - what a test raises must be seen by running it
            expected = "raised"
        try:
            assert check.holds(answer) is expected, answer
        except Unread:
            assert expected == "raised" or not isinstance(answer, int | float | list | tuple | set | dict | str)


def test_an_answer_that_is_not_all_there_is_never_drawn_out():
    (check,) = checks("assert tuple(f(1)) == (1, 2)", "f")
    with pytest.raises(Unread):
        check.holds(range(10**12))


def test_a_builtin_that_the_setup_replaces_is_not_read():
    code = "assert tuple(f(1)) == (1, 2)"
    assert checks(code, "f", "def helper(): pass") is not None
    assert checks(code, "f", "a prompt that stops in the") is not None
    for setup in ("def tuple(x): return x", "from numpy import *", "from x import y as tuple", "for tuple in (): pass"):
        assert checks(code, "f", setup) is None
    assert checks(code, "tuple f") is None

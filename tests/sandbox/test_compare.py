"""The two comparisons, rule by rule."""

import json

import pytest

from harness.sandbox.compare import Expected, ExpectedValue


@pytest.mark.parametrize(
    ("expected", "output", "apps", "strict"),
    [
        ("1 2\n3\n", "1 2\n3\n", True, True),
        ("1 2\n3\n", "  1 2  \n3", True, True),
        ("1\n2\n", "1\n\n2\n", True, False),
        ("1\n2\n", "1 2\n", False, False),
        ("YES\n", "yes\n", False, False),
        ("0.5\n", "0.5000001\n", True, True),
        ("0.5\n", "0.500004\n", True, False),
        ("5\n", "5.0\n", True, False),
        ("3 1 2\n", "1 2 3\n", True, False),
        ("a\nb\n", "b\na\n", True, False),
        ("a a b\n", "a b\n", True, False),
        ("0.00049\n", "0.0\n", True, False),
        ("1 2.5\n", "1 2.5000001\n", True, True),
        ("1 2.5\n", "1 2.6\n", False, False),
        ("nan\n", "nan\n", True, True),
        ("inf\n", "inf\n", True, True),
        ("\n", "", True, True),
        ("", "x\n", False, False),
        ("x\n", "", False, False),
        ("1e400\n", "inf\n", True, True),
    ],
)
def test_standard_output(expected, output, apps, strict):
    assert Expected(expected).accepts(output) == (apps, strict)


@pytest.mark.parametrize(
    ("expected", "answer", "apps", "strict"),
    [
        (3, 3, True, True),
        ([3], 3, True, True),
        ([3, 4], 3, True, False),
        ([[1, 2]], [1, 2], True, True),
        ([1, 2], (1, 2), True, True),
        ([[1, 2]], (1, 2), True, True),
        ([[[1, 2], [3, 4]]], [(1, 2), (3, 4)], True, True),
        ([[1, [2]]], [1, (2,)], False, True),
        (True, 1, True, False),
        (1, 1.0, True, False),
        (0.3, 0.1 + 0.2, False, True),
        ([None], None, True, True),
        ({"1": 2}, {1: 2}, True, True),
        ([{"1": 2}], {1: 2}, True, True),
        ("a", "a", True, True),
        ("a", "b", False, False),
        ([[]], [], True, True),
        ([[1]], [2, [3]], False, False),
    ],
)
def test_return_values(expected, answer, apps, strict):
    assert ExpectedValue(json.dumps(expected)).accepts(answer) == (apps, strict)


def test_a_long_number_costs_no_time():
    # as floats both are infinite, which the APPS checker takes for equal
    assert Expected("1" * 20000).accepts("2" * 20000) == (True, False)

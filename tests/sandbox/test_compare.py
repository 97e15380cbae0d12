"""The two comparisons, rule by rule."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.sandbox.compare import Expected, ExpectedValue, _same_line, _tokens


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


TEXTS = st.text("01. a-e\n\n\t\r\x0b\x1c\u2028", max_size=12)


@settings(max_examples=3000, deadline=None, database=None)
@given(expected=TEXTS, padding=st.text(" \n\t\r\x0b\x1c\u2028", max_size=3), other=TEXTS)
def test_an_output_equal_but_for_its_end_passes_as_its_tokens_would(expected, padding, other):
    for output in (expected + padding, expected.rstrip() + padding, other):
        tokens = [_tokens(text) for text in (output, expected)]
        strict = len(tokens[0]) == len(tokens[1]) and all(map(_same_line, *tokens))
        assert Expected(expected).accepts(output)[1] == strict


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

"""Tests in the forms in which data sets hold them."""

from __future__ import annotations

import json

import pytest

from harness.data.rows import DataRow
from harness.data.tests import read_tests
from harness.errors import DataError
from harness.records import AssertTests, CallTests, PytestTests, StdinTests

ADD = "def add(a, b):\n    return a + b"
ASSERTS = ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]


def read(value, answer="", **fields):
    return read_tests(DataRow({"tests": value, **fields}, "rows.jsonl, line 1"), "tests", answer=answer)


@pytest.mark.parametrize("value", [ASSERTS, "\n".join(ASSERTS), json.dumps(ASSERTS), "\ufeff" + json.dumps(ASSERTS)])
def test_assertions_count_one_by_one_and_are_about_the_function_that_the_answer_defines(value):
    assert read(value, ADD) == AssertTests("add", "\n".join(ASSERTS), each=True)


def test_without_an_answer_assertions_are_about_the_names_that_nothing_else_defines():
    code = "import math\nfor n in range(3):\n    assert math.isclose(area(n), helper(n))\n"
    assert read(code).entry_point == "area helper"


def test_a_field_names_the_function():
    assert read("assert check(solve)", entry_point="solve").entry_point == "solve"


def test_what_tests_need_first_stands_before_them():
    assert read(ASSERTS, ADD, test_setup_code="import math").code == "import math\n" + "\n".join(ASSERTS)
    assert read(ASSERTS, ADD, test_imports=["import re"]).code.startswith("import re\nassert")


@pytest.mark.parametrize(
    "code",
    [
        "def test_add():\n    assert add(1, 2) == 3",
        "class TestAdd:\n    def test_it(self):\n        assert add(1, 2) == 3",
        "import unittest as u\nclass Add(u.TestCase):\n    def test_it(self):\n        self.assertEqual(add(1, 2), 3)",
    ],
)
def test_functions_and_classes_of_tests_are_run_in_the_style_of_pytest(code):
    assert read(code, ADD) == PytestTests(code)


@pytest.mark.parametrize(
    "value",
    [
        [{"input": "1 2\n", "output": "3\n"}],
        [{"stdin": "1 2\n", "expected_output": "3\n"}],
        [["1 2\n", "3\n"]],
        {"inputs": ["1 2\n"], "outputs": ["3\n"]},
        json.dumps({"inputs": ["1 2\n"], "outputs": ["3\n"]}),
    ],
)
def test_pairs_are_what_a_program_reads_and_prints(value):
    assert read(value) == StdinTests((("1 2\n", "3\n"),))


def test_lists_of_lines_and_numbers_are_written_as_a_program_reads_them():
    assert read([{"input": ["1", "2"], "output": 3}]) == StdinTests((("1\n2", "3"),))


def test_calls_have_arguments_a_value_and_a_function():
    wanted = CallTests("add", (("[1, 2]", "3"),))
    assert read([{"args": [1, 2], "expected": 3}], entry_point="add") == wanted
    assert read({"inputs": [[1, 2]], "outputs": [3], "fn_name": "add"}) == wanted


@pytest.mark.parametrize("value", [None, "", [], {}, {"inputs": [], "outputs": []}])
def test_nothing_is_no_tests(value):
    assert read(value) is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (["add(1, 2) == 3"], "asserts nothing"),
        (["assert add(1, 2) == 3", "add(0, 0) == 0"], "'add(0, 0) == 0' compares and asserts nothing"),
        ("assert add(1, 2 == 3", " in 'assert add(1, 2 == 3'; mend it or take the row out"),
        ("assert 1 == 1", "calls no function"),
        ([{"args": [1, 2], "expected": 3}], "no field names"),
        ([{"input": "1"}], "case 1: no 'output'"),
        ([1, 2], "no form of tests"),
        ({"inputs": ["1"], "outputs": []}, "of one length"),
        ('["assert', "is not JSON"),
    ],
)
def test_what_tests_nothing_is_refused_with_its_place_and_the_remedy(value, says):
    with pytest.raises(DataError, match=r"rows\.jsonl, line 1: field 'tests'") as refused:
        read(value)
    assert says in str(refused.value)


@pytest.mark.parametrize("value", [["assert add(1, 2) == 3", "assert add('a', \"b\") == 'ab'"], [["1 2", "3"]]])
def test_a_cell_holds_a_list_as_json_or_as_python_prints_it(value):
    assert read(repr(value)) == read(json.dumps(value)) == read(value)
    assert read([{"args": [None, True], "expected": 3}], entry_point="add") == read(
        "[{'args': [None, True], 'expected': 3}]", entry_point="add"
    )


@pytest.mark.parametrize("text", ["['assert", "[{1: 2}]", "[b'assert add()']", "[assert add(1) == 2]", "[(1, 2)]"])
def test_a_cell_that_is_neither_is_refused(text):
    with pytest.raises(DataError, match=r"line 1: field 'tests' is not JSON \(.* at column \d+\); mend it or take"):
        read(text)


def test_arguments_of_a_call_are_a_list():
    with pytest.raises(DataError, match="case 1: the arguments are no list"):
        read([{"args": 1, "expected": 3}], entry_point="add")

"""The reader that fits a task: its own headings, of whatever package it comes, end an answer's turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.evaluation.reading import reader
from harness.plugin import PREAMBLE, Task
from harness.plugin_system.registry import Registry
from harness.records import AssertTests, CallTests, Problem

PROBLEM = Problem("1", "sort xs", ("xs.sort()",))


class Asking(Task):
    """A task with a layout of its own."""

    name = "asking"

    def template(self, problem: Problem) -> str:
        return f"[Question]\n{problem.instruction}\n\nAnswer in Python:\n"


class Heads(Task):
    """The head of a function, which a completion may repeat."""

    name = "heads"

    def template(self, problem: Problem) -> str:
        return f'def solve(xs):\n    """{problem.instruction}"""\n'


@pytest.mark.parametrize("name", ["conala", "codealpacapy", "apps"])
def test_the_built_in_layout_gives_its_two_headings(name: str) -> None:
    task = Registry().task(name).plugin
    assert reader(task, PROBLEM, ()).markers == ("### Instruction:", "### Response:")


def test_examples_written_on_after_the_answer_are_cut_with_the_methods_preamble() -> None:
    task = Registry().task("codealpacapy").plugin
    read = reader(task, PROBLEM, (), PREAMBLE).extract
    assert read(f"xs.sort()\n\n{PREAMBLE}\n\n### Instruction:\nmore").text == "xs.sort()"


def test_a_task_of_another_package_gets_its_own_headings() -> None:
    read = reader(Asking(), PROBLEM, ())
    assert read.markers == ("[Question]", "Answer in Python:")
    assert read.extract("xs.sort()\n\n[Question]\nreverse xs").text == "xs.sort()"


def test_lines_that_are_code_are_no_headings() -> None:
    assert reader(Heads(), PROBLEM, ()).markers == ()


@pytest.mark.parametrize(
    "tests",
    [AssertTests("f", "assert f(1) == 1"), AssertTests("f g", "assert f(1) == g(1)"), CallTests("f", (("[1]", "1"),))],
)
def test_the_name_that_the_tests_call_is_looked_for(tests: Any) -> None:
    assert reader(Asking(), replace(PROBLEM, tests=tests), ()).entry_point == "f"


def test_what_a_task_calls_its_language_and_its_stops_are_kept() -> None:
    class Sql(Asking):
        languages = ("sql",)

    found = reader(Sql(), PROBLEM, (";",))
    assert (found.languages, found.stop) == (("sql",), (";",))

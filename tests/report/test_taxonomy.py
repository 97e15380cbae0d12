"""Every completion gets the one word that says what went wrong with it."""

from __future__ import annotations

import pytest

from harness.records import Completion, Execution, Outcome, Problem
from harness.report.taxonomy import KINDS, kind

PROBLEM = Problem("1", "sort xs", ("xs.sort()",))


@pytest.mark.parametrize(
    ("outcome", "error", "finish", "word"),
    [
        (Outcome.PASSED, "", "stop", "passed"),
        (Outcome.PASSED, "", "length", "passed"),
        (Outcome.FAILED, "", "stop", "wrong answer"),
        (Outcome.FAILED, "", "length", "truncated"),
        (Outcome.RAISED, "ValueError: x", "stop", "exception"),
        (Outcome.RAISED, "  File ...\nIndentationError: unexpected indent", "stop", "syntax error"),
        (Outcome.RAISED, "SyntaxError: invalid syntax", "length", "truncated"),
        (Outcome.TIMED_OUT, "", "stop", "timeout"),
        (Outcome.OUT_OF_MEMORY, "", "stop", "resource limit"),
        (Outcome.OUTPUT_LIMIT, "", "stop", "resource limit"),
        (Outcome.NO_CODE, "", "stop", "no code"),
        (Outcome.SANDBOX_ERROR, "", "length", "not measured"),
    ],
)
def test_an_execution_is_named_by_how_it_ended(outcome: Outcome, error: str, finish: str, word: str) -> None:
    assert kind(Completion("x", 1, finish=finish), Execution(outcome, 0, 1, error=error), PROBLEM) == word


@pytest.mark.parametrize(
    ("text", "finish", "word"),
    [
        (" xs.sort()\n", "stop", "matches"),
        ("sorted(xs)", "stop", "no match"),
        ("sorted(xs", "stop", "syntax error"),
        ("sorted(xs", "length", "truncated"),
        ("```python\nsorted(xs)\n```\nThis sorts it.", "stop", "no match"),
        ("```python\nsorted(xs\n```", "stop", "syntax error"),
        ("```python\n```", "stop", "no code"),
        ("  ", "stop", "no code"),
        ("x = '\\d'", "stop", "no match"),
        ("(" * 5000, "stop", "syntax error"),
        ("a\0b", "stop", "syntax error"),
    ],
)
def test_without_tests_the_text_is_what_there_is_to_say(text: str, finish: str, word: str) -> None:
    assert kind(Completion(text, 1, finish=finish), None, PROBLEM) == word


def test_every_outcome_has_a_word_that_the_page_knows() -> None:
    for outcome in Outcome:
        assert kind(Completion("x", 1), Execution(outcome, 0, 1), None) in KINDS

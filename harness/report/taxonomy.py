"""What went wrong with a completion, in one of a few words."""

from __future__ import annotations

import ast
import warnings

from harness.extract import program
from harness.records import Completion, Execution, Outcome, Problem

SOLVED, MATCH, NO_MATCH, OTHER_TEXT = "passed", "matches", "no match", "other text"
KINDS = (
    "passed",
    "matches",
    "no match",
    "wrong answer",
    "exception",
    "syntax error",
    "no code",
    "truncated",
    "timeout",
    "resource limit",
    "not measured",
    "other text",
)
"""Every word that a completion may get. "matches" and "no match" are for tasks without tests: the text equals the
reference or not. Where a metric counted one of them as right and none equals the reference as it stands, or that is not
at hand, nobody can say which it was: "other text"."""

_OUTCOMES = {
    Outcome.PASSED: SOLVED,
    Outcome.SANDBOX_ERROR: "not measured",
    Outcome.TIMED_OUT: "timeout",
    Outcome.OUT_OF_MEMORY: "resource limit",
    Outcome.OUTPUT_LIMIT: "resource limit",
    Outcome.NO_CODE: "no code",
    Outcome.FAILED: "wrong answer",
    Outcome.RAISED: "exception",
}
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")


def kind(completion: Completion, execution: Execution | None, problem: Problem | None) -> str:
    """The word for one completion; an answer that was cut off is "truncated" whatever else is wrong with it."""
    if execution is not None:
        return _of_execution(completion, execution)
    text = completion.text.strip()
    if problem is not None and any(text == reference.strip() for reference in problem.references):
        return MATCH
    answer = program(completion)
    if not answer:
        return "no code"
    if completion.finish == "length":
        return "truncated"
    return NO_MATCH if _parses(answer) else "syntax error"


def _of_execution(completion: Completion, execution: Execution) -> str:
    word = _OUTCOMES[execution.outcome]
    if word in (SOLVED, "not measured"):
        return word
    if completion.finish == "length":
        return "truncated"
    if word == "exception" and any(name in execution.error for name in _SYNTAX):
        return "syntax error"
    return word


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a candidate's invalid escape is no news to the user
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True

"""No answer, however odd, holds up the reading: its time grows with the length, never with the power of it."""

from __future__ import annotations

import signal
import string
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from harness.extract import AnswerExtractor
from harness.extract.lines import is_prose

PIECES = [
    *string.punctuation,
    *(first + second for first in "\\\"'`*_(<=" for second in "\\\"'`*_)> \n"),
    *("a ", "A. ", "- ", "1. ", "> ", ">>> ", "... ", "In [1]: ", "```\n", "```python\n", "~~~\n", "assistant\n"),
    *("User: ", "<|im_end|>", "<think>", "</think>", "def f(", '"""', "x = '\\", "{'a': ", "\t", "\r", "\u200b"),
]
BEFORE = ("", "x = '", 'print("', "```python\n", "Here it is: ", "# ", "def f():\n    ", "<tool_call>")
AFTER = ("", "'", '"!', "\n", " b")
MARKERS = ("<|im_start|>", "<|im_end|>", "user", "assistant")
SECONDS = 20
"""An expression that tries every way to split 60 pieces would need years."""


@contextmanager
def ended(what: str) -> Iterator[None]:
    """Fail where the processor works on `what` for longer than SECONDS."""

    def end(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"the reading of {what!r} does not end")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("before", BEFORE)
def test_a_piece_that_is_repeated_does_not_hold_up_the_reading(before: str) -> None:
    extractor = AnswerExtractor(markers=MARKERS, stop=("\ndef", "\n\n"))
    for piece in PIECES:
        for after in AFTER:
            text = before + 60 * piece + after
            with ended(text):
                extractor.extract(text)
                extractor.is_complete(text)
                is_prose(text)

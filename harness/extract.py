"""The program in a completion's text, one rule per function."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[ \t]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_PYTHON = {"python", "py", "python3", ""}


def cut(text: str, stop: tuple[str, ...]) -> str:
    """`text` up to the first of the stop strings, taken literally."""
    ends = [at for at in (text.find(s) for s in stop if s) if at >= 0]
    return text[: min(ends)] if ends else text


def fenced(text: str) -> str | None:
    """The first Markdown code block marked as Python or not marked at all; an unclosed one counts to the end."""
    for language, body in _FENCE.findall(text):
        if language.lower() in _PYTHON:
            return str(body)
    return None


def code(text: str) -> str:
    """The program: a fenced block where there is one, else the text itself, without blank edges."""
    block = fenced(text)
    return (text if block is None else block).strip("\n").rstrip()

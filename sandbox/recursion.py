"""Recursion as deep as in a plain interpreter, although frames of ours are below those of a program.

The limit is set higher by as many, and a program that asks for it, or sets it, is not told of them.
"""

from __future__ import annotations

import sys
from types import FrameType

_PLAIN = 1000
"""The interpreter's limit as it starts."""
_MOST = (1 << 31) - 1
_set, _get, _frame = sys.setrecursionlimit, sys.getrecursionlimit, sys._getframe
_below = 0
"""Frames of ours, and calls in C that the interpreter counts like them."""


def setrecursionlimit(limit: int, /) -> None:
    """Sets the maximum depth of the program's own stack."""
    _set(min(limit + _below, _MOST) if limit > 0 else limit)


def getrecursionlimit() -> int:
    """The maximum depth of the program's own stack."""
    return _get() - _below


def begin(more: int) -> None:
    """Gives a program the limit that it would begin with.

    `more`: what will be on the stack, beside the caller and what called it, when the program begins.
    """
    global _below  # noqa: PLW0603 - one stack, one limit
    frame: FrameType | None = _frame(1)
    _below = more
    while frame is not None:
        _below += 1
        frame = frame.f_back
    _set(_PLAIN + _below)


def install() -> None:
    """Puts this module's functions in the place of the interpreter's."""
    for function in (setrecursionlimit, getrecursionlimit):
        function.__module__ = "sys"
        setattr(sys, function.__name__, function)

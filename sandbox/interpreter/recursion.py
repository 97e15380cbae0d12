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
_outer = 0
"""Frames of `Batch.run`, or of its warm-up, and below it."""
_inner: dict[str, int] = {}
"""Frames from there to a program, by the kind of tests."""
_below = 0
"""Frames of ours, and calls in C that the interpreter counts like them."""


def setrecursionlimit(limit: int, /) -> None:
    """Sets the maximum depth of the program's own stack."""
    _set(min(limit + _below, _MOST) if limit > 0 else limit)


def getrecursionlimit() -> int:
    """The maximum depth of the program's own stack."""
    return _get() - _below


def count_frames(more: int = 0) -> None:
    """Counts the frames of the caller and below it, and `more`, from where a child begins to run tests.

    Counted once in process 1, since to look at a frame makes an object of it. Begins to learn the ways from there
    to a program.
    """
    global _outer  # noqa: PLW0603 - one stack
    _outer = _depth(_frame(1)) + more


def begin(kind: str, more: int) -> None:
    """Gives a program, in tests of a `kind`, the limit that it would begin with.

    `more`: what will be on the stack, beside the caller and what called it, when the program begins.
    """
    global _below  # noqa: PLW0603 - one stack, one limit
    if kind not in _inner:
        _inner[kind] = _depth(_frame(1)) - _outer
    _below = more + _outer + _inner[kind]
    _set(_PLAIN + _below)


def _depth(frame: FrameType | None) -> int:
    depth = 0
    while frame is not None:
        depth += 1
        frame = frame.f_back
    return depth


def install() -> None:
    """Puts this module's functions in the place of the interpreter's."""
    for function in (setrecursionlimit, getrecursionlimit):
        function.__module__ = "sys"
        setattr(sys, function.__name__, function)

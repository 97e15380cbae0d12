"""Classifies how a candidate's action failed: a status code of `protocol`, and a message."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import NamedTuple

from harness.sandbox.comparison import values
from harness.sandbox.wire import protocol


class Problem(NamedTuple):
    """Why a test did not finish: a status code of `protocol`, and the error's text."""

    how: int
    text: str


def attempt(action: Callable[[], object]) -> Problem | None:
    """Runs `action`; returns the failure or None, without the exception, which would keep objects alive."""
    try:
        action()
    except BaseException as raised:  # noqa: BLE001 - whatever a candidate raises is its own
        return Problem(how(raised), describe(raised))
    return None


def how(problem: BaseException) -> int:
    """The status code of `protocol` for an exception."""
    if isinstance(problem, MemoryError):
        return protocol.NO_MEMORY
    if isinstance(problem, OSError) and problem.errno == errno.EFBIG:
        return protocol.OUTPUT
    if isinstance(problem, values.Unknown):
        return protocol.UNKNOWN_VALUE
    return protocol.RAISED


def describe(problem: BaseException) -> str:
    """The exception's class and the last line of its text."""
    name = type(problem).__name__
    try:
        lines = str(problem).strip().splitlines()
    except BaseException:  # noqa: BLE001 - a candidate's __str__ may do anything
        lines = []
    return f"{name}: {lines[-1][:200]}" if lines else name

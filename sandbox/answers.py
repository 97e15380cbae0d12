"""The candidate's side of assertion tests: it answers calls that were foreseen, as data."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harness.sandbox import values

TEXT = 300
"""Letters of an exception's text that are carried over."""


def answer(module: ModuleType, calls: bytes, say: Callable[[str], None]) -> None:
    """Says one line for each of `calls`, the value or the exception."""
    for name, arguments, keywords in json.loads(calls):
        say(json.dumps(_answer_one(getattr(module, name), arguments, keywords)) + "\n")


def _answer_one(function: Callable[..., Any], arguments: list[Any], keywords: list[Any]) -> dict[str, Any]:
    given = [values.revive(item) for item in arguments]
    try:
        value = function(*given, **{key: values.revive(item) for key, item in keywords})
    except MemoryError:
        raise
    except Exception as problem:  # noqa: BLE001 - the test may expect any
        return {"raised": [type(problem).__name__, str(problem)[:TEXT]]}
    said: dict[str, Any] = {}
    try:
        said["value"] = values.plain(value)
    except values.Unknown as unknown:
        said["unknown"] = str(unknown)[:TEXT]
    with contextlib.suppress(values.Unknown):
        after = [values.plain(item) for item in given]
        if after != arguments:
            said["arguments"] = after
    return said

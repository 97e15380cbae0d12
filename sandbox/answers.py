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
OPERATIONS: dict[str, Callable[..., Any]] = {
    ".get": getattr,
    ".set": setattr,
    ".call": lambda function, *arguments, **keywords: function(*arguments, **keywords),
}
"""What a test does with something of the candidate's; no name of a candidate begins with a dot."""
TYPES = {kind.__name__: kind for kind in (bool, bytes, complex, dict, float, frozenset, int, list, set, str, tuple)}


def answer(module: ModuleType, calls: bytes, say: Callable[[str], None]) -> None:
    """Says one line for each of `calls`, the value or the exception; a call may use what earlier ones returned."""
    results: list[Any] = []
    marks: values.Marks = {
        "result": results.__getitem__,
        "name": lambda name: getattr(module, name),
        "type": TYPES.__getitem__,
    }
    for name, arguments, keywords in json.loads(calls):
        function = OPERATIONS.get(name) or getattr(module, name)
        value, said = _answer_one(function, arguments, keywords, marks)
        results.append(value)
        say(json.dumps(said) + "\n")


def _answer_one(
    function: Callable[..., Any], arguments: list[Any], keywords: list[Any], marks: values.Marks
) -> tuple[Any, dict[str, Any]]:
    try:
        given = [values.revive(item, marks) for item in arguments]
        value = function(*given, **{key: values.revive(item, marks) for key, item in keywords})
    except MemoryError:
        raise
    except Exception as problem:  # noqa: BLE001 - the test may expect any
        return None, {"raised": [type(problem).__name__, str(problem)[:TEXT]]}
    said: dict[str, Any] = {}
    try:
        said["value"] = values.plain(value)
    except values.Unknown as unknown:
        said["unknown"] = str(unknown)[:TEXT]
    with contextlib.suppress(values.Unknown):
        after = [values.plain(item) for item in given]
        if after != arguments:
            said["arguments"] = after
    return value, said

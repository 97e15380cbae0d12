"""Runs, in the candidate's process, the calls of assertion tests that were parsed, and writes the results as data."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harness.sandbox.comparison import values

TEXT = 300
"""Letters of an exception's text that are carried over."""
_SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})


def answer(module: ModuleType, calls: bytes, say: Callable[[str], None]) -> None:
    """Says one line for each of `calls`: the value, the exception, or that it is more than plain data."""
    for name, arguments, keywords in json.loads(calls):
        say(values.text(_answer_one(getattr(module, name), arguments, keywords)) + "\n")


def _answer_one(function: Callable[..., Any], arguments: list[Any], keywords: list[Any]) -> dict[str, Any]:
    try:
        given = [values.revive(item) for item in arguments]
        value = function(*given, **{key: values.revive(item) for key, item in keywords})
    except MemoryError:
        raise
    except Exception as problem:  # noqa: BLE001 - the test may expect any
        return {"raised": [type(problem).__name__, str(problem)[:TEXT]]}
    try:
        return {"value": values.plain(value)} if _is_data(value) else {"unknown": type(value).__name__}
    except values.Unknown as unknown:
        return {"unknown": str(unknown)[:TEXT]}


def _is_data(value: Any) -> bool:
    """Whether comparing it is comparing data: nothing in it has a class that compares in a way of its own."""
    waiting = [value]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        kind = type(one)
        if kind in _SCALARS:
            continue
        if kind not in _CONTAINERS:
            return False
        if id(one) in seen:
            continue
        seen.add(id(one))
        if kind is dict:
            waiting += one
            waiting += one.values()
        elif not _SCALARS.issuperset(map(type, one)):
            waiting += one
    return True

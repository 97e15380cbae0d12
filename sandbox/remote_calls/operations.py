"""What the candidate's process does with its objects when a test's process asks for it."""

from __future__ import annotations

import collections
import collections.abc
import copy
import itertools
from collections.abc import Callable
from typing import Any


def _plain(value: Any) -> Any:
    if isinstance(value, collections.UserList | collections.UserString | collections.UserDict):
        return value.data
    if isinstance(value, collections.abc.Set):
        return set(value)
    if hasattr(value, "utcoffset"):
        return _in_a_plain_zone(value)
    return bytes(value) if isinstance(value, memoryview) else dict(value)


def _in_a_plain_zone(moment: Any) -> Any:
    """A `datetime` or `time` whose zone is of a class of the candidate's, with the offset that it has there."""
    import datetime

    offset, name = moment.utcoffset(), moment.tzname()
    plain = None if offset is None else datetime.timezone(offset, *([name] if isinstance(name, str) else []))
    return moment.replace(tzinfo=plain)


def _draw(iterator: Any) -> list[Any]:
    """The next items, and the exception that ended them; None where there are more."""
    items: list[Any] = []
    try:
        items.extend(itertools.islice(iterator, _DRAWN))
    except Exception as problem:  # noqa: BLE001 - whatever the candidate raises
        return [items, problem]
    return [items, None if len(items) == _DRAWN else StopIteration()]


_DRAWN = 1 << 14
"""Items of an iterator in one answer."""
OPERATIONS: dict[str, Callable[..., Any]] = {
    "get": getattr,
    "set": setattr,
    "delete": delattr,
    "item": lambda kind, item: kind[item],
    "iterate": iter,
    "length": len,
    "isinstance": lambda kind, value: isinstance(value, kind),
    "issubclass": lambda kind, one: issubclass(one, kind),
    "dir": dir,
    "repr": repr,
    "draw": _draw,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "plain": _plain,
    "operator": lambda name, mine, *given: getattr(type(mine), name)(mine, *given),
}

"""Lists of numbers or texts as JSON that is short and soon made: most large answers are made of such lists."""

from __future__ import annotations

import array
from collections.abc import Callable, Iterable
from typing import Any

Pack = Callable[[Any], Any]
_BARE = frozenset({str, bool, type(None)})
"""Types that JSON has, and of which every value is written as itself."""
_NESTED = frozenset({list, dict})
_MANY = 32
"""Numbers of one type from which on they are written as their bytes."""
_EXACT = 1 << 53
_LONGEST = 1 << 63


def write_items(items: Iterable[Any], pack: Pack) -> Any:
    """The items as JSON: an array of what `pack` makes of each; of many numbers {type code: bytes in hexadecimal}."""
    found = list(items)
    kinds = set(map(type, found))
    if kinds <= _BARE:
        return found
    if len(found) >= _MANY and len(kinds) == 1:
        if float in kinds:
            return {"d": array.array("d", found).tobytes().hex()}
        if int in kinds:
            most = max(abs(max(found)), abs(min(found)))
            if most < _EXACT:
                return found
            if most < _LONGEST:
                return {"q": array.array("q", found).tobytes().hex()}
    return [pack(item) for item in found]


def read_items(content: Any, unpack: Pack) -> list[Any]:
    """The items that `write_items` wrote.

    Raises:
        ValueError: they are numbers of another type.
    """
    if isinstance(content, dict):
        ((code, text),) = content.items()
        if code not in ("d", "q"):
            raise ValueError("numbers of an unknown type")
        return array.array(code, bytes.fromhex(text)).tolist()
    if _NESTED.isdisjoint(map(type, content)):
        return list(content)
    return [unpack(item) for item in content]

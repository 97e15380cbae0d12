"""Sets the content of an existing object to what the other end has in it; see `codecs.py`."""

from __future__ import annotations

import array
import collections
import sys
from collections.abc import Callable
from typing import Any

from harness.sandbox.remote_calls.sequences import read_items

Pack = Callable[[Any], Any]


def fill_list(value: Any, content: Any, unpack: Pack) -> None:
    list.__setitem__(value, slice(None), read_items(content, unpack))


def fill_dict(value: Any, content: Any, unpack: Pack) -> None:
    pairs = [(unpack(key), unpack(item)) for key, item in content]
    dict.clear(value)
    for key, item in pairs:
        dict.__setitem__(value, key, item)


def fill_ordered(value: Any, content: Any, unpack: Pack) -> None:
    pairs = [(unpack(key), unpack(item)) for key, item in content]
    collections.OrderedDict.clear(value)
    for key, item in pairs:
        collections.OrderedDict.__setitem__(value, key, item)


def fill_default(value: Any, content: Any, unpack: Pack) -> None:
    collections.defaultdict.__dict__["default_factory"].__set__(value, unpack(content[0]))
    fill_dict(value, content[1], unpack)


def fill_set(value: Any, content: Any, unpack: Pack) -> None:
    """The same items in the same order, where a set of the same size gives it."""
    items = read_items(content[1], unpack)
    set.clear(value)
    set.update(value, items)
    if list(set.__iter__(value)) != items:
        set.clear(value)
        filler = range(1 << 20, 1 << 21)
        for number in filler:
            if sys.getsizeof(value) >= content[0] or number - filler[0] > 100_000:
                break
            set.add(value, number)
        set.difference_update(value, filler[: len(value)])
        set.update(value, items)


def fill_deque(value: Any, content: Any, unpack: Pack) -> None:
    items = read_items(content[1], unpack)
    collections.deque.clear(value)
    collections.deque.extend(value, items)


def fill_bytes(value: Any, content: Any, _: Pack) -> None:
    value[:] = bytes.fromhex(content)


def fill_array(value: Any, content: Any, _: Pack) -> None:
    value[:] = array.array(value.typecode, bytes.fromhex(content[1]))

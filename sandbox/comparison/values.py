"""Encodes return values as JSON, with tags for types that JSON lacks.

`encode` runs in the candidate's process, which may change it; `decode` runs in the supervisor, builds nothing but
plain Python values, and refuses what it does not know. Subclasses travel as their base class, read by the base class's
own methods, so an object that claims to equal everything arrives as an ordinary value or not at all.

A list is an array, a dictionary of other than strings or any other type an object with one key, its tag.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections import Counter, deque
from collections.abc import Callable
from types import GeneratorType
from typing import Any

MAX_DEPTH = 200
_SAFE_INT = 1 << 63
_MAX_ITEMS = 1_000_000
_MOST_ALIKE = 1000
_FRACTION_DIGITS = 10_000
_LONGEST_FLOAT = 32
_ITERATORS: tuple[type, ...] = (
    GeneratorType,
    map,
    filter,
    zip,
    enumerate,
    reversed,
    type({}.values()),
    type({}.items()),
    type(iter([])),
)


class Unknown(Exception):
    """A value that has no encoding: it equals nothing."""


def encode(value: Any) -> str:
    """`value` as JSON text.

    Raises:
        Unknown: its type is not plain data, or it is nested too deeply.
    """
    return text(plain(value))


text = json.JSONEncoder(separators=(",", ":")).encode
"""What `plain` gives as text without spaces: an answer has a limit on its bytes."""


def plain(value: Any) -> Any:
    """What `encode` writes, before it is text."""
    return _encode(value, 0)


def _encode(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Unknown("nested too deeply")
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -_SAFE_INT < value < _SAFE_INT else {"int": hex(value)}
    if kind is list:
        return [_encode(item, depth + 1) for item in value]
    return _encode_tagged(value, kind, depth)


def _encode_tagged(value: Any, kind: type, depth: int) -> Any:
    if kind is float:
        return _float(value)
    for base, read in _BASES:
        if issubclass(kind, base):
            return read(value, depth + 1)
    for module, name, read_rare in _RARE:
        loaded = sys.modules.get(module)
        if loaded is not None and issubclass(kind, base := getattr(loaded, name)):
            return read_rare(base, value)
    if kind in _ITERATORS:
        items = list(itertools.islice(value, _MAX_ITEMS + 1))
        if len(items) > _MAX_ITEMS:
            raise Unknown("an iterator without end")
        return {"iterator": [_encode(item, depth + 1) for item in items]}
    if kind.__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        return _encode(value.tolist(), depth + 1)
    raise Unknown(kind.__name__)


def _float(value: float) -> Any:
    return value if math.isfinite(value) else {"float": float.hex(value)}


def _items(tag: str, iterate: Callable[[Any], Any]) -> Callable[[Any, int], Any]:
    return lambda value, depth: {tag: [_encode(item, depth) for item in iterate(value)]}


_BASES: tuple[tuple[type, Callable[[Any, int], Any]], ...] = (
    (int, lambda value, depth: _encode(int.__index__(value), depth)),
    (float, lambda value, _: _float(float.__pos__(value))),
    (str, lambda value, _: str.__str__(value)),
    (list, lambda value, depth: [_encode(item, depth) for item in list.__iter__(value)]),
    (tuple, _items("tuple", tuple.__iter__)),
    (set, _items("set", set.__iter__)),
    (frozenset, _items("frozenset", frozenset.__iter__)),
    (dict, lambda value, depth: {"dict": [[_encode(k, depth), _encode(v, depth)] for k, v in dict.items(value)]}),
    (bytes, lambda value, _: {"bytes": bytes.hex(value)}),
    (bytearray, lambda value, _: {"bytearray": bytearray.hex(value)}),
    (complex, lambda value, _: {"complex": [float.hex(value.real), float.hex(value.imag)]}),
    (range, lambda value, _: {"range": [hex(value.start), hex(value.stop), hex(value.step)]}),
    (deque, _items("deque", deque.__iter__)),
)
_RARE: tuple[tuple[str, str, Callable[[Any, Any], Any]], ...] = (
    ("fractions", "Fraction", lambda _, value: {"fraction": [hex(value.numerator), hex(value.denominator)]}),
    ("decimal", "Decimal", lambda base, value: {"decimal": base.__str__(value)}),
)
"""Types of modules that are imported by whoever has such a value: they would make every fork of process 1 dearer."""


def decode(data: bytes | str) -> Any:
    """The plain Python value that `data` encodes.

    Raises:
        Unknown: `data` is not what `encode` writes; whoever wrote it, it equals nothing.
    """
    return revive(parse(data))


def parse(data: bytes | str) -> Any:
    """The JSON of `data`, with small integers and short decimals as its only numbers; same errors as `decode`."""
    try:
        return _JSON.decode(data if isinstance(data, str) else data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as problem:
        raise Unknown(type(problem).__name__) from None


def _refuse(text: str) -> Any:
    raise ValueError(text[:20])


def _small_int(text: str) -> int:
    if len(text) > 20:
        raise ValueError("a long integer without its tag")
    return int(text)


def _short_float(text: str) -> float:
    if len(text) > _LONGEST_FLOAT:
        raise ValueError("a decimal that nobody writes")
    return float(text)


_JSON = json.JSONDecoder(parse_constant=_refuse, parse_int=_small_int, parse_float=_short_float)


def _decode(data: Any, depth: int = 0) -> Any:
    if depth > 2 * MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(data, list):
        return [_decode(item, depth + 1) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1:
        raise ValueError("an object that is no tagged value")
    ((tag, content),) = data.items()
    if tag == "dict":
        pairs = [(_decode(key, depth + 1), _decode(value, depth + 1)) for key, value in content]
        _spread([key for key, _ in pairs])
        return dict(pairs)
    if tag in _SEQUENCES:
        return _SEQUENCES[tag](_decode(item, depth + 1) for item in content)
    return _SCALARS[tag](content)


def revive(data: Any) -> Any:
    """The value of what `plain` gave; same errors as `decode`."""
    try:
        return _decode(data)
    except (ValueError, TypeError, ArithmeticError, RecursionError, LookupError, AttributeError) as problem:
        raise Unknown(type(problem).__name__) from None


def _set(kind: Callable[[Any], Any], items: Any) -> Any:
    found = list(items)
    _spread(found)
    return kind(found)


def _spread(keys: list[Any]) -> None:
    """Refuses keys of one hash: whoever writes an answer can choose them so that a set of them takes hours."""
    if len(keys) > _MOST_ALIKE and max(Counter(map(hash, keys)).values()) > _MOST_ALIKE:
        raise ValueError("too many keys of one hash")


def _fraction(content: Any) -> Any:
    if max(map(len, content)) > _FRACTION_DIGITS:
        raise ValueError("a fraction that takes long to reduce")
    return _class("fractions.Fraction")(int(content[0], 16), int(content[1], 16))


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(__import__(module), name)


_SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": lambda items: _set(set, items),
    "frozenset": lambda items: _set(frozenset, items),
    "deque": deque,
    "iterator": lambda items: iter(list(items)),
}
_SCALARS: dict[str, Callable[[Any], Any]] = {
    "int": lambda content: int(content, 16),
    "float": float.fromhex,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "complex": lambda content: complex(float.fromhex(content[0]), float.fromhex(content[1])),
    "fraction": _fraction,
    "decimal": lambda content: _class("decimal.Decimal")(str(content)[:100_000]),
    "range": lambda content: range(*(int(number, 16) for number in content)),
}

"""Decode plain JSON values into dataclasses, with a compiled and cached decoder for each type.

A leaderboard of ten thousand runs decodes a million fields, so a type is inspected once, and an error message is built
only when a value does not fit.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

Decoder = Callable[[Any], Any]
MOST_WHOLE = 1 << 1000
"""The largest whole number that is taken for a float; much larger ones are none."""


class DecodeError(ValueError):
    """A value that does not fit its type; `path` is where it is, from the outermost value."""

    def __init__(self, path: str, expected: str, value: Any) -> None:
        self.path, self.expected, self.value = path, expected, value
        super().__init__(f"{path}: expected {expected}, found {value!r:.80}")

    def inside(self, part: str) -> DecodeError:
        """The same error with `part` in front of its path, as the enclosing value raises it."""
        return DecodeError(part + self.path, self.expected, self.value)


@functools.cache
def decoder(kind: Any) -> Decoder:
    """The function that turns plain JSON values into `kind`, or raises `DecodeError`."""
    origin = typing.get_origin(kind)
    if kind is Any:
        return _same
    if origin in (types.UnionType, typing.Union):
        return _union(typing.get_args(kind))
    if origin is tuple:
        return _tuple(typing.get_args(kind))
    if origin is Mapping:
        return _mapping(typing.get_args(kind)[1])
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _enum(kind)
    return _number if kind is float else _plain(kind)


def _same(data: Any) -> Any:
    return data


def _plain(kind: type) -> Decoder:
    def decode(data: Any) -> Any:
        if type(data) is not kind:
            raise DecodeError("", f"a {kind.__name__}", data)
        return data

    return decode


def _number(data: Any) -> float:
    if type(data) is float:
        return data
    if type(data) is int and abs(data) <= MOST_WHOLE:
        return float(data)
    raise DecodeError("", "a float", data)


def _enum(kind: type[enum.Enum]) -> Decoder:
    members: dict[Any, enum.Enum] = {member.value: member for member in kind}

    def decode(data: Any) -> enum.Enum:
        if not isinstance(data, str) or data not in members:
            raise DecodeError("", f"one of {', '.join(map(str, members))}", data)
        return members[data]

    return decode


def _mapping(kind: Any) -> Decoder:
    part = decoder(kind)

    def decode(data: Any) -> dict[str, Any]:
        if type(data) is not dict:
            raise DecodeError("", "an object", data)
        decoded = {}
        for key, value in data.items():
            try:
                decoded[key] = part(value)
            except DecodeError as error:
                raise error.inside(f".{key}") from None
        return decoded

    return decode


def _tuple(kinds: tuple[Any, ...]) -> Decoder:
    repeated = len(kinds) == 2 and kinds[1] is Ellipsis
    parts = tuple(decoder(kind) for kind in kinds if kind is not Ellipsis)

    def decode(data: Any) -> tuple[Any, ...]:
        if type(data) is not list:
            raise DecodeError("", "an array", data)
        if not repeated and len(data) != len(parts):
            raise DecodeError("", f"{len(parts)} items", data)
        decoded: list[Any] = []
        try:
            for index, value in enumerate(data):
                decoded.append(parts[0 if repeated else index](value))  # noqa: PERF401 - its length is the index of the item that fails
        except DecodeError as error:
            raise error.inside(f"[{len(decoded)}]") from None
        return tuple(decoded)

    return decode


def _union(kinds: tuple[Any, ...]) -> Decoder:
    optional = type(None) in kinds
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    part = decoder(kinds[0]) if len(kinds) == 1 else _tagged_union(kinds)

    def decode(data: Any) -> Any:
        return None if data is None and optional else part(data)

    return decode


def _tagged_union(kinds: tuple[Any, ...]) -> Decoder:
    """A tagged union: "kind" names the dataclass; a class with `kinds` stands for its registered subclasses."""
    parts = {kind.__name__: decoder(kind) for kind in kinds if not hasattr(kind, "kinds")}
    bases = [kind for kind in kinds if hasattr(kind, "kinds")]

    def decode(data: Any) -> Any:
        if type(data) is not dict or "kind" not in data:
            raise DecodeError("", "an object with a kind", data)
        name = data["kind"]
        part = parts.get(name) if isinstance(name, str) else None
        if part is None:
            registered = {key: kind for base in bases for key, kind in base.kinds().items()}
            if not isinstance(name, str) or name not in registered:
                raise DecodeError("", f"a kind of {sorted(parts | registered)}", name)
            part = decoder(registered[name])
        return part({name: value for name, value in data.items() if name != "kind"})

    return decode


def _scalar(kind: Any) -> bool:
    """Whether the type of a value is enough to tell that it fits `kind`."""
    kinds = typing.get_args(kind) if typing.get_origin(kind) is types.UnionType else (kind,)
    return all(one in (str, int, float, bool, type(None)) for one in kinds)


def _dataclass(kind: Any) -> Decoder:
    hints = typing.get_type_hints(kind)
    parts = [(f.name, decoder(hints[f.name])) for f in dataclasses.fields(kind)]
    names = tuple(name for name, _ in parts)
    known = set(names)
    scalars = all(_scalar(hints[name]) for name in names)
    fitted: set[tuple[type, ...]] = set()  # types of values, in the order of the fields, that need no conversion
    required = [
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]

    def decode(data: Any) -> Any:
        if type(data) is not dict:
            raise DecodeError("", "an object", data)
        shape = tuple(map(type, data.values())) if scalars and tuple(data) == names else None
        if shape in fitted:
            return kind(*data.values())
        if not known >= data.keys():
            raise DecodeError("", "only known fields", sorted(data.keys() - known))
        given = {}
        for name, part in parts:
            if name in data:
                try:
                    given[name] = part(data[name])
                except DecodeError as error:
                    raise error.inside(f".{name}") from None
        if missing := [name for name in required if name not in given]:
            raise DecodeError("", "every required field", f"without {missing}")
        if shape is not None and shape == tuple(map(type, given.values())):
            fitted.add(shape)
        return kind(**given)

    return decode

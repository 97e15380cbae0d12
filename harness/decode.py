"""JSON to typed values, quickly: each type is looked at once, and its decoder kept.

A leaderboard of ten thousand runs decodes a million fields, so nothing here inspects a type twice and no message is
put together before something does not fit.
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


class Misfit(ValueError):
    """A value that does not fit its type; `path` leads from the outermost value to it."""

    def __init__(self, path: str, wanted: str, found: Any) -> None:
        self.path, self.wanted, self.found = path, wanted, found
        super().__init__(f"{path}: expected {wanted}, found {found!r:.80}")

    def inside(self, part: str) -> Misfit:
        """The same misfit, seen from the value that holds it."""
        return Misfit(part + self.path, self.wanted, self.found)


@functools.cache
def decoder(kind: Any) -> Decoder:
    """The function that turns plain JSON values into `kind`, or raises `Misfit`."""
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
            raise Misfit("", f"a {kind.__name__}", data)
        return data

    return decode


def _number(data: Any) -> float:
    if type(data) is float:
        return data
    if type(data) is int:
        return float(data)
    raise Misfit("", "a float", data)


def _enum(kind: type[enum.Enum]) -> Decoder:
    members: dict[Any, enum.Enum] = {member.value: member for member in kind}

    def decode(data: Any) -> enum.Enum:
        if not isinstance(data, str) or data not in members:
            raise Misfit("", f"one of {', '.join(map(str, members))}", data)
        return members[data]

    return decode


def _mapping(kind: Any) -> Decoder:
    part = decoder(kind)

    def decode(data: Any) -> dict[str, Any]:
        if type(data) is not dict:
            raise Misfit("", "an object", data)
        found = {}
        for key, value in data.items():
            try:
                found[key] = part(value)
            except Misfit as misfit:
                raise misfit.inside(f".{key}") from None
        return found

    return decode


def _tuple(kinds: tuple[Any, ...]) -> Decoder:
    repeated = len(kinds) == 2 and kinds[1] is Ellipsis
    parts = tuple(decoder(kind) for kind in kinds if kind is not Ellipsis)

    def decode(data: Any) -> tuple[Any, ...]:
        if type(data) is not list:
            raise Misfit("", "an array", data)
        if not repeated and len(data) != len(parts):
            raise Misfit("", f"{len(parts)} items", data)
        found: list[Any] = []
        try:
            for index, value in enumerate(data):
                found.append(parts[0 if repeated else index](value))  # noqa: PERF401 - its length names the misfit
        except Misfit as misfit:
            raise misfit.inside(f"[{len(found)}]") from None
        return tuple(found)

    return decode


def _union(kinds: tuple[Any, ...]) -> Decoder:
    optional = type(None) in kinds
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    part = decoder(kinds[0]) if len(kinds) == 1 else _named(kinds)

    def decode(data: Any) -> Any:
        return None if data is None and optional else part(data)

    return decode


def _named(kinds: tuple[Any, ...]) -> Decoder:
    """Dataclasses told apart by the field "kind"."""
    parts = {kind.__name__: decoder(kind) for kind in kinds}

    def decode(data: Any) -> Any:
        if type(data) is not dict or "kind" not in data:
            raise Misfit("", "an object with a kind", data)
        if data["kind"] not in parts:
            raise Misfit("", f"a kind of {sorted(parts)}", data["kind"])
        return parts[data["kind"]]({name: value for name, value in data.items() if name != "kind"})

    return decode


def _scalar(kind: Any) -> bool:
    """Whether the type of a value alone decides if it fits `kind`."""
    kinds = typing.get_args(kind) if typing.get_origin(kind) is types.UnionType else (kind,)
    return all(one in (str, int, float, bool, type(None)) for one in kinds)


def _dataclass(kind: Any) -> Decoder:
    hints = typing.get_type_hints(kind)
    parts = [(f.name, decoder(hints[f.name])) for f in dataclasses.fields(kind)]
    names = tuple(name for name, _ in parts)
    known = set(names)
    scalars = all(_scalar(hints[name]) for name in names)
    fitted: set[tuple[type, ...]] = set()  # the types of values, in the order of the fields, that fit as they are
    required = [
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]

    def decode(data: Any) -> Any:
        if type(data) is not dict:
            raise Misfit("", "an object", data)
        shape = tuple(map(type, data.values())) if scalars and tuple(data) == names else None
        if shape in fitted:
            return kind(*data.values())
        if not known >= data.keys():
            raise Misfit("", "only known fields", sorted(data.keys() - known))
        given = {}
        for name, part in parts:
            if name in data:
                try:
                    given[name] = part(data[name])
                except Misfit as misfit:
                    raise misfit.inside(f".{name}") from None
        if missing := [name for name in required if name not in given]:
            raise Misfit("", "every required field", f"without {missing}")
        if shape is not None and shape == tuple(map(type, given.values())):
            fitted.add(shape)
        return kind(**given)

    return decode

"""Dataclasses to JSON and back, and digests of them.

This module needs the standard library only, so that `--help`, listings and the sandbox stay light.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import json
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from harness.decode import DecodeError, decoder
from harness.owntests import OwnTests

T = TypeVar("T")

_LABELLED: set[type] = set()


def added(default: Any) -> Any:
    """A field added in a later version: written only where it is not its default, so that no file or digest changes."""
    return dataclasses.field(default=default, metadata={"added": True})


def labelled(kind: type[T]) -> type[T]:
    """A class decorator: the class is part of a tagged union, and its name is written as "kind"."""
    _LABELLED.add(kind)
    return kind


def to_json(value: Any) -> Any:
    """`value` as plain JSON types: dataclasses become objects, tuples arrays, enums their value."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    names = _field_names(typing.cast(Any, kind))
    if names is not None:
        fields = {name: to_json(getattr(value, name)) for name in names}
        for name, default in _added_fields(typing.cast(Any, kind)):
            if getattr(value, name) == default:
                del fields[name]
        label = kind.kind if issubclass(kind, OwnTests) else kind.__name__ if kind in _LABELLED else ""
        return {"kind": label, **fields} if label else fields
    if kind is dict or isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    return value


_PLAIN = frozenset({str, int, float, bool, type(None)})


@functools.cache
def _field_names(kind: Any) -> tuple[str, ...] | None:
    """The fields of a dataclass; None for any other type. Cached: a large leaderboard asks a million times."""
    return tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


@functools.cache
def _added_fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    """(name, default) of each field of a dataclass that was `added`."""
    fields = (f for f in dataclasses.fields(kind) if f.metadata.get("added"))
    return tuple(
        (f.name, f.default if f.default_factory is dataclasses.MISSING else f.default_factory()) for f in fields
    )


def from_json(kind: type[T], data: Any) -> T:
    """The inverse of `to_json`.

    Raises:
        ValueError: a field is missing, unknown or of another type; the message names it.
    """
    try:
        return typing.cast(T, decoder(typing.cast(Any, kind))(data))
    except DecodeError as error:
        raise error.inside(kind.__name__) from None


def canonical(value: Any) -> str:
    """The one JSON text of `value`: sorted keys, no spaces. Digests are taken of this."""
    return _CANONICAL.encode(to_json(value))


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of `value`; lone surrogates count as their escape."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()

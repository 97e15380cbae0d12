"""Methods that a class of the candidate's has in place of those of the plain type that it extends.

A test hands them what it expects: `f(3).union({1, 2}) == {1, 2}`, `f(3).get("x", 7) == 7`. An answer that can have come
out of what was handed over is believed only where the plain type gives it, too.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.sandbox.remote_calls import bases

_PUBLIC = {base: frozenset(name for name in dir(base) if name[0] != "_") for base in bases.BASES}
METHODS = frozenset[str]().union(*_PUBLIC.values())
"""All methods of plain types."""
_CHANGING = """
add append appendleft clear difference_update discard extend extendleft insert intersection_update move_to_end remove
reverse rotate sort subtract symmetric_difference_update update
"""
CHANGING = frozenset(_CHANGING.split())
"""Those that change a value and answer nothing."""
_TAKING = frozenset({"pop", "popitem", "setdefault"})
"""Those that change a value and answer."""
_COMBINING: tuple[type, ...] = (str, bytes, bytearray, set, frozenset)
"""Types whose methods make their answer out of what they are given, whoever answers: the plain type alone does."""
_HANDING = (
    "join format replace translate removeprefix removesuffix strip lstrip rstrip partition rpartition split rsplit"
)
HANDING = frozenset({"union", "setdefault", *_HANDING.split()})
"""Methods that answer with what they are given, whatever the class."""
HANDING_A_SECOND = frozenset({"get", "pop"})
"""Those that do so with a second argument."""


def bound(mine: Any, base: type, name: str, theirs: Any, judged: Callable[[], None]) -> Any:
    """The method `name` of `mine`, whose class extends `base` and has `theirs`; no method: `theirs` itself.

    `judged` is told where the class's own answer counts although it was given something.
    """
    if not callable(theirs):
        return theirs
    if name in bases.OF_CONTENT:
        return getattr(base, name).__get__(mine)

    def method(*given: Any, **named: Any) -> Any:
        return answer(mine, base, name, theirs, given, named, judged)

    method.__name__, method.__qualname__ = name, f"{base.__name__}.{name}"
    return method


def answer(
    mine: Any,
    base: type,
    name: str,
    theirs: Callable[..., Any],
    given: tuple[Any, ...],
    named: Mapping[str, Any],
    judged: Callable[[], None],
) -> Any:
    """What a method answers that a class has of its own."""
    if not given and not named:
        return theirs()
    if name in CHANGING:
        said = theirs(*given, **named)
        return said if said is mine or not _is_of(said, given, named) else None
    value = bases.as_base(mine, base) if name in _TAKING else mine
    found, problem = None, None
    try:
        found = getattr(base, name)(value, *given, **named)
    except Exception as raised:  # noqa: BLE001 - what the plain type raises, and the test expects
        problem = raised
    alone = base in _COMBINING and name in METHODS - _TAKING
    said = None if alone else theirs(*given, **named)
    if alone or _is_of(said, given, named):
        return found if problem is None else _raise(problem)
    if problem is not None or not _same(said, found):
        judged()
    return said


def _raise(problem: BaseException) -> Any:
    raise problem


def _is_of(said: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
    """Whether an answer has nothing in it but what was handed over."""
    handed = [*_parts(given), *_parts(tuple(named.values()))]
    known = set(map(_key, handed))
    return all(_key(part) in known for part in _parts((said,)))


def _same(one: Any, other: Any) -> bool:
    """Whether two values have the same parts, in one order."""
    parts, others = list(_parts((one,))), list(_parts((other,)))
    return list(map(_key, parts)) == list(map(_key, others))


def _key(part: Any) -> Any:
    """What equals that of an equal part: of a plain value the value, of any other object itself."""
    return ("value", part) if type(part) in _SCALARS else ("object", id(part))


_SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes})


def _parts(value: tuple[Any, ...], depth: int = 0) -> Iterator[Any]:
    """The single values in a value: those that are no plain value are one, and so is an empty one."""
    for item in value:
        base = bases.base_of(type(item))
        plain = item if base is None or type(item) is base else bases.as_base(item, base)
        inner: tuple[Any, ...] | None = None
        if isinstance(plain, dict):
            inner = (*plain.keys(), *plain.values())
        elif isinstance(plain, _COLLECTIONS):
            inner = tuple(plain)
        if inner and depth <= _DEEP:
            yield from _parts(inner, depth + 1)
        elif inner is not None and not inner:
            yield f"an empty {base.__name__}" if base else ""
        else:
            yield bytes(plain) if type(plain) is bytearray else plain


_DEEP = 20
_COLLECTIONS: tuple[Any, ...] = (list, tuple, set, frozenset, deque)


def _formatted(mine: Any, base: type, spec: str, theirs: Callable[..., Any], judged: Callable[[], None]) -> Any:
    """What `format` gives; a specification is handed over, too."""
    return answer(mine, base, "__format__", theirs, (spec,), {}, judged) if spec else theirs(spec)


def _missing(_: Any, base: type, key: Any, theirs: Callable[[Any], Any], judged: Callable[[], None]) -> Any:
    """What a dictionary says of a key that it has not: a `Counter` always 0, since it counts."""
    if issubclass(base, Counter):
        return 0
    said = theirs(key)
    if _is_of(said, (key,), {}):
        judged()
    return said


SPECIAL: dict[str, Callable[..., Any]] = {"__format__": _formatted, "__missing__": _missing}
"""Operators of a class that are given something."""

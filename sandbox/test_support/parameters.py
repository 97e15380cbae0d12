"""The sets of parameters of a test in the style of pytest, each with the id that pytest gives it."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from harness.sandbox.test_support.pytestlike import Fixture, Mark, Values


class Set(NamedTuple):
    """Arguments of the test, parameters of fixtures, and the id of both."""

    arguments: dict[str, Any]
    through: dict[str, Any]
    label: str


def sets(mark: Mark) -> list[Set | None]:
    """The sets of one `parametrize`; None for one that is skipped."""
    parameters, given = names(mark), mark.args[1:2] or [mark.kwargs["argvalues"]]
    indirect = mark.kwargs.get("indirect", False)
    through = parameters if indirect is True else list(indirect or ())
    found: list[Set | None] = []
    for at, one in enumerate(given[0]):
        values = one.values if isinstance(one, Values) else (one,) if len(parameters) == 1 else tuple(one)
        if _skipped(one):
            found.append(None)
            continue
        pairs = dict(zip(parameters, values, strict=True))
        plain = {name: value for name, value in pairs.items() if name not in through}
        label = _label(one, at, mark.kwargs.get("ids"), pairs)
        found.append(Set(plain, {name: pairs[name] for name in through if name in pairs}, label))
    return found


def sets_of(fixture: Fixture) -> list[Set | None]:
    """The parameters that a fixture has of its own, likewise."""
    found: list[Set | None] = []
    for at, one in enumerate(fixture.params or ()):
        value = one.values[0] if isinstance(one, Values) else one
        label = _label(one, at, fixture.ids, {fixture.name: value})
        found.append(None if _skipped(one) else Set({}, {fixture.name: value}, label))
    return found


def names(mark: Mark) -> list[str]:
    """The names that one `parametrize` gives values."""
    given = mark.args[0] if mark.args else mark.kwargs["argnames"]
    given = [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)
    return [name for name in given if name]


def _skipped(one: Any) -> bool:
    return isinstance(one, Values) and any(mark.skips() for mark in one.marks)


def _label(one: Any, at: int, ids: Any, pairs: dict[str, Any]) -> str:
    """The id of one set, the `at`-th of its axis: its own, that of the axis, or one made of its values."""
    if isinstance(one, Values) and one.id is not None:
        return one.id
    chosen = None if ids is None or callable(ids) else list(ids)[at]
    if chosen is not None:
        return str(chosen)
    return "-".join(_of_value(name, value, at, ids if callable(ids) else None) for name, value in pairs.items())


def _of_value(name: str, value: Any, at: int, chosen: Any) -> str:
    made = chosen(value) if chosen else None
    if made is not None:
        return str(made)
    if value is None or isinstance(value, str | int | float | complex | bool):
        return str(value)
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__name__
    return f"{name}{at}"

"""Tests of a kind that a task brings itself, with a judge of its own.

    @dataclass(frozen=True, slots=True)
    class SqlTests(OwnTests):
        kind = "sql"
        schema: str
        expected: tuple[str, ...]

The task overrides `Task.judge_one`, which is given a problem with such tests and the program to judge.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, ClassVar


class OwnTests:
    """Base of such a kind: a frozen dataclass of JSON-able fields, with a name in `kind` that no other kind has."""

    __slots__ = ()
    kind: ClassVar[str]
    """What says in a file which class the fields belong to."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Registers the kind.

        Raises:
            TypeError: it has no name, or another class has the same.
        """
        super().__init_subclass__(**keywords)
        name = vars(cls).get("kind")
        if not isinstance(name, str) or not name:
            raise TypeError(f"{cls.__name__} needs a `kind`, the name of its tests in files")
        other = _KINDS.get(name)
        # `dataclass(slots=True)` makes a second class of the first
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{cls.__name__}: there are tests of the kind {name!r} already, in {other.__module__}")
        _KINDS[name] = cls

    @staticmethod
    def kinds() -> dict[str, type[OwnTests]]:
        """Every kind that was imported, by name."""
        return _KINDS

    @property
    def total(self) -> int:
        """How many tests there are: `Execution.total` of an answer without code."""
        return 1

    def shown(self) -> str:
        """The tests in words, for a report."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=1)  # type: ignore[call-overload]


_KINDS: dict[str, type[OwnTests]] = {}

"""What a family of sample problems is, and how it unfolds into problems.

A family is one thing to ask for (sort tuples by an item, sum the numbers that ...) with the
phrasings people use for it and the values its slots can take. The answer of a family is always
the same idiom: tuning can learn it from the siblings in the training split, guessing cannot.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Template
from textwrap import indent
from typing import Any

Values = Mapping[str, Any]
Slots = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Snippet:
    """A family of the two tasks without tests: phrasings in, one piece of Python out.

    `ask`, `given`, `code`, `setup` and `holds` are `string.Template` texts over the slots. A slot
    key may name several columns ("nth i"); its values are then tuples of that length.
    `holds` is a boolean expression that judges the code: it sees the variables after the code ran
    on `setup`, `result` (the value, where the code is an expression) and `printed` (its stdout).
    """

    name: str
    ask: tuple[str, ...]
    code: str
    slots: Slots
    holds: str
    setup: str = ""
    given: str = ""


@dataclass(frozen=True)
class Contest:
    """A family of the task with tests.

    `story`, `reads`, `prints` and `code` are templates over the slots; `make` draws the arguments
    of one test, `answer` solves them by other means than `code` does, `lines` writes the
    arguments as standard input. With `fn` the problem is call-based and `code` defines `fn`.
    Slots that begin with an underscore are flavour: names that change nothing about the problem.
    """

    name: str
    level: str
    story: tuple[str, ...]
    code: str
    slots: Slots
    make: Callable[..., tuple[Any, ...]]
    answer: Callable[..., Any]
    reads: str = ""
    prints: str = ""
    lines: Callable[..., Sequence[str]] | None = None
    fn: str = ""


Family = Snippet | Contest


@dataclass(frozen=True)
class Variant:
    """One unfolded member of a family: the phrasing and the slot values that make it."""

    family: Family
    phrasing: str
    values: Values

    def fill(self, text: str) -> str:
        """`text` with the slots filled in."""
        return Template(text).substitute(self.values)

    @property
    def asked(self) -> str:
        """The instruction of this member."""
        return self.fill(self.phrasing)

    @cached_property
    def plain(self) -> str:
        """The instruction in words, names blanked: equal for members that differ by names only."""
        blank = {key: "NAME" for key in self.values if key.startswith("_")}
        layout = self.family.reads if isinstance(self.family, Contest) else ""
        return masked(Template(f"{self.phrasing} {layout}").substitute({**self.values, **blank}))

    @cached_property
    def answer(self) -> str:
        """The reference code of this member; with a true value for `loop`, all of it but its imports t times."""
        code = self.fill(self.family.code)
        if not self.values.get("loop"):
            return code
        imports, blank, body = code.rpartition("\n\n")
        return imports + blank + "for _ in range(int(input())):\n" + indent(body, "    ")

    @property
    def choices(self) -> frozenset[str]:
        """Phrasing and slot values as comparable marks, for picking members that cover them all."""
        marks = {f"{key}={value}" for key, value in self.values.items() if isinstance(value, str)}
        return frozenset(marks | {self.phrasing})


def unfold(family: Family) -> Iterator[Variant]:
    """Every member of `family`, in a fixed order; flavour goes round instead of multiplying them."""
    phrasings = family.ask if isinstance(family, Snippet) else family.story
    keys = [key for key in family.slots if not key.startswith("_")]
    flavour = [key for key in family.slots if key.startswith("_")]
    products = itertools.product(phrasings, *(family.slots[key] for key in keys))
    for number, (phrasing, *chosen) in enumerate(products):
        values: dict[str, Any] = {}
        for key, value in zip(keys, chosen, strict=True):
            columns = key.split()
            values.update(zip(columns, value if len(columns) > 1 else (value,), strict=True))
        values.update({key: family.slots[key][number % len(family.slots[key])] for key in flavour})
        if values.get("a") != values.get("b", ""):
            yield Variant(family, phrasing, _filled(values))


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with the slots that are named inside other slots filled in."""
    return {
        key: Template(value).substitute(values) if isinstance(value, str) else value for key, value in values.items()
    }


def normalised(text: str) -> str:
    """`text` as words only, lower case: what must not be shared between splits."""
    return " ".join(re.findall(r"\w+", text.lower()))


def masked(text: str) -> str:
    """`normalised` with everything in backticks blanked, so that renaming is no new instruction."""
    return normalised(re.sub(r"`[^`]*`", " NAME ", text))

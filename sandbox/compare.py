"""Whether an output is the expected one, in two modes.

`apps` gives the verdict of the APPS checker (hendrycks/apps, eval/testing_util.py), rule by rule in its order, so that
published numbers stay comparable. `strict` is what a judge would say: the same lines of the same tokens, where only
numbers that the expected output writes as decimals may differ, by 1e-6. `docs/sandbox.md` lists where they part.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

Comparison = Literal["apps", "strict"]

_RELATIVE, _ABSOLUTE = 1e-5, 1e-8
"""numpy.allclose's default tolerances."""
_STRICT_TOLERANCE = 1e-6
_MAX_NUMBER_TEXT = 400


class Expected:
    """One expected standard output, split for each rule once, when an output first needs it."""

    def __init__(self, text: str) -> None:
        self.whole = text
        self.text = text.strip()
        self.ended = text.rstrip()

    @cached_property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.whole.split("\n") if line]

    @cached_property
    def floats(self) -> list[float] | None:
        return _floats(self.lines)

    @cached_property
    def sets(self) -> set[frozenset[str]]:
        return {frozenset(line.split()) for line in self.lines}

    @cached_property
    def rounded(self) -> set[frozenset[float]] | None:
        return _rounded(self.lines)

    @cached_property
    def tokens(self) -> list[list[str]]:
        return _tokens(self.whole)

    def accepts(self, output: str) -> tuple[bool, bool]:
        """Whether `output` passes in the `apps` mode and in the `strict` mode."""
        lines = output.splitlines()
        if "\n".join(lines).strip() == self.text:
            return True, self._strictly(output)
        return self._by_apps_rules(lines), self._strictly(output)

    def _by_apps_rules(self, lines: list[str]) -> bool:
        if "\n".join(line.strip() for line in lines).strip() == self.text or lines == self.lines:
            return True
        lines = [line for line in lines if line]
        if lines == self.lines:
            return True
        floats = _floats(lines) if self.floats is not None and len(lines) == len(self.lines) else None
        if floats is not None and self.floats is not None and all(map(_close, floats, self.floats)):
            return True
        lines = [line for line in lines if not line.isspace()]
        if {frozenset(line.split()) for line in lines} == self.sets:
            return True
        return self.rounded is not None and _rounded(lines) == self.rounded

    def _strictly(self, output: str) -> bool:
        if output.rstrip() == self.ended:
            return True
        found = _tokens(output)
        return len(found) == len(self.tokens) and all(map(_same_line, found, self.tokens))


def _tokens(text: str) -> list[list[str]]:
    lines = [line.split() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_line(found: list[str], wanted: list[str]) -> bool:
    return found == wanted or (len(found) == len(wanted) and all(map(_same_token, found, wanted)))


def _same_token(found: str, wanted: str) -> bool:
    if found == wanted:
        return True
    if wanted.lstrip("+-").isdecimal() or len(found) > _MAX_NUMBER_TEXT:
        return False
    try:
        return _near(float(found), float(wanted))
    except ValueError:
        return False


def _near(found: float, wanted: float) -> bool:
    return found == wanted or abs(found - wanted) <= _STRICT_TOLERANCE * max(1.0, abs(wanted))


def _floats(lines: Sequence[str]) -> list[float] | None:
    try:
        return [float(line) for line in lines]
    except ValueError:
        return None


def _close(found: float, wanted: float) -> bool:
    return found == wanted or (math.isfinite(wanted) and abs(found - wanted) <= _ABSOLUTE + _RELATIVE * abs(wanted))


def _rounded(lines: Sequence[str]) -> set[frozenset[float]] | None:
    try:
        return {frozenset(round(float(token), 3) for token in line.split()) for line in lines}
    except ValueError:
        return None


class ExpectedValue:
    """One expected return value, as APPS writes it: the value itself, or a list around it."""

    def __init__(self, text: str) -> None:
        self.value = _integer_keys(json.loads(text))

    def accepts(self, answer: Any) -> tuple[bool, bool]:
        """Whether the returned `answer` passes in the `apps` mode and in the `strict` mode."""
        return self._by_apps_rules(answer), self._strictly(answer)

    def _by_apps_rules(self, answer: Any) -> bool:
        if isinstance(answer, tuple):
            answer = list(answer)
        wrapped = isinstance(self.value, list) and bool(self.value)
        if _equal(answer, self.value) or (wrapped and _equal(answer, self.value[0])):
            return True
        pairs = isinstance(answer, list) and bool(answer) and isinstance(answer[0], tuple)
        return pairs and wrapped and all(map(_iterable, answer)) and [list(x) for x in answer] == self.value[0]

    def _strictly(self, answer: Any) -> bool:
        if _same_value(answer, self.value):
            return True
        return isinstance(self.value, list) and len(self.value) == 1 and _same_value(answer, self.value[0])


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except (RecursionError, ArithmeticError):
        return False


def _iterable(item: Any) -> bool:
    return hasattr(item, "__iter__")


def _integer_keys(value: Any) -> Any:
    """JSON made strings of a dictionary's integer keys; the APPS checker undoes it for the top one."""
    inner = value[0] if isinstance(value, list) and value else value
    if not isinstance(inner, dict):
        return value
    try:
        return [{int(key): item for key, item in inner.items()}]
    except ValueError:
        return value


def _same_value(found: Any, wanted: Any) -> bool:
    """Equal in type and value; a tuple is a list, a float may differ by the strict tolerance."""
    if isinstance(wanted, bool) or isinstance(found, bool) or wanted is None:
        return type(found) is type(wanted) and bool(found == wanted)
    if isinstance(wanted, float):
        number = isinstance(found, int | float | Decimal | Fraction)
        return number and (_equal(found, wanted) or _near(_as_float(found), wanted))
    if isinstance(wanted, list):
        listed = isinstance(found, list | tuple) and len(found) == len(wanted)
        return listed and all(map(_same_value, found, wanted))
    if isinstance(wanted, dict):
        named = isinstance(found, dict) and found.keys() == wanted.keys()
        return named and all(_same_value(found[key], item) for key, item in wanted.items())
    return type(found) is type(wanted) and operator.eq(found, wanted)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf

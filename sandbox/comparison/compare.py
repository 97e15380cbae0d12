"""Whether an output is the expected one, in two modes.

`apps` gives the verdict of the APPS checker (hendrycks/apps, eval/testing_util.py), rule by rule in its order, so that
published numbers stay comparable. `strict` is what a judge would say: the same lines of the same tokens, where only
numbers that the expected output writes as decimals may differ, by 1e-6. `docs/sandbox.md` lists where they part.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from harness.sandbox.comparison import values

if TYPE_CHECKING:
    from harness.sandbox.comparison.output import Part

Comparison = Literal["apps", "strict"]
Item = TypeVar("Item")

LARGE_OUTPUT, LARGE_VALUE = 8192, 4096
"""Bytes that are compared within some milliseconds, whatever they are: an output with what was expected, a value."""

_RELATIVE, _ABSOLUTE = 1e-5, 1e-8
"""numpy.allclose's default tolerances."""
_STRICT_TOLERANCE = 1e-6
_MAX_NUMBER_TEXT = 400
_WHOLE = 2.0**53
"""From here on a float has no places behind its point."""
_MOST_SPACES = 1 << 20
"""How much longer an output may be than expected and still be seen to be right at once."""
_SPACED = 1 << 19
"""Bytes of an output that is looked at for spaces at line ends; it takes some 5 ms a megabyte."""
_PIECE = 1 << 15
"""Letters that are compared at once; small enough to stay in the processor's cache."""
_OTHER_ENDS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What `str.splitlines` takes for a line's end, but for the usual one."""


class Expected:
    """One expected standard output, split for each rule once, when an output first needs it."""

    def __init__(self, text: str) -> None:
        self.whole = text

    @cached_property
    def text(self) -> str:
        return self.whole.strip()

    @cached_property
    def ended(self) -> str:
        return self.whole.rstrip()

    @cached_property
    def unspaced(self) -> bytes:
        return _unspaced(self.whole.encode("utf-8", "surrogatepass"))

    @cached_property
    def is_plain(self) -> bool:
        """Whether an output that is equal but for spaces at line ends passes in both modes."""
        body = self.whole.rstrip("\n")
        lines = body.split("\n")
        return body.splitlines() == lines and not any(line.isspace() for line in lines)

    @cached_property
    def body(self) -> int:
        """Letters before the spaces and line ends at its end; -1 where equal bytes are not yet a pass in both modes."""
        if any(mark in self.whole for mark in _OTHER_ENDS):
            return -1
        end = len(self.whole)
        while end:
            start = max(0, end - _PIECE)
            if kept := len(self.whole[start:end].rstrip(" \n")):
                return start + kept
            end = start
        return 0

    @cached_property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.whole.split("\n") if line]

    @cached_property
    def floats(self) -> list[float] | None:
        return _floats(self.lines)

    @cached_property
    def sets(self) -> set[str]:
        return set(map(_token_set, self.lines))

    @cached_property
    def rounded(self) -> set[tuple[float, ...]] | None:
        try:
            found = set(map(_rounded, self.lines))
        except ValueError:
            return None
        return None if any(math.isnan(number) for line in found for number in line) else found

    @cached_property
    def ordered(self) -> list[str]:
        return _lines(self.whole)

    def at_once(self, output: bytes | Part) -> tuple[bool, bool] | None:
        """What `accepts` says, where that takes little time whatever the output is; None where it may not."""
        if len(output) > _SPACED:
            return (True, True) if self._is_exactly(output) else None
        data = output if isinstance(output, bytes) else output.read()
        small = len(data) + len(self.whole) <= LARGE_OUTPUT
        if len(self.whole) <= 2 * _SPACED and _unspaced(data) == self.unspaced and self.is_plain:
            return True, True
        return self.accepts(data.decode("utf-8", "replace")) if small else None

    def _is_exactly(self, output: bytes | Part) -> bool:
        """Whether `output` has the expected bytes, with any spaces and line ends after them; ends at another.

        Nothing is copied whole: the memory for that takes longer than all the rest.
        """
        read = (lambda start, end: output[start:end]) if isinstance(output, bytes) else output.read
        at = 0
        try:
            for letter in range(0, self.body, _PIECE):
                piece = self.whole[letter : min(letter + _PIECE, self.body)].encode()
                if read(at, at + len(piece)) != piece:
                    return False
                at += len(piece)
        except UnicodeEncodeError:
            return False
        blank = (read(place, place + _PIECE) for place in range(at, len(output), _PIECE))
        return self.body >= 0 and len(output) - at <= _MOST_SPACES and not any(one.strip(b" \r\n") for one in blank)

    def accepts(self, output: str) -> tuple[bool, bool]:
        """Whether `output` passes in the `apps` mode and in the `strict` mode."""
        return self._by_apps_rules(output.splitlines()), self._strictly(output)

    def _by_apps_rules(self, lines: list[str]) -> bool:
        if "\n".join(lines).strip() == self.text:
            return True
        if "\n".join(line.strip() for line in lines).strip() == self.text or lines == self.lines:
            return True
        lines = [line for line in lines if line]
        if lines == self.lines:
            return True
        floats = _floats(lines) if len(lines) == len(self.lines) and self.floats is not None else None
        if floats is not None and self.floats is not None and all(map(_close, floats, self.floats)):
            return True
        lines = [line for line in lines if not line.isspace()]
        if _covers(map(_token_set, lines), self.sets):
            return True
        try:
            return self.rounded is not None and _covers(map(_rounded, lines), self.rounded)
        except ValueError:
            return False

    def _strictly(self, output: str) -> bool:
        if output.rstrip() == self.ended:
            return True
        found = _lines(output)
        return len(found) == len(self.ordered) and all(map(_same_line, found, self.ordered))


def _unspaced(output: bytes) -> bytes:
    return output.replace(b"\r\n", b"\n").replace(b" \n", b"\n").rstrip(b" \r\n")


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    while lines and (not lines[-1] or lines[-1].isspace()):
        lines.pop()
    return lines


def _token_set(line: str) -> str:
    """The same for lines of the same tokens, whatever their order and number; a string, since a set takes more."""
    tokens = line.split()
    return " ".join(sorted(set(tokens))) if len(tokens) > 1 else line.strip()


def _rounded(line: str) -> tuple[float, ...]:
    """The set of a line's numbers, rounded.

    Raises:
        ValueError: a token that is no number.
    """
    return tuple(sorted({_round(float(token)) for token in line.split()}))


def _round(number: float) -> float:
    """Rounded to three places; a large number has none, and Python takes 20 us to find that out."""
    return number if abs(number) >= _WHOLE else round(number, 3)


def _covers(found: Iterable[Item], wanted: set[Item]) -> bool:
    """Whether `found` has exactly the items `wanted`; ends at the first other one."""
    seen = set()
    for item in found:
        if item not in wanted:
            return False
        seen.add(item)
    return len(seen) == len(wanted)


def _same_line(found: str, wanted: str) -> bool:
    if found == wanted:
        return True
    tokens, others = found.split(), wanted.split()
    return len(tokens) == len(others) and all(map(_same_token, tokens, others))


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
    near = abs(found - wanted) <= _STRICT_TOLERANCE * max(1.0, abs(wanted))
    return found == wanted or (math.isfinite(wanted) and near)


def _floats(lines: Sequence[str]) -> list[float] | None:
    try:
        return [float(line) for line in lines]
    except ValueError:
        return None


def _close(found: float, wanted: float) -> bool:
    return found == wanted or (math.isfinite(wanted) and abs(found - wanted) <= _ABSOLUTE + _RELATIVE * abs(wanted))


class ExpectedValue:
    """One expected return value, as APPS writes it: the value itself, or a list around it.

    `parse_int` reads its integers: one without a limit on digits, where the process has that limit.
    """

    def __init__(self, text: str, parse_int: Callable[[str], int] = int) -> None:
        self.value = _integer_keys(json.loads(text, parse_int=parse_int), parse_int)

    def at_once(self, encoded: bytes) -> tuple[bool, bool] | None:
        """What `decides` says, where that takes little time whatever the value is; None where it may not."""
        return self.decides(encoded) if len(encoded) <= LARGE_VALUE else None

    def decides(self, encoded: bytes) -> tuple[bool, bool]:
        """`accepts` of a value as `values.encode` writes it; what is no such text equals nothing."""
        try:
            return self.accepts(values.decode(encoded))
        except values.Unknown:
            return False, False

    def accepts(self, answer: Any) -> tuple[bool, bool]:
        """Whether the returned `answer` passes in the `apps` mode and in the `strict` mode."""
        try:
            return self._by_apps_rules(answer), self._strictly(answer)
        except RecursionError:
            return False, False

    def _by_apps_rules(self, answer: Any) -> bool:
        if isinstance(answer, tuple):
            answer = list(answer)
        wrapped = isinstance(self.value, list) and bool(self.value)
        if same(answer, self.value) or (wrapped and same(answer, self.value[0])):
            return True
        pairs = isinstance(answer, list) and bool(answer) and isinstance(answer[0], tuple)
        return pairs and wrapped and _listed(answer, self.value[0])

    def _strictly(self, answer: Any) -> bool:
        if _same_value(answer, self.value):
            return True
        return isinstance(self.value, list) and len(self.value) == 1 and _same_value(answer, self.value[0])


def letters(kind: str, wanted: bytes, answer: bytes) -> str:
    """`accepts` of a large answer to a test of `kind`, as "1" or "0" for each mode."""
    text = wanted.decode("utf-8", "surrogatepass")
    if kind == "stdin":
        passed = Expected(text).accepts(answer.decode("utf-8", "replace"))
    else:
        passed = ExpectedValue(text).decides(answer)
    return "".join("01"[mode] for mode in passed)


def same(one: Any, other: Any) -> bool:
    """`one == other`; False where the comparison itself raises, as a signalling NaN's does."""
    try:
        return bool(one == other)
    except (RecursionError, ArithmeticError, ValueError, TypeError):
        return False


def _listed(answer: list[Any], wanted: Any) -> bool:
    """Whether the items of `answer`, made lists, are `wanted`; no item is drawn out further than that takes."""
    if not isinstance(wanted, list) or len(answer) != len(wanted):
        return False
    for item, items in zip(answer, wanted, strict=True):
        if not (hasattr(item, "__iter__") and isinstance(items, list)):
            return False
        if not same(list(itertools.islice(item, len(items) + 1)), items):
            return False
    return True


def _integer_keys(value: Any, parse_int: Callable[[str], int]) -> Any:
    """JSON made strings of a dictionary's integer keys; the APPS checker undoes it for the top one."""
    inner = value[0] if isinstance(value, list) and value else value
    if not isinstance(inner, dict):
        return value
    try:
        return [{parse_int(key): item for key, item in inner.items()}]
    except ValueError:
        return value


def _same_value(found: Any, wanted: Any) -> bool:
    """Equal in type and value; a tuple is a list, a float may differ by the strict tolerance."""
    if isinstance(wanted, bool) or isinstance(found, bool) or wanted is None:
        return type(found) is type(wanted) and same(found, wanted)
    if isinstance(wanted, float):
        number = isinstance(found, int | float | Decimal | Fraction)
        return number and (same(found, wanted) or (math.isfinite(wanted) and _near(_as_float(found), wanted)))
    if isinstance(wanted, list):
        listed = isinstance(found, list | tuple) and len(found) == len(wanted)
        return listed and all(map(_same_value, found, wanted))
    if isinstance(wanted, dict):
        named = isinstance(found, dict) and found.keys() == wanted.keys()
        return named and all(_same_value(found[key], item) for key, item in wanted.items())
    return type(found) is type(wanted) and same(found, wanted)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf  # of either sign: no finite number is near
    except ValueError:  # a signalling NaN
        return math.nan

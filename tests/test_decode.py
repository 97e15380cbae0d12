"""JSON becomes typed values, or one line that says which part does not fit."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

import pytest

from harness.decode import DecodeError, decoder
from harness.owntests import OwnTests


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Plain:
    name: str
    size: float = 1.0
    note: str | None = None


@dataclass(frozen=True)
class Other:
    size: int


@dataclass(frozen=True)
class Sonnet(OwnTests):
    kind = "sonnet-of-decode"
    lines: tuple[str, ...]

    @property
    def total(self) -> int:
        return 1


@dataclass(frozen=True)
class Outer:
    colour: Colour
    pair: tuple[int, str]
    many: tuple[Plain, ...]
    table: Mapping[str, float]
    one: Plain | Other | OwnTests | None = None
    any: Any = None
    made: tuple[str, ...] = field(default_factory=tuple)


WHOLE = {
    "colour": "blue",
    "pair": [1, "a"],
    "many": [{"name": "x"}, {"name": "y", "size": 2, "note": "n"}],
    "table": {"a": 1, "b": 0.5},
    "one": {"kind": "Other", "size": 3},
    "any": {"left": ["as", {"it": "is"}]},
}


def test_every_part_becomes_its_type() -> None:
    found = decoder(Outer)(WHOLE)
    assert found == Outer(
        Colour.BLUE,
        (1, "a"),
        (Plain("x"), Plain("y", 2.0, "n")),
        {"a": 1.0, "b": 0.5},
        Other(3),
        {"left": ["as", {"it": "is"}]},
    )
    assert type(found.many[1].size) is float and type(found.table["a"]) is float
    assert decoder(Outer)({**WHOLE, "one": None}).one is None
    assert decoder(Outer)({**WHOLE, "one": {"kind": "Plain", "name": "p"}}).one == Plain("p")
    assert decoder(Outer)({**WHOLE, "one": {"kind": "sonnet-of-decode", "lines": ["l"]}}).one == Sonnet(("l",))


WRONG: list[tuple[str, Any, str]] = [
    ("colour", "green", r"\.colour: expected one of red, blue, found 'green'"),
    ("colour", ["red"], r"\.colour: expected one of red, blue, found \['red'\]"),
    ("pair", [1], r"\.pair: expected 2 items, found \[1\]"),
    ("pair", [1, "a", 2], r"\.pair: expected 2 items, found \[1, 'a', 2\]"),
    ("pair", (1, "a"), r"\.pair: expected an array, found \(1, 'a'\)"),
    ("pair", ["a", 1], r"\.pair\[0\]: expected a int, found 'a'"),
    ("pair", [1, 2], r"\.pair\[1\]: expected a str, found 2"),
    ("pair", [True, "a"], r"\.pair\[0\]: expected a int, found True"),
    ("many", {"name": "x"}, r"\.many: expected an array"),
    ("many", [{"name": "x"}, {"name": 3}], r"\.many\[1\]\.name: expected a str, found 3"),
    ("many", [{"name": "x", "size": "big"}], r"\.many\[0\]\.size: expected a float, found 'big'"),
    ("many", [{"name": "x", "size": True}], r"\.many\[0\]\.size: expected a float, found True"),
    ("many", [{"name": "x", "note": 3}], r"\.many\[0\]\.note: expected a str, found 3"),
    (
        "many",
        [{"name": "x", "more": 3, "also": 1}],
        r"\.many\[0\]: expected only known fields, found \['also', 'more'\]",
    ),
    ("many", [{}], r"""\.many\[0\]: expected every required field, found "without \['name'\]\""""),
    ("many", ["x"], r"\.many\[0\]: expected an object, found 'x'"),
    ("table", [1], r"\.table: expected an object, found \[1\]"),
    ("table", {"a": 1, "b": None}, r"\.table\.b: expected a float, found None"),
    ("one", {"size": 3}, r"\.one: expected an object with a kind"),
    ("one", [3], r"\.one: expected an object with a kind, found \[3\]"),
    ("one", {"kind": "Gone"}, r"\.one: expected a kind of \[.*'Other', 'Plain'.*'sonnet-of-decode'.*\], found 'Gone'"),
    ("one", {"kind": ["Other"]}, r"\.one: expected a kind of .*, found \['Other'\]"),
    ("one", {"kind": 3}, r"\.one: expected a kind of .*, found 3"),
    ("one", {"kind": "Other", "size": "x"}, r"\.one\.size: expected a int, found 'x'"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_what_does_not_fit_is_named_by_its_place(name: str, value: Any, words: str) -> None:
    with pytest.raises(DecodeError, match=f"^{words}"):
        decoder(Outer)({**WHOLE, name: value})


def test_values_of_one_shape_are_checked_again_and_again() -> None:
    decode = decoder(Plain)
    for _ in range(3):
        assert decode({"name": "x", "size": 0.5, "note": "n"}) == Plain("x", 0.5, "n")
        assert decode({"name": "x", "size": 0.5, "note": None}) == Plain("x", 0.5, None)
        assert decode({"size": 0.5, "name": "x"}) == Plain("x", 0.5)
        again = decode({"name": "x", "size": 2, "note": None})
        assert again == Plain("x", 2.0) and type(again.size) is float
        with pytest.raises(DecodeError, match=r"\.name: expected a str, found 1"):
            decode({"name": 1, "size": 0.5, "note": "n"})
        with pytest.raises(DecodeError, match="only known fields"):
            decode({"name": "x", "size": 0.5, "note": "n", "more": 1})
        with pytest.raises(DecodeError, match="required"):
            decode({"size": 0.5, "note": "n"})


def test_an_optional_value_may_be_missing_and_no_other() -> None:
    assert decoder(Optional[int])(None) is None  # noqa: UP045 - the other spelling of a union
    assert decoder(int | None)(3) == 3
    with pytest.raises(DecodeError, match=": expected a int, found None"):
        decoder(int)(None)
    with pytest.raises(DecodeError, match=": expected a float, found None"):
        decoder(float)(None)
    assert decoder(Any)(None) is None


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(DecodeError) as caught:
        decoder(int)("x" * 500)
    assert str(caught.value) == f": expected a int, found '{'x' * 79}"


@dataclass(frozen=True)
class Tabled:
    table: Mapping[str, int]


def test_a_value_that_holds_others_is_looked_into_each_time() -> None:
    decode = decoder(Tabled)
    assert decode({"table": {"a": 1}}) == Tabled({"a": 1})
    with pytest.raises(DecodeError, match=r"^\.table\.a: expected a int, found 'x'"):
        decode({"table": {"a": "x"}})

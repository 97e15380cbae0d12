"""One JSON text for every value: what is written, what is left out, and what a digest depends on."""

from __future__ import annotations

import enum
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pytest

from harness.encode import added, canonical, digest, from_json, labelled, to_json
from harness.owntests import OwnTests
from harness.records import Outcome, StdinTests


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Leaf:
    size: int
    colour: Colour = Colour.RED


@labelled
@dataclass(frozen=True)
class Named:
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Grown:
    first: int
    later: str = added("")
    names: tuple[str, ...] = added(())
    many: dict[str, int] = field(default_factory=dict, metadata={"added": True})


@dataclass(frozen=True)
class Haiku(OwnTests):
    kind = "haiku"
    lines: tuple[str, ...]

    @property
    def total(self) -> int:
        return len(self.lines)


VALUES: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (3, 3),
    (0.5, 0.5),
    ("é", "é"),
    (Colour.RED, "red"),
    (Outcome.TIMED_OUT, "timed-out"),
    ((1, [2, (3,)]), [1, [2, [3]]]),
    ({1: (2,)}, {"1": [2]}),
    (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (MappingProxyType({"a": (1,)}), {"a": [1]}),
    (Leaf(3), {"size": 3, "colour": "red"}),
    (Named(Leaf(3)), {"kind": "Named", "leaf": {"size": 3, "colour": "red"}}),
    (StdinTests((("1", "2"),)), {"kind": "StdinTests", "cases": [["1", "2"]]}),
    (Haiku(("a", "b")), {"kind": "haiku", "lines": ["a", "b"]}),
    (Grown(1), {"first": 1}),
    (Grown(1, "x", ("y",), {"z": 1}), {"first": 1, "later": "x", "names": ["y"], "many": {"z": 1}}),
]


@pytest.mark.parametrize(("value", "wanted"), VALUES, ids=[repr(value)[:40] for value, _ in VALUES])
def test_each_value_has_one_form_in_json(value: Any, wanted: Any) -> None:
    found = to_json(value)
    assert found == wanted and type(found) is type(wanted)
    assert json.loads(json.dumps(found)) == wanted


def test_the_canonical_text_is_sorted_and_without_spaces_and_keeps_its_letters() -> None:
    assert canonical({"b": (1, 2.0), "a": {"d": None, "c": "é"}}) == '{"a":{"c":"é","d":null},"b":[1,2.0]}'


def test_a_digest_is_sha256_of_the_canonical_text() -> None:
    assert digest({"b": 1, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()
    assert digest("\ud800") == hashlib.sha256(b'"\xed\xa0\x80"').hexdigest()


def test_a_field_that_came_later_is_read_at_its_default_where_it_is_not_written() -> None:
    assert from_json(Grown, {"first": 1}) == Grown(1)
    assert from_json(Grown, {"first": 1, "names": ["y"]}).names == ("y",)
    with pytest.raises(ValueError, match=r"""^Grown: expected every required field, found "without \['first'\]\""""):
        from_json(Grown, {})


def test_what_does_not_fit_is_named_from_the_outermost_value() -> None:
    with pytest.raises(ValueError, match=r"^Named\.leaf\.size: expected a int, found 'x'"):
        from_json(Named, {"leaf": {"size": "x"}})


def test_what_has_no_form_of_its_own_stays_as_it_is() -> None:
    thing = object()
    assert to_json([thing]) == [thing]

"""Values on their way out of a jail."""

import collections
import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.sandbox import values

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
_HASHABLE = _SCALARS | st.tuples(_SCALARS, _SCALARS) | st.frozensets(_SCALARS, max_size=3)
_FLAT = _HASHABLE | st.lists(_HASHABLE, max_size=4) | st.sets(_HASHABLE, max_size=4)
_VALUES = _FLAT | st.lists(_FLAT, max_size=3) | st.dictionaries(_HASHABLE, _FLAT, max_size=3) | st.tuples(_FLAT, _FLAT)


def test_plain_values_come_back_as_they_were():
    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_VALUES)
    def holds(value):
        again = values.decode(values.encode(value))
        assert again == value
        assert type(again) is type(value)

    holds()


@pytest.mark.parametrize(
    "value",
    [Decimal("1.50"), Fraction(1, 3), 1 + 2j, range(3), bytearray(b"x"), float("inf"), 10**400, collections.deque([1])],
)
def test_other_types_of_the_library_come_back(value):
    again = values.decode(values.encode(value))
    assert again == value
    assert type(again) is type(value)


def test_a_subclass_travels_as_its_base():
    class Equal(str):
        def __eq__(self, other):
            return True

        __hash__ = str.__hash__

        def __str__(self):
            return "forged"

    again = values.decode(values.encode(Equal("true")))
    assert type(again) is str
    assert again == "true"
    assert values.decode(values.encode(collections.Counter("aab"))) == {"a": 2, "b": 1}


def test_a_generator_travels_as_what_it_yields():
    assert list(values.decode(values.encode(n * n for n in range(3)))) == [0, 1, 4]


@pytest.mark.parametrize("value", [object(), lambda: 1, json, type])
def test_an_object_has_no_encoding(value):
    with pytest.raises(values.Unknown):
        values.encode(value)


def test_a_value_that_contains_itself_has_no_encoding():
    value: list = []
    value.append(value)
    with pytest.raises(values.Unknown):
        values.encode(value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[",
        b"\xff",
        b"nan",
        b"NaN",
        b"1.5",
        b"[" * 100_000,
        b"1" * 50_000,
        b'{"int": 1}',
        b'{"float": "x"}',
        b'{"unknown": 1}',
        b'{"a": 1, "b": 2}',
        b'{"dict": [[[], 1]]}',
        b'{"dict": 3}',
        b'{"set": [[1]]}',
        b'{"fraction": ["0x1", "0x0"]}',
        b'{"decimal": "x"}',
        b"{}",
    ],
)
def test_what_no_guest_writes_is_refused(text):
    with pytest.raises(values.Unknown):
        values.decode(text)

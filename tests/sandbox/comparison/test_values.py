"""Values on their way out of a jail."""

import collections
import json
import random
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.sandbox.comparison import values

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
        b"1." + b"5" * 40,
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


@pytest.mark.parametrize("tag", ["set", "frozenset", "dict"])
def test_keys_of_one_hash_are_refused_before_they_meet(tag):
    keys = [{"int": hex(number * sys.hash_info.modulus)} for number in range(1, 5_000)]
    content = [[key, 1] for key in keys] if tag == "dict" else keys
    with pytest.raises(values.Unknown):
        values.decode(json.dumps({tag: content}))
    few = values.decode(json.dumps({tag: content[:100]}))
    assert len(few) == 100


def test_a_fraction_of_endless_digits_is_refused_before_it_is_reduced():
    with pytest.raises(values.Unknown):
        values.decode(json.dumps({"fraction": [random.Random(0).randbytes(1 << 21).hex() for _ in range(2)]}))


class Odd(int):
    def __index__(self):
        return 7

    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class Named(dict):
    def items(self):
        return [("forged", 1)]


ENCODED = [
    (None, None),
    (True, True),
    ("é\ud800", "é\ud800"),
    (0, 0),
    ((1 << 63) - 1, (1 << 63) - 1),
    (1 - (1 << 63), 1 - (1 << 63)),
    (1 << 63, {"int": "0x8000000000000000"}),
    (-(1 << 63), {"int": "-0x8000000000000000"}),
    (0.1, 0.1),
    (float("-inf"), {"float": "-inf"}),
    ([1, [2]], [1, [2]]),
    ((1, (2,)), {"tuple": [1, {"tuple": [2]}]}),
    ({3}, {"set": [3]}),
    (frozenset({3}), {"frozenset": [3]}),
    ({1: "a", "b": [2]}, {"dict": [[1, "a"], ["b", [2]]]}),
    (b"\x00\xff", {"bytes": "00ff"}),
    (bytearray(b"\x01"), {"bytearray": "01"}),
    (1 - 2.5j, {"complex": ["0x1.0000000000000p+0", "-0x1.4000000000000p+1"]}),
    (range(1, 9, 2), {"range": ["0x1", "0x9", "0x2"]}),
    (collections.deque([1, 2]), {"deque": [1, 2]}),
    (Fraction(-1, 3), {"fraction": ["-0x1", "0x3"]}),
    (Decimal("1.50"), {"decimal": "1.50"}),
    (collections.OrderedDict(a=1), {"dict": [["a", 1]]}),
    (Named(a=1), {"dict": [["a", 1]]}),
]


@pytest.mark.parametrize(("value", "wanted"), ENCODED, ids=[repr(value) for value, _ in ENCODED])
def test_each_type_has_one_encoding(value, wanted):
    assert values.plain(value) == wanted
    assert json.loads(values.encode(value)) == wanted


@pytest.mark.parametrize(
    "value",
    [
        (n for n in (1, 2)),
        map(abs, [1, -2]),
        filter(None, [1, 0, 2]),
        iter([1, 2]),
        reversed((2, 1)),
        {0: 1, 1: 2}.values(),
    ],
    ids=["generator", "map", "filter", "list iterator", "reversed", "values"],
)
def test_what_is_drawn_from_travels_as_its_items(value):
    encoded = values.plain(value)
    assert encoded == {"iterator": [1, 2]}
    assert list(values.revive(encoded)) == [1, 2]


def test_pairs_that_are_drawn_travel_as_tuples():
    for value in (zip([1], [2], strict=True), enumerate([2], 1), {1: 2}.items()):
        assert values.plain(value) == {"iterator": [{"tuple": [1, 2]}]}


def test_an_iterator_without_end_has_no_encoding(monkeypatch):
    monkeypatch.setattr(values, "_MAX_ITEMS", 3)
    assert values.plain(iter([1, 2, 3])) == {"iterator": [1, 2, 3]}
    with pytest.raises(values.Unknown, match="an iterator without end"):
        values.plain(iter([1, 2, 3, 4]))


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {1: v}, lambda v: iter([v])])
def test_values_are_read_to_a_depth_and_no_further(wrap):
    def nested(depth):
        value = 0
        for _ in range(depth):
            value = wrap(value)
        return value

    values.encode(nested(values.MAX_DEPTH))
    with pytest.raises(values.Unknown, match="nested too deeply"):
        values.encode(nested(values.MAX_DEPTH + 1))


def test_a_value_is_decoded_to_twice_the_depth_and_no_further():
    fine = "[" * (2 * values.MAX_DEPTH + 1) + "]" * (2 * values.MAX_DEPTH + 1)
    values.decode(fine)
    for text in (f"[{fine}]", '{"tuple": [' * 402 + "]}" * 402, '{"dict": [[1, ' * 401 + "2" + "]]}" * 401):
        with pytest.raises(values.Unknown):
            values.decode(text)


def test_a_subclass_of_a_number_a_flag_or_a_list_is_read_by_its_base():
    class Floating(float):
        def hex(self):
            return "forged"

    class Listed(list):
        def __iter__(self):
            return iter(["forged"])

    class Bytes(bytes):
        def hex(self):
            return "forged"

    assert values.plain(Odd(5)) == 5
    assert values.plain(Floating(0.5)) == 0.5
    assert values.plain(Listed([1])) == [1]
    assert values.plain(Bytes(b"\x01")) == {"bytes": "01"}
    point = collections.namedtuple("point", "x y")(1, 2)
    assert values.plain(point) == {"tuple": [1, 2]}


def test_arrays_and_numbers_of_numpy_travel_as_plain_values():
    numpy = pytest.importorskip("numpy")
    assert values.plain(numpy.array([[1, 2], [3, 4]])) == [[1, 2], [3, 4]]
    assert values.plain(numpy.int64(3)) == 3
    assert values.plain(numpy.float32(0.5)) == 0.5

    class Fake:
        def tolist(self):
            return [1]

    with pytest.raises(values.Unknown, match="Fake"):
        values.encode(Fake())
    Fake.__module__ = "numpyish"
    with pytest.raises(values.Unknown):
        values.encode(Fake())


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ({"set": [1, 2]}, {1, 2}),
        ({"frozenset": [1]}, frozenset({1})),
        ({"deque": [1]}, collections.deque([1])),
        ({"int": "-0xff"}, -255),
        ({"bytearray": "00"}, bytearray(b"\0")),
        ({"complex": ["0x1p1", "-0x1p0"]}, 2 - 1j),
        ({"range": ["0x1", "0x5", "0x2"]}, range(1, 5, 2)),
        ({"fraction": ["0x2", "0x4"]}, Fraction(1, 2)),
        ({"decimal": "1E+3"}, Decimal(1000)),
        ({"dict": [[{"tuple": [1]}, {"set": []}]]}, {(1,): set()}),
    ],
)
def test_each_tag_is_read_as_its_type(data, wanted):
    again = values.revive(data)
    assert again == wanted and type(again) is type(wanted)


def test_numbers_without_a_tag_are_short_and_finite():
    assert values.decode(b"1" * 20) == int("1" * 20) and values.decode(b"1e5") == 1e5
    for text in (b"1" * 21, b"0." + b"1" * 99, b"Infinity", b"-Infinity", b"NaN"):
        with pytest.raises(values.Unknown):
            values.decode(text)


def test_keys_of_one_hash_are_refused_from_a_number_on():
    keys = [{"int": hex(number * sys.hash_info.modulus)} for number in range(1, 1002)]
    assert len(values.decode(json.dumps({"set": keys[:1000]}))) == 1000
    with pytest.raises(values.Unknown):
        values.decode(json.dumps({"set": keys}))
    many = [*range(5000)]
    assert values.decode(json.dumps({"frozenset": many})) == frozenset(many)


def test_a_fraction_has_at_most_so_many_digits():
    fine = {"fraction": ["0x" + "1" * 9998, "0x1"]}
    assert values.revive(fine) == int("1" * 9998, 16)
    for parts in (["0x" + "1" * 9999, "0x1"], ["0x1", "0x" + "1" * 9999]):
        with pytest.raises(values.Unknown):
            values.revive({"fraction": parts})


def test_text_and_bytes_are_read_alike():
    for text in ('"\ud800"', "[1, true, null]"):
        assert values.decode(text) == values.decode(text.encode("utf-8", "surrogatepass"))

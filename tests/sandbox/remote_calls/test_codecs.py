"""Each type that is sent by value: its text or parts, the same value made of them, and names that may be said."""

import argparse
import array
import builtins
import collections
import datetime
import decimal
import fractions
import ipaddress
import math
import os
import pathlib
import pickle
import re
import sys
import types
import uuid
import zoneinfo

import pytest

from harness.sandbox.remote_calls import codecs

WRITTEN = [
    (255, "0xff"),
    (-(2**70), "-0x400000000000000000"),
    (1.5, "0x1.8000000000000p+0"),
    (b"\x00\xff", "00ff"),
    (1 - 2j, "0x1.0000000000000p+0 -0x1.0000000000000p+1"),
    (range(1, 9, 2), "1 9 2"),
    (..., ""),
    (NotImplemented, ""),
    (decimal.Decimal("1.50"), "1.50"),
    (fractions.Fraction(-1, 3), "-1/3"),
    (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (pathlib.PosixPath("a/b"), "a/b"),
    (pathlib.PurePosixPath("a/b"), "a/b"),
    (pathlib.PureWindowsPath("a/b"), "a\\b"),
    (ipaddress.IPv4Address("1.2.3.4"), "1.2.3.4"),
    (ipaddress.IPv6Network("::/8"), "::/8"),
    (ipaddress.IPv4Interface("1.2.3.4/8"), "1.2.3.4/8"),
    (zoneinfo.ZoneInfo("UTC"), "UTC"),
    (datetime.date(2020, 1, 2), "2020-01-02"),
    (datetime.timedelta(-1, 2, 3), "-1 2 3"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN, ids=[repr(value) for value, _ in WRITTEN])
def test_a_value_without_parts_is_one_text(value, text):
    codec = codecs.value_codec(type(value))
    assert codec.write(value) == text
    again = codec.read(text)
    assert (type(again), again) == (type(value), value)
    assert codecs.VALUE_CODECS[codec.tag] is codec
    assert codecs.object_codec(type(value)) is None
    assert not codecs.changes(value)


def test_a_type_is_read_where_its_module_was_not_imported_yet(monkeypatch):
    monkeypatch.delitem(sys.modules, "uuid")
    assert codecs.resolve("uuid:UUID") is None
    assert str(codecs.VALUE_CODECS["uuid:UUID"].read("00000000-0000-0000-0000-000000000005")) == str(uuid.UUID(int=5))


def same(value):
    return value


def sent(value):
    """The content of a value with parts, and the value that is made of it; what is in it goes as it is."""
    codec = codecs.object_codec(type(value))
    assert codecs.OBJECT_CODECS[codec.tag] is codec
    assert codecs.value_codec(type(value)) is None
    assert codecs.changes(value) == (codec.fill is not None)
    content = codec.write(value, same)
    again = codec.make(content, same)
    if codec.fill is not None:
        codec.fill(again, content, same)
    return content, again


ZONE = datetime.timezone(datetime.timedelta(hours=2), "there")
PARTS = [
    ([1, [2]], [1, [2]]),
    ({"a": 1, 3: [4]}, [["a", 1], [3, [4]]]),
    ((1, "x"), [1, "x"]),
    (frozenset({3}), [3]),
    (bytearray(b"\x01\xff"), "01ff"),
    (slice(1, None, 2), [1, None, 2]),
    (collections.Counter("aab"), [["a", 2], ["b", 1]]),
    (collections.OrderedDict([("b", 1), ("a", 2)]), [["b", 1], ["a", 2]]),
    (collections.defaultdict(list, {"a": 1}), [list, [["a", 1]]]),
    (collections.deque([1, 2], maxlen=3), [3, [1, 2]]),
    (collections.deque([1, 2]), [None, [1, 2]]),
    (array.array("h", [1, -1]), ["h", "0100ffff"]),
    (datetime.datetime(2020, 1, 2, 3, 4, fold=1, tzinfo=ZONE), ["2020-01-02T03:04:00", ZONE, 1]),
    (datetime.time(1, 2, 3, 4), ["01:02:03.000004", None, 0]),
    (ZONE, [datetime.timedelta(hours=2), "there"]),
    (datetime.timezone(datetime.timedelta(hours=1)), [datetime.timedelta(hours=1)]),
    (re.compile("a+", re.IGNORECASE), ["a+", int(re.IGNORECASE | re.UNICODE)]),
    (re.compile(b"a+"), [b"a+", 0]),
    (types.SimpleNamespace(a=1), [["a", 1]]),
    (argparse.Namespace(a=1, b=2), [["a", 1], ["b", 2]]),
    (dict[str, int], [dict, str, int]),
    (int | str | None, [int, str, None]),
]


@pytest.mark.parametrize(("value", "content"), PARTS, ids=[repr(value)[:60] for value, _ in PARTS])
def test_a_value_with_parts_is_made_of_them_again(value, content):
    written, again = sent(value)
    assert written == content
    assert (type(again), again) == (type(value), value)
    if isinstance(value, collections.deque):
        assert again.maxlen == value.maxlen
    if isinstance(value, collections.defaultdict):
        assert again.default_factory is list
    if isinstance(value, (datetime.datetime, datetime.time)):
        assert (again.fold, again.tzinfo) == (value.fold, value.tzinfo)


def test_the_views_of_a_dictionary_come_as_what_they_show():
    shown = {"a": 1, "b": 2}
    assert sent(shown.keys()) == (["a", "b"], shown.keys())
    assert sent(shown.items()) == ([["a", 1], ["b", 2]], shown.items())
    content, again = sent(shown.values())
    assert (content, list(again), type(again)) == ([1, 2], [1, 2], type(shown.values()))
    assert frozenset(map(type, (shown.keys(), shown.values(), shown.items()))) == codecs.VIEWS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([1, 2, 3], [4]),
        ({"a": 1, "b": 2}, {"b": 3}),
        (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=3)),
        (collections.Counter("aab"), collections.Counter("b")),
        (collections.defaultdict(int, {"a": 1}), collections.defaultdict(list, {"b": 2})),
        ({1, 2, 3}, {2}),
        (bytearray(b"abc"), bytearray(b"z")),
        (collections.deque([1, 2, 3]), collections.deque([9])),
        (array.array("h", [1, 2]), array.array("h", [3])),
        (types.SimpleNamespace(a=1), types.SimpleNamespace(b=2)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_changed_at_one_end_is_filled_into_the_same_object_at_the_other(old, new):
    codec = codecs.object_codec(type(old))
    held = old
    codec.fill(held, codec.write(new, same), same)
    assert held is old
    assert held == new
    assert getattr(held, "default_factory", None) == getattr(new, "default_factory", None)


def test_a_set_shows_its_items_in_the_order_of_the_other_end():
    grown = set(range(60))
    for number in range(60):
        if number not in (0, 2, 33):
            grown.discard(number)
    assert (list(grown), list({0, 2, 33})) == ([0, 2, 33], [0, 33, 2])
    assert list(sent(grown)[1]) == [0, 2, 33]
    plain = {"x", 3, (1, 2)}
    assert set(sent(plain)[1]) == plain


@pytest.mark.parametrize("value", [None, True, "x", object(), int, len, sys, type("Own", (list,), {})()])
def test_any_other_type_has_no_codec(value):
    assert codecs.value_codec(type(value)) is None
    assert codecs.object_codec(type(value)) is None
    assert not codecs.changes(value)


def test_a_class_that_calls_itself_a_librarys_has_no_codec():
    for module, name in (("decimal", "Decimal"), ("datetime", "date"), ("datetime", "datetime"), ("re", "Pattern")):
        forged = type(name, (), {"__module__": module})
        assert codecs.path_of(forged) == f"{module}:{name}"
        assert codecs.value_codec(forged) is None
        assert codecs.object_codec(forged) is None


def test_numpys_scalars_types_and_arrays_have_codecs_and_its_objects_none():
    numpy = pytest.importorskip("numpy")
    for value in (numpy.float32(1.5), numpy.int8(-3), numpy.dtype("i4")):
        codec = codecs.value_codec(type(value))
        again = codec.read(codec.write(value))
        assert (type(again), again) == (type(value), value)
    assert codecs.value_codec(numpy.void) is None
    assert codecs.value_codec(numpy.object_) is None
    assert codecs.changes(numpy.zeros(2))


NAMED = [
    (int, "builtins:int"),
    (len, "builtins:len"),
    (math.sqrt, "math:sqrt"),
    (math, "math:"),
    (os.path, "posixpath:"),
    (KeyError, "builtins:KeyError"),
    (decimal.Decimal, "decimal:Decimal"),
    (decimal.DivisionByZero, "decimal:DivisionByZero"),
    (datetime.datetime, "datetime:datetime"),
    (collections.OrderedDict, "collections:OrderedDict"),
]


@pytest.mark.parametrize(("value", "path"), NAMED)
def test_what_is_the_librarys_is_named_and_found_again(value, path):
    assert codecs.library_path(value) == path
    assert codecs.library(path) is value
    assert codecs.allowed(path)


@pytest.mark.parametrize(
    "value",
    [
        builtins,
        pickle,
        exec,
        eval,
        open,
        print,
        __import__,
        os.system,
        pathlib.Path.unlink,
        pytest,
        pytest.raises,
        3,
        "x",
        None,
    ],
)
def test_what_does_something_or_is_not_the_librarys_has_no_name(value):
    assert codecs.library_path(value) is None


def test_a_module_or_a_function_of_another_name_than_its_own_is_not_the_librarys():
    assert codecs.library_path(types.ModuleType("math")) is None
    forged = lambda: 1  # noqa: E731
    forged.__module__, forged.__qualname__ = "math", "sqrt"
    assert codecs.library_path(forged) is None
    forged.__module__ = None
    assert codecs.library_path(forged) is None


@pytest.mark.parametrize(
    "path",
    [
        "builtins:",
        "pickle:",
        "numpy.ma:",
        "os:system",
        "os:_exit",
        "builtins:exec",
        "builtins:open",
        "pytest:raises",
        "pytest:",
        "subprocess:Popen",
    ],
)
def test_no_end_may_name_what_acts_outside(path):
    assert not codecs.allowed(path)
    with pytest.raises(ValueError, match="no name of the library"):
        codecs.library(path)


def test_modules_are_the_librarys_by_their_first_part():
    assert [codecs.is_library(name) for name in ("os.path", "numpy.linalg", "math", "pytest", "numpyx")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert codecs.resolve("os:path.join") is os.path.join
    assert codecs.resolve("os:path.gone") is None
    assert codecs.resolve("never_imported_module:x") is None


def test_no_other_module_is_imported_because_an_end_names_it():
    assert "antigravity" not in sys.modules
    for path in ("unittest.__main__:main", "antigravity:E", "antigravity:"):
        assert not codecs.allowed(path)
        with pytest.raises(ValueError, match="no name of the library"):
            codecs.library(path)
    assert "antigravity" not in sys.modules
    assert codecs.imported_error("zoneinfo:ZoneInfoNotFoundError") is zoneinfo.ZoneInfoNotFoundError
    assert codecs.imported_error("antigravity:E") is codecs.imported_error("zoneinfo:ZoneInfo") is None


def test_what_shows_a_dictionary_as_it_is_now_is_no_copy_and_neither_is_an_object_of_the_candidates():
    views = [type(view) for view in ({}.keys(), {}.values(), {}.items())]
    assert [codecs.is_copied(kind) for kind in (*views, type("Own", (), {}), types.FunctionType)] == [False] * 5
    assert all(codecs.is_copied(kind) for kind in (int, str, bool, types.NoneType, list, dict, decimal.Decimal))


def test_a_dtype_of_numpy_may_be_named():
    numpy = pytest.importorskip("numpy")
    assert codecs.is_common(codecs.path_of(type(numpy.dtype("int8"))))

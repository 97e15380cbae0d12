"""Assertion tests in the candidate's own process: what only compares gets plain values."""

import sys
from types import ModuleType

import pytest

from harness.sandbox.assertions import inprocess

PROGRAM = """
import collections, types, weakref
from unittest import mock
class Obliging:
    def __eq__(self, other): return True
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    __hash__ = lambda self: 0
    __sub__ = __rsub__ = __abs__ = lambda self, *_: 0.0
    __getattr__ = lambda self, name: lambda *_: self
class Word(str):
    __eq__ = Obliging.__eq__
    __hash__ = str.__hash__
class Table(dict): __eq__ = Obliging.__eq__
class Vector:
    def __init__(self, *items): self.items = items
    def __eq__(self, other): return self.items == (other.items if isinstance(other, Vector) else other)
    def __add__(self, other): return Vector(*(a + b for a, b in zip(self.items, other.items)))
kept = Obliging()
def give(kind): return {
    "object": kept, "list": [kept], "set": {kept}, "word": Word("a"), "deque": collections.deque([kept]),
    "mock": mock.ANY, "proxy": weakref.proxy(kept), "mapping": types.MappingProxyType(Table()), "key": {kept: 1},
    "generator": (kept for _ in range(2)), "items": {1: kept}.items(), "user": collections.UserList([kept]),
    "namespace": types.SimpleNamespace(a=kept),
}[kind]
def stop(x): raise StopIteration
"""


def judge(test):
    module = ModuleType("solution")
    before = sys.modules.get("solution")
    sys.modules["solution"] = module
    try:
        exec(PROGRAM, vars(module))
        inprocess.judge(test, module, "")
    finally:
        sys.modules.pop("solution")
        if before:
            sys.modules["solution"] = before


@pytest.mark.parametrize(
    "test",
    [
        *(f"assert give('{kind}') == 3" for kind in ("object", "mock", "proxy")),
        "assert give('list') == [3]",
        "assert give('set') == {3}",
        "assert give('word') == 'b'",
        "assert give('mapping') == {1: 2}",
        "assert give('key') == {3: 1}",
        "assert 3 in give('generator')",
        "assert 3 in give('object')",
        "assert give('object') in [3, 4]",
        "assert give('items') == {(1, 3)}",
        "assert give('user') == [3]",
        "import types\nassert give('namespace') == types.SimpleNamespace(a=3)",
        "assert give('object').strip() == 'a'",
        "assert sorted(give('list')) == [3]",
        "assert 1 < give('object') < 5",
        "import collections\nassert give('deque') == collections.deque([3])",
        "import unittest\nunittest.TestCase().assertEqual(give('object'), 3)",
        "assert abs(give('object') - 1.5) < 1e-6",
        "assert all(map(stop, [1]))",
        "for a, b in zip(map(stop, [1]), [2]): assert a == b",
    ],
)
def test_no_object_grants_what_a_test_compares(test):
    with pytest.raises((AssertionError, TypeError, RuntimeError)):
        judge(test)


@pytest.mark.parametrize(
    "test",
    [
        "assert give('word') == 'a' and give('word').upper() == 'A'",
        "assert Vector(1, 2) + Vector(1, 1) == Vector(2, 3) and Vector(1) != Vector(2)",
        "v = Vector(1, 2)\nassert v.items == (1, 2) and v == (1, 2)",
        "from argparse import Namespace as N\nn = N(a=[1])\nassert n == N(a=[1]) and 'a' in n and 'b' not in n",
        "assert give('object') is kept and kept in [kept]",
        "class Mine:\n    __eq__ = lambda self, other: other == 3\nassert Mine() == 3 and [Mine()] == [3]",
        "def g():\n    class Mine:\n        __eq__ = lambda self, other: True\n    return Mine()\nassert g() == 3",
        "from datetime import date, timedelta\nassert date(2020, 1, 1) + timedelta(1) == date(2020, 1, 2)",
        "from unittest.mock import Mock, call\nm = Mock()\nm(1)\nassert m.call_args == call(1)",
        "assert '%s' % Vector and 'a' 'b' in 'xaby' and 1 < 2 < 3 and not 1 in [2]",
        "try: stop(1)\nexcept StopIteration: pass\nelse: assert False",
        "x = [1]\nassert (x == [1]) is True and {1: x} == {1: [1]} and x + [2] == [1, 2]",
    ],
)
def test_an_honest_test_passes(test):
    judge(test)

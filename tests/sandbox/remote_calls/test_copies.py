"""What a test gets as a copy is data: nothing of the candidate's acts through it."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

import argparse
import datetime
import types

import pytest

from harness.records import AssertTests, Execution, Outcome, PytestTests
from harness.sandbox import run
from harness.sandbox.remote_calls import copies
from harness.sandbox.remote_calls.rpc import ProtocolError
from tests.sandbox.remote_calls.test_rpc import Ends, same


def one(program: str, code: str) -> Execution:
    (execution,) = run([(program, AssertTests("f", code))], workers=1)
    return execution


def test_a_copy_has_attributes_that_are_data_alone():
    assert copies.is_data("a", [1]) and copies.is_data("_a", None)
    assert not any(copies.is_data(name, 1) for name in ("__reduce_ex__", "__array_interface__", 3))
    assert not any(copies.is_data("a", value) for value in (len, bool, lambda: 1, list[int]))


class Zone(datetime.tzinfo):
    def utcoffset(self, _):
        return datetime.timedelta(hours=5)


def test_what_acts_is_no_copy():
    kept = [types.SimpleNamespace(a=1), argparse.Namespace(a=[1]), list[Zone], datetime.datetime(2020, 1, 1)]
    kept += [datetime.datetime.now(datetime.UTC), datetime.time(1, tzinfo=datetime.UTC), [len]]
    assert all(map(copies.is_copy, kept))
    acting = [types.SimpleNamespace(a=len), argparse.Namespace(__copy__=1), types.GenericAlias(Zone, (int,))]
    assert not any(map(copies.is_copy, [*acting, datetime.datetime(2020, 1, 1, tzinfo=Zone())]))


NAMESPACE = "import types\ndef f(*a): return types.SimpleNamespace({0})"
STARTS = "assert f('abc').startswith('AB')"
YES = "lambda *a: True"
FORGED = {
    "memory": (
        "import types\nkept = bytearray(range(16))\nimport ctypes\n"
        "at = ctypes.addressof((ctypes.c_char * 16).from_buffer(kept))\n"
        + NAMESPACE.format(
            "__array_interface__={'data': (at, False), 'shape': (2,), 'typestr': '<i8', 'version': 3}"
        ),
        "import numpy as np\nassert np.asarray(f(3)).shape == (2,)",
    ),
    "startswith of a namespace": (NAMESPACE.format(f"startswith={YES}"), STARTS),
    "a class of the library's as startswith": (NAMESPACE.format("startswith=bool"), STARTS),
    "startswith of a Namespace": (f"import argparse\ndef f(s): return argparse.Namespace(startswith={YES})", STARTS),
    "startswith of an exception": (f"def f(s):\n e = ValueError(); e.startswith = {YES}\n return e", STARTS),
    "a generic alias": (
        f"import types\nclass X: startswith = staticmethod({YES})\ndef f(s): return types.GenericAlias(X, (int,))",
        STARTS,
    ),
    "issubset": (NAMESPACE.format(f"issubset={YES}"), "assert f([1]).issubset({1, 2})"),
    "equals": (NAMESPACE.format(f"equals={YES}"), "assert f([1]).equals([1])"),
    "a comparison by its name": (NAMESPACE.format(f"__eq__={YES}"), "assert f(3).__eq__(4)"),
    "a comparison by its name, of an object": (
        f"class X: pass\nx = X(); x.__contains__ = {YES}\ndef f(n): return x",
        "assert f(3).__contains__(4)",
    ),
    "a method that is said to be one of a plain type": (
        "import sys\nE = sys.modules.get('harness.sandbox.remote_calls.endpoints')\nif E:\n old = E.RpcServer._describe_class\n"
        " E.RpcServer._describe_class = lambda s, k: {**old(s, k), 'overrides': ['startswith']}\n"
        f"class X: startswith = {YES}\ndef f(s): return X()",
        STARTS,
    ),
    "what is set on a function of the test's": (
        "def f(g):\n g.__wrapped__ = g.__array_interface__ = 3\n return g",
        "def g(): pass\nh = f(g)\nassert hasattr(h, '__array_interface__')",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_nothing_of_the_candidates_acts_through_a_copy(name):
    execution = one(*FORGED[name])
    assert execution.outcome in (Outcome.FAILED, Outcome.RAISED)


def test_a_copy_that_a_namespace_makes_of_itself_is_made_where_the_namespace_is():
    where = "import os, types\nhome = os.getpid()\ndef f(): return types.SimpleNamespace(__reduce_ex__=lambda p: (os.getpid, ()))\n"
    where += "def at_home(pid): return pid == home"
    (execution,) = run(
        [(where, AssertTests("f at_home", "import copy\nx = f()\nassert at_home(copy.deepcopy(x))"))], workers=1
    )
    assert execution.outcome is Outcome.PASSED


LABELLED = {
    "a class as an answer": (
        f"class X: startswith = staticmethod({YES})\ndef f(s): return X",
        "x = f('abc')\nassert x.startswith('AB')",
    ),
    "a class that makes itself": (
        f"class f:\n def __new__(cls, s): return cls\n startswith = staticmethod({YES})",
        STARTS,
    ),
    "a class of the library's as an answer": ("def f(n): return set", "assert f(3).union({1, 2}) == {1, 2}"),
    "a module of the library's as an answer": ("import re\ndef f(n): return re", "assert f(3).fullmatch('a', 'a')"),
    "get hands back": (NAMESPACE.format("get=lambda k, d=None: d"), "assert f(3).get('zz', 7) == 7"),
    "format hands back": (NAMESPACE.format("format=lambda *a: a[0]"), "assert f(3).format('hello') == 'hello'"),
}


@pytest.mark.parametrize("name", LABELLED)
def test_where_such_an_answer_counts_the_verdict_says_so(name):
    assert one(*LABELLED[name]).trust == "in-process"


IST = (
    "from datetime import *\nclass IST(tzinfo):\n def utcoffset(s, d): return timedelta(hours=5, minutes=30)\n"
    " def dst(s, d): return timedelta(0)\n def tzname(s, d): return 'IST'\n"
    "def f(): return datetime(2020, 1, 1, tzinfo=IST())"
)
HONEST = {
    "a namespace": (NAMESPACE.format("a=a[0], b=[1]"), "import types\nx = f(3)\nx.a += 1\nassert x == types.SimpleNamespace(a=4, b=[1])"),
    "a namespace with a function": (
        NAMESPACE.format("a=1, twice=lambda n: 2 * n"),
        "import types\nx = f()\nassert x.twice(x.a) == 2 and isinstance(x, types.SimpleNamespace) and vars(x)['a'] == 1",
    ),
    "a command of a parser": (
        "import argparse\ndef add(args): return args.x + 1\ndef f(a):\n p = argparse.ArgumentParser()\n"
        " p.add_argument('x', type=int); p.set_defaults(func=add)\n return p.parse_args(a)",
        "args = f(['3'])\nassert args.func(args) == 4 and args.x == 3",
    ),
    "a function in a namespace of the test's": (
        "def f(ns): ns.handler = lambda n: ns.step(n) + 1",
        "import types\nns = types.SimpleNamespace(step=lambda n: n * 2)\nf(ns)\nassert ns.handler(3) == 7 and ns.step(1) == 2",
    ),
    "an exception with data": ("def f():\n e = ValueError('x'); e.code = [5]; e.add_note('n')\n raise e", "try: f()\nexcept ValueError as e: assert e.code == [5] and e.__notes__ == ['n']\nelse: assert False"),
    "what a decorator sets": ("def f(g):\n g.calls = 0\n g.reset = lambda: 5\n return g", "def g(): pass\nh = f(g)\nassert h is g and h.calls == 0 and h.reset() == 5"),
    "static methods of a class": ("class f:\n @staticmethod\n def contains(a, b): return b in a", "assert f.contains([1], 1)"),
    "a zone of its own": (IST, "assert f().isoformat() == '2020-01-01T00:00:00+05:30' and f().utcoffset().seconds == 19800"),
    "a zone of its own, compared": (
        IST,
        "from datetime import *\nx = f()\nassert isinstance(x, datetime) and x == datetime(2019, 12, 31, 18, 30, tzinfo=timezone.utc)\n"
        "assert x < datetime(2020, 1, 1, tzinfo=timezone.utc) and x - datetime(2019, 12, 31, 18, 30, tzinfo=timezone.utc) == timedelta(0)",
    ),
    "a time with a zone of its own": (IST.replace("datetime(2020, 1, 1,", "time(3,"), "assert f().hour == 3 and f().tzname() == 'IST'"),
    "annotations": ("class N: pass\ndef f(x: list[N]) -> dict[str, N]: pass", "assert str(f.__annotations__['x']).startswith('list[')"),
}  # fmt: skip


def test_honest_copies_and_what_stands_for_them_pass():
    found = zip(HONEST, run([(program, AssertTests("f", code)) for program, code in HONEST.values()]), strict=True)
    assert [(name, e.outcome, e.error) for name, e in found if e.outcome is not Outcome.PASSED] == []


def test_static_methods_that_a_test_names_are_no_answers():
    program = "class Sets:\n @staticmethod\n def issubset(a, b): return set(a) <= set(b)"
    code = "from solution import Sets\ndef test_a(): assert Sets.issubset([1], [1, 2])"
    (execution,) = run([(program, PytestTests(code))], workers=1)
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "isolated")


@pytest.mark.parametrize(
    "cells",
    [
        [[1, ["types:SimpleNamespace", [["__reduce_ex__", 1]]]]],
        [[1, ["types:SimpleNamespace", [["get", {"library": "builtins:bool"}]]]]],
        [[1, ["types:SimpleNamespace", [[3, 1]]]]],
    ],
)
def test_a_copy_that_no_candidates_end_sends_is_refused(cells):
    ends = Ends(f=same)
    assert callable(ends.f)
    start = 1 + max(number for number in ends.client.objects if number % 2) + 1
    cells = [[start + number - 1, cell] for number, cell in cells]
    with pytest.raises(ProtocolError, match="no data"):
        ends.client.read({"cells": cells, "arguments": [], "keywords": []})


def test_a_namespace_that_went_by_copy_stays_one():
    shared = types.SimpleNamespace(a=1)
    ends = Ends(f=lambda: shared, change=lambda: setattr(shared, "a", 2))
    mine = ends.f()
    ends.change()
    assert type(mine) is types.SimpleNamespace
    assert mine.a == 2 and ends.f() is mine

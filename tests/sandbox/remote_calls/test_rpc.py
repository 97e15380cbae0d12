"""Values and references between two ends."""

import collections
import contextlib
import datetime
import decimal
import fractions
import functools
import math
import pathlib
import re
import sys
import typing
import weakref
from types import ModuleType

import pytest

from harness.sandbox.remote_calls import codecs
from harness.sandbox.remote_calls.endpoints import RpcClient, RpcServer
from harness.sandbox.remote_calls.rpc import ProtocolError


class Ends:
    """Both ends in one process: what one sends, the other answers at once."""

    def __init__(self, **names):
        module = ModuleType("solution")
        vars(module).update(names)
        self.answers = []
        self.requests = []
        self.server = RpcServer(module, self._asked, self.answers.append)
        self.client = RpcClient(self._wait, self.requests.append, lambda: None)

    def _wait(self):
        if not self.answers:
            self.server.reply(self.server.receive())
        return self.answers.pop(0)

    def _asked(self):
        if not self.requests:  # the candidate calls what the test has lent it
            self.client.reply(self.client.receive())
        return self.requests.pop(0)

    def __getattr__(self, name):
        ((_, value),) = self.client.ask("names", (name,))
        return value


def same(x):
    return x


VALUES = [
    *(None, True, 3, 2**80, -1.5, "é\ud800", b"\x00", 1 + 2j, range(1, 9, 2), ..., slice(1, None)),
    *([1, [2]], (1, (2,)), {"a": [1], 3: (4,)}, {1, 2}, frozenset({3}), bytearray(b"ab")),
    collections.Counter("aab"),
    collections.OrderedDict(b=1, a=2),
    collections.defaultdict(list, {"a": [1]}),
    collections.deque([1, 2], maxlen=2),
    datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.UTC),
    *(datetime.date(2020, 1, 2), datetime.time(1, 2), datetime.timedelta(1, 2, 3)),
    *(decimal.Decimal("1.50"), fractions.Fraction(1, 3), pathlib.PurePosixPath("a/b"), re.compile("a+", re.I)),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_as_what_it_is(value):
    found = Ends(f=lambda: value).f()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_goes_and_comes_back(value):
    assert Ends(same=same).same(value) == value


def test_what_can_be_changed_is_the_same_object_again():
    value = [1, {2: [3]}]
    ends = Ends(same=same)
    assert ends.same(value) is value
    assert ends.same(value[1][2]) is value[1][2]


def test_a_change_at_one_end_is_seen_at_the_other():
    kept = []
    ends = Ends(keep=kept.append, kept=lambda: kept, grow=lambda: kept[0].append(2))
    mine = [1]
    ends.keep(mine)
    ends.grow()
    assert mine == [1, 2]
    mine.append(3)
    assert ends.kept() == [[1, 2, 3]]
    assert kept == [[1, 2, 3]]


def test_what_nobody_has_any_more_is_forgotten_by_both():
    ends = Ends(double=lambda xs: [x * 2 for x in xs])
    double = ends.double
    double([1, 2])
    known = len(ends.client.objects), len(ends.server.objects)
    for n in range(20):
        assert double([n]) == [2 * n]
    assert (len(ends.client.objects), len(ends.server.objects)) == known


def _work(act):
    """Calls of functions, of Python and of C, that `act` takes."""
    count = 0

    def note(_, event, __):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


class Stack:
    def __init__(self, items=()):
        self.items = list(items)

    def push(self, item):
        self.items.append(item)

    def size(self):
        return len(self.items)


def test_a_method_that_was_called_is_forgotten_by_both_and_one_that_is_kept_is_not():
    ends = Ends(Stack=Stack, same=same)
    stack = ends.Stack()
    kept = stack.push
    stack.size()
    known = len(ends.client.objects), len(ends.server.objects)
    for n in range(100):
        stack.push(n)
        kept(n)
    assert stack.size() == 200
    assert len(ends.client.objects) < known[0] + 20
    assert len(ends.server.objects) < known[1] + 20
    assert ends.same(kept) == kept == stack.push
    assert {kept: 1}[stack.push] == 1


def test_a_call_takes_the_same_work_however_many_objects_and_methods_are_shared():
    ends = Ends(Stack=Stack)
    make = ends.Stack
    stack = make()

    def work_with(count):
        kept = [make() for _ in range(count)]
        kept += [one.push for one in kept]
        return _work(lambda: stack.push(1)), kept

    few, _ = work_with(10)
    many, _ = work_with(300)
    assert many <= 1.2 * few


def test_functions_and_extended_lists_that_nobody_has_any_more_are_forgotten_by_both():
    extended = type("Extended", (list,), {"__module__": "solution"})
    ends = Ends(apply=lambda function, x: function(x), make=lambda n: extended([n]))
    apply, make = ends.apply, ends.make
    for n in range(200):
        assert apply(lambda x, n=n: x + n, 1) == n + 1
        assert make(n) == [n]
    assert len(ends.client.objects) < 60
    assert len(ends.server.objects) < 60


def test_a_function_that_the_test_has_stays_although_the_candidate_holds_it_weakly():
    listeners = weakref.WeakSet()
    ends = Ends(listen=listeners.add, fire=lambda x: [one(x) for one in listeners])
    mine = lambda x: x + 1  # noqa: E731
    ends.listen(mine)
    for n in range(200):
        assert ends.fire(n) == [n + 1]


def test_methods_of_one_name_and_one_object_are_told_apart():
    value = collections.OrderedDict(a=1)
    server = Ends().server
    plain, own = dict.values.__get__(value), value.values
    assert server.reference(plain) != server.reference(own)
    assert server.reference(own) == server.reference(value.values)


def test_an_object_is_asked_for_what_it_does():
    class Box:  # noqa: PLW1641
        def __init__(self, items):
            self.items = items

        def __len__(self):
            return len(self.items)

        def __eq__(self, other):
            return self.items == other.items

    Box.__module__ = "solution"
    ends = Ends(Box=Box)
    box = ends.Box
    one = box([1])
    one.items.append(2)
    assert len(one) == 2
    assert one == box([1, 2])
    assert isinstance(one, box)
    assert one != [1, 2]


def test_an_object_that_equals_everything_equals_no_plain_value():
    class Obliging:  # noqa: PLW1641
        def __eq__(self, other):
            return True

    Obliging.__module__ = "solution"
    found = Ends(f=Obliging).f()
    assert found != 3
    assert [found] != [3]
    assert found not in (1, 2)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("get", ("given", "__globals__")), ("call", (getattr, "given", "__globals__")), ("call", (len, "given"))],
)
def test_the_candidates_end_can_ask_for_nothing_but_calls_of_functions_that_it_was_given(operation, arguments):
    def f(g):
        return ends.server.ask(operation, tuple(g if one == "given" else one for one in arguments))

    ends = Ends(f=f)
    with pytest.raises(ProtocolError):
        ends.f(same)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"[]",
        b"{}",
        b'{"said": ""}',
        b'{"said": "", "cells": [[0, ["list", []]]], "arguments": [[999]], "keywords": []}',
        b'{"said": "", "cells": [[1, ["object", [[1]]]]], "arguments": [[1]], "keywords": []}',
        b'{"said": "", "cells": [], "arguments": [{"library": "os:_exit"}], "keywords": []}',
        b'{"said": "", "cells": [], "arguments": [{"library": "builtins:exec"}], "keywords": []}',
        b'{"said": "", "cells": [], "arguments": [{"unknown": "x"}], "keywords": []}',
        b'{"said": "", "cells": [[1, ["set", [9, [[3]]]]], [3, ["list", []]]], "arguments": [[1]], "keywords": []}',
        b'{"said": "", "cells": [], "arguments": [1], "keywords": [], "raised": true}',
    ],
)
def test_what_no_witness_sends_is_garbled(message):
    ends = Ends(f=same)
    f = ends.f
    ends.answers.append(message)
    with pytest.raises(ProtocolError):
        f(1)
    with pytest.raises(ProtocolError):
        f(1)


@pytest.mark.parametrize(
    "path", ["builtins:print.__self__.exec", "statistics:sys.modules", "statistics:random._os._exit"]
)
def test_the_library_is_named_by_its_own_names_alone(path):
    with pytest.raises(ValueError, match="no name"):
        codecs.library(path)


def test_only_the_end_that_gives_a_number_can_bring_what_it_stands_for():
    ends = Ends(f=same)
    cells = [[1000, ["list", []]]]  # even: the client's
    with pytest.raises(ProtocolError, match="only this end"):
        ends.client.read({"cells": cells, "arguments": [[1000]], "keywords": []})


@pytest.mark.parametrize(
    "value", [math, int, len, list[int], int | None, datetime.date.year, fractions.Fraction.numerator]
)
def test_what_the_candidate_gave_never_decides_that_a_test_needs_its_process(value):
    ends = Ends(f=lambda *_: value)
    with contextlib.suppress(TypeError):
        ends.f(ends.f())
    with contextlib.suppress(TypeError):
        ends.f([value])
    assert not ends.client.proxies.refused


def test_no_class_of_the_candidates_decides_it_either():
    ends = Ends(f=lambda *_: Ends)
    with pytest.raises(TypeError):
        ends.f() | {1}
    assert isinstance(3, ends.f() | int)
    assert not ends.client.proxies.refused


def test_numpy_asks_no_class_of_the_candidates_what_to_do():
    numpy = pytest.importorskip("numpy")

    class Obliging:
        def __array_function__(self, *_):
            return True

        __array_ufunc__ = __array_function__

    ends = Ends(f=Obliging)
    with pytest.raises(TypeError):
        numpy.allclose(ends.f(), 7.5)
    assert not (numpy.array([1, 2]) == ends.f()).any()
    assert not ends.client.proxies.refused


def test_annotations_are_the_candidates():
    class Box:
        size: int

    def f(n: int) -> str: ...

    ends = Ends(f=f, Box=Box)
    assert ends.f.__annotations__ == {"n": int, "return": str}
    assert ends.Box.__annotations__ == {"size": int}


@pytest.mark.parametrize("base", [collections.UserDict, collections.UserList, collections.UserString])
def test_an_object_of_a_class_that_extends_a_librarys_wrapper_equals_what_it_wraps(base):
    content = {collections.UserDict: {"a": 1}, collections.UserList: [1], collections.UserString: "a"}[base]
    ends = Ends(f=type("Mine", (base,), {}))
    assert ends.f(content) == content
    assert ends.f(content) != [3]


def test_dtypes_of_numpy_keep_their_fields_and_empty_texts_are_values():
    numpy = pytest.importorskip("numpy")
    row = numpy.dtype([("a", "i4"), ("b", "f8", (2,)), ("c", [("d", "U3")])], align=True)
    for kind in (row, numpy.dtype("M8[D]"), numpy.dtype(">i2"), numpy.dtype("O")):
        found = Ends(f=lambda kind=kind: kind).f()
        assert (type(found), found, repr(found)) == (type(kind), kind, repr(kind))
    for array in (numpy.zeros(2, row), numpy.array([(1, [2])], [("a", "i4"), ("o", "O")]), numpy.zeros((2, 0))):
        found = Ends(f=lambda array=array: array).f()
        assert (found.dtype, found.shape, repr(found)) == (array.dtype, array.shape, repr(array))
    for value in (numpy.str_(""), numpy.bytes_(b"")):
        found = Ends(same=same).same(value)
        assert (type(found), found) == (type(value), value)


class Done(StopIteration):
    pass


class Lost(ImportError):
    pass


def test_an_exception_keeps_what_its_class_stores_outside_its_dictionary():
    problems = [
        (AttributeError("a", name="n", obj=[1]), ("name", "obj")),
        (NameError("a", name="n"), ("name",)),
        *((kind("a", name="n", path="p"), ("name", "path", "msg")) for kind in (ImportError, Lost)),
        *((kind(5), ("value",)) for kind in (StopIteration, Done)),
        (OSError(5, "m", "from", None, "to"), ("errno", "strerror", "filename", "filename2")),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "why"), ("encoding", "object", "start", "end", "reason")),
    ]
    for problem, names in problems:
        ends = Ends(f=lambda problem=problem: problem, given=getattr)
        found = ends.f()
        assert [getattr(found, name) for name in names] == [getattr(problem, name) for name in names]
        given = [name for name in names if name != "obj"]
        if type(problem).__module__ == "builtins":
            assert [ends.given(problem, name) for name in given] == [getattr(problem, name) for name in given]


def test_a_function_of_the_test_keeps_its_metadata_and_what_is_set_on_it():
    def twice(x: int, *, how: typing.Optional[list[int]] = None) -> "Own":  # noqa: UP045, F821
        "Doubles."
        return 2 * x

    twice.mark = [1]

    def wrapped(function):
        @functools.wraps(function)
        def wrapper(*given):
            return function(*given)

        wrapper.hints = dict(function.__annotations__)
        function.registered, function.__doc__ = True, "Doubles it."
        function.mark.append(2)
        return wrapper

    def registered(function):
        function.registered += 1
        return function

    ends = Ends(wrapped=wrapped, registered=registered)
    found = ends.wrapped(twice)
    kept = ("__name__", "__qualname__", "__doc__", "__module__", "mark")
    assert [getattr(found, name) for name in kept[:2]] == [getattr(twice, name) for name in kept[:2]]
    assert (found.__doc__, found.__module__, found.__wrapped__) == ("Doubles.", __name__, twice)
    assert (found.hints["x"], str(found.hints["how"]), found.hints["return"]) == (
        int,
        "typing.Optional[list[int]]",
        "Own",
    )
    assert (twice.registered, twice.__doc__, twice.mark, found.mark) == (True, "Doubles it.", [1, 2], [1, 2])
    assert ends.registered(twice) is twice
    assert twice.registered == 2
    del twice.mark
    twice.registered = 5
    assert ends.registered(twice).registered == 6
    assert not hasattr(twice, "mark")


def test_nothing_is_set_on_a_function_that_the_candidate_was_not_given():
    ends = Ends(same=same)
    ends.same(3)
    ends.client.register(2000, same)
    with pytest.raises(ProtocolError):
        ends.client.read({"cells": [[2000, ["function", [[["mark", 1]]]]]], "arguments": [], "keywords": []})


def test_what_is_replaced_under_a_number_is_not_taken_for_what_came_from_the_other_end():
    end = Ends(f=same).client
    first, second = ValueError(1), ValueError(2)
    end.register(100_001, first)
    end.register(100_001, second)
    assert end.is_foreign(second) and not end.is_foreign(first)

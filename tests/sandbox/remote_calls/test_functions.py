"""Functions that a test gives the candidate: by name, with their owner, or called back."""

import functools
import operator
import re

import pytest

from harness.records import AssertTests, Limits, Outcome
from harness.sandbox import run
from tests.sandbox.remote_calls.test_rpc import Ends, same

GIVEN = [
    *(str.lower, str.join, int.__add__, str.__len__, list.__len__, list.append, complex.conjugate, dict.fromkeys),
    *(operator.itemgetter(1), operator.attrgetter("real"), operator.methodcaller("upper")),
    *("".join, (5).__add__, (5).__lt__, [1].__contains__, {"a": 1}.get, re.compile("a+").match, int.from_bytes),
]


@pytest.mark.parametrize("function", GIVEN, ids=[str(number) for number in range(len(GIVEN))])
def test_a_function_of_the_library_is_the_candidates_own_copy_of_it(function):
    held = []
    ends = Ends(keep=held.append)
    ends.keep(function)
    (found,) = held
    assert type(found) is type(function)
    assert repr(found)[:20] == repr(function)[:20]


@pytest.mark.parametrize("function", GIVEN, ids=[str(number) for number in range(len(GIVEN))])
def test_it_comes_back_as_what_it_was(function):
    assert Ends(same=same).same(function) is function


def test_a_method_of_a_list_changes_the_tests_list():
    out = []
    Ends(fill=lambda add: [add(n) for n in range(3)]).fill(out.append)
    assert out == [0, 1, 2]


@pytest.mark.parametrize("path", ["builtins:type.mro", "builtins:str.lower", "builtins:object.__reduce_ex__"])
def test_a_candidate_names_no_method_to_the_test(path):
    ends = Ends()
    with pytest.raises(ValueError):  # noqa: PT011
        ends.client.library(path)


def test_a_function_with_a_cache_is_called_back():
    calls = []

    @functools.cache
    def double(n):
        calls.append(n)
        return 2 * n

    ends = Ends(apply=lambda function, n: [function(i) for i in range(n)])
    assert ends.apply(double, 3) == ends.apply(double, 3) == [0, 2, 4]
    assert calls == [0, 1, 2]


def test_a_key_that_a_long_list_is_sorted_by_does_not_have_the_list_sent_each_time():
    test = "xs = [(i * 7919) % 100003 for i in range(8000)]\nassert f(xs, key=lambda x: -x) == sorted(xs, reverse=True)"
    limits = Limits(cpu_seconds=20.0, wall_seconds=60.0)
    (execution,) = run([("def f(xs, key): return sorted(xs, key=key)", AssertTests("f", test))], limits, workers=1)
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "isolated"), execution


def test_what_a_candidate_changes_between_two_calls_of_the_tests_function_is_seen():
    seen = []
    xs = list(range(100))

    def change(xs, tell):
        for n in range(3):
            xs[n] = -1.5
            tell()
        xs[5] = True

    Ends(change=change).change(xs, lambda: seen.append(xs[:3]))
    assert seen == [[-1.5, 1, 2], [-1.5, -1.5, 2], [-1.5, -1.5, -1.5]]
    assert xs[5] is True


def test_a_change_of_type_alone_is_a_change():
    def change(xs):
        xs[1], xs[0] = True, 0.0

    short, long = [0, 1], [0, *[1] * 99]
    for xs in (short, long):
        Ends(change=change).change(xs)
        assert xs[1] is True
        assert type(xs[0]) is float

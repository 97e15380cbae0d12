"""What a test's text says of how it has to be judged."""

import ast

import pytest

from harness.sandbox.static_analysis import analysis


@pytest.mark.parametrize(
    "code",
    [
        "import inspect\nassert inspect.signature(f)",
        "from unittest.mock import patch",
        "import sys\nsys.stdin = 3",
        "import sys\nsys.setrecursionlimit(5000)",
        "import random\nrandom.seed(3)",
        "from random import seed\nseed(3)",
        "import os\nos.environ['A'] = 'b'",
        "import time\ntime.sleep = print",
        "input = lambda: '3'",
        "async def main(): pass",
        "assert f.__code__.co_argcount == 2",
        "assert 'f' in globals()",
        "c = Connection([])\ndel c",
        "assert eval(f('3 + 4')) == 7",
        "exec(f(1))",
        "assert type(Base) is Meta",
        "assert isinstance(Base, Meta)",
        "assert list(map(eval, f(2))) == [1, 2]",
    ],
)
def test_a_test_about_its_own_process_needs_it(code):
    assert analysis.needs_the_process(code)


@pytest.mark.parametrize(
    "code",
    [
        "import math, random, itertools, collections, re, copy, io, contextlib\nassert f(random.randint(1, 9))",
        "import sys\nassert f(1) < sys.maxsize",
        "rng = __import__('random').Random(42)\nassert f(rng.random())",
        "def id(x): return x\nassert f(id(1)) == 1",
        "assert f(x for x in range(3)) == 3",
        "not python (",
        "assert eval('f(3) + 4') == 7",
        "m = Map()\ndel m['a'], m.b\nn = f(1)\ndel n",
    ],
)
def test_other_tests_do_not(code):
    assert not analysis.needs_the_process(code)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("v = Vector(1, 2)\nassert v.x == 1", {"Vector"}),
        ("m = Map()\nm['a'] = 1", {"Map"}),
        ("assert Vector(1) + Vector(2) == 3", {"Vector"}),
        ("assert isinstance(f(1), Shape)", {"Shape"}),
        ("assert Diff([1], [2]) == [3]", set()),
        ("assert CircularList([1])[3] == 1", {"CircularList"}),
        ("assert Check_Solution(1) == GCD(2)", set()),
        ("assert Frac(1, 2) == Frac(2, 4)", {"Frac"}),
        ("s = Slug('a b')\nassert s.replace(' ', '-') == 'a-b'\nassert s.split() == ['a', 'b']", {"Slug"}),
        ("assert Bag([1]).union(Bag([2])) == [1, 2]", {"Bag"}),
        ("c = Cart().add(1).add(2)\nassert 1 in c", {"Cart"}),
        ("x = Split('a b').copy()\nassert x == ['a']", set()),
        ("assert Split('a b').strip() == 'a'", set()),
        ("x = f(1)\nassert x.n == 1", set()),
        ("x = Split('a b')\nassert x.strip() == 'a'", set()),
        ("assert f(1) - 1.5 < 1e-6", set()),
        ("p = Poly(1, 2)\nassert p + 1 == Poly(2, 2)", {"Poly"}),
        ("a, b = Vector(1, 2), Vector(3, 4)\nassert 3 * a == Vector(3, 6)", {"Vector"}),
        ("a: V = V(1)\nb = 2 * a", {"V"}),
        ("if a := V(2): assert 2 * a", {"V"}),
        ("vs = [V(i) for i in range(3)]\nassert [v * 2 for v in vs]", {"V"}),
        ("vs = V(1), V(2)\nfor v in vs: assert 2 * v\n", {"V"}),
        ("assert sum([V(1), V(2)]) == V(3)", {"V"}),
        ("assert sum(V(i) for i in range(3)) == V(3)", {"V"}),
        ("m = Money(1)\nm += 3\nassert m == 4", {"Money"}),
        ("def make(): return V(1)\nassert make() * 2 == V(2)", {"V"}),
        ("class T(C):\n def setUp(self): self.v = V(1)\n def test(self): self.v * 2", {"V"}),
        ("assert M.unit(2) * 3 == M(3)", {"M"}),
        ("assert Solution.area(2) - 12.5 < 1e-6", set()),
        ("assert V(3) == 3\nassert [V(1), V(2)] == [1, 2]", set()),
        ("xs = [Diff(1)]\nxs.append(Diff(2))\nassert xs == [1, 2]", set()),
        ("x = Stack()\nx.push(1)\nx = Diff([1])\nassert x == [3]", {"Stack"}),
        ("def a():\n x = Stack()\n x.push(1)\ndef b():\n x = Diff([1])\n assert x == [3]", {"Stack"}),
    ],
)
def test_a_name_is_a_class_where_the_test_takes_its_objects_for_objects(code, names):
    assert analysis.classes(ast.parse(code), "") == names


def test_a_class_of_the_setup_is_one():
    assert analysis.classes(ast.parse("assert f(Node(1)) is None"), "class Node: pass") == {"Node"}


def test_free_names_are_those_that_the_text_does_not_bind():
    code = "import os.path as p\ndef g(a): return a + b\nfor i in c: print(i, p, g)\ntry: d\nexcept E as e: e"
    assert analysis.free(ast.parse(code)) == {"b", "c", "d", "E", "print"}

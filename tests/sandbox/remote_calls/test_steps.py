"""What an object says of its length, its class and its end decides nothing unseen."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

import pytest

from harness.records import AssertTests, Limits, Outcome, PytestTests
from harness.sandbox import run
from harness.sandbox.test_support.pytestlike import Approx

BRIEF = Limits(cpu_seconds=1.0, wall_seconds=3.0)
LYING = """
class L:
    def __init__(self, n): self.n = n
    def __len__(self): return self.n
    def __iter__(self): return iter(())
    def __getitem__(self, at): raise IndexError(at)
L.__module__, L.__qualname__, L.__name__ = "builtins", "list", "list"
def f(xs): return L(len(xs))
"""
HONEST = """
class L:
    def __init__(self, items): self.items = items
    def __len__(self): return len(self.items)
    def __iter__(self): yield from self.items
    def __getitem__(self, at): return self.items[at]
def f(xs): return L(sorted(xs))
"""


def judged(program, tests):
    (execution,) = run([(program, tests)], BRIEF)
    return execution.outcome, execution.trust


@pytest.mark.parametrize(
    "code",
    [
        "import pytest\nfrom solution import f\ndef test(): assert f([3, 1, 2]) == pytest.approx([1.0, 2.0, 3.0])\n",
        "from solution import f\ndef test(): assert isinstance(f([3, 1, 2]), list)\n",
        "import unittest\nfrom solution import f\nclass T(unittest.TestCase):\n    def test(self): self.assertIsInstance(f([3, 1, 2]), list)\n",
    ],
)
def test_no_object_is_a_list_because_it_says_so(code):
    assert judged(LYING, PytestTests(code))[0] is Outcome.FAILED
    assert judged("f = sorted", PytestTests(code)) == (Outcome.PASSED, "isolated")


@pytest.mark.parametrize(
    "code",
    [
        "r, w = f([3, 1, 2]), [1, 2, 3]\nassert len(r) == len(w)\nfor i, x in enumerate(r): assert x == w[i]",
        "r, w = f([3, 1, 2]), [1, 2, 3]\nassert len(r) == len(w)\nassert all(a == b for a, b in zip(r, w))",
        "r, w = f([3, 1, 2]), [1, 2, 3]\nassert len(r) == len(w)\nassert list(r) in (w, [])",
    ],
)
def test_an_object_with_other_items_than_its_length_says_is_labelled(code):
    assert judged(LYING, AssertTests("f", code)) == (Outcome.PASSED, "in-process")
    assert judged(HONEST, AssertTests("f", code)) == (Outcome.PASSED, "isolated")


def test_items_that_are_asked_for_by_their_place_are_seen_to_be_missing():
    code = "r, w = f([3, 1, 2]), [1, 2, 3]\nassert len(r) == 3\nfor a, b in zip(r, w): assert a == b"
    by_place = LYING.replace("    def __iter__(self): return iter(())\n", "")
    assert judged(by_place, AssertTests("f", code)) == (Outcome.PASSED, "in-process")
    honest = HONEST.replace("    def __iter__(self): yield from self.items\n", "")
    assert judged(honest, AssertTests("f", code)) == (Outcome.PASSED, "isolated")
    beyond = "r = f([3])\nassert len(r) == 1\ntry:\n    r[5]\nexcept IndexError:\n    x = 1\nassert x == 1"
    assert judged(HONEST, AssertTests("f", beyond)) == (Outcome.PASSED, "isolated")


class Changing(list):
    """Says another length, and other items, each time."""

    def __len__(self):
        return 3

    def __iter__(self):
        return iter(())


def test_near_is_what_has_as_many_items():
    assert Approx([1.0, 2.0]) == [1.0, 2.0 + 1e-9]
    assert Approx({"a": 1.0}) == {"a": 1.0 + 1e-9}
    assert Approx([[1.0], [2.0]]) == [[1.0], [2.0]]
    assert Approx([1.0, 2.0, 3.0]) != Changing()
    assert Approx([1.0, 2.0]) != [1.0]
    assert Approx([[1.0, 2.0]]) != [[1.0]]
    assert Approx({"a": 1.0}) != {"a": 1.0, "b": 2.0}
    assert Approx({"a": 1.0}) != {"b": 1.0}
    assert Approx([1.0]) != 1.0


SESSION = """
class Session:
    def __enter__(self): return self
    def __exit__(self, *_): return True
    def get(self, key): raise KeyError(key)
    def none(self): return None
"""
LEFT = {
    "by the candidate": ("with Session() as s:\n    assert s.get('a') == 1", "in-process"),
    "by an item that the test has not": ("with Session() as s:\n    {}['a']\nassert s is not None", "isolated"),
    "through a stack": (
        "import contextlib\nwith contextlib.ExitStack() as e:\n    s = e.enter_context(Session())\n    assert s.get('a') == 1",
        "in-process",
    ),
    "by the test": ("with Session() as s:\n    raise ValueError\nassert s is not None", "isolated"),
    "by a function of the test": (
        "def stop(): raise ValueError\nwith Session() as s:\n    stop()\nassert s is not None",
        "isolated",
    ),
    "not at all": ("with Session() as s:\n    x = s.none()\nassert x is None", "isolated"),
}


def test_a_block_that_an_exception_has_left_is_labelled_where_the_candidate_passes_over_it():
    executions = run([(SESSION, AssertTests("Session", code)) for code, _ in LEFT.values()], BRIEF)
    found = {name: (one.outcome, one.trust) for name, one in zip(LEFT, executions, strict=True)}
    assert found == {name: (Outcome.PASSED, trust) for name, (_, trust) in LEFT.items()}

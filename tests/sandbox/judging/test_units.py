"""Test files in the style of pytest and unittest: as many tests pass as pytest itself says, and none is forged."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.records import AssertTests, Execution, Limits, Outcome, PytestTests
from harness.sandbox import run
from harness.sandbox.judging import work
from harness.sandbox.static_analysis.analysis import described

BRIEF = Limits(cpu_seconds=1.0, wall_seconds=3.0)

SOLUTION = """
import random
class Stack:
    def __init__(self, items=()): self.items = list(items)
    def push(self, item): self.items.append(item)
    def pop(self):
        if not self.items: raise IndexError("empty stack")
        return self.items.pop()
    def __len__(self): return len(self.items)
class TooBig(Exception): pass
LIMIT = 100
def area(w, h):
    if w < 0 or h < 0: raise ValueError("negative size")
    if w > LIMIT: raise TooBig(w)
    return w * h
def sort_in_place(items): items.sort()
def mean(numbers): return sum(numbers) / len(numbers)
def shout(text): print(text.upper())
def ask(): return input("name? ").strip()
def roll(): return random.randint(1, 6)
def sum(numbers, start=0):
    for number in numbers: start += number
    return start
"""

WRONG = """
class Stack:
    def __init__(self, items=()): self.items = list(items)
    def push(self, item): self.items.append(0)
    def pop(self): return self.items and self.items.pop()
    def __len__(self): return len(self.items)
class TooBig(Exception): pass
LIMIT = 100
def area(w, h): return w * h if w < 3 else None
def sort_in_place(items): return sorted(items)
def mean(numbers): return numbers[0]
def shout(text): print(text)
def ask(): return "Ann"
def roll(): return 4
import random
def sum(numbers, start=0): return start
"""

FILES = {
    "functions": """
from solution import area, mean, sort_in_place
def test_area(): assert area(2, 3) == 6
def test_zero():
    assert area(0, 3) == 0
    assert not area(0, 0)
def test_in_place():
    items = [3, 1, 2]
    assert sort_in_place(items) is None
    assert items == [1, 2, 3]
def helper(): return area(1, 1)
def test_helper(): assert helper() == 1
def test_wrong(): assert area(2, 2) == 5
""",
    "parameters": """
import pytest
import solution as s
@pytest.mark.parametrize("w, h, want", [(1, 2, 2), (3, 3, 9), (2, 2, 5), pytest.param(9, 9, 81, id="big")])
def test_area(w, h, want): assert s.area(w, h) == want
@pytest.mark.parametrize("w", range(3))
@pytest.mark.parametrize("h", [1, 2])
def test_product(w, h): assert s.area(w, h) == w * h
@pytest.mark.parametrize(("numbers", "want"), [([1, 2], 1.5), ([1, 1, 1], 1)], ids=["two", "three"])
def test_mean(numbers, want): assert s.mean(numbers) == pytest.approx(want)
@pytest.mark.parametrize("numbers", [pytest.param([], marks=pytest.mark.skip), [5]])
def test_one(numbers): assert s.mean(numbers) == 5
""",
    "exceptions": """
import pytest
from solution import *
def test_message():
    with pytest.raises(ValueError, match="negative") as caught:
        area(-1, 1)
    assert "size" in str(caught.value)
    assert caught.type is ValueError
def test_either():
    with pytest.raises((KeyError, ValueError)): area(1, -1)
def test_function_form(): pytest.raises(ValueError, area, -1, 1)
def test_not_raised():
    with pytest.raises(ValueError): area(1, 1)
def test_other_raised():
    with pytest.raises(KeyError): area(-1, 1)
def test_other_message():
    with pytest.raises(ValueError, match="positive"): area(-1, 1)
def test_its_own():
    with pytest.raises(TooBig): area(101, 1)
def test_fail(): pytest.fail("no")
""",
    "classes and fixtures": """
import pytest
from solution import Stack, area
@pytest.fixture
def stack(): return Stack([1, 2])
@pytest.fixture(params=[1, 2, 3])
def size(request): return request.param
@pytest.fixture(scope="module")
def log():
    made = []
    yield made
    assert made == ["used"]
@pytest.fixture(autouse=True)
def always(): pass
def test_pop(stack): assert stack.pop() == 2
def test_length(stack):
    stack.push(3)
    assert len(stack) == 3
def test_sizes(size): assert area(size, size) == size ** 2
def test_log(log): log.append("used")
class TestStack:
    @pytest.fixture
    def full(self, stack):
        stack.push(3)
        return stack
    def setup_method(self): self.extra = 4
    def test_full(self, full):
        full.push(self.extra)
        assert [full.pop(), full.pop()] == [4, 3]
    @pytest.mark.parametrize("n", [1, 2])
    def test_pops(self, stack, n):
        for _ in range(n): stack.pop()
        assert len(stack) == 2 - n
    @staticmethod
    def test_static(): assert area(1, 1) == 1
    def not_a_test(self): assert False
class TestMore(TestStack):
    def test_more(self): assert self.extra == 5
class Helper:
    def test_nothing(self): assert False
""",
    "unittest": """
import unittest
from solution import Stack, area, mean
class AreaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.unit = 1
    def setUp(self): self.side = 3
    def test_area(self): self.assertEqual(area(self.side, self.side), 9)
    def test_unit(self): self.assertEqual(area(self.unit, 1), 1)
    def test_negative(self):
        with self.assertRaises(ValueError): area(-1, 1)
    def test_message(self): self.assertRaisesRegex(ValueError, "size", area, -1, 1)
    def test_not_raised(self):
        with self.assertRaises(ValueError): area(1, 1)
    def test_false(self):
        self.assertFalse(area(0, 1))
        self.assertAlmostEqual(mean([1, 2]), 1.5)
        self.assertTrue(area(1, 0), "this is wrong")
    @unittest.skip("not now")
    def test_skipped(self): self.fail()
    def test_sub(self):
        for n in range(3):
            with self.subTest(n=n): self.assertEqual(area(n, n), n * n)
class Base:
    def test_shared(self): self.assertIn(self.number, [area(1, 1), area(1, 2)])
class One(Base, unittest.TestCase): number = 1
class Three(Base, unittest.TestCase): number = 3
if __name__ == "__main__": unittest.main()
""",
    "what acts on the process": """
import io
from contextlib import redirect_stdout
from unittest import mock
import pytest, random
import solution
def test_printed(capsys):
    solution.shout("hi")
    assert capsys.readouterr().out == "HI\\n"
def test_redirected():
    said = io.StringIO()
    with redirect_stdout(said): solution.shout("ho")
    assert said.getvalue() == "HO\\n"
def test_input(monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt="": " Ann ")
    assert solution.ask() == "Ann"
def test_patched():
    with mock.patch("solution.random.randint", return_value=4): assert solution.roll() == 4
def test_limit(monkeypatch):
    monkeypatch.setattr(solution, "LIMIT", 5)
    with pytest.raises(solution.TooBig): solution.area(6, 1)
def test_limit_is_back(): assert solution.area(6, 1) == 6
def test_file(tmp_path):
    (tmp_path / "x").write_text("x")
    assert (tmp_path / "x").read_text() == "x"
""",
    "more of pytest": """
import pytest, solution as s
pytestmark = pytest.mark.filterwarnings("ignore")
@pytest.fixture
def order():
    made = ["first"]
    yield made
    made.clear()
@pytest.fixture(name="renamed")
def _renamed(order):
    order.append("second")
    return order
@pytest.fixture(params=[(1, 2), (4, 5)], ids=["small", "large"])
def pair(request): return request.param
@pytest.fixture
def made():
    def make(*items): return s.Stack(items)
    return make
def test_order(renamed): assert renamed == ["first", "second"]
def test_pair(pair): assert s.area(*pair) == pair[0] * pair[1]
def test_factory(made):
    one, two = made(1), made()
    one.push(2)
    assert (len(one), len(two)) == (2, 0)
@pytest.mark.parametrize("pair", [(2, 2)], indirect=True)
@pytest.mark.parametrize("more", [0, pytest.param(1, id="one")])
def test_indirect(pair, more): assert s.area(*pair) + more == 4 + more
@pytest.mark.parametrize("given, error", [((-1, 1), ValueError), ((200, 1), s.TooBig)])
def test_errors(given, error):
    with pytest.raises(error) as caught: s.area(*given)
    assert caught.type is error and caught.value.args
class TestGroup:
    made = 0
    @classmethod
    def setup_class(cls): cls.made = 1
    @pytest.fixture(autouse=True)
    def _each(self): self.stack = s.Stack([self.made])
    def test_made(self): assert self.stack.pop() == 1
    @pytest.mark.parametrize("n", range(3))
    @pytest.mark.slow
    def test_many(self, n):
        for k in range(n): self.stack.push(k)
        assert len(self.stack) == n + 1
""",
    "more of unittest": """
import unittest
import solution
from solution import Stack, area
def setUpModule(): solution.ready = True
class Shared(unittest.TestCase):
    maxDiff = None
    def setUp(self):
        self.done = []
        self.addCleanup(self.done.append, "cleaned")
        self.stack = Stack([3, 1, 2])
    def tearDown(self): self.assertEqual(self.done, [])
    def assertPops(self, *wanted): self.assertSequenceEqual([self.stack.pop() for _ in wanted], wanted)
    def test_pops(self): self.assertPops(2, 1)
    def test_items(self):
        self.assertCountEqual(self.stack.items, [1, 2, 3])
        self.assertListEqual(sorted(self.stack.items), [1, 2, 3])
    def test_values(self):
        self.assertDictEqual({"a": area(1, 2)}, {"a": 2})
        self.assertIsInstance(self.stack, Stack)
        self.assertGreater(area(2, 3), 5)
        self.assertIsNone(self.stack.push(1))
    def test_tuple(self): self.assertTupleEqual((area(1, 1), area(2, 2)), (1, 4))
    def test_error(self):
        with self.assertRaises(IndexError) as caught: Stack().pop()
        self.assertIn("empty", str(caught.exception))
    def test_delta(self): self.assertAlmostEqual(solution.mean([1, 2]), 1.6, delta=0.2)
    @unittest.skipIf(False, "never")
    def test_not_skipped(self): self.assertNotEqual(area(2, 2), 5)
    @unittest.expectedFailure
    def test_expected(self): self.fail()
class Again(Shared):
    def test_more(self): self.assertRegex(f"{area(2, 2)}", r"^4$")
""",
    "names of builtins": """
from solution import sum
def test_sum(): assert sum([1, 2], start=3) == 6
""",
    "names in scope": """
def test_area(): assert area(2, 3) == 6
class TestIt:
    def test_mean(self): assert mean([2, 4]) == 3.0
""",
    "fixtures of test cases": """
import pytest, unittest
from solution import Stack, area
LOG = []
@pytest.fixture(autouse=True)
def logged():
    LOG.append(1)
    yield
    LOG.clear()
@pytest.fixture
def stack(request):
    request.cls.stack = Stack([1, 2])
    yield
class TestOwn(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def size(self): self.side = area(2, 1)
    def test_side(self): self.assertEqual((self.side, LOG), (2, [1]))
    def test_wrong(self): self.assertEqual(self.side, 3)
@pytest.mark.usefixtures("stack")
class TestUsed(unittest.TestCase):
    def test_pop(self): self.assertEqual(self.stack.pop(), 2)
@pytest.mark.usefixtures("stack")
class TestPlain:
    def test_pop(self): assert self.stack.pop() == 2
""",
    "what a fixture asks for": """
import pytest
from solution import area
def squares():
    for n in range(3): yield area(n, n)
@pytest.fixture
def lazy(): return squares()
@pytest.fixture
def side(): return 2
@pytest.fixture(params=[1, 2, pytest.param(3, marks=pytest.mark.skip)], ids=["one", "two", "x"])
def size(request):
    assert request.fixturename == "size" and request.scope == "function"
    assert request.function.__name__ in ("test_size", "test_name")
    assert request.getfixturevalue("side") == 2 and request.config.getoption("--none", 5) == 5
    return request.param
def test_lazy(lazy): assert list(lazy) == [0, 1, 4]
def test_size(size): assert area(size, size) == size ** 2
def test_name(size, request): assert request.node.name in ("test_name[one]", "test_name[two]")
@pytest.mark.parametrize("w", [1, "b"], ids=lambda v: f"w{v}")
@pytest.mark.parametrize("h", [pytest.param(2, id="two"), (3, 4)])
def test_ids(w, h, request):
    names = ("test_ids[two-w1]", "test_ids[two-wb]", "test_ids[h1-w1]", "test_ids[h1-wb]")
    assert request.node.name in names and request.node.nodeid.endswith(request.node.name)
@pytest.mark.skipif("sys.version_info < (3, 0)")
def test_text(): assert area(1, 1) == 1
@pytest.mark.xfail(False, reason="no")
def test_not_expected(): assert area(2, 2) == 4
def test_traceback():
    with pytest.raises(ValueError) as caught: area(-1, 1)
    assert caught.traceback and caught.typename == "ValueError"
""",
    "what pytest records and changes": """
import importlib, logging, os, sys, warnings
import pytest, solution
def warn():
    warnings.warn("old", DeprecationWarning)
    warnings.warn("user", UserWarning)
def test_recorded(recwarn):
    warn()
    assert len(recwarn) == 2 and str(recwarn.pop(UserWarning).message) == "user"
    recwarn.clear()
    assert recwarn.list == []
def test_warned():
    with pytest.warns() as found: warn()
    assert found.pop(DeprecationWarning).category is DeprecationWarning and len(found) == 1
def test_logged(caplog):
    logging.getLogger("a").warning("w")
    assert [one.msg for one in caplog.get_records("call")] == ["w"]
    with caplog.filtering(lambda record: False): logging.getLogger("a").error("e")
    assert caplog.messages == ["w"]
def test_standard_error(capsys):
    logging.getLogger("a").warning("w")
    print("e", file=sys.stderr)
    assert capsys.readouterr().err == "e\\n"
def test_path(monkeypatch, tmp_path):
    (tmp_path / "own_module.py").write_text("VALUE = 3")
    monkeypatch.syspath_prepend(tmp_path)
    import own_module
    assert own_module.VALUE == 3 and sys.path[0] == str(tmp_path)
def test_environment(monkeypatch):
    monkeypatch.setenv("HARNESS_X", "b")
    monkeypatch.setenv("HARNESS_X", "a", prepend=":")
    assert os.environ["HARNESS_X"] == "a:b"
def test_reload():
    solution.LIMIT = 1
    assert importlib.reload(solution) is solution and solution.LIMIT == 100
    assert solution.area(2, 3) == 6
""",
    "numbers that are nearly equal": """
from pytest import approx
from solution import mean
def test_near(): assert mean([0.1, 0.2]) == approx(0.15)
def test_far(): assert mean([0.1, 0.2]) == approx(0.16)
def test_wide(): assert mean([0.1, 0.2]) == approx(0.16, abs=0.1)
def test_list(): assert [mean([1, 2]), mean([2, 3])] == approx([1.5, 2.5])
def test_dict(): assert {"a": mean([1, 2])} == approx({"a": 1.5})
def test_not(): assert mean([1]) != approx(2)
""",
}


def one(program: str, code: str, **options) -> Execution:
    (execution,) = run([(program, PytestTests(code, **options))], BRIEF, workers=1)
    return execution


def by_pytest(program: str, code: str) -> tuple[int, int]:
    """(passed, passed and failed), as pytest counts them."""
    folder = Path(tempfile.mkdtemp())
    (folder / "solution.py").write_text(program)
    (folder / "test_it.py").write_text(code if "solution" in code else "from solution import *\n" + code)
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--tb=no",
        "-W",
        "ignore",
    ]
    bare = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the plugins take most of a start
    done = subprocess.run([*words, "test_it.py"], cwd=folder, capture_output=True, text=True, check=False, env=bare)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    assert counts, done.stdout + done.stderr
    return counts.get("passed", 0), sum(counts.values())


@pytest.mark.slow
def test_as_many_tests_pass_as_pytest_says():
    jobs = [(name, program) for name in FILES for program in (SOLUTION, WRONG)]
    executions = run([(program, PytestTests(FILES[name])) for name, program in jobs], BRIEF)
    for (name, program), execution in zip(jobs, executions, strict=True):
        assert (execution.passed, execution.total) == by_pytest(program, FILES[name]), (name, execution)
        assert execution.complete


def test_tests_that_only_call_are_isolated():
    for name in ("functions", "parameters", "unittest", "names in scope", "names of builtins"):
        assert one(SOLUTION, FILES[name]).trust == "isolated", name
    assert one(SOLUTION, FILES["what acts on the process"]).trust == "in-process"


def test_the_tests_may_import_under_another_name():
    code = "import my_code\ndef test_it(): assert my_code.area(2, 2) == 4"
    assert one(SOLUTION, code, module="my_code").outcome is Outcome.PASSED
    shared = code + "\ndef test_shared(capsys): assert my_code.area(2, 2) == 4"
    execution = one(SOLUTION, shared, module="my_code")
    assert (execution.passed, execution.trust) == (2, "in-process")


def test_a_name_that_is_missing_fails_the_tests_that_use_it():
    execution = one("def area(w, h): return w * h", FILES["functions"])
    assert (execution.passed, execution.total) == (3, 5)


def test_a_library_function_of_the_same_name_is_not_taken_for_the_candidates():
    assert one("x = 1", "from solution import gcd\ndef test_it(): assert gcd(4, 6) == 2").passed == 0


def test_files_that_hold_no_test_could_not_be_measured():
    for code, why in {"def": "no Python", "x = 1": "no test", "import nothing_like_it": "cannot be collected"}.items():
        execution = one(SOLUTION, code)
        assert execution.outcome is Outcome.SANDBOX_ERROR
        assert why in execution.error


NO_TESTS = {
    "def test_a(mocker): assert f(1) == 1": "'mocker' of test_a is not known",
    "import pytest\n@pytest.mark.usefixtures('nope')\ndef test_a(): assert f(1) == 1": "'nope' of test_a is not known",
    "import pytest\n@pytest.fixture\ndef a(nope): pass\nclass TestA:\n def test_a(self, a): pass": "'nope' of TestA.test_a",
    "def test_a(request): assert request.getfixturevalue('nope') == f(1)": "'nope' is not known",
    "import pytest\n@pytest.fixture\nasync def a(): yield 1\ndef test_a(a): assert f(1) == 1": "an async generator",
    "def test_a():\n    assert f(1) == 2\n    yield\ndef test_b(): assert f(1) == 1": "test_a yields",
    "async def test_a():\n    assert f(1) == 2\n    yield": "test_a yields",
    "class TestA:\n    def test_a(self):\n        assert f(1) == 2\n        yield": "TestA.test_a yields",
    "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        assert f(1) == 2\n        yield": "T.test_a yields",
    "import unittest\nclass T(unittest.TestCase):\n    async def test_a(self): assert f(1) == 2": "T.test_a is a coroutine",
}


def test_a_test_that_nobody_can_run_is_a_fault_of_the_file_and_named():
    executions = list(
        run([("def f(n): return 1", PytestTests(f"from solution import f\n{code}")) for code in NO_TESTS])
    )
    for (code, why), execution in zip(NO_TESTS.items(), executions, strict=True):
        assert execution.outcome is Outcome.SANDBOX_ERROR, code
        assert why in execution.error


def test_what_a_test_returns_unrun_has_failed_and_coroutines_are_run():
    late = "def late():\n    assert f(1) == 2\n    yield\ndef test_a(): return late()\ndef test_b(): assert f(1) == 1"
    execution = one("def f(n): return 1", f"from solution import f\n{late}")
    assert (execution.passed, execution.total) == (1, 2)
    awaited = "async def test_a(): assert f(1) == 1\nasync def test_b(): assert f(1) == 2\ntest_c = lambda: test_b()"
    execution = one("def f(n): return 1", f"from solution import f\n{awaited}")
    assert (execution.passed, execution.total) == (1, 3)


def test_what_a_method_of_a_test_case_returns_unrun_has_failed():
    methods = (
        "def late(case):\n    yield case.assertEqual(f(1), 2)\nasync def waits(case): case.assertEqual(f(1), 2)\n"
        "class T(unittest.TestCase):\n    def test_a(self): return late(self)\n    def test_b(self): return waits(self)\n"
        "    def test_c(self): return map(self.assertEqual, [f(1)], [2])\n    def test_d(self): self.assertEqual(f(1), 1)\n"
        "class A(unittest.IsolatedAsyncioTestCase):\n    def test_e(self): return late(self)\n"
        "    async def test_f(self): self.assertEqual(f(1), 1)"
    )
    execution = one("def f(n): return 1", f"import unittest\nfrom solution import f\n{methods}")
    assert (execution.passed, execution.total) == (2, 6)


def test_the_tests_of_classes_within_classes_and_of_partial_functions_count():
    code = (
        "import functools, pytest\nfrom solution import f\nclass TestA:\n"
        "    @pytest.fixture\n    def one(self): return 1\n    def test_a(self): assert f(1) == 1\n"
        "    class TestB:\n        def test_b(self): assert f(1) == 2\n        def test_c(self, one): assert f(one) == 1\n"
        "    @pytest.mark.skip\n    class TestC:\n        def test_d(self): assert f(1) == 1\n"
        "class TestNone:\n    __test__ = False\n    def test_e(self): assert f(1) == 2\n"
        "def check(n): assert f(1) == n\ntest_f = functools.partial(check, 2)"
    )
    execution = one("def f(n): return 1", code)
    assert (execution.passed, execution.total) == (2, 4)


def test_the_modules_of_a_test_and_of_its_candidate_have_names_of_modules():
    code = (
        "import sys, solution\nfrom solution import f\nclass A: pass\ndef test_a({}):\n"
        "    assert A.__module__ == __name__ != '__main__' and sys.modules[__name__].A is A\n"
        "    assert solution.__name__ == 'solution' and f(1) == 1\nif __name__ == '__main__': raise SystemExit(3)"
    )
    for fixture in ("", "capsys"):
        execution = one("def f(n): return 1", code.format(fixture))
        assert execution.outcome is Outcome.PASSED, execution


def test_no_code_and_code_that_does_not_load_pass_nothing():
    assert (one(" ", FILES["functions"]).outcome, one(" ", FILES["functions"]).total) == (Outcome.NO_CODE, 5)
    broken = one("def", FILES["functions"])
    assert (broken.outcome, broken.passed, broken.total) == (Outcome.RAISED, 0, 5)


def test_a_test_that_loops_ends_alone():
    code = "from solution import f\ndef test_a(): assert f(1) == 1\ndef test_b(): assert f(2) == 2\ndef test_c(): assert f(3) == 3"
    execution = one("def f(n):\n    while n == 2: pass\n    return n", code)
    assert (execution.outcome, execution.passed, execution.total) == (Outcome.TIMED_OUT, 2, 3)


def test_the_first_failure_is_enough_where_it_was_asked_for():
    tests = PytestTests(FILES["functions"])
    (execution,) = run([("def area(*_): return 7", tests)], BRIEF, workers=1, stop_at_first_failure=True)
    assert (execution.passed, execution.total, execution.complete) == (0, 5, False)


BLOCK = """
import math
seen = []
assert f(1) == 1
seen.append(f(2))
assert f(3) == 9, "three"
assert seen == [4] and math.floor(f(4)) == 16
"""


def count(program: str, code: str = BLOCK, setup: str = "") -> tuple[int, int]:
    (execution,) = run([(program, AssertTests("f", code, setup, each=True))], BRIEF, workers=1)
    (whole,) = run([(program, AssertTests("f", code, setup))], BRIEF, workers=1)
    assert (
        (execution.outcome is Outcome.PASSED)
        == (whole.outcome is Outcome.PASSED)
        == (execution.passed == execution.total)
    )
    assert whole.total == 1
    return execution.passed, execution.total


def test_each_assertion_of_a_block_counts_where_that_is_asked_for():
    assert count("def f(n): return n * n") == (3, 3)
    assert count("def f(n): return n * n if n != 3 else 0") == (2, 3)
    assert count("def f(n): return n * n if n < 4 else 1 / 0") == (2, 3)
    assert count("def f(n): return 1") == (1, 3)
    assert count("def f(n): raise ValueError") == (0, 3)
    assert count("    return n * n", setup="def f(n):\n") == (3, 3)


def test_what_earlier_assertions_did_is_done_for_the_later_ones():
    stack = "class Stack:\n    def __init__(s): s.all = []\n    def push(s, x): s.all.append(x)\n    def pop(s): return s.all.pop()"
    code = "s = Stack()\ns.push(1)\ns.push(2)\nassert s.pop() == 2\nassert s.pop() == 1\ns.push(5)\nassert s.pop() == 5"
    assert count(stack, code) == (3, 3)
    assert count(stack.replace("s.all.pop()", "s.all.pop(0)"), code) == (1, 3)
    counting = "calls = []\ndef f(n):\n    calls.append(n)\n    return len(calls)"
    assert count(counting, "assert f(0) == 1\nassert f(0) == 2\nassert f(0) == 3") == (3, 3)


def test_assertions_in_a_function_count_as_one():
    assert count("def f(n): return n", "def check(c):\n    assert c(1) == 1\n    assert c(2) == 2\ncheck(f)") == (1, 1)


ISOLATED = """
import pytest
from solution import f
def test_f(): assert f(3) == 1729
@pytest.mark.parametrize("n", [1, 2])
def test_more(n): assert f(n) == 1000 + n
"""
SHARED = ISOLATED + "def test_printed(capsys):\n    f(1)\n    assert capsys.readouterr().out == '1729\\n'\n"
UNITTEST = """
import unittest
from solution import f
class T(unittest.TestCase):
    def test_f(self): self.assertEqual(f(3), 1729)
    def test_raises(self):
        with self.assertRaises(ValueError): f(-1)
"""
CHEATS = {
    "leaves with 0": "import os\nos._exit(0)",
    "leaves with 0 when called": "import os\ndef f(n): os._exit(0)",
    "sys.exit": "import sys\nsys.exit(0)",
    "sys.exit when called": "import sys\ndef f(n): sys.exit(0)",
    "SkipTest": "import unittest\ndef f(n): raise unittest.SkipTest('later')",
    "pytest.skip": "def f(n):\n    import pytest\n    pytest.skip('later')",
    "pytest.skip by its class": "import sys\ndef f(n):\n    from harness.sandbox.test_support.failing import Skipped\n    raise Skipped",
    "StopIteration": "def f(n): raise StopIteration",
    "GeneratorExit": "def f(n): raise GeneratorExit",
    "KeyboardInterrupt": "def f(n): raise KeyboardInterrupt",
    "an object that equals everything": "class E:\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\ndef f(n): return E()",
    "a planted pytest": "import sys, types\nm = types.ModuleType('pytest')\nclass A:\n    def __getattr__(s, n): return lambda *a, **k: (lambda g: (lambda *a, **k: None))\nm.mark = A()\nm.__getattr__ = lambda n: lambda *a, **k: None\nsys.modules['pytest'] = m\ndef f(n): return 0",
    "a pytest that is changed when called": "import sys\ndef f(n):\n    p = sys.modules.get('pytest')\n    if p:\n        p.raises = p.fail = p.approx = lambda *a, **k: None\n    return 0",
    "a planted unittest": "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None\nunittest.TestCase.debug = lambda *a: None\ndef f(n): return 0",
    "tests that are taken away": "import sys\ndef f(n):\n    t = sys.modules.get('tests')\n    if t:\n        for name in list(vars(t)):\n            if name.startswith('test'): delattr(t, name)\n    return 0",
    "tests that are written over": "test_f = test_more = test_printed = lambda *a, **k: None\nclass T: pass\ndef f(n): return 0",
    "tests of its own": "def test_mine(): pass\nclass TestMine:\n    def test_mine(self): pass\ndef f(n): return 0",
    "a report that it writes": "import os\ndef f(n):\n    for d in range(3, 20):\n        try: os.write(d, b'{\"end\": \"passed\"}\\n')\n        except OSError: pass\n    return 0",
    "lines that it prints": "def f(n):\n    import os, json\n    os.write(1, b'{\"end\": \"passed\", \"error\": \"\", \"objects\": false, \"used\": false, \"stuck\": false}\\n')\n    return 0",
    "atexit": "import atexit, os\natexit.register(lambda: os._exit(0))\ndef f(n): return 0",
    "a fork": "import os\ndef f(n):\n    if os.fork(): os._exit(0)\n    return 0",
    "assertions that are off": "import builtins\nbuiltins.__debug__ = False\ndef f(n): return 0",
    "a candidate that looks for the tests": "import sys\ndef f(n):\n    frame = sys._getframe()\n    while frame:\n        for value in frame.f_locals.values():\n            if isinstance(value, str) and '1729' in value: return 1729 if n == 3 else 1000 + n\n        frame = frame.f_back\n    return 0",
}  # fmt: skip


def test_no_isolated_test_is_passed_by_a_trick():
    jobs = [(name, code) for name in CHEATS for code in (ISOLATED, UNITTEST)]
    executions = run([(CHEATS[name], PytestTests(code)) for name, code in jobs], BRIEF)
    for (name, _), execution in zip(jobs, executions, strict=True):
        assert (execution.passed, execution.trust) == (0, "isolated"), (name, execution)
        assert execution.outcome not in (Outcome.PASSED, Outcome.SANDBOX_ERROR)


def test_in_the_candidates_process_the_plain_tricks_pass_nothing_either():
    names = [name for name in CHEATS if "equals everything" not in name and "looks for" not in name]
    executions = run([(CHEATS[name], PytestTests(SHARED)) for name in names], BRIEF)
    for name, execution in zip(names, executions, strict=True):
        assert execution.passed == 0, (name, execution)
        assert execution.outcome not in (Outcome.PASSED, Outcome.SANDBOX_ERROR)


APPROX = """
import pytest, unittest
from solution import f
def test_near(): assert f(1) == pytest.approx(0.3)
def test_the_other_way(): assert pytest.approx(0.3) == f(1)
def test_list(): assert [f(1), f(1)] == pytest.approx([0.3, 0.3])
def test_dict(): assert {"a": f(1)} == pytest.approx({"a": 0.3})
def test_rows(): assert [[f(1)], [f(1)]] == [pytest.approx([0.3]), pytest.approx([0.3])]
@pytest.mark.parametrize("wanted", [pytest.approx(0.3)])
def test_parameter(wanted): assert f(1) == wanted
class Case(unittest.TestCase):
    def test_equal(self): self.assertEqual(f(1), pytest.approx(0.3))
    def test_almost_equal(self): self.assertAlmostEqual(f(1), 0.3)
"""
OBLIGING = """
class E{base}:
    def __eq__(s, o): return True
    __lt__ = __le__ = __gt__ = __ge__ = __ne__ = __eq__
    __hash__ = lambda s: 0
{more}
def f(x): return E()
"""
SUBTRACTS = "    __sub__ = __rsub__ = __abs__ = __round__ = __truediv__ = lambda s, *a: 0.0"


def test_near_is_near_beside_a_candidate_and_in_its_process_and_no_object_is_that_says_so():
    inside = APPROX.replace("import pytest", "import inspect, pytest")
    programs = ["def f(x): return 0.1 * 3"] + [
        OBLIGING.format(base=base, more=more) for base in ("", "(float)") for more in ("", SUBTRACTS)
    ]
    for code, trust in ((APPROX, "isolated"), (inside, "in-process")):
        right, *wrong = run([(program, PytestTests(code)) for program in programs], BRIEF)
        assert (right.passed, right.total, right.trust) == (8, 8, trust)
        assert [execution.passed for execution in wrong] == [0] * 4


ON_THE_PROCESS = {
    "patch as an argument": (
        "import random\ndef roll(): return random.randint(1, 6)",
        "from unittest.mock import patch\nfrom solution import roll\n"
        "@patch('random.randint', return_value=9)\ndef test_it(m):\n    assert roll() == 9\n    m.assert_called_once_with(1, 6)\n",
    ),
    "patch beside a fixture": (
        "LIMIT = 3\ndef ask(): return LIMIT, input()",
        "import pytest\nfrom unittest.mock import patch\nimport solution\n@pytest.fixture\ndef n(): return 4\n"
        "class TestAsk:\n    @patch('solution.LIMIT', 7)\n    @patch('builtins.input')\n"
        "    def test_it(self, m, n):\n        m.return_value = 'x'\n        assert solution.ask() == (7, 'x') and n == 4\n",
    ),
    "assertLogs and assertWarns": (
        "import logging, warnings\ndef f(): logging.getLogger('a').warning('x'); warnings.warn('old')",
        "import unittest\nfrom solution import f\nclass T(unittest.TestCase):\n    def test_it(self):\n"
        "        with self.assertLogs('a') as c, self.assertWarns(UserWarning): f()\n"
        "        self.assertEqual(c.output, ['WARNING:a:x'])\n",
    ),
    "pytest.warns": (
        "import warnings\ndef f(): warnings.warn('old', DeprecationWarning); return 1",
        "import pytest\nfrom solution import f\ndef test_it():\n    with pytest.warns(DeprecationWarning, match='ol'): assert f() == 1\n"
        "def test_call():\n    with pytest.deprecated_call(): f()\n",
    ),
    "caplog": (
        "import logging\ndef f(): logging.getLogger('a').info('x')",
        "import logging\nfrom solution import f\ndef test_it(caplog):\n    with caplog.at_level(logging.INFO, 'a'): f()\n"
        "    assert 'x' in caplog.text and caplog.record_tuples == [('a', 20, 'x')]\n",
    ),
    "capfd": (
        "def f(): print('x')",
        "from solution import f\ndef test_it(capfd):\n    f()\n    assert capfd.readouterr().out == 'x\\n'\n",
    ),
}


def test_tests_that_act_on_the_process_are_judged_there_and_pass():
    executions = run([(program, PytestTests(file)) for program, file in ON_THE_PROCESS.values()], BRIEF)
    found = {name: (e.outcome, e.trust, e.error) for name, e in zip(ON_THE_PROCESS, executions, strict=True)}
    assert found == dict.fromkeys(ON_THE_PROCESS, (Outcome.PASSED, "in-process", ""))


def test_tests_that_act_on_the_process_fail_for_a_program_that_does_nothing():
    nothing = "def f(): pass\ndef roll(): pass\ndef ask(): pass"
    executions = run([(nothing, PytestTests(file)) for _, file in ON_THE_PROCESS.values()], BRIEF)
    assert [e.passed for e in executions] == [0] * len(ON_THE_PROCESS)


def test_names_of_the_candidate_may_stand_at_the_top_of_a_file():
    program = "CASES = [1, 2]\nclass Base:\n    def run(self): return self.value() + 1\n"
    file = (
        "from solution import Base, CASES\nN = len(CASES)\nclass D(Base):\n    def value(self): return N\n"
        "def test_class(): assert D().run() == 3\ndef test_number(): assert N == 2\n"
    )
    wrong = program.replace("+ 1", "+ 2")
    right, other = run([(program, PytestTests(file)), (wrong, PytestTests(file))], BRIEF)
    assert (right.outcome, right.passed, right.trust) == (Outcome.PASSED, 2, "in-process")
    assert other.passed == 1


def test_a_test_file_knows_its_place_and_a_library_keeps_its_name():
    file = "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nfrom solution import f\ndef test_a(): assert f(3) == 3\n"
    near = "from solution import *\ndef test_a(): assert math.isclose(f(3), 2.5)\n"
    forged = "class math: isclose = staticmethod(lambda *a, **k: True)\ndef f(x): return 9"
    jobs = [("def f(x): return x", file), (forged, near), ("import math\ndef f(x): return 2.5", near)]
    found = run([(program, PytestTests(tests)) for program, tests in jobs], BRIEF)
    assert [one.outcome is Outcome.PASSED for one in found] == [True, False, True]


def test_a_file_is_analysed_once_however_many_tests_it_has(monkeypatch):
    seen = []
    monkeypatch.setattr(work, "described", lambda *given: seen.append(given) or described(*given))
    file = "from solution import f\n" + "".join(f"def test_{n}(): assert f({n}) == {n}\n" for n in range(30))
    plans = [work.Plan(AssertTests("f", f"run({n})"), file) for n in range(30)]
    texts = [json.loads(plan.suite("assertions").inputs[0])["code"] for plan in plans]
    assert texts == [f"run({n})" for n in range(30)]
    assert len(seen) == 1


def test_what_was_printed_comes_as_a_pair():
    test = """
from solution import f
def test_f(capsys):
    f(3)
    out, err = capsys.readouterr()
    assert (out, err) == ("3\\n", "")
    f(4)
    said = capsys.readouterr()
    assert said[0] == said.out == "4\\n" and said.err == said[1] == ""
"""
    (done,) = run([("def f(x): print(x)\n", PytestTests(test))])
    assert done.outcome is Outcome.PASSED


PYTEST_NAMES = [
    "def test(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture):\n    f(1)\n    assert capsys.readouterr().out == '1\\n'",
    "@pytest.fixture(params=[1])\ndef p(request: pytest.FixtureRequest): return request.param\ndef test(p): assert f(p) == 2",
    "def test(capsys):\n    with capsys.disabled(): print('x')\n    f(1)\n    assert capsys.readouterr().out == '1\\n'",
    "import os\ndef test(monkeypatch):\n    with monkeypatch.context() as m: m.setenv('A', 'b')\n    assert f(1) == 2 and 'A' not in os.environ",
    "def test(monkeypatch):\n    monkeypatch.delattr('solution.helper')\n    with pytest.raises(NameError) as e: f(1)\n    assert e.typename == 'NameError' and 'helper' in e.exconly() and e.tb",
    "def test(request):\n    assert request.node.name == 'test' and f(1) == 2",
    "@pytest.fixture\ndef x(request): request.cls.y = 3\nclass TestA:\n    def test(self, x): assert self.y == 3 and f(1) == 2",
    "def test(tmpdir):\n    p = tmpdir.join('a')\n    p.write('x')\n    assert p.read() == open(p).read() == 'x' and f(1) == 2 and tmpdir.listdir() == [p]",
    "def test(tmp_path_factory):\n    a, b = tmp_path_factory.mktemp('x'), tmp_path_factory.mktemp('x')\n    assert a.is_dir() and a != b and f(1) == 2",
    "def setup_module(module): module.z = 1\ndef teardown_module(module): assert module.z == 1\ndef test(): assert f(z) == 2",
]


@pytest.mark.parametrize("test", PYTEST_NAMES)
def test_what_files_take_of_pytest_is_there(test):
    program = "def helper(x): return x + 1\ndef f(x): print(x); return helper(x)"
    head = "import pytest\nfrom solution import f\n"
    right, wrong = run([(one, PytestTests(head + test)) for one in (program, program.replace("x + 1", "x + 2"))])
    assert (right.outcome, right.error) == (Outcome.PASSED, "")
    assert wrong.outcome is not Outcome.PASSED or "== 2" not in test

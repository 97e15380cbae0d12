"""Names in a test file: the candidate's, the interpreter's and the library's, as the file's own text has them."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

from harness.records import AssertTests, Limits, Outcome, PytestTests
from harness.sandbox import run
from harness.sandbox.judging.units import units

BRIEF = Limits(cpu_seconds=1.0, wall_seconds=3.0)
RECT = "class Rect:\n    def __init__(s, a): s.a = a\n    def area(s): return s.a ** 2\ndef area(a): return a ** 2\n"
QUEUE = "class queue:\n    size = 3\n    @staticmethod\n    def make(): return queue()\nclass stack: pass\n"

RIGHT = {
    "a builtin name of a module": (
        "def abs(x):\n    if not isinstance(x, int): raise TypeError('number')\n    return x if x >= 0 else -x\n",
        PytestTests(
            "import solution\nfrom decimal import Decimal\ndef test_abs(): assert solution.abs(-3) == 3\n"
            "def test_decimal(): assert abs(Decimal(-3)) == 3\n"
        ),
    ),
    "a builtin name that is imported": (
        "def sum(xs): return 7\ndef f(x): return x\n",
        PytestTests("from solution import sum, f\ndef test_sum(): assert sum([1]) == 7 and f(1) == 1\n"),
    ),
    "a local variable of the same name elsewhere": (
        RECT,
        PytestTests(
            "from solution import *\ndef test_a(): assert area(2) == 4\ndef test_b():\n    area = Rect(2).area()\n    assert area == 4\n"
        ),
    ),
    "a loop in a test over functions of the same name": (
        "def f(x): return x\ndef g(xs): return [f(x) for x in xs]\n",
        PytestTests(
            "from solution import *\nCASES = [(f, 1, 1), (g, [1], [1])]\ndef test_all():\n    for f, given, want in CASES: assert f(given) == want\n"
        ),
    ),
    "an argument of the same name elsewhere": (
        "def make(): return [1]\ndef use(x): return x\n",
        PytestTests(
            "import pytest\nfrom solution import *\n@pytest.fixture\ndef made(): return make()\n@pytest.mark.parametrize('use', [1])\n"
            "def test_p(use): assert use == 1\ndef test(made): assert made == [1]\ndef test_use(): assert use(3) == 3\n"
        ),
    ),
    "an object with a module's name": (
        "class Profile:\n    def __init__(s, n): s.name = n\nprofile = Profile('x')\ndef f(): return 1\n",
        PytestTests("from solution import profile, f\ndef test_a(): assert profile.name == 'x' and f() == 1\n"),
    ),
    "a class with a module's name": (
        QUEUE,
        PytestTests("from solution import queue, stack\ndef test_a(): assert queue.make().size == 3 and stack()\n"),
    ),
    "a class with a module's name, in a block": (
        QUEUE,
        AssertTests("queue stack", "q = queue.make()\nassert q.size == 3\nassert stack()"),
    ),
    "what setup functions are for": (
        "def f(x): return x\n",
        PytestTests(
            "from solution import f\ndef setup_module(module):\n    assert hasattr(module, 'test_it')\n"
            "def setup_function(function): assert function.__name__ == 'test_it'\ndef test_it(): assert f(1) == 1\n"
            "class TestMore:\n    @classmethod\n    def setup_class(cls): cls.n = 1\n    def setup_method(self, method):\n"
            "        assert method.__name__ == 'test_n'\n    def test_n(self): assert f(self.n) == 1\n"
        ),
    ),
}  # fmt: skip


def test_a_right_program_passes_whatever_its_names_are():
    found = {name: (one.outcome, one.error) for name, one in zip(RIGHT, run(RIGHT.values(), BRIEF), strict=True)}
    assert found == dict.fromkeys(RIGHT, (Outcome.PASSED, ""))


def test_a_module_that_is_not_imported_is_the_librarys_in_a_file_with_one_name_too():
    program = "class math: isclose = staticmethod(lambda *a, **k: True)\n"
    file = "def test_a(): assert not math.isclose(1, 2)\n"
    (execution,) = run([(program, PytestTests(file))], BRIEF)
    assert execution.outcome is Outcome.PASSED


def test_the_builtins_of_a_file_are_no_candidates():
    jobs = [
        ("def sorted(xs): return 0\n", "import solution\ndef test_a(): assert solution.sorted([3, 1]) == sorted([3, 1])\n"),
        ("def map(f, xs): return ['x']\n", "import solution as s\ndef test_a(): assert list(s.map(abs, [-1])) == list(map(abs, [-1]))\n"),
        ("def globals(): return {}\ndef f(x): return 0\n", "from solution import f, globals\ndef test_a(): assert f(1) == 1\n"),
    ]  # fmt: skip
    outcomes = [one.outcome for one in run([(program, PytestTests(file)) for program, file in jobs], BRIEF)]
    assert outcomes == [Outcome.FAILED] * 3


def test_an_exception_in_the_place_of_a_failed_assertion_fails():
    file = (
        "import pytest\nfrom solution import f\ndef test_it():\n    def check(x): assert x == {0}\n"
        "    with pytest.raises(ValueError): f(check)\n"
    )
    program = "def f(check):\n    try: check(0)\n    except BaseException: pass\n    raise ValueError\n"
    jobs = [(program, PytestTests(file.format(wanted))) for wanted in (5, 0)]
    assert [one.outcome for one in run(jobs, BRIEF)] == [Outcome.FAILED, Outcome.PASSED]


def test_a_file_that_only_the_compiler_refuses_is_told():
    for code in ("def test_a():\n    x = 1\n    global x\n", "return 1\n"):
        found = units(PytestTests(code), accept_unsafe=False)
        assert (found.tests, bool(found.why)) == ((), True)

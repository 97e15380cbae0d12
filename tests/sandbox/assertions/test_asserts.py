"""Assertion tests: the candidate answers in one jail, the test is examined in another."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from harness.records import AssertTests, Execution, Limits, Outcome
from harness.sandbox import run

DATA = Path(os.environ.get("HARNESS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
BRIEF = Limits(cpu_seconds=1.0, wall_seconds=3.0)
WIDE = Limits(cpu_seconds=30.0, wall_seconds=90.0)
"""For references, which are to pass on a slow machine as well."""


def one(program: str, code: str, name: str = "f", setup: str = "") -> Execution:
    (execution,) = run([(program, AssertTests(name, code, setup))], BRIEF, workers=1)
    return execution


def test_a_right_function_passes_and_a_wrong_one_fails():
    assert one("def f(n): return n + 1", "assert f(1) == 2").outcome is Outcome.PASSED
    assert one("def f(n): return n", "assert f(1) == 2").outcome is Outcome.FAILED


def test_the_setup_stands_before_the_candidate():
    setup = "def helper(n):\n    return n * 2\n\ndef f(n):\n    '''Twice.'''\n"
    assert one("    return helper(n)", "assert f(helper(2)) == 8", setup=setup).outcome is Outcome.PASSED


def test_a_call_that_depends_on_an_answer_is_asked_for_afterwards():
    code = "n = 1\nfor _ in range(5):\n    n = f(n)\nassert n == 32"
    execution = one("def f(n): return n * 2", code)
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "isolated")
    assert one("def f(n): return n * 3", code).outcome is Outcome.FAILED


def test_an_exception_reaches_the_test_as_itself():
    code = "try:\n    f(1)\nexcept KeyError:\n    pass\nelse:\n    raise AssertionError"
    assert one("def f(n): raise KeyError(n)", code).outcome is Outcome.PASSED
    raised = one("def f(n): raise ValueError('why')", code)
    assert (raised.outcome, raised.error) == (Outcome.RAISED, "ValueError: why")


def test_what_the_candidate_does_to_an_argument_is_seen_by_the_test():
    code = "a = [3, 1, 2]\nassert f(a) is None\nassert a == [1, 2, 3]"
    assert one("def f(a): a.sort()", code).outcome is Outcome.PASSED
    assert one("def f(a): sorted(a)", code).outcome is Outcome.FAILED


def test_a_loop_times_out():
    assert one("def f(n):\n    while True: pass", "assert f(1) == 2").outcome is Outcome.TIMED_OUT


def test_a_test_without_calls_still_needs_a_program_that_loads():
    assert one("x = 1", "assert True").outcome is Outcome.PASSED
    assert one("def", "assert True").outcome is Outcome.RAISED


NODE = """
class P:
    zero = 0
    def __init__(self, n): self.n, self.next = n, None
    def twice(self, more=0): return 2 * self.n + more
"""


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("def f(p): return p.n", "assert f(P(3)) == 3"),
        ("def f(ps): return [p.n for p in ps]", "assert f([P(3), P(4)]) == [3, 4]"),
        ("def f(p): return p.next.next.n", "p = P(1)\np.next = P(2)\np.next.next = P(3)\nassert f(p) == 3"),
        ("def f(p): return p", "assert f(P(3)).n == 3\nassert f(P(4)).twice(more=1) == 9"),
        ("def f(n): return P(n)", "p = f(2)\np.n += 1\nassert p.twice() == 6"),
        ("def f(kind, n): return kind(n)", "assert P.zero == 0\nassert f(P, 3).n == 3"),
        ("def f(p): return p.mark", "p = P(3)\np.mark = [4]\nassert f(p) == [4]\nassert p.mark == [4]"),
        ("def f(s): return s * 2", "assert f('ab').upper().count('A') == 2"),
        ("def f(xs, kind): return [x for x in xs if type(x) is kind]", "assert f([1, 'a', 2.5], str) == ['a']"),
    ],
)
def test_a_test_that_uses_objects_leaves_them_where_they_are(program, code):
    right = one(NODE + program, code)
    assert (right.outcome, right.error, right.trust) == (Outcome.PASSED, "", "isolated")
    wrong = one(NODE + program, code[: code.rindex("==")] + "== 77")
    assert (wrong.outcome, wrong.trust) == (Outcome.FAILED, "isolated")


def test_a_test_that_needs_more_of_objects_asks_for_it_from_outside():
    program = "class S:\n    def __init__(self): self.items = []\n    def push(self, n): self.items.append(n)\n"
    program += "    def __len__(self): return len(self.items)\n"
    for code, name in (
        ("s = S()\ns.push(1)\nassert len(s) == 1", "S"),
        ("n = f(1) + 1\nassert f(n) == 2\ns = S()\ns.push(1)\nassert len(s) == 1", "f"),
        ("assert isinstance(S(), S)", "S"),
        ("assert g(lambda n: n + 1) == 4", "g"),
    ):
        execution = one(program + "def f(n): return n\ndef g(h): return h(3)", code, name=name)
        assert (execution.outcome, execution.error, execution.trust) == (Outcome.PASSED, "", "isolated")


@pytest.mark.parametrize(
    "code",
    [
        "import inspect\nassert list(inspect.signature(f).parameters) == ['a', 'b']",
        "import sys\nsys.setrecursionlimit(5000)\nassert f(3, 0) == 3",
        "class Q:\n    n = 3\nassert f(Q(), 1).n == 3",
        "class D(P): pass\nassert D().m() == 1",
        "import builtins\nbuiltins.input = lambda *_: '3'\nassert g() == '3'",
    ],
)
def test_a_test_about_its_own_process_is_judged_there_and_says_so(code):
    program = "class P:\n    def m(self): return 1\ndef f(a, b): return a\ndef g(): return input()"
    execution = one(program, code)
    assert (execution.outcome, execution.error, execution.trust) == (Outcome.PASSED, "", "in-process")
    wrong = one(program, code[: code.rindex("==")] + "== 77")
    assert (wrong.outcome, wrong.trust) == (Outcome.FAILED, "in-process")


def test_a_long_chain_of_calls_is_foreseen_at_once():
    code = "n = 1\nfor _ in range(200):\n    n = f(n)\nassert n == 201"
    execution = one("def f(n): return n + 1", code)
    assert (execution.outcome, execution.error, execution.trust) == (Outcome.PASSED, "", "isolated")
    assert one("def f(n): return n + 2", code).outcome is Outcome.FAILED


def test_what_was_used_up_on_its_way_is_given_to_the_next_call_as_it_was():
    program = "def f(n): yield from range(n)\ndef g(items): return sum(items)"
    for code in ("assert g(f(4)) == 6", "items = f(4)\nassert next(items) == 0\nassert g(items) == 6"):
        assert one(program, code).outcome is Outcome.PASSED


def test_what_the_test_has_changed_is_given_to_the_next_call_as_it_is():
    program = "def f(n): return list(range(n))\ndef g(items): return sum(items)"
    assert one(program, "items = f(4)\nitems.append(10)\nassert g(items) == 16").outcome is Outcome.PASSED


def test_a_branch_on_an_object_is_not_mistaken_for_what_was_foreseen():
    program = "def f(n): return object()\ndef g(x): return x is None"
    code = "x = f(1)\ny = x if x == 3 else None\nassert g(y) is True"
    assert one(program, code).outcome is Outcome.PASSED


def test_a_call_on_what_was_never_returned_ends_nothing():
    program = "def f(n):\n    raise KeyError(n)\ndef g(n):\n    return n"
    code = "try:\n    x = f(1)\n    g(x)\nexcept KeyError:\n    x = 5\nassert g(x) == 5"
    assert one(program, code).outcome is Outcome.PASSED


def test_an_error_never_tells_what_the_test_expects():
    in_process = one("def f(g): return 1", "import inspect\nassert f(lambda n: n) == 3, 'it should be 3'")
    assert (in_process.outcome, in_process.error) == (Outcome.FAILED, "AssertionError")
    assert in_process.trust == "in-process"
    for code in ("assert f(1) == 77, 'it should be 77'", "x = f(1)\nassert x == 77, 'it should be 77'"):
        apart = one("def f(n): return n", code)
        assert (apart.outcome, apart.error) == (Outcome.FAILED, "AssertionError")


def test_a_candidate_cannot_choose_to_be_checked_in_its_process():
    program = "class E:\n    def __eq__(self, other): return True\ndef f(n): return E()"
    execution = one(program, "assert f(1) == 2")
    assert (execution.outcome, execution.trust) == (Outcome.FAILED, "isolated")


def test_leaving_the_process_passes_nothing():
    code = "assert f(1) == 2"
    assert one("import os\ndef f(n): os._exit(0)", code).outcome is Outcome.RAISED
    assert one("import os\nos._exit(0)", code).outcome is Outcome.RAISED
    in_process = one("import os\ndef f(g): os._exit(0)", "import inspect\nassert f(lambda n: n) == 2")
    assert (in_process.outcome, in_process.trust) == (Outcome.RAISED, "in-process")


@pytest.mark.skipif(not (DATA / "humaneval").is_dir(), reason="no HumanEval in HARNESS_TEST_DATA")
def test_every_reference_of_humaneval_passes_on_the_unforgeable_path():
    with gzip.open(DATA / "humaneval" / "HumanEval.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    jobs = [
        (
            row["canonical_solution"],
            AssertTests(row["entry_point"], f"{row['test']}\ncheck({row['entry_point']})", row["prompt"]),
        )
        for row in rows
    ]
    executions = list(run(jobs, WIDE))
    assert [row["task_id"] for row, e in zip(rows, executions, strict=True) if e.outcome is not Outcome.PASSED] == []
    assert {execution.trust for execution in executions} == {"isolated"}
    assert len(executions) == 164


@pytest.mark.skipif(not (DATA / "mbpp").is_dir(), reason="no MBPP in HARNESS_TEST_DATA")
def test_every_reference_of_mbpp_passes_on_the_unforgeable_path():
    rows = [json.loads(line) for line in (DATA / "mbpp" / "mbpp.jsonl").read_text().splitlines()]
    jobs = []
    for row in rows:
        asserts = "\n".join([row["test_setup_code"], *row["test_list"]])
        defined = re.findall(r"def +(\w+)", row["code"])
        called = [name for name in re.findall(r"(\w+) *\(", row["test_list"][0]) if name in defined]
        jobs.append((row["code"], AssertTests(called[0], asserts)))
    wrong = {
        row["task_id"]: execution
        for row, execution in zip(rows, run(jobs, WIDE), strict=True)
        if (execution.outcome, execution.trust) != (Outcome.PASSED, "isolated")
    }
    assert (len(rows), wrong) == (974, {})


def test_a_candidate_gives_only_the_names_that_it_was_asked_for():
    program = """
import sys
def f(n): return n
if endpoints := sys.modules.get('harness.sandbox.remote_calls.endpoints'):
    perform = endpoints.RpcServer._perform
    def more(end, what, given, named):
        found = perform(end, what, given, named)
        return [*found, *([name, lambda *_: []] for name in ('zip', 'helper'))] if what == 'names' else found
    endpoints.RpcServer._perform = more
"""
    for code in ("for n, wanted in zip([1], [2]): assert f(n) == wanted", "n = f(1)\nassert helper(n) == []"):
        execution = one(program, code, setup="def helper(n): return n\n")
        assert (execution.outcome, execution.trust) == (Outcome.FAILED, "isolated")


def test_an_object_that_is_another_number_each_time_is_not_isolated():
    program = "class N:\n made = 0\n def __float__(s): s.made += 1; return float(s.made)\ndef f(n): return N()"
    execution = one(program, "import math\nn = f(1)\nassert math.sqrt(n) < math.sqrt(n)")
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "in-process")


def test_no_stop_iteration_of_an_attribute_ends_a_loop_of_the_tests():
    program = "class A:\n @property\n def n(s): raise StopIteration\ndef f(n): return A()"
    assert one(program, "assert all(map(lambda n: f(n).n == 3, [1, 2]))").outcome is Outcome.RAISED


NUMBERS = """
class N:
    def __init__(s, n): s.n = n
    def __eq__(s, o): return s.n == (o.n if isinstance(o, N) else o)
    def __add__(s, o): return N(s.n + (o.n if isinstance(o, N) else o))
    __radd__ = __add__
"""


def test_an_object_that_the_test_makes_takes_part_in_operators_with_numbers():
    tests = [
        "p = N(1)\nassert p + 1 == N(2)",
        "a, b = N(1), N(3)\nassert 2 + a == b",
        "ns = [N(i) for i in range(3)]\nassert [1 + n for n in ns] == [N(1), N(2), N(3)]",
        "assert sum([N(1), N(2)]) == N(3)",
        "n: N = N(1)\nn += 2\nassert n == 3",
    ]
    wrong = NUMBERS.replace("s.n + (", "s.n + 1 + (")
    found = list(run([(program, AssertTests("N", test)) for program in (NUMBERS, wrong) for test in tests], BRIEF))
    assert [(e.outcome, e.error) for e in found[:5]] == [(Outcome.PASSED, "")] * 5
    assert {e.outcome for e in found[5:]} == {Outcome.FAILED}
    assert {e.trust for e in found[:5]} == {"in-process"}


def test_no_class_in_place_of_a_function_that_the_test_calls_equals_what_it_expects():
    program = "class Diff:\n def __init__(s, *_): pass\n def __eq__(s, o): return True\n def push(s, n): pass\n"
    program += "class S(Diff): pass"
    tests = [
        "assert Diff([1], [2]) == [3]",
        "xs = [Diff([1], [2])]\nassert xs == [[3]]",
        "x = S()\nx.push(1)\nx = Diff([1], [2])\nassert x == [3]",
    ]
    found = run([(program, AssertTests("Diff S", test)) for test in tests])
    assert [e.outcome for e in found] == [Outcome.FAILED] * 3


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("np.zeros(3, dtype='V4')", "for x in f(1): f(x)\nassert f(2) == 'secret'"),
        ("np.zeros(3)", "f(f(1).dtype)\nassert f(2) == 'secret'"),
        ("re.compile('')", "f(f(1).match(''))\nassert f(2) == 'secret'"),
        ("7", "f(lambda x: x[0])\nassert f(2) == 'secret'"),
    ],
)
def test_no_value_of_a_candidate_chooses_the_process_that_judges_it(value, code):
    program = (
        "import numpy as np, re, sys\ndef f(n):\n frame = sys._getframe()\n while frame:\n"
        "  names = frame.f_globals\n"
        "  if '_harness_compare' in names: names['_harness_compare'] = lambda *a: True; return [1]\n"
        f"  frame = frame.f_back\n if callable(n): n(np.zeros(2, dtype='V4'))\n return {value}"
    )
    execution = one(program, code)
    assert execution.outcome is not Outcome.PASSED
    assert execution.trust == "isolated"


@pytest.mark.parametrize(
    "code",
    [
        "import io\nassert f(io.StringIO('ab')) == ['ab']",
        "assert f(iter([1, 2])) == [1, 2]",
        "assert f(n for n in range(2)) == [0, 1]",
        "assert f(map(abs, [-1])) == [1]",
        "class P:\n def __iter__(self): return iter([4])\nassert f(P()) == [4]",
        "open('a', 'w').write('x')\nassert f(open('a')) == ['x']",
    ],
)
def test_an_object_that_the_text_of_a_test_makes_is_judged_where_the_candidate_is(code):
    execution = one("def f(x): return list(x)", code)
    assert (execution.outcome, execution.trust, execution.error) == (Outcome.PASSED, "in-process", "")


def test_arrays_with_fields_keep_them():
    program = (
        "import numpy as np\ndef f(n): return np.array([(n, 2.5), (3, 1.5)], dtype=[('a', 'i4'), ('b', '<f8', (2,))])"
    )
    code = (
        "x = f(1)\nassert x['a'].tolist() == [1, 3] and x.dtype.names == ('a', 'b') and x[0]['b'].tolist() == [2.5] * 2"
    )
    execution = one(program, code)
    assert (execution.outcome, execution.trust, execution.error) == (Outcome.PASSED, "isolated", "")


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (
            "RATE = 2\ndef f(n): return n * RATE",
            "old = RATE\nRATE = 5\nassert f(2) == 10\nRATE = old\nassert f(2) == 4",
        ),
        (
            "RATE = 2\ndef f(n): return n * RATE",
            "old = RATE\ntry:\n RATE = 5\n x = f(2)\nfinally: RATE = old\nassert x == 10",
        ),
        (
            "from types import SimpleNamespace as S\ndef f(n): return S(a=n, b=[n])",
            "x = f(1)\nassert x.a == 1 and x.b == [1]",
        ),
        ("def f(x): x.a += 1", "from types import SimpleNamespace\nx = SimpleNamespace(a=1)\nf(x)\nassert x.a == 2"),
        (
            "import functools\ndef f(g):\n @functools.wraps(g)\n def h(*a): return g(*a)\n return h",
            "def g(x):\n 'Says x.'\n return x\nassert f(g).__doc__ == 'Says x.' and f(g)(2) == 2",
        ),
        (
            "class f:\n def __init__(s): s.all = []\n def on(s, g): s.all.append(g)\n def off(s, g): s.all.remove(g)\n"
            " def emit(s, x):\n  for g in s.all: g(x)",
            "seen = []\ne = f()\ne.on(seen.append)\ne.emit(1)\ne.off(seen.append)\ne.emit(2)\nassert seen == [1]",
        ),
    ],
)
def test_honest_programs_pass_beside_their_test(program, code):
    execution = one(program, code)
    assert (execution.outcome, execution.trust, execution.error) == (Outcome.PASSED, "isolated", "")


def test_a_setting_that_is_read_afterwards_is_not_told():
    program = "wanted = 1\ndef f(n): return wanted"
    assert one(program, "old = wanted\nwanted = 'secret'\nassert f(1) == wanted").outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (
            "class L(list):\n __len__ = lambda s: 3\n __iter__ = lambda s: iter(())\ndef f(n): return L()",
            "x = f(1)\nassert len(x) == 3\nfor a, b in zip(x, [1, 2, 3]): assert a == b",
        ),
        (
            "class D(dict):\n __len__ = lambda s: 1\n items = lambda s: []\ndef f(n): return D()",
            "x = f(1)\nassert len(x) == 1\nfor key, value in x.items(): assert value == 2",
        ),
        (
            "class L(list): __bool__ = lambda s: False\ndef f(n): return L([1])",
            "x = f(1)\nwhile x: assert x.pop() == 2",
        ),
        (
            "class S(str): find = count = lambda s, *a: 1\ndef f(n): return S()",
            "assert f(1).find('a') >= 0 or f(1).count('a')",
        ),
        ("class S(set): difference = lambda s, o: o\ndef f(n): return S()", "assert f(1).difference({1}) == {1}"),
        ("class I(int): __abs__ = lambda s: 0\ndef f(n): return I(5)", "assert abs(f(1)) < 1"),
    ],
)
def test_a_class_that_extends_a_plain_type_is_taken_by_its_content(program, code):
    assert one(program, code).outcome is Outcome.FAILED


def test_an_object_that_is_asked_with_what_is_expected_is_said_to_judge():
    program = "class S:\n difference = lambda s, o: set()\n match = lambda s, x: True\ndef f(n): return S()"
    for code in ("assert not f(1).difference({2})", "assert f(1).match('aaa')"):
        execution = one(program, code)
        assert (execution.outcome, execution.trust) == (Outcome.PASSED, "in-process")


def test_a_class_that_the_test_is_about_has_its_own_way_with_its_content():
    program = (
        "class Ring(list):\n def __getitem__(s, n): return list.__getitem__(s, n % len(s))\n def __len__(s): return 2"
    )
    code = "r = Ring([1, 2])\nr.append(3)\nassert r[3] == 2 and len(r) == 2"
    assert one(program, code, "Ring").outcome is Outcome.PASSED


LENDING = """
import functools
def singleton(kind):
    made = {}
    def get(*given):
        if kind not in made: made[kind] = kind(*given)
        return made[kind]
    return get
def make(kind, n): return [kind() for _ in range(n)]
def catch(error, default):
    def decorate(function):
        def call(*given):
            try: return function(*given)
            except error: return default
        return call
    return decorate
def timed(function):
    @functools.wraps(function)
    def call(*given): return function(*given)
    return call
class Lazy:
    def __init__(self, function): self.function = function
    def __get__(self, owner, kind): return self.function(owner)
class Typed:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, owner, kind=None): return vars(owner)[self.name]
    def __set__(self, owner, value):
        if not isinstance(value, int): raise TypeError("no number")
        vars(owner)[self.name] = value
"""


@pytest.mark.parametrize(
    ("names", "test"),
    [
        ("singleton", "@singleton\nclass A:\n    def __init__(self, x=0): self.x = x\nassert A(1) is A(2)"),
        ("make", "class T: pass\nassert [type(one) for one in make(T, 2)] == [T, T]"),
        (
            "catch",
            "class Mine(Exception): pass\n@catch(Mine, 7)\ndef g():\n    raise Mine\nassert g() == 7",
        ),
        ("timed", "class S:\n    k = 2\n    @timed\n    def m(self, x): return x * self.k\nassert S().m(4) == 8"),
        ("timed", "class S:\n    k = 2\nS.m = timed(lambda self, x: x * self.k)\nassert S().m(4) == 8"),
        ("Lazy", "class S:\n    @Lazy\n    def x(self): return 5\nassert S().x == 5"),
        (
            "Typed",
            "class S:\n    x = Typed()\ns = S()\ns.x = 3\nassert s.x == 3\ntry:\n    s.x = 'a'\n    assert False\n"
            "except TypeError: pass",
        ),
    ],
)
def test_a_class_of_the_tests_that_the_candidate_gets_is_judged_in_its_process(names, test):
    (done,) = run([(LENDING, AssertTests(names, test))])
    assert (done.outcome, done.trust) == (Outcome.PASSED, "in-process")
    (wrong,) = run([(LENDING, AssertTests(names, test + "\nassert False"))])
    assert wrong.outcome is Outcome.FAILED


def test_a_function_of_the_candidates_that_a_test_keeps_in_a_class_is_its_method():
    test = "class T:\n    pass\nT.same = same\nassert T.same(3) == 3\nassert T.same is same"
    (done,) = run([("def same(x): return x", AssertTests("same", test))])
    assert (done.outcome, done.trust) == (Outcome.PASSED, "isolated")

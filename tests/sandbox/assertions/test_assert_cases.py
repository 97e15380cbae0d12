"""Honest programs and tests over the library's common types: the sandbox says of each what plain Python says.

`assert_cases.txt` has a name, a program, its test, and an edit that makes the program wrong, separated by "--" lines;
`apart_cases.txt` has programs of all the kinds that models write, without the edit.
"""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.records import AssertTests, Limits, Outcome
from harness.sandbox import run

WIDE = Limits(cpu_seconds=30.0, wall_seconds=90.0)
"""For honest programs, which are to pass on a slow machine as well."""

BARE = {"PYTHONPATH": sysconfig.get_path("purelib")}
"""With it the bare interpreter finds numpy; it starts in a third of an environment's time."""

NATIVE = """
import sys
names = {"__name__": "solution"}
program, test = sys.argv[1:]
import types
module = types.ModuleType("solution")
sys.modules["solution"] = module
vars(module)["__name__"] = "solution"
exec(compile(program, "main.py", "exec"), vars(module))
vars(module)["__name__"] = "__main__"
exec(compile(test, "test.py", "exec"), vars(module))
"""


@dataclass(frozen=True)
class Case:
    name: str
    program: str
    test: str
    wrong: str


def cases():
    text = (Path(__file__).parent / "assert_cases.txt").read_text()
    for block in text.split("====\n"):
        head, test, edit = block.split("--\n")
        name, _, program = head.partition("\n")
        old, new = (part.strip("\n").replace("\\n", "\n") for part in edit.split(" => "))
        assert old in program, name
        yield Case(name, program, test, program.replace(old, new))


CASES = list(cases())


def natively(program, test):
    done = subprocess.run(
        [sys._base_executable, "-W", "ignore", "-c", NATIVE, program, test],
        env=BARE,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0, done.stderr


@pytest.mark.parametrize("part", range(8))
def test_plain_python_passes_the_programs_and_fails_the_wrong_ones(part):
    for case in CASES[part::8]:
        passed, error = natively(case.program, case.test)
        assert passed, f"{case.name}: {error}"
        passed, _ = natively(case.wrong, case.test)
        assert not passed, f"{case.name}: the wrong program passes"


def executions(jobs):
    return zip(CASES, run(jobs, WIDE), strict=True)


def test_every_honest_program_passes():
    jobs = [(case.program, AssertTests("f", case.test)) for case in CASES]
    found = [(case.name, execution) for case, execution in executions(jobs)]
    assert [(name, e.outcome, e.error) for name, e in found if e.outcome is not Outcome.PASSED] == []
    isolated = sum(execution.trust == "isolated" for _, execution in found)
    assert isolated >= 0.75 * len(found)


def test_every_wrong_program_fails_and_could_be_measured():
    jobs = [(case.wrong, AssertTests("f", case.test)) for case in CASES]
    unseen = (Outcome.PASSED, Outcome.SANDBOX_ERROR)
    assert [(case.name, e.outcome) for case, e in executions(jobs) if e.outcome in unseen] == []


STORED = Path(os.environ.get("HARNESS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data")).parent / "cases"
STORED /= "honest_asserts.jsonl"


@pytest.mark.skipif(not STORED.is_file(), reason="no honest_asserts.jsonl beside HARNESS_TEST_DATA")
def test_every_stored_honest_program_passes():
    rows = [json.loads(line) for line in STORED.read_text().splitlines()]
    jobs = [(row["program"], AssertTests(row["entry_point"], row["tests"])) for row in rows]
    found = list(zip(rows, run(jobs, WIDE), strict=True))
    assert [(row["name"], e.outcome, e.error) for row, e in found if e.outcome is not Outcome.PASSED] == []
    assert sum(e.trust == "isolated" for _, e in found) >= 25


def more_cases():
    for block in (Path(__file__).parent / "apart_cases.txt").read_text().split("====\n"):
        head, test = block.split("--\n")
        name, _, program = head.partition("\n")
        yield name, program, test


MORE = list(more_cases())


@pytest.mark.parametrize("part", range(4))
def test_plain_python_passes_the_cases_of_all_kinds(part):
    found = {name: natively(program, test) for name, program, test in MORE[part::4]}
    assert [(name, error) for name, (passed, error) in found.items() if not passed] == []


def test_the_sandbox_passes_them_and_most_beside_the_candidate():
    executions = run([(program, AssertTests("f", test)) for _, program, test in MORE], WIDE)
    found = list(zip([name for name, _, _ in MORE], executions, strict=True))
    assert [(name, e.outcome, e.error) for name, e in found if e.outcome is not Outcome.PASSED] == []
    assert sum(e.trust == "isolated" for _, e in found) >= 0.8 * len(found)


WRONG = {
    "a global that it never counts up": ("count = 0\ndef f(): return 1", "f(); f()\nassert count == 2"),
    "a global that it reads once": ("N = 5\ndef f(n, m=N): return n > m", "assert f(6)\nN = 9\nassert not f(6)"),
    "another context": (
        "def f(d):\n try: return d[0]\n except IndexError: pass\n raise ValueError",
        "try: f([])\nexcept ValueError as e: assert isinstance(e.__context__, IndexError)",
    ),
    "nothing on standard error": (
        "def f(): print('x')",
        "import contextlib, io\nb = io.StringIO()\nwith contextlib.redirect_stderr(b): f()\nassert b.getvalue()",
    ),
    "a view of a copy": ("def f(d): return dict(d).keys()", "d = {}\nv = f(d)\nd['a'] = 1\nassert list(v) == ['a']"),
    "other keys": ("def f(d): return {**d, 'z': 1}.keys()", "assert f({'a': 1}) == {'a'}"),
    "no method that the protocol asks for": (
        "from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass S(Protocol):\n def area(self): ...\n"
        "class Q: pass\ndef f(): return Q()",
        "assert isinstance(f(), S)",
    ),
}


def test_wrong_programs_fail_where_these_pass():
    jobs = [(program, AssertTests("f", test)) for program, test in WRONG.values()]
    found = dict(zip(WRONG, run(jobs, Limits()), strict=True))
    assert {name: e.outcome for name, e in found.items()} == dict.fromkeys(WRONG, Outcome.FAILED)


def test_what_a_test_expects_is_not_told_to_a_program_with_a_global_of_that_name():
    program = "wanted = rows = None\ndef f(n): return (rows or [wanted])[0]"
    tests = [
        "wanted = 'secret'\nassert f(1) == wanted",
        "rows = ['secret']\nfor row in rows: assert f(1) == row",
        "def check(g):\n    global wanted\n    wanted = 'secret'\n    assert g(1) == wanted\ncheck(f)",
    ]
    executions = run([(program, AssertTests("f", test)) for test in tests], Limits())
    assert [e.outcome for e in executions] == [Outcome.FAILED] * 3


OF_THE_TEST = {
    "items": (
        "class OneBased(list):\n def __getitem__(s, i): return super().__getitem__(i - 1)",
        "OneBased('ab')[1] == 'a'",
    ),
    "no items": ("class Disc:\n def __contains__(s, x): return x < 3", "2 in Disc() and 4 not in Disc()"),
    "no items, inside": ("import inspect\nclass Disc:\n def __contains__(s, x): return x < 3", "2 in Disc()"),
    "text": (
        "class Slug(str):\n def replace(s, a, b): return Slug(str.replace(s, a, b).lower())\n def split(s): return str.split(s, '-')",
        "(s := Slug('A-B')).replace('-', '_') == 'a_b' and s.split() == ['A', 'B']",
    ),
    "another of its class": (
        "class Bag:\n def __init__(s, a): s.a = a\n def union(s, o): return Bag(s.a + o.a)\n def __eq__(s, o): return s.a == o.a",
        "Bag([1]).union(Bag([2])) == Bag([1, 2])",
    ),
    "metaclass": (
        "class Meta(type): pass\nclass Base(metaclass=Meta): pass",
        "type(Base) is Meta and isinstance(Base, Meta)",
    ),
}


@pytest.mark.parametrize("what", OF_THE_TEST)
def test_a_class_that_the_test_makes_objects_of_answers_for_them(what):
    program, test = OF_THE_TEST[what]
    code = f"import inspect\nassert {test}" if what.endswith("inside") else f"assert {test}"
    (execution,) = run([(program, AssertTests("f", code))], WIDE)
    assert execution.outcome is Outcome.PASSED, execution


def test_what_is_looked_for_in_an_object_without_items_labels_the_verdict_and_of_a_function_finds_nothing():
    program = "class Disc:\n def __init__(s, *a): pass\n def __contains__(s, x): return True\ndef f(n): return Disc()"
    named, made = run([(program, AssertTests("f", f"assert 9 in {one}")) for one in ("Disc(3)", "f(3)")])
    assert (named.outcome, named.trust) == (Outcome.PASSED, "in-process")
    assert made.outcome is Outcome.RAISED


def test_a_method_that_compares_by_its_name_labels_the_verdict():
    program = "class X:\n def same_as(s, o): return True\ndef f(n): return X()"
    (execution,) = run([(program, AssertTests("f", "x = f(3)\nassert x.same_as(4)"))])
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "in-process")

"""Suites in the shape of evalplus, written from the references of HumanEval and MBPP: many inputs, one helper."""

import contextlib
import copy
import gzip
import io
import json
import math
import os
import random
import re
import signal
import time
import warnings
from pathlib import Path

import pytest

from harness.records import AssertTests, Limits, Outcome, PytestTests
from harness.sandbox import run

DATA = Path(os.environ.get("HARNESS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
FILE = DATA / "humaneval" / "HumanEval.jsonl.gz"
MBPP = DATA / "mbpp" / "mbpp.jsonl"
LIMITS = Limits(cpu_seconds=30.0, wall_seconds=90.0)
INPUTS = 60
SHAPE = """
import numpy as np

def is_floats(x) -> bool:
    if isinstance(x, float):
        return True
    if isinstance(x, (list, tuple)) and x:
        return all(isinstance(i, float) for i in x)
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return False

def assertion(out, exp, atol):
    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if out != exp and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert out == exp, f"out: {{out}}, exp: {{exp}}"

inputs = {inputs}
results = {results}
for i, (inp, exp) in enumerate(zip(inputs, results)):
    assertion({name}(*inp), exp, 0)
"""


def compared(shape):
    """SHAPE with another comparison, as MBPP+ has them for some problems."""
    return SHAPE.replace("assertion({name}(*inp), exp, 0)", f"assertion({shape}, 0)")


BY_SETS = compared("set({name}(*inp)), set(exp)")
BY_NONE = compared("{name}(*inp) is not None, exp is not None")


def changed(value, rng):
    """Another value of the same type, near `value`."""
    if isinstance(value, bool):
        return rng.random() < 0.5
    if isinstance(value, int):
        return max(0, value + rng.randint(-3, 9)) if value >= 0 else value - rng.randint(-3, 9)
    if isinstance(value, float):
        return round(value + rng.uniform(-1, 2), 3)
    if isinstance(value, str):
        letters = list(value)
        rng.shuffle(letters)
        return "".join(letters[: rng.randint(0, len(letters))])
    if isinstance(value, list | tuple):
        items = [changed(item, rng) for item in value if rng.random() < 0.9]
        return type(value)(items)
    if isinstance(value, dict):
        return {key: changed(item, rng) for key, item in value.items()}
    return value


def reference(row):
    """The reference, and the arguments that HumanEval's own test gives it."""
    names, given = {}, []
    exec(row["prompt"] + row["canonical_solution"] + "\n" + row["test"], names)
    function = names[row["entry_point"]]

    def recorded(*arguments):
        given.append(copy.deepcopy(list(arguments)))
        return function(*arguments)

    names["check"](recorded)
    return function, given


def is_written(value):
    """Whether Python's own text of `value` is the value again."""
    with contextlib.suppress(SyntaxError, NameError, RecursionError, ValueError):
        return eval(repr(value)) == value  # noqa: S307 - an answer of HumanEval's reference
    return False


def oracle(row):
    """Inputs, and what the reference answers; only those that it answers at once."""
    rng = random.Random(row["task_id"])
    function, seeds = reference(row)
    inputs, results = [], []
    began = time.process_time()
    waiting = seeds + [[changed(item, rng) for item in rng.choice(seeds)] for _ in range(4 * INPUTS)]
    for given in waiting:
        if len(inputs) >= INPUTS or time.process_time() - began > 0.3:
            break
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            answer = at_once(function, given)
            if is_written(answer) and is_written(given) and not (isinstance(answer, float) and math.isnan(answer)):
                inputs.append(given)
                results.append(answer)
    return inputs, results


def at_once(function, given):
    """What `function` answers; whatever it does, it is stopped soon."""
    signal.signal(signal.SIGVTALRM, _too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.02)
    try:
        return function(*copy.deepcopy(given))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _too_slow(*_):
    raise TimeoutError


def suites():
    with gzip.open(FILE, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        inputs, results = oracle(row)
        if inputs:
            yield row, SHAPE.format(inputs=inputs, results=results, name=row["entry_point"]), results


def natively(program, code):
    """Seconds that the suite takes in plain Python; infinite where it fails."""
    names, began = {}, time.process_time()
    try:
        exec(program + "\n" + code, names)
    except Exception:  # noqa: BLE001 - a wrong answer, in whatever way
        return math.inf
    return time.process_time() - began


@pytest.mark.slow
@pytest.mark.skipif(not FILE.is_file(), reason="no HumanEval in HARNESS_TEST_DATA")
def test_suites_with_many_inputs_are_judged_as_plain_python_does():
    found = [one for one in suites() if natively(one[0]["prompt"] + one[0]["canonical_solution"], one[1]) < 2.0]
    jobs = [(row["canonical_solution"], AssertTests(row["entry_point"], code, row["prompt"])) for row, code, _ in found]
    executions = list(run(jobs, LIMITS))
    assert [
        (row["task_id"], e.outcome, e.error)
        for (row, _, _), e in zip(found, executions, strict=True)
        if e.outcome is not Outcome.PASSED
    ] == []
    assert {execution.trust for execution in executions} == {"isolated"}
    assert len(executions) >= 150
    assert sum(len(results) for _, _, results in found) >= 5000


@pytest.mark.slow
@pytest.mark.skipif(not FILE.is_file(), reason="no HumanEval in HARNESS_TEST_DATA")
def test_suites_fail_a_program_that_answers_only_most_of_the_inputs():
    found = list(suites())[::6]
    jobs = []
    for row, code, _ in found:
        name = row["entry_point"]
        wrong = f"{row['canonical_solution']}\n_right, _count = {name}, [0]\ndef {name}(*a):\n    _count[0] += 1\n"
        wrong += "    return _right(*a) if _count[0] < 2 else object()\n"
        jobs.append((wrong, AssertTests(name, code, row["prompt"])))
    assert {e.outcome for e in run(jobs, LIMITS)} <= {Outcome.FAILED, Outcome.RAISED}


def mbpp():
    return [json.loads(line) for line in MBPP.read_text().splitlines()]


def mbpp_reference(row):
    """Its name, the function, and the arguments that MBPP's own tests give it."""
    names, given = {}, []
    exec(f"{row['code']}\n{row['test_setup_code']}", names)
    defined = re.findall(r"def +(\w+)", row["code"])
    name = next(word for word in re.findall(r"(\w+) *\(", row["test_list"][0]) if word in defined)
    function = names[name]

    def recorded(*arguments):
        given.append(copy.deepcopy(list(arguments)))
        return function(*arguments)

    for test in row["test_list"]:
        exec(test, {**names, name: recorded})
    return name, function, given


def mbpp_oracle(function, seeds, rng):
    """Inputs, and what the reference answers: what it answers at once, and twice."""
    inputs, results = [], []
    began = time.process_time()
    for given in seeds + [[changed(item, rng) for item in rng.choice(seeds)] for _ in range(4 * INPUTS)]:
        if len(inputs) >= 2 * INPUTS or time.process_time() - began > 0.3:
            break
        with contextlib.suppress(Exception):
            answer, again = at_once(function, given), at_once(function, given)
            if is_written(answer) and is_written(given) and answer == again:
                inputs.append(given)
                results.append(answer)
    return inputs, results


def shapes(results):
    """The comparisons of MBPP+ that these answers allow."""
    yield SHAPE
    with contextlib.suppress(TypeError):
        if results and all(isinstance(one, list | tuple) and set(one) is not None for one in results):
            yield BY_SETS
    if None in results:
        yield BY_NONE


def mbpp_suites(rows):
    """The task, its program and a test, for each test that passes in plain Python."""
    for row in rows:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            name, function, seeds = mbpp_reference(row)
            program, setup = row["code"], row["test_setup_code"]
            inputs, results = mbpp_oracle(function, seeds, random.Random(row["task_id"]))
            texts = [shape.format(inputs=inputs, results=results, name=name) for shape in shapes(results)]
            codes = [f"{setup}\n{text}" for text in texts]
            passing = [code for code in codes if inputs and natively(program, code) < 2.0]
        for code in passing:
            yield row["task_id"], program, AssertTests(name, code)


@pytest.mark.slow
@pytest.mark.skipif(not MBPP.is_file(), reason="no MBPP in HARNESS_TEST_DATA")
def test_suites_in_the_shape_of_mbpp_plus_are_judged_as_plain_python_does():
    found = list(mbpp_suites(mbpp()[::6]))
    executions = list(run([(program, tests) for _, program, tests in found], LIMITS))
    assert [
        (task, e.outcome, e.trust, e.error)
        for (task, *_), e in zip(found, executions, strict=True)
        if (e.outcome, e.trust) != (Outcome.PASSED, "isolated")
    ] == []
    assert len(found) >= 150


@pytest.mark.slow
@pytest.mark.skipif(not MBPP.is_file(), reason="no MBPP in HARNESS_TEST_DATA")
def test_suites_in_the_shape_of_mbpp_plus_fail_a_program_that_answers_only_the_first_input():
    jobs = []
    for _, program, tests in mbpp_suites(mbpp()[::25]):
        if "is not None" in tests.code:
            continue
        name = tests.entry_point
        wrong = f"{program}\n_right, _count = {name}, [0]\ndef {name}(*a):\n    _count[0] += 1\n"
        jobs.append((wrong + "    return _right(*a) if _count[0] < 2 else object()\n", tests))
    assert {e.outcome for e in run(jobs, LIMITS)} <= {Outcome.FAILED, Outcome.RAISED}


BANK = """
class BankError(Exception): pass
class Account:
    def __init__(s, b): s.balance = b
    def withdraw(s, n):
        if n > s.balance: raise BankError("too much")
        s.balance -= n
def checked(n): assert n > 0, "no"
"""
NO_BANK = BANK.replace("class BankError(Exception): pass", "BankError = Exception").replace("if n >", "if 0 >")
EXPECTING = [
    "a = Account(1)\ntry:\n    a.withdraw(100)\n    assert False, 'no error'\nexcept BankError: pass",
    "import dis\na = Account(1)\ntry:\n    a.withdraw(100)\n    assert False\nexcept (KeyError, BankError): pass",
    "import contextlib\na = Account(1)\nwith contextlib.suppress(BankError):\n    a.withdraw(100)\n    assert False",
]
FILES = [
    "def test_a():\n a = Account(1)\n with pytest.raises(BankError):\n  a.withdraw(100)\n  assert a.balance == 55",
    "class T(unittest.TestCase):\n def test_a(self):\n  a = Account(1)\n  with self.assertRaises(BankError):\n"
    "   a.withdraw(100)\n   self.assertEqual(a.balance, 55)",
    "def test_a(capsys):\n a = Account(1)\n with pytest.raises(BankError):\n  a.withdraw(100)\n  assert not a",
]


def test_no_class_of_the_candidates_passes_over_an_assertion_of_the_test():
    tests = [AssertTests("Account BankError", code) for code in EXPECTING]
    tests += [PytestTests(f"import pytest, unittest\nfrom solution import *\n{code}") for code in FILES]
    expected = (
        "try: checked(0)\nexcept AssertionError as e: assert str(e) == 'no'\ntry: assert False\nexcept Exception: pass"
    )
    jobs = [(program, test) for program in (BANK, NO_BANK) for test in tests]
    found = list(run([*jobs, (BANK, AssertTests("checked", expected))], LIMITS))
    assert [e.outcome for e in found] == [Outcome.PASSED] * 6 + [Outcome.FAILED] * 6 + [Outcome.PASSED]
    assert [e.trust for e in found[:6]] == ["isolated", "in-process", "isolated", *["isolated"] * 2, "in-process"]


def test_no_class_of_exceptions_says_that_another_is_its_own():
    program = """
class Kind(type):
    __instancecheck__ = __subclasscheck__ = lambda *_: True
class BankError(Exception, metaclass=Kind): pass
def f(): raise ValueError
"""
    code = "import pytest\nfrom solution import f, BankError\ndef test_a():\n with pytest.raises(BankError): f()\n"
    code += "import unittest\nclass T(unittest.TestCase):\n def test_a(s):\n  with s.assertRaises(BankError): f()"
    (found,) = run([(program, PytestTests(code))], LIMITS)
    assert (found.passed, found.total, found.trust) == (0, 2, "isolated")

"""A failed assertion of a test's own is final, whatever exception class of the candidate's the test waits for."""

# ruff: noqa: E501 - one test a line is easier to check than the same test wrapped

import pytest

from harness.records import AssertTests, Outcome
from harness.sandbox import run

PROGRAM = """
class M:
    n = 0
    @property
    def error(self):
        self.n += 1
        return Exception if self.n % 2 else KeyError
m, Error, errors = M(), Exception, [Exception]
def error(): return Exception
def f(n): return n
"""
PASSED_OVER = [
    "with contextlib.suppress(m.error): assert f(3) == 4",
    "with contextlib.suppress(Error): assert f(3) == 4",
    "with contextlib.suppress(error()): assert f(3) == 4",
    "with contextlib.suppress(errors[0]): assert f(3) == 4",
    "with contextlib.suppress(*errors): assert f(3) == 4",
    "c = contextlib.suppress(Error)\nwith c: assert f(3) == 4",
    "with contextlib.ExitStack() as s:\n    s.enter_context(contextlib.suppress(Error))\n    assert f(3) == 4",
    "with contextlib.suppress(Error):\n    with open('x', 'w'): assert f(3) == 4",
    "def check():\n    with contextlib.suppress(Error):\n        assert f(3) == 4\n        return 1\ncheck()",
    "@contextlib.contextmanager\ndef waits(kind):\n    try: yield\n    except kind: pass\nwith waits(Error): assert f(3) == 4",
    "import unittest\ndef check(): assert f(3) == 4\nunittest.TestCase().assertRaises(Error, check)",
    "import unittest\ndef check(n): assert f(n) == 4\nunittest.TestCase().assertRaisesRegex(Error, '', check, 3)",
    "try: assert f(3) == 4\nexcept* Error: pass",
    "try: assert f(3) == 4\nexcept m.error: pass",
    "try: assert f(3) == 4\nexcept (KeyError, error()): pass",
    "try: assert f(3) == 4\nexcept errors[0]: pass",
]


@pytest.mark.parametrize("inside", ["", "import inspect\n"])
def test_no_block_or_handler_of_the_candidates_choice_passes_over_an_assertion(inside):
    jobs = [(PROGRAM, AssertTests("f", f"import contextlib\n{inside}{code}")) for code in PASSED_OVER]
    found = zip(PASSED_OVER, run(jobs), strict=True)
    assert [(code, e.outcome) for code, e in found if e.outcome is not Outcome.FAILED] == []


def test_in_an_asynchronous_block_neither():
    code = "import asyncio, contextlib\nclass C:\n async def __aenter__(s): pass\n async def __aexit__(s, *a): {}\n"
    code += "async def main():\n async with C(), kept(): assert f(3) == 4\nasyncio.run(main())"
    program = (
        "class kept:\n async def __aenter__(s): pass\n async def __aexit__(s, *a): return True\ndef f(n): return n"
    )
    (execution,) = run([(program, AssertTests("f", code.format("pass").replace("C(), ", "")))])
    assert execution.outcome is Outcome.FAILED


MEANT = [
    "with contextlib.suppress(AssertionError): assert f(3) == 4",
    "with contextlib.suppress(Exception): assert f(3) == 4",
    "c = contextlib.suppress(AssertionError)\nwith c: assert f(3) == 4",
    "wrong = (KeyError, AssertionError)\nwith contextlib.suppress(*wrong): assert f(3) == 4",
    "@contextlib.contextmanager\ndef fails():\n    try: yield\n    except AssertionError: pass\nwith fails(): assert f(3) == 4",
    "class Fails:\n    def __enter__(s): pass\n    def __exit__(s, *a): return True\nwith Fails(): assert f(3) == 4",
    "with contextlib.ExitStack() as s:\n    s.enter_context(contextlib.suppress(Exception))\n    assert f(3) == 4",
    "try: assert f(3) == 4\nexcept AssertionError: pass",
    "with contextlib.suppress(Error): g()",
    "with contextlib.suppress(Error):\n    assert f(3) == 3\n    g()",
    "with contextlib.suppress(Error): h()",
    "import unittest\nunittest.TestCase().assertRaises(Error, g)",
    "import unittest\ndef check(): assert f(3) == 4\nunittest.TestCase().assertRaises(AssertionError, check)",
]


@pytest.mark.parametrize("inside", ["", "import inspect\n"])
def test_what_the_test_means_to_pass_over_is_passed_over(inside):
    program = PROGRAM + "def g(): raise KeyError\ndef h(): assert False"
    jobs = [(program, AssertTests("f", f"import contextlib\n{inside}{code}")) for code in MEANT]
    found = zip(MEANT, run(jobs), strict=True)
    assert [(code, e.outcome, e.error) for code, e in found if e.outcome is not Outcome.PASSED] == []


COMPARED_BY_NAME = [
    "assert answer.__eq__(4)",
    "assert answer.__lt__(4)",
    "assert getattr(answer, '__eq__')(4)",
    "assert list(filter(answer.__eq__, [4])) == [4]",
]


@pytest.mark.parametrize(
    ("program", "inside"),
    [
        ("class X: pass", ""),
        ("class X: pass", "import inspect\n"),
        ("class X:\n __eq__ = __lt__ = lambda s, o: True", ""),
    ],
)
def test_a_comparison_that_is_called_by_its_name_and_has_no_answer_is_not_true(program, inside):
    jobs = [
        (f"{program}\ndef f(n): return X()", AssertTests("f", f"{inside}answer = f(3)\n{code}"))
        for code in COMPARED_BY_NAME
    ]
    assert [e.outcome for e in run(jobs)] == [Outcome.FAILED] * len(jobs)


def test_comparisons_that_are_called_by_their_names_hold_of_plain_values_and_may_have_no_answer():
    code = "assert f(3).__eq__(3) and not f(3).__eq__(4) and list(filter(f(3).__lt__, [2, 5])) == [5]"
    jobs = [("def f(n): return n", AssertTests("f", code))]
    program = "class V:\n def __eq__(s, o): return True if isinstance(o, V) else NotImplemented"
    jobs += [(program, AssertTests("V", "assert V().__eq__(V()) and V().__eq__(4) is NotImplemented"))]
    assert [e.outcome for e in run(jobs)] == [Outcome.PASSED] * 2


LENDING = "def check(x): assert x == 4\nf(check)"


def test_a_failed_assertion_in_what_the_candidate_was_given_to_call_is_final_unless_the_test_means_it():
    keeping = "def f(check):\n try: check(5)\n except BaseException: return 1"
    raising = "def f(check): check(5)"
    meant = "def check(x):\n if x != 4: raise AssertionError\nf(check)"
    later = "def f(check):\n for n in (5, 4): yield check(n)"
    jobs = [(keeping, LENDING), (raising, LENDING), (later, LENDING + ".close()"), (keeping, meant)]
    suppressed = "with contextlib.suppress(AssertionError): f(check)"
    jobs += [(raising, LENDING.replace("f(check)", f"import contextlib\n{suppressed}"))]
    found = [e.outcome for e in run([(program, AssertTests("f", code)) for program, code in jobs])]
    assert found == [Outcome.FAILED, Outcome.FAILED, Outcome.PASSED, Outcome.PASSED, Outcome.PASSED]

"""Keywords of pytest's functions: those that the stand-in takes do what pytest does, any other is refused."""

import ast

import pytest

from harness.records import Execution, Outcome, PytestTests
from harness.sandbox import run
from harness.sandbox.test_support import keywords

PROGRAM = """
import warnings
class Bad(Exception):
    def __init__(self, code):
        self.code = code
def f(x): raise ValueError("bad")
def g(x): raise Bad(x)
def w(x, match=1):
    warnings.warn("old", DeprecationWarning)
    return x
"""
HEAD = "import pytest\nfrom solution import f, g, w, Bad\n"


def one(code: str) -> Execution:
    (execution,) = run([(PROGRAM, PytestTests(HEAD + code))], workers=1)
    return execution


REFUSED = {
    "pytest.raises(ValueError, chek=1)": "raises(chek=…)",
    "pytest.raises(ValueError, message='x')": "raises(message=…)",
    "raises(ValueError, chek=1)": "raises(chek=…)",
    "fails(ValueError, chek=1)": "raises(chek=…)",
    "p.warns(UserWarning, check=1)": "warns(check=…)",
    "p.deprecated_call(check=1)": "deprecated_call(check=…)",
    "p.approx(3, relative=1)": "approx(relative=…)",
    "p.fail(message='x')": "fail(message=…)",
}
TAKEN = [
    "pytest.raises(ValueError, match='x', check=f)",
    "pytest.raises(expected_exception=ValueError)",
    "pytest.raises(ValueError, f, chek=1)",
    "raises(ValueError, **given)",
    "p.deprecated_call(f, check=1)",
    "other.raises(ValueError, chek=1)",
    "fail(chek=1)",
]
IMPORTS = "import pytest\nimport pytest as p\nfrom pytest import raises, raises as fails\n"


def test_a_keyword_that_a_function_does_not_take_is_named():
    for call, why in REFUSED.items():
        with pytest.raises(ValueError, match="is not offered") as caught:
            keywords.check(ast.parse(IMPORTS + call))
        assert f"pytest.{why} is" in str(caught.value)
    for call in TAKEN:
        keywords.check(ast.parse(IMPORTS + call))


def test_such_a_file_could_not_be_measured():
    execution = one("def test_a():\n    with pytest.raises(ValueError, chek=lambda e: False): f(1)")
    assert execution.outcome is Outcome.SANDBOX_ERROR
    assert "pytest.raises(chek=…)" in execution.error


HOLDS = {
    "pytest.raises(ValueError, check=lambda e: e.args == ('bad',))": "f(1)",
    "pytest.raises(expected_exception=ValueError, match='ba')": "f(1)",
    "pytest.raises(match='ba')": "f(1)",
    "pytest.raises(check=lambda e: type(e) is ValueError)": "f(1)",
    "pytest.raises(Bad, check=lambda e: e.code == 7)": "g(7)",
    "pytest.warns(expected_warning=DeprecationWarning, match='ol')": "w(1)",
}
FAILS = {
    "pytest.raises(ValueError, check=lambda e: e.args == ('good',))": "f(1)",
    "pytest.raises(expected_exception=KeyError)": "f(1)",
    "pytest.raises(match='good')": "f(1)",
    "pytest.raises(Bad, check=lambda e: e.code == 7)": "g(8)",
    "pytest.raises()": "f(1)",
    "pytest.raises(match='')": "assert 1 == 2",
}


def test_what_a_context_waits_for_decides():
    for contexts, passed in ((HOLDS, len(HOLDS)), (FAILS, 0)):
        tests = [f"def test_{at}():\n    with {context}: {body}" for at, (context, body) in enumerate(contexts.items())]
        execution = one("\n".join(tests))
        assert (execution.passed, execution.total) == (passed, len(contexts)), execution.error


def test_where_a_function_is_called_the_keywords_are_its_own():
    calls = ["pytest.raises(TypeError, f, check=1)", "pytest.warns(DeprecationWarning, w, 1, match=2)"]
    calls.append("pytest.deprecated_call(w, 1, match=2)")
    execution = one("\n".join(f"def test_{at}(): {call}" for at, call in enumerate(calls)))
    assert (execution.passed, execution.total) == (3, 3)

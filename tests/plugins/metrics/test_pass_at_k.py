"""Pass@k and tests passed against the golden files."""

from __future__ import annotations

import itertools
import json
import os
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.plugin import NoConfig
from harness.plugins.metrics.pass_at_k import PassAtK, pass_at_k
from harness.plugins.metrics.tests_passed import TestsPassed
from harness.records import Execution, Outcome, Problem

DATA = Path(os.environ.get("HARNESS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
PROBLEM = Problem(id="p", instruction="")
needs_golden = pytest.mark.skipif(not (DATA / "passk_golden.json").is_file(), reason="needs HARNESS_TEST_DATA")


def executions(*passed: bool) -> list[Execution]:
    return [Execution(Outcome.PASSED if p else Outcome.FAILED, int(p), 1) for p in passed]


def from_flags(samples: list[list[object]]) -> list[Execution]:
    """Executions from the APPS evaluator's flags: true, false, -1 (raised), -2 (did not compile)."""
    found = []
    for flags in samples:
        passed = sum(flag is True for flag in flags)
        outcome = Outcome.PASSED if flags and passed == len(flags) else Outcome.FAILED
        found.append(Execution(outcome, passed, len(flags)))
    return found


@needs_golden
def test_every_golden_pass_at_k_is_reproduced():
    cases = [case for case in json.loads((DATA / "passk_golden.json").read_text())["cases"] if case["defined"]]
    for case in cases:
        found = pass_at_k(case["n"], case["c"], case["k"])
        assert abs(found - case["exact"]) < 1e-12
        assert abs(found - case["human_eval"]) < 1e-12
    assert len(cases) > 40


@needs_golden
def test_every_golden_tests_passed_is_reproduced():
    for group in json.loads((DATA / "tests_passed_golden.json").read_text())["sets"]:
        problems = [from_flags(samples) for samples in group["results"]]
        shares = [TestsPassed().score(PROBLEM, (), e, (1,), NoConfig()).values["tests_passed"] for e in problems]
        strict = [PassAtK().score(PROBLEM, (), e, (1,), NoConfig()).values["pass@1"] for e in problems]
        wanted = group["expected"]["recommended"]
        assert abs(sum(shares) / len(shares) - wanted["avg_tests_passed"]) < 1e-12
        assert abs(sum(strict) / len(strict) - wanted["strict_accuracy"]) < 1e-12


@pytest.mark.parametrize(("n", "passed", "k"), [(1, 1, 1), (4, 2, 3), (5, 0, 2), (5, 5, 5), (6, 3, 2)])
def test_pass_at_k_is_the_share_of_draws_with_a_passing_candidate(n, passed, k):
    draws = list(itertools.combinations(range(n), k))
    share = Fraction(sum(any(i < passed for i in draw) for draw in draws), len(draws))
    assert pass_at_k(n, passed, k) == float(share)


def test_fewer_candidates_than_k_are_refused_by_name():
    with pytest.raises(HarnessError, match=r"pass_at_k: k=5 needs at least 5 candidates, problem 'p' has 2"):
        PassAtK().score(PROBLEM, (), executions(True, True), (1, 5), NoConfig())


@pytest.mark.parametrize("metric", [PassAtK(), TestsPassed()])
def test_a_sandbox_error_makes_the_problem_unscored_not_wrong(metric):
    broken = [*executions(True), Execution(Outcome.SANDBOX_ERROR, 0, 1, error="no namespace")]
    scored = metric.score(PROBLEM, (), broken, (1,), NoConfig())
    assert not scored.values
    assert "no namespace" in (scored.why or "")


@pytest.mark.parametrize("metric", [PassAtK(), TestsPassed()])
def test_a_problem_without_tests_is_unscored(metric):
    assert metric.score(PROBLEM, (), (), (1,), NoConfig()).why


def test_testing_that_stopped_at_the_first_failure_gives_no_share_of_tests_but_a_pass_at_k():
    stopped = [Execution(Outcome.FAILED, 1, 10, complete=False)]
    assert TestsPassed().score(PROBLEM, (), stopped, (1,), NoConfig()).why
    assert PassAtK().score(PROBLEM, (), stopped, (1,), NoConfig()).values == {"pass@1": 0.0}


def test_the_strict_comparison_is_reported_where_executions_carry_it():
    both = [Execution(Outcome.PASSED, 4, 4, strict_passed=2), Execution(Outcome.FAILED, 2, 4, strict_passed=0)]
    values = TestsPassed().score(PROBLEM, (), both, (1,), NoConfig()).values
    assert values == {"tests_passed": 0.75, "tests_passed/strict": 0.25}


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.data())
def test_adding_a_correct_candidate_never_lowers_pass_at_k(passed, data):
    k = data.draw(st.integers(1, len(passed)))
    before = PassAtK().score(PROBLEM, (), executions(*passed), (k,), NoConfig()).values[f"pass@{k}"]
    after = PassAtK().score(PROBLEM, (), executions(*passed, True), (k,), NoConfig()).values[f"pass@{k}"]
    assert 0.0 <= before <= after <= 1.0

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
from harness.plugin_system.registry import Registry
from harness.plugins.metrics import pass_at_k as pass_at_k_plugin
from harness.plugins.metrics import tests_passed as tests_passed_plugin
from harness.plugins.metrics.pass_at_k import PassAtK, pass_at_k
from harness.plugins.metrics.tests_passed import TestsPassed
from harness.ranking.display_names import DisplayNames
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


@pytest.mark.parametrize(("n", "passed", "k"), [(5, -1, 1), (5, 6, 1), (5, 2, 0), (5, 2, 6), (5, -1, 0)])
def test_pass_at_k_of_impossible_counts_is_no_number(n, passed, k):
    with pytest.raises(ValueError, match=rf"pass@{k} is not defined for {passed} passing of {n} candidates"):
        pass_at_k(n, passed, k)


def test_without_a_k_there_is_no_measure_and_no_error():
    scored = PassAtK().score(PROBLEM, (), executions(True), (), NoConfig())
    assert (dict(scored.values), scored.why) == ({}, None)


@pytest.mark.parametrize("metric", [PassAtK(), TestsPassed()])
def test_what_is_unscored_says_how_many_candidates_the_sandbox_failed_on_and_the_first_error(metric):
    broken = [Execution(Outcome.SANDBOX_ERROR, 0, 1, error=error) for error in ("no namespace", "no memory")]
    scored = metric.score(PROBLEM, (), [*executions(True), *broken], (1,), NoConfig())
    assert scored.metric == metric.name
    assert scored.why == "the sandbox failed on 2 of 3 candidates: no namespace"
    mixed = [Execution(Outcome.SANDBOX_ERROR, 0, 1, error="no namespace"), Execution(Outcome.SANDBOX_ERROR, 0, 1)]
    assert (metric.score(PROBLEM, (), mixed, (1,), NoConfig()).why or "").endswith("on 2 of 2 candidates: no namespace")
    silent = [Execution(Outcome.SANDBOX_ERROR, 0, 1)]
    assert metric.score(PROBLEM, (), silent, (1,), NoConfig()).why == "the sandbox failed on 1 of 1 candidates"
    assert metric.score(PROBLEM, (), [], (1,), NoConfig()).why == "the problem has no tests"


def test_one_candidate_whose_testing_stopped_makes_the_share_of_tests_unknown():
    mixed = [Execution(Outcome.PASSED, 4, 4), Execution(Outcome.FAILED, 1, 4, complete=False)]
    scored = TestsPassed().score(PROBLEM, (), mixed, (1,), NoConfig())
    assert not scored.values
    assert scored.why == "testing stopped at the first failure, so the share of tests is unknown"


def test_a_strict_share_needs_every_candidate_compared_strictly_and_an_empty_suite_counts_0():
    mixed = [Execution(Outcome.PASSED, 4, 4, strict_passed=4), Execution(Outcome.PASSED, 4, 4)]
    assert TestsPassed().score(PROBLEM, (), mixed, (1,), NoConfig()).values == {"tests_passed": 1.0}
    empty = [Execution(Outcome.PASSED, 0, 0, strict_passed=0), Execution(Outcome.PASSED, 2, 2, strict_passed=1)]
    values = TestsPassed().score(PROBLEM, (), empty, (1,), NoConfig()).values
    assert values == {"tests_passed": 0.5, "tests_passed/strict": 0.25}


def test_the_plugins_give_their_metrics():
    assert [type(one) for one in pass_at_k_plugin.harness_metrics()] == [PassAtK]
    assert [type(one) for one in tests_passed_plugin.harness_metrics()] == [TestsPassed]
    assert (PassAtK.name, PassAtK.needs) == ("pass_at_k", "executions")
    assert (TestsPassed.name, TestsPassed.needs) == ("tests_passed", "executions")


def test_measures_of_executions_are_called_in_print_what_papers_call_them() -> None:
    names = DisplayNames(Registry(warn=lambda _: None))
    assert (names.measure("tests_passed"), names.measure("pass@10")) == ("tests passed", "pass@10")

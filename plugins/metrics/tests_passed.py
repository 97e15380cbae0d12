"""Tests passed: how much of a problem's test suite its candidates pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import hookimpl
from harness.plugin import Metric
from harness.plugins.metrics.pass_at_k import unmeasured
from harness.records import Completion, Execution, Problem, Score


class TestsPassed(Metric):
    """Mean over problems of the mean over candidates of the share of tests passed.

    `tests_passed/strict` is the same under the strict comparison, on problems whose executions were compared both ways.
    A problem whose suite is empty counts 0, as in the APPS evaluator.
    """

    __test__ = False  # not a test class for pytest

    name = "tests_passed"
    display_measures: ClassVar[Mapping[str, str]] = {"tests_passed": "tests passed"}
    reference = "Hendrycks et al. 2021 (arXiv 2105.09938), section 4; candidates averaged, see docs/metrics.md"
    needs = "executions"

    def score(
        self,
        problem: Problem,
        completions: Sequence[Completion],
        executions: Sequence[Execution],
        ks: Sequence[int],
        config: Any,
    ) -> Score:
        why = unmeasured(executions)
        if why:
            return Score(self.name, why=why)
        if not all(execution.complete for execution in executions):
            return Score(self.name, why="testing stopped at the first failure, so the share of tests is unknown")
        n = len(executions)
        values = {"tests_passed": sum(_share(e.passed, e.total) for e in executions) / n}
        strict = [_share(e.strict_passed, e.total) for e in executions if e.strict_passed is not None]
        if len(strict) == n:
            values["tests_passed/strict"] = sum(strict) / n
        return Score(self.name, values=values)


def _share(passed: int, total: int) -> float:
    return passed / total if total else 0.0


@hookimpl
def harness_metrics() -> list[Metric]:
    """Tests passed."""
    return [TestsPassed()]

"""Pass@k: the chance that at least one of k candidates, drawn from the n that were made, passes every test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness import hookimpl
from harness.errors import UsageError
from harness.plugin import Metric
from harness.records import Completion, Execution, Outcome, Problem, Score


class PassAtK(Metric):
    """The unbiased estimator over n >= k candidates, averaged over problems."""

    name = "pass_at_k"
    reference = "Chen et al. 2021 (arXiv 2107.03374), section 2.1"
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
        n = len(executions)
        if ks and max(ks) > n:
            raise UsageError(
                f"{self.name}: k={max(ks)} needs at least {max(ks)} candidates, problem {problem.id!r} has {n}; "
                f"ask for fewer with -k or generate more candidates"
            )
        passed = sum(execution.outcome is Outcome.PASSED for execution in executions)
        return Score(self.name, values={f"pass@{k}": pass_at_k(n, passed, k) for k in ks})


def pass_at_k(n: int, passed: int, k: int) -> float:
    """1 - C(n - passed, k) / C(n, k), rounded once.

    Raises:
        ValueError: unless 0 <= passed <= n and 1 <= k <= n.
    """
    if not (0 <= passed <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} is not defined for {passed} passing of {n} candidates")
    draws = math.comb(n, k)
    return (draws - math.comb(n - passed, k)) / draws


def unmeasured(executions: Sequence[Execution]) -> str | None:
    """Why a problem's executions say nothing about its candidates; None when they do."""
    if not executions:
        return "the problem has no tests"
    broken = [execution for execution in executions if execution.outcome is Outcome.SANDBOX_ERROR]
    if broken:
        detail = f": {broken[0].error}" if broken[0].error else ""
        return f"the sandbox failed on {len(broken)} of {len(executions)} candidates{detail}"
    return None


@hookimpl
def harness_metrics() -> list[Metric]:
    """Pass@k."""
    return [PassAtK()]

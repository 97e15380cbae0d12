"""The execution phase: every candidate of a problem with tests is run against them in the sandbox."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from harness import files, sandbox
from harness.evaluation.costs import measured
from harness.evaluation.plan import RunPlan
from harness.evaluation.resume import saved_executions, saved_records
from harness.evaluation.runs import COSTS, EXECUTIONS, SANDBOX
from harness.owntests import OwnTests
from harness.progress import bar, detail
from harness.records import AssertTests, CallTests, Completion, Execution, Problem, PytestTests, StdinTests


class Bench(Protocol):
    """Where candidates are executed."""

    def verdicts(self, plan: RunPlan, answers: Iterable[tuple[Problem, Completion]]) -> Iterator[Execution] | None:
        """An execution for each answer, in order; None when the task has no tests."""
        ...

    def isolation(self, plan: RunPlan) -> Mapping[str, Any]:
        """What isolates the candidates there, for the record: `isolation` is an `IsolationLevel`."""
        ...


class LocalBench:
    """Executes candidates in the sandbox of this machine."""

    def verdicts(self, plan: RunPlan, answers: Iterable[tuple[Problem, Completion]]) -> Iterator[Execution] | None:
        return plan.task.plugin.judge(answers, limits=plan.limits, accept_unsafe=plan.accept_unsafe)

    def isolation(self, plan: RunPlan) -> Mapping[str, Any]:
        return {"isolation": sandbox.isolation_level(plan.accept_unsafe)}


def judge(plan: RunPlan, folder: Path, bench: Bench | None = None) -> None:
    """Append the executions of each problem that has completions and tests and no executions yet.

    They come from `bench`, by default this machine.
    """
    if not any(m.plugin.needs == "executions" for m in plan.metrics):
        return
    bench = bench or LocalBench()
    path = folder / EXECUTIONS
    done = saved_executions(folder)
    problems = {p.id: p for p in plan.problems if p.tests is not None}
    pending = [r for r in saved_records(folder) if r.id in problems and r.id not in done and not r.executions]
    if not pending:
        return
    # Data often stands in the order of difficulty, and then what comes first says little of how long the rest takes.
    random.Random(plan.run.seed).shuffle(pending)
    work = [work_of(problems[record.id], len(record.completions)) for record in pending]
    with measured("judge") as meter, bar(plan.title("judging"), work=work) as progress:
        answers = ((problems[record.id], completion) for record in pending for completion in record.completions)
        verdicts = bench.verdicts(plan, answers)
        if verdicts is None:
            return
        isolation = bench.isolation(plan)
        detail(f"judging: programs are isolated by {isolation['isolation'].name}")
        files.write_sealed(folder / SANDBOX, {**isolation, "limits": plan.limits})
        progress(0, len(pending), "")
        for count, record in enumerate(pending, 1):
            executions = [next(verdicts) for _ in record.completions]
            files.append(path, {"id": record.id, "executions": executions})
            progress(count, len(pending), "")
    files.append(folder / COSTS, meter.cost)


def work_of(problem: Problem, candidates: int) -> int:
    """About what judging a problem takes: a test of a candidate is one, and so is the start of its program."""
    tests = problem.tests
    match tests:
        case None:
            count = 0
        case StdinTests() | CallTests():
            count = len(tests.cases)
        case AssertTests() | PytestTests():
            count = tests.code.count("assert")
        case OwnTests():
            count = tests.total
    return candidates * (1 + count)

"""The execution phase: every candidate of a problem with tests is run against them in the sandbox."""

from __future__ import annotations

from pathlib import Path

from harness import files, sandbox
from harness.evaluation.costs import measured
from harness.evaluation.plan import RunPlan
from harness.evaluation.resume import saved_executions, saved_records
from harness.evaluation.runs import COSTS, EXECUTIONS, SANDBOX
from harness.progress import bar, detail


def judge(plan: RunPlan, folder: Path) -> None:
    """Append the executions of each problem that has completions and tests and no executions yet."""
    if not any(m.plugin.needs == "executions" for m in plan.metrics):
        return
    path = folder / EXECUTIONS
    done = saved_executions(folder)
    problems = {p.id: p for p in plan.splits["test"] if p.tests is not None}
    pending = [r for r in saved_records(folder) if r.id in problems and r.id not in done and not r.executions]
    if not pending:
        return
    with measured("judge") as meter, bar("judging") as progress:
        jobs = ((problems[record.id], completion) for record in pending for completion in record.completions)
        verdicts = plan.task.plugin.judge(jobs, limits=plan.limits, accept_unsafe=plan.accept_unsafe)
        if verdicts is None:
            return
        isolation = sandbox.isolation_level(plan.accept_unsafe)
        detail(f"judging: programs are isolated by {isolation.name}")
        files.write_sealed(folder / SANDBOX, {"isolation": isolation, "limits": plan.limits})
        progress(0, len(pending), "")
        for count, record in enumerate(pending, 1):
            executions = [next(verdicts) for _ in record.completions]
            files.append(path, {"id": record.id, "executions": executions})
            progress(count, len(pending), "")
    files.append(folder / COSTS, meter.cost)

"""One run: a method adapts a model to a task; the adapted model writes completions for the task's problems; the
sandbox runs them where the task has tests; metrics score them; every number lands in a record.

Each phase continues where an earlier attempt stopped, so repeating the command gives the same result.
"""

from __future__ import annotations

from pathlib import Path

from harness import files
from harness.evaluation import leakage, provenance, runs
from harness.evaluation.generate import generate
from harness.evaluation.judge import judge
from harness.evaluation.plan import RunPlan
from harness.evaluation.resume import extended, satisfies
from harness.evaluation.runs import RUN
from harness.evaluation.score import score
from harness.evaluation.summary import summarise
from harness.modeling.bases import LoadedBases
from harness.plugin_system.registry import Registry
from harness.progress import detail
from harness.records import Row


def evaluate(plan: RunPlan, registry: Registry, root: Path, bases: LoadedBases) -> Row:
    """Make the run of `plan` and return its row; a finished run is returned as it is, an interrupted one continued.

    Raises:
        HarnessError: an expected failure; what was finished is on disk.
    """
    folder = root / runs.run_id(plan.run)
    with files.locked(folder, wait_for="this run" if plan.wait else ""):
        before = runs.finished_row(folder)
        if before is not None and satisfies(before, plan, folder):
            detail(f"{folder}: finished before, nothing to do")
            return before
        detail(f"{folder}: {plan.run.method} on {plan.run.task}, {plan.run.model.id}; {_sizes(plan)}")
        if before is None:
            files.write_sealed(folder / RUN, provenance.run_facts(plan, registry))
            if plan.run.split == "test":
                registry.notify("harness_run_started", run=plan.run)
        else:
            plan = extended(plan, before.run, registry)
        generate(plan, folder, root, bases, registry.notify)
        judge(plan, folder)
        records = score(plan, folder, registry)
        if plan.run.split == "test":
            leakage.write_report(folder, plan.splits, leakage.training_splits(plan.tuner is not None, records))
        row = summarise(plan, folder, records, before)
        if plan.run.split == "test":  # who listens takes what is told for a line of the leaderboard
            registry.notify("harness_run_finished", run=plan.run, rows=(row,))
        return row


def _sizes(plan: RunPlan) -> str:
    sizes = ", ".join(f"{split} {len(problems)}" for split, problems in plan.splits.items())
    return f"data {plan.source.label} ({sizes})"

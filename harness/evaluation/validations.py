"""Runs on validation problems, by which a sweep chooses its setting (`Request.select`).

Such a run is made, continued and scored as any other, with the decoding settings of the run that it stands for. It is
kept in `runs/validations/`, beside the results: it says which setting to take, and nothing about the task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.config import Settings
from harness.errors import RunError
from harness.evaluation import runs
from harness.evaluation.executor import Job, resolved
from harness.evaluation.plan import RunPlan, resolve
from harness.evaluation.resume import satisfies
from harness.plugin_system.registry import Registry


@dataclass(frozen=True, slots=True)
class Measured:
    """The main measure of a metric over the validation problems: its name, and its value for each seed of a setting."""

    measure: str
    values: tuple[float, ...]
    higher_is_better: bool


def validation_run(job: Job, metric: str, registry: Registry, settings: Settings) -> dict[Job, RunPlan]:
    """The run on validation problems that stands for the run of `job`, scored by `metric` alone: a job with its plan.

    Raises:
        HarnessError: there is no such metric, there are no validation problems, or they lack what the metric needs.
    """
    request = replace(job.request, metrics=(metric,), select=None, split="validation")
    plan = resolve(request, registry, settings)
    return {resolved(replace(job, request=request), plan): plan}


def is_validated(plans: Mapping[Job, RunPlan], root: Path) -> bool:
    """Whether all of these runs are finished, with the metric that is to choose."""
    return all(_is_finished(plan, root / job.run_id) for job, plan in plans.items())


def _is_finished(plan: RunPlan, folder: Path) -> bool:
    row = runs.finished_row(folder)
    return row is not None and satisfies(row, plan, folder)


def measured(plans: Sequence[RunPlan], root: Path) -> Measured:
    """The measure that a table would rank the finished runs of one setting by, a value for each seed.

    Raises:
        RunError: a run is not finished, or has no value of it.
    """
    estimates = []
    for plan in plans:
        folder, (metric,) = root / runs.run_id(plan.run), plan.metrics
        whole = [e for e in runs.read_row(folder).estimates if e.metric == metric.name and e.slice is None]
        main = metric.plugin.primary(plan.run.ks)
        estimate = next((e for e in whole if e.measure == main), whole[0] if whole else None)
        if estimate is None or estimate.value is None:
            raise RunError(f"{folder}: no validation problem could be scored by {metric.name}; choose by another")
        estimates.append((estimate, estimate.value))
    first = estimates[0][0]
    return Measured(first.measure, tuple(value for _, value in estimates), first.higher_is_better)

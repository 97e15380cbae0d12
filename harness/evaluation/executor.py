"""Executors: what makes the tunings and runs of a study or of a command.

A `Job` asks for one run and a `JobResult` reports it. Both are plain data that can be pickled: an executor may send a
job to another process or machine, where `run_job` resolves it and makes the run. `LocalExecutor` uses this process.
"""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn, Protocol

from harness.config import Settings
from harness.disk import describe_os_error
from harness.errors import FileError, HarnessError, RunError
from harness.evaluation import runs
from harness.evaluation.evaluate import evaluate
from harness.evaluation.halving import PlansBySetting, tune_settings
from harness.evaluation.housekeeping import in_use
from harness.evaluation.plan import RunPlan, resolve
from harness.evaluation.request import Request
from harness.evaluation.runs import TUNING, TUNINGS
from harness.evaluation.tune import tuning_folder
from harness.evaluation.tunings import tune_all, tuning_kind
from harness.modeling.bases import LoadedBases
from harness.modeling.memory import gpu_available
from harness.plugin_system.registry import Registry
from harness.records import Row, canonical


@dataclass(frozen=True, slots=True)
class Job:
    """One run to make: the request, the options of plugins as `--set` takes them, and the folder of runs.

    Jobs with the same `group` load the same base model, those with the same `tuning` (the name of its folder, "" where
    nothing is tuned) use one adapter. `run_id` is the run's. All three are "" before the job is `resolved`.
    """

    request: Request
    options: tuple[str, ...]
    runs: Path
    group: str = ""
    run_id: str = ""
    tuning: str = ""


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job has no row: the name of the exception's class, its message, and the exit status of the command.

    `traceback` is empty for an expected failure (`HarnessError`), whose message says it all.
    """

    type: str
    message: str
    exit_code: int = 1
    traceback: str = ""

    @classmethod
    def of(cls, error: HarnessError) -> JobError:
        """An expected failure as data."""
        return cls(type(error).__name__, str(error), error.exit_code)

    @property
    def summary(self) -> str:
        """The failure in one line."""
        if not self.traceback:
            return self.message
        return f"{self.type}: {(self.message.splitlines() or [''])[0]}"

    def reraise(self) -> NoReturn:
        """Raise the failure here.

        Raises:
            HarnessError: it was expected; with the same message and exit status.
            JobCrashed: it was not; with the original traceback as text.
        """
        if self.traceback:
            raise JobCrashed(f"{self.type}\n\n{self.traceback}")
        error = HarnessError(self.message)
        error.exit_code = self.exit_code
        raise error


class JobCrashed(Exception):
    """A job ended with an exception that harness does not expect; the text holds the job's own traceback."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job gave: its row, or the error. `seconds` is wall-clock time, `facts` say where and how it was made."""

    job: Job
    seconds: float
    row: Row | None = None
    error: JobError | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tuned:
    """How the tunings of a sweep ended: its place among those asked for, wall-clock seconds, and what went wrong."""

    place: int
    seconds: float
    error: JobError | None = None


Sweep = Mapping[Job, RunPlan]
"""Jobs with their plans whose tunings are compared with each other, so that all of them have to be made."""


def by_setting(sweep: Sweep) -> PlansBySetting:
    """The plans of a sweep by their options: one for each seed."""
    settings: dict[tuple[str, ...], list[RunPlan]] = {}
    for job, plan in sweep.items():
        settings.setdefault(job.options, []).append(plan)
    return settings


class Executor(Protocol):
    """Makes tunings and runs; jobs that are made in one process share its base model."""

    def run(self, jobs: Sequence[Job], started: Callable[[Job], None]) -> Iterator[JobResult]:
        """The result of every job, as soon as it is there; `started` is called before a job starts."""
        ...

    def tune(self, sweeps: Sequence[Sweep], started: Callable[[int], None]) -> Iterator[Tuned]:
        """Make the tunings of sweeps that are not there yet; `started` is called with the place of one that begins."""
        ...


class LocalExecutor:
    """Makes the runs in this process, one at a time, group by group.

    A run that another process is making is left for later, so that two commands share the work; what is then still
    being made is waited for. Runs whose plans are known and whose tunings are made are written at once where that saves
    time, and then go on one at a time.
    """

    def __init__(
        self,
        registry: Registry,
        bases: LoadedBases | None = None,
        plans: Mapping[Job, RunPlan] | None = None,
    ) -> None:
        """`bases` may hold a base model that is loaded already, `plans` the plans of jobs that were resolved before."""
        self._registry = registry
        self._bases = bases or LoadedBases()
        self._plans = dict(plans or {})

    def run(self, jobs: Sequence[Job], started: Callable[[Job], None]) -> Iterator[JobResult]:
        waiting = grouped(jobs)
        self._write_together(waiting)
        while waiting:
            job = next((one for one in waiting if not _is_made_elsewhere(one)), waiting[0])
            waiting.remove(job)
            started(job)
            if alike := untuned_alike(job, waiting, self._registry, self._plans):
                self._bases = tune_at_once(alike, self._registry, self._bases)
                self._plans |= alike
                self._write_together(list(alike))
            result = run_job(job, self._registry, self._bases, self._plans.pop(job, None))
            if result.error is not None:
                # The base may carry half an adapter now.
                self._bases = LoadedBases()
            yield result

    def _write_together(self, jobs: Sequence[Job]) -> None:
        """Write what can be written at once. Where that fails, the run that it is due to says so when it is made."""
        known = [job for job in jobs if job in self._plans and not _is_made_elsewhere(job)]
        if len(known) < 2 or not gpu_available():
            return
        from harness.evaluation import writing_together  # which loads transformers

        try:
            for root in dict.fromkeys(job.runs for job in known):
                plans = [self._plans[job] for job in known if job.runs == root]
                writing_together.write_together(plans, self._registry, root, self._bases)
        except Exception as error:  # noqa: BLE001 - as in `run_job`: the others are made, and it is said
            print(f"note: runs are written one after another: {_reason(error)}", file=sys.stderr)
            self._bases = LoadedBases()  # the base may carry half an adapter now

    def tune(self, sweeps: Sequence[Sweep], started: Callable[[int], None]) -> Iterator[Tuned]:
        for place, sweep in enumerate(sweeps):
            started(place)
            start, error = time.monotonic(), None
            try:
                tune_settings(by_setting(sweep), next(iter(sweep)).runs, self._bases, self._registry.notify)
            except HarnessError as failure:
                error = JobError.of(failure)
            yield Tuned(place, round(time.monotonic() - start, 1), error)


def _is_made_elsewhere(job: Job) -> bool:
    """Whether another process works on the run of `job` now."""
    return bool(job.run_id) and in_use(job.runs / job.run_id)


def grouped(jobs: Sequence[Job]) -> list[Job]:
    """The jobs with those of one group together; groups, and jobs within a group, in the order of `jobs`."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.group, []).append(job)
    return [job for group in groups.values() for job in group]


def base_group(plan: RunPlan) -> str:
    """The group of a plan's job: plans with the same group load the same base model with the same options."""
    method = plan.method
    options = method.plugin.load_options(plan.config(method)) if method else {}
    return canonical([plan.run.model, {name: str(value) for name, value in options.items()}])


def resolved(job: Job, plan: RunPlan) -> Job:
    """`job` with what its plan says of it."""
    tuning = tuning_folder(plan, job.runs).name if plan.tuner else ""
    return replace(job, group=base_group(plan), run_id=runs.run_id(plan.run), tuning=tuning)


def resolve_job(job: Job, registry: Registry) -> RunPlan:
    """The plan of a job.

    Raises:
        HarnessError: a name, an option or the data does not exist or does not fit.
        RunError: it would be another run than the one that was planned.
    """
    plan = resolve(job.request, registry, Settings(job.options))
    found = runs.run_id(plan.run)
    if job.run_id and found != job.run_id:
        raise RunError(
            f"{job.run_id}: would be {found} now; the data, the model, the plugins or the settings (variables, "
            "harness.toml) are not those that it was planned with"
        )
    return plan


def untuned_alike(
    job: Job, waiting: Sequence[Job], registry: Registry, plans: Mapping[Job, RunPlan]
) -> dict[Job, RunPlan]:
    """`job`, and those of `waiting` that differ in seed and options alone and whose tunings can be made at once.

    Empty where that of `job` is there or has no others, and without a GPU, where it saves no time but costs the last
    digits of what each would be alone. `plans` are those of jobs that were resolved before. Jobs that cannot be
    resolved are left out: they say so when they are made.
    """
    request = replace(job.request, seed=0)
    alike = [one for one in (job, *waiting) if one.group == job.group and replace(one.request, seed=0) == request]
    missing = [one for one in alike if one.tuning and not (one.runs / TUNINGS / one.tuning / TUNING).is_file()]
    if job not in missing or len({one.tuning for one in missing}) < 2 or not gpu_available():
        return {}
    found: dict[Job, RunPlan] = {}
    for one in missing:
        with contextlib.suppress(HarnessError, OSError):
            found[one] = plans.get(one) or resolve_job(one, registry)
    kinds = {one: tuning_kind(plan) for one, plan in found.items()}
    return {one: plan for one, plan in found.items() if kinds[one] == kinds.get(job)}


def tune_at_once(found: Mapping[Job, RunPlan], registry: Registry, bases: LoadedBases) -> LoadedBases:
    """Make the tunings of these jobs; where one fails, the others that are not made yet are left to be made alone.

    Returns the bases to go on with: after a failure one may carry half an adapter.
    """
    job = next(iter(found))
    try:
        tune_all(list(found.values()), job.runs, bases, registry.notify)
    except Exception as error:  # noqa: BLE001 - as in `run_job`: each is made by itself, and fails for itself
        print(f"note: {_reason(error)}; {job.request.method} is tuned one setting at a time", file=sys.stderr)
        return LoadedBases()
    return bases


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"


def run_job(job: Job, registry: Registry, bases: LoadedBases, plan: RunPlan | None = None) -> JobResult:
    """Make the run of `job`. Every exception becomes the result's error; an interrupt (Ctrl-C) is raised."""
    start, row, error = time.monotonic(), None, None
    try:
        row = evaluate(plan or resolve_job(job, registry), registry, job.runs, bases)
    except HarnessError as failure:
        error = JobError.of(failure)
    except OSError as failure:
        error = JobError(FileError.__name__, describe_os_error(failure))
    except Exception as failure:  # noqa: BLE001 - whatever one job fails with, the others are run and it is recorded
        error = JobError(type(failure).__name__, str(failure), traceback=traceback.format_exc())
    return JobResult(job, round(time.monotonic() - start, 1), row, error)

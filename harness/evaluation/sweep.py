"""Several settings and seeds of a method in one command, of which one setting is chosen.

A sweep tunes every setting with every seed. The setting with the lowest mean validation loss, or with the best mean of
a metric on the validation problems (`Request.select`), is the one whose runs write for the test problems and are
judged; the others stay in `sweep.json` beside its results. The test split has no part in the choice.
With `stop_losers` settings that cannot win end early (`halving`).
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import files
from harness.config import Settings
from harness.errors import RunError, UsageError
from harness.evaluation import facts, halving, validations
from harness.evaluation.executor import Job, resolved
from harness.evaluation.plan import RunPlan, resolve
from harness.evaluation.request import Request
from harness.evaluation.runs import RUN, TUNING, run_id
from harness.evaluation.tune import tuning_folder
from harness.evaluation.validations import Measured
from harness.plugin_system.registry import Registry

SWEEP, SAVED = "sweep.json", "saved_share_of_steps"
"""The file in each run that was chosen, and its key for the share of all steps that early ends saved."""


@dataclass(frozen=True)
class Trial:
    """One setting of a method: the swept options as texts like `lora.r=32`, and a job with its plan for each seed.

    `validations` are those of the runs on validation problems, where a metric chooses.
    """

    setting: tuple[str, ...]
    jobs: Mapping[Job, RunPlan]
    validations: Mapping[Job, RunPlan] = field(default_factory=dict)

    @property
    def plans(self) -> list[RunPlan]:
        """A plan for each seed."""
        return list(self.jobs.values())


def check_swept(request: Request, sweep: Mapping[str, Sequence[str]]) -> None:
    """Refuse what is for the settings of a sweep where nothing is swept.

    Raises:
        UsageError: there is a metric to choose by, or settings are to end early, and nothing is swept.
    """
    asked = [f"--select {request.select}"] if request.select is not None else []
    asked += ["--stop-losers"] if request.stop_losers else []
    if asked and not sweep:
        raise UsageError(
            f"{asked[0]}: it is for the settings of a sweep; add --sweep NAME.OPTION=V1,V2 or leave it out"
        )


def build_trials(
    requests: Sequence[Request],
    options: Sequence[str],
    sweep: Mapping[str, Sequence[str]],
    registry: Registry,
    settings: Settings,
    runs: Path,
) -> list[Trial]:
    """Every setting of one method in `sweep` (values of options by name) for `requests`, which differ in their seeds.

    `settings` are those of `options`, the texts that `--set` takes. Swept options of other methods are left out.

    Raises:
        HarnessError: something does not exist or does not fit, or the option of a method that tunes nothing is swept
            without a metric to choose by.
    """
    trials = []
    metric = requests[0].select
    for setting in settings_of(sweep, requests[0].method.split("+")):
        given, chosen_by = settings.with_sets(setting), metric if setting else None
        jobs: dict[Job, RunPlan] = {}
        on_validation: dict[Job, RunPlan] = {}
        for request in requests:
            job = Job(replace(request, select=chosen_by), (*options, *setting), runs)
            plan = resolve(job.request, registry, given)
            jobs[resolved(job, plan)] = plan
            if chosen_by is not None:
                on_validation |= validations.validation_run(job, chosen_by, registry, given)
        if setting and plan.tuner is None and chosen_by is None:
            why = "tunes nothing, and settings are chosen by validation loss"
            remedy = "choose by a metric: --select METRIC, or select in a study"
            raise UsageError(f"a sweep of {', '.join(setting)}: {request.method} {why}; {remedy}")
        trials.append(Trial(setting, jobs, on_validation))
    return trials


def settings_with_plans(trials: Sequence[Trial]) -> halving.PlansBySetting:
    """The plans of each trial by its setting."""
    return {trial.setting: trial.plans for trial in trials}


def is_tuned(trials: Sequence[Trial], root: Path) -> bool:
    """Whether every setting that did not end early has been tuned with every seed."""
    tuned = [plan for trial in _going(trials, root) for plan in trial.plans if plan.tuner]
    return all((tuning_folder(plan, root) / TUNING).is_file() for plan in tuned)


def _going(trials: Sequence[Trial], root: Path) -> list[Trial]:
    """The trials that did not end early."""
    going = halving.going_settings(settings_with_plans(trials), root)
    return [trial for trial in trials if trial.setting in going]


def validations_of(trials: Sequence[Trial], root: Path) -> dict[Job, RunPlan]:
    """The runs on validation problems that must be made before one of several settings can be chosen."""
    if len(trials) == 1:
        return {}
    return {job: plan for trial in _going(trials, root) for job, plan in trial.validations.items()}


def choose(trials: Sequence[Trial], root: Path) -> Trial:
    """The trial with the best mean over its seeds of the validation loss, or of the measure that was asked for.

    Its plans carry a note of it. The first of equal ones is chosen, so that a default that is tried first stays.

    Raises:
        RunError: what was measured of a trial is not there.
    """
    if len(trials) == 1:
        return trials[0]
    going = _going(trials, root)
    measured = [_measured(trial, root) for trial in going]
    means = [statistics.fmean(one.values) * (-1 if one.higher_is_better else 1) for one in measured]
    best = min(range(len(going)), key=lambda number: means[number])
    trial, seeds = going[best], len(going[best].jobs)
    over = f", mean of {seeds} seeds" if seeds > 1 else ""
    by = f"{measured[best].measure}{' on validation problems' if trial.validations else ''}"
    note = f"{', '.join(trial.setting)}: chosen of {len(trials)} settings by {by}{over} ({SWEEP})"
    if len(going) < len(trials):
        settings = settings_with_plans(trials)
        saved = halving.saved_share(settings, halving.read_rungs(settings, root))
        note += f"; {len(trials) - len(going)} ended early, which saved {saved:.0%} of the sweep's steps"
    return replace(trial, jobs={job: replace(plan, notes=(*plan.notes, note)) for job, plan in trial.jobs.items()})


def _measured(trial: Trial, root: Path) -> Measured:
    """What a trial is chosen by."""
    if trial.validations:
        return validations.measured(list(trial.validations.values()), root)
    return Measured("validation loss", tuple(_losses(trial, root)), higher_is_better=False)


def _losses(trial: Trial, root: Path) -> list[float]:
    """The best validation loss of each seed of a trial; none where its method tunes nothing."""
    return [_loss(tuning_folder(plan, root)) for plan in trial.plans if plan.tuner]


def _loss(tuning: Path) -> float:
    loss = facts.tuning_facts(tuning).best_loss
    if loss is None:
        raise RunError(f"{tuning / TUNING}: has no best_loss; delete the folder to tune it again")
    return loss


def write_choice(trials: Sequence[Trial], chosen: Trial, root: Path) -> None:
    """`sweep.json` in each run that the chosen trial has made: every setting, its tunings and validation losses.

    Where a metric has chosen, the runs on validation problems, too, with their values of the measure.
    """
    if len(trials) == 1:
        return
    by: dict[str, Any] = {"chosen_by": "mean validation loss"}
    if chosen.validations:
        measure, (metric,) = _measured(chosen, root).measure, next(iter(chosen.validations.values())).metrics
        by = {"chosen_by": f"mean {measure} on validation problems", "metric": metric.name, "measure": measure}
    settings = settings_with_plans(trials)
    rungs = halving.read_rungs(settings, root)
    if ended := halving.ended_early(settings, rungs):
        by[SAVED] = halving.saved_share(settings, rungs)
    tried = [_tried(trial, trial.setting == chosen.setting, ended.get(trial.setting), root) for trial in trials]
    for folder in (root / run_id(plan.run) for plan in chosen.plans):
        if (folder / RUN).is_file():
            files.write_sealed(folder / SWEEP, {**by, "settings": tried})


def _on_validation(trial: Trial, root: Path) -> dict[str, Any]:
    """The measure's value for each seed of a trial, and the runs that have them; nothing where the loss chooses."""
    if not trial.validations:
        return {}
    folders = [Path(job.run_id).name for job in trial.validations]
    return {"validation_values": list(_measured(trial, root).values), "validations": folders}


def _tried(trial: Trial, chosen: bool, ended: halving.Standing | None, root: Path) -> dict[str, Any]:
    """One setting in `sweep.json`; of one that ended early with the losses until then."""
    tried = {"options": list(trial.setting), "chosen": chosen, "seeds": [plan.run.seed for plan in trial.plans]}
    tunings = [tuning_folder(plan, root).name for plan in trial.plans if plan.tuner]
    if ended is not None:
        losses = [ended.losses[name] for name in tunings]
        return {**tried, "validation_losses": losses, "ended_after_steps": ended.steps}
    return {**tried, "validation_losses": _losses(trial, root), "tunings": tunings, **_on_validation(trial, root)}


def settings_of(sweep: Mapping[str, Sequence[str]], plugins: Sequence[str]) -> list[tuple[str, ...]]:
    """Every combination of the swept options that belong to one of `plugins`, as texts; one empty one without any."""
    axes = [
        [f"{name}={value}" for value in values] for name, values in sweep.items() if name.rpartition(".")[0] in plugins
    ]
    return list(itertools.product(*axes))

"""Several settings and seeds of a method in one command, of which one setting is chosen.

A sweep tunes every setting with every seed. The setting with the lowest mean validation loss is the one whose runs
write and are judged; the others stay in `sweep.json` beside its results. The test split has no part in the choice.
With `stop_losers` settings that cannot win end early (`halving`).
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import files
from harness.config import Settings
from harness.errors import RunError, UsageError
from harness.evaluation import facts, halving
from harness.evaluation.executor import Job, resolved
from harness.evaluation.plan import RunPlan, resolve
from harness.evaluation.request import Request
from harness.evaluation.runs import RUN, TUNING, run_id
from harness.evaluation.tune import tuning_folder
from harness.plugin_system.registry import Registry

SWEEP = "sweep.json"


@dataclass(frozen=True)
class Trial:
    """One setting of a method: the swept options as texts like `lora.r=32`, and a job with its plan for each seed."""

    setting: tuple[str, ...]
    jobs: Mapping[Job, RunPlan]

    @property
    def plans(self) -> list[RunPlan]:
        """A plan for each seed."""
        return list(self.jobs.values())


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
        HarnessError: something does not exist or does not fit, or the option of a method that tunes nothing is swept.
    """
    trials = []
    for setting in settings_of(sweep, requests[0].method.split("+")):
        given, jobs = settings.with_sets(setting), {}
        for request in requests:
            plan = resolve(request, registry, given)
            jobs[resolved(Job(request, (*options, *setting), runs), plan)] = plan
        if setting and plan.tuner is None:
            why = "tunes nothing, and settings are chosen by validation loss"
            raise UsageError(f"a sweep of {', '.join(setting)}: {request.method} {why}")
        trials.append(Trial(setting, jobs))
    return trials


def settings_with_plans(trials: Sequence[Trial]) -> halving.Settings:
    """The plans of each trial by its setting."""
    return {trial.setting: trial.plans for trial in trials}


def is_tuned(trials: Sequence[Trial], root: Path) -> bool:
    """Whether every setting that did not end early has been tuned with every seed, so that one can be chosen."""
    return all((tuning_folder(plan, root) / TUNING).is_file() for trial in _going(trials, root) for plan in trial.plans)


def _going(trials: Sequence[Trial], root: Path) -> list[Trial]:
    """The trials that did not end early."""
    going = halving.going_settings(settings_with_plans(trials), root)
    return [trial for trial in trials if trial.setting in going]


def choose(trials: Sequence[Trial], root: Path) -> Trial:
    """The trial with the lowest mean validation loss over its seeds; its plans carry a note of it.

    The first of equal ones is chosen, so that a default that is tried first stays.
    """
    if len(trials) == 1:
        return trials[0]
    going = _going(trials, root)
    trial = min(going, key=lambda one: statistics.fmean(_losses(one, root)))
    seeds = len(trial.jobs)
    over = f", mean of {seeds} seeds" if seeds > 1 else ""
    note = f"{', '.join(trial.setting)}: chosen of {len(trials)} settings by validation loss{over} ({SWEEP})"
    if len(going) < len(trials):
        settings = settings_with_plans(trials)
        saved = halving.saved_share(settings, halving.read_rungs(settings, root))
        note += f"; {len(trials) - len(going)} ended early, which saved {saved:.0%} of the sweep's steps"
    return replace(trial, jobs={job: replace(plan, notes=(*plan.notes, note)) for job, plan in trial.jobs.items()})


def _losses(trial: Trial, root: Path) -> list[float]:
    """The best validation loss of each seed of a trial."""
    return [_loss(tuning_folder(plan, root)) for plan in trial.plans]


def _loss(tuning: Path) -> float:
    loss = facts.tuning_facts(tuning).best_loss
    if loss is None:
        raise RunError(f"{tuning / TUNING}: has no best_loss; delete the folder to tune it again")
    return loss


def write_choice(trials: Sequence[Trial], chosen: Trial, root: Path) -> None:
    """`sweep.json` in each run that the chosen trial has made: every setting, its tunings and validation losses."""
    if len(trials) == 1:
        return
    settings = settings_with_plans(trials)
    ended = halving.ended_early(settings, halving.read_rungs(settings, root))
    tried = [_tried(trial, trial.setting == chosen.setting, ended.get(trial.setting), root) for trial in trials]
    for folder in (root / run_id(plan.run) for plan in chosen.plans):
        if (folder / RUN).is_file():
            files.write_sealed(folder / SWEEP, {"chosen_by": "mean validation loss", "settings": tried})


def _tried(trial: Trial, chosen: bool, ended: halving.Standing | None, root: Path) -> dict[str, Any]:
    """One setting in `sweep.json`; of one that ended early with the losses until then."""
    tried = {"options": list(trial.setting), "chosen": chosen, "seeds": [plan.run.seed for plan in trial.plans]}
    tunings = [tuning_folder(plan, root).name for plan in trial.plans]
    if ended is not None:
        losses = [ended.losses[name] for name in tunings]
        return {**tried, "validation_losses": losses, "ended_after_steps": ended.steps}
    return {**tried, "validation_losses": _losses(trial, root), "tunings": tunings}


def settings_of(sweep: Mapping[str, Sequence[str]], plugins: Sequence[str]) -> list[tuple[str, ...]]:
    """Every combination of the swept options that belong to one of `plugins`, as texts; one empty one without any."""
    axes = [
        [f"{name}={value}" for value in values] for name, values in sweep.items() if name.rpartition(".")[0] in plugins
    ]
    return list(itertools.product(*axes))

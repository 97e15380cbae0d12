"""Several settings and seeds of a method in one command: tuned together where that is possible, and one setting chosen.

A sweep tunes every setting with every seed. The setting with the lowest mean validation loss is the one whose runs
write and are judged; the others stay in `sweep.json` beside its results. The test split has no part in the choice.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import files, processes
from harness.config import Settings
from harness.errors import OutOfMemoryError, RunError, UsageError
from harness.evaluation import facts
from harness.evaluation.costs import measured, share
from harness.evaluation.executor import Job, base_group
from harness.evaluation.plan import RunPlan, resolve
from harness.evaluation.request import Request
from harness.evaluation.runs import CHECKPOINTS, RUN, TUNING, TUNINGS, run_id
from harness.evaluation.tune import adapted_for_training, record, training_rows, tune, tuning_folder
from harness.modeling import memory
from harness.modeling.base import Base
from harness.modeling.bases import LoadedBases, is_peft
from harness.plugin_system.registry import Registry
from harness.progress import bar, whole
from harness.records import canonical, digest
from harness.tuning.joint import JointMember, joint_tuning_unsupported_reason
from harness.tuning.train import fit_together, set_weights

SWEEP = "sweep.json"
MOST_TOGETHER = 16
"""Adapters that are tuned at once; more take memory and save little time."""


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
            jobs[Job(request, (*options, *setting), runs, base_group(plan))] = plan
        if setting and plan.tuner is None:
            why = "tunes nothing, and settings are chosen by validation loss"
            raise UsageError(f"a sweep of {', '.join(setting)}: {request.method} {why}")
        trials.append(Trial(setting, jobs))
    return trials


def tune_all(plans: Sequence[RunPlan], root: Path, bases: LoadedBases) -> None:
    """Make the tunings of `plans` that are not there yet, up to `MOST_TOGETHER` at once."""
    missing = [plan for plan in plans if plan.tuner and not (tuning_folder(plan, root) / TUNING).is_file()]
    by_key = {canonical(plan.tuning_key): plan for plan in missing}
    for _, some in itertools.groupby(sorted(by_key.values(), key=_alike), key=_alike):
        alike = sorted(some, key=lambda plan: canonical(plan.tuning_key))
        for start in range(0, len(alike), MOST_TOGETHER):
            _tune_alike(alike[start : start + MOST_TOGETHER], root, bases)


def _tune_alike(plans: Sequence[RunPlan], root: Path, bases: LoadedBases) -> None:
    """Tune `plans` together; in two halves where memory does not hold them, and else one at a time."""
    half = len(plans) // 2
    try:
        if half and not _shared_one_by_one(plans) and _tune_together(plans, root, bases):
            return
        parts = [[plan] for plan in plans]
    except OutOfMemoryError:
        print(f"note: memory does not hold {len(plans)} x {plans[0].run.method} at once", file=sys.stderr)
        parts = [list(plans[:half]), list(plans[half:])]
    memory.release()
    for part in parts:
        if len(part) == 1:
            tune(part[0], root, bases)
        else:
            _tune_alike(part, root, bases)


def _shared_one_by_one(plans: Sequence[RunPlan]) -> bool:
    """Whether several processes share each tuning in place of one process making several at once."""
    if processes.count() > 1:
        print(
            f"note: {plans[0].run.method} is tuned one setting at a time: several processes share it", file=sys.stderr
        )
    return processes.count() > 1


_APART = ("learning_rate", "warmup_ratio")
"""Settings that may differ between adapters that are tuned together, beside the seed."""


def _alike(plan: RunPlan) -> str:
    """What two tunings must have in common to be made together."""
    key = dict(plan.tuning_key, seed=None)
    for part in ("config", "tuning"):
        key[part] = {name: value for name, value in (key[part] or {}).items() if name not in _APART}
    return canonical(key)


def _tune_together(plans: Sequence[RunPlan], root: Path, bases: LoadedBases) -> bool:
    """Tune `plans` at once; False, with nothing done, where their method or model does not allow it."""
    folders = [tuning_folder(plan, root) for plan in plans]
    scratch = root / TUNINGS / f"together-{digest([plan.tuning_key for plan in plans])[:12]}"
    with contextlib.ExitStack() as stack:
        for folder in sorted({scratch, *folders}):
            stack.enter_context(files.locked(folder, wait_for="this tuning" if plans[0].wait else ""))
        if any((folder / TUNING).is_file() for folder in folders):
            return False  # another process has made one meanwhile
        with measured("load") as loading, whole("loading the model"):
            base, members, why = _members(plans, bases)
        train, cut = training_rows(plans[0], base, "train", root / "cache")
        validation, _ = training_rows(plans[0], base, "validation", root / "cache")
        why = why or joint_tuning_unsupported_reason(base, members, train)
        if why is not None:
            print(f"note: {plans[0].run.method} is tuned one setting at a time: {why}", file=sys.stderr)
            bases.release(base)
            shutil.rmtree(scratch)
            return False
        title = f"tuning {len(plans)} x {plans[0].run.method}"
        with measured("tune") as meter, bar(title, time_left=False) as progress:
            try:
                tuned = fit_together(base, members, train, validation, scratch / CHECKPOINTS, progress)
            except OutOfMemoryError:
                bases.release(base)
                shutil.rmtree(scratch)
                raise
        costs = [share(cost, len(plans)) for cost in (loading.cost, meter.cost) if cost]
        for plan, folder, (result, weights) in zip(plans, folders, tuned, strict=True):
            set_weights(base, weights)
            own = [replace(cost, tokens_in=result.tokens) if cost.phase == "tune" else cost for cost in costs]
            record(plan, folder, base, replace(result, truncated=cut), own, together=len(plans))
        bases.release(base)
        shutil.rmtree(scratch)
    return True


def _members(plans: Sequence[RunPlan], bases: LoadedBases) -> tuple[Base, list[JointMember], str | None]:
    """The plans' adapters as they start, the base with the last one on it, and why they cannot be on one base."""
    members: list[JointMember] = []
    for number, plan in enumerate(plans, 1):
        assert plan.run.tuning is not None and plan.tuner is not None
        before = bases.loads
        base = adapted_for_training(plan, bases)
        if not is_peft(base.model):
            return base, [], "it trains the model's own weights"
        method, config = plan.tuner.plugin, plan.config(plan.tuner)
        if method.parameter_groups(base.model, plan.run.tuning.learning_rate, config) is not None:
            return base, [], "it has learning rates of its own"
        if method.loss_function(config) is not None:
            return base, [], "it has a loss of its own"
        if members and bases.loads > before:
            return base, [], "it changes the base that adapters would share"
        members.append(JointMember.of(base, plan.run.tuning, plan.run.seed))
        if number < len(plans):
            bases.release(base)
    return base, members, None


def is_tuned(trials: Sequence[Trial], root: Path) -> bool:
    """Whether every setting has been tuned with every seed, so that one can be chosen."""
    return all((tuning_folder(plan, root) / TUNING).is_file() for trial in trials for plan in trial.plans)


def choose(trials: Sequence[Trial], root: Path) -> Trial:
    """The trial with the lowest mean validation loss over its seeds; its plans carry a note of it.

    The first of equal ones is chosen, so that a default that is tried first stays.
    """
    if len(trials) == 1:
        return trials[0]
    losses = [_losses(trial, root) for trial in trials]
    means = [statistics.fmean(some) for some in losses]
    best = min(range(len(trials)), key=lambda number: means[number])
    trial, seeds = trials[best], len(trials[best].jobs)
    over = f", mean of {seeds} seeds" if seeds > 1 else ""
    note = f"{', '.join(trial.setting)}: chosen of {len(trials)} settings by validation loss{over} ({SWEEP})"
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
    tried = [
        {
            "options": list(trial.setting),
            "chosen": trial.setting == chosen.setting,
            "seeds": [plan.run.seed for plan in trial.plans],
            "validation_losses": _losses(trial, root),
            "tunings": [tuning_folder(plan, root).name for plan in trial.plans],
        }
        for trial in trials
    ]
    for folder in (root / run_id(plan.run) for plan in chosen.plans):
        if (folder / RUN).is_file():
            files.write_sealed(folder / SWEEP, {"chosen_by": "mean validation loss", "settings": tried})


def settings_of(sweep: Mapping[str, Sequence[str]], plugins: Sequence[str]) -> list[tuple[str, ...]]:
    """Every combination of the swept options that belong to one of `plugins`, as texts; one empty one without any."""
    axes = [
        [f"{name}={value}" for value in values] for name, values in sweep.items() if name.rpartition(".")[0] in plugins
    ]
    return list(itertools.product(*axes))

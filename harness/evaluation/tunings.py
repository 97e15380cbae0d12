"""Several tunings of one command: made together on one base where method and model allow it, else one by one."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness import files, processes
from harness.errors import OutOfMemoryError
from harness.evaluation.costs import measured, share
from harness.evaluation.plan import RunPlan
from harness.evaluation.runs import CHECKPOINTS, TUNING, TUNINGS
from harness.evaluation.tune import adapted_for_training, record, training_rows, tune, tuning_folder
from harness.modeling import memory
from harness.modeling.base import Base
from harness.modeling.bases import LoadedBases, is_peft
from harness.progress import bar, whole
from harness.records import canonical, digest
from harness.tuning.joint_support import joint_tuning_unsupported_reason
from harness.tuning.stacked import JointMember
from harness.tuning.train import fit_together, set_weights

MOST_TOGETHER = 16
"""Adapters that are tuned at once; more take memory and save little time."""


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

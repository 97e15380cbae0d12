"""Several tunings of one command: made together on one base where method and model allow it, else one by one."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness import files, processes
from harness.errors import OutOfMemoryError
from harness.evaluation.costs import measured, share
from harness.evaluation.plan import RunPlan
from harness.evaluation.runs import CHECKPOINTS, TUNING, TUNINGS
from harness.evaluation.tune import (
    Notify,
    PartialTuning,
    adapted_for_training,
    nobody,
    record,
    record_partial,
    training_rows,
    tune,
    tune_until,
    tuning_folder,
    validation_listener,
)
from harness.evaluation.watching import look_of
from harness.modeling import memory
from harness.modeling.base import Base
from harness.modeling.bases import LoadedBases, is_peft
from harness.progress import bar, whole
from harness.records import Cost, canonical, digest
from harness.tuning.joint_support import joint_tuning_unsupported_reason
from harness.tuning.result import TuningResult
from harness.tuning.stacked import JointMember, set_weights
from harness.tuning.train import fit_together

MOST_TOGETHER = 16
"""Adapters that are tuned at once; more take memory and save little time."""


def tune_all(plans: Sequence[RunPlan], root: Path, bases: LoadedBases, notify: Notify = nobody) -> None:
    """Make the tunings of `plans` that are not there yet, up to `MOST_TOGETHER` at once."""
    for alike in _alike_groups(plans, root):
        _tune_alike(alike, root, bases, None, notify)


def tune_all_until(
    plans: Sequence[RunPlan],
    root: Path,
    bases: LoadedBases,
    step: Callable[[RunPlan], int],
    notify: Notify = nobody,
) -> dict[str, PartialTuning]:
    """Make the tunings of `plans` until a step of each; what they are then like, by their `tuning_id`.

    One that is finished already is left out.
    """
    found: dict[str, PartialTuning] = {}
    for alike in _alike_groups(plans, root):
        found |= _tune_alike(alike, root, bases, step(alike[0]), notify)
    return found


def tuning_id(plan: RunPlan) -> str:
    """What a tuning depends on, as text."""
    return canonical(plan.tuning_key)


def _alike_groups(plans: Sequence[RunPlan], root: Path) -> Iterator[Sequence[RunPlan]]:
    """The plans whose tunings are not there yet, in groups that can be tuned at once."""
    missing = [plan for plan in plans if plan.tuner and not (tuning_folder(plan, root) / TUNING).is_file()]
    by_id = {tuning_id(plan): plan for plan in missing}
    for _, some in itertools.groupby(sorted(by_id.values(), key=tuning_kind), key=tuning_kind):
        alike = sorted(some, key=tuning_id)
        yield from (alike[start : start + MOST_TOGETHER] for start in range(0, len(alike), MOST_TOGETHER))


def _tune_alike(
    plans: Sequence[RunPlan], root: Path, bases: LoadedBases, until: int | None, notify: Notify
) -> dict[str, PartialTuning]:
    """Tune `plans` together; in two halves where memory does not hold them, and else one at a time.

    To the end, or until a step; then with what they are like by `tuning_id`.
    """
    half = len(plans) // 2
    parts = [[plan] for plan in plans]
    try:
        if _can_be_together(plans, root):
            found = _tune_together(plans, root, bases, until, notify)
            if found is not None:
                return found
    except OutOfMemoryError:
        print(f"note: memory does not hold {len(plans)} x {plans[0].run.method} at once", file=sys.stderr)
        parts = [list(part) for part in (plans[:half], plans[half:]) if part]
    memory.release()
    partial: dict[str, PartialTuning] = {}
    for part in parts:
        if len(part) > 1:
            partial |= _tune_alike(part, root, bases, until, notify)
        elif until is None:
            tune(part[0], root, bases, notify)
        elif (one := tune_until(part[0], root, bases, until, notify)) is not None:
            partial[tuning_id(part[0])] = one
    return partial


def _can_be_together(plans: Sequence[RunPlan], root: Path) -> bool:
    """Whether to try to tune `plans` at once: several, or one that was among several until now."""
    checkpoints = [tuning_folder(plan, root) / CHECKPOINTS for plan in plans]
    begun_alone = all(any(folder.glob("checkpoint-*")) for folder in checkpoints)
    several = len(plans) > 1 and not begun_alone
    return (several or all((folder / APART).is_dir() for folder in checkpoints)) and not _shared_one_by_one(plans)


APART = "apart"
"""The folder of an adapter's own checkpoints, among its others, while it is tuned together with others."""


def _shared_one_by_one(plans: Sequence[RunPlan]) -> bool:
    """Whether several processes share each tuning in place of one process making several at once."""
    if processes.count() > 1:
        print(
            f"note: {plans[0].run.method} is tuned one setting at a time: several processes share it", file=sys.stderr
        )
    return processes.count() > 1


_MAY_DIFFER = ("learning_rate", "warmup_ratio")
"""Settings that may differ between adapters that are tuned together, beside the seed."""


def tuning_kind(plan: RunPlan) -> str:
    """What two tunings must have in common to be made together, as text."""
    key = dict(plan.tuning_key, seed=None)
    for part in ("config", "tuning"):
        key[part] = {name: value for name, value in (key[part] or {}).items() if name not in _MAY_DIFFER}
    return canonical(key)


def _tune_together(
    plans: Sequence[RunPlan], root: Path, bases: LoadedBases, until: int | None, notify: Notify
) -> dict[str, PartialTuning] | None:
    """Tune `plans` at once; None, with nothing done, where their method or model does not allow it."""
    folders = [tuning_folder(plan, root) for plan in plans]
    scratch = root / TUNINGS / f"together-{digest([plan.tuning_key for plan in plans])[:12]}"
    with contextlib.ExitStack() as stack:
        for folder in sorted({scratch, *folders}):
            stack.enter_context(files.locked(folder, wait_for="this tuning" if plans[0].wait else ""))
        if any((folder / TUNING).is_file() for folder in folders):
            return None  # another process has made one meanwhile
        with measured("load") as loading, whole(f"loading {plans[0].run.model.name}"):
            base, members, why = _members(plans, root, bases)
        train, cut = training_rows(plans[0], base, "train", root / "cache")
        validation, _ = training_rows(plans[0], base, "validation", root / "cache")
        why = why or joint_tuning_unsupported_reason(base, members, train)
        if why is not None:
            print(f"note: {plans[0].run.method} is tuned one setting at a time: {why}", file=sys.stderr)
            bases.release(base)
            shutil.rmtree(scratch)
            return None
        title = f"tuning {len(plans)} x {plans[0].run.method}"
        with measured("tune") as meter, bar(title, time_left=False) as progress:
            try:
                listener = validation_listener(plans, root, notify)
                looks = [look_of(plan, root / "cache") for plan in plans]
                place = scratch / CHECKPOINTS
                tuned = fit_together(base, members, train, validation, place, progress, until, listener, looks)
            except OutOfMemoryError:
                bases.release(base)
                shutil.rmtree(scratch)
                raise
        costs = [share(cost, len(plans)) for cost in (loading.cost, meter.cost) if cost]
        found: dict[str, PartialTuning] = {}
        for plan, (result, weights) in zip(plans, tuned, strict=True):
            set_weights(base, weights)
            if until is None:
                _record(plan, root, base, replace(result, truncated=cut), costs, len(plans))
            else:
                found[tuning_id(plan)] = record_partial(plan, root, base, result, costs)
        bases.release(base)
        shutil.rmtree(scratch)
    return found


def _record(plan: RunPlan, root: Path, base: Base, tuned: TuningResult, costs: Sequence[Cost], together: int) -> None:
    """Write one of the tunings that were made at once, with its share of the costs."""
    folder = tuning_folder(plan, root)
    own = [replace(cost, tokens_in=tuned.tokens) if cost.phase == "tune" else cost for cost in costs]
    record(plan, folder, base, tuned, own, together=together)
    if (folder / CHECKPOINTS).is_dir():
        shutil.rmtree(folder / CHECKPOINTS)


def _members(plans: Sequence[RunPlan], root: Path, bases: LoadedBases) -> tuple[Base, list[JointMember], str | None]:
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
        folder = tuning_folder(plan, root) / CHECKPOINTS / APART
        members.append(JointMember.of(base, plan.run.tuning, plan.run.seed, folder))
        if number < len(plans):
            bases.release(base)
    return base, members, None

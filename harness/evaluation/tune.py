"""The tuning phase: trains an adapter once; all runs with the same tuning key share it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import files, processes
from harness.errors import ModelError
from harness.evaluation import facts, provenance
from harness.evaluation.costs import measured, of_all
from harness.evaluation.plan import RunPlan
from harness.evaluation.prompting import build_prompts
from harness.evaluation.runs import CHECKPOINTS, COSTS, TUNING, TUNINGS, typed_lines
from harness.evaluation.watching import look_of, watched_facts
from harness.modeling import bases as adapters
from harness.modeling import memory
from harness.modeling.base import Base, parameters
from harness.modeling.bases import LoadedBases
from harness.modeling.prompts import PromptBuilder
from harness.modeling.sharding import is_too_large, load_sharded
from harness.plugin_system.registry import PluginEntry
from harness.progress import bar, detail, whole
from harness.records import SCHEMA, Cost, TuningProgress, digest, to_json
from harness.tuning.losses import row_losses
from harness.tuning.result import TuningResult
from harness.tuning.schedule import validation_rows
from harness.tuning.step_progress import ValidationCallback
from harness.tuning.train import fit, rows

PROGRESS = "progress.jsonl"
"""In the folder of a tuning while it goes on: a line for each validation, to look at or to draw."""
Notify = Callable[..., None]
"""(hook, **arguments): tells plugins (`Registry.notify`)."""


def nobody(hook: str, **arguments: Any) -> None:
    """Where there are no plugins to tell."""


def tuning_folder(plan: RunPlan, root: Path) -> Path:
    """Where the tuning of `plan` is kept: under the digest of all that it depends on."""
    assert plan.tuner is not None
    return root / TUNINGS / f"{plan.tuner.name.replace(':', '_')}-{digest(plan.tuning_key)[:12]}"


def tune(plan: RunPlan, root: Path, bases: LoadedBases, notify: Notify = nobody) -> Path | None:
    """The folder of the plan's tuning, trained now unless it exists; None for a method that does not tune."""
    if plan.tuner is None or plan.run.tuning is None:
        return None
    folder = tuning_folder(plan, root)
    with files.locked(folder, wait_for="this tuning" if plan.wait else ""):
        if os.path.lexists(folder / TUNING):
            provenance.warn_of_changed_plugins(folder, facts.tuning_facts(folder).plugins, _tuned_by(plan))
            detail(f"tune: found in {folder}")
            return folder
        part = TuningPart(plan, root, _is_sharded(plan))
        with processes.shared(part):
            base, tuned, costs = part.tuned(bases, notify)
        record(plan, folder, base, tuned, costs)
        _give_back(base, bases)
        shutil.rmtree(folder / CHECKPOINTS)
    del base
    if part.sharded:
        memory.release()  # for the whole base, which is loaded next
    return folder


@dataclass(frozen=True)
class PartialTuning:
    """A tuning that ended early, and may go on: its lowest validation loss, and with those weights that of each row.

    `row_losses` are sums over the response tokens of a row.
    """

    loss: float
    row_losses: Sequence[float]


def tune_until(
    plan: RunPlan, root: Path, bases: LoadedBases, step: int, notify: Notify = nobody
) -> PartialTuning | None:
    """Tune until `step`, after which a validation follows; None where the tuning is finished already."""
    folder = tuning_folder(plan, root)
    with files.locked(folder, wait_for="this tuning" if plan.wait else ""):
        if os.path.lexists(folder / TUNING):
            return None
        base, tuned, costs = TuningPart(plan, root, sharded=False, until=step).tuned(bases, notify)
        partial = record_partial(plan, root, base, tuned, costs)
    _give_back(base, bases)
    return partial


def record_partial(
    plan: RunPlan, root: Path, base: Base, tuned: TuningResult, costs: Sequence[Cost | None]
) -> PartialTuning:
    """What the unfinished tuning in `base` is like; what it took so far is kept for its record."""
    assert plan.run.tuning is not None
    for cost in costs:
        if cost is not None:  # the tokens are counted when it is finished
            files.append(tuning_folder(plan, root) / COSTS, to_json(replace(cost, tokens_in=0)))
    validation, _ = training_rows(plan, base, "validation", root / "cache")
    size = validation_rows(plan.run.tuning, tuned.micro_batch)
    return PartialTuning(tuned.best_loss, row_losses(base, validation, size))


def record(
    plan: RunPlan, folder: Path, base: Base, tuned: TuningResult, costs: Sequence[Cost | None], *, together: int = 1
) -> None:
    """Write the tuning that is in `base`: its adapter, and then what it is, so that it is whole once that is there.

    `together`: how many adapters were tuned at once; `costs` are this one's share.
    """
    costs = [*typed_lines(folder / COSTS, Cost, repair=True), *costs]
    size = adapters.save(base, folder / "adapter")
    about = {"schema": SCHEMA, "key": plan.tuning_key, "plugins": provenance.origins(_tuned_by(plan))}
    adapter = {"adapter": adapters.stamps(folder / "adapter")}
    found = _tuning_facts(base, tuned, size, costs)
    shared = {"together": together} if together > 1 else {}
    watched = watched_facts(plan, folder / PROGRESS)
    files.write_sealed(folder / TUNING, {**about, **found, **adapter, **shared, **watched})
    for name in (COSTS, PROGRESS):
        (folder / name).unlink(missing_ok=True)


def _tuned_by(plan: RunPlan) -> list[PluginEntry[Any] | None]:
    """The plugins that a tuning depends on."""
    return [plan.task, plan.tuner, plan.trained_prompter]


def validation_listener(plans: Sequence[RunPlan], root: Path, notify: Notify) -> ValidationCallback:
    """What a training loop calls after a validation: writes the progress of each tuning down, and tells plugins.

    Of several processes only the first one has something to say.
    """

    def told(progress: Sequence[TuningProgress]) -> None:
        for plan, one in zip(plans, progress, strict=True) if processes.is_first() else ():
            files.append(tuning_folder(plan, root) / PROGRESS, one)
            notify("harness_tuning_validated", run=plan.run, progress=one)

    return told


@dataclass(frozen=True)
class TuningPart:
    """A tuning, for every process of the command: each does its part, and in the end has the weights."""

    plan: RunPlan
    root: Path
    sharded: bool
    until: int | None = None
    """The step to end at; None for the last one."""

    def run(self, bases: LoadedBases) -> None:
        """The part of a process that is not the first."""
        base, _, _ = self.tuned(bases)
        _give_back(base, bases)

    def tuned(self, bases: LoadedBases, notify: Notify = nobody) -> tuple[Base, TuningResult, list[Cost]]:
        """The base with the tuned adapter, what the tuning gave, and what loading and tuning cost."""
        plan, tuner, tuning = self.plan, self.plan.tuner, self.plan.run.tuning
        assert tuner is not None and tuning is not None
        with measured("load") as loading, whole(f"loading {plan.run.model.name}"):
            base = adapted_for_training(plan, bases, sharded=self.sharded)
        train, validation, cut = processes.from_first(self._rows(base) if processes.is_first() else ([], [], 0))
        with measured("tune") as meter, bar(f"tuning {tuner.name}", time_left=False) as progress:
            method, config = tuner.plugin, plan.config(tuner)
            result = fit(
                base,
                train,
                validation,
                tuning,
                tuning_folder(plan, self.root) / CHECKPOINTS,
                plan.run.seed,
                progress,
                parameter_groups=method.parameter_groups(base.model, tuning.learning_rate, config),
                loss_function=method.loss_function(config),
                until=self.until,
                on_validation=validation_listener([plan], self.root, notify),
                look=look_of(plan, self.root / "cache") if processes.is_first() else None,
            )
            meter.tokens_in = round(sum(len(r["input_ids"]) for r in train) * tuning.epochs)
        costs = [of_all(processes.gathered(cost)) for cost in (loading.cost, meter.cost) if cost]
        return base, replace(result, truncated=cut), costs

    def _rows(self, base: Base) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
        """The rows to train on and to validate with, and how many of the first were cut."""
        train, cut = training_rows(self.plan, base, "train", self.root / "cache")
        return train, training_rows(self.plan, base, "validation", self.root / "cache")[0], cut


def _give_back(base: Base, bases: LoadedBases) -> None:
    """Take the adapter off its base; a sharded base is used once, since to write all of it is needed."""
    if not base.sharded:
        bases.release(base)


def _is_sharded(plan: RunPlan) -> bool:
    """Whether the base is spread over the processes: asked for, or too large for one GPU.

    Raises:
        ModelError: it is too large, and there is one process.
    """
    if plan.shard is not None:
        return plan.shard
    large = is_too_large(plan.run.model, load_options(plan))
    if large and processes.count() == 1:
        raise ModelError(
            f"--model {plan.run.model.id}: too large to be tuned on one GPU; start a process for each GPU:"
            " torchrun --standalone --nproc-per-node gpu -m harness eval …"
        )
    return large


def adapted_for_training(plan: RunPlan, bases: LoadedBases, *, sharded: bool = False) -> Base:
    """The plan's base with a new adapter on it, whose starting weights depend on the plan's seed alone."""
    from transformers import set_seed

    assert plan.tuner is not None
    method, config = plan.tuner.plugin, plan.config(plan.tuner)

    def adapted(base: Base) -> Base:
        set_seed(plan.run.seed)  # adapters start from random numbers
        return method.adapt(base, config)

    if sharded:
        bases.clear()
        return load_sharded(plan.run.model, load_options(plan), adapted)
    return adapted(bases.get(plan.run.model, load_options(plan)))


def load_options(plan: RunPlan) -> Mapping[str, Any]:
    """The `from_pretrained` options of the plan's base, which its method gives."""
    method = plan.method
    return method.plugin.load_options(plan.config(method)) if method else {}


def training_rows(plan: RunPlan, base: Base, split: str, cache: Path) -> tuple[list[dict[str, Any]], int]:
    """The rows to train on, and how many of them were cut.

    Their prompts have examples only where the prompting method is asked to train with them.
    """
    assert plan.run.tuning is not None
    problems = [p for p in plan.splits[split] if plan.task.plugin.answer(p)]
    prompts = build_prompts(plan, base, problems, cache, training=True)
    return rows(
        PromptBuilder(plan.task.plugin, base), list(zip(prompts, problems, strict=True)), plan.run.tuning.max_tokens
    )


def _tuning_facts(base: Base, tuned: TuningResult, size: int, costs: Sequence[Cost | None]) -> dict[str, Any]:
    trainable, everything = parameters(base.model)
    return {
        **to_json(tuned),
        "trainable_parameters": trainable,
        "total_parameters": everything,
        "adapter_bytes": size,
        "costs": to_json([cost for cost in costs if cost]),
    }

"""The tuning phase: trains an adapter once; all runs with the same tuning key share it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import files
from harness.evaluation import facts, provenance
from harness.evaluation.costs import measured
from harness.evaluation.plan import RunPlan
from harness.evaluation.prompting import build_prompts
from harness.evaluation.runs import CHECKPOINTS, TUNING, TUNINGS
from harness.modeling import bases as adapters
from harness.modeling.base import Base, parameters
from harness.modeling.bases import LoadedBases
from harness.modeling.prompts import PromptBuilder
from harness.plugin_system.registry import PluginEntry
from harness.progress import bar, detail, whole
from harness.records import SCHEMA, Cost, digest, to_json
from harness.tuning.loop import TuningResult
from harness.tuning.train import fit, rows


def tuning_folder(plan: RunPlan, root: Path) -> Path:
    """Where the tuning of `plan` is kept: under the digest of all that it depends on."""
    assert plan.tuner is not None
    return root / TUNINGS / f"{plan.tuner.name.replace(':', '_')}-{digest(plan.tuning_key)[:12]}"


def tune(plan: RunPlan, root: Path, bases: LoadedBases) -> Path | None:
    """The folder of the plan's tuning, trained now unless it exists; None for a method that does not tune."""
    if plan.tuner is None or plan.run.tuning is None:
        return None
    folder = tuning_folder(plan, root)
    with files.locked(folder, wait_for="this tuning" if plan.wait else ""):
        if os.path.lexists(folder / TUNING):
            provenance.warn_of_changed_plugins(folder, facts.tuning_facts(folder).plugins, _tuned_by(plan))
            detail(f"tune: found in {folder}")
            return folder
        with measured("load") as loading, whole("loading the model"):
            base = adapted_for_training(plan, bases)
        train, cut = training_rows(plan, base, "train", root / "cache")
        validation, _ = training_rows(plan, base, "validation", root / "cache")
        with measured("tune") as meter, bar(f"tuning {plan.tuner.name}", time_left=False) as progress:
            method, config = plan.tuner.plugin, plan.config(plan.tuner)
            tuned = fit(
                base,
                train,
                validation,
                plan.run.tuning,
                folder / CHECKPOINTS,
                plan.run.seed,
                progress,
                parameter_groups=method.parameter_groups(base.model, plan.run.tuning.learning_rate, config),
                loss_function=method.loss_function(config),
            )
            meter.tokens_in = round(sum(len(r["input_ids"]) for r in train) * plan.run.tuning.epochs)
        record(plan, folder, base, replace(tuned, truncated=cut), [loading.cost, meter.cost])
        bases.release(base)
        shutil.rmtree(folder / CHECKPOINTS)
    return folder


def record(
    plan: RunPlan, folder: Path, base: Base, tuned: TuningResult, costs: Sequence[Cost | None], *, together: int = 1
) -> None:
    """Write the tuning that is in `base`: its adapter, and then what it is, so that it is whole once that is there.

    `together`: how many adapters were tuned at once; `costs` are this one's share.
    """
    size = adapters.save(base, folder / "adapter")
    about = {"schema": SCHEMA, "key": plan.tuning_key, "plugins": provenance.origins(_tuned_by(plan))}
    adapter = {"adapter": adapters.stamps(folder / "adapter")}
    found = _tuning_facts(base, tuned, size, costs)
    shared = {"together": together} if together > 1 else {}
    files.write_sealed(folder / TUNING, {**about, **found, **adapter, **shared})


def _tuned_by(plan: RunPlan) -> list[PluginEntry[Any] | None]:
    """The plugins that a tuning depends on."""
    return [plan.task, plan.tuner, plan.trained_prompter]


def adapted_for_training(plan: RunPlan, bases: LoadedBases) -> Base:
    """The plan's base with a new adapter on it, whose starting weights depend on the plan's seed alone."""
    from transformers import set_seed

    assert plan.tuner is not None
    method, config = plan.tuner.plugin, plan.config(plan.tuner)
    base = bases.get(plan.run.model, method.load_options(config))
    set_seed(plan.run.seed)  # adapters start from random numbers
    return method.adapt(base, config)


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

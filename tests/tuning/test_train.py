"""The training loop keeps to the study's schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.modeling import base as model
from harness.modeling.base import ModelSpec
from harness.modeling.prompts import PromptBuilder
from harness.plugin import Task
from harness.plugin_system.registry import Registry
from harness.records import Problem
from harness.tuning.train import fit, rows


def test_it_validates_every_fifth_of_an_epoch_and_ends_with_the_best_checkpoint(
    model_of: Callable[[str], Path], toy: Task, problems: list[Problem], tmp_path: Path
) -> None:
    method = Registry().method("lora").plugin
    base = method.adapt(model.load(ModelSpec(str(model_of("llama"))), {}), method.Config())
    layout = PromptBuilder(toy, base)
    found = rows(layout, [(layout.prompt(problem), problem) for problem in problems], 256)[0]
    # A fraction is what the library would take as a share of all steps: 40 problems are 10 steps an epoch.
    tuning = replace(method.tuning(method.Config()), epochs=2.0, batch_size=4)
    tuned = fit(base, [*found, *found][:40], found[:4], tuning, tmp_path, 42, lambda *_: None)
    assert [step for step, _ in tuned.history] == list(range(2, 21, 2))
    assert tuned.steps == 20
    assert (tuned.best_step, tuned.best_loss) in tuned.history
    assert tuned.best_loss == min(loss for _, loss in tuned.history)

"""Adapters that are tuned together are what each is alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.modeling.base import Base
from harness.records import Tuning
from harness.tuning.joint import JointTrainingLoop
from harness.tuning.joint_support import joint_tuning_unsupported_reason
from harness.tuning.loop import TrainingLoop, TuningResult, trainable
from harness.tuning.stacked import JointMember, set_weights
from harness.tuning.train import fit_together

Rows = list[dict[str, list[int]]]
Adapted = Callable[..., Base]
METHODS = {"lora": 1e-2, "ia3": 5e-2, "prompt-tuning": 5e-2, "prefix-tuning": 3e-2}
QUANTISED = {"qlora-4bit": 1e-2, "qlora-8bit": 1e-2}
RATES = METHODS | QUANTISED
OPTIONS: dict[str, dict[str, Any]] = {key: {"dropout": 0.0} for key in ["lora", *QUANTISED]}


def variants(name: str, family: str, adapted: Adapted) -> tuple[Base, list[JointMember]]:
    """A model, and three starts of a method with learning rates and seeds of their own."""
    import torch

    members = []
    for number in range(3):
        base = adapted(name, family, **OPTIONS.get(name, {}))
        torch.manual_seed(number)
        for _, parameter in trainable(base.model):
            parameter.data += 0.01 * torch.randn_like(parameter)
        tuning = Tuning(RATES[name] / (number + 1), epochs=2.0, batch_size=4, evaluate_every=0.6)
        members.append(JointMember.of(base, tuning, 40 + number))
    return base, members


def alone(
    base: Base, member: JointMember, train: Rows, validation: Rows, folder: Path
) -> tuple[TuningResult, dict[str, Any]]:
    for name, parameter in trainable(base.model):
        parameter.data.copy_(member.weights[name])
    folder.mkdir()
    tuned = TrainingLoop(base, train, validation, member.tuning, 4, folder, member.seed, lambda *_: None).run()
    return tuned, {name: p.detach().clone() for name, p in trainable(base.model)}


@pytest.mark.parametrize(
    ("name", "family"),
    [
        *((name, "llama") for name in RATES),
        ("lora", "gpt_neox"),
        ("ia3", "starcoder2"),
        ("prompt-tuning", "qwen2"),
        ("prefix-tuning", "mistral"),
    ],
)
def test_each_adapter_has_the_losses_and_weights_that_it_has_alone(
    name: str, family: str, adapted: Adapted, rows: Callable[..., Rows], tmp_path: Path
) -> None:
    train, validation = rows(18), rows(6, 1)
    base, members = variants(name, family, adapted)
    assert joint_tuning_unsupported_reason(base, members, train) is None
    together = tmp_path / "together"
    together.mkdir()
    found = JointTrainingLoop(base, members, train, validation, 4, together, lambda *_: None).run()
    for number, (member, (ours, weights)) in enumerate(zip(members, found, strict=True)):
        theirs, own = alone(base, member, train, validation, tmp_path / str(number))
        assert ours.losses == pytest.approx(theirs.losses, abs=1e-5)
        assert [s for s, _ in ours.history] == [s for s, _ in theirs.history]
        # A last digit decides which of its 255 steps an activation of LLM.int8() is rounded to.
        tolerance = 1e-4 if name == "qlora-8bit" else 1e-5
        assert [x for _, x in ours.history] == pytest.approx([x for _, x in theirs.history], abs=tolerance)
        assert (ours.best_step, ours.steps, ours.tokens) == (theirs.best_step, theirs.steps, theirs.tokens)
        assert max(float((weights[key] - own[key]).abs().max()) for key in own) < 1e-4
    assert found[0][0].losses != found[1][0].losses


def test_a_joint_run_that_is_broken_off_ends_as_one_that_is_not(
    adapted: Adapted, rows: Callable[..., Rows], tmp_path: Path
) -> None:
    import torch

    train, validation = rows(18), rows(6, 1)
    _, members = variants("lora", "llama", adapted)
    base = adapted("lora")  # with dropout
    (tmp_path / "whole").mkdir()
    (tmp_path / "broken").mkdir()
    whole = JointTrainingLoop(base, members, train, validation, 4, tmp_path / "whole", lambda *_: None).run()

    def broken(step: int, _steps: int, _words: str) -> None:
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        JointTrainingLoop(base, members, train, validation, 4, tmp_path / "broken", broken).run()
    again = JointTrainingLoop(base, members, train, validation, 4, tmp_path / "broken", lambda *_: None).run()
    for (ours, weights), (theirs, others) in zip(again, whole, strict=True):
        assert (ours.losses, ours.history) == (theirs.losses, theirs.history)
        assert all(torch.equal(weights[name], others[name]) for name in others)


def test_adapters_together_go_on_with_smaller_batches_when_memory_runs_out(
    adapted: Adapted, rows: Callable[..., Rows], tmp_path: Path
) -> None:
    import torch

    train, validation = rows(18), rows(6, 1)
    base, members = variants("lora", "llama", adapted)
    whole = fit_together(base, members, train, validation, tmp_path / "whole", lambda *_: None)
    passes, told = 0, []

    def before(_: Any, inputs: tuple[Any, ...]) -> None:
        nonlocal passes
        passes += 1
        if passes > 9 and inputs[0].shape[0] > 2:
            torch.empty(1 << 60, dtype=torch.uint8)

    base.model.get_base_model().get_input_embeddings().register_forward_pre_hook(before)
    found = fit_together(base, members, train, validation, tmp_path / "cut", lambda *words: told.append(words[2]))
    assert "out of memory: micro-batch 2, the effective batch stays 4" in told
    for (ours, weights), (theirs, others) in zip(found, whole, strict=True):
        assert (ours.micro_batch, theirs.micro_batch) == (2, 4)
        assert ours.losses == pytest.approx(theirs.losses, abs=1e-5)
        assert all(torch.allclose(weights[name], others[name], atol=1e-4) for name in others)
    set_weights(base, found[1][1])
    assert all(torch.equal(p, found[1][1][name]) for name, p in trainable(base.model))

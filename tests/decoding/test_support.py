"""Continuous batching is used for a model that was tested with it; else the reason is part of the run's record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from harness.decoding import support
from harness.decoding.generate import continuous_batching_unsupported_reason
from harness.evaluation.summary import _generation_notes
from harness.modeling import base as model
from harness.modeling.base import Base, ModelSpec
from harness.plugin_system.registry import Registry

_SMALL = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}


def made(family: str, **more: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **_SMALL, **more)).eval()


@pytest.mark.parametrize(
    ("family", "more", "reason"),
    [
        ("bloom", {}, "it is not told positions"),
        ("falcon", {}, "its attention is no part of transformers' interface"),
        ("mamba", {"state_size": 8}, "it remembers more than keys and values"),
    ],
)
def test_an_unsupported_model_has_a_reason(family: str, more: dict[str, Any], reason: str) -> None:
    assert support.unsupported_reason(made(family, **more)) == reason


def test_a_model_with_an_encoder_is_decoded_by_transformers(model_of: Callable[[str], Path]) -> None:
    assert continuous_batching_unsupported_reason(model.load(ModelSpec(str(model_of("t5"))), {})) == "it has an encoder"


def test_a_model_with_other_logits_is_unsupported(load: Callable[[str], Base], monkeypatch: pytest.MonkeyPatch) -> None:
    look = support.SlotCache.prepare_step
    monkeypatch.setattr(
        support.SlotCache, "prepare_step", lambda self, *given: look(self, *given) + 1
    )  # each token one place late
    assert "of their spread" in support.unsupported_reason(load("llama").model)


@pytest.mark.slow
def test_rounding_in_16_bits_is_no_reason_but_a_wrong_position_is(
    smollm2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.bfloat16).eval()
    assert support.unsupported_reason(network) == ""
    support._REASONS.pop(network)
    look = support.SlotCache.prepare_step
    monkeypatch.setattr(support.SlotCache, "prepare_step", lambda self, *given: look(self, *given) + 1)
    assert "of their spread" in support.unsupported_reason(network)


def test_the_test_of_a_model_leaves_it_unchanged(load: Callable[[str], Base]) -> None:
    for family in ("llama", "codegen"):
        network = load(family).model
        before = network.config._attn_implementation
        assert support.unsupported_reason(network) == ""
        assert network.config._attn_implementation == before
        assert not any("_attn" in vars(part) for part in network.modules())


def test_the_reason_is_a_note_of_the_run(tmp_path: Path) -> None:
    assert list(_generation_notes(tmp_path)) == []  # a backend wrote
    for reason, notes in (("", []), ("it has an encoder", ["written by transformers' generate: it has an encoder"])):
        (tmp_path / "batch.json").write_text(json.dumps({"problems": 8, "why_not_slots": reason}))
        assert list(_generation_notes(tmp_path)) == notes


def test_rounding_that_depends_on_the_batch_has_no_part_in_the_test_of_an_8_bit_base(
    model_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = Registry().method("qlora-8bit").plugin
    base = model.load(ModelSpec(str(model_of("llama"))), plugin.load_options(plugin.Config()))
    for layer in base.model.modules():
        if type(layer).__name__ == "Linear8bitLt":
            layer.state.threshold = 0.5  # so that a tiny model has outliers, in columns that depend on the batch
    monkeypatch.setattr(support, "_TOLERANCE_16_BIT", support._TOLERANCE)
    monkeypatch.setattr(support, "_NOISE_FACTOR", 0)
    assert support.unsupported_reason(base.model) == ""

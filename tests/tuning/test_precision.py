"""Adapters get activations as they are, and afterwards PEFT casts them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.modeling import base
from harness.plugin_system.registry import Registry
from harness.records import ModelSpec
from harness.tuning.precision import inputs_as_they_are, sixteen_bit_activations


@pytest.fixture(params=["lora", "ia3", "prompt-tuning", "prefix-tuning"])
def adapted(request: pytest.FixtureRequest, tiny_model: Path) -> Any:
    method = Registry().method(request.param).plugin
    return method.adapt(base.load(ModelSpec(str(tiny_model)), {}), method.Config())


def switches(model: Any) -> list[bool]:
    found = (getattr(module, "cast_input_dtype_enabled", None) for module in model.modules())
    return [value for value in found if value is not None]


def test_no_layer_of_peft_casts_its_input_within_the_block_alone(adapted: Any) -> None:
    before = switches(adapted.model)
    with inputs_as_they_are(adapted.model):
        assert not any(switches(adapted.model))
    assert switches(adapted.model) == before


def test_the_loss_under_autocast_is_the_same_but_for_rounding(adapted: Any) -> None:
    model, ids = adapted.model.eval(), torch.arange(1, 9)[None]

    def loss() -> float:
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False), torch.no_grad():
            return float(model(input_ids=ids, labels=ids).loss)

    expected = loss()
    with inputs_as_they_are(model):
        assert loss() == pytest.approx(expected, rel=1e-2)


def test_on_a_cpu_nothing_changes(adapted: Any) -> None:
    before = switches(adapted.model)
    with sixteen_bit_activations(adapted):
        assert switches(adapted.model) == before

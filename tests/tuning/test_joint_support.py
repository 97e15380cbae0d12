"""Adapters are tuned together only where losses and gradients are those of each alone; else it is told why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.modeling.base import Base
from harness.records import Tuning
from harness.tuning.joint_support import joint_tuning_unsupported_reason
from harness.tuning.stacked import JointMember

Rows = list[dict[str, list[int]]]
Adapted = Callable[..., Base]


@pytest.mark.parametrize(
    ("name", "family", "why"),
    [
        ("peft:loha", "llama", "vmap has no rule"),
        ("peft:adalora", "llama", "a loss of its own"),
        ("lora", "codegen", "masks are made"),
    ],
)
def test_why_adapters_are_tuned_one_at_a_time_is_told(
    name: str, family: str, why: str, adapted: Adapted, rows: Callable[..., Rows]
) -> None:
    base = adapted(name, family)
    members = [JointMember.of(base, Tuning(1e-3), seed) for seed in (1, 2)]
    found = joint_tuning_unsupported_reason(base, members, rows(8))
    assert found is not None and why in found


def test_a_base_that_another_library_quantised_is_not_shared(adapted: Adapted, rows: Callable[..., Rows]) -> None:
    base = adapted("lora")
    base.model.base_model.model.quantization_method = "gptq"
    members = [JointMember.of(base, Tuning(1e-3), seed) for seed in (1, 2)]
    assert "quantised base" in (joint_tuning_unsupported_reason(base, members, rows(8)) or "")


def test_adapters_of_unlike_shapes_or_schedules_are_not_tuned_together(
    adapted: Adapted, rows: Callable[..., Rows]
) -> None:
    base = adapted("lora", r=8)
    small = JointMember.of(base, Tuning(1e-3), 1)
    large = JointMember.of(adapted("lora", r=16), Tuning(1e-3), 1)
    longer = JointMember.of(base, Tuning(1e-3, epochs=9.0), 1)
    assert "shapes" in (joint_tuning_unsupported_reason(base, [small, large], rows(8)) or "")
    assert "settings" in (joint_tuning_unsupported_reason(base, [small, longer], rows(8)) or "")


@pytest.mark.parametrize("name", ["lora", "ia3", "prompt-tuning", "prefix-tuning", "qlora-4bit", "qlora-8bit"])
def test_the_methods_of_the_study_are_tuned_together(name: str, adapted: Adapted, rows: Callable[..., Rows]) -> None:
    base = adapted(name)
    members = [JointMember.of(base, Tuning(1e-3), seed) for seed in (1, 2)]
    assert joint_tuning_unsupported_reason(base, members, rows(8)) is None


def test_a_gradient_that_an_operation_loses_under_vmap_is_noticed(adapted: Adapted, rows: Callable[..., Rows]) -> None:
    import torch

    base = adapted("lora")
    for _, parameter in base.model.named_parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn_like(parameter)
    members = [JointMember.of(base, Tuning(1e-3), seed) for seed in (1, 2)]

    def without_gradient(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        # As an operation of another library whose kernel has no rule for its gradient.
        return output.detach() if torch._C._functorch.is_batchedtensor(output) else output

    base.model.get_base_model().model.layers[0].mlp.register_forward_hook(without_gradient)
    base.model.get_base_model().model.layers[1].self_attn.register_forward_hook(
        lambda module, inputs, output: (without_gradient(module, inputs, output[0]), *output[1:])
    )
    assert joint_tuning_unsupported_reason(base, members, rows(8)) == (
        "its gradients under vmap are not those it has alone"
    )

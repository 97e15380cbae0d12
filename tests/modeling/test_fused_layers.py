"""Norms and rotary embeddings in few kernels; here on a CPU, where the same functions run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from harness.modeling.fused_layers import FusedLayers

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": 60,
}


def tiny(family: str) -> Any:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **SIZES)).eval().requires_grad_(False)
    for name, weight in model.named_parameters():
        if name.endswith("norm.weight"):
            weight.uniform_(0.5, 1.5)
    return model


def loss_and_gradient(model: Any, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    given = vectors.clone().requires_grad_()
    loss = model(inputs_embeds=given, use_cache=False).logits.square().mean()
    loss.backward()
    assert given.grad is not None
    return loss.detach(), given.grad


@pytest.mark.parametrize(
    ("family", "fused"), [("llama", 8), ("qwen3", 12), ("mistral", 8), ("phi", 1), ("gemma2", 1), ("cohere", 2)]
)
def test_fused_layers_give_the_same_losses_and_gradients(family: str, fused: int) -> None:
    model, vectors = tiny(family), torch.randn(2, 7, 32)
    loss, gradient = loss_and_gradient(model, vectors)
    layers = FusedLayers(model, "cpu")
    assert len(layers) == fused
    with layers:
        found = loss_and_gradient(model, vectors)
    torch.testing.assert_close(found, (loss, gradient), rtol=1e-5, atol=1e-7)


def test_several_rows_under_vmap_give_what_each_gives_alone() -> None:
    model = tiny("llama")
    model.config._attn_implementation = "eager"
    vectors = torch.randn(3, 2, 5, 32, requires_grad=True)

    def loss(one: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(5)[None]
        hidden = model.model.layers[0](
            one, position_embeddings=model.model.rotary_emb(one, positions), attention_mask=None, use_cache=False
        )
        return (hidden[0] if isinstance(hidden, tuple) else hidden).square().sum()

    with FusedLayers(model, "cpu"):
        together = torch.vmap(loss)(vectors)
        (gradients,) = torch.autograd.grad(together.sum(), vectors)
    alone = torch.stack([loss(one) for one in vectors])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients, torch.autograd.grad(alone.sum(), vectors)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("part", ["gate_proj", "up_proj"])
def test_an_adapter_may_be_on_one_half_of_a_gated_mlp_alone(part: str) -> None:
    mlp = tiny("llama").model.layers[0].mlp
    name, x = f"{part}.weight", torch.randn(5, 32)
    stacked = torch.randn(3, 48, 32).mul_(0.1).requires_grad_()

    def loss(weight: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.func.functional_call(mlp, {name: weight}, (x,)).square().sum()
        return found

    with FusedLayers(torch.nn.ModuleList([mlp]), "cpu"):
        together = torch.vmap(loss)(stacked)
        (gradients,) = torch.autograd.grad(together.sum(), stacked)
    alone = torch.stack([loss(one) for one in stacked])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients, torch.autograd.grad(alone.sum(), stacked)[0], rtol=1e-4, atol=1e-5)


def test_a_norm_that_trains_keeps_its_gradient() -> None:
    model = tiny("llama")
    weight = model.model.norm.weight.requires_grad_()
    with FusedLayers(model, "cpu"):
        model(torch.tensor([[1, 2, 3]])).logits.square().mean().backward()
    assert weight.grad is not None and weight.grad.abs().sum() > 0


def test_afterwards_the_model_and_its_library_are_as_before() -> None:
    from transformers.models.llama import modeling_llama

    model, function = tiny("llama"), modeling_llama.apply_rotary_pos_emb
    with FusedLayers(model, "cpu"):
        assert modeling_llama.apply_rotary_pos_emb is not function
    assert modeling_llama.apply_rotary_pos_emb is function
    assert not [module for module in model.modules() if "forward" in vars(module)]


def test_layers_on_other_devices_stay_as_they_are() -> None:
    assert len(FusedLayers(tiny("llama"))) == 0

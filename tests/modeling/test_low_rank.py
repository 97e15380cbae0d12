"""LoRA layers in few kernels; here on a CPU, where the same functions run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from harness.modeling.low_rank import FusedLowRank

TYPES = (torch.float32,)


def adapted(**options: Any) -> Any:
    """A tiny Llama with LoRA whose B is not zero."""
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=60,
        attention_bias=options.pop("attention_bias", False),
    )
    given = {"r": 4, "lora_alpha": 12, "lora_dropout": 0.1, "target_modules": ["q_proj", "k_proj", "v_proj"], **options}
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(**given))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    return model


def gradients(model: Any, vectors: torch.Tensor) -> dict[str, torch.Tensor]:
    """The loss, and the gradients of the input and of the trainable weights."""
    given = vectors.clone().requires_grad_()
    loss = model(inputs_embeds=given, use_cache=False).logits.square().mean()
    loss.backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    assert given.grad is not None
    return {"loss": loss.detach(), "input": given.grad, **found}


@pytest.mark.parametrize(
    "options", [{}, {"use_rslora": True}, {"attention_bias": True}, {"target_modules": ["down_proj", "q_proj"]}]
)
def test_fused_layers_give_the_same_losses_and_gradients_as_pefts(options: dict[str, Any]) -> None:
    model, vectors = adapted(**options).eval(), torch.randn(2, 7, 32)
    expected = gradients(model, vectors)
    fused = FusedLowRank(model, "cpu", TYPES)
    assert len(fused.weights()) == len(expected) - 2
    with fused:
        found = gradients(model, vectors)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(gradients(model, vectors), expected, rtol=0, atol=0)


def test_dropout_drops_its_share_and_the_gradient_is_that_of_what_it_kept() -> None:
    model = adapted(lora_dropout=0.25)
    layer = model.base_model.model.model.layers[0].self_attn.q_proj.train()
    with torch.no_grad():
        layer.lora_A["default"].weight.copy_(torch.eye(4, 32))
        layer.lora_B["default"].weight.copy_(torch.eye(32, 4))
    x = torch.ones(1, 400, 32, requires_grad=True)
    with FusedLowRank(model, "cpu", TYPES):
        update = ((layer(x) - layer.base_layer(x)) / layer.scaling["default"])[..., :4]
        (gradient,) = torch.autograd.grad(update.sum(), x)
    dropped = update.detach().abs() < 1e-4
    torch.testing.assert_close(update[~dropped], torch.full_like(update[~dropped], 1 / 0.75), rtol=1e-4, atol=0)
    assert 0.15 < float(dropped.float().mean()) < 0.35
    torch.testing.assert_close(gradient[..., :4], update.detach(), rtol=1e-4, atol=1e-4)


def test_several_adapters_under_vmap_give_what_each_gives_alone() -> None:
    model = adapted().eval()
    model.config._attn_implementation = "eager"
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    stacked = {n: torch.randn(3, *model.get_parameter(n).shape).mul_(0.3).requires_grad_() for n in names}
    vectors = torch.randn(3, 2, 5, 32)

    def loss(weights: dict[str, torch.Tensor], one: torch.Tensor) -> torch.Tensor:
        given = {"inputs_embeds": one, "use_cache": False, "position_ids": torch.arange(5)[None]}
        found: torch.Tensor = torch.func.functional_call(model, weights, (), given).logits.square().mean()
        return found

    with FusedLowRank(model, "cpu", TYPES):
        joint = torch.vmap(loss)(stacked, vectors)
        joint.sum().backward()
    for number in range(3):
        alone = {name: w[number].detach().clone().requires_grad_() for name, w in stacked.items()}
        one = loss(alone, vectors[number])
        one.backward()
        torch.testing.assert_close(joint[number], one, rtol=1e-5, atol=1e-7)
        for name, weight in alone.items():
            assert stacked[name].grad is not None
            torch.testing.assert_close(stacked[name].grad[number], weight.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("option", [{"use_dora": True}, {"lora_bias": True, "attention_bias": True}])
def test_other_kinds_of_updates_stay_pefts(option: dict[str, Any]) -> None:
    assert not FusedLowRank(adapted(**option), "cpu", TYPES).weights()


def test_merged_and_switched_off_layers_and_several_adapters_stay_pefts() -> None:
    model = adapted()
    with model.disable_adapter():
        assert not FusedLowRank(model, "cpu", TYPES).weights()
    model.add_adapter("second", LoraConfig(r=2, target_modules=["q_proj"]))
    model.base_model.set_adapter(["default", "second"])
    # Layers that the second adapter is not on have two active adapters, too, as PEFT says it.
    assert not FusedLowRank(model, "cpu", TYPES).weights()
    model.base_model.set_adapter("default")
    model.merge_adapter()
    assert not FusedLowRank(model, "cpu", TYPES).weights()


def test_layers_of_other_devices_and_types_stay_pefts() -> None:
    assert not FusedLowRank(adapted(), "cuda").weights()
    assert not FusedLowRank(adapted(), "cpu").weights()

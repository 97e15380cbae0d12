"""Which adapters can be stacked: those that are seen to write beside others as PEFT has them write alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from harness import compat
from harness.decoding.adapter_support import unsupported_reasons
from harness.decoding.stacked_adapters import StackedAdapters, UnsupportedAdapterError, adapter_of
from harness.modeling import base as model
from harness.modeling.base import Base, ModelSpec
from harness.modeling.prompts import Prompt
from harness.plugin_system.registry import Registry
from harness.records import Sampling
from tests.decoding.adapters import adapted, alone_and_stackable, same, together

Load = Callable[[str], Base]
Prompts = Callable[..., list[Prompt]]


@pytest.mark.parametrize("method", ["peft:dora", "peft:vera", "peft:loha", "peft:ln_tuning"])
def test_what_is_no_plain_update_has_a_reason(method: str, load: Load) -> None:
    with pytest.raises(UnsupportedAdapterError, match="is no plain low-rank update and no scale"):
        adapter_of(adapted(load("llama"), method, {}, 0))


def test_a_trained_prefix_before_windows_has_a_reason(load: Load) -> None:
    with pytest.raises(UnsupportedAdapterError, match="windows are counted in places"):
        adapter_of(adapted(load("mistral"), "prefix-tuning", {}, 0))


def test_modules_that_are_trained_as_a_whole_have_a_reason(load: Load) -> None:
    import peft

    base = load("llama")
    config = peft.LoraConfig(target_modules=["q_proj"], modules_to_save=["lm_head"], task_type="CAUSAL_LM")
    base.model = peft.get_peft_model(base.model, config)
    with pytest.raises(UnsupportedAdapterError, match="lm_head"):
        adapter_of(base)


def test_an_adapter_that_changes_its_base_is_seen(load: Load) -> None:
    base = load("llama")
    plugin = Registry().method("peft:pissa").plugin
    carrying = plugin.adapt(base, plugin.Config(r=4))
    pissa = adapter_of(carrying)
    compat.unload(carrying.model)
    plain = load("llama")
    lora = adapted(plain, "lora", {}, 0)
    adapters = [pissa, adapter_of(lora)]
    compat.unload(lora.model)
    reasons = unsupported_reasons(plain, adapters)
    assert "beside others differ" in reasons[0]
    assert reasons[1] == ""


def test_a_layer_that_is_given_tokens_without_their_rows_is_refused(load: Load) -> None:
    base = load("llama")
    carrying = adapted(base, "lora", {}, 0)
    adapter = adapter_of(carrying)
    compat.unload(carrying.model)
    layer = base.model.model.layers[0].self_attn.q_proj
    with StackedAdapters(base.model, [adapter]).applied(torch.tensor([0, 0])):
        assert layer(torch.zeros(2, 3, 32)).shape == (2, 3, 32)
        with pytest.raises(UnsupportedAdapterError, match="q_proj is given tokens without their rows"):
            layer(torch.zeros(6, 32))


@pytest.mark.parametrize("bits", ["qlora-8bit", "qlora-4bit"])
def test_a_quantised_base_carries_several_adapters(
    bits: str, model_of: Callable[[str], Path], prompts: Prompts
) -> None:
    pytest.importorskip("bitsandbytes")
    plugin = Registry().method(bits).plugin
    base = model.load(ModelSpec(str(model_of("llama"))), plugin.load_options(plugin.Config()))
    asked = prompts(base)[:3]
    sampling = Sampling(candidates=3, max_new_tokens=6)
    methods = [(bits, {"r": 4}), (bits, {"r": 8}), ("prompt-tuning", {})]
    alone, adapters = alone_and_stackable(base, asked, sampling, methods)
    for found, wanted in zip(together(base, adapters, asked, sampling), alone, strict=True):
        if bits == "qlora-4bit":
            same(found, wanted)
            continue
        # LLM.int8() rounds to 16 bits, which moves the scores of one adapter alone by as much from batch to batch.
        for name, one in found.items():
            assert [score for _, score in one] == pytest.approx([score for _, score in wanted[name]], abs=1e-2)


def test_ranks_that_training_has_allotted_are_part_of_an_update(load: Load, prompts: Prompts) -> None:
    base = load("llama")
    asked, sampling = prompts(base), Sampling(candidates=3, max_new_tokens=8)
    alone, adapters = alone_and_stackable(base, asked, sampling, [("peft:adalora", {}), ("lora", {"r": 2})])
    for found, wanted in zip(together(base, adapters, asked, sampling), alone, strict=True):
        same(found, wanted)


def test_an_adapter_that_changes_nothing_is_that_of_the_base(load: Load) -> None:
    base = load("llama")
    adapter = adapter_of(base)
    assert adapter.virtual_tokens == 0
    assert unsupported_reasons(base, [adapter]) == [""]
    assert torch.isfinite(adapter.probe).all()

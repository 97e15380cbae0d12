"""Options that a method does not take on a model are said before any weight is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import Settings
from harness.errors import HarnessError, ModelError
from harness.evaluation import meta_device
from harness.plugin_system.registry import Registry
from harness.records import ModelSpec

DO_NOT_DO = [
    ("lora", "r=0", "must be a number at least 1"),
    ("lora", "r=abc", "not a whole number"),
    ("lora", "r=1.5", "not a whole number"),
    ("lora", "alpha=-1", "must be a number at least 1"),
    ("lora", "dropout=2", "at least 0 and at most 1"),
    ("lora", "dropout=nan", "at least 0 and at most 1"),
    ("lora", "learning_rate=0", "must be a number above 0"),
    ("lora", "learning_rate=inf", "must be a number above 0"),
    ("lora", "epochs=-1", "must be a number above 0"),
    ("lora", "targets=nothing_like_it", "no layer of LlamaForCausalLM for --set lora.targets"),
    ("lora", "targets=q_proj,k_prj", "Did you mean 'k_proj'?"),
    ("qlora-4bit", "r=0", "must be a number at least 1"),
    ("ia3", "targets=k_prj", "for --set ia3.targets 'k_prj'"),
    ("ia3", "feed_forward=up_prj", "for --set ia3.feed_forward 'up_prj'"),
    ("prompt-tuning", "virtual_tokens=0", "must be a number at least 1"),
    ("prefix-tuning", "virtual_tokens=-3", "must be a number at least 1"),
    ("full-ft", "learning_rate=-1", "must be a number above 0"),
    ("peft:vera", "r=-1", "must be a number at least 1"),
    ("peft:pissa", "r=0", "must be a number at least 1"),
    ("peft:dora", "target_modules=nothing", "not found"),
    ("peft:boft", "boft_block_size=7", "must be divisible by boft_block_size"),
]


@pytest.mark.parametrize(("method", "option", "words"), DO_NOT_DO, ids=[f"{m}.{o}" for m, o, _ in DO_NOT_DO])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_option_that_does_not_do_is_refused(method: str, option: str, words: str, tiny_model: Path) -> None:
    entry = Registry().method(method)
    with pytest.raises(HarnessError) as caught:
        config, _ = Settings([f"{method}.{option}"], environ={}).config(method, entry.plugin.Config)
        meta_device.check_options(entry.plugin, ModelSpec(str(tiny_model)), config)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_that_do_are_let_through(tiny_model: Path) -> None:
    for method, option in (("lora", "targets=layers.0.self_attn.q_proj"), ("ia3", "targets=v_proj"), ("lora", "r=3")):
        entry = Registry().method(method)
        config, _ = Settings([f"{method}.{option}"], environ={}).config(method, entry.plugin.Config)
        meta_device.check_options(entry.plugin, ModelSpec(str(tiny_model)), config)


def test_a_method_that_needs_the_weights_themselves_is_not_refused_for_that(tiny_model: Path) -> None:
    entry = Registry().method("peft:pissa")
    spec = ModelSpec(str(tiny_model))
    with pytest.raises(ModelError):
        meta_device.adapt_on_meta(entry.plugin, spec, entry.plugin.Config())
    config, _ = Settings(["peft:pissa.r=4"], environ={}).config("peft:pissa", entry.plugin.Config)
    meta_device.check_options(entry.plugin, spec, config)

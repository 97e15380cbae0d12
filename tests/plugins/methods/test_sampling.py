"""Sampled completions of tuned and untuned models: the same alone, in a batch, and as transformers' cache has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.decoding.generate import generate
from harness.modeling import base as model
from harness.modeling.prompts import PromptBuilder
from harness.plugin import Task, TuningMethod
from harness.plugin_system.registry import Registry
from harness.records import ModelSpec, Problem, Sampling

SAMPLING = Sampling(candidates=2, max_new_tokens=24, temperature=0.7, top_p=0.95)


@pytest.mark.parametrize("family", ["llama", "qwen2", "codegen", "gpt_neox", "starcoder2"])
@pytest.mark.parametrize("name", ["zero-shot", "lora", "prompt-tuning", "prefix-tuning"])
def test_a_sample_does_not_depend_on_its_batch(
    name: str, family: str, model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    import torch

    method = Registry().method(name).plugin
    torch.manual_seed(0)
    base = model.load(ModelSpec(str(model_of(family))), {})
    base = method.adapt(base, method.Config()) if isinstance(method, TuningMethod) else base
    base.model.double()  # in 32 bits a random number is now and then as near to a boundary as rounding is
    prompts = [PromptBuilder(toy, base, max_new_tokens=24).prompt(problem) for problem in problems[:6]]
    beside = {p.id: found for p, found in generate(base, prompts, SAMPLING, 42, batch=6)}
    alone = {p.id: found for p, found in generate(base, prompts, SAMPLING, 42, batch=1)}
    assert beside == alone
    texts = {completion.text for found in beside.values() for completion in found}
    assert len(texts) > 8
    assert beside != {p.id: found for p, found in generate(base, prompts, SAMPLING, 43, batch=6)}


@pytest.mark.parametrize("name", ["zero-shot", "prompt-tuning", "prefix-tuning"])
@pytest.mark.parametrize("family", ["llama", "codegen", "starcoder2"])
def test_a_sample_at_almost_no_temperature_is_what_greedy_search_writes(
    name: str, family: str, model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    import torch

    method = Registry().method(name).plugin
    torch.manual_seed(0)
    base = model.load(ModelSpec(str(model_of(family))), {})
    base = method.adapt(base, method.Config()) if isinstance(method, TuningMethod) else base
    prompts = [PromptBuilder(toy, base, max_new_tokens=24).prompt(problem) for problem in problems[:6]]
    cold = replace(SAMPLING, candidates=1, temperature=1e-6)
    greedy = replace(cold, temperature=0.0)
    sampled = {p.id: found for p, found in generate(base, prompts, cold, 42, batch=6)}
    searched = {p.id: found for p, found in generate(base, prompts, greedy, 42, batch=6)}
    assert sampled == searched


def test_a_stop_string_ends_a_sample_and_is_not_part_of_it(
    model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    base = model.load(ModelSpec(str(model_of("llama"))), {})
    prompts = [PromptBuilder(toy, base, max_new_tokens=24).prompt(problem) for problem in problems[:4]]
    free = {p.id: found for p, found in generate(base, prompts, SAMPLING, 42, batch=4)}
    letter = next(c for c in free[problems[0].id][0].text[5:] if c.isascii() and c.isprintable())
    stopped = {p.id: found for p, found in generate(base, prompts, replace(SAMPLING, stop=(letter,)), 42, batch=4)}
    for name, found in stopped.items():
        for short, whole in zip(found, free[name], strict=True):
            assert short.text == whole.text.partition(letter)[0]
            assert short.finish == "stop" or letter not in whole.text

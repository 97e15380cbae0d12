"""Adapters of several methods with random weights, and what they write: alone, and in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch

from harness import compat
from harness.decoding.generate import generate
from harness.decoding.stacked_adapters import Adapter, adapter_of
from harness.decoding.together import AdapterPrompts, generate_together, together_unsupported_reasons
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.plugin_system.registry import Registry
from harness.records import Sampling

METHODS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("lora", {"r": 4}),
    ("lora", {"r": 6, "alpha": 3}),
    ("ia3", {}),
    ("prompt-tuning", {}),
    ("prefix-tuning", {}),
    ("none", {}),
    ("peft:rslora", {"r": 2}),
)
Written = dict[str, list[tuple[str, Any]]]


def adapted(base: Base, method: str, options: Mapping[str, Any], seed: int) -> Base:
    """`base` with an adapter whose weights are far from where they start."""
    if method == "none":
        return base
    plugin = Registry().method(method).plugin
    made = plugin.adapt(base, plugin.Config(**options))
    torch.manual_seed(seed)
    for parameter in made.model.parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn_like(parameter), alpha=0.3)
    made.model.eval()
    return made


def alone_and_stackable(
    base: Base, asked: Sequence[Prompt], sampling: Sampling, methods: Sequence[tuple[str, Mapping[str, Any]]]
) -> tuple[list[Written], list[Adapter]]:
    """What each adapter writes alone with its own seed, and the adapters; the base is without one afterwards."""
    texts, adapters = [], []
    for seed, (method, options) in enumerate(methods):
        carrying = adapted(base, method, options, seed)
        found = generate(carrying, asked, sampling, seed, batch=3)
        texts.append({prompt.id: pairs(completions) for prompt, completions in found})
        adapters.append(adapter_of(carrying))
        if carrying is not base:
            compat.unload(carrying.model)
    return texts, adapters


def pairs(completions: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(one.written, one.logprob) for one in completions]


def together(
    base: Base, adapters: Sequence[Adapter], asked: Sequence[Prompt], sampling: Sampling, size: int = 5, **more: Any
) -> list[Written]:
    """What each adapter writes beside the others, with the same seeds."""
    assert together_unsupported_reasons(base, adapters) == [""] * len(adapters)
    texts: list[Written] = [{} for _ in adapters]
    parts = [AdapterPrompts(adapter, asked, seed) for seed, adapter in enumerate(adapters)]
    for place, prompt, completions in generate_together(base, parts, sampling, batch=size, **more):
        texts[place][prompt.id] = pairs(completions)
    return texts


def same(found: Written, wanted: Written) -> None:
    """The same texts in the same order, and scores but for rounding."""
    assert {name: [text for text, _ in one] for name, one in found.items()} == {
        name: [text for text, _ in one] for name, one in wanted.items()
    }
    for name, one in found.items():
        assert [score for _, score in one] == pytest.approx([score for _, score in wanted[name]], abs=1e-4)

"""Several adapters in one batch: each writes what it writes alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from harness.decoding import running_batch
from harness.decoding.stacked_adapters import adapter_of
from harness.decoding.together import AdapterPrompts, batch_size_together, generate_together
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.records import Sampling
from tests.decoding.adapters import METHODS, alone_and_stackable, pairs, same, together

BEAMS = Sampling(candidates=4, max_new_tokens=12)
SAMPLED = replace(BEAMS, temperature=0.9, top_p=0.9)
GREEDY = replace(BEAMS, candidates=1)
Prompts = Callable[..., list[Prompt]]
Load = Callable[[str], Base]


@pytest.mark.parametrize("sampling", [BEAMS, SAMPLED, GREEDY], ids=["beams", "sampled", "greedy"])
@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt_neox", "gemma2", "gpt2", "codegen", "mistral"])
def test_each_adapter_writes_beside_others_what_it_writes_alone(
    family: str, sampling: Sampling, load: Load, prompts: Prompts
) -> None:
    base = load(family)
    asked = prompts(base)
    windows = family in {"mistral", "gemma2"}
    methods = [one for one in METHODS if not (windows and one[0] == "prefix-tuning")]
    alone, adapters = alone_and_stackable(base, asked, sampling, methods)
    # Two layers with a small window do not see as far back as virtual tokens stand.
    assert len({str(written) for written in alone}) >= len(methods) - windows
    for found, wanted in zip(together(base, adapters, asked, sampling), alone, strict=True):
        same(found, wanted)


def test_adapters_whose_prompts_end_at_different_times_share_a_batch_to_the_end(load: Load, prompts: Prompts) -> None:
    base = load("llama")
    asked = prompts(base, "")
    for sampling in (BEAMS, SAMPLED):
        alone, _ = alone_and_stackable(base, asked, sampling, METHODS[:4])
        letters = "".join(text for written in alone for found in written.values() for text, _ in found)
        stop = max(set(letters) - {"\ufffd"}, key=letters.count)
        stopped = replace(sampling, max_new_tokens=24, stop=(stop,))
        alone, adapters = alone_and_stackable(base, asked, stopped, METHODS[:4])
        for found, wanted in zip(together(base, adapters, asked, stopped, 6), alone, strict=True):
            same(found, wanted)


def test_each_adapter_has_prompts_of_its_own_and_those_that_are_done_are_left_out(load: Load, prompts: Prompts) -> None:
    base = load("qwen3")
    asked = prompts(base)
    alone, adapters = alone_and_stackable(base, asked, BEAMS, METHODS[:2])
    done = frozenset({"p/2", "p/5"})
    parts = [AdapterPrompts(adapters[0], asked, 0, done=done), AdapterPrompts(adapters[1], asked[:3], 1)]
    found = [(n, p.id, pairs(c)) for n, p, c in generate_together(base, parts, BEAMS, batch=4)]
    wanted = [
        (place, prompt.id, alone[place][prompt.id])
        for place, some in enumerate((asked, asked[:3]))
        for prompt in some
        if place == 1 or prompt.id not in done
    ]
    assert sorted((n, name, [text for text, _ in one]) for n, name, one in found) == sorted(
        (n, name, [text for text, _ in one]) for n, name, one in wanted
    )


def test_out_of_memory_halves_the_batch_of_all_adapters_and_loses_nothing(
    load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load("llama")
    asked = prompts(base)
    _, adapters = alone_and_stackable(base, asked[:1], BEAMS, METHODS[:5])
    whole = together(base, adapters, asked, BEAMS, 8)
    launch, told = running_batch.RunningBatch.launch_step, list[int]()

    def failing(self: Any) -> None:
        if self.num_running > 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        launch(self)

    monkeypatch.setattr(running_batch.RunningBatch, "launch_step", failing)
    for found, wanted in zip(
        together(base, adapters, asked, BEAMS, 8, on_batch_reduced=told.append), whole, strict=True
    ):
        same(found, wanted)
    assert told == [4]


def test_the_base_is_unchanged_when_adapters_have_written(load: Load, prompts: Prompts) -> None:
    base = load("llama")
    asked = prompts(base)
    alone, adapters = alone_and_stackable(base, asked, BEAMS, [("none", {}), *METHODS[:3]])
    together(base, adapters, asked, BEAMS)
    again, _ = alone_and_stackable(base, asked, BEAMS, [("none", {})])
    assert again == alone[:1]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in base.model.modules())


def test_the_batch_size_allows_for_the_longest_prompt_with_its_virtual_tokens(load: Load, prompts: Prompts) -> None:
    base = load("llama")
    asked = prompts(base)
    parts = [AdapterPrompts(adapter_of(base), asked, 0)]
    assert batch_size_together(base, parts, BEAMS) == 8
    assert batch_size_together(base, parts, SAMPLED) == 30

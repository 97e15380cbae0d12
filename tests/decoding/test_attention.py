"""Attention in two parts is attention over the whole text of each candidate."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from harness.decoding.attention import cascade_attention
from harness.decoding.slot_cache import CacheShape, SlotCache, new_prefill_cache, shared_prefix_length

BATCH, CANDIDATES, STEPS, HEADS, GROUPS, WIDTH = 2, 3, 4, 2, 2, 8


@pytest.fixture
def model() -> Any:
    """Only its layers are looked at."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "vocab_size": 8}
    return LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=HEADS * GROUPS, num_key_value_heads=HEADS))


def plain(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, cap: float | None, sinks: Any) -> torch.Tensor:
    """One candidate, (all heads, width) over (heads, n, width), written as the formula."""
    keys, values = (one.repeat_interleave(GROUPS, dim=0) for one in (keys, values))
    scores = torch.einsum("hd,hnd->hn", query, keys) * 0.3
    scores = scores if cap is None else cap * torch.tanh(scores / cap)
    shares = torch.softmax(scores if sinks is None else torch.cat([scores, sinks[:, None]], dim=1), dim=1)
    return torch.einsum("hn,hnd->hd", shares[:, : scores.shape[1]], values)


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("prefix", [0, 5])
@pytest.mark.parametrize(("cap", "sunk"), [(None, False), (2.0, False), (None, True)])
def test_each_candidate_attends_to_its_own_text(
    model: Any, window: int | None, prefix: int, cap: float | None, sunk: bool
) -> None:
    torch.manual_seed(0)
    sinks = torch.randn(HEADS * GROUPS) if sunk else None
    lengths = [3, 1]
    before = new_prefill_cache(model)
    first = torch.randn(2, 1, HEADS, prefix, WIDTH)
    if prefix:
        before.update(first[0], first[1], 0)
    slots = SlotCache(model, CacheShape(BATCH, CANDIDATES, STEPS, 3, prefix), before)
    (layer,) = slots.layers
    layer.window = window
    whole: dict[tuple[int, int], torch.Tensor] = {}  # (keys or values, heads, n, width) of each candidate's text
    for index, length in enumerate(lengths):
        own = torch.randn(2, 1, HEADS, length, WIDTH)
        cache = new_prefill_cache(model, before if prefix else None)
        cache.update(own[0], own[1], 0)
        slots.add(torch.tensor([index]), torch.tensor([length]), cache)
        for candidate in range(CANDIDATES):
            whole[index, candidate] = torch.cat([first[:, 0], own[:, 0]], dim=2)
    for step in range(STEPS):
        parents = torch.randint(CANDIDATES, (BATCH, CANDIDATES))
        new = torch.randn(2, BATCH * CANDIDATES, HEADS, 1, WIDTH)
        query = torch.randn(BATCH * CANDIDATES, HEADS * GROUPS, 1, WIDTH)
        steps = torch.full((BATCH,), step)
        slots.reorder(parents, steps)
        slots.prepare_step(steps, None, 0, slots.shape.own_columns)
        keys, _ = slots.cache.update(new[0], new[1], 0)
        found = cascade_attention(query, keys.slot_layer, 0.3, cap, sinks)
        whole = {(p, c): torch.cat([whole[p, int(parents[p, c])], new[:, p * CANDIDATES + c]], dim=2) for p, c in whole}
        for (p, c), (k, v) in whole.items():
            seen = slice(None) if window is None else slice(-window, None)
            row = p * CANDIDATES + c
            wanted = plain(query[row, :, 0], k[:, seen], v[:, seen], cap, sinks)
            assert torch.allclose(found[row, :, 0], wanted, atol=1e-5)


def test_keys_stay_where_they_were_written(model: Any) -> None:
    slots = SlotCache(model, CacheShape(1, 2, 3, 1))
    (layer,) = slots.layers
    cache = new_prefill_cache(model)
    cache.update(torch.full((1, HEADS, 1, WIDTH), 9.0), torch.zeros(1, HEADS, 1, WIDTH), 0)
    slots.add(torch.tensor([0]), torch.tensor([1]), cache)
    for step, parents in enumerate(([0, 0], [1, 0], [1, 1])):
        steps = torch.tensor([step])
        slots.reorder(torch.tensor([parents]), steps)
        slots.prepare_step(steps, None, 0, slots.shape.own_columns)
        new = torch.tensor([10.0 * step, 10.0 * step + 1])[:, None, None, None].expand(-1, HEADS, 1, WIDTH)
        slots.cache.update(new, new, 0)
    assert layer.keys[0, 0, :, 0].tolist() == [9, 0, 1, 10, 11, 20, 21]
    # The second of step 2 descends from the second of step 1, which descends from the first of step 0.
    assert slots.visible[0, 1].nonzero()[:, 0].tolist() == [0, 1, 4, 6]


def test_what_prompts_share_leaves_each_a_token_of_its_own() -> None:
    assert shared_prefix_length([(1, 2, 3), (1, 2, 4, 5)]) == 2
    assert shared_prefix_length([(1, 2), (1, 2, 3)]) == 1
    assert shared_prefix_length([(4, 1), (5, 1)]) == 0
    assert shared_prefix_length([[1, 2], [1, 2]]) == 1

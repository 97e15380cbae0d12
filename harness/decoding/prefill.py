"""Prefill: the prompts of several requests in one forward pass, each behind what its adapter puts before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.decoding.cache import forward, mask_and_positions
from harness.decoding.slot_cache import new_prefill_cache
from harness.decoding.stacked_adapters import StackedAdapters

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DecodingRequest:
    """One prompt: its number in the run, its tokens behind the shared prefix, and how many tokens it may get."""

    number: int
    tokens: Sequence[int]
    limit: int
    uniforms: torch.Tensor | None = None
    """(W, S): the random numbers of its candidates; None where nothing is sampled."""
    adapter: int = 0
    """The place of its adapter among the stacked ones."""
    virtual_tokens: int = 0
    """Columns before its tokens that are its own and its adapter's: virtual tokens, or trained keys and values."""

    @property
    def columns(self) -> int:
        """Columns of keys and values that its prompt takes."""
        return self.virtual_tokens + len(self.tokens)


class Prefilled(NamedTuple):
    """Of n prompts the logits (n, vocabulary) that follow, their columns (n,), and keys and values, right-aligned."""

    logits: torch.Tensor
    columns: torch.Tensor
    cache: Any


def prefill(model: Any, requests: Sequence[DecodingRequest], prefix_cache: Any, device: torch.device) -> Prefilled:
    """Read prompts behind the shared prefix in `prefix_cache`, a cache of one row, or None."""
    import torch

    lengths = [len(request.tokens) for request in requests]
    ids, mask = _padded([request.tokens for request in requests], device)
    cache = new_prefill_cache(model, prefix_cache, len(requests))
    attended, positions = mask_and_positions(cache, mask)
    logits = forward(model, {"input_ids": ids}, attended, positions, cache).logits[:, -1]
    return Prefilled(logits, torch.tensor(lengths, device=device), cache)


def prefill_adapted(
    model: Any, requests: Sequence[DecodingRequest], adapters: StackedAdapters, device: torch.device
) -> Prefilled:
    """Read prompts, each with its own adapter; either all adapters have equally many trained keys, or none has any."""
    import torch

    places = torch.tensor([request.adapter for request in requests], device=device)
    virtual = [adapters.virtual_embeddings(request.adapter) for request in requests]
    before = [0 if one is None else len(one) for one in virtual]
    ids, mask = _padded(
        [(*[0] * count, *request.tokens) for count, request in zip(before, requests, strict=True)], device
    )
    tokens = {"input_ids": ids}
    if any(before):
        embeddings = model.get_input_embeddings()(ids)
        for row, (one, request) in enumerate(zip(virtual, requests, strict=True)):
            if one is not None:
                start = ids.shape[1] - request.columns
                embeddings[row, start : start + len(one)] = one.to(embeddings.dtype)
        tokens = {"inputs_embeds": embeddings}
    cache = new_prefill_cache(model)
    for number, (keys, values) in adapters.trained_prefix([request.adapter for request in requests]):
        cache.update(keys, values, number)
    prefix = cache.get_seq_length()
    attended, positions = mask_and_positions(cache, mask)
    with adapters.applied(places):
        logits = forward(model, tokens, attended, positions, cache).logits[:, -1]
    if prefix:
        _move_padding_to_the_left(cache, prefix, (mask == 0).sum(dim=1))
    return Prefilled(logits, torch.tensor([request.columns for request in requests], device=device), cache)


def by_prefix(requests: Sequence[DecodingRequest], stacked: StackedAdapters) -> list[list[DecodingRequest]]:
    """Requests in groups that can be prefilled together: those whose adapters have equally many trained keys."""
    groups: dict[int, list[DecodingRequest]] = {}
    for request in requests:
        groups.setdefault(stacked.prefix_tokens(request.adapter), []).append(request)
    return list(groups.values())


def _padded(texts: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens as one tensor (n, longest), padded on the left, and the mask that is 0 there."""
    import torch

    padding = [max(map(len, texts)) - len(text) for text in texts]
    ids = [[0] * pad + list(text) for pad, text in zip(padding, texts, strict=True)]
    mask = [[0] * pad + [1] * len(text) for pad, text in zip(padding, texts, strict=True)]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _move_padding_to_the_left(cache: Any, prefix: int, padding: torch.Tensor) -> None:
    """From [prefix][padding][prompt] to [padding][prefix][prompt] in each row of `cache`; `padding` (n,) counts."""
    import torch

    columns = torch.arange(cache.get_seq_length(), device=padding.device)
    behind_padding = columns - padding[:, None]
    source = torch.where(
        behind_padding < 0, columns + prefix, torch.where(behind_padding < prefix, behind_padding, columns)
    )
    for layer in cache.layers:
        if layer.keys is not None:
            index = source[:, None, :, None]
            layer.keys, layer.values = (
                states.gather(2, index.expand(-1, states.shape[1], -1, states.shape[3]))
                for states in (layer.keys, layer.values)
            )

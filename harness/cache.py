"""Keys and values of what a causal model has read: one reading of a prompt for all its candidates, and few copies.

transformers' own cache copies all keys and values in each step, twice where a beam search puts its rows in another
order; and `generate` reads a prompt once for each beam. Long prompts with examples cost most of their time there.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

_STEP = 64
"""Positions of keys and values that are made room for at a time."""


def behind(cache: Any, mask: Any) -> tuple[Any, Any]:
    """The mask (rows, those in `cache` and n) of all that is attended to, and the places (rows, n) of n new tokens.

    `mask` (rows, n) is 0 where a row is padded, on the left; a row's first token stands right behind the cache.
    """
    import torch

    before = cache.get_seq_length()
    return torch.cat([mask.new_ones(mask.shape[0], before), mask], dim=1), (mask.cumsum(1) - 1).clamp(min=0) + before


def read(model: Any, tokens: Mapping[str, Any], mask: Any, places: Any, cache: Any) -> Any:
    """The output of `model` for `tokens`, at `places` behind what is in `cache`, to which they are added.

    `tokens` are the model's own arguments: `input_ids` (rows, n) or `inputs_embeds` (rows, n, width). `places` (rows,
    n) and `mask` (rows, those in the cache and n) come from `behind`. Of the logits only the last place's are computed.
    """
    taken = inspect.signature(model.forward).parameters
    more = {"position_ids": places, "logits_to_keep": 1}
    given = {name: value for name, value in more.items() if name in taken}
    return model(**tokens, **given, attention_mask=mask, past_key_values=cache, use_cache=True)


def new_cache(model: Any, prefix: Any) -> Any:
    """An empty cache for `model`, or one that begins with the trained keys and values of `prefix`, a cache of PEFT's.

    transformers' own where some layers are of a kind that Roomy is not.
    """
    from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

    cache = DynamicCache(config=model.config)
    if all(type(layer) is DynamicLayer for layer in cache.layers):
        cache = Cache(layer_class_to_replicate=_roomy())
    for number, layer in enumerate(prefix.layers if prefix is not None else ()):
        cache.update(layer.keys, layer.values, number)
    return cache


@functools.cache
def _roomy() -> Any:
    from transformers.cache_utils import DynamicLayer

    class Roomy(DynamicLayer):  # type: ignore[misc]
        """Keys and values with room for the next positions, so that a step writes one and copies none."""

        room: tuple[Any, Any] | None = None
        shared = 0
        """Positions at the start that are equal in all rows of a problem."""

        def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            start = self.get_seq_length()
            end = start + key_states.shape[-2]
            if self.room is None or self.room[0].shape[-2] < end:
                self._make_room(key_states, value_states, start, end + _STEP)
            assert self.room is not None
            for place, new in zip(self.room, (key_states, value_states), strict=True):
                place[:, :, start:end] = new
            self.keys, self.values = (place[:, :, :end] for place in self.room)
            return self.keys, self.values

        def _make_room(self, keys: Any, values: Any, start: int, size: int) -> None:
            room = tuple(new.new_empty(*new.shape[:2], size, new.shape[3]) for new in (keys, values))
            self.room = room
            if start:
                for place, old in zip(room, (self.keys, self.values), strict=True):
                    place[:, :, :start] = old

        def batch_repeat_interleave(self, repeats: int) -> None:
            super().batch_repeat_interleave(repeats)
            self.room = None
            self.shared = self.get_seq_length()

        def batch_select_indices(self, indices: Any) -> None:
            super().batch_select_indices(indices)
            self.room = None

        def reorder_cache(self, beam_idx: Any) -> None:
            """A beam takes the place of another of its problem, so what they share can stay."""
            if self.get_seq_length() > self.shared:
                for place in (self.keys, self.values):
                    written = place[:, :, self.shared :]
                    written.copy_(written.index_select(0, beam_idx.to(place.device)))

    return Roomy

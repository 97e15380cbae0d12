"""Prefill with a KV cache: one forward pass over a prompt for all its candidates, and few copies.

The cache of transformers copies all keys and values in each step, and once more when beam search reorders its rows;
and `generate` runs the prompt once for each beam. With long prompts (few-shot examples) most time is spent there.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.compat import cache_keyword

if TYPE_CHECKING:
    import torch

_GROWTH = 64
"""Positions by which a layer's buffers grow at a time."""
_RECURRENT_STATES = ("recurrent_states", "conv1d_state")
"""Where RecurrentGemma's layers keep their state: in the modules instead of in a cache."""


def clear_recurrent_states(model: Any) -> bool:
    """Clear states that modules of `model` keep of an earlier text; whether there are any.

    A prompt of one token would continue from them, and a beam search does not reorder them with its beams.
    """
    holders = [(module, name) for module in model.modules() for name in _RECURRENT_STATES if name in vars(module)]
    for module, name in holders:
        setattr(module, name, None)
    return bool(holders)


def padding_shifts_prefix(model: Any) -> bool:
    """Whether padding between a trained prefix and a prompt would move the prefix away from it.

    Sliding windows are counted in columns of the cache. So are distances in a model that takes no position ids.
    """
    from transformers.cache_utils import DynamicCache

    takes_positions = "position_ids" in inspect.signature(model.forward).parameters
    return not takes_positions or any(DynamicCache(config=model.config).is_sliding)


def mask_and_positions(cache: Any, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The attention mask (rows, cached + n) and the position ids (rows, n) of n new tokens behind `cache`.

    `mask` (rows, n) is 0 at padding, which is on the left. The first real token of a row follows the cache directly.
    """
    import torch

    cached = cache.get_seq_length()
    attended = torch.cat([mask.new_ones(mask.shape[0], cached), mask], dim=1)
    return attended, (mask.cumsum(1) - 1).clamp(min=0) + cached


def forward(
    model: Any, tokens: Mapping[str, torch.Tensor], mask: torch.Tensor, positions: torch.Tensor, cache: Any
) -> Any:
    """The output of `model` for new tokens behind `cache`, to which their keys and values are added.

    `tokens` are the model's own arguments: `input_ids` (rows, n) or `inputs_embeds` (rows, n, hidden). `mask` and
    `positions` come from `mask_and_positions`. Logits are computed at the last position alone where the model can.
    """
    accepted = inspect.signature(model.forward).parameters
    optional = {"position_ids": positions, "logits_to_keep": 1}
    supported = {name: value for name, value in optional.items() if name in accepted}
    return model(**tokens, **supported, attention_mask=mask, **cache_keyword(model, cache), use_cache=True)


def new_cache(model: Any, prefix: Any) -> Any:
    """An empty cache for `model`, or one that begins with the trained keys and values of `prefix`, a cache from PEFT.

    Its layers are `PreallocatedLayer`, except where the model has layers of another kind.
    """
    from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

    cache = DynamicCache(config=model.config)
    if all(type(layer) is DynamicLayer for layer in cache.layers):
        cache = Cache(layer_class_to_replicate=_preallocated_layer())
    for number, layer in enumerate(prefix.layers if prefix is not None else ()):
        if layer.keys is not None:  # a layer that shares those of another has none
            cache.update(layer.keys, layer.values, number)
    return cache


@functools.cache
def _preallocated_layer() -> Any:
    from transformers.cache_utils import DynamicLayer

    class PreallocatedLayer(DynamicLayer):  # type: ignore[misc]
        """Keys and values in buffers with space for the next positions: a step writes one and copies none."""

        buffers: tuple[torch.Tensor, torch.Tensor] | None = None
        shared = 0
        """Positions at the start that are equal in all rows of a problem."""

        def update(
            self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            start = self.get_seq_length()
            end = start + key_states.shape[-2]
            if self.buffers is None or self.buffers[0].shape[-2] < end:
                self._grow(key_states, value_states, start, end + _GROWTH)
            assert self.buffers is not None
            for buffer, new in zip(self.buffers, (key_states, value_states), strict=True):
                buffer[:, :, start:end] = new
            self.keys, self.values = (buffer[:, :, :end] for buffer in self.buffers)
            return self.keys, self.values

        def _grow(self, keys: torch.Tensor, values: torch.Tensor, start: int, size: int) -> None:
            key_buffer, value_buffer = (new.new_empty(*new.shape[:2], size, new.shape[3]) for new in (keys, values))
            self.buffers = (key_buffer, value_buffer)
            if start:
                for buffer, old in zip(self.buffers, (self.keys, self.values), strict=True):
                    buffer[:, :, :start] = old

        def batch_repeat_interleave(self, repeats: int) -> None:
            super().batch_repeat_interleave(repeats)
            self.buffers = None
            self.shared = self.get_seq_length()

        def batch_select_indices(self, indices: torch.Tensor) -> None:
            super().batch_select_indices(indices)
            self.buffers = None

        def reorder_cache(self, beam_idx: torch.Tensor) -> None:
            """Beams are reordered within their problem, so the positions that they share stay."""
            if self.get_seq_length() > self.shared:
                for states in (self.keys, self.values):
                    own = states[:, :, self.shared :]
                    own.copy_(own.index_select(0, beam_idx.to(states.device)))

    return PreallocatedLayer

"""Whether a model can be decoded with continuous batching, or must use transformers' `generate`, and why.

Support is tested, not assumed: two short texts are decoded through the slot cache and by a full forward pass, and the
logits are compared.
"""

from __future__ import annotations

import inspect
import weakref
from typing import TYPE_CHECKING, Any

from harness import compat
from harness.decoding.attention import CascadeAttention, UnsupportedAttentionError, has_old_style_attention
from harness.decoding.cache import forward, mask_and_positions
from harness.decoding.slot_cache import CacheShape, SlotCache, new_prefill_cache
from harness.modeling.kv_cache import has_plain_kv_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

_REASONS: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""By model, since the test takes some forward passes."""
_PROMPTS = ((3, 5, 7, 11, 4, 6), (3, 5, 9))
_SHARED_TOKENS = 2
"""What the two prompts begin with."""
_CONTINUATIONS = (((2, 8), (7, 3)), ((5, 4), (6, 9)))
"""By prompt and candidate. At the second step the two candidates of a prompt exchange their parents."""
_TOLERANCE, _TOLERANCE_16_BIT = 2e-3, 0.1
"""Allowed difference, as a share of the logits' spread. A wrong column or position changes them altogether."""


def unsupported_reason(model: Any) -> str:
    """Why `model` cannot be decoded with continuous batching; "" if it can.

    `model` is not wrapped in a `PeftModel`, but may contain the layers of an adapter.
    """
    if model not in _REASONS:
        _REASONS[model] = _structural_reason(model) or _numerical_reason(model)
    return _REASONS[model]


def _structural_reason(model: Any) -> str:
    if model.config.is_encoder_decoder:
        return "it has an encoder"
    if not has_plain_kv_cache(model):
        return "it remembers more than keys and values"
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return "it is not told positions"
    config = model.config.get_text_config(decoder=True)
    if "chunked_attention" in (getattr(config, "layer_types", None) or ()):
        return "it attends in chunks"
    if not compat.takes_any_attention(model) and not has_old_style_attention(model):
        return "its attention is no part of transformers' interface"
    return ""


def _numerical_reason(model: Any) -> str:
    import torch

    with torch.inference_mode():
        try:
            logits = _with_slot_cache(model)
        except UnsupportedAttentionError as error:
            return str(error)
        expected = _with_full_forward(model)
    spread = (expected - expected.mean(dim=-1, keepdim=True)).abs().amax(dim=-1)
    difference = ((logits - expected).abs().amax(dim=-1) / spread).max()
    exact = next(model.parameters()).dtype == torch.float32 and not getattr(model, "quantization_method", None)
    if difference <= (_TOLERANCE if exact else _TOLERANCE_16_BIT):
        return ""
    return f"its scores by slots differ by {float(difference):.2g} of their spread"


def _with_slot_cache(model: Any) -> torch.Tensor:
    """(4, vocabulary): the logits after the two tokens of each candidate."""
    import torch

    device = next(model.parameters()).device
    prefix_cache = new_prefill_cache(model)
    _prefill(model, _PROMPTS[0][:_SHARED_TOKENS], prefix_cache)
    longest = max(map(len, _PROMPTS)) - _SHARED_TOKENS
    slots = SlotCache(model, CacheShape(2, 2, 2, longest, _SHARED_TOKENS), prefix_cache)
    attention = CascadeAttention(model)
    for index, prompt in enumerate(_PROMPTS):
        cache = new_prefill_cache(model, prefix_cache)
        _prefill(model, prompt[_SHARED_TOKENS:], cache)
        length = torch.tensor([len(prompt) - _SHARED_TOKENS], device=device)
        slots.add(torch.tensor([index], device=device), length, cache)
    tokens = torch.tensor(_CONTINUATIONS, device=device)
    for step, parents in enumerate(([0, 0], [1, 0])):
        steps = torch.full((2,), step, device=device)
        slots.reorder(torch.tensor([parents, parents], device=device), steps)
        positions = slots.prepare_step(steps, None, 0, slots.shape.own_columns)
        with attention:
            logits: torch.Tensor = model(
                input_ids=tokens[:, :, step].reshape(-1, 1),
                position_ids=positions.reshape(-1, 1),
                **compat.cache_keyword(model, slots.cache),
                use_cache=True,
            ).logits
    return logits[:, -1].float()


def _with_full_forward(model: Any) -> torch.Tensor:
    """The same logits, each from its whole text at once."""
    import torch

    rows = []
    for prompt, (first, second) in zip(_PROMPTS, _CONTINUATIONS, strict=True):
        texts = [(*prompt, second[0], first[1]), (*prompt, first[0], second[1])]
        rows += [_prefill(model, text, new_prefill_cache(model))[0] for text in texts]
    return torch.stack(rows)


def _prefill(model: Any, tokens: Sequence[int], cache: Any) -> torch.Tensor:
    """The logits (1, vocabulary) after `tokens`, which are added to `cache`."""
    import torch

    ids = torch.tensor([list(tokens)], device=next(model.parameters()).device)
    mask, positions = mask_and_positions(cache, torch.ones_like(ids))
    logits: torch.Tensor = forward(model, {"input_ids": ids}, mask, positions, cache).logits
    return logits[:, -1].float()

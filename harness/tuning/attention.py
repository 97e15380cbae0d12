"""Causal attention without attention masks, so that a training step reads no value from the device.

transformers builds masks by looking at their values ("is any row padded?"). The host then waits for the device in every
step, and neither a CUDA graph nor `torch.vmap` allows it. Rows that are padded on the right need no mask: under causal
attention no position attends to a later one, and the loss leaves padding out.

transformers lets an attention function be registered by name, and builds no mask for a name without a mask function.
Models that do not use this registry, that are not causal throughout, or whose loss differs without masks keep their
masks: `losses.mask_required_reason` compares both losses on real rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.modeling.base import Base

if TYPE_CHECKING:
    import torch

NAME, VMAP_NAME = "harness_causal", "harness_causal_together"
"""The registered names: for one adapter, and for several under `torch.vmap`."""


def causal_attention(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_more: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of each position to itself and to earlier positions.

    `query` is (rows, heads, positions, head_dim). `key` and `value` may have fewer heads (grouped-query attention) and
    more positions: those of a trained prefix, which every position attends to. The result is (rows, positions, heads,
    head_dim).
    """
    import torch

    groups = query.shape[1] // key.shape[1]
    query_length, key_length = query.shape[2], key.shape[2]
    windowed = sliding_window is not None and sliding_window < key_length
    mask = None
    if key_length != query_length or windowed:
        mask = _causal_mask(query.device, query_length, key_length, sliding_window if windowed else None)
    if groups > 1 and mask is not None:
        key, value = _repeat_kv(key, groups), _repeat_kv(value, groups)
    output = torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        dropout_p=dropout,
        is_causal=mask is None,
        scale=scaling,
        enable_gqa=groups > 1 and mask is None,
    )
    return output.transpose(1, 2).contiguous(), None


def vmap_attention(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_more: Any,
) -> tuple[torch.Tensor, None]:
    """As `causal_attention`, with operations that `torch.vmap` supports.

    Under `vmap` the fused kernel of a CPU falls back to a loop, and that of cuDNN silently computes wrong gradients. So
    flash attention is selected on a GPU where it is possible, and elsewhere two matrix products.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    groups = query.shape[1] // key.shape[1]
    query_length, key_length = query.shape[2], key.shape[2]
    windowed = sliding_window is not None and sliding_window < key_length
    if query.device.type == "cuda" and query_length == key_length and not windowed:
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
            output = torch.nn.functional.scaled_dot_product_attention(
                query, key, value, dropout_p=dropout, is_causal=True, scale=scaling, enable_gqa=groups > 1
            )
        return output.transpose(1, 2).contiguous(), None
    key, value = _repeat_kv(key, groups), _repeat_kv(value, groups)
    visible = _causal_mask(query.device, query_length, key_length, sliding_window if windowed else None)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = (query * scale) @ key.transpose(-1, -2)
    weights = scores.masked_fill(~visible, -torch.inf).softmax(-1, dtype=torch.float32).to(value.dtype)
    output = torch.nn.functional.dropout(weights, dropout, dropout > 0) @ value
    return output.transpose(1, 2).contiguous(), None


def _repeat_kv(heads: torch.Tensor, groups: int) -> torch.Tensor:
    """(rows, heads, ...) with every head repeated `groups` times."""
    return heads[:, :, None].expand(-1, -1, groups, -1, -1).flatten(1, 2) if groups > 1 else heads


def _causal_mask(device: torch.device, query_length: int, key_length: int, window: int | None) -> torch.Tensor:
    """(query positions, key positions): whether a query attends to a key; computed from the shapes alone."""
    import torch

    query_positions = torch.arange(key_length - query_length, key_length, device=device)[:, None]
    key_positions = torch.arange(key_length, device=device)[None, :]
    visible = key_positions <= query_positions
    return visible if window is None else visible & (query_positions - key_positions < window)


@contextlib.contextmanager
def attention_without_masks(base: Base, name: str = NAME) -> Iterator[None]:
    """Context manager: the model's attention is the registered function `name`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, causal_attention)
    AttentionInterface.register(VMAP_NAME, vmap_attention)
    config = base.text_config
    before = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = before


def unregistered_attention_reason(base: Base) -> str | None:
    """Why the model's attention cannot be replaced by a registered function, or None."""
    inner = base.model.get_base_model() if hasattr(base.model, "get_base_model") else base.model
    if base.seq2seq:
        return "an encoder sees what follows"
    if not getattr(inner, "_supports_attention_backend", False):
        return f"{type(inner).__name__} has an attention of its own"
    if base.text_config._attn_implementation != "sdpa":
        return f"its attention is asked to be {base.text_config._attn_implementation!r}"
    return None

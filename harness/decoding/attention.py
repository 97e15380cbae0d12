"""Cascade attention for one decoding step: over the shared prefix and over each request's own columns, in one softmax.

Each key is read once for all candidates that attend to it. For the shared prefix all rows are queries; for the own
columns of a request its candidates are, together with the query heads that share a key head (grouped-query attention).
The function is registered with transformers' `AttentionInterface`, so that the model's own code runs around it;
`CascadeAttention` switches it on for a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import compat

if TYPE_CHECKING:
    import torch

    from harness.decoding.slot_cache import SlotLayer

NAME = "harness_slots"
_OLD_STYLE = {"CodeGenAttention", "GPTJAttention"}
"""Attention modules older than the interface, which compute attention in a method `_attn`."""


class UnsupportedAttentionError(Exception):
    """The attention of a model cannot be replaced; the message says why."""


def cascade_attention(
    query: torch.Tensor,
    layer: SlotLayer,
    scaling: float,
    softcap: float | None = None,
    sinks: torch.Tensor | None = None,
) -> torch.Tensor:
    """The attention output of each row's new token, (rows, query heads, 1, head_dim of the values).

    `query` is (rows, query heads, 1, head_dim). Scores are soft-capped by `softcap` as in Gemma 2. `sinks`
    (query heads,) are the attention sinks of gpt-oss: scores without a token, which take part in each softmax. The
    softmax is computed in 32 bits.
    """
    import torch

    metadata, shape = layer.slots.metadata, layer.slots.shape
    assert metadata is not None and layer.keys is not None and layer.values is not None
    columns = slice(metadata.first_column, metadata.last_column)
    keys, values = layer.keys[:, :, columns], layer.values[:, :, columns]
    heads, prefix = keys.shape[1], shape.prefix_tokens
    # (B, heads, G * W, head_dim)
    queries = _group_heads(query * scaling, metadata.rows, shape.batch_size, shape.candidates, heads)
    scores = torch.matmul(queries, keys.mT)
    if layer.prefix is not None:
        flat = queries.transpose(0, 1).flatten(1, 2)  # (heads, B * G * W, head_dim)
        prefix_scores = torch.matmul(flat, layer.prefix[0].mT).view(heads, shape.batch_size, -1, prefix)
        scores = torch.cat([prefix_scores.transpose(0, 1), scores], dim=-1)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    # (B, heads, G, W, columns)
    by_candidate = scores.view(shape.batch_size, heads, -1, shape.candidates, scores.shape[-1])
    by_candidate.masked_fill_(metadata.masked[layer.window][:, None, None], torch.finfo(scores.dtype).min)
    weights = _softmax(scores, sinks, shape.candidates).to(values.dtype)
    output = torch.matmul(weights[..., prefix:], values)
    if layer.prefix is not None:
        flat = weights[..., :prefix].transpose(0, 1).flatten(1, 2)
        prefix_output = torch.matmul(flat, layer.prefix[1]).view(heads, shape.batch_size, *output.shape[2:])
        output = output + prefix_output.transpose(0, 1)
    return _ungroup_heads(output, metadata.rows, shape.candidates)


def _softmax(scores: torch.Tensor, sinks: torch.Tensor | None, candidates: int) -> torch.Tensor:
    """Over the columns of (B, heads, G * W, columns), with the sink of each query head where there are sinks."""
    import torch

    if sinks is None:
        return torch.softmax(scores, dim=-1, dtype=torch.float32)
    batch, heads, rows, _ = scores.shape
    column = sinks.view(1, heads, -1, 1).expand(batch, -1, -1, candidates).reshape(batch, heads, rows, 1)
    return torch.softmax(torch.cat([scores, column.to(scores.dtype)], dim=-1), dim=-1, dtype=torch.float32)[..., :-1]


def _group_heads(
    query: torch.Tensor, rows: torch.Tensor | None, batch: int, candidates: int, heads: int
) -> torch.Tensor:
    """(rows, query heads, 1, head_dim) as (B, key heads, G * W, head_dim); G query heads share a key head."""
    if rows is not None:
        whole = query.new_zeros(batch * candidates, *query.shape[1:])
        whole[rows] = query
        query = whole
    split = query.reshape(batch, candidates, heads, -1, query.shape[-1])
    return split.permute(0, 2, 3, 1, 4).flatten(2, 3)


def _ungroup_heads(output: torch.Tensor, rows: torch.Tensor | None, candidates: int) -> torch.Tensor:
    """The inverse of `_group_heads`."""
    batch, heads, _, width = output.shape
    split = output.view(batch, heads, -1, candidates, width).permute(0, 3, 1, 2, 4)  # (B, W, heads, G, head_dim)
    flat = split.reshape(batch * candidates, -1, 1, width)
    return flat if rows is None else flat[rows]


def _interface(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    _value: torch.Tensor,
    _mask: Any,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The signature of `AttentionInterface`; the keys come from a `SlotLayer`."""
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return cascade_attention(query, _layer_of(key), scaling, softcap, s_aux).transpose(1, 2), None


def _layer_of(key: torch.Tensor) -> SlotLayer:
    """The layer that `SlotLayer.update` attached to the keys."""
    layer: SlotLayer | None = getattr(key, "slot_layer", None)
    if layer is None:
        raise UnsupportedAttentionError("its keys are not those of its cache")
    return layer


def _method(module: Any) -> Any:
    """`_interface` as the method `_attn` of an old-style attention module."""

    def attn(
        query: torch.Tensor, key: torch.Tensor, _value: torch.Tensor, _mask: Any = None, **_: Any
    ) -> tuple[torch.Tensor, None]:
        return cascade_attention(query, _layer_of(key), 1 / float(module.scale_attn)), None

    return attn


class CascadeAttention:
    """Context manager: within it the model attends by `cascade_attention`, afterwards as before."""

    def __init__(self, model: Any) -> None:
        from transformers import AttentionInterface

        AttentionInterface.register(NAME, _interface)
        self._original = list(compat.attention_names(model).values())
        self._old_style = [module for module in model.modules() if _is_old_style(module)]

    def __enter__(self) -> None:
        for config, _ in self._original:
            compat.name_attention(config, NAME)
        for module in self._old_style:
            module._attn = _method(module)

    def __exit__(self, *_: object) -> None:
        for config, name in self._original:
            compat.name_attention(config, name)
        for module in self._old_style:
            vars(module).pop("_attn", None)


def has_old_style_attention(model: Any) -> bool:
    """Whether attention is a method of the model's modules that can be replaced."""
    return any(map(_is_old_style, model.modules()))


def _is_old_style(module: Any) -> bool:
    return type(module).__name__ in _OLD_STYLE

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

    from harness.decoding.slot_cache import AttentionMetadata, SlotLayer

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
    (query heads,) are the attention sinks of gpt-oss: scores without a token, which take part in each softmax.
    """
    import torch

    metadata, shape = layer.slots.metadata, layer.slots.shape
    assert metadata is not None and layer.keys is not None
    heads, batch = layer.keys.shape[:2]
    # (heads, B, G * W, head_dim)
    queries = _group_heads(query * scaling, metadata.rows, batch, shape.candidates, heads)
    scores = _scores(queries, layer, metadata)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    # (heads, B, G, W, columns)
    by_candidate = scores.view(heads, batch, -1, shape.candidates, scores.shape[-1])
    by_candidate.masked_fill_(metadata.masked[layer.window][:, None], torch.finfo(scores.dtype).min)
    output = _weighted_values(_softmax(scores, sinks, shape.candidates), layer, metadata)
    return _ungroup_heads(output, metadata.rows, shape.candidates)


def _scores(queries: torch.Tensor, layer: SlotLayer, metadata: AttentionMetadata) -> torch.Tensor:
    """Of `queries` (heads, B, rows, head_dim) with all columns, those of the prefix first: (heads, B, rows, columns).

    Both products are written to their part of one tensor, for a concatenation would copy it.
    """
    import torch

    assert layer.keys is not None
    own = layer.keys[:, :, metadata.first_column : metadata.last_column].flatten(0, 1)
    prefix = 0 if layer.prefix is None else layer.prefix[0].shape[1]
    scores = queries.new_empty(*queries.shape[:3], prefix + own.shape[1])
    torch.bmm(queries.flatten(0, 1), own.mT, out=scores.flatten(0, 1)[..., prefix:])
    if layer.prefix is not None:
        torch.bmm(queries.flatten(1, 2), layer.prefix[0].mT, out=scores.flatten(1, 2)[..., :prefix])
    return scores


def _weighted_values(weights: torch.Tensor, layer: SlotLayer, metadata: AttentionMetadata) -> torch.Tensor:
    """`weights` (heads, B, rows, columns) times the values: (heads, B, rows, head_dim)."""
    import torch

    assert layer.values is not None
    own = layer.values[:, :, metadata.first_column : metadata.last_column].flatten(0, 1)
    if layer.prefix is None:
        output = torch.bmm(weights.flatten(0, 1), own)
    else:
        values = layer.prefix[1]
        prefix = values.shape[1]
        shared = torch.bmm(weights.flatten(1, 2)[..., :prefix], values)
        shared = shared.view(-1, weights.shape[2], values.shape[2])
        output = torch.baddbmm(shared, weights.flatten(0, 1)[..., prefix:], own)
    return output.view(*weights.shape[:3], -1)


def _softmax(scores: torch.Tensor, sinks: torch.Tensor | None, candidates: int) -> torch.Tensor:
    """Over the columns of (heads, B, G * W, columns), with the sink of each query head where there are sinks.

    torch computes it in 32 bits, whatever the type of the scores.
    """
    import torch

    if sinks is None:
        return torch.softmax(scores, dim=-1)
    heads, batch, rows, _ = scores.shape
    column = sinks.view(heads, 1, -1, 1).expand(-1, batch, -1, candidates).reshape(heads, batch, rows, 1)
    return torch.softmax(torch.cat([scores, column.to(scores.dtype)], dim=-1), dim=-1)[..., :-1]


def _group_heads(
    query: torch.Tensor, rows: torch.Tensor | None, batch: int, candidates: int, heads: int
) -> torch.Tensor:
    """(rows, query heads, 1, head_dim) as (key heads, B, G * W, head_dim); G query heads share a key head."""
    if rows is not None:
        whole = query.new_zeros(batch * candidates, *query.shape[1:])
        whole[rows] = query
        query = whole
    split = query.reshape(batch, candidates, heads, -1, query.shape[-1])
    return split.permute(2, 0, 3, 1, 4).flatten(2, 3).contiguous()


def _ungroup_heads(output: torch.Tensor, rows: torch.Tensor | None, candidates: int) -> torch.Tensor:
    """The inverse of `_group_heads`."""
    heads, batch, _, width = output.shape
    split = output.view(heads, batch, -1, candidates, width).permute(1, 3, 0, 2, 4)  # (B, W, heads, G, head_dim)
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

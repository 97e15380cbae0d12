"""The KV cache of a running batch: keys and values are written once and never moved.

A running batch holds B requests with W candidates each. Every layer stores

    prefix  (heads, C, head_dim)             what all prompts begin with, once: trained prefix, virtual tokens
    own     (heads, B, L + S * W, head_dim)  the rest of a request's prompt, once, right-aligned in L columns; then a
                                             slot for each token of any of its candidates: slot = step * W + candidate

`visible` (B, W, C + L + S * W) says which of these columns the next token of a candidate attends to. When beam search
reorders candidates, only this mask is reordered: no key or value is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers.cache_utils import Cache, CacheLayerMixin, DummyLayer, DynamicCache, DynamicLayer

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class CacheShape:
    """B `batch_size`, W `candidates`, S `max_new_tokens`, L `prompt_tokens` per request, C `prefix_tokens` shared."""

    batch_size: int
    candidates: int
    max_new_tokens: int
    prompt_tokens: int
    prefix_tokens: int = 0

    @property
    def own_columns(self) -> int:
        """Columns of keys and values that one request has for itself: L + S * W."""
        return self.prompt_tokens + self.max_new_tokens * self.candidates


@dataclass(frozen=True)
class AttentionMetadata:
    """What the attention of one step needs, for all layers.

    `rows` (n,) are the rows that take part, batch index * W + candidate, or None for all. Row i writes its key and
    value to own column `slot_mapping[i]`, counted over all batch indices. Attention reads the own columns from
    `first_column` up to `last_column`. `masked` holds for each sliding window (None: full attention) the columns that
    are not attended to, (B, W, C + last_column - first_column).
    """

    rows: torch.Tensor | None
    slot_mapping: torch.Tensor
    first_column: int
    last_column: int
    masked: dict[int | None, torch.Tensor]


class SlotLayer(CacheLayerMixin):  # type: ignore[misc]
    """The keys and values of one layer; `window` is its sliding window, None for full attention."""

    is_sliding = False

    def __init__(self, slots: SlotCache, window: int | None) -> None:
        super().__init__()
        self.slots, self.window = slots, window
        self.prefix: tuple[torch.Tensor, torch.Tensor] | None = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Allocate; heads and head_dim are those of (any, heads, any, head_dim)."""
        shape = self.slots.shape
        self.keys, self.values = (
            new.new_zeros(new.shape[1], shape.batch_size, shape.own_columns, new.shape[3])
            for new in (key_states, value_states)
        )
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the keys and values of a step, (rows, heads, 1, head_dim), to their slots.

        They are returned as they are. The keys carry this layer to the attention function, which reads the rest from
        it.
        """
        metadata = self.slots.metadata
        assert metadata is not None and self.keys is not None and self.values is not None
        for kept, new in ((self.keys, key_states), (self.values, value_states)):
            kept.flatten(1, 2).index_copy_(1, metadata.slot_mapping, new[:, :, 0].transpose(0, 1).to(kept.dtype))
        key_states.slot_layer = self  # type: ignore[attr-defined]
        return key_states, value_states

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Nothing builds a mask from it."""
        return query_length, 0

    def get_seq_length(self) -> int:
        """Rows have different lengths; the model is given position ids instead."""
        return 0

    def get_max_length(self) -> int:
        """No limit that a model should know."""
        return -1

    get_max_cache_shape = get_max_length


class SlotCache:
    """The keys and values of all layers; `cache` is the model's argument."""

    def __init__(self, model: Any, shape: CacheShape, prefix_cache: Any = None) -> None:
        """`prefix_cache` holds the C shared columns in one row, as `new_prefill_cache` makes it."""
        import torch

        self.shape = shape
        self.metadata: AttentionMetadata | None = None
        device = next(model.parameters()).device
        kinds = DynamicCache(config=model.config).layers
        self.layers = [
            DummyLayer() if isinstance(kind, DummyLayer) else SlotLayer(self, getattr(kind, "sliding_window", None))
            for kind in kinds
        ]
        self.cache = Cache(layers=list(self.layers))
        if shape.prefix_tokens:
            for layer, source in zip(self.layers, prefix_cache.layers, strict=True):
                if isinstance(layer, SlotLayer) and source.keys is not None:
                    layer.prefix = (source.keys[0].contiguous(), source.values[0].contiguous())
        columns = shape.prefix_tokens + shape.own_columns
        self.visible = torch.zeros(shape.batch_size, shape.candidates, columns, dtype=torch.bool, device=device)
        self.column_positions = torch.zeros(shape.batch_size, columns, dtype=torch.long, device=device)
        """(B, columns): the position in the text of the token in each column."""
        self.prompt_lengths = torch.zeros(shape.batch_size, dtype=torch.long, device=device)
        """(B,): tokens of each request's prompt behind the shared prefix."""
        self._candidates = torch.arange(shape.candidates, device=device)
        self._indices = torch.arange(shape.batch_size, device=device)

    @property
    def windows(self) -> set[int]:
        """The sizes of sliding windows; layers with full attention have none."""
        return {layer.window for layer in self.layers if isinstance(layer, SlotLayer) and layer.window is not None}

    def add(self, indices: torch.Tensor, lengths: torch.Tensor, prefilled: Any) -> None:
        """Put new requests at batch `indices` (n,).

        `prefilled` is the cache of their left-padded prompts behind the prefix, `lengths` (n,) their real tokens.
        """
        import torch

        shape, device = self.shape, lengths.device
        for layer, source in zip(self.layers, prefilled.layers, strict=True):
            if not isinstance(layer, SlotLayer) or source.keys is None:
                continue
            if not layer.is_initialized:
                layer.lazy_initialization(source.keys, source.values)
            for target, new in ((layer.keys, source.keys), (layer.values, source.values)):
                width = new.shape[2] - shape.prefix_tokens
                own = new[:, :, shape.prefix_tokens :].transpose(0, 1)
                target[:, indices, shape.prompt_tokens - width : shape.prompt_tokens] = own
        # Columns before the first token of a prompt are padding: they get a position before it and are never visible.
        prompt = torch.arange(shape.prompt_tokens, device=device) + shape.prefix_tokens - shape.prompt_tokens
        prompt = prompt + lengths[:, None]
        steps = torch.arange(shape.max_new_tokens, device=device).repeat_interleave(shape.candidates)
        decoded = shape.prefix_tokens + lengths[:, None] + steps
        prefix = torch.arange(shape.prefix_tokens, device=device).expand(len(lengths), -1)
        self.column_positions[indices] = torch.cat([prefix, prompt, decoded], dim=1)
        visible = [prefix >= 0, prompt >= shape.prefix_tokens, torch.zeros_like(decoded, dtype=torch.bool)]
        self.visible[indices] = torch.cat(visible, dim=1)[:, None]
        self.prompt_lengths[indices] = lengths

    def reorder(self, parents: torch.Tensor, steps: torch.Tensor) -> None:
        """Candidate w of each request continues candidate `parents` (B, W) with a token in the slot of `steps` (B,).

        The slot is visible to the candidate that writes it, and later to those that descend from this one.
        """
        start = self.shape.prefix_tokens + self.shape.prompt_tokens
        decoded = self.visible[:, :, start:]
        decoded.copy_(decoded.gather(1, parents[:, :, None].expand_as(decoded)))
        self.visible.scatter_(2, start + self._slot(steps)[..., None], True)

    def _slot(self, steps: torch.Tensor) -> torch.Tensor:
        return steps[:, None] * self.shape.candidates + self._candidates

    def prepare_step(
        self, steps: torch.Tensor, rows: torch.Tensor | None, first_column: int, last_column: int
    ) -> torch.Tensor:
        """Set `metadata` for decoding step `steps` (B,) of each request; returns the position ids (B, W)."""
        import torch

        shape = self.shape
        slots = self._indices[:, None] * shape.own_columns + shape.prompt_tokens + self._slot(steps)
        slots = slots.flatten() if rows is None else slots.flatten()[rows]
        positions = shape.prefix_tokens + self.prompt_lengths + steps
        prefix, first, last = (
            shape.prefix_tokens,
            shape.prefix_tokens + first_column,
            shape.prefix_tokens + last_column,
        )
        visible, column_positions = (
            torch.cat([whole[..., :prefix], whole[..., first:last]], dim=-1)
            for whole in (self.visible, self.column_positions)
        )
        masked: dict[int | None, torch.Tensor] = {}
        for window in (None, *self.windows):
            in_window = (
                visible if window is None else visible & (positions[:, None] - column_positions < window)[:, None]
            )
            masked[window] = ~in_window
        self.metadata = AttentionMetadata(rows, slots, first_column, last_column, masked)
        return positions[:, None].expand(-1, shape.candidates)

    def select(self, indices: torch.Tensor) -> None:
        """Shrink the batch to `indices`, in this order."""
        from dataclasses import replace

        for layer in self.layers:
            if isinstance(layer, SlotLayer) and layer.is_initialized:
                layer.keys, layer.values = layer.keys[:, indices], layer.values[:, indices]
        self.visible, self.column_positions = self.visible[indices], self.column_positions[indices]
        self.prompt_lengths = self.prompt_lengths[indices]
        self.shape = replace(self.shape, batch_size=len(indices))
        self._indices = self._indices[: len(indices)]


def new_prefill_cache(model: Any, prefix_cache: Any = None, rows: int = 1) -> Any:
    """An empty cache for prefill that keeps all tokens in all layers, also in those with a sliding window.

    With `prefix_cache`, a cache of one row, each of the `rows` begins with its keys and values.
    """
    kinds = DynamicCache(config=model.config).layers
    cache = Cache(layers=[DummyLayer() if isinstance(kind, DummyLayer) else DynamicLayer() for kind in kinds])
    for number, layer in enumerate(prefix_cache.layers if prefix_cache is not None else ()):
        if layer.keys is not None:
            cache.update(layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1), number)
    return cache


def shared_prefix_length(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with; at least the last token of each is left out."""
    texts = [tuple(prompt) for prompt in prompts]
    first, last = min(texts), max(texts)
    length = next((i for i, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return min(length, min(map(len, prompts)) - 1)

"""Several adapters on one model in one batch: each row of the batch with its own.

What an adapter does to its base is taken out of PEFT's layers as tensors (`adapter_of`): low-rank updates of linear
layers (LoRA and its linear kin), learnt scales of their inputs or outputs (IA3), virtual tokens before every prompt, or
trained keys and values. `StackedAdapters` stacks those of n adapters by layer; ranks are padded with zeros. A forward
pass gathers for each group of rows the matrices of its adapter, so that the base layer runs once for all of them.

Whether an adapter can be stacked is tested (`adapter_support`): its logits among others are compared with those that
PEFT gives it alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from harness import compat
from harness.decoding.cache import forward, mask_and_positions, new_cache, padding_shifts_prefix
from harness.decoding.inputs import model_inputs, trained_prefix, unwrapped_model
from harness.decoding.support import probe_prompts, relative_difference
from harness.modeling.base import Base, has_trained_prefix
from harness.modeling.bases import is_peft
from harness.modeling.prompts import Prompt

if TYPE_CHECKING:
    import torch


class UnsupportedAdapterError(Exception):
    """An adapter cannot be stacked with others; the message says why."""


@dataclass(frozen=True)
class Adapter:
    """What an adapter does to its base, by the names of the base's layers.

    `updates` are pairs of A (r, in) and B (out, r), with the scale in B; `input_scales` (in,) and `output_scales`
    (out,) multiply what goes in and what comes out. `virtual_embeddings` (tokens, hidden) stand before every prompt;
    so do `prefix` keys and values, (heads, tokens, head_dim) by the number of a layer. `probe` (2, vocabulary) are the
    logits of two short prompts with this adapter alone, `noise` is the relative difference that rounding makes.
    """

    probe: torch.Tensor
    noise: float
    updates: Mapping[str, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    input_scales: Mapping[str, torch.Tensor] = field(default_factory=dict)
    output_scales: Mapping[str, torch.Tensor] = field(default_factory=dict)
    virtual_embeddings: torch.Tensor | None = None
    prefix: Mapping[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    @property
    def prefix_tokens(self) -> int:
        """Columns of trained keys and values."""
        return next(iter(self.prefix.values()))[0].shape[1] if self.prefix else 0

    @property
    def virtual_tokens(self) -> int:
        """Columns before each prompt."""
        return self.prefix_tokens + (0 if self.virtual_embeddings is None else len(self.virtual_embeddings))


def adapter_of(adapted: Base) -> Adapter:
    """The adapter that is on a base; without one, an adapter that changes nothing.

    Raises:
        UnsupportedAdapterError: it does something else than what can be stacked.
    """
    import torch

    model = adapted.model
    with torch.inference_mode():
        probe, noise = _probe_alone(adapted)
        if not is_peft(model):
            return Adapter(probe, noise)
        if not model.active_peft_config.is_prompt_learning:
            return Adapter(probe, noise, *_layer_parts(unwrapped_model(adapted)))
        if not has_trained_prefix(model):
            return Adapter(probe, noise, virtual_embeddings=model.get_prompt(batch_size=1)[0].clone())
        if padding_shifts_prefix(unwrapped_model(adapted)):
            raise UnsupportedAdapterError("its windows are counted in places, and trained keys and values stand before")
        layers = enumerate(model.get_prompt(batch_size=1).layers)
        return Adapter(
            probe, noise, prefix={n: (k.keys[0].clone(), k.values[0].clone()) for n, k in layers if k.keys is not None}
        )


_Parts = tuple[dict[str, tuple["torch.Tensor", "torch.Tensor"]], dict[str, "torch.Tensor"], dict[str, "torch.Tensor"]]


def _layer_parts(model: Any) -> _Parts:
    """The updates, input scales and output scales of PEFT's layers in `model`."""
    updates: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    inputs: dict[str, torch.Tensor] = {}
    outputs: dict[str, torch.Tensor] = {}
    for name, layer in compat.adapter_layers(model).items():
        if (update := compat.low_rank_update(layer)) is not None:
            a, b, scale = update
            updates[name] = a.detach().clone(), b.detach() * scale
        elif (learnt := compat.learnt_scale(layer)) is not None:
            scales, of_inputs = learnt
            (inputs if of_inputs else outputs)[name] = scales.detach().clone()
        else:
            raise UnsupportedAdapterError(f"{type(layer).__name__} ({name}) is no plain low-rank update and no scale")
    return updates, inputs, outputs


class _Groups(NamedTuple):
    """Groups of equally many rows, `rows`, and the adapter of each group, (groups,).

    `kept` (n,) are the rows that are there, None for all; `of_rows` (n,) are their adapters.
    """

    adapters: torch.Tensor
    rows: int
    kept: torch.Tensor | None
    of_rows: torch.Tensor


class StackedAdapters:
    """n adapters on one model, for forward passes whose rows have different ones."""

    def __init__(self, model: Any, adapters: Sequence[Adapter]) -> None:
        """The adapters were on `model`, which has none of them now."""
        self._adapters = adapters
        modules, device = dict(model.named_modules()), next(model.parameters()).device
        self._layers = [
            (modules[name], _StackedLayer.of(name, adapters, device))
            for name in sorted({name for one in adapters for part in _named_parts(one) for name in part})
        ]

    def virtual_tokens(self, adapter: int) -> int:
        """Columns that an adapter puts before each prompt."""
        return self._adapters[adapter].virtual_tokens

    def prefix_tokens(self, adapter: int) -> int:
        """How many of these columns are trained keys and values."""
        return self._adapters[adapter].prefix_tokens

    def virtual_embeddings(self, adapter: int) -> torch.Tensor | None:
        """(tokens, hidden): the virtual tokens of an adapter, where it has some."""
        return self._adapters[adapter].virtual_embeddings

    def trained_prefix(self, adapters: Sequence[int]) -> Iterator[tuple[int, tuple[Any, Any]]]:
        """Of each layer the trained keys and values of n adapters, (n, heads, tokens, head_dim); none without any."""
        import torch

        prefixes = [self._adapters[adapter].prefix for adapter in adapters]
        for number in prefixes[0]:
            keys, values = zip(*(prefix[number] for prefix in prefixes), strict=True)
            yield number, (torch.stack(keys), torch.stack(values))

    @contextlib.contextmanager
    def applied(self, adapters: torch.Tensor, rows: int = 1, kept: torch.Tensor | None = None) -> Iterator[None]:
        """Within it the model runs with adapter `adapters[g]` on group g of its rows; a group has `rows` rows.

        Where only some rows take part, `kept` (n,) are their numbers, in ascending order.
        """
        of_rows = adapters.repeat_interleave(rows)
        groups = _Groups(adapters, rows, kept, of_rows if kept is None else of_rows[kept])
        handles = []
        for module, layer in self._layers:
            if layer.input_scales is not None:
                handles.append(module.register_forward_pre_hook(partial(layer.scale_input, groups)))
            handles.append(module.register_forward_hook(partial(layer.change_output, groups)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _named_parts(adapter: Adapter) -> tuple[Mapping[str, Any], ...]:
    return adapter.updates, adapter.input_scales, adapter.output_scales


@dataclass(frozen=True)
class _StackedLayer:
    """The parts of n adapters on one layer: `a` (n, in, r), `b` (n, r, out), scales (n, in) and (n, out), or None."""

    name: str
    a: torch.Tensor | None
    b: torch.Tensor | None
    input_scales: torch.Tensor | None
    output_scales: torch.Tensor | None

    @classmethod
    def of(cls, name: str, adapters: Sequence[Adapter], device: torch.device) -> _StackedLayer:
        updates = [adapter.updates.get(name) for adapter in adapters]
        rank = max((len(update[0]) for update in updates if update is not None), default=0)
        a = _stacked([None if u is None else _rank_padded(u[0].mT, rank, 1) for u in updates], 0.0, device)
        b = _stacked([None if u is None else _rank_padded(u[1].mT, rank, 0) for u in updates], 0.0, device)
        inputs = _stacked([adapter.input_scales.get(name) for adapter in adapters], 1.0, device)
        outputs = _stacked([adapter.output_scales.get(name) for adapter in adapters], 1.0, device)
        return cls(name, a, b, inputs, outputs)

    def scale_input(self, groups: _Groups, _module: Any, given: Any) -> Any:
        """A forward pre-hook."""
        assert self.input_scales is not None
        return (self._scaled(given[0], self.input_scales, groups), *given[1:])

    def change_output(self, groups: _Groups, _module: Any, given: Any, output: torch.Tensor) -> torch.Tensor:
        """A forward hook: scale the output of the base's layer, and add the update."""
        if self.output_scales is not None:
            output = self._scaled(output, self.output_scales, groups)
        if self.a is None or self.b is None:
            return output
        x = self._grouped(given[0].to(self.a.dtype), groups)
        inner = x.bmm(self.a.index_select(0, groups.adapters))
        update = inner.bmm(self.b.index_select(0, groups.adapters)).view(-1, output.shape[-1])
        update = update if groups.kept is None else update[groups.kept]
        # Added in the wider of the two types and rounded once, as PEFT does it.
        return output.add_(update.view_as(output))

    def _grouped(self, x: torch.Tensor, groups: _Groups) -> torch.Tensor:
        """(rows, tokens, in) as (groups, rows of a group * tokens, in); rows that are not there are zeros."""
        self._check_rows(x, groups)
        if groups.kept is None:
            return x.reshape(len(groups.adapters), -1, x.shape[-1])
        whole = x.new_zeros(len(groups.adapters) * groups.rows, *x.shape[1:])
        whole[groups.kept] = x
        return whole.view(len(groups.adapters), -1, x.shape[-1])

    def _scaled(self, x: torch.Tensor, scales: torch.Tensor, groups: _Groups) -> torch.Tensor:
        """(rows, tokens, features) times the scales of each row's adapter, in the type of `x`."""
        self._check_rows(x, groups)
        return (x * scales.index_select(0, groups.of_rows)[:, None]).to(x.dtype)

    def _check_rows(self, x: torch.Tensor, groups: _Groups) -> None:
        if x.dim() != 3 or len(x) != len(groups.of_rows):
            raise UnsupportedAdapterError(f"{self.name} is given tokens without their rows")


def _rank_padded(part: torch.Tensor, rank: int, axis: int) -> torch.Tensor:
    shape = list(part.shape)
    shape[axis] = rank
    padded = part.new_zeros(shape)
    padded.narrow(axis, 0, part.shape[axis]).copy_(part)
    return padded


def _stacked(parts: Sequence[Any], neutral: float, device: torch.device) -> torch.Tensor | None:
    """(n, …) of equal shapes, with `neutral` numbers for those that are None; None where all are."""
    import torch

    like = next((part for part in parts if part is not None), None)
    if like is None:
        return None
    return torch.stack([torch.full_like(like, neutral) if part is None else part for part in parts]).to(device)


def _probe_alone(adapted: Base) -> tuple[torch.Tensor, float]:
    """The logits after two short prompts, each alone, and the relative difference to those of both in one batch."""
    import torch

    prompts = [Prompt(str(n), "", tokens) for n, tokens in enumerate(probe_prompts(unwrapped_model(adapted)))]
    alone = torch.cat([_logits(adapted, [prompt]) for prompt in prompts])
    return alone, relative_difference(_logits(adapted, prompts), alone)


def _logits(adapted: Base, prompts: list[Prompt]) -> torch.Tensor:
    from harness.modeling.quantized_products import QuantizedProducts

    model, inputs = unwrapped_model(adapted), model_inputs(adapted, prompts)
    cache = new_cache(model, trained_prefix(adapted, prompts))
    mask, positions = mask_and_positions(cache, inputs.pop("attention_mask"))
    with QuantizedProducts(model, round_activations=False):
        logits: torch.Tensor = forward(model, inputs, mask, positions, cache).logits
    return logits[:, -1].float()

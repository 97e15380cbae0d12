"""Adafactor on stacked tensors, with a learning rate schedule that is on the device.

Shazeer and Stern, ICML 2018 (arXiv:1804.04235), algorithm 4 with an outer learning rate, as the study uses it through
transformers: second moments factored into rows and columns for tensors of two or more dimensions, decay 1 - t^-0.8, no
first moment, updates clipped to a root mean square of 1. Gradients are clipped to a norm of 1 before, the default of
transformers' Trainer.

An adapter has hundreds of small tensors of a few shapes. Those of one shape are updated as one stacked tensor. The step
count and the learning rates are on the device, so that an update has no branch and no value from the host, and can be a
CUDA graph. With `batch_dims` 1 the first dimension of every parameter is the adapter (joint tuning), and norms, factors
and clipping are computed for each adapter alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_DECAY, _TINY, _RMS, _MAX_NORM = -0.8, 1e-30, 1.0, 1.0
_MAX_STACKED_ELEMENTS = 1 << 26
"""Elements that are updated at once; their gradients are copied for it."""


def learning_rates(peak: float, steps: int, warmup: float) -> list[float]:
    """The learning rate of each step: up from 0 over the share `warmup` of the steps, then linearly down to 0."""
    warmup_steps = int(warmup) if warmup >= 1 else math.ceil(steps * warmup)
    decay_steps = max(1, steps - warmup_steps)
    return [
        peak * (step / max(1, warmup_steps) if step < warmup_steps else max(0.0, (steps - step) / decay_steps))
        for step in range(steps)
    ]


@dataclass(frozen=True)
class _Group:
    """Parameters of one shape, type and learning rate scale, and their second moments: rows and columns, or all."""

    parameters: Sequence[torch.Tensor]
    moments: Mapping[str, torch.Tensor]
    scale: float


class Adafactor:
    """`step` is the number of updates done, a tensor of one integer."""

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        schedule: torch.Tensor,
        batch_dims: int = 0,
        scales: Sequence[float] | None = None,
    ) -> None:
        """`schedule` has the learning rates: (steps,) or, with `batch_dims` 1, (steps, adapters).

        `scales` has a factor of the learning rate for each parameter; by default 1.
        """
        import torch

        self._lead, self._schedule = batch_dims, schedule
        self.step = torch.zeros(1, dtype=torch.long, device=schedule.device)
        self._parameters = list(parameters)
        self._groups = [
            self._group(stack, scale) for stack, scale in _stacks(parameters, scales or [1.0] * len(parameters))
        ]

    def _group(self, parameters: Sequence[torch.Tensor], scale: float) -> _Group:
        import torch

        first, count = parameters[0], len(parameters)

        def zeros(shape: Sequence[int]) -> torch.Tensor:
            return torch.zeros((count, *shape), dtype=torch.float32, device=first.device)

        shape = tuple(first.shape)
        if len(shape) - self._lead >= 2:
            return _Group(parameters, {"rows": zeros(shape[:-1]), "columns": zeros((*shape[:-2], shape[-1]))}, scale)
        return _Group(parameters, {"all": zeros(shape)}, scale)

    def update(self) -> None:
        """One step on the gradients of the parameters; no gradient counts as zeros."""
        import torch

        with torch.no_grad():
            rate = self._schedule.index_select(0, self.step)[0].float()
            self.step += 1
            # 1 minus the decay of this step, in 64 bits, as the host would compute it.
            weight = self.step.double().pow(_DECAY).float()
            scale = self._scale()
            for group in self._groups:
                gradients = _stacked_gradients(group) * self._broadcast(scale, group)
                update = self._update(group, gradients, weight) * self._broadcast(rate * group.scale, group)
                _subtract(group.parameters, update)

    def _scale(self) -> torch.Tensor:
        """The factor that clips the norm of gradients: () or (adapters,)."""
        import torch

        device = self._schedule.device
        squares = torch.zeros(self._schedule.shape[1:], device=device)
        # Gradients are stacked again for the update: all stacks at once would double the memory of gradients.
        for group in self._groups:
            squared = _stacked_gradients(group).square_()
            squares += squared.view(*squared.shape[: 1 + self._lead], -1).sum((0, -1)).to(device)
        return (_MAX_NORM / (squares.sqrt() + 1e-6)).clamp(max=1.0)

    def _broadcast(self, value: torch.Tensor, group: _Group) -> torch.Tensor:
        """`value`, () or (adapters,), in a shape that broadcasts over a group's stacked tensors."""
        own_dims = group.parameters[0].dim() - self._lead
        return value.to(group.parameters[0].device).view((*value.shape, *[1] * own_dims))

    def _update(self, group: _Group, gradients: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        squared = gradients.square() + _TINY
        moments = group.moments
        if "all" in moments:
            update = moments["all"].lerp_(squared, weight).rsqrt() * gradients
        else:
            rows, columns = moments["rows"], moments["columns"]
            rows.lerp_(squared.mean(-1), weight)
            columns.lerp_(squared.mean(-2), weight)
            update = (rows / rows.mean(-1, keepdim=True)).rsqrt().unsqueeze(-1) * columns.unsqueeze(-2).rsqrt()
            update *= gradients
        own_dims = tuple(range(1 + self._lead, update.dim()))
        rms = update.square().mean(own_dims, keepdim=True).sqrt() if own_dims else update.abs()
        return update.div_((rms / _RMS).clamp_(min=1.0))

    def moments(self) -> list[Mapping[str, torch.Tensor]]:
        """The second moments of each parameter by name, as views, in the order of the parameters."""
        by_parameter = {
            id(parameter): {name: moment[number] for name, moment in group.moments.items()}
            for group in self._groups
            for number, parameter in enumerate(group.parameters)
        }
        return [by_parameter[id(parameter)] for parameter in self._parameters]

    def state(self) -> dict[str, torch.Tensor]:
        """The optimiser's tensors by name, to save them, or to load into them in place."""
        named = {
            f"{i}.{name}": moment for i, group in enumerate(self._groups) for name, moment in group.moments.items()
        }
        return {"step": self.step, **named}


def _stacks(parameters: Sequence[torch.Tensor], scales: Sequence[float]) -> Iterator[tuple[list[torch.Tensor], float]]:
    """Stacks of parameters of one shape, type, device and scale, each with the scale; stacks are limited in size."""
    by_kind: dict[tuple[Any, ...], list[list[torch.Tensor]]] = {}
    for parameter, scale in zip(parameters, scales, strict=True):
        kind = (tuple(parameter.shape), parameter.dtype, parameter.device, scale)
        stacks = by_kind.setdefault(kind, [[]])
        if stacks[-1] and (len(stacks[-1]) + 1) * parameter.numel() > _MAX_STACKED_ELEMENTS:
            stacks.append([])
        stacks[-1].append(parameter)
    return ((stack, kind[-1]) for kind, stacks in by_kind.items() for stack in stacks)


def _stacked_gradients(group: _Group) -> torch.Tensor:
    """The gradients of a group as one new tensor in 32 bits; no gradient counts as zeros."""
    import torch

    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in group.parameters]
    return torch.stack(gradients).float()


def _subtract(parameters: Sequence[torch.Tensor], update: torch.Tensor) -> None:
    import torch

    chunks = list(update.unbind(0))
    if parameters[0].dtype == torch.float32:
        torch._foreach_sub_(list(parameters), chunks)
        return
    # 16-bit weights are updated in 32 bits.
    for parameter, part in zip(parameters, chunks, strict=True):
        parameter.copy_(parameter.float() - part)

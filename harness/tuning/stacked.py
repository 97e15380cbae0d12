"""Adapters of one kind, stacked by the names of their weights, and the losses of all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.modeling.base import Base
from harness.records import Tuning
from harness.tuning.batches import Shape, unpack_batch
from harness.tuning.loop import trainable
from harness.tuning.losses import summed_loss

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class JointMember:
    """One adapter of a joint run: its initial weights by name, its settings and its seed.

    A joint run that ends early leaves a checkpoint of this adapter alone in `folder`, with which another joint run, of
    fewer adapters or others, goes on.
    """

    weights: Mapping[str, torch.Tensor]
    tuning: Tuning
    seed: int
    folder: Path | None = None

    @classmethod
    def of(cls, adapted: Base, tuning: Tuning, seed: int, folder: Path | None = None) -> JointMember:
        """The present adapter of `adapted`."""
        return cls({name: p.detach().clone() for name, p in trainable(adapted.model)}, tuning, seed, folder)


def set_weights(base: Base, weights: Mapping[str, Any]) -> None:
    """Set the trainable parameters of the model to `weights`, by name."""
    import torch

    with torch.no_grad():
        for name, parameter in trainable(base.model):
            parameter.copy_(weights[name])


def stacked_weights(members: Sequence[JointMember], device: torch.device) -> dict[str, torch.Tensor]:
    """The weights of all members by name, each (members, ...), as leaves that take gradients."""
    import torch

    return {
        name: torch.stack([member.weights[name] for member in members]).to(device).requires_grad_()
        for name in members[0].weights
    }


def adapter_loss(base: Base, shape: Shape) -> Callable[[Mapping[str, Any], Any], Any]:
    """The summed loss, (), of one adapter as a function of its weights by name and its packed batch of `shape`."""
    import torch

    class ModelWithLoss(torch.nn.Module):
        """The model with its loss as one module, for `functional_call` with other weights."""

        def __init__(self) -> None:
            super().__init__()
            self.model = base.model

        def forward(self, packed: torch.Tensor) -> torch.Tensor:
            return summed_loss(base, unpack_batch(shape, packed), False)

    module = ModelWithLoss()
    module.train(base.model.training)

    def loss(weights: Mapping[str, Any], packed: Any) -> Any:
        named = {f"model.{name}": weight for name, weight in weights.items()}
        return torch.func.functional_call(module, named, (packed,))

    return loss


def stacked_losses(base: Base, shape: Shape, stacked: Mapping[str, torch.Tensor], packed: torch.Tensor) -> torch.Tensor:
    """(adapters,): the summed loss of each adapter on its batch; `packed` is (adapters, packed size)."""
    import torch

    losses: torch.Tensor = torch.vmap(adapter_loss(base, shape), randomness="different")(dict(stacked), packed)
    return losses

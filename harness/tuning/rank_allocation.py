"""PEFT tuners that reallocate ranks during training (AdaLoRA): what they need from a training loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def rank_allocator(model: Any) -> Any:
    """The tuner inside `model` if it reallocates ranks and adds a term to the loss (AdaLoRA), or None."""
    inner = getattr(model, "base_model", None)
    return inner if hasattr(inner, "update_and_allocate") and hasattr(inner, "rankallocator") else None


def set_rank_schedule(tuner: Any, steps: int) -> None:
    """Set the schedule of ranks for a run of `steps` steps."""
    for settings in tuner.peft_config.values():
        settings.total_step = steps
        settings.tinit, settings.tfinal = steps // 10, 0
    tuner.rankallocator.set_total_step(steps)


def update_ranks(tuner: Any, step: int) -> None:
    """Reallocate ranks after the update of step `step` (from 0), before gradients are cleared."""
    tuner.update_and_allocate(step)
    for settings in tuner.peft_config.values():
        # Pruned ranks are zeros in the weights. With a rank pattern PEFT would save tensors of the pruned shape, and
        # the best checkpoint could not be loaded after another pruning.
        settings.rank_pattern = None


_IMPORTANCE = ("ipt", "exp_avg_ipt", "exp_avg_unc")
"""Where the allocator keeps the importance of each weight."""


def importance_state(tuner: Any) -> dict[str, torch.Tensor]:
    """The tuner's state for a checkpoint, beside its weights, by name."""
    scores = [(kind, getattr(tuner.rankallocator, kind)) for kind in _IMPORTANCE]
    return {f"ranks.{kind}.{name}": tensor for kind, by_name in scores for name, tensor in by_name.items()}


def load_importance_state(tuner: Any, state: Mapping[str, torch.Tensor]) -> None:
    """Restore the tuner's state from a checkpoint."""
    device = next(tuner.parameters()).device
    for key, tensor in state.items():
        if key.startswith("ranks."):
            _, kind, name = key.split(".", 2)
            getattr(tuner.rankallocator, kind)[name] = tensor.to(device)

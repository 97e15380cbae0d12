"""Whether adapters can be tuned together on one base: their settings, and a test of losses and gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.modeling.base import Base
from harness.tuning.attention import VMAP_NAME, attention_without_masks
from harness.tuning.batches import BucketedBatches, Row
from harness.tuning.losses import has_own_loss, mask_required_reason
from harness.tuning.precision import sixteen_bit_activations
from harness.tuning.stacked import JointMember, adapter_loss, stacked_losses, stacked_weights

if TYPE_CHECKING:
    import torch


def joint_tuning_unsupported_reason(adapted: Base, members: Sequence[JointMember], rows: Sequence[Row]) -> str | None:
    """Why these adapters cannot be tuned together on `adapted`, the model with one of them; None where they can.

    Raises:
        RuntimeError: a few rows do not fit in memory.
    """
    from harness.modeling.quantized_products import is_bitsandbytes

    first = members[0]
    shapes = [{name: tuple(weight.shape) for name, weight in member.weights.items()} for member in members]
    if any(shape != shapes[0] for shape in shapes):
        return "their weights have different shapes"
    fields = ("epochs", "batch_size", "evaluate_every", "max_tokens")
    if any(getattr(m.tuning, name) != getattr(first.tuning, name) for m in members for name in fields):
        return "their settings differ in more than learning rate and warm-up"
    if any(member.tuning.patience is not None for member in members):
        return "each ends when its own validation loss no longer falls"
    if getattr(adapted.model, "quantization_method", None) is not None and not is_bitsandbytes(adapted.model):
        # Under vmap a library calls its kernel without the gradient that it defines for it, and torch only warns.
        return "the products of its quantised base have no gradient under vmap"
    adapted.model.train()
    if has_own_loss(adapted):
        return "its tuner has a loss of its own"
    if (why := mask_required_reason(adapted, rows)) is not None:
        return f"masks are made: {why}"
    return _vmap_unsupported_reason(adapted, members, rows)


def _vmap_unsupported_reason(adapted: Base, members: Sequence[JointMember], rows: Sequence[Row]) -> str | None:
    """Test one row on two adapters: losses and gradients have to be those of each alone."""
    import torch

    stacked = stacked_weights([members[0], members[-1]], adapted.device)
    batches = BucketedBatches(rows, adapted.tokenizer.pad_token_id, False, None)
    shape, packed = batches.pack([0], max(1, batches.counts[0]))
    packed = packed.to(adapted.device)
    adapted.model.eval()
    with sixteen_bit_activations(adapted):
        try:
            with attention_without_masks(adapted, VMAP_NAME):
                joint = stacked_losses(adapted, shape, stacked, torch.stack([packed, packed]))
                joint.sum().backward()  # type: ignore[no-untyped-call]
        except (RuntimeError, NotImplementedError) as error:
            if "vmap" not in str(error) and "functorch" not in str(error) and "setup_context" not in str(error):
                raise
            return f"vmap has no rule for its tuner: {' '.join(str(error).split())[:160]}"
        for index in range(2):
            weights = {name: w[index].detach().clone().requires_grad_() for name, w in stacked.items()}
            with attention_without_masks(adapted):
                loss = adapter_loss(adapted, shape)(weights, packed)
                loss.backward()
            if not torch.allclose(joint[index].detach().float(), loss.detach().float(), rtol=_LOSS_TOLERANCE):
                return "its losses under vmap are not those it has alone"
            if not _gradient_difference(stacked, weights, index) <= _GRADIENT_TOLERANCE:
                return "its gradients under vmap are not those it has alone"
    return None


def _gradient_difference(stacked: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor], index: int) -> float:
    """The norm of the difference as a share of the norm of the gradient alone; not a number where one is missing."""
    import torch

    joint = [weight.grad[index] for weight in stacked.values() if weight.grad is not None]
    alone = [weight.grad for weight in weights.values() if weight.grad is not None]
    if len(joint) < len(stacked) or len(alone) < len(weights):
        return math.nan
    first, second = (torch.cat([gradient.float().flatten() for gradient in one]) for one in (joint, alone))
    size, difference = float(second.norm()), float((first - second).norm())
    return difference / size if size else difference  # a row longer than a sliding window reaches no prefix


_LOSS_TOLERANCE, _GRADIENT_TOLERANCE = 5e-2, 0.3
"""Rounding in 16 bits changes the loss of a row by up to 1 %, its gradient by up to 10 %. A wrong rule of `vmap` gives
another loss altogether; an operation without a rule for its gradient, such as a library's own kernel, no gradient."""

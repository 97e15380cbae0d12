"""The loss of a batch: cross-entropy on response tokens, and logits for no others.

Most of a batch is prompt, and for a small model most of the work is the LM head. So the hidden states at the positions
that predict a response token are gathered before the LM head. The batch holds their indices, so that nothing is counted
on the device and shapes are static.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.modeling.base import Base, has_trained_prefix
from harness.tuning.attention import attention_without_masks, unregistered_attention_reason
from harness.tuning.batches import IGNORE_INDEX, Batch, BucketedBatches, Row, chunks, unpack_batch
from harness.tuning.rank_allocation import rank_allocator

if TYPE_CHECKING:
    import torch

LossFunction = Callable[[Any, Mapping[str, "torch.Tensor"]], "torch.Tensor"]
"""(model, inputs) to the mean over response tokens: a method's own loss, `TuningMethod.loss_function`."""


def summed_loss(base: Base, batch: Batch, masked: bool = True) -> torch.Tensor:
    """The cross-entropy of `batch`, summed over its response tokens: ().

    With `masked` the model gets an attention mask; else `attention_without_masks` must be active. The model's own loss
    is used for encoder-decoder models, whose decoder input has no prompt, and for PEFT tuners that add a term to it.
    """
    import torch

    if base.seq2seq or has_own_loss(base):
        return method_loss(base, batch, _model_loss)
    logits = _target_logits(base, batch, masked)
    return torch.nn.functional.cross_entropy(logits.float(), batch.targets, reduction="sum", ignore_index=IGNORE_INDEX)


def _target_logits(base: Base, batch: Batch, masked: bool) -> torch.Tensor:
    """(positions, vocabulary): the logits at the target positions of a causal model's batch."""
    with _autocast(base):
        mask = {"attention_mask": batch.mask} if masked else {}
        cache = None if has_trained_prefix(base.model) else False
        with _logits_at_targets_only(lm_head(base.model), batch):
            logits: torch.Tensor = base.model(input_ids=batch.ids, use_cache=cache, **mask).logits[0]
    return logits


def method_loss(base: Base, batch: Batch, loss_function: LossFunction) -> torch.Tensor:
    """The loss of a method on `batch`, times its response tokens: ()."""
    labels = batch.targets.view(batch.shape.rows, -1) if base.seq2seq else batch.labels()
    count = (batch.targets != IGNORE_INDEX).sum()
    with _autocast(base):
        loss = loss_function(base.model, {"input_ids": batch.ids, "attention_mask": batch.mask, "labels": labels})
    return loss * count


def _model_loss(model: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    loss: torch.Tensor = model(**inputs).loss
    return loss


def _autocast(base: Base) -> torch.autocast:
    import torch

    # A cache of weights cast to 16 bits would outlive its CUDA graph, and each weight is used once per step anyway.
    cuda = base.device.type == "cuda"
    return torch.autocast(base.device.type, dtype=torch.bfloat16, enabled=cuda, cache_enabled=False)


@contextlib.contextmanager
def _logits_at_targets_only(layer: Any, batch: Batch) -> Iterator[None]:
    """Context manager: the layer `layer` gets only the hidden states at the batch's target positions, as one row.

    Virtual tokens come before the positions that the batch counts.
    """

    def select(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = inputs[0]
        text_states = hidden[:, hidden.shape[1] - batch.shape.width :]
        return (text_states.flatten(0, 1).index_select(0, batch.target_indices)[None], *inputs[1:])

    hook = layer.register_forward_pre_hook(select)
    try:
        yield
    finally:
        hook.remove()


def lm_head(model: Any) -> Any:
    """The LM head: the layer that computes logits."""
    return (model.get_base_model() if hasattr(model, "get_base_model") else model).get_output_embeddings()


def has_own_loss(base: Base) -> bool:
    """Whether the PEFT tuner adds a term of its own to the training loss (AdaLoRA)."""
    return base.model.training and rank_allocator(base.model) is not None


def mask_required_reason(base: Base, rows: Sequence[Row]) -> str | None:
    """Why the model needs attention masks, or None; tested on a few rows of all lengths, the longest included.

    The difference without masks is compared with what rounding alone does to the loss of a row: padding to another
    width, under masks, changes nothing else.

    Raises:
        RuntimeError: a row does not fit in memory.
    """
    if (reason := unregistered_attention_reason(base)) is not None:
        return reason
    ordered = sorted(rows, key=lambda row: -len(row["input_ids"]))
    chosen = [ordered[round(i * (len(rows) - 1) / max(1, _TESTED_ROWS - 1))] for i in range(_TESTED_ROWS)]
    batches = BucketedBatches(chosen, base.tokenizer.pad_token_id, False, None)
    training = base.model.training
    base.model.eval()
    try:
        alone = _row_losses(base, batches, padded=False, masked=True)
        masked = _row_losses(base, batches, padded=True, masked=True)
        with attention_without_masks(base):
            unmasked = _row_losses(base, batches, padded=True, masked=False)
    finally:
        base.model.train(training)
    total = sum(masked)
    rounding = sum(abs(a - b) for a, b in zip(masked, alone, strict=True))
    difference = sum(abs(a - b) for a, b in zip(masked, unmasked, strict=True))
    if difference <= max(_RELATIVE_TOLERANCE * total, _ROUNDING_FACTOR * rounding):
        return None
    return f"without masks its losses differ by {difference / total:.2g} of their sum"


def _row_losses(base: Base, batches: BucketedBatches, *, padded: bool, masked: bool) -> list[float]:
    """The summed loss of each row, alone in a batch; `padded` to the width of the longest."""
    import torch

    width = max(batches.lengths) if padded else 0
    losses = []
    for number in range(len(batches.lengths)):
        shape, _ = batches.pack([number], 1)
        shape = replace(shape, width=max(width, shape.width))
        batch = unpack_batch(shape, batches.pack_as(shape, [number], 1).to(base.device))
        with torch.no_grad():
            losses.append(float(summed_loss(base, batch, masked)))
    return losses


_TESTED_ROWS = 4
_RELATIVE_TOLERANCE, _ROUNDING_FACTOR = 1e-5, 4
"""Rounding in 16 bits depends on the model and its adapter: 2e-3 to 6e-3 for SmolLM2-135M. A window or a chunk that is
not there changes a loss by far more."""


def validation_loss(base: Base, rows: Sequence[Row], size: int) -> float:
    """Mean cross-entropy over all response tokens of `rows`, `size` at a time; sets the model to evaluation."""
    import torch

    batches = BucketedBatches(rows, base.tokenizer.pad_token_id, base.seq2seq, None)
    total = torch.zeros((), dtype=torch.float64, device=base.device)
    base.model.eval()
    with torch.no_grad():
        for group in by_length(batches, size):
            shape, packed = batches.pack(group, 1)
            total += summed_loss(base, unpack_batch(shape, packed.to(base.device)))
    return float(total) / max(1, sum(batches.counts))


def row_losses(base: Base, rows: Sequence[Row], size: int) -> list[float]:
    """The cross-entropy of each of `rows`, summed over its response tokens, `size` rows at a time.

    Sets the model to evaluation. The sum over all rows, divided by their response tokens, is the validation loss.
    """
    import torch

    batches = BucketedBatches(rows, base.tokenizer.pad_token_id, base.seq2seq, None)
    sums = torch.zeros(len(rows), dtype=torch.float64)
    base.model.eval()
    with torch.no_grad():
        for group in by_length(batches, size):
            shape, packed = batches.pack(group, 1)
            batch = unpack_batch(shape, packed.to(base.device))
            losses, numbers = _losses_at_targets(base, batch)
            by_row = torch.zeros(shape.rows, dtype=torch.float64, device=base.device).index_add(0, numbers, losses)
            sums[list(group)] = by_row.cpu()
    return sums.tolist()


def _losses_at_targets(base: Base, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """(positions,) each: the cross-entropy at the target positions of `batch`, 0 at padding, and the row of each."""
    import torch

    if base.seq2seq:
        width = batch.shape.positions // batch.shape.rows
        labels = batch.targets.view(batch.shape.rows, width)
        with _autocast(base):
            logits = base.model(input_ids=batch.ids, attention_mask=batch.mask, labels=labels).logits.flatten(0, 1)
        numbers = torch.arange(batch.shape.positions, device=base.device) // width
    else:
        logits, numbers = _target_logits(base, batch, True), batch.target_indices // batch.shape.width
    losses = torch.nn.functional.cross_entropy(
        logits.float(), batch.targets, reduction="none", ignore_index=IGNORE_INDEX
    )
    return losses.double(), numbers


def by_length(batches: BucketedBatches, size: int) -> Iterator[Sequence[int]]:
    """All rows in groups of `size`, shortest first."""
    return chunks(sorted(range(len(batches.lengths)), key=lambda number: batches.lengths[number]), size)

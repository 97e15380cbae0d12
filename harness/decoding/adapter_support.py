"""Whether adapters can be stacked: a test of their logits in one batch against those that each has alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.decoding.inputs import unwrapped_model
from harness.decoding.prefill import DecodingRequest, by_prefix, prefill_adapted
from harness.decoding.stacked_adapters import Adapter, StackedAdapters, UnsupportedAdapterError
from harness.decoding.support import is_rounding, probe_prompts, relative_difference
from harness.modeling.base import Base

if TYPE_CHECKING:
    import torch


def unsupported_reasons(base: Base, adapters: Sequence[Adapter]) -> list[str]:
    """Why each adapter cannot be in a batch with the others, "" where it can; `base` is the model without them."""
    import torch

    from harness.modeling.quantized_products import QuantizedProducts

    model = unwrapped_model(base)
    try:
        stacked = StackedAdapters(model, adapters)
        with torch.inference_mode(), QuantizedProducts(model, round_activations=False):
            logits = _probe_stacked(base, stacked, len(adapters))
    except UnsupportedAdapterError as error:
        return [str(error)] * len(adapters)
    reasons = []
    for adapter, found in zip(adapters, logits, strict=True):
        difference = relative_difference(found, adapter.probe)
        true = is_rounding(model, difference, adapter.noise)
        reasons.append("" if true else f"its scores beside others differ by {difference:.2g} of their spread")
    return reasons


def _probe_stacked(base: Base, stacked: StackedAdapters, count: int) -> torch.Tensor:
    """(n, 2, vocabulary): the logits of all adapters for the two prompts, in one batch where that can be."""
    import torch

    model = unwrapped_model(base)
    requests = [
        DecodingRequest(2 * place + number, tokens, 1, None, place, stacked.virtual_tokens(place))
        for place in range(count)
        for number, tokens in enumerate(probe_prompts(model))
    ]
    found: dict[int, torch.Tensor] = {}
    for group in by_prefix(requests, stacked):
        logits = prefill_adapted(model, group, stacked, base.device).logits.float()
        found.update({request.number: row for request, row in zip(group, logits, strict=True)})
    return torch.stack([found[number] for number in range(len(requests))]).view(count, 2, -1)

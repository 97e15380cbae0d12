"""Activations in 16 bits on a GPU: what transformers and PEFT would do in 32 bits in between is left out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from harness import compat
from harness.modeling.base import Base


@contextlib.contextmanager
def sixteen_bit_activations(base: Base) -> Iterator[list[str]]:
    """Context manager for a training loop on a GPU; elsewhere it gives quantised bases their products alone.

    Norms, rotary embeddings, gated MLPs and LoRA layers run fused. And adapters, whose weights are in 32 bits, get the
    activations as they are: PEFT would cast them to 32 bits for dropout, and autocast back for the product. The value
    is the names of those weights that are cast to 16 bits in each product, so that `WorkingCopies` may be used.
    """
    from harness.modeling.quantized_products import QuantizedProducts

    if base.device.type != "cuda":
        with QuantizedProducts(base.model):
            yield []
        return
    if base.sharded:
        # Outside of a layer's forward pass a sharded layer has a part of its weight, which cannot be tried out.
        with inputs_as_they_are(base.model):
            yield []
        return
    from harness.modeling.fused_layers import FusedLayers
    from harness.modeling.low_rank import FusedLowRank

    low_rank = FusedLowRank(base.model)
    products = QuantizedProducts(base.model)
    with FusedLayers(base.model), low_rank, products, inputs_as_they_are(base.model):
        weights = {id(weight) for weight in low_rank.weights()}
        yield [name for name, weight in base.model.named_parameters() if id(weight) in weights]


@contextlib.contextmanager
def inputs_as_they_are(model: Any) -> Iterator[None]:
    """Context manager: PEFT's layers do not cast their inputs to the type of their weights."""
    layers = compat.layers_that_cast_inputs(model)
    for layer in layers:
        layer.cast_input_dtype_enabled = False
    try:
        yield
    finally:
        for layer in layers:
            layer.cast_input_dtype_enabled = True

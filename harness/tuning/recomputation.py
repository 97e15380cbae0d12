"""Activations that are recomputed in the backward pass instead of kept (gradient checkpointing), to save memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from harness import compat
from harness.modeling.base import Base, has_trained_prefix

NO_GRAPHS_REASON = "activations are recomputed to save memory"
"""Dropout must be the same in both passes. So the random state is set back, which no CUDA graph allows."""


def supports_recomputation(base: Base) -> bool:
    """Whether transformers can recompute the activations of this model, layer by layer.

    Not behind a trained prefix: it is in the KV cache, to which a second pass would add its keys once more.
    """
    return bool(_network(base).supports_gradient_checkpointing) and not has_trained_prefix(base.model)


@contextlib.contextmanager
def recomputed_activations(base: Base, enabled: bool) -> Iterator[None]:
    """Context manager: if `enabled`, of each layer only the input is kept."""
    if not enabled:
        yield
        return
    compat.recompute_activations(_network(base), True)
    try:
        yield
    finally:
        compat.recompute_activations(_network(base), False)


def _network(base: Base) -> Any:
    return base.model.get_base_model() if hasattr(base.model, "get_base_model") else base.model

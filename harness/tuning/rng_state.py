"""The states of random number generators in a checkpoint, so that a resumed run draws the same numbers."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness import processes
from harness.records import digest
from harness.tuning.checkpoints import Checkpoint

if TYPE_CHECKING:
    import torch


def rng_state() -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The states of all generators that a model or tuner may use: as tensors, and as JSON values."""
    import numpy as np
    import torch

    version, numbers, gauss = random.getstate()
    numpy: Any = np.random.get_state(legacy=True)  # noqa: NPY002 - others draw from it
    kind, keys, position, has_gauss, cached = numpy
    tensors = {"random.host": torch.get_rng_state(), "random.numpy": torch.from_numpy(keys.astype("int64"))}
    if torch.cuda.is_available():
        tensors["random.device"] = torch.cuda.get_rng_state()
    return tensors, {"python": [version, numbers, gauss], "numpy": [kind, position, has_gauss, cached]}


def set_rng_state(checkpoint: Checkpoint) -> None:
    """Restore the states of all generators from a checkpoint."""
    _restore(checkpoint.state, checkpoint.facts)


@contextlib.contextmanager
def kept_rng_state() -> Iterator[None]:
    """Context manager: after it all generators draw what they would have drawn without it."""
    tensors, facts = rng_state()
    try:
        yield
    finally:
        _restore(tensors, facts)


def _restore(tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
    import numpy as np
    import torch

    version, numbers, gauss = facts["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, *rest = facts["numpy"]
    np.random.set_state((kind, tensors["random.numpy"].numpy().astype("uint32"), *rest))  # noqa: NPY002
    torch.set_rng_state(tensors["random.host"])
    if "random.device" in tensors:
        torch.cuda.set_rng_state(tensors["random.device"])


def draw_apart(seed: int, step: int) -> None:
    """From this step on let each process but the first draw dropout of its own, the same after an interruption."""
    import torch

    if not processes.is_first():
        torch.manual_seed(int(digest([seed, step, processes.number()])[:15], 16))

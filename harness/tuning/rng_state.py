"""The states of random number generators in a checkpoint, so that a resumed run draws the same numbers."""

from __future__ import annotations

import random
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
    import numpy as np
    import torch

    version, numbers, gauss = checkpoint.facts["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, *rest = checkpoint.facts["numpy"]
    np.random.set_state((kind, checkpoint.state["random.numpy"].numpy().astype("uint32"), *rest))  # noqa: NPY002
    torch.set_rng_state(checkpoint.state["random.host"])
    if "random.device" in checkpoint.state:
        torch.cuda.set_rng_state(checkpoint.state["random.device"])


def draw_apart(seed: int, step: int) -> None:
    """From this step on let each process but the first draw dropout of its own, the same after an interruption."""
    import torch

    if not processes.is_first():
        torch.manual_seed(int(digest([seed, step, processes.number()])[:15], 16))

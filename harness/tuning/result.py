"""What a tuning run gave, beside the weights."""

from __future__ import annotations

from dataclasses import dataclass

from harness.records import added


@dataclass(frozen=True, slots=True)
class TuningResult:
    """The result of a tuning run: validation losses as (step, loss), the best of them, and the tokens trained on.

    `losses` are the training losses by step. `way` is "CUDA graphs" or "step by step", and `why` the reason for the
    second. `masks` is the reason for attention masks, empty without masks. `shapes` are those of the buckets, empty
    without bucketing: (rows, width, target positions). `processes` worked on it, each with its part of the rows, and
    with `sharded` each held a part of the base's weights.
    """

    history: tuple[tuple[int, float], ...]
    best_step: int
    best_loss: float
    steps: int
    tokens: int
    micro_batch: int
    truncated: int
    losses: tuple[float, ...] = ()
    way: str = "step by step"
    why: str = ""
    masks: str = ""
    shapes: tuple[tuple[int, int, int], ...] = ()
    processes: int = added(1)
    sharded: bool = added(False)

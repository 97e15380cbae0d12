"""What a user asks for, before names and defaults are resolved (`plan.resolve`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.records import added

LARGEST_SEED = 2**32 - 1
"""What numpy takes; torch takes more."""
NUMBERS: Mapping[str, Mapping[str, float]] = {
    "seed": {"least": 0, "most": LARGEST_SEED},
    "candidates": {"least": 1},
    "max_new_tokens": {"least": 1},
    "temperature": {"least": 0},
    "limit": {"least": 1},
    "k": {"least": 1},
}
"""The bounds of the numbers of a request, in the form of `harness.plugin.option`."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; None stands for the default.

    `thinking` and `thinking_tokens` control the reasoning of a model that is used through its chat template.
    """

    method: str
    task: str
    model: str | None = None
    revision: str | None = None
    data: Path | None = None
    metrics: tuple[str, ...] = ()
    ks: tuple[int, ...] = ()
    candidates: int | None = None
    max_new_tokens: int | None = None
    temperature: float | None = None
    limit: int | None = None
    seed: int = 42
    chat: bool | None = None
    trust_remote_code: bool = False
    hub: bool = False
    accept_unsafe: bool = False
    backend: str | None = None
    thinking: bool | None = added(None)
    thinking_tokens: int | None = added(None)
    whole_data: bool = False
    decoder: str | None = added(None)
    protocol: str | None = added(None)
    wait: bool = added(True)
    """Whether a run or tuning that another process makes is waited for; else that is an error."""
    stop_losers: bool = added(False)
    """Whether settings of a sweep that cannot win end early."""
    shard: bool | None = added(None)
    """Whether the base is spread over processes or GPUs; None where that depends on its size."""
    select: str | None = added(None)
    """The metric on the validation problems by which a sweep chooses its setting; None for the validation loss."""
    watch: str | None = added(None)
    """The metric that is looked at on a few validation problems while a method tunes."""
    split: str = added("test")
    """Whose problems are written for: "test", or "validation" to choose a setting."""

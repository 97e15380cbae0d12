"""Greedy decoding: one candidate, the most probable token at each step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness import hookimpl
from harness.plugin import Decoder
from harness.records import Sampling


class Greedy(Decoder):
    """One candidate, with the most probable token at each step."""

    name = "greedy"

    def settings(self, sampling: Sampling, config: Any) -> Sampling:
        """One candidate at temperature 0."""
        return replace(sampling, candidates=1, temperature=0.0)


@hookimpl
def harness_decoders() -> list[Decoder]:
    """The strategy."""
    return [Greedy()]

"""Beam search: as many beams as candidates, all of which are returned, best first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness import hookimpl
from harness.errors import UsageError
from harness.plugin import Decoder
from harness.records import Sampling


class BeamSearch(Decoder):
    """The most probable candidates of a beam search with a beam for each."""

    name = "beam-search"
    reference = "the study's decoding of CoNaLa and CodeAlpacaPy: arXiv:2308.10462, section 4.6"

    def settings(self, sampling: Sampling, config: Any) -> Sampling:
        """The task's settings at temperature 0."""
        if sampling.candidates == 1:
            raise UsageError("--decoder beam-search: one candidate is greedy decoding; add --candidates 2 or more")
        return replace(sampling, temperature=0.0)


@hookimpl
def harness_decoders() -> list[Decoder]:
    """The strategy."""
    return [BeamSearch()]

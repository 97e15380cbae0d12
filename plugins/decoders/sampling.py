"""Sampling with temperature, top-k, min-p and top-p, applied in this order.

Top-k: Fan et al., ACL 2018. Top-p (nucleus): Holtzman et al., ICLR 2020 (arXiv:1904.09751). Min-p: Nguyen et al., ICLR
2025 (arXiv:2407.01082).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness import hookimpl
from harness.plugin import Decoder, option
from harness.records import Sampling

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SamplingConfig:
    """The options of sampling; the defaults leave the task's settings as they are."""

    top_p: float = option(0.0, "sample from the likeliest tokens with this total; 0 for the task's", least=0, most=1)
    top_k: int = option(0, "sample from so many most probable tokens; 0 for all", least=0)
    min_p: float = option(0.0, "leave out tokens below this share of the most probable one", least=0, most=1)


class TokenSampling(Decoder):
    """Each candidate is drawn token by token, at --temperature."""

    name = "sampling"
    reference = "top-p: arXiv:1904.09751; min-p: arXiv:2407.01082"
    Config = SamplingConfig

    def settings(self, sampling: Sampling, config: SamplingConfig) -> Sampling:
        """The task's settings, with the top-p of the options."""
        sampling = super().settings(sampling, config)
        return replace(sampling, top_p=config.top_p) if config.top_p else sampling

    def process_logits(self, logits: torch.Tensor, config: SamplingConfig) -> torch.Tensor:
        """Exclude tokens by top-k and min-p."""
        import math

        if config.top_k:
            lowest = logits.topk(min(config.top_k, logits.shape[-1]), dim=-1).values[:, -1:]
            logits = logits.masked_fill(logits < lowest, -math.inf)
        if config.min_p:
            lowest = logits.amax(dim=-1, keepdim=True) + math.log(config.min_p)
            logits = logits.masked_fill(logits < lowest, -math.inf)
        return logits


@hookimpl
def harness_decoders() -> list[Decoder]:
    """The strategy."""
    return [TokenSampling()]

"""LoRA: low-rank updates beside frozen weights.

A weight W of the attention is replaced by W + (alpha / r) B A, where A (r x in) and B (out x r) are trained and B
starts at zero, so that tuning starts from the base. Hu et al., ICLR 2022 (arXiv:2106.09685), equation 3. The study
(section 4.6): r = 16, alpha = 32 on the query, key and value projections, learning rate 3e-4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness import hookimpl
from harness.modeling.base import Base
from harness.modeling.targets import attention, named, wrap
from harness.plugin import Method, TuningConfig, TuningMethod, option
from harness.records import Tuning


@dataclass(frozen=True)
class LoraConfig(TuningConfig):
    """The options of LoRA; the defaults are the study's."""

    r: int = option(16, "rank of the update matrices", least=1)
    alpha: int = option(32, "scale: updates count alpha / r times", least=1)
    dropout: float = option(0.05, "dropout on the input of the updates", least=0, most=1)
    targets: tuple[str, ...] = option((), "names of the adapted layers; empty for query, key and value")
    learning_rate: float = option(3e-4, "peak learning rate", above=0)
    epochs: float = option(5.0, "passes over the training problems, at most", above=0)


class Lora(TuningMethod):
    """Low-rank adaptation of the attention's query, key and value projections."""

    name = "lora"
    display_name = "LoRA"
    reference = "Hu et al., ICLR 2022 (arXiv:2106.09685); settings: arXiv:2308.10462, section 4.6"
    Config = LoraConfig

    def tuning(self, config: LoraConfig) -> Tuning:
        """The study's loop at this method's learning rate."""
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def adapt(self, base: Base, config: LoraConfig) -> Base:
        """Put trainable A and B beside each target layer; the base stays frozen."""
        import peft

        settings: Any = peft.LoraConfig(
            r=config.r,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=named(base.model, config.targets, f"{self.name}.targets") or attention(base.model),
        )
        return wrap(base, settings)


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [Lora()]

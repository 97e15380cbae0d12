"""Full fine-tuning: every weight is trained.

What parameter-efficient methods are measured against; the study ran it on its models below 1B parameters, at a
learning rate of 5e-5 (section 4.6), with 32-bit weights and 16-bit arithmetic, as here: 16-bit weights would round
updates of this size away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness import hookimpl
from harness.model import Base
from harness.plugin import Method, option
from harness.records import Tuning


@dataclass(frozen=True)
class FullConfig:
    """The options of full fine-tuning; the defaults are the study's."""

    learning_rate: float = option(5e-5, "peak learning rate")
    epochs: float = option(5.0, "passes over the training problems, at most")


class FullFt(Method):
    """Every weight of the model is trained."""

    name = "full-ft"
    reference = "Weyssow et al., arXiv:2308.10462, section 4.6"
    Config = FullConfig
    tunes = True

    def tuning(self, config: FullConfig) -> Tuning:
        """The study's loop at this method's learning rate."""
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def load_options(self, config: FullConfig) -> Mapping[str, Any]:
        """32-bit weights, also on an accelerator."""
        return {"dtype": "float32"}

    def adapt(self, base: Base, config: FullConfig) -> Base:
        """Unfreeze the whole model."""
        base.model.requires_grad_(True)
        return base


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [FullFt()]

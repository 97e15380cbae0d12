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
from harness.errors import ModelError
from harness.modeling.base import Base
from harness.plugin import Method, TuningConfig, TuningMethod, option
from harness.records import Tuning


@dataclass(frozen=True)
class FullConfig(TuningConfig):
    """The options of full fine-tuning; the defaults are the study's."""

    learning_rate: float = option(5e-5, "peak learning rate", above=0)
    epochs: float = option(5.0, "passes over the training problems, at most", above=0)


class FullFt(TuningMethod):
    """Every weight of the model is trained."""

    name = "full-ft"
    display_name = "full fine-tuning"
    reference = "Weyssow et al., arXiv:2308.10462, section 4.6"
    Config = FullConfig

    def tuning(self, config: FullConfig) -> Tuning:
        """The study's loop at this method's learning rate."""
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def load_options(self, config: FullConfig) -> Mapping[str, Any]:
        """32-bit weights, also on an accelerator."""
        return {"dtype": "float32"}

    def adapt(self, base: Base, config: FullConfig) -> Base:
        """Unfreeze the whole model.

        Raises:
            ModelError: its weights are quantised, and have no gradients.
        """
        if getattr(base.model, "is_quantized", False):
            raise ModelError(f"--model {base.spec.id}: full-ft cannot train quantised weights; use lora")
        base.model.requires_grad_(True)
        return base


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [FullFt()]

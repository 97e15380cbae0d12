"""DoRA: W' = m (W + B A) / ||W + B A||, with the norm taken over each output's row.

Liu et al., ICML 2024 (arXiv:2402.09353), equation 5. m starts as ||W|| and B at zero, so that tuning starts from the
base. The paper puts it on the attention and the feed-forward layers (its table 8: q, k, v, up, down) at half the rank
that LoRA needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness import hookimpl
from harness.plugin import Method, TuningConfig, TuningMethod, option
from harness.records import Tuning


@dataclass(frozen=True)
class DoraConfig(TuningConfig):
    """The options of DoRA."""

    r: int = option(16, "rank of the update of the direction")
    alpha: int = option(32, "scale: updates count alpha / r times")
    dropout: float = option(0.05, "dropout on the input of the updates")
    targets: tuple[str, ...] = option((), "names of the adapted layers; empty for attention and feed-forward")
    learning_rate: float = option(2e-4, "peak learning rate")
    epochs: float = option(5.0, "passes over the training problems, at most")


class Dora(TuningMethod):
    """Weight-decomposed low-rank adaptation: direction by LoRA, magnitude trained beside it."""

    name = "dora"
    reference = "Liu et al., ICML 2024 (arXiv:2402.09353), equation 5"
    Config = DoraConfig

    def tuning(self, config: DoraConfig) -> Tuning:
        """The shared loop at this method's learning rate."""
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def adapt(self, base: Any, config: DoraConfig) -> Any:
        """Put a magnitude and a low-rank direction on each target layer; the base stays frozen."""
        import peft

        from harness.modeling.targets import attention, feed_forward, wrap

        settings = peft.LoraConfig(
            r=config.r,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            use_dora=True,
            target_modules=list(config.targets) or [*attention(base.model), *feed_forward(base.model)],
        )
        return wrap(base, settings)


@hookimpl
def harness_methods() -> list[Method]:
    return [Dora()]

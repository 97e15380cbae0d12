"""IA3: learned scales on the attention's and the feed-forward layers' activations.

Keys, values and the inner feed-forward activations are multiplied by trained vectors that start at one. Liu et al.,
NeurIPS 2022 (arXiv:2205.05638), section 3.3. The study scales the query, key and value projections and every
feed-forward projection (the latter at their input), learning rate 3e-4 (section 4.6; its published scripts say 3e-3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness import hookimpl
from harness.modeling.base import Base
from harness.modeling.targets import attention, feed_forward, named, wrap
from harness.plugin import Method, TuningConfig, TuningMethod, option
from harness.records import Tuning


@dataclass(frozen=True)
class Ia3Config(TuningConfig):
    """The options of IA3; the defaults are the study's."""

    targets: tuple[str, ...] = option((), "names of the layers scaled at their output; empty for query, key and value")
    feed_forward: tuple[str, ...] = option((), "names of the layers scaled at their input; empty for the feed-forward")
    learning_rate: float = option(3e-4, "peak learning rate", above=0)
    epochs: float = option(5.0, "passes over the training problems, at most", above=0)


class Ia3(TuningMethod):
    """Trained scales on attention and feed-forward activations."""

    name = "ia3"
    display_name = "(IA)³"
    reference = "Liu et al., NeurIPS 2022 (arXiv:2205.05638); settings: arXiv:2308.10462, section 4.6"
    Config = Ia3Config

    def tuning(self, config: Ia3Config) -> Tuning:
        """The study's loop at this method's learning rate."""
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def adapt(self, base: Base, config: Ia3Config) -> Base:
        """Put a scale, one at first, on each target layer; the base stays frozen."""
        import peft

        inputs = named(base.model, config.feed_forward, "ia3.feed_forward") or feed_forward(base.model)
        outputs = named(base.model, config.targets, "ia3.targets") or attention(base.model)
        settings: Any = peft.IA3Config(target_modules=outputs + inputs, feedforward_modules=inputs)
        return wrap(base, settings)


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [Ia3()]

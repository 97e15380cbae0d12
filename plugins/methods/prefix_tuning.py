"""Prefix tuning: trained keys and values before every layer's own.

Li and Liang, ACL 2021 (arXiv:2101.00190), without the reparametrisation. The study's text says 20 virtual tokens; its
scripts use 10, and so do the parameter counts of its Table 3. Learning rate 3e-2 (section 4.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness import hookimpl
from harness.modeling.base import Base
from harness.modeling.targets import wrap
from harness.plugin import Method, TuningConfig, TuningMethod, option
from harness.records import Tuning


@dataclass(frozen=True)
class PrefixTuningConfig(TuningConfig):
    """The options of prefix tuning; the defaults are the study's."""

    virtual_tokens: int = option(10, "trained positions before each prompt, in every layer", least=1)
    learning_rate: float = option(3e-2, "peak learning rate", above=0)
    epochs: float = option(5.0, "passes over the training problems, at most", above=0)


class PrefixTuning(TuningMethod):
    """Trained keys and values of virtual tokens in every layer."""

    name = "prefix-tuning"
    display_name = "prefix tuning"
    reference = "Li and Liang, ACL 2021 (arXiv:2101.00190); settings: arXiv:2308.10462, section 4.6 and its scripts"
    Config = PrefixTuningConfig

    def tuning(self, config: PrefixTuningConfig) -> Tuning:
        """The study's loop at this method's learning rate."""
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def adapt(self, base: Base, config: PrefixTuningConfig) -> Base:
        """Put trained keys and values before those of every layer."""
        import peft

        settings: Any = peft.PrefixTuningConfig(num_virtual_tokens=config.virtual_tokens)
        return wrap(base, settings)


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [PrefixTuning()]

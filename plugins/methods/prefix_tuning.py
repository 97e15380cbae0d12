"""Prefix tuning: trained keys and values before every layer's own.

Li and Liang, ACL 2021 (arXiv:2101.00190), without the reparametrisation. The study's text says 20 virtual tokens; its
scripts use 10, and so do the parameter counts of its Table 3. Learning rate 3e-2 (section 4.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness import hookimpl
from harness.model import Base
from harness.plugin import Method, option
from harness.records import Tuning
from harness.targets import wrap


@dataclass(frozen=True)
class PrefixTuningConfig:
    """The options of prefix tuning; the defaults are the study's."""

    virtual_tokens: int = option(10, "trained positions before each prompt, in every layer")
    learning_rate: float = option(3e-2, "peak learning rate")
    epochs: float = option(5.0, "passes over the training problems, at most")


class PrefixTuning(Method):
    """Trained keys and values of virtual tokens in every layer."""

    name = "prefix-tuning"
    reference = "Li and Liang, ACL 2021 (arXiv:2101.00190); settings: arXiv:2308.10462, section 4.6 and its scripts"
    Config = PrefixTuningConfig
    tunes = True

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

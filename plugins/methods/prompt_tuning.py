"""Prompt tuning: trained embeddings before the prompt.

Only the embeddings of the virtual tokens are learned. Lester et al., EMNLP 2021 (arXiv:2104.08691). The study: 20
virtual tokens that start as the embeddings of an instruction, learning rate 3e-3 (section 4.6 and its scripts).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from harness import hookimpl
from harness.modeling.base import Base
from harness.modeling.targets import wrap
from harness.plugin import Method, TuningConfig, TuningMethod, option
from harness.records import Tuning


@dataclass(frozen=True)
class PromptTuningConfig(TuningConfig):
    """The options of prompt tuning; the defaults are the study's."""

    virtual_tokens: int = option(20, "trained embeddings before each prompt", least=1)
    init: str = option(
        "Generate Python code given a natural language instruction.",
        "text whose embeddings, repeated, are the start; empty for random numbers",
    )
    learning_rate: float = option(3e-3, "peak learning rate", above=0)
    epochs: float = option(5.0, "passes over the training problems, at most", above=0)


class PromptTuning(TuningMethod):
    """Trained embeddings of virtual tokens before each prompt."""

    name = "prompt-tuning"
    display_name = "prompt tuning"
    reference = "Lester et al., EMNLP 2021 (arXiv:2104.08691); settings: arXiv:2308.10462, section 4.6"
    Config = PromptTuningConfig

    def tuning(self, config: PromptTuningConfig) -> Tuning:
        """The study's loop at this method's learning rate."""
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def adapt(self, base: Base, config: PromptTuningConfig) -> Base:
        """Put virtual tokens before every prompt; encoder-decoder models get one set for each of the two."""
        import peft

        settings: Any = peft.PromptTuningConfig(num_virtual_tokens=config.virtual_tokens)
        adapted = wrap(base, settings)
        if config.init and base.tokenizer is not None:
            _start_from_text(adapted, config.init)
        return adapted


def _start_from_text(adapted: Base, text: str) -> None:
    """Set the virtual tokens to the embeddings of `text`, repeated until all are set.

    PEFT does the same, but writes this machine's path to the tokenizer into the adapter.
    """
    import torch

    table = adapted.model.prompt_encoder[adapted.model.active_adapter].embedding.weight
    tokens = adapted.tokenizer(text, add_special_tokens=False)["input_ids"]
    embedding = adapted.model.get_base_model().get_input_embeddings()
    ids = torch.tensor(list(islice(cycle(tokens), table.shape[0])), device=embedding.weight.device)
    with torch.no_grad():
        table.copy_(embedding(ids))


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [PromptTuning()]

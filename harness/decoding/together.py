"""Generation for several adapters of one base at once: their prompts share a running batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.decoding.adapter_support import unsupported_reasons
from harness.decoding.completions import token_limit
from harness.decoding.generate import (
    continuous_batch_size,
    continuous_batching_unsupported_reason,
    decoded,
    decoding_run,
)
from harness.decoding.inputs import unwrapped_model
from harness.decoding.sampling import LogitsFunction
from harness.decoding.scheduler import QueuedPrompt
from harness.decoding.stacked_adapters import Adapter, StackedAdapters
from harness.extract import AnswerExtractor
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.records import Completion, Sampling


@dataclass(frozen=True)
class AdapterPrompts:
    """The prompts that one adapter is to answer, and the seed of its random numbers.

    `extractors` has one for each prompt, by default the stop strings alone. `done` are the ids of prompts that have
    their completions already.
    """

    adapter: Adapter
    prompts: Sequence[Prompt]
    seed: int
    extractors: Sequence[AnswerExtractor] = ()
    done: frozenset[str] = field(default=frozenset())


def together_unsupported_reasons(base: Base, adapters: Sequence[Adapter]) -> list[str]:
    """Why each adapter cannot be decoded in one batch with the others, "" where it can; `base` carries none of them."""
    if reason := continuous_batching_unsupported_reason(base):
        return [reason] * len(adapters)
    return unsupported_reasons(base, adapters)


def generate_together(
    base: Base,
    parts: Sequence[AdapterPrompts],
    sampling: Sampling,
    *,
    batch: int,
    on_batch_reduced: Callable[[int], None] = lambda _: None,
    process_logits: LogitsFunction | None = None,
    on_step: Callable[[Sequence[tuple[int, int]]], None] = lambda _: None,
) -> Iterator[tuple[int, Prompt, tuple[Completion, ...]]]:
    """The completions of every prompt of every part that is not done, each with the number of its part.

    They are those that `generate` gives with the adapter alone. Call it only where `together_unsupported_reasons` are
    "" and `base` carries no adapter. The other arguments are those of `generate`.

    Raises:
        ModelError: not even one problem at a time fits in memory.
    """
    stacked = StackedAdapters(unwrapped_model(base), [part.adapter for part in parts])
    queued, extractors, places = [], list[AnswerExtractor](), []
    for place, part in enumerate(parts):
        plain = [AnswerExtractor(stop=sampling.stop)] * len(part.prompts)
        extractors += part.extractors or plain
        for prompt in part.prompts:
            limit = token_limit(base, prompt, sampling, part.adapter.virtual_tokens)
            queued.append(QueuedPrompt(prompt, limit, part.seed, place, prompt.id in part.done))
            places.append(place)
    run = replace(decoding_run(base, sampling, extractors, process_logits), adapters=stacked, on_step=on_step)
    for number, completions in decoded(run, queued, extractors, batch, on_batch_reduced):
        yield places[number], queued[number].prompt, completions


def batch_size_together(base: Base, parts: Sequence[AdapterPrompts], sampling: Sampling) -> int:
    """How many problems fit in free memory at once: each has keys and values of its whole prompt."""
    longest = max(part.adapter.virtual_tokens + len(prompt.tokens) for part in parts for prompt in part.prompts)
    return continuous_batch_size(base, longest + sampling.candidates * sampling.longest, sampling)

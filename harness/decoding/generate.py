"""Generation: prompts in, completions out, batched across problems.

A model whose attention can be replaced is decoded with continuous batching (`scheduler`), others in static batches
(`static_batch`). Prompts are sorted by length,
longest first, so that batches need little padding and memory runs out at the start if at all.

The completions of a problem are yielded as soon as it, or its batch, is finished. When memory runs out, the batch size
is halved and finished problems are kept. Batches and random numbers depend only on the run and not on what an earlier
attempt had finished, so an interrupted run ends with the completions of an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.decoding.cache import padding_shifts_prefix
from harness.decoding.completions import (
    TOO_LARGE,
    beam_eos_token_ids,
    completions_of,
    eos_token_ids,
    is_beam_search,
    token_limit,
)
from harness.decoding.inputs import unwrapped_model
from harness.decoding.sampling import LogitsFunction
from harness.decoding.static_batch import StaticBatchDecoder, static_batches
from harness.errors import ModelError
from harness.extract import AnswerExtractor
from harness.modeling.base import Base, has_trained_prefix
from harness.modeling.kv_cache import has_plain_kv_cache, probe_kv_cache
from harness.modeling.prompts import Prompt
from harness.records import Completion, Sampling

if TYPE_CHECKING:
    from harness.decoding.scheduler import DecodingRun, QueuedPrompt

PromptCompletions = tuple[Prompt, tuple[Completion, ...]]
_CPU_BEAM_BATCH = 8  # larger batches are no faster on a CPU (measured at 4M to 28M parameters)
_CPU_SAMPLING_BATCH = 30  # finished rows leave the batch, so a large one wastes nothing
_GPU_STATIC_BATCH = 64
_GPU_CONTINUOUS_BATCH = 256
_SHARE_OF_FREE_MEMORY = 0.8
_LOGITS_COPIES = 6
"""Copies of one step's logits that are in memory at once: logits, log-probabilities, work space of sorting."""


def generate(
    base: Base,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    seed: int,
    *,
    batch: int,
    extractors: Mapping[str, AnswerExtractor] | None = None,
    done: frozenset[str] = frozenset(),
    on_batch_reduced: Callable[[int], None] = lambda _: None,
    process_logits: LogitsFunction | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Iterator[PromptCompletions]:
    """The completions of every prompt whose id is not in `done`.

    Args:
        base: the model, with or without an adapter.
        prompts: one for each problem.
        sampling: how many candidates, how long, and how tokens are chosen.
        seed: of the random numbers.
        batch: how many problems are decoded at a time; see `batch_size`.
        extractors: by problem id, how the answer is found in a completion; by default by the stop strings alone.
        done: ids of problems that have completions already.
        on_batch_reduced: called with the new batch size when memory ran out.
        process_logits: the decoder's function of logits (`harness.plugin.Decoder.process_logits`).
        on_step: called before each step of all that are decoded at a time; what it raises ends the decoding.

    Raises:
        ModelError: not even one problem at a time fits in memory.
    """
    by_id = extractors or dict.fromkeys((prompt.id for prompt in prompts), AnswerExtractor(stop=sampling.stop))
    if not continuous_batching_unsupported_reason(base):
        yield from _continuous_batching(
            base, prompts, sampling, seed, batch, by_id, done, on_batch_reduced, process_logits, on_step
        )
        return
    static = StaticBatchDecoder(base, by_id, sampling, seed, on_batch_reduced, process_logits, on_step)
    for chunk in static_batches(base, prompts, sampling, batch):
        if all(prompt.id in done for prompt in chunk):
            continue
        for prompt, completions in static.run(chunk):
            if prompt.id not in done:
                yield prompt, completions


def continuous_batching_unsupported_reason(base: Base) -> str:
    """Why the model is not decoded with continuous batching; "" where it is."""
    from harness.decoding.support import unsupported_reason

    if len(set(getattr(unwrapped_model(base), "hf_device_map", {}).values())) > 1:
        return "its layers are on several GPUs"
    if has_trained_prefix(base.model) and padding_shifts_prefix(unwrapped_model(base)):
        return "its windows are counted in places, and trained keys and values stand before the prompt"
    return unsupported_reason(unwrapped_model(base))


def _continuous_batching(
    base: Base,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    seed: int,
    batch: int,
    extractors: Mapping[str, AnswerExtractor],
    done: frozenset[str],
    on_batch_reduced: Callable[[int], None],
    process_logits: LogitsFunction | None,
    on_step: Callable[[], None],
) -> Iterator[PromptCompletions]:
    from harness.decoding.scheduler import QueuedPrompt, prefill_shared_prefix

    in_order = [extractors[prompt.id] for prompt in prompts]
    run = replace(decoding_run(base, sampling, in_order, process_logits), on_step=on_step)
    run = prefill_shared_prefix(run, prompts)
    limits = [token_limit(base, prompt, sampling) for prompt in prompts]
    queued = [
        QueuedPrompt(prompt, limit, seed, done=prompt.id in done) for prompt, limit in zip(prompts, limits, strict=True)
    ]
    for number, completions in decoded(run, queued, in_order, batch, on_batch_reduced):
        yield prompts[number], completions


def decoding_run(
    base: Base, sampling: Sampling, extractors: Sequence[AnswerExtractor], process_logits: LogitsFunction | None
) -> DecodingRun:
    """What is the same for all prompts of a run with continuous batching; `extractors` has one for each."""
    from harness.decoding.host_state import StopChecker
    from harness.decoding.scheduler import DecodingRun

    end_tokens = beam_eos_token_ids(base) if is_beam_search(sampling) else eos_token_ids(base)
    return DecodingRun(base, sampling, sorted(end_tokens), StopChecker(base.tokenizer, extractors), process_logits)


def decoded(
    run: DecodingRun,
    queued: Sequence[QueuedPrompt],
    extractors: Sequence[AnswerExtractor],
    batch: int,
    on_batch_reduced: Callable[[int], None],
) -> Iterator[tuple[int, tuple[Completion, ...]]]:
    """The index and the completions of every prompt that is not done, by continuous batching.

    Raises:
        ModelError: not even one problem at a time fits in memory.
    """
    from harness.decoding.scheduler import RequestTooLargeError, decode_continuously

    base, sampling = run.base, run.sampling
    try:
        for output in decode_continuously(run, queued, batch, on_batch_reduced):
            extractor, limit = extractors[output.number], queued[output.number].limit
            found = completions_of(base, output.candidates, output.scores, extractor, sampling, limit)
            yield output.number, found
    except RequestTooLargeError as error:
        raise ModelError(TOO_LARGE.format(error)) from None


def batch_size(base: Base, prompts: Sequence[Prompt], sampling: Sampling) -> int:
    """How many problems fit in free memory at once: KV cache and logits of all candidates of the longest prompt."""
    import torch

    if base.device.type != "cuda" or not continuous_batching_unsupported_reason(base):
        from harness.decoding.scheduler import columns_per_request

        return continuous_batch_size(base, columns_per_request(base, prompts, sampling), sampling)
    sampled = sampling.temperature > 0
    free = torch.cuda.mem_get_info()[0] * _SHARE_OF_FREE_MEMORY
    logits = 4 * int(base.text_config.vocab_size)  # in 32 bits
    longest = max((len(p.tokens) for p in prompts), default=1) + sampling.longest
    cache = kv_bytes_per_token(base) * longest
    logits *= _LOGITS_COPIES + (0 if sampled else sampling.longest)  # a beam search keeps those of every step
    return max(1, min(_GPU_STATIC_BATCH, int(free / (sampling.candidates * (cache + logits)))))


def continuous_batch_size(base: Base, columns: int, sampling: Sampling) -> int:
    """How many problems with at most so many `columns` of keys and values fit in a running batch."""
    import torch

    if base.device.type != "cuda":
        return _CPU_SAMPLING_BATCH if sampling.temperature > 0 else _CPU_BEAM_BATCH
    free = torch.cuda.mem_get_info()[0] * _SHARE_OF_FREE_MEMORY
    logits = 4 * int(base.text_config.vocab_size) * sampling.candidates * _LOGITS_COPIES  # in 32 bits
    return max(1, min(_GPU_CONTINUOUS_BATCH, int(free / (kv_bytes_per_token(base) * columns + logits))))


def kv_bytes_per_token(base: Base) -> int:
    """Bytes of keys and values per token of one candidate, in all layers.

    Measured where the model has a plain KV cache. Otherwise estimated from the configuration for 16 bits, as if every
    layer had keys and values; a recurrent layer needs less.
    """
    model = unwrapped_model(base)
    if not base.seq2seq and has_plain_kv_cache(model):
        tensors = [tensor for pair in probe_kv_cache(model) if pair is not None for tensor in pair]
        return int(sum(tensor.numel() * tensor.element_size() for tensor in tensors) // 2)
    config = base.text_config
    layers = getattr(config, "num_hidden_layers", None) or config.num_layers
    return 2 * 2 * int(layers) * int(config.hidden_size) * (2 if base.seq2seq else 1)

"""Continuous batching: the requests of a run, sorted by length, fill a running batch as its indices become free.

Requests are taken in waves, each a few times the batch size. An interrupted run forms the same waves again and decodes
an unfinished wave from its start, so that no completion depends on what an earlier attempt had finished.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.decoding.beam_search import BeamSearch
from harness.decoding.cache import forward, mask_and_positions
from harness.decoding.host_state import StopChecker
from harness.decoding.inputs import unwrapped_model
from harness.decoding.prefill import DecodingRequest
from harness.decoding.running_batch import DecodingOutput, RunningBatch
from harness.decoding.sampler import Sampler
from harness.decoding.sampling import LogitsFunction, uniform_numbers
from harness.decoding.slot_cache import CacheShape, new_prefill_cache, shared_prefix_length
from harness.decoding.stacked_adapters import StackedAdapters
from harness.modeling import memory
from harness.modeling.base import Base, has_trained_prefix
from harness.modeling.prompts import Prompt
from harness.records import Sampling

_WAVE_FACTOR, _WAVE_FACTOR_ON_GPU = 4, 16
"""Requests of a wave per batch index; on a GPU more, since each wave captures its steps anew."""
_MIN_SHARED_PREFIX = 16
"""Tokens from which on a shared prefix is stored once: a shorter one costs more than it saves."""
_REFILL_FRACTION = 8
"""Waiting requests enter when this part of the batch (1/8) is free, so that several prompts share a prefill."""


_ALIGNMENT = 8
"""On a GPU columns are a multiple of this: of others its matrix products are several times slower."""


class RequestTooLargeError(Exception):
    """Not even one request at a time fits in memory; the message is its problem's id."""


@dataclass(frozen=True)
class QueuedPrompt:
    """A prompt to decode, the tokens it may get, and the seed of its random numbers.

    `adapter` is the place of its adapter among those of the run. One that is `done` takes part in its wave again, so
    that the batches are those of an earlier attempt, but is not yielded.
    """

    prompt: Prompt
    limit: int
    seed: int
    adapter: int = 0
    done: bool = False


@dataclass(frozen=True)
class DecodingRun:
    """What is the same for all requests of a run.

    `prefix_cache` is a cache of one row with the `prefix_columns` that all prompts begin with; they hold the first
    `shared_tokens` tokens of each prompt, behind what was trained. `process_logits` is the decoder's; `on_step`
    is called before each step of the batch.
    """

    base: Base
    sampling: Sampling
    eos_token_ids: Sequence[int]
    stop_checker: StopChecker
    process_logits: LogitsFunction | None = None
    on_step: Callable[[], None] = lambda: None
    prefix_cache: Any = None
    prefix_columns: int = 0
    shared_tokens: int = 0
    adapters: StackedAdapters | None = None
    """Those of the prompts, on a base that carries none; then there is no shared prefix."""

    def request(self, number: int, queued: QueuedPrompt) -> DecodingRequest:
        """A prompt as a request; where tokens are sampled, with its random numbers."""
        prompt, limit, count = queued.prompt, queued.limit, self.sampling.candidates
        sampled = self.sampling.temperature > 0
        uniforms = uniform_numbers(queued.seed, prompt.id, count, limit) if sampled else None
        tokens = prompt.tokens[self.shared_tokens :]
        return DecodingRequest(number, tokens, limit, uniforms, queued.adapter, self._own_virtual_tokens(queued))

    def columns(self, queued: QueuedPrompt) -> int:
        """Columns of keys and values that a prompt takes behind the shared prefix."""
        return self._own_virtual_tokens(queued) + len(queued.prompt.tokens) - self.shared_tokens

    def _own_virtual_tokens(self, queued: QueuedPrompt) -> int:
        return 0 if self.adapters is None else self.adapters.virtual_tokens(queued.adapter)


def decode_continuously(
    run: DecodingRun, prompts: Sequence[QueuedPrompt], batch_size: int, on_batch_reduced: Callable[[int], None]
) -> Iterator[DecodingOutput]:
    """The candidates of every prompt that is not done, each as soon as it is finished.

    A request's number is the index of its prompt. When memory runs out, the batch size is halved and
    `on_batch_reduced` is called with the new one.

    Raises:
        RequestTooLargeError: memory runs out with one request alone.
    """
    order = sorted(range(len(prompts)), key=lambda i: (-run.columns(prompts[i]), prompts[i].prompt.id, i))
    wave_size = batch_size * (_WAVE_FACTOR_ON_GPU if _on_gpu(run.base) else _WAVE_FACTOR)
    for start in range(0, len(order), wave_size):
        waiting = {i: run.request(i, prompts[i]) for i in order[start : start + wave_size]}
        while any(not prompts[number].done for number in waiting):
            try:
                for output in _decode_wave(run, list(waiting.values()), batch_size):
                    del waiting[output.number]
                    if not prompts[output.number].done:
                        yield output
                continue
            except RuntimeError as error:
                if not memory.is_out_of_memory(error):
                    raise
            memory.release()
            if batch_size == 1:
                raise RequestTooLargeError(prompts[next(iter(waiting))].prompt.id)
            batch_size = (batch_size + 1) // 2
            on_batch_reduced(batch_size)


def _on_gpu(base: Base) -> bool:
    return base.device.type == "cuda"


def _decode_wave(run: DecodingRun, wave: Sequence[DecodingRequest], batch_size: int) -> Iterator[DecodingOutput]:
    import torch

    size = min(batch_size, len(wave))
    with torch.inference_mode():
        batch = _running_batch(run, wave, size)
    queue = deque(wave)
    while queue or batch.num_running:
        run.on_step()
        with torch.inference_mode():
            outputs = batch.collect_finished() if batch.num_running else []
            if queue and (batch.num_running == 0 or batch.num_free >= max(1, size // _REFILL_FRACTION)):
                batch.add([queue.popleft() for _ in range(min(len(queue), batch.num_free))])
            if not queue:
                batch.shrink()
            if batch.num_running:
                batch.launch_step()
        yield from outputs


def _running_batch(run: DecodingRun, wave: Sequence[DecodingRequest], batch_size: int) -> RunningBatch:
    base, sampling = run.base, run.sampling
    alignment = _ALIGNMENT if _on_gpu(base) else 1
    max_new_tokens = _round_up(max(request.limit for request in wave), alignment)
    prompt_tokens = _round_up(max(request.columns for request in wave), alignment)
    shape = CacheShape(batch_size, sampling.candidates, max_new_tokens, prompt_tokens, run.prefix_columns)
    search: BeamSearch | Sampler
    if sampling.temperature == 0 and sampling.candidates > 1:
        search = BeamSearch(
            batch_size, sampling.candidates, max_new_tokens, run.eos_token_ids, base.device, run.process_logits
        )
    else:
        search = Sampler(batch_size, max_new_tokens, run.eos_token_ids, base.device, sampling, run.process_logits)
    model = unwrapped_model(base)
    static = _on_gpu(base)
    cache, checker = run.prefix_cache, run.stop_checker
    return RunningBatch(model, shape, search, cache, checker, static_shapes=static, adapters=run.adapters)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def columns_per_request(base: Base, prompts: Sequence[Prompt], sampling: Sampling) -> int:
    """Columns of the KV cache that one request needs at most: its own prompt tokens, and a slot for each new token."""
    longest = max((len(prompt.tokens) for prompt in prompts), default=1)
    return longest - _shared_prefix_tokens(base, prompts) + sampling.candidates * sampling.longest


def _shared_prefix_tokens(base: Base, prompts: Sequence[Prompt]) -> int:
    """Tokens that all prompts begin with and that are stored once."""
    shared = shared_prefix_length([prompt.tokens for prompt in prompts]) if len(prompts) > 1 else 0
    unaligned = (base.virtual_tokens + shared) % _ALIGNMENT if _on_gpu(base) else 0
    shared -= unaligned if shared >= unaligned else 0
    return shared if base.virtual_tokens or shared >= _MIN_SHARED_PREFIX else 0


def prefill_shared_prefix(run: DecodingRun, prompts: Sequence[Prompt]) -> DecodingRun:
    """`run` with the shared prefix in its cache: trained keys and values, virtual tokens, then shared prompt tokens."""
    import torch

    base, shared = run.base, _shared_prefix_tokens(run.base, prompts)
    if not base.virtual_tokens and not shared:
        return run
    model = unwrapped_model(base)
    with torch.inference_mode():
        trained = base.model.get_prompt(batch_size=1) if has_trained_prefix(base.model) else None
        cache = new_prefill_cache(model, trained)
        ids = torch.tensor([prompts[0].tokens[:shared]], dtype=torch.long, device=base.device)
        tokens = {"input_ids": ids}
        if base.virtual_tokens and trained is None:
            embeddings = model.get_input_embeddings()(ids)
            # Virtual tokens are trained in 32 bits; the model expects the precision of its own embeddings.
            virtual = base.model.get_prompt(batch_size=1).to(embeddings.dtype)
            tokens = {"inputs_embeds": torch.cat([virtual, embeddings], dim=1)}
        count = next(iter(tokens.values())).shape[1]
        if count:
            ones = torch.ones(1, count, dtype=torch.long, device=base.device)
            mask, positions = mask_and_positions(cache, ones)
            forward(model, tokens, mask, positions, cache)
    return replace(run, prefix_cache=cache, prefix_columns=cache.get_seq_length(), shared_tokens=shared)

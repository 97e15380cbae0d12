"""The one generation loop: prompts in, completions out, batched across problems.

Prompts are sorted by length, longest first, so that batches pad little and memory runs out at the start if it does at
all. Each problem's completions are yielded as soon as its batch is done. When memory runs out the batch is halved;
nothing that was finished is lost. Batches and random numbers depend only on the run, never on what an earlier attempt
had finished, so an interrupted run ends with the completions of an undisturbed one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness import memory
from harness.cache import behind, new_cache, read
from harness.errors import ModelError
from harness.extract import cut
from harness.model import Base, is_prefix
from harness.prompts import Prompt
from harness.records import Completion, Sampling
from harness.sample import sample

Finished = tuple[Prompt, tuple[Completion, ...]]
_CPU_BATCH = 8  # beams: larger batches are no faster on a CPU (measured at 4M to 28M parameters)
_CPU_SAMPLED = 30  # samples: finished rows leave the batch, so a large one wastes nothing
_GPU_BATCH = 64
_SHARE_OF_FREE_MEMORY = 0.8
_STEP_SCORES = 6
"""Copies of one step's scores that are held while it chooses: logits, log-probabilities, and work room of sorting."""


def generate(
    base: Base,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    seed: int,
    *,
    batch: int,
    done: frozenset[str] = frozenset(),
    lowered: Callable[[int], None] = lambda _: None,
) -> Iterator[Finished]:
    """Completions for every prompt whose id is not in `done`, a batch at a time.

    `batch` is the number of problems in a batch (see `batch_size`); `lowered` hears the new one when memory ran out.

    Raises:
        ModelError: not even one problem at a time fits the memory.
    """
    for chunk in batches(base, prompts, sampling, batch):
        if all(prompt.id in done for prompt in chunk):
            continue
        for prompt, completions in _with_room(base, chunk, sampling, seed, lowered):
            if prompt.id not in done:
                yield prompt, completions


def batches(base: Base, prompts: Sequence[Prompt], sampling: Sampling, size: int) -> Iterator[list[Prompt]]:
    """Prompts of one token limit and like lengths, longest first; the same for every attempt at a run."""
    groups: dict[int, list[Prompt]] = {}
    for prompt in prompts:
        groups.setdefault(token_limit(base, prompt, sampling), []).append(prompt)
    for limit in sorted(groups):
        ordered = sorted(groups[limit], key=lambda p: (-len(p.tokens), p.id))
        yield from (ordered[i : i + size] for i in range(0, len(ordered), size))


def token_limit(base: Base, prompt: Prompt, sampling: Sampling) -> int:
    """New tokens that a prompt leaves room for; it depends on nothing that shares its batch."""
    if base.seq2seq:
        return sampling.max_new_tokens
    room = base.context - len(prompt.tokens) - base.virtual_tokens
    return min(sampling.max_new_tokens, max(32, room // 32 * 32))


def batch_size(base: Base, prompts: Sequence[Prompt], sampling: Sampling) -> int:
    """How many problems fit at once: keys, values and scores of the longest prompt's candidates, in free memory."""
    import torch

    sampled = sampling.temperature > 0
    if base.device.type != "cuda":
        return _CPU_SAMPLED if sampled else _CPU_BATCH
    longest = max((len(p.tokens) for p in prompts), default=1) + sampling.max_new_tokens
    config = base.model.config
    layers = int(getattr(config, "num_hidden_layers", None) or config.num_layers)
    heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    cache = 2 * 2 * layers * heads * width * longest  # keys and values in 16 bit
    # In 32 bits; a beam search keeps those of every step.
    scores = 4 * int(config.vocab_size) * (_STEP_SCORES + (0 if sampled else sampling.max_new_tokens))
    free, _ = torch.cuda.mem_get_info()
    return max(1, min(_GPU_BATCH, int(free * _SHARE_OF_FREE_MEMORY / (sampling.candidates * (cache + scores)))))


def _with_room(
    base: Base, chunk: list[Prompt], sampling: Sampling, seed: int, lowered: Callable[[int], None]
) -> Iterator[Finished]:
    """One batch; on running out of memory its halves."""
    finished = None
    try:
        finished = _batch(base, chunk, sampling, seed)
    except RuntimeError as error:
        if not memory.ran_out(error):
            raise
    if finished is not None:
        yield from zip(chunk, finished, strict=True)
        return
    if len(chunk) == 1:
        raise ModelError(f"out of memory while writing for problem {chunk[0].id} alone; ask for fewer candidates")
    memory.release()
    half = (len(chunk) + 1) // 2
    lowered(half)
    yield from _with_room(base, chunk[:half], sampling, seed, lowered)
    yield from _with_room(base, chunk[half:], sampling, seed, lowered)


def _batch(base: Base, chunk: list[Prompt], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
    import torch

    limit = token_limit(base, chunk[0], sampling)
    with torch.inference_mode():
        if sampling.temperature > 0 and not base.seq2seq:
            rows, logprobs = _sampled(base, chunk, sampling, seed, limit), None
        else:
            rows, logprobs = _generated(base, chunk, sampling, seed, limit)
    scores = [None] * len(rows) if logprobs is None else [round(score, 6) for score in logprobs]
    found = [_completion(base, row, score, sampling, limit) for row, score in zip(rows, scores, strict=True)]
    n = sampling.candidates
    return [tuple(found[i * n : (i + 1) * n]) for i in range(len(chunk))]


def _sampled(base: Base, chunk: list[Prompt], sampling: Sampling, seed: int, limit: int) -> list[list[int]]:
    import torch
    from transformers import StopStringCriteria

    ends = torch.tensor(sorted(_end_tokens(base)), device=base.device)
    words = StopStringCriteria(base.tokenizer, list(sampling.stop)) if sampling.stop else None

    def stop(tokens: Any) -> Any:
        ended = torch.isin(tokens[:, -1], ends)
        return ended if words is None else ended | words(tokens, None)

    inputs = _inputs(base, chunk)
    model, prefix = _inner(base), _prefix(base, chunk)
    return sample(model, inputs, prefix, [prompt.id for prompt in chunk], sampling, seed, limit, stop)


def _generated(
    base: Base, chunk: list[Prompt], sampling: Sampling, seed: int, limit: int
) -> tuple[list[list[int]], list[float] | None]:
    """By transformers' `generate`: beam search, greedy search, and sampling from encoder-decoder models."""
    import torch

    torch.manual_seed(_seed(seed, chunk))
    inputs = _inputs(base, chunk)
    if not base.seq2seq:
        inputs = _read(base, chunk, inputs, sampling.candidates)
    output = (base.model if base.seq2seq else _inner(base)).generate(**inputs, **_options(base, sampling, limit))
    scores = getattr(output, "sequences_scores", None)
    rows: list[list[int]] = output.sequences[:, 1:].tolist()  # behind the start token, or the last of the prompt
    return rows, None if scores is None else scores.tolist()


def _read(base: Base, chunk: list[Prompt], inputs: dict[str, Any], beams: int) -> dict[str, Any]:
    """What `generate` needs to go on after the prompts: all but the last token of each is read here, once."""
    import torch

    model = _inner(base)
    cache = new_cache(model, _prefix(base, chunk))
    mask, places = behind(cache, inputs["attention_mask"])
    prompts = {name: value[:, :-1] for name, value in inputs.items() if name != "attention_mask"}
    if places.shape[1] > 1:
        read(model, prompts, mask[:, :-1], places[:, :-1], cache)
    cache.batch_repeat_interleave(beams)
    last = torch.tensor([prompt.tokens[-1:] for prompt in chunk], device=base.device)
    return {"input_ids": last, "attention_mask": mask, "past_key_values": cache}


def _seed(seed: int, chunk: list[Prompt]) -> int:
    """Random state of a batch: the run's seed and the problems in it."""
    text = "\0".join([str(seed), *(prompt.id for prompt in chunk)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _inner(base: Base) -> Any:
    """The model itself: layers adapted in place are part of it, virtual tokens are in `_inputs` or `_prefix`."""
    return base.model.get_base_model() if hasattr(base.model, "get_base_model") else base.model


def _prefix(base: Base, chunk: list[Prompt]) -> Any:
    """Trained keys and values before each prompt, or None."""
    return base.model.get_prompt(batch_size=len(chunk)) if is_prefix(base.model) else None


def _inputs(base: Base, chunk: list[Prompt]) -> dict[str, Any]:
    """Padded tensors of the prompts.

    A decoder's prompt is padded on the left, where its continuation does not see it; an encoder's on the right, so that
    nothing comes between virtual tokens and the prompt.
    """
    import torch

    width = max(len(prompt.tokens) for prompt in chunk)
    pad = base.tokenizer.pad_token_id
    gaps = [width - len(prompt.tokens) for prompt in chunk]
    ids = torch.tensor([[pad] * gap + list(p.tokens) for gap, p in zip(gaps, chunk, strict=True)], device=base.device)
    mask = torch.tensor([[0] * gap + [1] * (width - gap) for gap in gaps], device=base.device)
    if base.seq2seq:
        # Each row turned by its own gap: what stood before the prompt stands behind it.
        order = torch.tensor([[*range(gap, width), *range(gap)] for gap in gaps], device=base.device)
        return {"input_ids": ids.gather(1, order), "attention_mask": mask.gather(1, order)}
    if _virtual_embeddings(base):
        return _behind_virtual_tokens(base, ids, mask)
    return {"input_ids": ids, "attention_mask": mask}


def _virtual_embeddings(base: Base) -> bool:
    """Whether an adapter puts trained embeddings before the prompt (prompt tuning and its kin, not prefix tuning)."""
    config = getattr(base.model, "active_peft_config", None)
    if config is None or not config.is_prompt_learning or base.seq2seq:
        return False
    return not is_prefix(base.model)


def _behind_virtual_tokens(base: Base, ids: Any, mask: Any) -> dict[str, Any]:
    """[padding][virtual][prompt] as embeddings.

    PEFT itself builds [virtual][padding][prompt], which makes a completion depend on its batch (peft issue 1093).
    """
    import torch

    words = base.model.get_base_model().get_input_embeddings()(ids)
    # Trained in 32 bits; the model reads the precision of its own embeddings.
    virtual = base.model.get_prompt(batch_size=ids.shape[0]).to(words.dtype)
    count, width = virtual.shape[1], ids.shape[1]
    joined = torch.cat([virtual, words], dim=1)
    attended = torch.cat([mask.new_ones(ids.shape[0], count), mask], dim=1)
    gaps = (mask == 0).sum(dim=1).tolist()
    order = torch.tensor(
        [[*range(count, count + gap), *range(count), *range(count + gap, count + width)] for gap in gaps],
        device=ids.device,
    )
    return {
        "inputs_embeds": joined.gather(1, order[..., None].expand_as(joined)),
        "attention_mask": attended.gather(1, order),
    }


def _options(base: Base, sampling: Sampling, limit: int) -> dict[str, Any]:
    options: dict[str, Any] = {
        "max_new_tokens": limit,
        "num_return_sequences": sampling.candidates,
        "pad_token_id": base.tokenizer.pad_token_id,
        "return_dict_in_generate": True,
        "use_cache": True,
    }
    if sampling.temperature > 0:
        options |= {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    else:
        beams = sampling.candidates
        options |= {"do_sample": False, "num_beams": beams, "temperature": None, "top_p": None, "top_k": None}
        options |= {"output_scores": True} if beams > 1 else {}
    if sampling.stop:
        options |= {"stop_strings": list(sampling.stop), "tokenizer": base.tokenizer}
    return options


def _completion(base: Base, tokens: list[int], logprob: float | None, sampling: Sampling, limit: int) -> Completion:
    eos = _end_tokens(base)
    end = next((i for i, token in enumerate(tokens) if token in eos), len(tokens))
    count = min(end + 1, len(tokens))
    text = base.tokenizer.decode(tokens[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    kept = cut(text, sampling.stop)
    finish = "stop" if end < len(tokens) or len(kept) < len(text) or len(tokens) < limit else "length"
    return Completion(kept, count, logprob, finish)


def _end_tokens(base: Base) -> frozenset[int]:
    found = {base.tokenizer.eos_token_id, base.tokenizer.pad_token_id}
    extra = getattr(base.model.generation_config, "eos_token_id", None)
    return frozenset(found | set(extra if isinstance(extra, list) else [extra]) - {None})

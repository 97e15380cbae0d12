"""Completions from tokens: end tokens, token limits, and the text of a candidate with the answer in it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.extract import AnswerExtractor, as_completion
from harness.extract.stopping import decode_tokens
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.records import Completion, Sampling

TOO_LARGE = "out of memory while writing for problem {} alone; ask for fewer candidates"


def is_beam_search(sampling: Sampling) -> bool:
    """Whether candidates are the hypotheses of a beam search; otherwise they are sampled, or the one greedy one."""
    return sampling.temperature == 0 and sampling.candidates > 1


def token_limit(base: Base, prompt: Prompt, sampling: Sampling, virtual_tokens: int | None = None) -> int:
    """New tokens that a prompt leaves room for; it does not depend on the batch.

    `virtual_tokens` stand before the prompt; None: those of the adapter on `base`.
    """
    if base.seq2seq:
        return sampling.longest
    virtual_tokens = base.virtual_tokens if virtual_tokens is None else virtual_tokens
    room = base.context - len(prompt.tokens) - virtual_tokens
    return min(sampling.longest, max(32, room // 32 * 32))


def completions_of(
    base: Base,
    candidates: Sequence[list[int]],
    scores: Sequence[float] | None,
    extractor: AnswerExtractor,
    sampling: Sampling,
    limit: int,
) -> tuple[Completion, ...]:
    """The completions of one problem from the tokens of its candidates."""
    logprobs = [None] * len(candidates) if scores is None else [round(score, 6) for score in scores]
    pairs = zip(candidates, logprobs, strict=True)
    return tuple(_completion(base, tokens, logprob, extractor, sampling, limit) for tokens, logprob in pairs)


def _completion(
    base: Base,
    tokens: list[int],
    logprob: float | None,
    extractor: AnswerExtractor,
    sampling: Sampling,
    limit: int,
) -> Completion:
    eos = eos_token_ids(base)
    end = next((i for i, token in enumerate(tokens) if token in eos), len(tokens))
    count = min(end + 1, len(tokens))
    text = decode_tokens(base.tokenizer, tokens[:end])
    finish = "stop" if end < len(tokens) or len(tokens) < limit or extractor.is_complete(text) else "length"
    if base.chat is not None and limit > sampling.max_new_tokens:
        text = base.chat.truncate_answer(text, sampling.max_new_tokens)
    return as_completion(text, extractor, count, logprob, finish)


def eos_token_ids(base: Base) -> frozenset[int]:
    ids = {base.tokenizer.eos_token_id, base.tokenizer.pad_token_id}
    if base.chat is not None:
        ids.add(base.chat.end.token)
    return frozenset(ids - {None}) | _configured_eos_token_ids(base)


def _configured_eos_token_ids(base: Base) -> frozenset[int]:
    configured = getattr(base.model.generation_config, "eos_token_id", None)
    return frozenset(set(configured if isinstance(configured, list) else [configured]) - {None})


def beam_eos_token_ids(base: Base) -> frozenset[int]:
    """The tokens that end a beam, as `static_batch` passes them to `generate`."""
    return _configured_eos_token_ids(base) if base.chat is None else eos_token_ids(base)

"""Sampling from logits, so that a completion depends on its problem and the seed, and not on its batch.

Each candidate of a problem has its own sequence of uniform random numbers; a token is the inverse of the cumulative
distribution at the next of them. `sample` is the sampling loop for models without continuous batching: all candidates
share the prefill of their prompt, and finished candidates leave the batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.decoding.cache import forward, mask_and_positions, new_cache
from harness.records import Sampling

if TYPE_CHECKING:
    import torch

LogitsFunction = Callable[["torch.Tensor"], "torch.Tensor"]
"""Logits (rows, vocabulary) to logits of the same shape; -inf excludes a token. See `harness.plugin.Decoder`."""
StopFunction = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""(row numbers (n,), tokens so far (n, steps)) to which rows are finished, (n,) bool."""
_TOP_TOKENS = 128
"""The nucleus of top-p is sought among these first: sorting the whole vocabulary dominates a small model's step."""


def sample(
    model: Any,
    inputs: Mapping[str, torch.Tensor],
    prefix: Any,
    problem_ids: Sequence[str],
    sampling: Sampling,
    seed: int,
    limit: int,
    stop: StopFunction,
    process_logits: LogitsFunction | None = None,
) -> list[list[int]]:
    """`sampling.candidates` token lists for each left-padded row of `inputs`, in order, each with its end token.

    `prefix` is a cache of trained keys and values before the prompt, or None; `problem_ids` name the problem of each
    row of `inputs`; `limit` is the number of new tokens.
    """
    import torch

    cache = new_cache(model, prefix)
    mask, positions = mask_and_positions(cache, inputs["attention_mask"])
    tokens_in = {name: value for name, value in inputs.items() if name != "attention_mask"}
    logits = forward(model, tokens_in, mask, positions, cache).logits[:, -1]
    cache.batch_repeat_interleave(sampling.candidates)
    logits, mask, position = (
        tensor.repeat_interleave(sampling.candidates, dim=0) for tensor in (logits, mask, positions[:, -1:] + 1)
    )
    uniforms = torch.cat([uniform_numbers(seed, name, sampling.candidates, limit) for name in problem_ids])
    uniforms = uniforms.to(logits.device)
    sequences = mask.new_zeros(len(uniforms), limit)
    lengths = [limit] * len(uniforms)
    running = torch.arange(len(uniforms), device=mask.device)
    for step in range(limit):
        tokens = sample_tokens(logits, uniforms[running, step], sampling, process_logits)
        sequences[running, step] = tokens
        ended = stop(running, sequences[running, : step + 1])
        for row in running[ended].tolist():
            lengths[row] = step + 1
        if step + 1 == limit or bool(ended.all()):
            break
        if bool(ended.any()):
            going = (~ended).nonzero()[:, 0]
            cache.batch_select_indices(going)
            running, tokens, mask, position = running[going], tokens[going], mask[going], position[going]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        logits = forward(model, {"input_ids": tokens[:, None]}, mask, position, cache).logits[:, -1]
        position = position + 1
    return [row[:length] for row, length in zip(sequences.tolist(), lengths, strict=True)]


def seeded_logits_processor(
    problem_ids: Sequence[str],
    sampling: Sampling,
    seed: int,
    limit: int,
    process_logits: LogitsFunction | None = None,
) -> Any:
    """A transformers `LogitsProcessor` that leaves of each row only the token that `sample` would draw.

    The rows are `sampling.candidates` for each of `problem_ids`, in order. The random numbers of `generate` itself are
    drawn for a whole batch, and would make a completion depend on its batch.
    """
    import torch
    from transformers import LogitsProcessor

    uniforms = torch.cat([uniform_numbers(seed, name, sampling.candidates, limit) for name in problem_ids])

    class SeededLogitsProcessor(LogitsProcessor):  # type: ignore[misc]
        """Counts its calls to know the step."""

        step = 0

        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            tokens = sample_tokens(scores, uniforms[:, self.step].to(scores.device), sampling, process_logits)
            self.step += 1
            return torch.full_like(scores, -torch.inf).scatter(1, tokens[:, None], 0.0)

    return SeededLogitsProcessor()


def uniform_numbers(seed: int, problem: str, candidates: int, limit: int) -> torch.Tensor:
    """Random numbers in [0, 1), (candidates, limit); those of a candidate do not depend on how many there are."""
    import torch

    rows = []
    for candidate in range(candidates):
        text = f"{seed}\0{problem}\0{candidate}".encode()
        generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(text).digest()[:7], "big"))
        rows.append(torch.rand(limit, generator=generator, dtype=torch.float64))
    return torch.stack(rows).float()


def token_probabilities(
    logits: torch.Tensor, sampling: Sampling, process_logits: LogitsFunction | None = None
) -> torch.Tensor:
    """(rows, vocabulary): softmax of the logits after temperature and the decoder's `process_logits`, before top-p."""
    import torch

    scaled = logits.float() / sampling.temperature
    return torch.softmax(scaled if process_logits is None else process_logits(scaled), dim=-1)


def sample_tokens(
    logits: torch.Tensor,
    uniforms: torch.Tensor,
    sampling: Sampling,
    process_logits: LogitsFunction | None = None,
) -> torch.Tensor:
    """One token per row (rows,): the inverse of the cumulative distribution, in the order of token ids, at `uniforms`.

    Only the smallest set of tokens whose probabilities sum to `sampling.top_p` takes part. Tokens are not ordered by
    probability: two that differ by less than rounding would change places with the size of a batch.
    """
    import torch

    probabilities = token_probabilities(logits, sampling, process_logits)
    for count in (min(_TOP_TOKENS, probabilities.shape[-1]), probabilities.shape[-1]):
        top, order = torch.topk(probabilities, count, dim=-1)
        cumulative = top.cumsum(dim=-1)
        if bool((cumulative[:, -1] >= min(sampling.top_p, 1 - 1e-4)).all()):
            break
    in_nucleus = (cumulative - top) < sampling.top_p
    tokens, by_token_id = order.sort(dim=-1)
    cumulative = torch.where(in_nucleus, top, 0).gather(1, by_token_id).cumsum(dim=-1)
    smallest = torch.finfo(cumulative.dtype).tiny  # a uniform number of 0 must not select an excluded token
    wanted = (uniforms[:, None].to(cumulative.dtype) * cumulative[:, -1:]).clamp(min=smallest)
    return tokens.gather(1, torch.searchsorted(cumulative, wanted).clamp(max=count - 1))[:, 0]


def sample_tokens_without_sync(
    logits: torch.Tensor,
    uniforms: torch.Tensor,
    sampling: Sampling,
    process_logits: LogitsFunction | None = None,
) -> torch.Tensor:
    """As `sample_tokens`, without a value that the host would wait for: every step uses the whole vocabulary.

    Tokens as probable as the last one of the nucleus belong to it too.
    """
    import torch

    probabilities = token_probabilities(logits, sampling, process_logits)
    if sampling.top_p < 1:
        top = probabilities.sort(dim=-1, descending=True).values
        in_nucleus = (top.cumsum(dim=-1) - top) < sampling.top_p
        threshold = torch.where(in_nucleus, top, torch.inf).amin(dim=-1, keepdim=True)
        probabilities = torch.where(probabilities >= threshold, probabilities, 0.0)
    cumulative = probabilities.cumsum(dim=-1)
    wanted = uniforms[:, None].to(cumulative.dtype) * cumulative[:, -1:]
    wanted = wanted.clamp(min=torch.finfo(cumulative.dtype).tiny)
    return torch.searchsorted(cumulative, wanted).clamp(max=probabilities.shape[-1] - 1)[:, 0]

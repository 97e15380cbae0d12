"""Sampling from a causal model, where a completion depends on its problem and the seed, not on its batch.

Each candidate of a problem has its own random numbers. All candidates share one reading of the prompt, a step copies
no keys or values, and finished candidates leave the batch, so that a long one does not hold the others' work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from harness.cache import behind, new_cache, read
from harness.records import Sampling

_MOST = 128
"""Tokens among which a nucleus is sought first; sorting the whole vocabulary is most of a small model's step."""


def sample(
    model: Any,
    inputs: Mapping[str, Any],
    prefix: Any,
    ids: Sequence[str],
    sampling: Sampling,
    seed: int,
    limit: int,
    stop: Any,
) -> list[list[int]]:
    """`sampling.candidates` token lists for each left-padded row of `inputs`, in order, each with its end token.

    `prefix` is a cache of trained keys and values before the prompt, or None; `ids` name the rows' problems; `stop`
    says for (rows, tokens so far) which rows are finished.
    """
    import torch

    cache = new_cache(model, prefix)
    mask, places = behind(cache, inputs["attention_mask"])
    rest = {name: value for name, value in inputs.items() if name != "attention_mask"}
    logits = read(model, rest, mask, places, cache).logits[:, -1]
    cache.batch_repeat_interleave(sampling.candidates)
    logits, mask, place = (x.repeat_interleave(sampling.candidates, dim=0) for x in (logits, mask, places[:, -1:] + 1))
    chances = torch.cat([random_numbers(seed, one, sampling.candidates, limit) for one in ids]).to(logits.device)
    written = mask.new_zeros(len(chances), limit)
    lengths = [limit] * len(chances)
    live = torch.arange(len(chances), device=mask.device)
    for step in range(limit):
        tokens = pick(logits, chances[live, step], sampling)
        written[live, step] = tokens
        ended = stop(written[live, : step + 1])
        for row in live[ended].tolist():
            lengths[row] = step + 1
        if step + 1 == limit or bool(ended.all()):
            break
        if bool(ended.any()):
            kept = (~ended).nonzero()[:, 0]
            cache.batch_select_indices(kept)
            live, tokens, mask, place = live[kept], tokens[kept], mask[kept], place[kept]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        logits = read(model, {"input_ids": tokens[:, None]}, mask, place, cache).logits[:, -1]
        place = place + 1
    return [row[:length] for row, length in zip(written.tolist(), lengths, strict=True)]


def random_numbers(seed: int, problem: str, candidates: int, limit: int) -> Any:
    """Uniform numbers, (candidates, limit): those of candidate i are the same for any number of candidates."""
    import torch

    rows = []
    for candidate in range(candidates):
        text = f"{seed}\0{problem}\0{candidate}".encode()
        generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(text).digest()[:7], "big"))
        rows.append(torch.rand(limit, generator=generator, dtype=torch.float64))
    return torch.stack(rows).float()


def pick(logits: Any, chance: Any, sampling: Sampling) -> Any:
    """One token a row: the inverse of the distribution function, over the tokens by their numbers, at `chance`.

    Only the fewest tokens whose probabilities sum to `sampling.top_p` take part. They are not put in the order of their
    probabilities: two that differ by less than a sum of floats does would change places with the size of a batch.
    """
    import torch

    shares = torch.softmax(logits.float() / sampling.temperature, dim=-1)
    for most in (min(_MOST, shares.shape[-1]), shares.shape[-1]):
        best, order = torch.topk(shares, most, dim=-1)
        sums = best.cumsum(dim=-1)
        if bool((sums[:, -1] >= min(sampling.top_p, 1 - 1e-4)).all()):
            break
    inside = (sums - best) < sampling.top_p
    tokens, by_number = order.sort(dim=-1)
    sums = torch.where(inside, best, 0).gather(1, by_number).cumsum(dim=-1)
    least = torch.finfo(sums.dtype).tiny  # a chance of 0 is not a token that takes no part
    wanted = (chance[:, None].to(sums.dtype) * sums[:, -1:]).clamp(min=least)
    return tokens.gather(1, torch.searchsorted(sums, wanted).clamp(max=most - 1))[:, 0]

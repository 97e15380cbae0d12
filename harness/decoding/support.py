"""Whether a model can be decoded with continuous batching, or must use transformers' `generate`, and why.

Support is tested, not assumed: two short texts are decoded through the slot cache and by a full forward pass, and the
logits are compared.
"""

from __future__ import annotations

import contextlib
import inspect
import random
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import compat
from harness.decoding.attention import CascadeAttention, UnsupportedAttentionError, has_old_style_attention
from harness.decoding.cache import forward, mask_and_positions
from harness.decoding.slot_cache import CacheShape, SlotCache, new_prefill_cache
from harness.modeling.kv_cache import has_plain_kv_cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

_REASONS: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""By model, since the test takes some forward passes."""
_LENGTHS, _SHARED_TOKENS = (9, 6), 3
"""Tokens of the two prompts, and how many of them both begin with."""
_TOLERANCE, _TOLERANCE_16_BIT = 2e-3, 0.15
"""Allowed relative difference; 0.2 was seen for a position that is wrong by one, and 0.9 for a wrong column."""
_NOISE_FACTOR = 2
"""What rounding does is measured too, since it depends on the model: so many times as much is still rounding."""


def unsupported_reason(model: Any) -> str:
    """Why `model` cannot be decoded with continuous batching; "" if it can.

    `model` is not wrapped in a `PeftModel`, but may contain the layers of an adapter.
    """
    if model not in _REASONS:
        _REASONS[model] = _structural_reason(model) or _numerical_reason(model)
    return _REASONS[model]


@contextlib.contextmanager
def forgetting(model: Any) -> Iterator[None]:
    """Context manager: what is found out within it is forgotten: a model half tuned does not speak for later ones."""
    known = model in _REASONS
    yield
    if not known:
        _REASONS.pop(model, None)


def _structural_reason(model: Any) -> str:
    if model.config.is_encoder_decoder:
        return "it has an encoder"
    if not has_plain_kv_cache(model):
        return "it remembers more than keys and values"
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return "it is not told positions"
    config = model.config.get_text_config(decoder=True)
    if "chunked_attention" in (getattr(config, "layer_types", None) or ()):
        return "it attends in chunks"
    if not compat.takes_any_attention(model) and not has_old_style_attention(model):
        return "its attention is no part of transformers' interface"
    return ""


@dataclass(frozen=True)
class _Texts:
    """Two prompts, and two continuations of each, by prompt and candidate.

    At the second step the two candidates of a prompt exchange their parents.
    """

    prompts: tuple[tuple[int, ...], ...]
    continuations: tuple[tuple[tuple[int, ...], ...], ...]

    @classmethod
    def of(cls, model: Any) -> _Texts:
        """Texts of ordinary tokens, the same for each model of one vocabulary.

        The first tokens of a vocabulary are often special ones that were never trained. Behind those, the logits of a
        model in 16 bits are no more than noise.
        """
        vocabulary = model.get_input_embeddings().num_embeddings
        rng = random.Random(0)

        def draw(count: int) -> tuple[int, ...]:
            return tuple(rng.randrange(vocabulary // 4, vocabulary) for _ in range(count))

        shared = draw(_SHARED_TOKENS)
        prompts = tuple((*shared, *draw(length - _SHARED_TOKENS)) for length in _LENGTHS)
        return cls(prompts, tuple((draw(2), draw(2)) for _ in prompts))

    def whole(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Prompt and continuation of each candidate after the exchange."""
        for prompt, (first, second) in zip(self.prompts, self.continuations, strict=True):
            yield prompt, (second[0], first[1])
            yield prompt, (first[0], second[1])


def _numerical_reason(model: Any) -> str:
    import torch

    from harness.modeling.quantized_products import QuantizedProducts

    texts = _Texts.of(model)
    with torch.inference_mode(), QuantizedProducts(model, round_activations=False):
        try:
            logits = _with_slot_cache(model, texts)
        except UnsupportedAttentionError as error:
            return str(error)
        expected = _with_full_forward(model, texts)
        difference = relative_difference(logits, expected)
        whole = difference <= _TOLERANCE or not _is_rounded(model)
        noise = 0.0 if whole else relative_difference(_with_own_cache(model, texts), expected)
    if is_rounding(model, difference, noise):
        return ""
    return f"its scores by slots differ by {difference:.2g} of their spread"


def probe_prompts(model: Any) -> tuple[tuple[int, ...], ...]:
    """Two short prompts of different lengths, with which `model` is tested."""
    return _Texts.of(model).prompts


def is_rounding(model: Any, difference: float, noise: float) -> bool:
    """Whether rounding explains a relative difference of logits; `noise` is what it was seen to do to this model."""
    if difference <= _TOLERANCE:
        return True
    return _is_rounded(model) and difference <= max(_TOLERANCE_16_BIT, _NOISE_FACTOR * noise)


def _is_rounded(model: Any) -> bool:
    """Whether the model computes in fewer than 32 bits."""
    import torch

    return next(model.parameters()).dtype != torch.float32 or bool(getattr(model, "quantization_method", None))


def relative_difference(logits: torch.Tensor, expected: torch.Tensor) -> float:
    """The norm of the difference as a share of the norm of `expected` about its mean; the mean over texts."""
    centred = expected - expected.mean(dim=-1, keepdim=True)
    return float(((logits - expected).norm(dim=-1) / centred.norm(dim=-1)).mean())


def _with_slot_cache(model: Any, texts: _Texts) -> torch.Tensor:
    """(4, vocabulary): the logits after the two tokens of each candidate."""
    import torch

    device = next(model.parameters()).device
    prefix_cache = new_prefill_cache(model)
    _prefill(model, texts.prompts[0][:_SHARED_TOKENS], prefix_cache)
    longest = max(_LENGTHS) - _SHARED_TOKENS
    slots = SlotCache(model, CacheShape(2, 2, 2, longest, _SHARED_TOKENS), prefix_cache)
    attention = CascadeAttention(model)
    for index, prompt in enumerate(texts.prompts):
        cache = new_prefill_cache(model, prefix_cache)
        _prefill(model, prompt[_SHARED_TOKENS:], cache)
        length = torch.tensor([len(prompt) - _SHARED_TOKENS], device=device)
        slots.add(torch.tensor([index], device=device), length, cache)
    tokens = torch.tensor(texts.continuations, device=device)
    for step, parents in enumerate(([0, 0], [1, 0])):
        steps = torch.full((2,), step, device=device)
        slots.reorder(torch.tensor([parents, parents], device=device), steps)
        positions = slots.prepare_step(steps, None, 0, slots.shape.own_columns)
        with attention:
            logits: torch.Tensor = model(
                input_ids=tokens[:, :, step].reshape(-1, 1),
                position_ids=positions.reshape(-1, 1),
                **compat.cache_keyword(model, slots.cache),
                use_cache=True,
            ).logits
    return logits[:, -1].float()


def _with_full_forward(model: Any, texts: _Texts) -> torch.Tensor:
    """The same logits, each from its whole text at once."""
    import torch

    whole = ((*prompt, *continuation) for prompt, continuation in texts.whole())
    return torch.stack([_prefill(model, text, new_prefill_cache(model))[0] for text in whole])


def _with_own_cache(model: Any, texts: _Texts) -> torch.Tensor:
    """The same logits, the continuation token by token behind a cache of transformers."""
    import torch

    rows = []
    for prompt, continuation in texts.whole():
        cache = new_prefill_cache(model)
        for part in (prompt, continuation[:1], continuation[1:]):
            logits = _prefill(model, part, cache)
        rows.append(logits[0])
    return torch.stack(rows)


def _prefill(model: Any, tokens: Sequence[int], cache: Any) -> torch.Tensor:
    """The logits (1, vocabulary) after `tokens`, which are added to `cache`."""
    import torch

    ids = torch.tensor([list(tokens)], device=next(model.parameters()).device)
    mask, positions = mask_and_positions(cache, torch.ones_like(ids))
    logits: torch.Tensor = forward(model, {"input_ids": ids}, mask, positions, cache).logits
    return logits[:, -1].float()

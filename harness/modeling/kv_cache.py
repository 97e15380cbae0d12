"""What a model remembers of a text: keys and values of attention, or something of its own."""

from __future__ import annotations

from typing import Any

from harness.compat import cache_argument, cache_keyword, takes_any_cache

_ADDS_TOKENS = frozenset({"cpmant"})
"""Families that put tokens of their own before a prompt, so that a cache holds more than was read."""


_PLAIN_LAYERS = {"DynamicLayer", "DynamicSlidingWindowLayer", "DummyLayer"}
"""Layers of a cache that hold keys and values, or nothing; by name, since transformers 5.17 has not all of them."""


def has_plain_kv_cache(model: Any) -> bool:
    """Whether a prompt of `model` can be padded on the left, and read once for all its candidates.

    It can where all that the model remembers is keys and values of attention. What recurrent, convolution and
    compressing layers remember runs on through padding, and some families bring a cache of their own, or none: with
    those transformers' `generate` writes from whole prompts, those of one length at a time.
    """
    from transformers.cache_utils import DynamicCache

    if cache_argument(model) is None or model.config.model_type in _ADDS_TOKENS:
        return False
    kinds = {type(layer).__name__ for layer in DynamicCache(config=model.config).layers}
    return takes_any_cache(model) and kinds <= _PLAIN_LAYERS


def probe_kv_cache(model: Any) -> list[tuple[Any, Any] | None]:
    """(keys, values) of each layer after two tokens, (1, heads, 2, width); None for a layer without its own.

    Raises:
        ModelError: the model was not made to be read with a cache.
    """
    import torch
    from transformers.cache_utils import DynamicCache

    cache = DynamicCache(config=model.config)
    ids = torch.ones(1, 2, dtype=torch.long, device=next(model.parameters()).device)
    with torch.no_grad():
        model(input_ids=ids, **cache_keyword(model, cache), use_cache=True)
    states = ((getattr(layer, "keys", None), getattr(layer, "values", None)) for layer in cache.layers)
    return [None if keys is None or values is None else (keys, values) for keys, values in states]

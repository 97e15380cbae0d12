"""Multisets as plain sets, so that counting what two texts share is one set intersection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

Bag = frozenset[Hashable]
"""The first occurrence of an item is the item itself, its k-th occurrence the pair (k, item).

`len(a & b)` is then the sum over items of the smaller count, and `a | b` has each item as often as the larger count.
"""

ORDERS = (1, 2, 3, 4)


def bag(items: Sequence[Hashable]) -> Bag:
    """The multiset of `items`; items must not be pairs that start with a number."""
    distinct = frozenset(items)
    return distinct if len(distinct) == len(items) else distinct.union(_repeats(items))


def _repeats(items: Iterable[Hashable]) -> list[Hashable]:
    return [(k, item) for item, count in Counter(items).items() if count > 1 for k in range(2, count + 1)]


def grams(tokens: Sequence[str], order: int) -> Bag:
    """The bag of n-grams of `tokens` for one n; a 1-gram is the token itself."""
    if order == 1:
        return bag(tokens)
    shifted = [tokens[start:] for start in range(order)]
    once: Bag = frozenset(zip(*shifted, strict=False))
    return once if len(once) >= len(tokens) - order + 1 else once.union(_repeats(zip(*shifted, strict=False)))


def among(items: Bag, words: frozenset[str]) -> Bag:
    """The elements of a bag of strings that stand for one of `words`."""
    elements: set[Hashable] = set()
    for word in items & words:
        element: Hashable = word
        k = 1
        while element in items:
            elements.add(element)
            k += 1
            element = (k, word)
    return frozenset(elements)

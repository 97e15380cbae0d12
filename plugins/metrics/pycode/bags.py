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
    found = frozenset(items)
    if len(found) == len(items):
        return found
    return found.union([(k, item) for item, count in Counter(items).items() if count > 1 for k in range(2, count + 1)])


def grams(tokens: Sequence[str]) -> tuple[Bag, ...]:
    """The bags of n-grams of `tokens` for n = 1, 2, 3, 4; a 1-gram is the token itself."""
    second, third, fourth = tokens[1:], tokens[2:], tokens[3:]
    return (
        bag(tokens),
        bag(list(zip(tokens, second, strict=False))),
        bag(list(zip(tokens, second, third, strict=False))),
        bag(list(zip(tokens, second, third, fourth, strict=False))),
    )


def token(item: Hashable) -> Hashable:
    """The item that an element of a bag of strings stands for."""
    return item[1] if isinstance(item, tuple) else item


def among(items: Bag, words: Iterable[str]) -> Bag:
    """The elements of a bag of strings that stand for one of `words`."""
    chosen = frozenset(words)
    return frozenset(item for item in items if token(item) in chosen)

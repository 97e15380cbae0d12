"""Names of models that tell them apart: two folders that are both called `final` are two models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def model_names(ids: Iterable[str]) -> dict[str, str]:
    """For each id of a model its last part, or as many parts from the end as no other id ends with."""
    parts = {name: name.rstrip("/").split("/") for name in ids}
    ends = Counter("/".join(one[i:]) for one in parts.values() for i in range(len(one)))
    return {name: _shortest(name, one, ends) for name, one in parts.items()}


def _shortest(name: str, parts: list[str], ends: Counter[str]) -> str:
    tails = ("/".join(parts[i:]) for i in range(len(parts) - 1, -1, -1))
    return next((tail for tail in tails if ends[tail] == 1), name)

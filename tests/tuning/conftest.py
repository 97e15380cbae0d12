"""Adapted tiny models and rows of several lengths."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.modeling import base as model
from harness.modeling.base import Base
from harness.plugin_system.registry import Registry
from harness.records import ModelSpec

Adapted = Callable[..., Base]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads cost more than these models do."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def adapted(model_of: Callable[[str], Path]) -> Adapted:
    """A tiny model of a family with a method on it."""

    def make(name: str, family: str = "llama", **options: Any) -> Base:
        import torch

        method = Registry().method(name).plugin
        config = method.Config(**options)
        base = model.load(ModelSpec(str(model_of(family))), method.load_options(config))
        torch.manual_seed(0)
        return method.adapt(base, config)

    return make


def made(count: int, seed: int = 0, longest: int = 40) -> list[dict[str, list[int]]]:
    """Rows of random lengths and tokens, with responses that are easy to learn."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        prompt = [rng.randrange(1, 257) for _ in range(rng.randrange(2, longest))]
        answer = [*range(40, 40 + rng.randrange(1, 8)), 0]
        found.append({"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer})
    return found


@pytest.fixture
def rows() -> Callable[..., list[dict[str, list[int]]]]:
    """Makes rows."""
    return made

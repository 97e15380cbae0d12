"""What a GPU needs of a step, seen on a CPU: fixed shapes, tensors that stay where they are, and no number read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.decoding import running_batch, scheduler
from harness.decoding.capture import host_syncs
from harness.decoding.generate import generate
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.records import Sampling
from tests.decoding.adapters import METHODS, alone_and_stackable, same, together

BEAMS = Sampling(candidates=3, max_new_tokens=20)
Prompts = Callable[..., list[Prompt]]
Load = Callable[[str], Base]


def texts(base: Base, asked: list[Prompt], sampling: Sampling = BEAMS) -> dict[str, list[str]]:
    return {p.id: [one.written for one in found] for p, found in generate(base, asked, sampling, 42, batch=3)}


def make_static_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes as on a GPU."""
    made = running_batch.RunningBatch.__init__

    def static_shapes(self: Any, *given: Any, **named: Any) -> None:
        made(self, *given, **{**named, "static_shapes": True})

    monkeypatch.setattr(running_batch.RunningBatch, "__init__", static_shapes)
    monkeypatch.setattr(scheduler, "_on_gpu", lambda _: True)


@pytest.mark.parametrize("family", ["llama", "mistral", "codegen", "gpt_oss"])
@pytest.mark.parametrize(
    "sampling", [BEAMS, Sampling(3, 20, temperature=0.9), Sampling(1, 20)], ids=["beams", "sampled", "greedy"]
)
def test_fixed_shapes_write_the_same(
    family: str, sampling: Sampling, load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load(family)
    asked = prompts(base)
    found = texts(base, asked, sampling)
    make_static_shapes(monkeypatch)
    assert texts(base, asked, sampling) == found


@pytest.mark.parametrize("family", ["llama", "mistral", "starcoder2", "codegen", "gpt2"])
def test_a_step_reads_no_number_and_moves_no_tensor(
    family: str, load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load(family)
    make_static_shapes(monkeypatch)
    step = running_batch.RunningBatch._step
    read: list[str] = []
    at: dict[int, set[tuple[int, ...]]] = {}

    def watched(self: Any, first: int, last: int) -> None:
        read.extend(host_syncs(lambda: step(self, first, last)))
        kept = [
            self._slots.visible,
            self._slots.column_positions,
            self._slots.prompt_lengths,
            *self._search.host_tensors.values(),
        ]
        kept += [tensor for layer in self._slots.layers for tensor in (layer.keys, layer.values)]
        at.setdefault(id(self), set()).add(tuple(tensor.data_ptr() for tensor in kept))

    monkeypatch.setattr(running_batch.RunningBatch, "_step", watched)
    texts(base, prompts(base))
    assert read == []
    assert [len(found) for found in at.values()] == [1]


@pytest.mark.parametrize(
    "sampling", [BEAMS, Sampling(3, 20, temperature=0.9), Sampling(1, 20)], ids=["beams", "sampled", "greedy"]
)
def test_fixed_shapes_write_the_same_with_several_adapters_and_a_step_reads_no_number(
    sampling: Sampling, load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load("llama")
    asked = prompts(base)
    alone, adapters = alone_and_stackable(base, asked, sampling, METHODS)
    make_static_shapes(monkeypatch)
    step, read = running_batch.RunningBatch._step, list[str]()
    watched = lambda self, first, last: read.extend(host_syncs(lambda: step(self, first, last)))  # noqa: E731
    monkeypatch.setattr(running_batch.RunningBatch, "_step", watched)
    for found, wanted in zip(together(base, adapters, asked, sampling), alone, strict=True):
        same(found, wanted)
    assert read == []


def test_what_the_host_waits_for_is_seen() -> None:
    numbers = torch.arange(6.0)
    assert host_syncs(lambda: numbers.sum() * 2) == []
    assert host_syncs(lambda: bool(numbers.any())) == ["aten::_local_scalar_dense"]
    assert host_syncs(lambda: numbers[numbers > 2]) != []


def test_a_number_that_is_assigned_is_seen_since_torch_copies_it_to_a_gpu() -> None:
    numbers, index = torch.arange(6.0), torch.tensor([1, 2])
    assert host_syncs(lambda: numbers.__setitem__(index, 1.0)) == ["aten::index_put_"]
    assert host_syncs(lambda: numbers.scatter_(0, index, 1.0)) == []


@pytest.mark.parametrize("sampling", [BEAMS, Sampling(1, 13)], ids=["beams", "greedy"])
def test_columns_on_a_gpu_are_multiples_of_eight(
    sampling: Sampling, load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load("llama")
    make_static_shapes(monkeypatch)
    step = running_batch.RunningBatch._step
    seen: set[tuple[int, int, int]] = set()

    def watched(self: Any, first: int, last: int) -> None:
        seen.add((first, last, self._slots.shape.prefix_tokens))
        step(self, first, last)

    monkeypatch.setattr(running_batch.RunningBatch, "_step", watched)
    texts(base, prompts(base), sampling)
    assert seen and all(number % 8 == 0 for ranges in seen for number in ranges)

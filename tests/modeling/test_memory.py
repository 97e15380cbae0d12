"""Running out of memory, for real: an allocation that no machine can serve, in the middle of the work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.decoding.generate import generate
from harness.errors import ModelError
from harness.modeling import base as model
from harness.modeling.base import Base, ModelSpec
from harness.modeling.memory import is_out_of_memory
from harness.modeling.prompts import PromptBuilder
from harness.plugin import Task
from harness.plugin_system.registry import Registry
from harness.records import Problem, Sampling
from harness.tuning.train import fit, rows


@contextlib.contextmanager
def room_for(base: Base, most: int, first: int = 0) -> Iterator[None]:
    """From forward pass `first` on, a batch of more than `most` rows asks for more memory than there is."""
    import torch

    passes = 0

    def before(_: Any, inputs: tuple[Any, ...]) -> None:
        nonlocal passes
        passes += 1
        if passes > first and inputs[0].shape[0] > most:
            torch.empty(1 << 60, dtype=torch.uint8)

    inner = base.model.get_base_model() if hasattr(base.model, "get_base_model") else base.model
    hook = inner.get_input_embeddings().register_forward_pre_hook(before)
    try:
        yield
    finally:
        hook.remove()


def lora(folder: Path) -> tuple[Base, Any]:
    import torch

    method = Registry().method("lora").plugin
    config = method.Config(dropout=0.0, epochs=2.0)
    torch.manual_seed(0)
    return method.adapt(model.load(ModelSpec(str(folder)), {}), config), method.tuning(config)


def weights(base: Base) -> Any:
    import torch

    return torch.cat([p.detach().flatten() for p in base.model.parameters() if p.requires_grad])


def tuned(
    folder: Path, toy: Task, problems: list[Problem], checkpoints: Path, most: int | None = None, first: int = 0
) -> tuple[Any, Any]:
    base, tuning = lora(folder)
    layout = PromptBuilder(toy, base)
    found = rows(layout, [(layout.prompt(problem), problem) for problem in problems], 256)[0]
    # A rate at which two steps more or less are seen.
    tuning = replace(tuning, evaluate_every=1.0, learning_rate=3e-2)
    with room_for(base, most, first) if most else contextlib.nullcontext():
        result = fit(base, found, found[16:], tuning, checkpoints, 42, lambda *_: None)
    return weights(base), result


@pytest.mark.parametrize("first", [0, 2, 5], ids=["at once", "before a checkpoint", "after a checkpoint"])
def test_tuning_goes_on_with_smaller_batches_and_ends_with_the_same_weights(
    first: int, model_of: Callable[[str], Path], toy: Task, problems: list[Problem], tmp_path: Path
) -> None:
    import torch

    undisturbed, _ = tuned(model_of("llama"), toy, problems, tmp_path / "undisturbed")
    lowered, result = tuned(model_of("llama"), toy, problems, tmp_path / "lowered", most=4, first=first)
    assert result.micro_batch == 4 and result.steps == 6
    assert torch.allclose(undisturbed, lowered, atol=1e-5)


def test_tuning_says_so_in_one_line_when_one_example_does_not_fit(
    model_of: Callable[[str], Path], toy: Task, problems: list[Problem], tmp_path: Path
) -> None:
    base, tuning = lora(model_of("llama"))
    layout = PromptBuilder(toy, base)
    found = rows(layout, [(layout.prompt(problem), problem) for problem in problems], 256)[0]

    def never(*_: Any) -> None:
        raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")

    base.model.get_base_model().get_input_embeddings().register_forward_pre_hook(never)
    with pytest.raises(ModelError, match="out of memory with one example at a time"):
        fit(base, found[:16], found[16:], tuning, tmp_path, 42, lambda *_: None)


def test_writing_goes_on_with_smaller_batches_and_loses_nothing(
    model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    base = model.load(ModelSpec(str(model_of("llama"))), {})
    layout = PromptBuilder(toy, base, max_new_tokens=8)
    prompts = [layout.prompt(problem) for problem in problems]
    sampling = Sampling(candidates=2, max_new_tokens=8)
    sizes: list[int] = []
    undisturbed = {prompt.id: found for prompt, found in generate(base, prompts, sampling, 42, batch=8)}
    with room_for(base, 4, first=8):
        lowered = {p.id: c for p, c in generate(base, prompts, sampling, 42, batch=8, on_batch_reduced=sizes.append)}
    assert sizes and set(sizes) <= {4, 2}
    assert {name: [c.text for c in found] for name, found in undisturbed.items()} == {
        name: [c.text for c in found] for name, found in lowered.items()
    }


@pytest.mark.parametrize(
    ("words", "ran"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("CUDA error: out of memory", True),
        ("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes", True),
        ("mat1 and mat2 shapes cannot be multiplied (4x3 and 2x5)", False),
        ("CUDA error: device-side assert triggered", False),
    ],
)
def test_only_a_failed_allocation_counts_as_running_out(words: str, ran: bool) -> None:
    assert is_out_of_memory(RuntimeError(words)) is ran

"""Where not even one row fits in memory, activations are recomputed, and the result is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import OutOfMemoryError
from harness.modeling.base import Base
from harness.records import Tuning
from harness.tuning import loop
from harness.tuning.recomputation import NO_GRAPHS_REASON, recomputed_activations, supports_recomputation
from harness.tuning.train import fit

Rows = list[dict[str, list[int]]]
TUNING = Tuning(learning_rate=1e-2, epochs=1.0, batch_size=4, evaluate_every=0.5)


def out_of_memory_with_kept_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    step = loop.TrainingLoop._step

    def limited(self: loop.TrainingLoop, number: int) -> None:
        import torch

        if number >= 3 and not self._recompute:
            torch.empty(1 << 60, dtype=torch.uint8)
        step(self, number)

    monkeypatch.setattr(loop.TrainingLoop, "_step", limited)


@pytest.mark.parametrize("name", ["lora", "prompt-tuning", "full-ft"])
def test_activations_are_recomputed_when_one_row_does_not_fit(
    name: str, adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, validation = rows(24), rows(8, 1)
    kept = fit(adapted(name), train, validation, TUNING, tmp_path / "kept", 42, lambda *_: None)
    out_of_memory_with_kept_activations(monkeypatch)
    said: list[str] = []
    base = adapted(name)
    found = fit(base, train, validation, TUNING, tmp_path / "less", 42, lambda *words: said.append(words[2]))
    assert "out of memory: micro-batch 1, the effective batch stays 4, activations are recomputed" in said
    assert (found.micro_batch, found.why) == (1, NO_GRAPHS_REASON)
    assert found.best_loss == pytest.approx(kept.best_loss, abs=0.05)  # dropout differs between micro-batches
    assert not any(getattr(module, "gradient_checkpointing", False) for module in base.model.modules())


def test_recomputed_activations_give_the_same_gradients_dropout_included(
    adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path
) -> None:
    arguments = (rows(16), rows(4, 1), TUNING, 4)

    def losses(recompute: bool) -> tuple[float, ...]:
        base = adapted("lora", dropout=0.3)
        folder = tmp_path / str(recompute)
        return loop.TrainingLoop(base, *arguments, folder, 42, lambda *_: None, recompute=recompute).run().losses

    assert losses(True) == pytest.approx(losses(False), abs=1e-5)


def test_a_layer_keeps_less_while_activations_are_recomputed(adapted: Callable[..., Base]) -> None:
    import torch

    base = adapted("lora")
    base.model.train()

    def kept() -> int:
        sizes: list[int] = []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            base.model(input_ids=torch.arange(60)[None], use_cache=False)
        return sum(sizes)

    whole = kept()
    with recomputed_activations(base, enabled=True):
        assert kept() < whole / 2


def test_behind_a_trained_prefix_nothing_is_recomputed(
    adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = adapted("prefix-tuning")
    assert not supports_recomputation(base)
    out_of_memory_with_kept_activations(monkeypatch)
    with pytest.raises(OutOfMemoryError, match="one example at a time"):
        fit(base, rows(24), rows(8, 1), TUNING, tmp_path, 42, lambda *_: None)


def test_what_is_not_out_of_memory_is_not_tried_again(
    adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(loop.TrainingLoop, "_step", broken)
    with pytest.raises(RuntimeError, match="something else"):
        fit(adapted("lora"), rows(8), rows(4), TUNING, tmp_path, 42, lambda *_: None)

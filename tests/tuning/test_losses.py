"""A method may train by a loss of its own, as docs/plugins.md has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.modeling.base import Base
from harness.records import Tuning
from harness.tuning import attention
from harness.tuning.attention import causal_attention
from harness.tuning.batches import num_targets
from harness.tuning.loop import trainable
from harness.tuning.losses import mask_required_reason, row_losses, validation_loss
from harness.tuning.train import fit

Rows = list[dict[str, list[int]]]
MANUAL = Path(__file__).parents[2] / "docs" / "plugins.md"
TUNING = Tuning(learning_rate=1e-2, epochs=2.0, batch_size=8, evaluate_every=1.0)


def cross_entropy(model: Any, inputs: Any) -> Any:
    return model(**inputs).loss


def smoothed() -> Any:
    """The loss of the manual, from its text."""
    import torch

    (block,) = [
        part.partition("\n\nclass")[0] for part in MANUAL.read_text().split("```python\n") if "smoothing" in part
    ]
    names: dict[str, Any] = {"torch": torch}
    exec(compile(block, str(MANUAL), "exec", dont_inherit=True), names)
    return names["label_smoothed"]


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_the_cross_entropy_as_a_methods_own_loss_trains_as_the_default(
    family: str, adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path
) -> None:
    import torch

    weights, results = [], []
    for number, loss in enumerate((None, cross_entropy)):
        base = adapted("lora", family, dropout=0.0)
        folder = tmp_path / str(number)
        results.append(fit(base, rows(20), rows(8), TUNING, folder, 42, lambda *_: None, loss_function=loss))
        weights.append(torch.cat([parameter.detach().flatten() for _, parameter in trainable(base.model)]))
    assert torch.allclose(weights[0], weights[1], atol=1e-5)
    assert results[1].losses == pytest.approx(results[0].losses, abs=1e-5)
    assert results[1].masks == "the method has a loss of its own"


def test_a_method_trains_by_its_own_loss_and_is_validated_by_the_cross_entropy(
    adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path
) -> None:
    plain, own = (
        fit(adapted("lora", dropout=0.0), rows(20), rows(8), TUNING, tmp_path / name, 42, lambda *_: None, **options)
        for name, options in {"plain": {}, "own": {"loss_function": smoothed()}}.items()
    )
    assert own.losses[0] != pytest.approx(plain.losses[0], abs=1e-3)
    assert own.losses != plain.losses
    assert own.losses[-1] < own.losses[0]
    assert own.history[0][1] == pytest.approx(plain.history[0][1], rel=0.2)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["lora", "prompt-tuning"])
def test_a_causal_model_needs_no_masks_whatever_its_rounding(
    name: str, dtype: str, adapted: Callable[..., Base], rows: Callable[..., Rows]
) -> None:
    import torch

    base = adapted(name)
    base.model.to(getattr(torch, dtype))
    assert mask_required_reason(base, rows(20)) is None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_attention_that_is_not_that_of_the_model_keeps_the_masks(
    dtype: str, adapted: Callable[..., Base], rows: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def windowed(*given: Any, **more: Any) -> Any:
        return causal_attention(*given, **{**more, "sliding_window": 4})

    monkeypatch.setattr(attention, "causal_attention", windowed)
    base = adapted("lora")
    base.model.to(getattr(torch, dtype))
    assert "without masks its losses differ" in (mask_required_reason(base, rows(20)) or "")


@pytest.mark.parametrize(("family", "method"), [("llama", "lora"), ("llama", "prefix-tuning"), ("t5", "lora")])
def test_the_losses_of_rows_are_those_of_each_row_alone_and_add_up_to_the_validation_loss(
    family: str, method: str, adapted: Callable[..., Base], rows: Callable[..., Rows]
) -> None:
    base, some = adapted(method, family), [{**row, "input_ids": row["input_ids"]} for row in rows(7)]
    together = row_losses(base, some, 4)
    alone = [row_losses(base, [row], 1)[0] for row in some]
    assert together == pytest.approx(alone, rel=1e-5)
    assert len({round(loss, 3) for loss in together}) > 1, "rows that are told apart"
    targets = sum(num_targets(row, base.seq2seq) for row in some)
    assert sum(together) / targets == pytest.approx(validation_loss(base, some, 4), rel=1e-5)

"""The loop does what transformers' Trainer does with the study's settings, and reads nothing back on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.modeling.base import Base
from harness.records import Tuning
from harness.tuning.attention import attention_without_masks
from harness.tuning.batches import BucketedBatches, chunks, epoch_steps, unpack_batch
from harness.tuning.loop import TrainingLoop, TuningResult, trainable
from harness.tuning.losses import summed_loss

METHODS = {"lora": 1e-2, "ia3": 5e-2, "prompt-tuning": 5e-2, "prefix-tuning": 3e-2, "full-ft": 1e-3}
"""Learning rates at which random weights learn within a few steps."""
SETTINGS: dict[str, Any] = {"epochs": 5.0, "batch_size": 8, "evaluate_every": 1.0}
SEED = 42
Rows = list[dict[str, list[int]]]


def tuned(base: Base, train: Rows, folder: Path, rate: float, micro: int = 8, **settings: Any) -> TuningResult:
    tuning = Tuning(learning_rate=rate, **{**SETTINGS, **settings})
    folder.mkdir(parents=True, exist_ok=True)
    return TrainingLoop(base, train, train[:8], tuning, micro, folder, SEED, lambda *_: None).run()


def by_trainer(base: Base, train: Rows, folder: Path, rate: float) -> tuple[list[float], dict[str, Any]]:
    """Losses of each step and the last weights by Trainer, which reads the rows in the order that the loop does."""
    import torch
    from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

    lengths = [len(row["input_ids"]) for row in train]
    numbers = [number for epoch in range(5) for step in epoch_steps(lengths, 8, SEED, epoch) for number in step]
    assert len(train) % 8 == 0, "the epochs stand one after another"
    losses: list[float] = []

    def collate(found: Rows) -> dict[str, Any]:
        width = max(len(row["input_ids"]) for row in found)
        pad_token_id = {"input_ids": 0, "labels": -100}
        batch = {n: torch.tensor([r[n] + [v] * (width - len(r[n])) for r in found]) for n, v in pad_token_id.items()}
        lengths = torch.tensor([len(row["input_ids"]) for row in found])
        return {**batch, "attention_mask": (torch.arange(width) < lengths[:, None]).long()}

    class Reference(Trainer):
        def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
            loss = model(**inputs).loss
            losses.append(loss.item())
            return loss

    class Start(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 0:
                torch.manual_seed(SEED)  # where the loop sets it

    trainer = Reference(
        model=base.model,
        args=TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=1,
            per_device_train_batch_size=8,
            train_sampling_strategy="sequential",
            learning_rate=rate,
            optim="adafactor",
            lr_scheduler_type="linear",
            warmup_steps=0.05,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=[train[number] for number in numbers],
        data_collator=collate,
        callbacks=[Start()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return losses, {name: p.detach().clone() for name, p in trainable(base.model)}


@pytest.mark.parametrize("name", METHODS)
def test_the_losses_of_fifty_steps_are_those_of_trainer(
    name: str, adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path
) -> None:
    train = rows(80)
    base = adapted(name)
    ours = tuned(base, train, tmp_path / "ours", METHODS[name], evaluate_every=5.0)
    theirs, weights = by_trainer(adapted(name), train, tmp_path / "theirs", METHODS[name])
    assert len(ours.losses) == len(theirs) == 50
    assert sum(theirs[-10:]) < sum(theirs[:10]) - 1, "it learns"
    assert max(abs(a - b) for a, b in zip(ours.losses, theirs, strict=True)) < 1e-5
    # The only validation is after the last step.
    for key, parameter in trainable(base.model):
        assert float((parameter.detach() - weights[key]).abs().max()) < 1e-4, key


class Reads:
    """Counts what a host would have to wait for on a GPU: numbers read back, and shapes that depend on values."""

    def __init__(self) -> None:
        from torch.utils._python_dispatch import TorchDispatchMode

        found: list[str] = []

        class Mode(TorchDispatchMode):
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                import torch

                name = func.overloadpacket.__name__
                boolean = name in ("index", "index_put", "index_put_") and any(
                    t is not None and t.dtype == torch.bool for t in args[1]
                )
                if boolean or name in (
                    "_local_scalar_dense",
                    "nonzero",
                    "masked_select",
                    "unique",
                    "equal",
                    "is_nonzero",
                ):
                    found.append(name)
                return func(*args, **(kwargs or {}))

        self.found, self.mode = found, Mode()


@pytest.mark.parametrize("family", ["llama", "qwen2", "gpt_neox", "starcoder2", "mistral"])
@pytest.mark.parametrize("name", METHODS)
def test_nothing_is_read_back_within_a_step(
    name: str, family: str, adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path
) -> None:
    reads = Reads()
    base = adapted(name, family)
    loop = TrainingLoop(base, rows(16), rows(8), Tuning(1e-3, **SETTINGS), 8, tmp_path, SEED, lambda *_: None)
    base.model.train()
    with attention_without_masks(base):
        loop._step(0)
        with reads.mode:
            loop._step(1)
    assert reads.found == []
    assert loop._mask_reason == ""


def test_a_micro_batch_changes_no_loss(adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path) -> None:
    train = rows(44)
    whole, cut = (
        tuned(adapted("lora", dropout=0.0), train, tmp_path / str(micro), 0.01, micro=micro) for micro in (8, 3)
    )
    assert cut.losses == pytest.approx(whole.losses, abs=1e-5)
    assert cut.best_loss == pytest.approx(whole.best_loss, abs=1e-5)
    assert cut.tokens == whole.tokens == 5 * sum(len(row["input_ids"]) for row in train)


def test_a_loss_that_is_no_number_ends_the_run_in_one_line(
    adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path
) -> None:
    base = adapted("lora")
    next(p for _, p in trainable(base.model)).data.fill_(math.nan)
    with pytest.raises(ModelError, match=r"the loss of step 1 is nan"):
        tuned(base, rows(16), tmp_path, 0.01)
    assert not list(tmp_path.glob("checkpoint-*"))


def test_the_way_that_was_taken_and_why_is_told(
    adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path
) -> None:
    causal = tuned(adapted("lora"), rows(16), tmp_path / "llama", 0.01, epochs=1.0)
    assert (causal.way, causal.why, causal.masks) == ("step by step", "no CUDA graphs on cpu", "")
    own = tuned(adapted("lora", "codegen"), rows(16), tmp_path / "codegen", 0.01, epochs=1.0)
    assert own.way == "step by step"
    assert own.masks == "CodeGenForCausalLM has an attention of its own" and own.masks in own.why


@pytest.mark.parametrize("name", METHODS)
def test_padding_to_few_shapes_and_empty_rows_change_no_loss(
    name: str, adapted: Callable[..., Base], rows: Callable[..., Rows]
) -> None:
    import torch

    base = adapted(name)
    train = rows(30)
    exact, few = (BucketedBatches(train, 0, False, most) for most in (None, 2))
    groups = [*chunks(range(30), 4)]
    few.fix_buckets(groups)
    assert len(few.shapes) == 2
    base.model.eval()
    with torch.no_grad(), attention_without_masks(base):
        for group in groups:
            found = [
                float(summed_loss(base, unpack_batch(*batches.pack(group, 1)), masked=False))
                for batches in (exact, few)
            ]
            assert found[1] == pytest.approx(found[0], rel=1e-5)


def test_tuning_ends_when_patience_runs_out_also_after_a_restart(
    adapted: Callable[..., Base], rows: Callable[..., Rows], tmp_path: Path
) -> None:
    base = adapted("lora")
    settings = {"evaluate_every": 1.0, "epochs": 6.0, "patience": 2}
    ended = tuned(base, rows(16), tmp_path, 0.0, **settings)  # no rate, no lower loss
    again = tuned(adapted("lora"), rows(16), tmp_path, 0.0, **settings)
    assert len(ended.history) == 3 and ended.steps == len(ended.losses) == 6
    assert (again.history, again.steps, again.tokens) == (ended.history, ended.steps, ended.tokens)
    whole = tuned(adapted("lora"), rows(16), tmp_path / "whole", 0.0, evaluate_every=1.0, epochs=6.0)
    assert whole.steps == 12 and whole.tokens == 2 * ended.tokens

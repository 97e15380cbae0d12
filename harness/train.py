"""The one training loop, on transformers' Trainer.

Cross-entropy on the response tokens only; Adafactor, linear schedule with 5 % warm-up, an effective batch of 8, up to
5 epochs, validation every 0.2 epoch, and the checkpoint with the lowest validation loss is the one that is used
(study, section 4.6). Interrupted anywhere, it continues from the last whole checkpoint, optimiser and random state
included, and ends where it would have ended. When memory runs out the micro-batch is halved and gradients are
accumulated, so that the effective batch stays what was asked for.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ModelError
from harness.model import Base
from harness.prompts import Layout, Prompt
from harness.records import Problem, Tuning
from harness.runs import write_json

COMPLETE = "complete.json"
"""Written into a checkpoint's folder after everything else; a checkpoint without it was torn by a crash."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the loop did: validation losses as (step, loss), the best of them, and the tokens it read."""

    history: tuple[tuple[int, float], ...]
    best_step: int
    best_loss: float
    steps: int
    tokens: int
    micro_batch: int
    truncated: int


def rows(layout: Layout, pairs: Sequence[tuple[Prompt, Problem]], max_tokens: int) -> tuple[list[dict[str, Any]], int]:
    """Token ids and labels for each (prompt, problem); labels are -100 on the prompt. Also: how many were cut."""
    limit, found, cut = min(max_tokens, layout.base.context), [], 0
    for prompt, problem in pairs:
        answer = layout.encode_answer(layout.task.answer(problem))
        if layout.base.seq2seq:
            found.append({"input_ids": list(prompt.tokens[:limit]), "labels": list(answer[:limit])})
            cut += len(answer) > limit
            continue
        tokens = [*prompt.tokens, *answer]
        labels = [-100] * len(prompt.tokens) + list(answer)
        cut += len(tokens) > limit
        found.append({"input_ids": tokens[:limit], "labels": labels[:limit]})
    for row in found:
        row["attention_mask"] = [1] * len(row["input_ids"])
    return found, cut


def fit(
    base: Base,
    train: list[dict[str, Any]],
    validation: list[dict[str, Any]],
    tuning: Tuning,
    folder: Path,
    seed: int,
    progress: Callable[[int, int, str], None],
) -> Tuned:
    """Train what is trainable in `base.model`, in place, and leave the best checkpoint's weights in it.

    `folder` holds the checkpoints while the loop runs; `progress` hears (step, steps, words).

    Raises:
        ModelError: nothing is trainable, or not even a micro-batch of one fits the memory.
    """
    import torch

    if not any(p.requires_grad for p in base.model.parameters()):
        raise ModelError("nothing in the model is trainable under this method")
    micro = tuning.batch_size
    while True:
        try:
            return _fit(base, train, validation, tuning, micro, folder, seed, progress)
        except torch.OutOfMemoryError:
            if micro == 1:
                raise ModelError(
                    "out of memory with one example at a time; shorten them or quantise the base"
                ) from None
            micro //= 2
            base.model.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            progress(0, 0, f"out of memory: micro-batch {micro}, the effective batch stays {tuning.batch_size}")


def _fit(
    base: Base,
    train: list[dict[str, Any]],
    validation: list[dict[str, Any]],
    tuning: Tuning,
    micro: int,
    folder: Path,
    seed: int,
    progress: Callable[[int, int, str], None],
) -> Tuned:
    from transformers import DataCollatorForSeq2Seq, Trainer, set_seed

    set_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    start = _last_whole_checkpoint(folder)
    trainer = Trainer(
        model=base.model,
        args=_arguments(tuning, micro, len(train), folder, seed),
        train_dataset=train,
        eval_dataset=validation,
        data_collator=DataCollatorForSeq2Seq(base.tokenizer, padding=True, label_pad_token_id=-100),
        processing_class=base.tokenizer,
        callbacks=[_callback(progress)],
    )
    _quiet(trainer)
    side = base.tokenizer.padding_side
    base.tokenizer.padding_side = "right"
    try:
        trainer.train(resume_from_checkpoint=str(start) if start else None)
    finally:
        base.tokenizer.padding_side = side
    base.model.config.use_cache = True
    base.model.eval()
    return _summary(trainer, micro)


def _arguments(tuning: Tuning, micro: int, count: int, folder: Path, seed: int) -> Any:
    import torch
    from transformers import TrainingArguments

    accumulate = max(1, tuning.batch_size // micro)
    per_epoch = max(1, math.ceil(count / (micro * accumulate)))
    steps = max(1, math.ceil(per_epoch * tuning.evaluate_every))
    cuda = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=tuning.epochs,
        per_device_train_batch_size=micro,
        per_device_eval_batch_size=micro,
        gradient_accumulation_steps=accumulate,
        learning_rate=tuning.learning_rate,
        optim="adafactor",
        lr_scheduler_type="linear",
        warmup_steps=tuning.warmup_ratio,
        bf16=cuda,
        eval_strategy="steps",
        eval_steps=steps,
        save_strategy="steps",
        save_steps=steps,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_strategy="no",
        report_to=[],
        label_names=["labels"],
        dataloader_pin_memory=cuda,
        disable_tqdm=True,
        use_cpu=not cuda,
        seed=seed,
        data_seed=seed,
        # A GPU's atomics would otherwise make two equal commands differ.
        full_determinism=False,
    )


def _callback(progress: Callable[[int, int, str], None]) -> Any:
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]
        """Tells the user where the loop is, and marks whole checkpoints."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            losses = [e["eval_loss"] for e in state.log_history if "eval_loss" in e]
            progress(state.global_step, state.max_steps, f"validation loss {losses[-1]:.3f}" if losses else "")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            write_json(checkpoint / COMPLETE, {"step": state.global_step})

    return Progress()


def _quiet(trainer: Any) -> None:
    """Take out the callback that prints dictionaries to stdout; stdout is data."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _last_whole_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; torn ones, which this loop made, are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    for checkpoint in reversed(found):
        if (checkpoint / COMPLETE).is_file():
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


def _summary(trainer: Any, micro: int) -> Tuned:
    state = trainer.state
    history = tuple((e["step"], e["eval_loss"]) for e in state.log_history if "eval_loss" in e)
    if not history:
        raise ModelError("the training loop never reached a validation; give more training problems or epochs")
    best_step, best_loss = min(history, key=lambda pair: (pair[1], pair[0]))
    return Tuned(history, best_step, best_loss, state.global_step, int(state.num_input_tokens_seen), micro, 0)


def read_history(path: Path) -> list[tuple[int, float]]:
    """The validation losses in a finished tuning's `tuning.json`."""
    return [(int(step), float(loss)) for step, loss in json.loads(path.read_text("utf-8"))["history"]]

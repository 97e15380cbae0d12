"""The one training loop, on transformers' Trainer.

Cross-entropy on the response tokens only, and logits for no others; rows of like length in a batch; Adafactor, linear
schedule with 5 % warm-up, an effective batch of 8, up to 5 epochs, validation every 0.2 epoch, and the checkpoint with
the lowest validation loss is the one that is used (study, section 4.6). Interrupted anywhere, it continues from the
last whole checkpoint, optimiser and random state included, and ends where it would have ended. When memory runs out
the micro-batch is halved and gradients are accumulated, so that the effective batch stays what was asked for.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import memory
from harness.errors import ModelError
from harness.model import Base, is_prefix
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
    if not any(_trainable(base.model)):
        raise ModelError("nothing in the model is trainable under this method")
    if is_prefix(base.model) and any(getattr(m, "gradient_checkpointing", False) for m in base.model.modules()):
        raise ModelError("prefix tuning does not work with gradient checkpointing; tune without it, or use lora")
    micro = tuning.batch_size
    start = {name: p.detach().to("cpu", copy=True) for name, p in _trainable(base.model)}
    while True:
        try:
            return _fit(base, train, validation, tuning, micro, folder, seed, progress)
        except RuntimeError as error:
            if not memory.ran_out(error):
                raise
        if micro == 1:
            raise ModelError("out of memory with one example at a time; shorten them or quantise the base")
        micro //= 2
        base.model.zero_grad(set_to_none=True)
        # Before the first checkpoint there is nothing else to go back to.
        for name, parameter in _trainable(base.model):
            parameter.data.copy_(start[name])
        memory.release()
        progress(0, 0, f"out of memory: micro-batch {micro}, the effective batch stays {tuning.batch_size}")


def _trainable(model: Any) -> Iterator[tuple[str, Any]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


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
    from transformers import set_seed

    set_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    start = _last_whole_checkpoint(folder)
    trainer = _trainer(base, validation, tuning)(
        model=base.model,
        args=_arguments(tuning, micro, len(train), folder, seed),
        train_dataset=train,
        eval_dataset=validation,
        data_collator=lambda found: collate(base, found),
        callbacks=[_callback(progress)],
    )
    _quiet(trainer)
    trainer.train(resume_from_checkpoint=str(start) if start else None)
    base.model.config.use_cache = True
    base.model.eval()
    return _summary(trainer, micro)


def collate(base: Base, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as tensors, padded on the right: virtual tokens then stand next to the prompt, and no position shifts."""
    import torch

    fill = {"input_ids": base.tokenizer.pad_token_id, "attention_mask": 0, "labels": -100}
    widths = {name: max(len(row[name]) for row in found) for name in fill}
    return {
        name: torch.tensor([[*row[name], *[value] * (widths[name] - len(row[name]))] for row in found])
        for name, value in fill.items()
    }


def summed_loss(base: Base, batch: Mapping[str, Any]) -> tuple[Any, int]:
    """The cross-entropy of a batch, summed over its response tokens, and how many they are.

    A causal model computes logits only where a response token is predicted: the prompt's are most of a batch, and for
    a small model the vocabulary is most of the work. Tuners with a loss of their own, and encoder-decoder models, whose
    decoder sees no prompt, go the plain way.
    """
    import torch

    inputs = {name: value.to(base.device) for name, value in batch.items()}
    cuda = base.device.type == "cuda"
    with torch.autocast(base.device.type, dtype=torch.bfloat16, enabled=cuda):
        if base.seq2seq or (base.model.training and _schedule(base.model) is not None):
            count = int((inputs["labels"] != -100).sum())
            return base.model(**inputs).loss * count, count
        labels = inputs.pop("labels")
        wanted = torch.nn.functional.pad(labels[:, 1:] != -100, (0, 1))
        with _only(_head(base.model), wanted):
            logits = base.model(**inputs, use_cache=False if not is_prefix(base.model) else None).logits[0]
    targets = labels[:, 1:][wanted[:, :-1]]
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum"), len(targets)


@contextlib.contextmanager
def _only(head: Any, wanted: Any) -> Iterator[None]:
    """While this lasts, `head` sees the hidden states of the `wanted` positions alone, as one row.

    Virtual tokens stand before the positions that `wanted` counts.
    """

    def select(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = inputs[0]
        return (hidden[:, hidden.shape[1] - wanted.shape[1] :][wanted][None], *inputs[1:])

    hook = head.register_forward_pre_hook(select)
    try:
        yield
    finally:
        hook.remove()


def _head(model: Any) -> Any:
    return (model.get_base_model() if hasattr(model, "get_base_model") else model).get_output_embeddings()


def _schedule(model: Any) -> Any:
    """The part of a tuner that changes ranks as the loop goes on and has a loss of its own (AdaLoRA), or None."""
    inner = getattr(model, "base_model", None)
    return inner if hasattr(inner, "update_and_allocate") and hasattr(inner, "rankallocator") else None


def validation_loss(base: Base, found: Sequence[Mapping[str, Any]], size: int) -> float:
    """Mean cross-entropy over all response tokens of `found`, `size` rows at a time."""
    import torch

    ordered = sorted(found, key=lambda row: len(row["input_ids"]))
    total, count = 0.0, 0
    base.model.eval()
    with torch.no_grad():
        for start in range(0, len(ordered), size):
            loss, tokens = summed_loss(base, collate(base, ordered[start : start + size]))
            total, count = total + float(loss), count + tokens
    return total / max(1, count)


def _trainer(base: Base, validation: Sequence[Mapping[str, Any]], tuning: Tuning) -> Any:
    from transformers import Trainer

    class Loop(Trainer):  # type: ignore[misc]
        """The Trainer with the loss of this module, for training and for validation."""

        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            # The loss is the mean over all response tokens of a step, whatever its micro-batches are.
            self.model_accepts_loss_kwargs = True

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            loss, count = summed_loss(base, inputs)
            return loss / (count if num_items_in_batch is None else num_items_in_batch)

        def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
            size = min(tuning.batch_size, self.args.per_device_eval_batch_size)
            metrics = {"eval_loss": validation_loss(base, validation, size)}
            base.model.train()
            self.log(metrics)
            self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

    return Loop


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
        train_sampling_strategy="group_by_length",
        optim="adafactor",
        lr_scheduler_type="linear",
        warmup_steps=tuning.warmup_ratio,
        bf16=cuda,
        remove_unused_columns=False,
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
        """Tells the user where the loop is, marks whole checkpoints, and keeps a tuner's schedule of ranks."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if (tuner := _schedule(kwargs["model"])) is not None:
                for settings in tuner.peft_config.values():
                    settings.total_step = state.max_steps
                    settings.tinit, settings.tfinal = state.max_steps // 10, 0
                    tuner.rankallocator.set_total_step(state.max_steps)

        def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if (tuner := _schedule(kwargs["model"])) is not None:
                tuner.update_and_allocate(state.global_step)
                for settings in tuner.peft_config.values():
                    # Pruned ranks are zeros in the weights. With a pattern PEFT would cut checkpoints to it, and the
                    # best checkpoint would not fit the last step's.
                    settings.rank_pattern = None

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

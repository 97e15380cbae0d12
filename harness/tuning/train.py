"""Training rows, and the training loop with the largest micro-batch that fits in memory.

Cross-entropy on response tokens only; rows of similar length in a batch; Adafactor, linear schedule with 5 % warm-up,
an effective batch of 8, up to 5 epochs, validation every 0.2 epoch, and in the end the weights with the lowest
validation loss (study, section 4.6). When memory runs out the micro-batch is halved and gradients are accumulated, so
that the effective batch size stays the same; when not even one row fits, activations are recomputed instead of kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness import processes
from harness.disk import file_errors
from harness.errors import ModelError, OutOfMemoryError
from harness.modeling import memory
from harness.modeling.base import Base, has_trained_prefix
from harness.modeling.prompts import Prompt, PromptBuilder
from harness.records import Problem, Tuning
from harness.tuning.joint import JointTrainingLoop
from harness.tuning.loop import TrainingLoop, trainable
from harness.tuning.losses import LossFunction
from harness.tuning.parameter_groups import ParameterGroup
from harness.tuning.recomputation import supports_recomputation
from harness.tuning.result import TuningResult
from harness.tuning.schedule import AgreedOutOfMemory, Shares, largest_micro_batch
from harness.tuning.stacked import JointMember
from harness.tuning.step_progress import ProgressCallback, ValidationCallback, ignore
from harness.tuning.watching import Look

T = TypeVar("T")


def rows(
    builder: PromptBuilder, pairs: Sequence[tuple[Prompt, Problem]], max_tokens: int
) -> tuple[list[dict[str, Any]], int]:
    """Token ids and labels for each (prompt, problem); labels are -100 on the prompt. Also how many were truncated."""
    limit, encoded, truncated = min(max_tokens, builder.base.context), [], 0
    for prompt, problem in pairs:
        answer = builder.encode_answer(prompt, builder.task.answer(problem))
        if builder.base.seq2seq:
            encoded.append({"input_ids": list(prompt.tokens[:limit]), "labels": list(answer[:limit])})
            truncated += len(answer) > limit
            continue
        tokens = [*prompt.tokens, *answer]
        labels = [-100] * len(prompt.tokens) + list(answer)
        truncated += len(tokens) > limit
        encoded.append({"input_ids": tokens[:limit], "labels": labels[:limit]})
    return encoded, truncated


def fit(
    base: Base,
    train: list[dict[str, Any]],
    validation: list[dict[str, Any]],
    tuning: Tuning,
    folder: Path,
    seed: int,
    progress: ProgressCallback,
    parameter_groups: Sequence[ParameterGroup] | None = None,
    loss_function: LossFunction | None = None,
    until: int | None = None,
    on_validation: ValidationCallback = ignore,
    look: Look | None = None,
) -> TuningResult:
    """Train the trainable parameters of `base.model` in place; in the end it has the weights of the best checkpoint.

    Args:
        base: the model with the method's trainable parameters.
        train: rows to train on, from `rows`.
        validation: rows for the validation loss, which is always the cross-entropy, so that methods can be compared.
        tuning: the settings of the loop.
        folder: for checkpoints while the loop runs.
        seed: of the order of the rows and of dropout.
        progress: called with (step, steps, message).
        parameter_groups: the method's own optimiser groups (`harness.plugin.TuningMethod.parameter_groups`).
        loss_function: the method's own training loss (`harness.plugin.TuningMethod.loss_function`).
        until: the step to end at, one that a validation follows; `fit` without it then goes on.
        on_validation: called after each validation, with a list of one.
        look: measures the adapter after a validation (`watching`), as long as that takes a tenth of the time.

    Raises:
        ModelError: there are no rows, nothing is trainable, or a loss is not finite.
        OutOfMemoryError: not even one row at a time fits in memory.
        PluginError: the parameter groups are not those of the trainable parameters.
        FileError: a checkpoint cannot be written.
    """
    _check_trainable(base, train)
    initial = {name: p.detach().to("cpu", copy=True) for name, p in trainable(base.model)}

    def restore_start() -> None:  # before the first checkpoint there is nothing else to start from
        base.model.zero_grad(set_to_none=True)
        for name, parameter in trainable(base.model):
            parameter.data.copy_(initial[name])

    def attempt(micro_batch: int, recompute: bool) -> TuningResult:
        if processes.is_first():
            with file_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
        with Shares(base.sharded).agreed():
            more = (parameter_groups, loss_function, recompute, on_validation, look)
            loop = TrainingLoop(base, train, validation, tuning, micro_batch, folder, seed, progress, *more)
        return loop.run(until)

    can_recompute = processes.count() == 1 and supports_recomputation(base)
    return _with_less_memory(tuning, attempt, restore_start, progress, can_recompute=can_recompute)


def _check_trainable(base: Base, train: Sequence[Any]) -> None:
    if not train:
        raise ModelError("there is nothing to train on: no training problem has an answer")
    if not any(trainable(base.model)):
        raise ModelError("nothing in the model is trainable under this method")
    if has_trained_prefix(base.model) and any(
        getattr(m, "gradient_checkpointing", False) for m in base.model.modules()
    ):
        raise ModelError("prefix tuning does not work with gradient checkpointing; tune without it, or use lora")


def fit_together(
    base: Base,
    members: Sequence[JointMember],
    train: list[dict[str, Any]],
    validation: list[dict[str, Any]],
    folder: Path,
    progress: ProgressCallback,
    until: int | None = None,
    on_validation: ValidationCallback = ignore,
    looks: Sequence[Look | None] = (),
) -> list[tuple[TuningResult, Mapping[str, Any]]]:
    """Train several adapters at once on `base`, a model with one of their kind: result and best weights of each.

    Call it only where `joint_tuning_unsupported_reason` is None. `set_weights` puts the weights of one adapter into the
    model. A method with parameter groups or a loss of its own is tuned by `fit`. With `until`, a step that a validation
    follows, they end there, and can go on in other company (`JointMember.folder`). `looks` measure each adapter after a
    validation, as `look` does for `fit`.

    Raises:
        OutOfMemoryError: not even a micro-batch of one row for each fits in memory.
        ModelError: a loss is not finite.
        FileError: a checkpoint cannot be written.
    """

    def attempt(micro_batch: int, _: bool) -> list[tuple[TuningResult, Mapping[str, Any]]]:
        with file_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        more = (progress, on_validation, looks)
        loop = JointTrainingLoop(base, members, train, validation, micro_batch, folder, *more)
        return loop.run(until)

    return _with_less_memory(members[0].tuning, attempt, lambda: None, progress, can_recompute=False)


def _with_less_memory(
    tuning: Tuning,
    attempt: Callable[[int, bool], T],
    restore_start: Callable[[], None],
    progress: ProgressCallback,
    *,
    can_recompute: bool,
) -> T:
    """The result of `attempt`, which gets a micro-batch and whether to recompute activations.

    The micro-batch is the largest first, half of it each time that memory runs out. Activations are recomputed
    last, since that takes longer: a third more work, and no CUDA graphs.
    """
    sizes = [largest_micro_batch(tuning)]
    while sizes[-1] > 1:
        sizes.append(sizes[-1] // 2)
    ways = [(size, False) for size in sizes] + [(1, True)] * can_recompute
    for number, (micro_batch, recompute) in enumerate(ways):
        if number:
            restore_start()
            memory.release()
            recomputed = ", activations are recomputed" if recompute else ""
            effective = f"the effective batch stays {tuning.batch_size}"
            progress(0, 0, f"out of memory: micro-batch {micro_batch}, {effective}{recomputed}")
        try:
            return attempt(micro_batch, recompute)
        except RuntimeError as error:
            if not memory.is_out_of_memory(error):
                raise
            if processes.count() > 1 and not isinstance(error, AgreedOutOfMemory):
                raise ModelError("out of memory between two steps, where processes cannot start again") from None
    raise OutOfMemoryError("out of memory with one example at a time; shorten them or quantise the base")

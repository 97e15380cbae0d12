"""The training loop.

A step is the forward and backward pass of one or more micro-batches, and an optimiser update. It never synchronises
with the host: the batch is copied to the device as one packed vector, the learning rates and the step count are there
already, and losses stay there until the next validation. On a GPU both parts are CUDA graphs where the model allows it
(`capture`); the result says whether they were used, and if not why.

Each validation is followed by a checkpoint. An interrupted run continues from the last one, random state included, and
ends with the same weights as an uninterrupted run. Several processes share each step (`schedule`); the first one alone
writes checkpoints, and they are those of a process alone.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import processes
from harness.errors import ModelError
from harness.modeling.base import Base
from harness.records import Tuning
from harness.tuning import checkpoints
from harness.tuning.adafactor import Adafactor, learning_rates
from harness.tuning.attention import attention_without_masks
from harness.tuning.batches import Batch, BucketedBatches, Row, Shape, epoch_steps, unpack_batch
from harness.tuning.capture import GraphedFunction, GraphRecorder, clear_gradients, snapshot
from harness.tuning.checkpoints import Checkpoint, copy_tensors
from harness.tuning.losses import LossFunction, by_length, mask_required_reason, method_loss, summed_loss
from harness.tuning.parameter_groups import ParameterGroup, learning_rate_scales
from harness.tuning.precision import sixteen_bit_activations
from harness.tuning.rank_allocation import (
    importance_state,
    load_importance_state,
    rank_allocator,
    set_rank_schedule,
    update_ranks,
)
from harness.tuning.recomputation import NO_GRAPHS_REASON, recomputed_activations
from harness.tuning.result import TuningResult
from harness.tuning.rng_state import draw_apart, rng_state, set_rng_state
from harness.tuning.schedule import Groups, Schedule, Shares, validation_rows
from harness.tuning.step_progress import ProgressCallback, StepProgress, ValidationCallback, ignore
from harness.tuning.watching import Look, Suspendable, Watch
from harness.tuning.working_copies import WorkingCopies

if TYPE_CHECKING:
    import torch

_OWN_LOSS = "the method has a loss of its own"
MAX_BUCKETS = 8
"""Shapes of training batches on a GPU, at most; each needs a CUDA graph."""


def trainable(model: Any) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """The trainable parameters of `model`, by name."""
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


class TrainingLoop:
    """One tuning run: trains the trainable parameters of `base.model`, in place.

    `parameter_groups` and `loss_function` are those of the method (`harness.plugin.TuningMethod`).
    """

    def __init__(
        self,
        base: Base,
        train: Sequence[Row],
        validation: Sequence[Row],
        tuning: Tuning,
        micro_batch: int,
        folder: Path,
        seed: int,
        progress: ProgressCallback,
        parameter_groups: Sequence[ParameterGroup] | None = None,
        loss_function: LossFunction | None = None,
        recompute: bool = False,
        on_validation: ValidationCallback = ignore,
        look: Look | None = None,
    ) -> None:
        import torch

        self._base, self._tuning, self._micro_batch, self._folder, self._seed = base, tuning, micro_batch, folder, seed
        self._schedule, self._shares = Schedule.of(tuning, len(train)), Shares(base.sharded)
        self._epoch = functools.lru_cache(maxsize=2)(self._epoch_of)
        max_buckets = MAX_BUCKETS if base.device.type == "cuda" else None
        pad_token_id = base.tokenizer.pad_token_id
        self._train = BucketedBatches(train, pad_token_id, base.seq2seq, max_buckets)
        self._validation = BucketedBatches(validation, pad_token_id, base.seq2seq, max_buckets)
        self._weights = dict(trainable(base.model))
        device, steps = base.device, self._schedule.steps
        rates = learning_rates(tuning.learning_rate, steps, tuning.warmup_ratio)
        table = torch.tensor(rates, dtype=torch.float64, device=device)
        scales = learning_rate_scales(self._weights, tuning.learning_rate, parameter_groups)
        self._optimiser = Adafactor(list(self._weights.values()), table, scales=scales)
        self._copies = WorkingCopies(self._weights, ())
        self._training = Suspendable(self._as_trained)
        self._watch = Watch([look], base, self._training)
        self._loss_function = loss_function
        self._losses = torch.zeros(steps, device=device)
        self._validation_sum = torch.zeros((), dtype=torch.float64, device=device)
        self._history: list[tuple[int, float]] = []
        self._validation_rows = validation_rows(tuning, micro_batch)
        self._checkpoints = checkpoints.Writer(folder)
        self._done = 0
        self._mask_reason = _OWN_LOSS if loss_function else mask_required_reason(base, train) or ""
        no_graphs = f"masks are made: {self._mask_reason}" if self._mask_reason else ""
        if rank_allocator(base.model) is not None:
            no_graphs = "its tuner changes ranks as it goes"
        if base.sharded:
            no_graphs = "the base is sharded"
        self._recompute = recompute
        if recompute:
            no_graphs = NO_GRAPHS_REASON
        self._recorder = GraphRecorder(device, no_graphs)
        self._backward_graphs = GraphedFunction(self._recorder, self._backward)
        self._validation_graphs = GraphedFunction(self._recorder, self._validate_batch)
        self._update = self._update_weights
        validations = steps // self._schedule.validate_every
        self._progress = StepProgress(progress, steps, validations, device, on_validation)

    def run(self, until: int | None = None) -> TuningResult:
        """Train to the end, from the last complete checkpoint if there is one; the model then has the best weights.

        With `until`, a step that is followed by a validation, it ends there, and another run goes on.

        Raises:
            ModelError: a loss is no finite number, or there was no validation.
            FileError: a checkpoint cannot be written.
            RuntimeError: memory ran out.
        """
        with self._training, self._checkpoints:
            self._train_until(self._schedule.steps if until is None else until)
        return self._result()

    @contextlib.contextmanager
    def _as_trained(self) -> Iterator[None]:
        """Context manager: the model as it is trained."""
        attention = contextlib.nullcontext() if self._mask_reason else attention_without_masks(self._base)
        recomputed = recomputed_activations(self._base, self._recompute)
        with attention, recomputed, sixteen_bit_activations(self._base) as cast_names:
            if set(cast_names) != set(self._copies.names):  # graphs hold the addresses of those that there are
                self._copies = WorkingCopies(self._weights, cast_names)
            with self._copies.used_by(self._base.model):
                yield

    def _train_until(self, end: int) -> None:
        with self._shares.agreed():
            self._prepare()
        self._done = self._resume()
        self._copies.refresh()
        self._base.model.train()
        while self._done < end and not self._is_out_of_patience():
            self._step(self._done)
            self._done += 1
            if self._done % self._schedule.validate_every == 0:
                self._validate_and_save(self._done)
        self._progress.synchronize()

    def _is_out_of_patience(self) -> bool:
        """Whether the last `patience` validations all had a loss that was no lower than one before them."""
        patience = self._tuning.patience
        if patience is None or len(self._history) <= patience:
            return False
        losses = [loss for _, loss in self._history]
        return min(losses[:-patience]) <= min(losses[-patience:])

    # ---- before the first step ---------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Choose buckets and record graphs, before there is state that a warm-up could change."""
        model = self._base.model
        for name, tokens in getattr(model, "prompt_tokens", {}).items():
            # PEFT keeps them on the host and copies them in every forward pass.
            model.prompt_tokens[name] = tokens.to(self._base.device)
        if (tuner := rank_allocator(model)) is not None:
            set_rank_schedule(tuner, self._schedule.steps)
        if self._base.device.type != "cuda":
            return
        epochs = (self._shares_of(rows) for epoch in range(self._schedule.epochs) for rows in self._epoch(epoch))
        groups = [group for parts in epochs for part in parts for group in part if group]
        self._train.fix_buckets(groups)
        self._validation.fix_buckets(list(by_length(self._validation, self._validation_rows)))
        if not self._recorder.no_graph_reason:
            self._progress.message("recording CUDA graphs")
            self._record(groups)

    def _record(self, groups: Sequence[Sequence[int]]) -> None:
        import torch

        model, state = self._base.model, torch.cuda.get_rng_state()
        for parameter in self._weights.values():
            parameter.grad = torch.zeros_like(parameter)
        restore = snapshot([self._losses, self._validation_sum])
        model.train()
        for shape, packed in self._train.examples(groups):
            self._backward_graphs.record(shape, packed)
        self._update = self._recorder.record(self._update_and_clear_gradients, warm_up=False)
        model.eval()
        for shape, packed in self._validation.examples(list(by_length(self._validation, self._validation_rows))):
            self._validation_graphs.record(shape, packed)
        if self._recorder.no_graph_reason:
            for graphed in (self._backward_graphs, self._validation_graphs):
                graphed.clear()
            self._update = self._update_weights
        self._clear_gradients()
        restore()
        torch.cuda.set_rng_state(state)

    def _epoch_of(self, epoch: int) -> list[list[int]]:
        """The rows of each step of an epoch."""
        return epoch_steps(self._train.lengths, self._tuning.batch_size, self._seed, epoch)

    def _shares_of(self, rows: Sequence[int]) -> list[Groups]:
        """The micro-batches of each process for the rows of a step."""
        return self._shares.of_step(rows, self._micro_batch)

    # ---- a step ------------------------------------------------------------------------------------------------

    def _step(self, step: int) -> None:
        epoch, step_in_epoch = divmod(step, self._schedule.steps_per_epoch)
        rows = self._epoch(epoch)[step_in_epoch]
        total = sum(self._train.counts[number] for number in rows)
        with self._shares.agreed():
            for group in self._shares_of(rows)[processes.number()]:
                self._backward_graphs(*self._train.pack(group, max(1, total)))
        self._add_up(step)
        self._update()
        if (tuner := rank_allocator(self._base.model)) is not None:
            update_ranks(tuner, step)
        if self._recorder.no_graph_reason:
            self._clear_gradients()
        self._progress.step(step + 1)

    def _add_up(self, step: int) -> None:
        """Add up the gradients and the loss of the step over the processes."""
        import torch

        if processes.count() == 1:
            return
        for weight in self._weights.values():
            if weight.grad is None:  # no row was this process's
                weight.grad = torch.zeros_like(weight)
        gradients = [weight.grad for weight in self._weights.values() if weight.grad is not None]
        processes.add_up([*gradients, self._losses[step : step + 1]])

    def _backward(self, shape: Shape, packed: torch.Tensor) -> None:
        """Forward and backward pass of a micro-batch: adds to the gradients and to the loss of the step."""
        loss = self._training_loss(unpack_batch(shape, packed))
        loss.sum().backward()  # type: ignore[no-untyped-call]
        self._copies.add_gradients()
        self._losses.index_add_(0, self._optimiser.step, loss.detach().float().view(1))

    def _training_loss(self, batch: Batch) -> torch.Tensor:
        """The loss of a micro-batch, (1,): its share of the mean over the response tokens of the step."""
        if self._loss_function is None:
            return summed_loss(self._base, batch, bool(self._mask_reason)) / batch.total
        return method_loss(self._base, batch, self._loss_function) / batch.total

    def _update_weights(self) -> None:
        self._optimiser.update()
        self._copies.refresh()

    def _update_and_clear_gradients(self) -> None:
        self._update_weights()
        self._clear_gradients()

    def _clear_gradients(self) -> None:
        clear_gradients(self._weights.values(), in_place=not self._recorder.no_graph_reason)

    # ---- a validation ------------------------------------------------------------------------------------------

    def _validate_batch(self, shape: Shape, packed: torch.Tensor) -> None:
        import torch

        with torch.no_grad():
            self._validation_sum += summed_loss(self._base, unpack_batch(shape, packed), bool(self._mask_reason))

    def _validate_and_save(self, step: int) -> None:
        """Validate after `step` steps, and write a checkpoint."""
        self._progress.synchronize()
        self._check_finite(step)
        self._base.model.eval()
        self._validation_sum.zero_()
        with self._shares.agreed():
            for group in self._validation_groups()[processes.number()]:
                self._validation_graphs(*self._validation.pack(group, 1))
        processes.add_up([self._validation_sum])
        loss = float(self._validation_sum) / max(1, sum(self._validation.counts))
        if not math.isfinite(loss):
            raise ModelError(f"the validation loss after step {step} is {loss}; lower the learning rate")
        self._history.append((step, loss))
        self._base.model.train()
        self._save(step)
        before = self._history[-2][0] if len(self._history) > 1 else 0
        trained = float(self._losses[before:step].mean())
        watch = self._watch.take if self._watch else None
        self._progress.validated([loss], [trained], [self._tokens(step) - self._tokens(before)], watch)

    def _validation_groups(self) -> list[Groups]:
        """The batches of each process."""
        return self._shares.of_validation(list(by_length(self._validation, self._validation_rows)))

    def _check_finite(self, step: int) -> None:
        losses = self._losses[:step].isfinite().logical_not().nonzero()
        if len(losses):
            first = int(losses[0])
            value = float(self._losses[first])
            raise ModelError(f"the loss of step {first + 1} is {value}; lower the learning rate")

    # ---- checkpoints -------------------------------------------------------------------------------------------

    @property
    def _best(self) -> tuple[int, float]:
        return min(self._history, key=lambda pair: (pair[1], pair[0]))

    def _state_tensors(self) -> dict[str, torch.Tensor]:
        """The state beside the weights."""
        tuner = rank_allocator(self._base.model)
        optimiser = {f"optimiser.{name}": tensor for name, tensor in self._optimiser.state().items()}
        return {**optimiser, "losses": self._losses, **(importance_state(tuner) if tuner is not None else {})}

    def _save(self, step: int) -> None:
        if not processes.is_first():
            draw_apart(self._seed, step)
            return
        state, facts = rng_state()
        checkpoint = Checkpoint(
            step, self._weights, {**self._state_tensors(), **state}, {**facts, "history": self._history}
        )
        self._checkpoints.write(checkpoint, self._best[0])

    def _resume(self) -> int:
        """Load the last complete checkpoint; returns its step, or 0."""
        from transformers import set_seed

        set_seed(self._seed)
        checkpoint = processes.from_first(checkpoints.last(self._folder) if processes.is_first() else None)
        if checkpoint is None:
            processes.copy_from_first(list(self._weights.values()))
            draw_apart(self._seed, 0)
            self._progress.begin(0, 0, None)
            return 0
        copy_tensors(checkpoint.weights, self._weights)
        if (tuner := rank_allocator(self._base.model)) is not None:
            load_importance_state(tuner, checkpoint.state)
        copy_tensors({name: checkpoint.state[name] for name in self._state_tensors()}, self._state_tensors())
        set_rng_state(checkpoint)
        draw_apart(self._seed, checkpoint.step)
        self._history = [(step, loss) for step, loss in checkpoint.facts["history"]]
        self._progress.begin(checkpoint.step, len(self._history), self._history[-1][1])
        return checkpoint.step

    # ---- the end -----------------------------------------------------------------------------------------------

    def _result(self) -> TuningResult:
        if not self._history:
            raise ModelError("the training loop never reached a validation; give more training problems or epochs")
        self._check_finite(self._done)
        step, loss = self._best
        if processes.is_first():
            copy_tensors(checkpoints.weights(self._folder, step), self._weights)
        processes.copy_from_first(list(self._weights.values()))
        for parameter in self._weights.values():
            parameter.grad = None
        self._base.model.eval()
        no_graph_reason = self._recorder.no_graph_reason
        return TuningResult(
            history=tuple(self._history),
            best_step=step,
            best_loss=loss,
            steps=self._done,
            tokens=self._tokens(self._done),
            micro_batch=self._micro_batch,
            truncated=0,
            losses=tuple(self._losses[: self._done].tolist()),
            way="step by step" if no_graph_reason else "CUDA graphs",
            why=no_graph_reason,
            masks=self._mask_reason,
            shapes=tuple((s.rows, s.width, s.positions) for s in self._train.shapes),
            processes=processes.count(),
            sharded=self._base.sharded,
        )

    def _tokens(self, done: int) -> int:
        """Tokens that the first `done` steps train on, without padding."""
        lengths = self._train.lengths
        whole, more = divmod(done, self._schedule.steps_per_epoch)
        begun = self._epoch(whole)[:more] if more else []
        numbers = [number for rows in begun for number in rows]
        return whole * sum(lengths) + sum(lengths[number] for number in numbers)

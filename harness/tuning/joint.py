"""Joint tuning: several adapters of one kind at once on one base, for sweeps of learning rates and seeds.

The weights of the adapters are stacked by name. The loss of one adapter is a function of its weights and its batch;
`torch.vmap` vectorises it over adapters, on PEFT's layers as they are. Gradients are those of the sum of the losses,
and so for each adapter those of its own loss. All else is separate for each adapter: the mean over its own response
tokens, gradient norm and optimiser state, learning rate, order of the rows, dropout, best weights.

The adapters need the same shapes and settings (rank, scale), which are part of the layers, and the same number of
steps. A tuner that `vmap` does not support, and a model that needs attention masks, are tuned one at a time by `loop`.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError
from harness.modeling.base import Base
from harness.records import Watched
from harness.tuning import checkpoints
from harness.tuning.adafactor import Adafactor, learning_rates
from harness.tuning.attention import VMAP_NAME, attention_without_masks
from harness.tuning.batches import BucketedBatches, Row, Shape, chunks, epoch_steps
from harness.tuning.capture import GraphedFunction, GraphRecorder, clear_gradients, snapshot
from harness.tuning.checkpoints import Checkpoint, copy_tensors
from harness.tuning.loop import MAX_BUCKETS
from harness.tuning.losses import by_length
from harness.tuning.precision import sixteen_bit_activations
from harness.tuning.result import TuningResult
from harness.tuning.rng_state import rng_state, set_rng_state
from harness.tuning.schedule import Schedule, validation_rows
from harness.tuning.stacked import JointMember, set_weights, stacked_losses, stacked_weights
from harness.tuning.step_progress import ProgressCallback, StepProgress, ValidationCallback, ignore
from harness.tuning.watching import Look, Suspendable, Watch
from harness.tuning.working_copies import WorkingCopies

if TYPE_CHECKING:
    import torch


class JointTrainingLoop:
    """One joint run. The stacked weights replace those of the model, which do not change."""

    def __init__(
        self,
        adapted: Base,
        members: Sequence[JointMember],
        train: Sequence[Row],
        validation: Sequence[Row],
        micro_batch: int,
        folder: Path,
        progress: ProgressCallback,
        on_validation: ValidationCallback = ignore,
        looks: Sequence[Look | None] = (),
    ) -> None:
        import torch

        self._base, self._members, self._micro_batch, self._folder = adapted, members, micro_batch, folder
        tuning, device = members[0].tuning, adapted.device
        self._tuning, self._schedule = tuning, Schedule.of(tuning, len(train))
        max_buckets = MAX_BUCKETS if device.type == "cuda" else None
        self._train = BucketedBatches(train, adapted.tokenizer.pad_token_id, False, max_buckets)
        self._validation = BucketedBatches(validation, adapted.tokenizer.pad_token_id, False, max_buckets)
        self._weights = stacked_weights(members, device)
        self._copies = WorkingCopies(self._weights, ())
        self._training = Suspendable(self._as_trained)
        self._watch = Watch(looks, adapted, self._training)
        self._best = {name: weight.detach().clone() for name, weight in self._weights.items()}
        steps = self._schedule.steps
        tables = [learning_rates(m.tuning.learning_rate, steps, m.tuning.warmup_ratio) for m in members]
        table = torch.tensor(tables, dtype=torch.float64, device=device).T.contiguous()
        self._optimiser = Adafactor(list(self._weights.values()), table, batch_dims=1)
        self._losses = torch.zeros(steps, len(members), device=device)
        self._validation_sum = torch.zeros(len(members), dtype=torch.float64, device=device)
        self._history: list[tuple[int, list[float]]] = []
        self._done = 0
        self._validation_rows = validation_rows(tuning, micro_batch)
        self._checkpoints = checkpoints.Writer(folder)
        self._recorder = GraphRecorder(device)
        self._backward_graphs = GraphedFunction(self._recorder, self._backward)
        self._validation_graphs = GraphedFunction(self._recorder, self._validate_batch)
        self._update = self._update_weights
        validations = steps // self._schedule.validate_every
        self._progress = StepProgress(progress, steps, validations, device, on_validation)
        self._micro_batches = functools.lru_cache(maxsize=2)(self._micro_batches_of)

    def run(self, until: int | None = None) -> list[tuple[TuningResult, Mapping[str, Any]]]:
        """Train to the end, from the last complete checkpoint if there is one: result and best weights of each adapter.

        With `until`, a step that is followed by a validation, it ends there with a checkpoint for each adapter alone.

        Raises:
            ModelError: a loss is no finite number, or there was no validation.
            FileError: a checkpoint cannot be written.
            RuntimeError: memory ran out.
        """
        with self._training, self._checkpoints:
            self._prepare()
            self._done = self._resume()
            self._copies.refresh()
            self._base.model.train()
            end = self._schedule.steps if until is None else until
            while self._done < end:
                self._step(self._done)
                self._done += 1
                if self._done % self._schedule.validate_every == 0:
                    self._validate_and_save(self._done)
            self._progress.synchronize()
        if until is not None:
            self._part()
        return self._finish()

    @contextlib.contextmanager
    def _as_trained(self) -> Iterator[None]:
        """Context manager: the model as it is trained."""
        attention = attention_without_masks(self._base, VMAP_NAME)
        with attention, sixteen_bit_activations(self._base) as cast_names:
            if set(cast_names) != set(self._copies.names):  # graphs hold the addresses of those that there are
                self._copies = WorkingCopies(self._weights, cast_names)
            yield

    def _micro_batches_of(self, epoch: int) -> list[list[list[Sequence[int]]]]:
        """The micro-batches of each step of an epoch; each has a group of row numbers for every adapter."""
        steps_by_member = [
            epoch_steps(self._train.lengths, self._tuning.batch_size, m.seed, epoch) for m in self._members
        ]
        return [
            [list(groups) for groups in zip(*(chunks(rows, self._micro_batch) for rows in step), strict=True)]
            for step in zip(*steps_by_member, strict=True)
        ]

    def _prepare(self) -> None:
        model = self._base.model
        for name, tokens in getattr(model, "prompt_tokens", {}).items():
            model.prompt_tokens[name] = tokens.to(self._base.device)
        if self._base.device.type != "cuda":
            return
        epochs = (self._micro_batches_of(epoch) for epoch in range(self._schedule.epochs))
        groups = [group for epoch in epochs for step in epoch for groups in step for group in groups]
        validation_groups = list(by_length(self._validation, self._validation_rows))
        self._train.fix_buckets(groups)
        self._validation.fix_buckets(validation_groups)
        self._progress.message("recording CUDA graphs")
        self._record(groups, validation_groups)

    def _record(self, groups: Sequence[Sequence[int]], validation_groups: Sequence[Sequence[int]]) -> None:
        import torch

        model, state, count = self._base.model, torch.cuda.get_rng_state(), len(self._members)
        for weight in self._weights.values():
            weight.grad = torch.zeros_like(weight)
        restore = snapshot([self._losses, self._validation_sum])
        for batches, groups_, graphed in (
            (self._train, groups, self._backward_graphs),
            (self._validation, validation_groups, self._validation_graphs),
        ):
            model.train(batches is self._train)
            for shape, packed in batches.examples(groups_):
                graphed.record(shape, torch.stack([packed] * count))
        self._update = self._recorder.record(self._update_and_clear_gradients, warm_up=False)
        if self._recorder.no_graph_reason:
            self._backward_graphs.clear()
            self._validation_graphs.clear()
            self._update = self._update_weights
        self._clear_gradients()
        restore()
        torch.cuda.set_rng_state(state)

    # ---- a step and a validation -------------------------------------------------------------------------------

    def _step(self, step: int) -> None:
        epoch, step_in_epoch = divmod(step, self._schedule.steps_per_epoch)
        micro_batches, counts = self._micro_batches(epoch)[step_in_epoch], self._train.counts
        totals = [sum(counts[n] for groups in micro_batches for n in groups[i]) for i in range(len(self._members))]
        for groups in micro_batches:
            self._backward_graphs(*self._packed(self._train, groups, [max(1, total) for total in totals]))
        self._update()
        if self._recorder.no_graph_reason:
            self._clear_gradients()
        self._progress.step(step + 1)

    def _packed(
        self, batches: BucketedBatches, groups: Sequence[Sequence[int]], totals: Sequence[int]
    ) -> tuple[Shape, torch.Tensor]:
        """The groups of all adapters in one shape: (adapters, packed size)."""
        import torch

        shape = batches.common_shape(groups)
        packed = [batches.pack_as(shape, group, total) for group, total in zip(groups, totals, strict=True)]
        return shape, torch.stack(packed)

    def _backward(self, shape: Shape, packed: torch.Tensor) -> None:
        losses = stacked_losses(self._base, shape, self._copies.weights, packed) / packed[:, -1]
        losses.sum().backward()  # type: ignore[no-untyped-call]
        self._copies.add_gradients()
        self._losses.index_add_(0, self._optimiser.step, losses.detach().float()[None])

    def _update_weights(self) -> None:
        self._optimiser.update()
        self._copies.refresh()

    def _update_and_clear_gradients(self) -> None:
        self._update_weights()
        self._clear_gradients()

    def _clear_gradients(self) -> None:
        clear_gradients(self._weights.values(), in_place=not self._recorder.no_graph_reason)

    def _validate_batch(self, shape: Shape, packed: torch.Tensor) -> None:
        import torch

        with torch.no_grad():
            self._validation_sum += stacked_losses(self._base, shape, self._copies.weights, packed)

    def _validate_and_save(self, step: int) -> None:
        self._progress.synchronize()
        self._check_finite(step)
        self._base.model.eval()
        self._validation_sum.zero_()
        count = len(self._members)
        for group in by_length(self._validation, self._validation_rows):
            self._validation_graphs(*self._packed(self._validation, [group] * count, [1] * count))
        losses = (self._validation_sum / max(1, sum(self._validation.counts))).tolist()
        if not all(map(math.isfinite, losses)):
            raise ModelError(f"a validation loss after step {step} is no finite number: {losses}; lower learning rates")
        self._update_best(losses)
        self._history.append((step, losses))
        self._base.model.train()
        self._save(step)
        before = self._history[-2][0] if len(self._history) > 1 else 0
        trained = self._losses[before:step].mean(0).tolist()
        read = [self._tokens(number, step) - self._tokens(number, before) for number in range(count)]
        self._progress.validated(losses, trained, read, self._look if self._watch else None)

    def _look(self, tuned: float, whole: float) -> list[Watched | None]:
        def enter(number: int) -> None:
            set_weights(self._base, {name: weight.detach()[number] for name, weight in self._weights.items()})

        return self._watch.take(tuned, whole, enter)

    def _update_best(self, losses: Sequence[float]) -> None:
        for number, loss in enumerate(losses):
            if all(loss < before[number] for _, before in self._history):
                for name, weight in self._weights.items():
                    self._best[name][number].copy_(weight.detach()[number])

    def _check_finite(self, step: int) -> None:
        not_finite = self._losses[:step].isfinite().logical_not().nonzero()
        if len(not_finite):
            first, member = not_finite[0].tolist()
            rate = self._members[member].tuning.learning_rate
            raise ModelError(f"the loss of step {first + 1} at learning rate {rate:g} is no finite number")

    # ---- checkpoints and the end -------------------------------------------------------------------------------

    def _state_tensors(self) -> dict[str, Any]:
        optimiser = {f"optimiser.{name}": tensor for name, tensor in self._optimiser.state().items()}
        best = {f"best.{name}": weight for name, weight in self._best.items()}
        return {**optimiser, "losses": self._losses, **best}

    def _save(self, step: int) -> None:
        state, facts = rng_state()
        tensors = {**self._state_tensors(), **state}
        checkpoint = Checkpoint(step, self._weights, tensors, {**facts, "history": self._history})
        self._checkpoints.write(checkpoint, step)  # which contains the best weights of each adapter

    def _resume(self) -> int:
        from transformers import set_seed

        set_seed(self._members[0].seed)
        found = checkpoints.last(self._folder)
        if found is None:
            return self._join()
        copy_tensors(found.weights, self._weights)
        copy_tensors(found.state, self._state_tensors())
        set_rng_state(found)
        self._history = [(step, losses) for step, losses in found.facts["history"]]
        self._progress.begin(found.step, len(self._history), min(self._history[-1][1]))
        return found.step

    def _part(self) -> None:
        """Leave a checkpoint of each adapter alone, with which it goes on in another joint run."""
        random, facts = rng_state()
        for number, member in enumerate(self._members):
            assert member.folder is not None
            weights, state = self._tensors_of(number)
            history = [(step, losses[number]) for step, losses in self._history]
            alone = Checkpoint(self._done, weights, {**state, **random}, {**facts, "history": history})
            checkpoints.write(member.folder, alone, self._done)

    def _join(self) -> int:
        """Load the checkpoints that each adapter left when its last joint run ended; returns their step, or 0."""

        found = [checkpoints.last(member.folder) for member in self._members if member.folder is not None]
        parts = [one for one in found if one is not None]
        if len(parts) < len(self._members) or len({part.step for part in parts}) > 1:
            self._progress.begin(0, 0, None)
            return 0
        for number, part in enumerate(parts):
            weights, state = self._tensors_of(number)
            copy_tensors(part.weights, weights)
            copy_tensors(part.state, state)
        set_rng_state(parts[0])
        histories = zip(*(part.facts["history"] for part in parts), strict=True)
        self._history = [(validations[0][0], [loss for _, loss in validations]) for validations in histories]
        self._progress.begin(parts[0].step, len(self._history), min(self._history[-1][1]))
        return parts[0].step

    def _tensors_of(self, number: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """The weights and the other state of one adapter by name, as views."""
        moments = {
            f"{kind}.{name}": moment[number]
            for name, kinds in zip(self._weights, self._optimiser.moments(), strict=True)
            for kind, moment in kinds.items()
        }
        best = {f"best.{name}": weight[number] for name, weight in self._best.items()}
        own = {"step": self._optimiser.step, "losses": self._losses[:, number], **moments, **best}
        return {name: weight[number] for name, weight in self._weights.items()}, own

    def _finish(self) -> list[tuple[TuningResult, Mapping[str, Any]]]:
        if not self._history:
            raise ModelError("the training loop never reached a validation; give more training problems or epochs")
        self._check_finite(self._done)
        self._base.model.eval()
        return list(self._results())

    def _results(self) -> Iterator[tuple[TuningResult, Mapping[str, Any]]]:
        why, losses = self._recorder.no_graph_reason, self._losses.T.tolist()
        for number in range(len(self._members)):
            history = tuple((step, found[number]) for step, found in self._history)
            step, loss = min(history, key=lambda pair: (pair[1], pair[0]))
            tuned = TuningResult(
                history=history,
                best_step=step,
                best_loss=loss,
                steps=self._done,
                tokens=self._tokens(number, self._done),
                micro_batch=self._micro_batch,
                truncated=0,
                losses=tuple(losses[number][: self._done]),
                way="step by step" if why else "CUDA graphs",
                why=why,
                shapes=tuple((s.rows, s.width, s.positions) for s in self._train.shapes),
            )
            yield tuned, {name: weight[number].clone() for name, weight in self._best.items()}

    def _tokens(self, number: int, done: int) -> int:
        """Tokens that the first `done` steps of one adapter train on, without padding."""
        whole, more = divmod(done, self._schedule.steps_per_epoch)
        begun = self._micro_batches(whole)[:more] if more else []
        read = [self._train.lengths[row] for step in begun for groups in step for row in groups[number]]
        return whole * sum(self._train.lengths) + sum(read)

"""When a tuning run validates, and which rows each of its processes works on.

The rows of a step, and the batches of a validation, are cut over the processes of the command; gradients and losses are
added up again, so that a step is the one that a process alone takes. One process has everything.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness import processes
from harness.errors import ModelError
from harness.modeling import memory
from harness.records import Tuning
from harness.tuning.batches import chunks

_VALIDATION_FACTOR = 4
"""Validation has so many times the rows in a batch: without gradients they need less memory."""
Groups = Sequence[Sequence[int]]
"""Row numbers of each micro-batch of one process."""


def largest_micro_batch(tuning: Tuning) -> int:
    """The rows of a step that one process works on at most."""
    return math.ceil(tuning.batch_size / processes.count())


def validation_rows(tuning: Tuning, micro_batch: int) -> int:
    """Rows of a batch of validation; no more than a micro-batch has where memory ran out."""
    return micro_batch * (_VALIDATION_FACTOR if micro_batch == largest_micro_batch(tuning) else 1)


@dataclass(frozen=True)
class Schedule:
    """Steps of an epoch, of the whole run, and between two validations."""

    steps_per_epoch: int
    steps: int
    validate_every: int

    @classmethod
    def of(cls, tuning: Tuning, rows: int) -> Schedule:
        """The schedule for `rows` training rows."""
        steps_per_epoch = max(1, math.ceil(rows / tuning.batch_size))
        steps = math.ceil(tuning.epochs * steps_per_epoch)
        return cls(steps_per_epoch, steps, max(1, math.ceil(steps_per_epoch * tuning.evaluate_every)))

    @property
    def epochs(self) -> int:
        """Epochs, the last of which may be incomplete."""
        return math.ceil(self.steps / self.steps_per_epoch)


class AgreedOutOfMemory(RuntimeError):
    """Memory ran out in one of the processes, and all know it: they can go on with smaller micro-batches."""

    def __init__(self) -> None:
        super().__init__("one of the processes is out of memory.")


@dataclass(frozen=True)
class Shares:
    """How groups of rows are dealt out. With a `sharded` base all processes run the model equally often."""

    sharded: bool

    def of_step(self, rows: Sequence[int], micro_batch: int) -> list[Groups]:
        """The micro-batches of each process for the rows of a step."""
        count = processes.count()
        return self._even([list(chunks(rows[number::count], micro_batch)) for number in range(count)])

    def of_validation(self, groups: Groups) -> list[Groups]:
        """The batches of each process for those of a validation."""
        return self._even([list(groups[number :: processes.count()]) for number in range(processes.count())])

    def _even(self, parts: list[list[Sequence[int]]]) -> list[Groups]:
        most = max(map(len, parts)) if self.sharded else 0
        return [[*part, *[()] * (most - len(part))] for part in parts]

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        """A block that every process goes through at the same time; memory that runs out in one does in all.

        With a sharded base they meet within the block, where one that failed is missed at once.

        Raises:
            AgreedOutOfMemory: memory ran out in one of them.
            ModelError: in this one, with a sharded base.
        """
        if processes.count() == 1:
            yield
            return
        failed = False
        try:
            yield
        except RuntimeError as error:
            if not memory.is_out_of_memory(error):
                raise
            failed = True
        if failed and self.sharded:
            raise ModelError(
                "out of memory with a sharded base; start more processes, or shorten examples with the"
                " method's option max_tokens"
            )
        if not self.sharded and processes.any_of(failed):
            raise AgreedOutOfMemory

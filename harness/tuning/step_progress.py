"""Progress of a tuning run in steps that the device has finished; the host launches steps ahead of a GPU."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.records import TuningProgress, Watched

if TYPE_CHECKING:
    import torch

_MAX_AHEAD = 32
"""Steps that the host may be ahead of the device; more would only need memory for their batches."""
ProgressCallback = Callable[[int, int, str], None]
ValidationCallback = Callable[[Sequence[TuningProgress]], None]
"""Called after each validation, with what there is to say of each adapter that is tuned."""
WatchCallback = Callable[[float, float], Sequence[Watched | None]]
"""Called after a validation with the seconds of the tuning until then, and to its end: what a metric says of each
adapter."""


def ignore(_: Sequence[TuningProgress]) -> None:
    """Where nobody listens to validations."""


class StepProgress:
    """Calls `progress` for finished steps, with the last validation loss, the speed and the remaining time.

    The remaining time is estimated for steps and validations separately, since one validation takes as long as many
    steps.
    """

    def __init__(
        self,
        progress: ProgressCallback,
        steps: int,
        validations: int,
        device: torch.device,
        on_validation: ValidationCallback = ignore,
    ) -> None:
        self._progress, self._steps, self._validations, self._device = progress, steps, validations, device
        self._on_validation, self._seconds_told = on_validation, 0.0
        self._launched: deque[tuple[int, Any]] = deque()
        self._validation_text = self._watched_text = ""
        self._since = time.monotonic()
        self._seconds_stepping = self._seconds_validating = self._seconds_watching = 0.0
        self._steps_measured = self._validations_measured = 0
        self._done = 0

    def begin(self, step: int, validated: int, loss: float | None) -> None:
        """The run starts, or continues, after `step` steps and `validated` validations, the last with `loss`."""
        self._done, self._validations = step, self._validations - validated
        self._since = time.monotonic()
        if loss is not None:
            self._validation_text = f"validation loss {loss:.3f}"

    def message(self, text: str) -> None:
        """Report `text` before the first step."""
        self._progress(self._done, self._steps, text)

    def step(self, step: int) -> None:
        """Step `step` was launched; reports those that are finished by now, on a CPU this one too."""
        if self._device.type != "cuda":
            self._report(step)
            return
        import torch

        event = torch.Event(self._device)
        event.record()
        self._launched.append((step, event))
        if len(self._launched) > _MAX_AHEAD:
            self._launched[0][1].synchronize()
        while self._launched and self._launched[0][1].query():
            self._report(self._launched.popleft()[0])

    def synchronize(self) -> None:
        """Wait until all launched steps are finished; the time that follows is not counted as steps."""
        while self._launched:
            number, event = self._launched.popleft()
            event.synchronize()
            self._report(number)
        self._seconds_stepping += self._lap()

    def validated(
        self,
        losses: Sequence[float],
        training_losses: Sequence[float],
        tokens: Sequence[int],
        watch: WatchCallback | None = None,
    ) -> None:
        """A validation and its checkpoint are finished; `watch` is called now.

        For each adapter: its validation loss, its mean training loss over the steps since the validation before, and
        the tokens that these trained on.
        """
        self._seconds_validating += self._lap()
        self._validations_measured += 1
        self._validation_text = f"validation loss {min(losses):.3f}"
        watched: Sequence[Watched | None] = [None] * len(losses)
        if watch is not None:
            tuned = self._seconds_stepping + self._seconds_validating
            watched = watch(tuned, tuned * (1 + (self._steps - self._done) / max(1, self._steps_measured)))
            self._seconds_watching += self._lap()
            self._watched_text = _values(watched) or self._watched_text
        self._progress(self._done, self._steps, self._text())
        seconds, self._seconds_told = round(self._seconds_stepping - self._seconds_told, 3), self._seconds_stepping
        self._on_validation(
            [
                TuningProgress(self._done, self._steps, training, validation, read, seconds, seen)
                for validation, training, read, seen in zip(losses, training_losses, tokens, watched, strict=True)
            ]
        )

    def _lap(self) -> float:
        """The seconds since time was last counted, which are now."""
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        return seconds

    def _report(self, step: int) -> None:
        self._steps_measured += 1
        self._done = step
        self._progress(step, self._steps, self._text())

    def _text(self) -> str:
        losses = ", ".join(filter(None, (self._validation_text, self._watched_text)))
        stepping = self._seconds_stepping + (time.monotonic() - self._since if self._steps_measured else 0.0)
        if not (self._steps_measured and self._validations_measured and stepping > 0):
            return losses
        per_step = stepping / self._steps_measured
        per_validation = (self._seconds_validating + self._seconds_watching) / self._validations_measured
        validations = max(0, self._validations - self._validations_measured)
        left = (self._steps - self._done) * per_step + validations * per_validation
        return f"{losses}, {1 / per_step:.3g} steps/s, {_time(left)} left"


def _values(watched: Sequence[Watched | None]) -> str:
    """ "em@1 0.25", or the lowest and highest of several adapters."""
    seen = [one for one in watched if one is not None]
    if not seen:
        return ""
    low, high = (f"{end(one.value for one in seen):.2f}" for end in (min, max))
    return f"{seen[0].measure} {low}" + (f" to {high}" if high != low else "")


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

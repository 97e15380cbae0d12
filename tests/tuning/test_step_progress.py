"""What a user sees of a run is true."""

from __future__ import annotations

import pytest

from harness.tuning import step_progress
from harness.tuning.step_progress import StepProgress


class Clock:
    """A clock that goes when told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_time_left_counts_steps_and_validations_each_at_what_they_took(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    clock, told = Clock(), []
    monkeypatch.setattr(step_progress, "time", clock)
    run = StepProgress(lambda *words: told.append(words), 100, 10, torch.device("cpu"))
    run.begin(0, 0, None)
    for step in range(1, 31):
        clock.now += 1.0
        run.step(step)
        if step % 10 == 0:
            run.synchronize()
            clock.now += 20.0
            run.validated([2.0 - step / 100], [1.0], [1])
    # 70 steps of a second, 7 validations of twenty.
    assert told[-1] == (30, 100, "about 3 min 30 s left, 1 steps/s, validation loss 1.700")
    left = [words.partition(", ")[0] for _, _, words in told[10:]]
    assert left[0] == "about 4 min 30 s left" and left[-1] == "about 3 min 30 s left"


def test_before_the_first_validation_the_time_of_the_steps_is_told_and_called_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    clock, told = Clock(), []
    monkeypatch.setattr(step_progress, "time", clock)
    run = StepProgress(lambda *words: told.append(words), 100, 10, torch.device("cpu"))
    run.begin(0, 0, None)
    for step in range(1, 10):
        clock.now += 2.0
        run.step(step)
    assert [words for _, _, words in told[:2]] == ["", ""], "the first steps warm up"
    assert told[8] == (9, 100, "about 3 min left without validations, 0.5 steps/s")


def test_a_run_that_goes_on_counts_only_its_own_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    clock, told = Clock(), []
    monkeypatch.setattr(step_progress, "time", clock)
    run = StepProgress(lambda *words: told.append(words), 100, 10, torch.device("cpu"))
    run.begin(90, 9, 1.5)
    clock.now += 2.0
    run.step(91)
    assert told == [(91, 100, "validation loss 1.500")]
    for step in range(92, 101):
        clock.now += 2.0
        run.step(step)
    run.synchronize()
    run.validated([1.25], [1.0], [1])
    assert told[-1] == (100, 100, "about 0 s left, 0.5 steps/s, validation loss 1.250")

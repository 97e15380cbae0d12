"""The time left of writing is about right where it is called so, and the most where it is called that."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from harness.evaluation import writing_progress
from harness.evaluation.writing_progress import WritingProgress, steps_to_come

LIMIT = 60


class Clock:
    """A clock that goes when told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Writing:
    """Problems with lengths in steps, decoded `size` at a time as the scheduler does; a step takes time by its rows."""

    def __init__(self, lengths: list[int], size: int, clock: Clock) -> None:
        self._waiting, self._size, self._clock = list(lengths), size, clock
        self.total, self.work = len(lengths), sum(lengths)

    def run(self, told: WritingProgress, at: Callable[[int, float], None]) -> None:
        """`at` is called after each step with the steps of problems so far, and the time."""
        running: list[list[int]] = []
        written = work = 0
        while self._waiting or running:
            while self._waiting and len(running) < self._size:
                running.append([0, self._waiting.pop(0)])
            for one in running:
                one[0] += 1
            work += len(running)
            self._clock.now += 0.2 + 0.05 * len(running)
            told.stepped([(steps, LIMIT) for steps, _ in running])
            at(work, self._clock.now)
            for _ in [one for one in running if one[0] == one[1]]:
                written += 1
                told.written(written)
            running = [one for one in running if one[0] < one[1]]


def lengths(kind: str, count: int) -> list[int]:
    rng = random.Random(count)
    of = {
        "mixed": lambda: rng.randint(10, LIMIT),
        "long": lambda: LIMIT,
        "short": lambda: rng.randint(5, 15),
        "two kinds": lambda: rng.choice((12, LIMIT)),
    }[kind]
    return [of() for _ in range(count)]


@pytest.mark.parametrize("kind", ["mixed", "long", "short", "two kinds"])
@pytest.mark.parametrize(("count", "size"), [(200, 8), (120, 30), (40, 8), (543, 64)])
def test_the_time_left_is_within_30_per_cent_once_it_is_called_about(
    kind: str, count: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    writing = Writing(lengths(kind, count), size, clock)
    within = 0.55 if count == 40 else 0.3  # five rounds are short or long by chance
    told, said = WritingProgress(lambda *_: None, writing.total, 0), []
    writing.run(told, lambda work, now: said.append((work / writing.work, now, told.left(now), told.is_bound)))
    for part, now, left, bound in said:
        if left is None:
            assert part < 0.1
        elif bound and now < clock.now:
            assert left >= 0.99 * (clock.now - now), "no more than the most"
        elif 0.2 <= part <= 0.5:
            assert left == pytest.approx(clock.now - now, rel=within), part
    assert not all(bound for part, _, _, bound in said if part < 0.6)


def test_before_the_first_problem_is_finished_the_most_is_told_and_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    lines: list[tuple[int, int, str]] = []
    told = WritingProgress(lambda *words: lines.append(words), 30, 0)
    for step in range(1, 11):
        told.stepped([(step, LIMIT)] * 30)
        clock.now += 1.0
    assert lines[-1] == (0, 30, "at most 50 s left")
    for count in range(1, 15):
        told.written(count)
    clock.now += 1.0
    told.stepped([(11, LIMIT)] * 16)
    assert lines[-1] == (14, 30, "at most 35 s left")
    told.written(15)
    clock.now += 1.0
    told.stepped([(12, LIMIT)] * 15)
    assert lines[-1][2].startswith("about ")


def test_a_batch_that_begins_again_finished_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    told = WritingProgress(lambda *_: None, 8, 0)
    for running in ([(1, LIMIT)] * 8, [(2, LIMIT)] * 8, [(1, LIMIT)] * 4, [(2, LIMIT)] * 4):
        clock.now += 1.0
        told.stepped(running)
    assert told.is_bound, "memory ran out, and half as many were begun anew"


def test_what_an_earlier_attempt_wrote_is_no_work_and_the_last_problem_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    lines: list[tuple[int, int, str]] = []
    told = WritingProgress(lambda *words: lines.append(words), 12, 10)
    for step in range(1, 11):
        told.stepped([(step, 10), (step, 10)])
        clock.now += 1.0
    assert lines[-1] == (10, 12, "at most 0 s left")
    told.written(11)
    told.written(12)
    assert lines[-1] == (12, 12, "")


def test_where_no_step_is_told_nothing_is_said_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    lines: list[tuple[int, int, str]] = []
    told = WritingProgress(lambda *words: lines.append(words), 3, 0)
    clock.now = 5.0
    told.written(1)
    assert lines == [(1, 3, "")]


def test_those_under_way_count_as_longer_than_they_are_so_far() -> None:
    # Of four one took 2 steps, three have taken 4 and go on; the most is 8. So three quarters take more than 4.
    more = steps_to_come({2: 1}, [4, 4, 4], 8)
    assert more[0] == pytest.approx(1 + 1 + 3 * 0.75 + 0.75 * (3 + 2 + 1) / 4)
    assert more[4] == pytest.approx((0.75 + 0.75 * (3 + 2 + 1) / 4) / 0.75) and more[8] == 0
    assert steps_to_come({5: 10}, [], 5) == [5, 4, 3, 2, 1, 0]
    assert steps_to_come({3: 4}, [], 9)[3:] == [0] * 7

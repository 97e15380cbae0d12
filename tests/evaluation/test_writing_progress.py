"""The time left of writing is about right early on, on real runs and on answers of every kind of length."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from harness.evaluation import writing_progress
from harness.evaluation.writing_progress import WritingProgress, steps_to_come

LIMIT = 60
WRITTEN = json.loads((Path(__file__).parent / "written.json").read_text("utf-8"))
"""Real runs: when each decoding step began, in seconds of their processor so that nobody else's work counts, with the
step at which each problem came in and the steps that it took; and the lengths of all answers of two longer ones, in the
order in which they are written: the longest prompt first."""


class Clock:
    """A clock that goes when told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Writing:
    """Problems with lengths in steps, decoded `size` at a time as the scheduler does; a step takes time by its rows."""

    def __init__(self, lengths: list[int], size: int, clock: Clock, limit: int = LIMIT) -> None:
        self._waiting, self._size, self._clock, self._limit = list(lengths), size, clock, limit
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
            told.stepped([(steps, self._limit) for steps, _ in running])
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


def said_by(writing: Writing, clock: Clock) -> list[tuple[float, float | None]]:
    """The share of the work at each step, and the time left as told against the truth."""
    told, said = WritingProgress(lambda *_: None, writing.total, 0), []
    writing.run(told, lambda work, now: said.append((work / writing.work, now, told.left(now))))
    return [(part, left and left / (clock.now - now)) for part, now, left in said if now < clock.now]


@pytest.mark.parametrize("kind", ["mixed", "long", "two kinds"])
@pytest.mark.parametrize(("count", "size"), [(200, 8), (120, 30), (40, 8), (543, 64)])
def test_the_time_left_is_within_30_per_cent_from_a_tenth_of_the_work(
    kind: str, count: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    said = said_by(Writing(lengths(kind, count), size, clock), clock)
    within = 0.5 if count < 6 * size else 0.3  # a few rounds are short or long by chance
    for part, told in said:
        if 0.1 <= part <= 0.5:
            assert told == pytest.approx(1, rel=within), part


def test_answers_that_are_all_far_shorter_than_they_may_be_are_known_after_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    for part, told in said_by(Writing(lengths("short", 200), 8, clock), clock):
        if 0.1 <= part <= 0.5:
            assert told == pytest.approx(1, rel=0.3), part


@pytest.mark.parametrize("run", WRITTEN["lengths"])
@pytest.mark.parametrize("size", [8, 30])
def test_the_lengths_of_real_answers_are_foreseen_though_the_longest_prompts_come_first(
    run: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    real = WRITTEN["lengths"][run]
    for part, told in said_by(Writing(real["steps"], size, clock, real["most"]), clock):
        if 0.1 <= part <= 0.5:  # at a tenth few have ended, and long prompts have long answers
            assert told == pytest.approx(1, rel=0.3 if part >= 0.2 else 0.5), part


def replayed(run: dict[str, Any], told: WritingProgress, clock: Clock) -> Iterator[None]:
    """The steps of a real run as they came."""
    done = 0
    for number, now in enumerate(run["seconds"]):
        clock.now = now
        took = [(first, steps) for first, steps in run["problems"] if first <= number]
        ended = sum(first + steps <= number for first, steps in took)
        for count in range(done + 1, ended + 1):
            told.written(count)
        done = ended
        told.stepped([(number - first + 1, run["most"]) for first, steps in took if number < first + steps])
        yield


def test_on_real_runs_the_time_left_is_right_within_a_third_from_a_fifth_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one of them the prompts of the first batch alone took a fifth of the time; all are small, since they are real:
    chance has its part in a run of five rounds."""
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    shares: dict[float, list[float]] = {0.1: [], 0.2: [], 0.3: [], 0.5: []}
    for run in WRITTEN["runs"]:
        told = WritingProgress(lambda *_: None, len(run["problems"]), 0)
        open_shares = list(shares)
        for _ in replayed(run, told, clock):
            while open_shares and clock.now >= open_shares[0] * run["end"]:
                left = told.left(clock.now)
                if left is not None:
                    shares[open_shares[0]].append(left / (run["end"] - clock.now))
                del open_shares[:1]
    assert [len(ratios) for ratios in shares.values()] == [len(WRITTEN["runs"]) - 1, *[len(WRITTEN["runs"])] * 3]
    for share, ratios in shares.items():
        assert median(ratios) == pytest.approx(1, rel=0.15), share
        assert ratios == pytest.approx([1] * len(ratios), rel=0.65 if share == 0.1 else 0.38), share


def test_before_the_first_problem_is_finished_half_of_what_may_come_and_a_bit_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    lines: list[tuple[int, int, str]] = []
    told = WritingProgress(lambda *words: lines.append(words), 30, 0)
    for step in range(1, 11):
        told.stepped([(step, LIMIT)] * 30)
        clock.now += 1.0
    assert lines[-1] == (0, 30, "about 32 s left"), "of 50: a quarter all of them, the others half of them"
    for count in range(1, 15):
        told.written(count)
    clock.now += 1.0
    told.stepped([(11, LIMIT)] * 16)
    assert lines[-1][:2] == (14, 30) and lines[-1][2].startswith("about ")


def test_of_several_processes_each_is_taken_to_do_what_this_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    told = WritingProgress(lambda *_: None, 80, 0, processes=4)
    for step in range(1, 11):
        told.stepped([(step, 10)] * 10)
        clock.now += 1.0
    told.written(40)
    told.stepped([(1, 10)] * 10)
    assert told.left(clock.now) == pytest.approx(9, rel=0.15), "ten of this process go on, and none waits"


def test_a_batch_that_begins_again_finished_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    told = WritingProgress(lambda *_: None, 8, 0)
    for running in ([(1, LIMIT)] * 8, [(2, LIMIT)] * 8, [(1, LIMIT)] * 4, [(2, LIMIT)] * 4):
        clock.now += 1.0
        told.stepped(running)
    assert told.left(clock.now) == pytest.approx((4 * 2 + 8 * 58 * 0.625) / 4, rel=0.05), "half as many were begun anew"


def test_what_an_earlier_attempt_wrote_is_no_work_and_the_last_problem_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing_progress, "time", clock := Clock())
    lines: list[tuple[int, int, str]] = []
    told = WritingProgress(lambda *words: lines.append(words), 12, 10)
    for step in range(1, 11):
        told.stepped([(step, 10), (step, 10)])
        clock.now += 1.0
    assert lines[-1] == (10, 12, "about 0 s left")
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
    # Of four one took 2 steps, three have taken 4 and go on; the most is 8. So three quarters take more than 4, and
    # a quarter of those all 8.
    more = steps_to_come({2: 1}, [4, 4, 4], 8)
    behind = 3 * (1 - 0.75 * (1 + 2 + 3) / 4 / 3)
    assert more[0] == pytest.approx(1 + 1 + 3 * 0.75 + 0.75 * behind)
    assert more[4] == pytest.approx(1 + behind) and more[8] == 0
    assert steps_to_come({5: 10}, [], 5) == [5, 4, 3, 2, 1, 0]
    assert steps_to_come({3: 4}, [], 9)[3:] == [0] * 7

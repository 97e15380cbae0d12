"""The time left is about right after a tenth of the work, however the steps come."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import progress
from harness.progress import Pace, format_duration


def steady(total: int) -> list[tuple[float, int]]:
    return [(float(i), i) for i in range(total + 1)]


def bursts(total: int, size: int = 16) -> list[tuple[float, int]]:
    """A batch of `size` steps within a second, then nothing until the next one."""
    return [(size * (i // size) + 0.05 * (i % size), i) for i in range(total + 1)]


def slow_beginning(total: int) -> list[tuple[float, int]]:
    return [(i + 12.0 * min(1, i), i) for i in range(total + 1)]


@pytest.mark.parametrize("steps", [steady(400), bursts(400), slow_beginning(400)])
def test_the_time_left_is_within_30_per_cent_after_a_tenth_of_the_work(steps: list[tuple[float, int]]) -> None:
    pace, total = Pace(0.0), len(steps) - 1
    for now, done in steps:
        pace.step(done, now)
        if done >= total // 10 and done % 37 == 5:
            for later in (0.0, 3.0):
                at = min(now + later, next(t for t, d in steps if d == done + 1))
                left, truth = pace.left(total, at), steps[-1][0] - at
                assert left is not None and left == pytest.approx(truth, rel=0.3, abs=16)


REAL = json.loads((Path(__file__).parent / "paces.json").read_text("utf-8"))
"""When each problem of three real runs was finished: seconds of their processor, so that nobody else's work counts."""


@pytest.mark.parametrize("real", REAL, ids=lambda real: real["run"])
def test_on_real_runs_the_time_left_is_within_30_per_cent_from_a_tenth_to_three_tenths(real: dict[str, Any]) -> None:
    seconds, pace = real["seconds"], Pace(0.0, real["at_once"])
    pace.step(0, 0.0)
    seen = {}
    for done, now in enumerate(seconds, 1):
        pace.step(done, now)
        seen[done] = (pace.left(len(seconds), now), seconds[-1] - now)
    for part in (0.1, 0.15, 0.2, 0.3):
        left, truth = seen[round(part * len(seconds))]
        assert left == pytest.approx(truth, rel=0.3), part


def test_nothing_is_said_of_the_time_left_before_a_round_of_what_is_under_way_is_done() -> None:
    pace = Pace(0.0, 8)
    pace.step(0, 0.0)
    for done in range(1, 8):
        pace.step(done, 5.0 + 0.1 * done)
        assert pace.left(200, 5.0 + 0.1 * done) is None
    pace.step(8, 6.0)
    assert pace.left(200, 6.0) is not None


def test_the_time_left_grows_while_nothing_happens() -> None:
    pace = Pace(0.0)
    for i in range(20):
        pace.step(i, i * 0.01)
    soon, later = pace.left(40, 0.2), pace.left(40, 180.0)
    assert soon is not None and later is not None and soon < 1 and later > 180


def test_work_of_an_earlier_attempt_says_nothing_about_the_pace() -> None:
    pace = Pace(0.0)
    pace.step(900, 1.0)
    assert pace.left(1000, 2.0) is None
    pace.step(910, 11.0)
    assert pace.left(1000, 11.0) == pytest.approx(90)


def test_lines_say_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.0, 1.0, 20.0, 40.0])
    monkeypatch.setattr("harness.progress.time.monotonic", lambda: next(times))
    monkeypatch.setattr(sys, "stderr", out := io.StringIO())
    with progress.bar("judging") as step:
        step(0, 40, "")
        step(20, 40, "8 passed")
        step(40, 40, "")
    assert out.getvalue() == "judging: 20/40 8 passed (20 s, about 19 s left)\njudging: 40/40 (40 s)\n"
    assert [format_duration(s) for s in (40, 720, 12000)] == ["40 s", "12 min", "3 h 20 min"]


def test_a_log_says_what_begins_before_it_begins_and_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 12.0, 20.0, 20.1])
    monkeypatch.setattr("harness.progress.time.monotonic", lambda: next(times))
    monkeypatch.setattr(sys, "stderr", out := io.StringIO())
    with progress.whole("loading CodeLlama-7b-hf"):
        assert out.getvalue() == "loading CodeLlama-7b-hf\n"
    with progress.whole("making the prompts"):
        pass
    assert out.getvalue().splitlines()[1:] == ["loading CodeLlama-7b-hf: done (12 s)", "making the prompts"]


def test_no_colour_is_shown_where_nobody_wants_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = progress.console.__wrapped__()
    assert screen.no_color

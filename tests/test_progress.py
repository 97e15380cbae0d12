"""The time left is about right after a tenth of the work, however the steps come."""

from __future__ import annotations

import io
import sys

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


def test_steps_of_unlike_work_count_by_their_work() -> None:
    pace, work = Pace(0.0, [1.0] * 30 + [10.0] * 30), 30 + 300
    pace.step(0, 0.0)
    assert pace.left(60, 5.0) is None, "nothing is done"
    for done in range(1, 31):
        pace.step(done, float(done))
    assert pace.left(60, 30.0) == pytest.approx(work - 30)
    pace.step(31, 40.0)
    assert pace.left(60, 40.0) == pytest.approx(work - 40)
    pace.step(60, 330.0)
    assert pace.left(60, 330.0) == 0 and pace.words(60, 330.0) == "5 min 30 s"


def test_where_a_phase_tells_the_time_left_itself_nothing_else_does() -> None:
    pace = Pace(0.0, time_left=False)
    for done in range(10):
        pace.step(done, float(done))
    assert pace.left(20, 9.0) is None and pace.words(20, 9.0) == "9 s"


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


def test_a_duration_is_told_so_finely_that_rounding_misleads_nobody() -> None:
    told = {40: "40 s", 89.4: "89 s", 97: "1 min 40 s", 120: "2 min", 599: "10 min", 720: "12 min", 12000: "3 h 20 min"}
    assert {seconds: format_duration(seconds) for seconds in told} == told
    units = {"s": 1, "min": 60, "h": 3600}
    for seconds in range(60, 20000, 7):
        words = format_duration(seconds).split()
        shown = sum(int(n) * units[unit] for n, unit in zip(words[::2], words[1::2], strict=True))
        assert shown == pytest.approx(seconds, rel=0.06), seconds


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

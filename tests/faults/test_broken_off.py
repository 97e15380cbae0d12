"""A run that is killed, told to end, or out of room continues to the same result."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.faults import bench, kills, space


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_run_ends_as_an_undisturbed_one(seed: int, whole: kills.Undisturbed, place: Path) -> None:
    where, fault = kills.kill(whole, place, random.Random(seed))
    assert not fault, where
    assert bench.run(["clean", "--runs", str(place), "--yes"]).status == 0
    assert bench.leftovers(place) == []


@pytest.fixture
def namespaces() -> None:
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here")


@pytest.mark.parametrize("kilobytes", [24, 160])
def test_a_full_disk_is_one_line_and_the_run_ends_equal_once_there_is_room(
    kilobytes: int, whole: kills.Undisturbed, place: Path, namespaces: None
) -> None:
    status, said, fault = space.fill(whole.words, place, kilobytes, whole.result)
    assert (status, fault) == (1, ""), said
    assert "No space left on device" in said and "make room there" in said


@pytest.fixture
def started(ground: bench.Ground, place: Path, tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Starts the run, and gives its process once it has begun; what a test leaves is killed."""
    children: list[int] = []

    def start() -> int:
        children.append(bench.spawn(ground.words("lora", place), tmp_path / "log"))
        deadline = time.monotonic() + 60
        while not list(place.glob("tunings/*/.lock")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return children[-1]

    yield start
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGINT, 130, "interrupted; the same command continues"),
        (signal.SIGTERM, 143, "ended by TERM; the same command continues"),
        (signal.SIGHUP, 129, "ended: the terminal is gone (HUP); the same command continues"),
    ],
    ids=["INT", "TERM", "HUP"],
)
def test_a_signal_ends_a_run_in_order_with_one_line(
    number: int, status: int, line: str, started: Callable[[], int], place: Path, tmp_path: Path
) -> None:
    child = started()
    os.kill(child, number)
    _, ended = os.waitpid(child, 0)
    log = (tmp_path / "log").read_text("utf-8")
    assert os.waitstatus_to_exitcode(ended) == status, log
    assert log.splitlines()[-1] == line
    assert not [path for path in bench.leftovers(place) if ".writing." in path or ".adapter." in path]

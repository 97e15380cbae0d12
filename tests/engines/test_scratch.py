"""A process's folder goes with it, or with the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.engines.scratch import delete_left, scratch

KEEP = (
    "from harness.engines.scratch import scratch\nwith scratch('mine-') as folder: print(folder, flush=True); input()"
)


def test_what_a_killed_process_left_is_deleted_and_what_is_held_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", KEEP], stdin=pipe, stdout=pipe, text=True, env=environ) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        with scratch("mine-") as mine:
            assert theirs.is_dir() and mine.is_dir()
        assert not mine.exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert theirs.is_dir()
        with scratch("mine-"):
            assert not theirs.exists()


def test_what_ends_meanwhile_is_waited_for_and_what_does_not_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", KEEP.replace("input()", "input(); import time; time.sleep(0.3)")]
    with subprocess.Popen(
        words, stdin=pipe, stdout=pipe, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as one:
        assert one.stdout is not None and one.stdin is not None
        theirs = Path(one.stdout.readline().strip())
        delete_left("mine-")
        assert theirs.is_dir()
        one.stdin.write("\n")
        one.stdin.flush()
        delete_left("mine-", 60.0)
        assert not theirs.exists()


def test_a_folder_whose_process_was_killed_before_it_locked_it_is_deleted_once_it_is_no_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / "mine-left"
    left.mkdir()
    delete_left("mine-")
    assert left.is_dir()
    delete_left("mine-", 60.0)
    assert not left.exists()


def test_many_that_begin_at_once_never_take_each_other_for_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def hold(number: int) -> bool:
        with scratch("mine-") as folder:
            (folder / "file").write_text(str(number), "utf-8")
            delete_left("mine-")
            return (folder / "file").read_text("utf-8") == str(number)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(hold, range(400)))
    assert not list(tmp_path.iterdir())

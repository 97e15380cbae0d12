"""Nothing that was written is lost, and nothing torn is believed."""

from __future__ import annotations

import errno
import multiprocessing
import multiprocessing.synchronize
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from harness import files
from harness.errors import FileError, RunError


def test_a_torn_last_line_is_repaired_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "completions.jsonl"
    files.append(path, {"id": "a"})
    with path.open("a") as file:
        file.write('{"id": "b", "te')
    assert list(files.lines(path, repair=True)) == [{"id": "a"}]
    assert "torn last line" in capsys.readouterr().err
    files.append(path, {"id": "b"})
    assert list(files.lines(path)) == [{"id": "a"}, {"id": "b"}]


def test_a_torn_last_line_is_an_error_for_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"id": "a"}\n{"id"')
    with pytest.raises(RunError, match="the last line is torn"):
        list(files.lines(path))


def test_a_broken_line_in_the_middle_is_named_and_never_skipped(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"id": "a"}\n{"id"\n{"id": "c"}\n')
    with pytest.raises(RunError, match=r"records\.jsonl, line 2: not JSON"):
        list(files.lines(path, repair=True))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    files.write_json(path, {"old": True})

    def no_disk(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", no_disk)
    with pytest.raises(FileError, match=r"result\.json: No space left on device; make room there"):
        files.write_json(path, {"new": True})
    assert files.read_json(path) == {"old": True}
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_line_that_a_disk_takes_in_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "completions.jsonl", os.write
    files.append(path, {"id": "1"})
    monkeypatch.setattr("os.write", lambda handle, data: write(handle, data[:3]))
    files.append(path, {"id": "2", "text": "\u00e9" * 20})
    assert list(files.lines(path)) == [{"id": "1"}, {"id": "2", "text": "\u00e9" * 20}]


def test_a_line_that_does_not_fit_the_disk_leaves_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write, calls = tmp_path / "completions.jsonl", os.write, []
    files.append(path, {"id": "1"})

    def nearly_full(handle: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data[:3])

    monkeypatch.setattr("os.write", nearly_full)
    with pytest.raises(FileError, match=r"completions\.jsonl: No space left on device"):
        files.append(path, {"id": "2"})
    assert list(files.lines(path)) == [{"id": "1"}]


def test_a_file_of_a_run_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()
    for read in (files.read_json, files.file_digest):
        with pytest.raises(RunError, match=r"result\.json: Is a directory; name a file"):
            read(tmp_path / "result.json")


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    path = tmp_path / "completions.jsonl"
    files.append(path, {"text": "\ud800"})
    assert list(files.lines(path)) == [{"text": "\ud800"}]


def _hold(folder: Path, ready: object, leave: object) -> None:
    with files.locked(folder):
        ready.set()  # type: ignore[attr-defined]
        leave.wait(30)  # type: ignore[attr-defined]


def test_two_processes_never_write_one_run(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, ready, leave))
    other.start()
    try:
        assert ready.wait(30)
        with pytest.raises(RunError, match="another process is making this"), files.locked(tmp_path):
            pass
    finally:
        leave.set()
        other.join()
    with files.locked(tmp_path):
        pass


def _make_and_hold(folder: Path, ready: multiprocessing.synchronize.Event) -> None:
    with files.locked(folder):
        ready.set()
        time.sleep(0.5)
        files.write_json(folder / "made.json", {"by": "the other"})


def test_what_another_process_is_making_is_waited_for_and_then_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    other = spawn.Process(target=_make_and_hold, args=(tmp_path, ready))
    other.start()
    assert ready.wait(60)
    with files.locked(tmp_path, wait_for="this tuning"):
        assert files.read_json(tmp_path / "made.json") == {"by": "the other"}
    other.join(60)
    assert "another process is making this tuning; waiting for it" in capsys.readouterr().err


def test_a_linked_folder_is_whole_wherever_it_is_copied_and_takes_no_room_twice(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "weights").write_bytes(b"w" * 100)
    (source / "inner" / "config").write_text("c")
    (tmp_path / "run").mkdir()
    files.link_folder(source, tmp_path / "run" / "adapter")
    linked = tmp_path / "run" / "adapter"
    assert linked.joinpath("weights").stat().st_ino == source.joinpath("weights").stat().st_ino
    subprocess.run(["cp", "-r", tmp_path / "run", tmp_path / "elsewhere"], check=True)
    shutil.rmtree(source)
    assert (tmp_path / "elsewhere" / "adapter" / "weights").read_bytes() == b"w" * 100
    assert (tmp_path / "elsewhere" / "adapter" / "inner" / "config").read_text() == "c"


def _half_full(source: Path, target: Path, *, follow_symlinks: bool = True) -> None:  # noqa: ARG001
    Path(target).write_text("half")
    if Path(source).name == "b":
        raise OSError(errno.ENOSPC, "No space left on device", str(target))


def test_a_folder_that_cannot_be_linked_whole_is_not_there_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a", "b"):
        (source / name).write_text(name)

    def refused(*_: str) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(shutil, "copyfile", _half_full)
    with pytest.raises(FileError):
        files.link_folder(source, tmp_path / "adapter")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_files_get_the_mode_that_the_user_gives_all_files(tmp_path: Path) -> None:
    before = os.umask(0o007)
    try:
        files.write_text(tmp_path / "whole", "x")
        files.append(tmp_path / "lines", 1)
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("whole", "lines")} == {0o660}

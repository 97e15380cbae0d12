"""Nothing that was written is lost, and nothing torn is believed."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from harness import runs
from harness.errors import RunError


def test_a_torn_last_line_is_repaired_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "completions.jsonl"
    runs.append(path, {"id": "a"})
    with path.open("a") as file:
        file.write('{"id": "b", "te')
    assert list(runs.lines(path, repair=True)) == [{"id": "a"}]
    assert "torn last line" in capsys.readouterr().err
    runs.append(path, {"id": "b"})
    assert list(runs.lines(path)) == [{"id": "a"}, {"id": "b"}]


def test_a_torn_last_line_is_an_error_for_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"id": "a"}\n{"id"')
    with pytest.raises(RunError, match="the last line is torn"):
        list(runs.lines(path))


def test_a_broken_line_in_the_middle_is_named_and_never_skipped(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"id": "a"}\n{"id"\n{"id": "c"}\n')
    with pytest.raises(RunError, match=r"records\.jsonl, line 2: not JSON"):
        list(runs.lines(path, repair=True))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    runs.write_json(path, {"old": True})

    def no_disk(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", no_disk)
    with pytest.raises(OSError, match="no space"):
        runs.write_json(path, {"new": True})
    assert runs.read_json(path) == {"old": True}


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    path = tmp_path / "completions.jsonl"
    runs.append(path, {"text": "\ud800"})
    assert list(runs.lines(path)) == [{"text": "\ud800"}]


def _hold(folder: Path, ready: object, leave: object) -> None:
    with runs.locked(folder):
        ready.set()  # type: ignore[attr-defined]
        leave.wait(30)  # type: ignore[attr-defined]


def test_two_processes_never_write_one_run(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, ready, leave))
    other.start()
    try:
        assert ready.wait(30)
        with pytest.raises(RunError, match="another process is writing this run"), runs.locked(tmp_path):
            pass
    finally:
        leave.set()
        other.join()
    with runs.locked(tmp_path):
        pass


def test_a_result_of_another_schema_is_refused(tmp_path: Path) -> None:
    runs.write_json(tmp_path / "result.json", {"schema": 0, "row": {}})
    with pytest.raises(RunError, match="schema 0, this harness reads 1"):
        runs.read_row(tmp_path)

"""What the operating system refuses is one line with the place and the remedy; what was there stays."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import SafetensorError

from harness.disk import describe_os_error, file_errors, file_on_the_way, saving
from harness.errors import FileError

REFUSED = [
    (errno.ENOSPC, "No space left on device; make room there"),
    (errno.EDQUOT, "Disk quota exceeded; make room there"),
    (errno.EROFS, "Read-only file system; name a place that can be written to"),
    (errno.EACCES, "Permission denied; get the right to it"),
    (errno.EPERM, "Operation not permitted; get the right to it"),
    (errno.ENAMETOOLONG, "File name too long; choose a shorter name"),
    (errno.EIO, "Input/output error; check the disk"),
    (errno.EMFILE, "Too many open files; allow more open files"),
    (errno.ENOTCONN, "not connected"),
]


@pytest.mark.parametrize(("number", "words"), REFUSED, ids=[errno.errorcode[number] for number, _ in REFUSED])
def test_what_is_refused_is_told_with_the_place_and_the_remedy(number: int, words: str) -> None:
    with pytest.raises(FileError, match=r"^runs/x: ") as caught, file_errors(Path("runs/x")):
        raise OSError(number, os.strerror(number), "runs/.writing.1234")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value) and "1234" not in str(caught.value)


def test_an_error_without_a_number_keeps_its_words() -> None:
    assert describe_os_error(OSError("no usable\n temporary folder")) == "no usable temporary folder"
    assert describe_os_error(OSError()) == "OSError"


def test_the_file_that_stands_in_the_way_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert file_on_the_way(tmp_path / "new" / "deep") is None
    assert file_on_the_way(file / "deep" / "deeper") == file
    with pytest.raises(FileError, match=f"{file}/deep: {file} is a file; name a folder"), file_errors(file / "deep"):
        (file / "deep").mkdir(parents=True)


@pytest.mark.parametrize(("number", "remedy"), [(5, "check the disk"), (28, "make room"), (30, "can be written to")])
def test_whatever_the_disk_refuses_of_weights_is_told_with_its_remedy(number: int, remedy: str) -> None:
    told = rf"^a/b: weights cannot be written .*; .*{remedy}"
    with pytest.raises(FileError, match=told), saving(Path("a/b")):
        raise SafetensorError(f"Error while serializing: I/O error: {os.strerror(number)} (os error {number})")
    with pytest.raises(FileError, match=told), saving(Path("a/b")):
        raise RuntimeError(f"[enforce fail at inline_container.cc:747] . open file failed: {os.strerror(number)}")


def test_weights_that_do_not_fit_are_a_failure_of_the_disk_and_other_failures_stay() -> None:
    words = "[enforce fail at inline_container.cc:1] PytorchStreamWriter failed writing file data/0: file write failed"
    with pytest.raises(FileError, match=r"a/b: weights cannot be written .*; make room"), saving(Path("a/b")):
        raise RuntimeError(words)
    with pytest.raises(RuntimeError, match="shape"), saving(Path("a")):
        raise RuntimeError("shape")


Harness = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def on_disk(tmp_path: Path) -> Harness:
    """Runs harness beside a small disk of its own, `disk`, mounted with these options."""
    wrapped = ["unshare", "-rm", "sh", "-c"]
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        shutil.which("unshare") is None
        or subprocess.run([*wrapped, f"mount -t tmpfs x {disk}"], check=False).returncode
    ):
        pytest.skip("this machine lets nobody mount a disk of his own")

    def run(options: str, *words: str) -> subprocess.CompletedProcess[str]:
        shell = f'mount -t tmpfs -o {options} x disk && exec "$@"'
        command = [*wrapped, shell, "sh", sys.executable, "-m", "harness", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


EVAL = ("eval", "--task", "conala", "--limit", "4", "--method")
SMALL_DISKS = [("size=100k", "lora"), ("size=4m", "full-ft"), ("size=8k", "zero-shot")]


@pytest.mark.parametrize(("options", "method"), SMALL_DISKS, ids=[" ".join(pair) for pair in SMALL_DISKS])
@pytest.mark.slow
def test_a_full_disk_is_one_line(on_disk: Harness, options: str, method: str) -> None:
    done = on_disk(options, *EVAL, method, "--runs", "disk/runs")
    assert done.returncode == 1, done.stderr
    phases = ("note:", "loading ", "tuning ", "making ", "writing ")
    lines = [line for line in done.stderr.splitlines() if not line.startswith(phases)]
    assert len(lines) == 1 and lines[0].startswith("error: disk/runs/"), done.stderr
    assert "No space left on device" in lines[0] and "make room there" in lines[0]


def test_a_read_only_disk_is_one_line(on_disk: Harness) -> None:
    done = on_disk("ro", *EVAL, "zero-shot", "--runs", "disk/runs")
    assert done.returncode == 1
    assert "error: disk/runs/" in done.stderr and "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr

"""The scratch folder between candidates."""

import os
from pathlib import Path

import pytest

from harness.sandbox.linux.scratch import Scratch

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owns /tmp of the throw-away namespace as root alone")


def test_a_folder_that_was_not_touched_is_clean():
    assert Scratch().clean()


def test_whatever_lies_in_it_is_gone_and_its_mode_is_as_it_was():
    scratch = Scratch()
    mode = Path("/tmp").stat().st_mode
    deep = Path("/tmp/a/b/c/d/e")
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    Path("/tmp/a/b/link").symlink_to("/")
    (Path("/tmp") / ("x" * 255)).mkdir()
    os.mkdir(b"/tmp/\xff\xfe")  # noqa: PTH102 - a name that is no text
    Path("/tmp/a").chmod(0)
    Path("/tmp").chmod(0o711)
    assert scratch.clean()
    assert list(Path("/tmp").iterdir()) == []
    assert Path("/tmp").stat().st_mode == mode


def test_a_name_that_the_cleaner_gives_itself_is_no_obstacle(monkeypatch):
    scratch = Scratch()
    real, guessed = os.urandom, [bytes(15) + b"\x01"]
    monkeypatch.setattr(os, "urandom", lambda size: guessed.pop() if guessed else real(size))
    for number in range(2, 9):  # what the next names would be, had a candidate guessed them
        (Path("/tmp") / f"{number:032x}").write_text("")
    Path("/tmp/a/b/c").mkdir(parents=True)
    assert scratch.clean()


def test_a_folder_that_cannot_be_emptied_is_said_to_be_dirty(monkeypatch):
    scratch = Scratch()
    Path("/tmp/left").write_text("")

    def refuse(*_, **__):
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refuse)
        assert not scratch.clean()
    assert scratch.clean()


def test_its_times_are_set_to_now():
    scratch = Scratch()
    os.utime("/tmp", (1, 1))
    scratch.stamp()
    assert Path("/tmp").stat().st_mtime > 1

"""Errors in one readable line; no traceback for what can be expected to go wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.config import Settings
from harness.errors import SHOWN, HarnessError, UsageError, nearest, unknown
from harness.evaluation.plan import resolve
from harness.evaluation.request import Request
from harness.plugin_system.registry import Registry
from harness.studies.study import load
from tests import warm


def test_the_nearest_name_is_offered() -> None:
    assert str(unknown("method", "lroa", ["lora", "ia3"])) == "no method 'lroa'. Did you mean 'lora'?"


@pytest.mark.parametrize(
    ("name", "known", "close"),
    [
        ("nope", ["snippets", "openai"], None),
        ("rga", ["rag", "lora"], "rag"),
        ("LoRA", ["lora", "ia3"], "lora"),
        ("exact-match", ["exact_match", "edit_similarity"], "exact_match"),
        ("batchsize", ["batch_size", "epochs"], "batch_size"),
    ],
)
def test_a_slip_has_a_nearest_name_and_a_stranger_has_none(name: str, known: list[str], close: str | None) -> None:
    assert nearest(name, known) == close


def test_a_name_like_none_lists_what_there_is_and_never_thousands() -> None:
    assert str(unknown("slice", "zzz", ["a", "b"])) == "no slice 'zzz'. Known: a, b."
    words = str(unknown("problem", "zzz", [f"{number:04}" for number in range(5000)]))
    assert words.endswith(f"0019 and {5000 - SHOWN} more.") and len(words) < 200


HARNESS = (sys.executable, "-m", "harness")
Done = subprocess.CompletedProcess[str]


def _shell(command: str, folder: Path, *words: str) -> Done:
    """Runs a shell command in which "$@" is harness with `words`."""
    line = ["bash", "-o", "pipefail", "-c", command, "sh", *HARNESS, *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)


def _expected(done: Done, status: int, words: str) -> None:
    assert done.returncode == status, done.stderr
    assert words in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.lower().startswith("error")]) == 1, done.stderr


EVAL = ("eval", "--method", "zero-shot", "--task", "conala", "--limit", "1")
LONG = "x" * 300
PLACES: Sequence[tuple[tuple[str, ...], int, str]] = [
    ((*EVAL, "--runs", "file"), 2, "'--runs': file is a file; name a folder"),
    ((*EVAL, "--runs", "file/below/deeper"), 2, "'--runs': file is a file; name a folder"),
    ((*EVAL, "--runs", LONG), 2, "File name too long; choose a shorter name"),
    ((*EVAL, "--data", LONG), 1, "File name too long; choose a shorter name"),
    ((*EVAL, "--model", f"./{LONG}"), 1, "File name too long; choose a shorter name"),
    (("score", "--task", "conala", "--completions", LONG), 1, "File name too long"),
    (("score", "--task", "conala", "--completions", "c.jsonl", "--runs", "file"), 2, "file is a file; name a folder"),
    (("study", "run", "rq1", "--builtin", "--runs", "file"), 2, "'--runs': file is a file"),
    (("study", "report", "rq1", "--builtin", "--output", "file/x"), 2, "'--output': file is a file"),
    (("leaderboard", "file"), 1, "file: "),
    (("leaderboard", "runs", "--output", "gone/page.html"), 2, "there is no folder gone; make it first"),
    (("leaderboard", "runs", "--output", "file/page.html"), 2, "file is a file; name a folder"),
    (("leaderboard", "runs", "--output", "runs"), 2, "is a directory"),
    (("compare", LONG, LONG), 1, "File name too long"),
    (("show", LONG), 1, "File name too long"),
    (("plugin", "new", "my_own", "--kind", "metric", "--into", "file"), 2, "'--into': file is a file"),
    ((*EVAL, "--seed", "-1"), 2, "--seed: -1 does not do; it must be a number at least 0 and at most 4294967295"),
    ((*EVAL, "--seed", "4294967296"), 2, "--seed: 4294967296 does not do"),
    ((*EVAL, "--seed", "9" * 20), 2, "does not do; it must be a number at least 0"),
    ((*EVAL, "--temperature", "nan"), 2, "--temperature: nan does not do"),
    ((*EVAL, "--temperature", "inf"), 2, "--temperature: inf does not do"),
    ((*EVAL, "--metric", "bleu", "--set", "bleu.tokenize=no"), 2, "no value for --set bleu.tokenize 'no'"),
]


@pytest.mark.parametrize(("words", "status", "line"), PLACES, ids=[" ".join(w)[:70] for w, _, _ in PLACES])
def test_a_place_or_a_number_that_cannot_be_is_one_line(
    words: tuple[str, ...], status: int, line: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "runs").mkdir()
    _expected(warm.harness(*words, cwd=tmp_path), status, line)


@pytest.mark.parametrize("words", [("--help",), ("plugins",), ("study", "show", "rq1")], ids=" ".join)
def test_a_reader_that_goes_away_ends_the_command_quietly(words: tuple[str, ...], tmp_path: Path) -> None:
    for command in ('"$@" | true', '"$@" | head -c 1', '"$@" 2>&1 | true'):
        done = _shell(command, tmp_path, *words)
        assert (done.returncode, done.stderr) == (0, ""), command


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [("--help",), ("plugins", "--json")], ids=" ".join)
def test_an_output_that_is_full_is_one_line(words: tuple[str, ...], tmp_path: Path) -> None:
    _expected(_shell('"$@" > /dev/full', tmp_path, *words), 1, "error: standard output: No space left on device")


def test_letters_that_a_terminal_lacks_are_written_as_escapes(tmp_path: Path) -> None:
    done = _shell('PYTHONIOENCODING=latin-1 "$@"', tmp_path, "show", "chrf")
    assert done.returncode == 0, done.stderr
    assert "Popovi\\u0107" in done.stdout


@pytest.fixture
def nobody() -> str:
    """The beginning of a shell command that is run without a home and by a user whom no list of users has."""
    line = f"env -i PATH={os.environ['PATH']} unshare -U --map-user=23456 "
    if shutil.which("unshare") is None or subprocess.run(f"{line} true", shell=True, check=False).returncode:
        pytest.skip("this machine lets nobody be another user")
    return line


WITHOUT_A_HOME = [
    ("show", "rag"),
    ("plugins",),
    ("doctor",),
    ("study", "list"),
    ("eval", "--method", "rag", "--task", "conala", "--dry-run"),
    ("eval", "--method", "lora+rag", "--task", "conala", "--limit", "2", "--set", "rag.retriever=bm25"),
]


@pytest.mark.parametrize("words", WITHOUT_A_HOME, ids=" ".join)
@pytest.mark.slow
def test_a_user_without_a_home_and_a_name_is_served(words: tuple[str, ...], nobody: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    done = _shell(nobody + '"$@"', tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout and "Traceback" not in done.stderr
    assert not (tmp_path / "~").exists()


def test_a_folder_that_may_not_be_written_to_is_one_line(nobody: str, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    _expected(_shell(nobody + '"$@"', tmp_path, *EVAL, "--runs", "closed/runs"), 1, "Permission denied; get the right")
    done = _shell(nobody + '"$@"', tmp_path, "plugin", "new", "my_own", "--kind", "metric", "--into", "closed")
    _expected(done, 1, "Permission denied; get the right")


def test_a_file_that_may_not_be_read_is_one_line(nobody: str, tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"nl": "x", "cmd": "y", "question_id": 1}))
    path.chmod(0o000)
    _expected(_shell(nobody + '"$@"', tmp_path, *EVAL, "--data", "test.jsonl"), 2, "Path 'test.jsonl' is not readable")


def test_weights_that_are_torn_are_one_line(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    whole = weights.read_bytes()
    (tmp_path / "test.json").write_text(json.dumps([{"nl": "x", "cmd": "y", "question_id": 1}]))
    for torn in (whole[: len(whole) // 2], b"not weights at all", b""):
        weights.write_bytes(torn)
        done = warm.harness(*EVAL, "--data", "test.json", "--model", "./model", cwd=tmp_path)
        _expected(done, 1, f"--model {tmp_path}/model: cannot be loaded")


def test_first_letters_are_a_name_and_a_name_of_one_letter_is_like_no_other() -> None:
    known = ("r", "alpha", "learning_rate", "batch_size")
    assert nearest("lr", known) == "learning_rate" and nearest("BS", known) == "batch_size"
    assert nearest("rr", known) is None and nearest("R", known) == "r" and nearest("l", known) is None
    assert nearest("learning-rat", known) == "learning_rate"


def test_numbers_of_a_request_are_checked_wherever_it_comes_from(tmp_path: Path) -> None:
    wrong = [
        ("seed", -1),
        ("seed", 2**32),
        ("candidates", 0),
        ("max_new_tokens", -1),
        ("limit", 0),
        ("temperature", -1.0),
    ]
    for name, value in wrong:
        with pytest.raises(UsageError, match=f"{value} does not do"):
            resolve(Request("zero-shot", "conala", **{name: value}), Registry(), Settings(environ={}))
        path = tmp_path / "mine.toml"
        path.write_text(f'[[grid]]\ntask = ["conala"]\nmethod = ["zero-shot"]\n{name} = {value}\n')
        with pytest.raises(UsageError, match=rf"\[\[grid\]\]: {name}: {value} does not do"):
            load(str(path))
    assert HarnessError.exit_code == 1 and UsageError.exit_code == 2

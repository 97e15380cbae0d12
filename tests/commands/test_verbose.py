"""`-v` tells each phase with what it took; without it a run says nothing of the kind."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.evaluation.costs import measured
from harness.progress import VERBOSE


@pytest.fixture
def words(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv(VERBOSE, "")  # the command sets it; it is taken back after the test
    path = tmp_path / "test.json"
    path.write_text(json.dumps([{"nl": f"add {i}", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(3)]))
    asked = ["--method", "zero-shot", "--task", "conala", "--model", str(tiny_model), "--data", str(path)]
    return ["eval", *asked, "--candidates", "2", "--max-new-tokens", "4", "--runs", str(tmp_path / "runs")]


def test_each_phase_is_told_with_its_cost_where_it_is_asked_for(words: list[str]) -> None:
    said = CliRunner().invoke(cli, [*words, "-v"], catch_exceptions=False).stderr
    assert re.search(r"^.*runs.conala-zero-shot-\S+: zero-shot on conala, .*; data .* \(test 3\)$", said, re.MULTILINE)
    assert re.search(r"^load: [\d.]+ s, [\d.]+ GB of memory$", said, re.MULTILINE)
    assert re.search(r"^generate: [\d.]+ s, [\d.]+ GB of memory, \d+ tokens read, \d+ written$", said, re.MULTILINE)
    again = CliRunner().invoke(cli, ["-v", *words], catch_exceptions=False).stderr
    assert "finished before, nothing to do" in again and "generate:" not in again


def test_nothing_of_it_is_told_otherwise(words: list[str]) -> None:
    said = CliRunner().invoke(cli, words, catch_exceptions=False).stderr
    assert "load:" not in said and "generate:" not in said and "problems at a time" not in said


def test_a_strangers_name_is_only_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VERBOSE, "1")
    with measured("\x1b[2J"):
        pass
    assert capsys.readouterr().err.startswith("\\x1b[2J: ")

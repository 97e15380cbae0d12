"""What a shell offers while a command is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def offered(*words: str, cwd: Path | None = None) -> list[str]:
    """What the shell is told when the last of `words` is to be completed; `file:` stands for a path of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'harness'; from harness.cli import main; main()"],
        env={
            **os.environ,
            "_HARNESS_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
            "HARNESS_PLUGINS": "",
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert done.stderr == ""
    pairs = [line.partition(",") for line in done.stdout.splitlines()]
    return [text if kind == "plain" else f"{kind}:" for kind, _, text in pairs]


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["harness", "ev"], {"eval"}),
        (["harness", "eval", "--method", "pre"], {"prefix-tuning"}),
        (["harness", "eval", "--method", "pe"], {"peft:"}),
        (["harness", "eval", "--method", "lora,ic"], {"lora,icl"}),
        (["harness", "eval", "--method", "lora+ra"], {"lora+rag"}),
        (["harness", "eval", "--task", ""], {"apps", "codealpacapy", "conala", "my"}),
        (["harness", "eval", "--metric", "exact_match,codeb"], {"exact_match,codebleu"}),
        (["harness", "eval", "--set", "lora.r"], {"lora.r="}),
        (["harness", "eval", "--model", "."], {"file:"}),
        (["harness", "score", "--set", "codebleu.f"], {"codebleu.flatten="}),
        (["harness", "plan", "--set", "lora.r"], {"lora.r="}),
        (["harness", "leaderboard", "--task", "con"], {"conala"}),
        (["harness", "leaderboard", "--metric", "tests"], {"tests_passed"}),
        (["harness", "plugins", "--kind", "dec"], {"decoder"}),
        (["harness", "plugin", "check", "beam"], {"beam-search"}),
        (["harness", "study", "run", "fai"], {"fair"}),
        (["harness", "docs", "own"], {"own-data"}),
        (["harness", "docs", "reference/hoo"], {"reference/hooks"}),
    ],
)
def test_names_of_commands_plugins_and_options_are_offered(words: list[str], some: set[str]) -> None:
    assert set(offered(*words)) == some


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two runs and what lies beside them."""
    for name in ("my-lora-1", "my-icl-2"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").touch()
    (tmp_path / "runs" / "tunings" / "a").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["harness", "compare", ""], {"runs/my-lora-1", "runs/my-icl-2"}),
        (["harness", "compare", "runs/my-icl-2", "runs/my-l"], {"runs/my-lora-1"}),
        (["harness", "verify", "runs/my-l"], {"runs/my-lora-1"}),
        (["harness", "leaderboard", "runs/my-l"], {"runs/my-lora-1"}),
        (["harness", "score", "elsewhere/"], {"file:"}),
        (["harness", "show", "runs/my-l"], {"runs/my-lora-1"}),
        (["harness", "show", "beam"], {"beam-search"}),
        (["harness", "show", "elsewhere/"], {"file:"}),
    ],
)
def test_runs_are_offered_where_one_is_to_be_named(words: list[str], some: set[str], folder: Path) -> None:
    assert set(offered(*words, cwd=folder)) == some

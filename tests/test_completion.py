"""What a shell offers while a command is typed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def offered(*words: str) -> list[str]:
    """What the shell is told when the last of `words` is to be completed."""
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
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


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
    ],
)
def test_names_of_commands_plugins_and_options_are_offered(words: list[str], some: set[str]) -> None:
    assert set(offered(*words)) == some

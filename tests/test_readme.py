"""The README's transcripts are what the commands print, and its two commands are the ones CI runs."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from harness.command_list import COMMANDS
from tests import warm

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def transcripts() -> list[tuple[str, str]]:
    """(command, what it prints) for each `$ …` of the README's console blocks."""
    found = []
    for block in BLOCK.findall(README):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


def masked(text: str) -> list[str]:
    """Lines with every number, digest and the padding around them taken out: those are the machine's.

    A note of several methods is a line for each: whether theirs are the same may hang on a number.
    """
    text = re.sub(r"^  ([\w+-]+(?:, [\w+-]+)+): (.+)$", _line_for_each, text, flags=re.MULTILINE)
    text = re.sub(r"\b[0-9a-f]{8,}\b", "#", text)
    text = re.sub(r"^\d+-\d+ ", "1 ", text, flags=re.MULTILINE)  # ranks that are shared
    text = re.sub(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", "#", text)
    return [re.sub(r"[ -]+", " ", line).strip() for line in text.strip().splitlines()]


def _line_for_each(note: re.Match[str]) -> str:
    return "\n".join(f"  {method}: {note[2]}" for method in note[1].split(", "))


@pytest.mark.slow
def test_every_transcript_is_what_the_commands_print(tmp_path: Path) -> None:
    assert transcripts(), "the README shows no transcript"
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    environment = {**os.environ, "HARNESS_PLUGINS": "", "COLUMNS": "200"}
    for command, printed in transcripts():
        words = shlex.split(command)
        assert words[0] == "harness"
        done = warm.harness(*words[1:], cwd=tmp_path, environ=environment)
        assert done.returncode == 0, done.stderr
        assert sorted(masked(done.stdout)) == sorted(masked(printed)), command  # who is first is the machine's, too


def test_each_of_the_two_commands_is_one_line_that_makes_its_own_environment() -> None:
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    for line in lines:
        assert "pip install -q -c constraints.txt -e" in line
    assert lines[0].endswith("harness eval --method lora --task apps")
    assert "pytest" in lines[1]


def test_every_command_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"(?:^|`|\$ )harness ([a-z]+)", README, flags=re.MULTILINE))
    assert named
    assert named <= set(COMMANDS)


def test_the_first_transcript_compares_three_ways_on_rows_of_ones_own() -> None:
    command, printed = transcripts()[0]
    assert "--task my --data examples/own-data/rows.jsonl" in command
    assert len(re.findall(r"^\d.* builtin ", printed, re.MULTILINE)) == 3
    assert "docs/own-data.md" in README.split("## What there is")[0]


def test_the_tree_names_every_folder_of_the_core() -> None:
    tree = README.split("```text", 1)[1].split("```", 1)[0]
    named = set(re.findall(r"^  (\w+)/ +\S", tree, re.MULTILINE))
    assert named == {path.parent.name for path in (ROOT / "harness").glob("*/__init__.py")}

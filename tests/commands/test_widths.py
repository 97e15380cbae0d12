"""Lists keep their columns on a terminal of any width, and are whole in a file or a pipe."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from harness import cli
from harness.ranking.terminal import hang

LISTS = (["docs"], ["study", "list"], ["plugins"], ["study", "run", "FILE", "--builtin", "--dry-run"])
WRONG = "[[builtin]]\ntask = ['conala']\nmethod = ['lora并行计算并行计算并行计算', 'no-such-method-of-a-long-name']\n"


@pytest.mark.parametrize("words", LISTS, ids=lambda words: " ".join(words[:2]))
def test_no_line_of_a_list_is_wider_than_the_terminal(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_PLUGINS", "")
    path = tmp_path / "wrong.toml"
    path.write_text(WRONG)
    asked = [str(path) if word == "FILE" else word for word in words]
    whole = CliRunner().invoke(cli.cli, asked, catch_exceptions=False).stdout.splitlines()
    for width in (60, 80, 120, 200):
        monkeypatch.setattr(cli, "terminal_width", lambda width=width: width)
        shown = CliRunner().invoke(cli.cli, asked, catch_exceptions=False).stdout.splitlines()
        rows = shown[:-1] if "--dry-run" in words else shown  # its last line is a sentence
        assert max(map(cell_len, rows)) <= width
        assert [line[:10] for line in shown] == [line[:10] for line in whole]


NAME = "制作者/模型并行计算-{}-with-a-long-name-7b-指令"
NOTE = "注意：这是一个很长的说明，没有空格，所以只能在任何地方断开，而且还要继续下去直到比终端更宽为止 and some words"


@pytest.fixture(scope="module")
def forty(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty runs of models whose names and notes have letters that are two columns wide."""
    root = tmp_path_factory.mktemp("forty") / "runs"
    for number in range(40):
        rng = random.Random(number)
        found = list(synthetic.records(rng, 0.7 - 0.015 * number, 20))
        spec = synthetic.run_spec(synthetic.METHODS[number % 9], 42, NAME.format(number // 9))
        synthetic.write(root, replace(synthetic.row(spec, found, rng), notes=(f"{number}: {NOTE}",)), found)
    return root


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_forty_rows_with_wide_letters_wrap_on_no_terminal(
    forty: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "terminal_width", lambda: width)
    one, other = (str(path) for path in sorted(forty.iterdir())[:2])
    asked = (["leaderboard", str(forty)], ["leaderboard", str(forty), "--top", "3"], ["runs", "--runs", str(forty)])
    for words in (*asked, ["show", one], ["compare", one, other], ["show", "lora"]):
        lines = CliRunner().invoke(cli.cli, words, catch_exceptions=False).stdout.splitlines()
        assert [line for line in lines if cell_len(line) > width] == [], words
        assert words[0] != "leaderboard" or sum("[" in line for line in lines) >= (3 if "--top" in words else 40)


def test_a_line_of_prose_is_broken_between_words_and_loses_no_sign() -> None:
    line = f"  {NOTE} (" + "x" * 130 + ")"
    for width in (30, 60, 80):
        shown = hang(line, width)
        assert max(map(cell_len, shown)) <= width and shown[0].startswith("  注意")
        assert "".join("".join(shown).split()) == "".join(line.split())
    assert hang("short", 60) == ["short"] and hang("", 60) == [""]

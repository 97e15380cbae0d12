"""Lists keep their columns on a terminal of any width, and are whole in a file or a pipe."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from harness import cli

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

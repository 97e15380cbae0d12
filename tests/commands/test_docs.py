"""`harness docs`: every page of the manual can be read in a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import manual_pages
from harness.cli import cli
from harness.errors import UsageError

DOCS = Path(__file__).parents[2] / "docs"


def docs(*words: str) -> str:
    done = CliRunner().invoke(cli, ["docs", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_every_page_is_listed_and_printed() -> None:
    listed = [line.split()[0] for line in docs().splitlines()]
    assert {path.stem for path in DOCS.glob("*.md")} <= set(listed)
    assert {"reference/hooks", "reference/classes", "reference/commands", "reference/tasks"} <= set(listed)
    assert docs("own-data").startswith("# Your own data\n")
    assert "def harness_methods()" in docs("reference/hooks")


def test_a_page_that_is_not_there_has_a_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"no page 'own_dat'\. Did you mean 'own-data'"):
        CliRunner().invoke(cli, ["docs", "own_dat"], catch_exceptions=False, standalone_mode=False)


def test_an_installation_has_its_pages_beside_its_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "own-data.md").write_text("# Installed\n")
    monkeypatch.setattr(manual_pages, "__file__", str(tmp_path / "manual_pages.py"))
    assert manual_pages.written() == {"own-data": "Installed"}

"""`harness docs`: every page of the manual can be read in a terminal."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
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


@pytest.mark.parametrize("name", ["hooks", "reference/hooks", "reference/hooks.md", "docs/reference/hooks.md"])
def test_a_page_is_found_by_its_last_word_and_by_the_path_of_its_file(name: str) -> None:
    assert docs(name).startswith("# Hooks\n")


def test_the_manual_of_studies_is_not_hidden_by_the_list_of_studies() -> None:
    assert docs("studies").startswith("# Studies and leaderboards\n")
    assert docs("reference/studies").startswith("# Studies\n")


PINNED = {
    line.partition("==")[0]: line.partition("==")[2].strip()
    for line in (DOCS.parent / "constraints.txt").read_text("utf-8").splitlines()
    if "==" in line
}


@pytest.mark.skipif(
    any(version(name) != PINNED[name] for name in ("peft", "click")),
    reason="the pages in the repository name the tuners of the pinned PEFT, and show the help of the pinned click",
)
@pytest.mark.slow
def test_the_reference_in_the_repository_is_what_the_code_says(tmp_path: Path) -> None:
    # In a process of its own: tests that ran before may have left their mark on a command.
    program = "import sys; from pathlib import Path; from harness.manual_pages import write; write(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, tmp_path / "reference"], check=True)
    said = {path.name: path.read_text("utf-8") for path in (tmp_path / "reference").iterdir()}
    there = {path.name: path.read_text("utf-8") for path in (DOCS / "reference").glob("*.md")}
    stale = [name for name in sorted({*said, *there}) if said.get(name) != there.get(name)]
    assert stale == [], "write them anew: python -m harness.manual_pages"


def test_every_page_of_the_reference_has_a_line_in_the_list_that_says_what_it_is() -> None:
    assert set(manual_pages.TITLES) == {f"reference/{name}" for name in manual_pages.generated()}


def test_no_link_is_without_words_which_only_a_built_site_would_fill_in() -> None:
    texts = {path.name: path.read_text("utf-8") for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    assert [name for name, text in texts.items() if "[](" in text] == []


def test_signatures_show_types_without_quotes_and_texts_with_them() -> None:
    def function(name: str = "", *, data: bytes = b"x") -> str: ...

    assert manual_pages.signature(function) == "(name: str = '', *, data: bytes = b'x') -> str"
    assert "_judge_own" not in docs("classes")


def test_a_page_that_is_not_there_has_a_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"no page 'own_dat'\. Did you mean 'own-data'"):
        CliRunner().invoke(cli, ["docs", "own_dat"], catch_exceptions=False, standalone_mode=False)


def test_an_installation_has_its_pages_beside_its_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "own-data.md").write_text("# Installed\n")
    monkeypatch.setattr(manual_pages, "__file__", str(tmp_path / "manual_pages.py"))
    assert manual_pages.written() == {"own-data": "Installed"}

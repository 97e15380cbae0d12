"""A run folder of a stranger: whatever stands in it is shown and never obeyed, in every form and on the page."""

from __future__ import annotations

import csv
import json
import random
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from harness.cli import cli
from harness.errors import RunError
from harness.evaluation import runs
from harness.records import Completion, to_json

if TYPE_CHECKING:
    from tests.report.conftest import Browser

EVIL = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\\input{/etc/passwd}\u202e@SUM(1)\u2028=cmd|x!A1 ```\n"
    "# owned\n<img src=x onerror=alert(1)>"
)
FORMS = ("table", "markdown", "csv", "json", "latex", "html")


@pytest.fixture(scope="module")
def hostile(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs with hostile names, notes, slices, answers, commands, versions and data."""
    root = tmp_path_factory.mktemp("hostile") / "runs"
    for number, method in enumerate(("lora", "ia3")):
        rng = random.Random(number)
        found = list(synthetic.records(rng, 0.5, 8, (f"={EVIL}",)))
        found = [replace(one, completions=(Completion(EVIL, 3), *one.completions[1:])) for one in found]
        spec = synthetic.run_spec(method, 1, f"a/{EVIL}{number}")
        row = replace(synthetic.row(spec, found, rng), run_id=f"stranger-{number}", notes=(f"@{EVIL}",))
        folder = synthetic.write(root, row, found)
        about = json.loads((folder / "run.json").read_text())
        evil = f"={EVIL}"
        about |= {"command": evil, "reproduce": evil, "versions": {EVIL: EVIL}, "plugins": {}}
        about["data"]["source"] = EVIL
        (folder / "run.json").write_text(json.dumps(about))
    return root


def obeyed(text: str) -> list[str]:
    """The signs in `text` that a terminal, an editor or a browser would obey."""
    return sorted({c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"})


def shown(*words: str) -> str:
    return CliRunner().invoke(cli, list(words), catch_exceptions=False).output


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_leaderboard_holds_a_sign_that_is_obeyed(hostile: Path, form: str) -> None:
    text = shown("leaderboard", str(hostile), "--format", form)
    assert obeyed(text) == []
    assert "owned" in text, "it is shown, not dropped"


def test_showing_comparing_and_listing_a_run_is_inert(hostile: Path) -> None:
    one, other = (str(hostile / f"stranger-{number}") for number in (0, 1))
    for words in (("show", one), ("show", one, "--json"), ("compare", one, other), ("runs", "--runs", str(hostile))):
        assert obeyed(shown(*words)) == [], words


def test_no_line_of_latex_begins_outside_a_table_or_a_comment(hostile: Path, compile_tex: Callable[..., str]) -> None:
    text = shown("leaderboard", str(hostile), "--format", "latex")
    assert "\\input" not in re.sub("^%.*$", "", text, flags=re.MULTILINE)
    compile_tex(text)


def test_markdown_stays_one_table_and_one_block_of_commands(hostile: Path) -> None:
    text = shown("leaderboard", str(hostile), "--format", "markdown")
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<table>") == 1 and html.count("<pre>") == 1 and "<h1>" not in html and "<img" not in html


def test_no_cell_of_csv_begins_a_formula(hostile: Path) -> None:
    lines = list(csv.reader(shown("leaderboard", str(hostile), "--format", "csv").splitlines()))
    assert len({len(line) for line in lines}) == 1
    texts = [cell for line in lines for cell in line if not re.fullmatch(r"-?[\d.e-]*", cell)]
    assert [cell for cell in texts if cell[0] in "=+-@\t\r"] == []


def test_json_holds_what_was_there(hostile: Path) -> None:
    [first, _] = json.loads(shown("leaderboard", str(hostile), "--json"))
    assert first["command"] == f"={EVIL}" and EVIL in first["run"]["model"]["id"]


def test_a_run_that_is_named_like_another_folder_is_refused(synthetic: ModuleType, tmp_path: Path) -> None:
    rng = random.Random(0)
    found = list(synthetic.records(rng, 0.5, 4))
    row = synthetic.row(synthetic.run_spec("lora", 1), found, rng)
    folder = synthetic.write(tmp_path, row, found)
    for name in ("../../elsewhere", "a\nb", "a\x1b[2J", ""):
        data = json.loads((folder / "result.json").read_text())
        data["row"] = {**to_json(row), "run_id": name}
        (folder / "result.json").write_text(json.dumps(data))
        with pytest.raises(RunError, match="is no name of a run"):
            runs.read_row(folder)


def test_the_page_shows_it_and_does_nothing(
    browser: Browser, hostile: Path, render: Callable[..., Path], tmp_path: Path
) -> None:
    out = render(hostile, tmp_path / "page.html")
    browser.open(out)
    browser.wait("document.querySelector('#problem h3')")
    browser.click("#table tbody tr button")
    assert obeyed(browser.run("return document.body.textContent")) == []
    assert browser.run("return document.querySelectorAll('main img').length") == 0
    assert browser.requested() == [out.as_uri()] and browser.log("browser") == []
    lines = list(csv.reader(browser.run("return table.csv()").splitlines()))
    assert len({len(line) for line in lines}) == 1
    assert [cell for line in lines for cell in line if cell[:1] in ("=", "+", "@")] == []

"""Prompts of one's own, from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.config import Settings
from harness.errors import UsageError
from harness.evaluation.reading import reader
from harness.evaluation.template import with_template
from harness.plugin import TaskConfig
from harness.plugins.tasks.conala import Conala
from harness.records import Problem

ADD = Problem("1", "add {{ two }} numbers {% raw %}", ("a + b",))


def test_the_instruction_stands_where_the_template_says_as_it_is() -> None:
    task = with_template(Conala(), "# Task: {{ instruction }}\n# Code:\n")
    assert task.template(ADD) == "# Task: add {{ two }} numbers {% raw %}\n# Code:\n"
    assert task.request(ADD) == "# Task: add {{ two }} numbers {% raw %}\n# Code:"
    assert (task.name, task.sampling(), task.answer(ADD)) == ("conala", Conala().sampling(), "a + b")


def test_without_a_template_the_task_is_itself() -> None:
    task = Conala()
    assert with_template(task, "") is task


def test_the_next_turn_of_such_a_prompt_ends_an_answer() -> None:
    task = with_template(Conala(), "Question:\n{{ instruction }}\nAnswer:\n")
    assert {"Question:", "Answer:"} <= set(reader(task, ADD, ()).markers)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ instruction", "the template of conala: "),
        ("{{ question }}", "'question' is undefined; the one name that it has is {{ instruction }}"),
        ("Write code.", "it leaves the instruction out; write {{ instruction }} where it belongs"),
        ("{{ instruction.__class__.__mro__ }}", "the template of conala: "),
    ],
)
def test_a_template_that_does_not_do_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        with_template(Conala(), text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_option_is_the_path_of_a_file_and_holds_its_text(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("{{ instruction }}\n")
    settings = Settings([f"conala.template={file}"], environ={}, file=tmp_path / "harness.toml")
    config, sources = settings.config("conala", TaskConfig)
    assert (config.template, sources["template"].source) == ("{{ instruction }}\n", "--set")
    for name, why in (("none.txt", "no such file; name one"), (".", "Is a directory")):
        settings = Settings([f"conala.template={tmp_path / name}"], environ={}, file=tmp_path / "harness.toml")
        with pytest.raises(UsageError, match=f"--set conala.template: .*{why}"):
            settings.config("conala", TaskConfig)


def test_another_template_is_another_run_and_none_is_the_run_that_it_was(tmp_path: Path) -> None:
    words = ["eval", "--method", "zero-shot", "--task", "conala", "--dry-run", "--json"]
    ids = set()
    for text in ("", "a {{ instruction }}", "b {{ instruction }}"):
        (tmp_path / "prompt.txt").write_text(text)
        named = ["--set", f"conala.template={tmp_path / 'prompt.txt'}"] if text else []
        (plan,) = json.loads(CliRunner().invoke(cli, [*words, *named], catch_exceptions=False).stdout)
        ids.add(plan["id"])
        assert plan["run"]["options"]["conala"] == ({"template": text} if text else {})
    assert len(ids) == 3

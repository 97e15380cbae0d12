"""Completions made elsewhere: the same code scores the same, however it was wrapped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.config import Settings
from harness.data.sources import open_builtin
from harness.evaluation import rescoring, runs
from harness.evaluation.request import Request
from harness.plugin_system.registry import Registry
from harness.ranking.comparison import extraction_notes
from harness.records import Row

WRAPPINGS = {
    "fenced": "```python\n{}\n```",
    "fenced in prose": "Here is the code you asked for:\n\n```python\n{}\n```\n\nIt does what you want.",
    "after reasoning": "<think>\nMaybe `print(0)`?\n```python\nprint(0)\n```\n</think>\n\n{}",
    "with the next turn": "{}\n\n### Instruction:\nDo more.\n### Response:\nprint(0)",
    "with the template's next turn": "{}<|im_end|>\n<|im_start|>user\nDo more.",
    "behind a blank line": "\n{}",
}


def scored(task: str, wrapping: str, folder: Path) -> Row:
    """The row of the task's own references, each written in `wrapping`."""
    registry = Registry()
    plugin = registry.task(task).plugin
    problems = plugin.load(open_builtin(task), plugin.Config())["test"]
    path = folder / "completions.jsonl"
    answers = ({"id": p.id, "completions": [wrapping.replace("{}", p.reference)]} for p in problems)
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    request = Request("external", task, ks=(1,))
    return rescoring.score_file(request, path, "mine", registry, Settings(environ={}), folder / "runs")


@pytest.mark.parametrize("task", ["conala", "codealpacapy"])
def test_references_score_the_same_in_every_wrapping(task: str, tmp_path: Path) -> None:
    (bare := tmp_path / "bare").mkdir()
    expected = scored(task, "{}", bare)
    assert next(e.value for e in expected.estimates if e.measure == "em@1") == 1.0
    for number, (name, wrapping) in enumerate(WRAPPINGS.items()):
        (folder := tmp_path / str(number)).mkdir()
        row = scored(task, wrapping, folder)
        assert row.estimates == expected.estimates, name
        assert sum((row.readings or {}).values()) == 60, name


def test_a_comparison_says_how_answers_were_found_and_warns_where_two_runs_differ_in_it(tmp_path: Path) -> None:
    folders = []
    for name, wrapping in {"bare": "{}", "fenced": "```python\n{}\n```"}.items():
        (tmp_path / name).mkdir()
        scored("conala", wrapping, tmp_path / name)
        folders += runs.finished(tmp_path / name / "runs")
    lines = extraction_notes(folders[:1], folders[1:])
    assert lines[:2] == ["A  answers found: 60 bare", "B  answers found: 60 fenced"]
    assert lines[2].startswith("warning: 100% of the answers were found by other rules (harness docs answers)")
    assert len(extraction_notes(folders[:1], folders[:1])) == 2

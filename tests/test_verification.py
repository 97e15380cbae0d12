"""A finished run is believed because its numbers can be computed again, and a touched one is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import external, runs
from harness.config import Settings
from harness.plan import Request
from harness.registry import Registry
from harness.verification import verify


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of ten problems, half of them solved, with metrics and options of its own."""
    rows = [{"nl": f"say {i}", "cmd": f"print({i})", "question_id": f"{i}-1"} for i in range(10)]
    (tmp_path / "test.json").write_text(json.dumps(rows))
    lines = [{"id": f"{i}-1", "completions": [f"print({i})" if i % 2 else "nothing", "x = 1"]} for i in range(10)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    request = Request("external", "conala", data=tmp_path / "test.json", metrics=("exact_match", "codebleu"), ks=(1, 2))
    external.score_file(
        request,
        tmp_path / "mine.jsonl",
        "mine",
        Registry(),
        Settings(["codebleu.profile=fixed"], environ={}),
        tmp_path / "runs",
    )
    (folder,) = runs.finished(tmp_path / "runs")
    return folder


def change(path: Path, edit: Any) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    edit(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_an_untouched_run_holds_with_its_own_options(run: Path) -> None:
    found = list(verify(run, None, judge=False))
    assert [check.verdict for check in found] == ["holds"] * 5, found
    assert found[3].found == "20 scores"


def test_a_changed_completion_a_changed_score_and_a_lost_record_are_each_seen(run: Path) -> None:
    untouched = (run / "records.jsonl").read_text()

    def other_text(lines: list[Any]) -> None:
        lines[0]["completions"][0]["text"] = "print(0)"

    def other_score(lines: list[Any]) -> None:
        (score,) = (s for s in lines[1]["scores"] if s["metric"] == "exact_match")
        score["values"]["em@1"] = 0.0

    for edit, estimates in ((other_text, "broken"), (other_score, "holds")):
        change(run / "records.jsonl", edit)
        records, _, _, scores, last = verify(run, None, judge=False)
        assert (records.verdict, scores.verdict, last.verdict) == ("broken", "broken", estimates)
        (run / "records.jsonl").write_text(untouched)
    change(run / "records.jsonl", lambda lines: lines.pop())
    found = list(verify(run, None, judge=False))
    assert found[2].verdict == "broken" and "9 records for 10 problems" in found[2].found


def test_a_changed_estimate_is_seen(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    result["row"]["estimates"][0]["value"] += 0.1
    (run / "result.json").write_text(json.dumps(result))
    found = list(verify(run, None, judge=False))
    assert [check.verdict for check in found] == ["holds"] * 4 + ["broken"], found
    assert "now 0.5" in found[4].found


def test_older_results_and_newer_plugins_are_no_broken_runs(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    del result["records_sha256"]
    (run / "result.json").write_text(json.dumps(result))
    about = json.loads((run / "run.json").read_text())
    about["plugins"]["codebleu"]["digest"] = "0" * 64
    (run / "run.json").write_text(json.dumps(about))
    records, plugins, *rest = verify(run, None, judge=False)
    assert (records.verdict, plugins.verdict) == ("not made", "not made")
    assert plugins.found == "changed since: codebleu"
    assert [check.verdict for check in rest] == ["holds"] * 3


def test_data_that_is_not_at_hand_is_no_broken_run(run: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "test.json").rename(tmp_path / "elsewhere" / "test.json")
    found = list(verify(run, None, judge=False))
    assert [check.verdict for check in found] == ["holds", "not made"]
    assert [check.verdict for check in verify(run, tmp_path / "elsewhere", judge=False)] == ["holds"] * 5


def test_executed_completions_run_again(tmp_path: Path) -> None:
    lines = [{"id": f"{i}", "completions": [f"print({i})", "1 / 0"]} for i in range(3)]
    rows = [
        {
            "problem_id": i,
            "question": f"Print {i}.",
            "difficulty": "introductory",
            "solutions": "[]",
            "input_output": json.dumps({"inputs": [""], "outputs": [f"{i}\n"]}),
        }
        for i in range(3)
    ]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    request = Request("external", "apps", data=tmp_path / "test.jsonl", ks=(1,))
    path, settings = tmp_path / "mine.jsonl", Settings(environ={})
    external.score_file(request, path, "mine", Registry(), settings, tmp_path / "runs")
    (folder,) = runs.finished(tmp_path / "runs")
    *_, judged = verify(folder, None, judge=True)
    assert (judged.verdict, judged.found) == ("holds", "6 completions")

    def passed(lines: list[Any]) -> None:
        lines[0]["executions"][1] = lines[0]["executions"][0]

    change(folder / "records.jsonl", passed)
    *_, judged = verify(folder, None, judge=True)
    assert judged.verdict == "broken" and "1 of 6 differ" in judged.found

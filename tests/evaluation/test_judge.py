"""Candidates are executed once: those of problems with tests, where a metric asks for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import files
from harness.evaluation import judge as phase
from harness.evaluation.judge import judge
from harness.records import AssertTests, Completion, Execution, Limits, Outcome, Problem, Record

TESTS = AssertTests("f", "assert f() == 1")
LIMITS = Limits(cpu_seconds=3.0)


def plan(heard: list[Any], needs: str = "executions", *, executes: bool = True) -> Any:
    """A plan whose task says what it was asked to run, and passes what is called "good"."""

    def run(jobs: Any, *, limits: Limits, accept_unsafe: bool) -> Any:
        assert (limits, accept_unsafe) == (LIMITS, True)
        if not executes:
            return None
        return (_heard(heard, problem, completion) for problem, completion in jobs)

    problems = [Problem(id, "say", (), TESTS) for id in ("a", "b", "c")] + [Problem("bare", "say")]
    return SimpleNamespace(
        metrics=[SimpleNamespace(plugin=SimpleNamespace(needs=needs))],
        problems=problems,
        title=str,
        task=SimpleNamespace(plugin=SimpleNamespace(judge=run)),
        limits=LIMITS,
        accept_unsafe=True,
    )


def _heard(heard: list[Any], problem: Problem, completion: Completion) -> Execution:
    heard.append((problem.id, completion.text))
    return Execution(Outcome.PASSED if completion.text == "good" else Outcome.FAILED, 1, 1)


@dataclass(frozen=True)
class Isolation:
    """What a record says of the sandbox."""

    name: str


def record(id: str, *texts: str, **fields: Any) -> Record:
    return Record(id, None, "", 0, (), 0, tuple(Completion(text, 1) for text in texts), **fields)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(phase.sandbox, "isolation_level", lambda accept: Isolation("none" if accept else "full"))
    done = (Execution(Outcome.PASSED, 1, 1),)
    records = [
        record("a", "good", "bad"),
        record("bare", "good"),
        record("b", "bad"),
        record("c", "good", executions=done),
    ]
    (tmp_path / "completions.jsonl").write_text("".join(map(files.line, records)))
    return tmp_path


def outcomes(folder: Path) -> dict[str, list[str]]:
    lines = map(json.loads, (folder / "executions.jsonl").read_text().splitlines())
    return {line["id"]: [one["outcome"] for one in line["executions"]] for line in lines}


def test_each_candidate_of_a_problem_with_tests_runs_once(folder: Path) -> None:
    heard: list[Any] = []
    judge(plan(heard), folder)
    assert heard == [("a", "good"), ("a", "bad"), ("b", "bad")]
    assert outcomes(folder) == {"a": ["passed", "failed"], "b": ["failed"]}
    told = json.loads((folder / "sandbox.json").read_text())
    assert told["isolation"] == {"name": "none"} and told["limits"]["cpu_seconds"] == 3.0
    (cost,) = map(json.loads, (folder / "costs.jsonl").read_text().splitlines())
    assert cost["phase"] == "judge"
    judge(plan(heard), folder)
    assert len(heard) == 3


def test_what_was_executed_before_a_run_was_broken_off_is_not_executed_again(folder: Path) -> None:
    (folder / "executions.jsonl").write_text(files.line({"id": "a", "executions": []}) + '{"id": "b", "exec')
    heard: list[Any] = []
    judge(plan(heard), folder)
    assert heard == [("b", "bad")] and set(outcomes(folder)) == {"a", "b"}


@pytest.mark.parametrize("options", [{"needs": "references"}, {"executes": False}])
def test_nothing_is_written_where_nothing_is_to_be_executed(folder: Path, options: dict[str, Any]) -> None:
    heard: list[Any] = []
    judge(plan(heard, **options), folder)
    assert heard == [] and sorted(p.name for p in folder.iterdir()) == ["completions.jsonl"]

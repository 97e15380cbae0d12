"""Candidates are executed once: those of problems with tests, where a metric asks for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import files, progress
from harness.evaluation import judge as phase
from harness.evaluation.judge import judge
from harness.records import (
    AssertTests,
    CallTests,
    Completion,
    Execution,
    Limits,
    Outcome,
    Problem,
    PytestTests,
    Record,
    StdinTests,
)

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
        run=SimpleNamespace(seed=1),
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
    assert sorted(heard) == [("a", "bad"), ("a", "good"), ("b", "bad")]
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


class Clock:
    """A clock that goes when told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


JUDGED = json.loads((Path(__file__).parent / "judged.json").read_text("utf-8"))
"""[assertions, processor seconds of each candidate] of 228 problems of LeetCode, the easy ones first."""


@pytest.mark.parametrize("seed", range(4))
def test_the_time_left_is_about_right_though_the_data_stands_in_the_order_of_difficulty(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phase.sandbox, "isolation_level", lambda _: Isolation("full"))
    monkeypatch.setattr(progress, "time", clock := Clock())
    times = {str(i): seconds for i, (_, seconds) in enumerate(JUDGED)}

    def verdicts(jobs: Any, **_: Any) -> Any:
        for problem, completion in jobs:
            clock.now += times[problem.id][int(completion.text)]
            yield Execution(Outcome.PASSED, 1, 1)

    asked = plan([])
    asked.run.seed = seed
    asked.problems = [
        Problem(str(i), "say", (), StdinTests((("", ""),) * tests)) for i, (tests, _) in enumerate(JUDGED)
    ]
    asked.task.plugin.judge = verdicts
    records = [record(id, *map(str, range(len(seconds)))) for id, seconds in times.items()]
    (tmp_path / "completions.jsonl").write_text("".join(map(files.line, records)))
    said: list[tuple[float, float]] = []
    step = progress.Pace.step

    steps: list[int] = []

    def seen(self: Any, done: int, now: float) -> None:
        steps.append(done)
        step(self, done, now)
        if (left := self.left(len(records), now)) is not None:
            said.append((now, left))

    monkeypatch.setattr(progress.Pace, "step", seen)
    judge(asked, tmp_path)
    end = clock.now
    for share in (0.1, 0.2, 0.3, 0.5):
        now, left = next(one for one in said if one[0] >= share * end)
        assert left == pytest.approx(end - now, rel=0.3), share
    assert set(outcomes(tmp_path)) == set(times)
    assert steps == [*range(len(records) + 1)]


@pytest.mark.parametrize(
    ("tests", "work"),
    [
        (StdinTests((("1", "2"),) * 3), 8),
        (CallTests("f", (("[1]", "2"),)), 4),
        (AssertTests("f", "assert f(1) == 1\nassert f(2) == 2"), 6),
        (PytestTests("def test_one():\n    assert True"), 4),
        (None, 2),
    ],
)
def test_each_test_and_each_start_of_a_program_is_work(tests: Any, work: int) -> None:
    assert phase.work_of(Problem("a", "say", (), tests), candidates=2) == work

"""Jobs travel as data, those of one base model stay together, and what one fails with arrives with its cause."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, TypeVar

import pytest

from harness.errors import HarnessError
from harness.evaluation import executor, writing_together
from harness.evaluation.executor import Job, JobCrashed, LocalExecutor, grouped, run_job
from harness.evaluation.request import Request
from harness.modeling.bases import LoadedBases
from harness.plugin_system.registry import Registry

T = TypeVar("T")


def job(method: str, runs: Path = Path("runs"), group: str = "", **asked: object) -> Job:
    return Job(Request(method, "conala", **asked), (), runs, group)  # type: ignore[arg-type]


def copy(value: T) -> T:
    """What arrives in another process."""
    arrived: T = pickle.loads(pickle.dumps(value))  # noqa: S301 - made here
    return arrived


def test_jobs_of_one_group_are_run_one_after_another_in_the_order_of_the_first_of_each() -> None:
    jobs = [job("lora", group="16 bit"), job("qlora-4bit", group="4 bit"), job("ia3", group="16 bit")]
    assert [one.request.method for one in grouped(jobs)] == ["lora", "ia3", "qlora-4bit"]


def test_a_job_and_its_failure_survive_pickling_and_keep_message_and_exit_status(tmp_path: Path) -> None:
    sent = copy(job("loora", tmp_path))
    result = copy(run_job(sent, Registry(), LoadedBases()))
    assert result.error is not None and result.row is None and result.job == sent
    with pytest.raises(HarnessError, match="Did you mean 'lora'") as caught:
        result.error.reraise()
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_an_unexpected_failure_arrives_with_the_traceback_of_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("in the middle\nof a run")

    monkeypatch.setattr(executor, "evaluate", broken)
    result = run_job(job("zero-shot", tmp_path), Registry(), LoadedBases())
    assert result.error is not None and result.error.summary == "ZeroDivisionError: in the middle"
    with pytest.raises(JobCrashed, match=r"(?s)ZeroDivisionError.*in broken.*of a run"):
        result.error.reraise()


def test_a_base_model_is_not_used_again_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def broken(_: object, __: object, ___: object, bases: LoadedBases) -> None:
        used.append(bases)
        raise ZeroDivisionError

    monkeypatch.setattr(executor, "evaluate", broken)
    jobs = [job("zero-shot", tmp_path), job("icl", tmp_path)]
    assert all(result.error for result in LocalExecutor(Registry()).run(jobs, lambda _: None))
    assert len({id(bases) for bases in used}) == 2


def test_what_goes_wrong_while_runs_are_written_at_once_is_said_and_each_run_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("in the middle")

    made: list[object] = []
    monkeypatch.setattr(executor, "gpu_available", lambda: True)
    monkeypatch.setattr(writing_together, "write_together", broken)
    monkeypatch.setattr(executor, "evaluate", lambda plan, *_: made.append(plan))
    plans: dict[Job, Any] = {job("zero-shot", tmp_path): 1, job("icl", tmp_path): 2}
    results = list(LocalExecutor(Registry(), plans=plans).run(list(plans), lambda _: None))
    assert not any(result.error for result in results) and made == [1, 2]
    assert "note: runs are written one after another: ZeroDivisionError: in the middle" in capsys.readouterr().err

"""Runs of one command that are written at once have the records that they have alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import Session, files
from harness.decoding.running_batch import RunningBatch
from harness.evaluation import executor, writing_together
from harness.evaluation.request import Request
from harness.evaluation.runs import read_records
from harness.records import Record, Row

ROWS = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(30)]
METHODS = ["lora", "ia3", "prompt-tuning", "zero-shot"]


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Request:
    folder = tmp_path_factory.mktemp("conala")
    for split, part in {"train": ROWS[:16], "dev": ROWS[16:20], "test": ROWS[20:]}.items():
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    return Request("", "conala", str(tiny_model), data=folder, candidates=2, max_new_tokens=6, ks=(1, 2))


def made(request: Request, root: Path, methods: list[str], **more: Any) -> list[Row]:
    session = Session()
    options = [f"{name}.epochs=1" for name in methods if name != "zero-shot"]
    return session.run_trials(session.trials(methods, request, options, runs=root, **more), root)


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU."""
    monkeypatch.setattr(executor, "gpu_available", lambda: True)


def records(root: Path, rows: list[Row]) -> Mapping[str, list[Record]]:
    """The records of each run, in the order of the problems; of the scores what rounding leaves."""

    def rounded(record: Record) -> Record:
        completions = tuple(
            one if one.logprob is None else replace(one, logprob=round(one.logprob, 4)) for one in record.completions
        )
        return replace(record, completions=completions)

    return {
        row.run_id: sorted(map(rounded, read_records(root / row.run_id)), key=lambda record: record.id) for row in rows
    }


def batches(root: Path, rows: list[Row]) -> list[dict[str, Any]]:
    return [files.read_json(root / row.run_id / "batch.json") for row in rows]


def test_runs_of_several_methods_and_seeds_have_the_records_that_they_have_alone(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = made(request_, tmp_path / "alone", METHODS, seeds=[1, 2])
    assert not any("together" in one for one in batches(tmp_path / "alone", alone))
    at_once(monkeypatch)
    rows = made(request_, tmp_path / "together", METHODS, seeds=[1, 2])
    assert [row.run_id for row in rows] == [row.run_id for row in alone]
    assert records(tmp_path / "together", rows) == records(tmp_path / "alone", alone)
    ids = [row.run_id for row in rows]
    assert all(sorted(one["together"]) == sorted(ids) for one in batches(tmp_path / "together", rows))
    for row, other in zip(rows, alone, strict=True):
        assert row.estimates == other.estimates
        assert any(note.startswith("written together with 7 others: time and energy") for note in row.notes)
        tokens = [{c.phase: (c.tokens_in, c.tokens_out) for c in one.costs} for one in (row, other)]
        assert tokens[0] == tokens[1]
    assert made(request_, tmp_path / "together", METHODS, seeds=[1, 2]) == rows


def test_the_time_of_writing_is_shared_by_the_tokens_that_each_run_wrote(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch)
    rows = made(request_, tmp_path, ["lora", "zero-shot"])
    seconds, tokens = zip(
        *((cost.seconds, cost.tokens_out) for row in rows for cost in row.costs if cost.phase == "generate"),
        strict=True,
    )
    assert seconds[0] / sum(seconds) == pytest.approx(tokens[0] / sum(tokens), abs=0.02)


def test_an_interrupted_writing_is_continued_in_the_same_company(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = made(request_, tmp_path / "alone", METHODS[:3])
    at_once(monkeypatch)
    launch, steps = RunningBatch.launch_step, list[int]()

    def interrupted(self: Any) -> None:
        steps.append(self.num_running)
        if len(steps) > 20:
            raise KeyboardInterrupt
        launch(self)

    root = tmp_path / "together"
    with monkeypatch.context() as patched:
        patched.setattr(RunningBatch, "launch_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made(request_, root, METHODS[:3])
    begun = {row.run_id: len(list(files.lines(root / row.run_id / "completions.jsonl"))) for row in alone}
    assert 0 < sum(begun.values()) < 30
    rows = made(request_, root, METHODS[:3])
    assert records(root, rows) == records(tmp_path / "alone", alone)
    assert all(len(one["together"]) == 3 for one in batches(root, rows))


def test_what_cannot_be_carried_is_written_alone_and_it_is_said(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_once(monkeypatch)
    rows = made(request_, tmp_path, ["lora", "peft:dora", "zero-shot", "full-ft"])
    assert [len(one.get("together", ())) for one in batches(tmp_path, rows)] == [2, 0, 2, 0]
    said = capsys.readouterr().err
    assert "note: peft:dora, seed 42, is written alone: Linear (model.layers.0.self_attn" in said
    assert [any("written together" in note for note in row.notes) for row in rows] == [True, False, True, False]


def test_prompts_with_a_long_common_beginning_are_written_alone(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_once(monkeypatch)
    monkeypatch.setattr(writing_together, "_MOST_SHARED_TOKENS", 2)
    rows = made(request_, tmp_path, ["lora", "zero-shot"])
    assert not any("together" in one for one in batches(tmp_path, rows))
    assert "tokens, which are read once if it is alone" in capsys.readouterr().err


def test_memory_that_does_not_hold_one_problem_of_all_leaves_each_run_to_itself(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    at_once(monkeypatch)
    launch = RunningBatch.launch_step

    def failing(self: Any) -> None:
        if self._adapters is not None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        launch(self)

    monkeypatch.setattr(RunningBatch, "launch_step", failing)
    rows = made(request_, tmp_path, ["lora", "zero-shot"])
    assert len(rows) == 2
    assert "note: runs are written one after another: out of memory" in capsys.readouterr().err

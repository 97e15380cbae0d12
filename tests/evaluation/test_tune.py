"""What is told of a tuning while it goes on: to plugins, and in a file beside it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from harness import Session, files
from harness.evaluation.plan import RunPlan
from harness.evaluation.request import Request
from harness.evaluation.runs import run_id
from harness.evaluation.tune import PROGRESS, tuning_folder
from harness.evaluation.tunings import tune_all
from harness.records import Run, TuningProgress

ROWS = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(30)]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> list[RunPlan]:
    """LoRA with two learning rates, twelve steps with a validation after each."""
    folder = tmp_path_factory.mktemp("conala")
    for split, part in {"train": ROWS[:20], "dev": ROWS[20:24], "test": ROWS[24:]}.items():
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    request = Request("", "conala", str(tiny_model), data=folder, candidates=1, max_new_tokens=4, ks=(1,))
    options = ["lora.epochs=4", "lora.dropout=0.0"]
    sweep = {"lora.learning_rate": ["0.01", "0.001"]}
    (trials,) = Session().trials(["lora"], request, options, sweep=sweep)
    return [plan for trial in trials for plan in trial.plans]


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "together"])
def test_every_validation_is_told_to_plugins_and_written_down_until_the_tuning_is_finished(
    plans: list[RunPlan], count: int, tmp_path: Path
) -> None:
    heard: dict[str, list[TuningProgress]] = defaultdict(list)
    folders = {run_id(plan.run): tuning_folder(plan, tmp_path) for plan in plans[:count]}

    def notify(hook: str, run: Run, progress: TuningProgress) -> None:
        assert hook == "harness_tuning_validated"
        told = heard[run_id(run)]
        told.append(progress)
        written = list(files.lines(folders[run_id(run)] / PROGRESS))
        assert [line["step"] for line in written] == [one.step for one in told]
        assert written[-1]["validation_loss"] == progress.validation_loss

    tune_all(plans[:count], tmp_path, Session()._bases, notify)
    assert set(heard) == set(folders)
    for name, folder in folders.items():
        facts: dict[str, Any] = files.read_json(folder / "tuning.json")
        told = heard[name]
        assert [(one.step, one.validation_loss) for one in told] == [(s, pytest.approx(x)) for s, x in facts["history"]]
        assert [one.step for one in told] == [*range(1, 13)] and {one.steps for one in told} == {12}
        for before, one in zip([0, *(one.step for one in told)], told, strict=False):
            losses = facts["losses"][before : one.step]
            assert one.training_loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)
            assert one.seconds >= 0
        assert sum(one.tokens for one in told) == facts["tokens"]
        assert not (folder / PROGRESS).exists()
    if count == 2:
        assert len({one.validation_loss for some in heard.values() for one in some[-1:]}) == 2


def test_a_tuning_that_is_broken_off_keeps_what_was_told_of_it(plans: list[RunPlan], tmp_path: Path) -> None:
    plan, told = plans[0], list[int]()

    def notify(hook: str, run: Run, progress: TuningProgress) -> None:
        told.append(progress.step)
        if progress.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune_all([plan], tmp_path, Session()._bases, notify)
    path = tuning_folder(plan, tmp_path) / PROGRESS
    assert [line["step"] for line in files.lines(path)] == [*range(1, 7)]
    tune_all([plan], tmp_path, Session()._bases, lambda *_, progress, **__: told.append(progress.step))
    assert told == [*range(1, 13)]
    assert files.read_json(path.parent / "tuning.json")["steps"] == 12

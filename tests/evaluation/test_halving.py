"""Settings of a sweep that cannot win end early; the others end as if nothing had been compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import Session, files
from harness.cli import cli
from harness.errors import RunError
from harness.evaluation import halving
from harness.evaluation.halving import HALVING, halving_folder, read_rungs, tune_settings
from harness.evaluation.plan import RunPlan
from harness.evaluation.request import Request
from harness.evaluation.sweep import SWEEP, Trial, choose, is_tuned, settings_with_plans
from harness.evaluation.tune import PartialTuning, tuning_folder
from harness.evaluation.tunings import tune_all
from harness.tuning.joint import JointTrainingLoop
from harness.tuning.loop import TrainingLoop

ROWS = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(40)]
GOOD, BAD = "0.03", "0.00001"


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Request:
    folder = tmp_path_factory.mktemp("conala")
    for split, part in {"train": ROWS[:16], "dev": ROWS[16:36], "test": ROWS[36:]}.items():
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    return Request("", "conala", str(tiny_model), data=folder, candidates=2, max_new_tokens=4, ks=(1, 2))


Trials = Callable[..., list[Trial]]


@pytest.fixture
def trials(request_: Request, tmp_path: Path) -> Trials:
    def made(
        method: str = "lora", rates: tuple[str, ...] = (BAD, GOOD), seeds: Sequence[int] = (1, 2), **more: Any
    ) -> list[Trial]:
        """Eight steps: settings are compared after the second and the fourth."""
        options = [f"{method}.epochs=4", *([f"{method}.dropout=0.0"] if method == "lora" else [])]
        asked = replace(request_, stop_losers=True, **more)
        (found,) = Session().trials(
            [method], asked, options, seeds=seeds, sweep={f"{method}.learning_rate": rates}, runs=tmp_path
        )
        return found

    return made


def made(trials: list[Trial], root: Path, session: Session | None = None) -> halving.PlansBySetting:
    settings = settings_with_plans(trials)
    tune_settings(settings, root, (session or Session())._bases)
    return settings


def facts(plan: RunPlan, root: Path) -> Mapping[str, Any]:
    found: dict[str, Any] = files.read_json(tuning_folder(plan, root) / "tuning.json")
    return found


@pytest.mark.parametrize(("method", "seeds"), [("lora", [1, 2]), ("lora", [3]), ("full-ft", [1])])
def test_a_setting_that_is_worse_on_the_validation_rows_ends_after_a_quarter_of_the_steps_and_the_other_as_alone(
    trials: Trials, method: str, seeds: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file

    rates = (BAD, GOOD) if method == "lora" else ("0.0000001", "0.003")
    found = trials(method, rates, seeds)
    bad, good = found
    settings = made(found, tmp_path / "halved")
    (rung, *more) = read_rungs(settings, tmp_path / "halved")
    assert not more or not any(one.stopped for one in more[0].standings), "the winner ended"
    assert [(one.setting, one.steps, one.stopped) for one in rung.standings] == [
        (good.setting[0], 2, False),
        (bad.setting[0], 2, True),
    ]
    assert not any(tuning_folder(plan, tmp_path / "halved").exists() for plan in bad.plans)
    said = capsys.readouterr().err
    assert f"after 25% of the steps 1 of 2 settings cannot win and end: {bad.setting[0]}" in said
    for plan in good.plans:
        tune_all([plan], tmp_path / "alone", Session()._bases)
        ours, theirs = facts(plan, tmp_path / "halved"), facts(plan, tmp_path / "alone")
        assert ours["losses"] == pytest.approx(theirs["losses"], abs=1e-5)
        assert ours["history"] == [[step, pytest.approx(loss, abs=1e-5)] for step, loss in theirs["history"]]
        assert ours["best_step"] == theirs["best_step"]
        assert sum(c["tokens_in"] for c in ours["costs"]) == sum(c["tokens_in"] for c in theirs["costs"])
        weights = [
            load_file(tuning_folder(plan, tmp_path / name) / "adapter" / file)
            for name in ("halved", "alone")
            for file in [next(p.name for p in (tuning_folder(plan, tmp_path / name) / "adapter").glob("*.safetensors"))]
        ]
        assert max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[1]) < 1e-4
        assert {path.name for path in tuning_folder(plan, tmp_path / "halved").iterdir()} == {
            "adapter",
            "tuning.json",
            files.LOCK,
        }


def test_the_choice_the_note_and_the_record_tell_what_ended_and_what_that_saved(trials: Trials, tmp_path: Path) -> None:
    session = Session()
    found = trials()
    rows = session.run_trials([found], tmp_path)
    assert [row.run.seed for row in rows] == [1, 2]
    assert any(
        note.endswith(
            "chosen of 2 settings by validation loss, mean of 2 seeds (sweep.json); 1 ended early,"
            " which saved 38% of the sweep's steps"
        )
        for note in rows[0].notes
    )
    bad, good = files.read_json(tmp_path / rows[0].run_id / SWEEP)["settings"]
    assert (bad["chosen"], bad["ended_after_steps"], len(bad["validation_losses"])) == (False, 2, 2)
    assert good["chosen"] and "ended_after_steps" not in good
    assert "tunings" not in bad
    assert session.run_trials([trials()], tmp_path) == rows, "the same command gives the same rows"


@pytest.mark.parametrize(
    ("loop", "killed_at"), [(JointTrainingLoop, 1), (JointTrainingLoop, 3), (JointTrainingLoop, 5), (TrainingLoop, 3)]
)
def test_a_sweep_that_is_killed_at_any_step_ends_as_an_undisturbed_one(
    trials: Trials, loop: Any, killed_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trials(*([] if loop is JointTrainingLoop else ["full-ft", ("0.0000001", "0.003"), [1]]))
    undisturbed = made(found, tmp_path / "whole")
    step = loop._step
    with monkeypatch.context() as patch:

        def killed(self: Any, number: int) -> None:
            if number == killed_at:
                raise KeyboardInterrupt
            step(self, number)

        patch.setattr(loop, "_step", killed)
        with pytest.raises(KeyboardInterrupt):
            made(found, tmp_path / "killed")
    made(found, tmp_path / "killed")
    first, second = (read_rungs(undisturbed, tmp_path / name) for name in ("whole", "killed"))
    assert [[(s.setting, s.steps, s.stopped) for s in rung.standings] for rung in first] == [
        [(s.setting, s.steps, s.stopped) for s in rung.standings] for rung in second
    ]
    for plan in choose(found, tmp_path / "whole").plans:
        ours, theirs = facts(plan, tmp_path / "killed"), facts(plan, tmp_path / "whole")
        assert ours["history"] == theirs["history"]
        assert ours["losses"] == theirs["losses"]


def test_a_setting_ends_only_where_its_rows_are_worse_than_chance_and_it_is_in_the_worse_half(
    trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    noise = [0.3, -0.2, 0.1, -0.3, 0.2, 0.1]
    by_rate = {
        "0.1": PartialTuning(1.0, rows),
        "0.2": PartialTuning(1.1, [r + 0.1 + 0.01 * n for r, n in zip(rows, noise, strict=True)]),  # worse, better half
        "0.3": PartialTuning(1.2, [r + n for r, n in zip(rows, noise, strict=True)]),  # worse by chance
        "0.4": PartialTuning(1.3, [r + 0.2 + 0.01 * n for r, n in zip(rows, noise, strict=True)]),
    }

    def looked(plans: list[RunPlan], *_: Any) -> dict[str, PartialTuning]:
        return {
            halving.tuning_id(plan): by_rate[str(plan.run.tuning.learning_rate)]
            for plan in plans
            if plan.run.tuning is not None
        }

    monkeypatch.setattr(halving, "tune_all_until", looked)
    monkeypatch.setattr(halving, "tune_all", lambda *_: None)
    settings = made(trials(rates=tuple(by_rate)), tmp_path)
    first = read_rungs(settings, tmp_path)[0]
    assert [one.stopped for one in first.standings] == [False, False, False, True]
    assert [one.p is None for one in first.standings] == [True, True, False, False]


def test_without_the_option_or_with_one_setting_nothing_is_compared(trials: Trials, tmp_path: Path) -> None:
    plain = [
        Trial(one.setting, {job: replace(plan, stop_losers=False) for job, plan in one.jobs.items()})
        for one in trials()
    ]
    settings = made(plain, tmp_path)
    assert not halving_folder(settings, tmp_path).exists()
    assert is_tuned(plain, tmp_path)
    alone = trials(rates=(GOOD,))
    assert not halving_folder(made(alone, tmp_path / "one"), tmp_path / "one").exists()


def test_a_record_of_the_comparisons_that_was_altered_is_named(trials: Trials, tmp_path: Path) -> None:
    found = trials()
    path = halving_folder(made(found, tmp_path), tmp_path) / HALVING
    path.write_text(path.read_text("utf-8").replace('"stopped": true', '"stopped": 1'), "utf-8")
    with pytest.raises(RunError, match=HALVING):
        is_tuned(found, tmp_path)


def test_the_option_wants_a_sweep(tmp_path: Path) -> None:
    words = ["eval", "--method", "lora", "--task", "apps", "--stop-losers", "--runs", str(tmp_path)]
    ended = CliRunner().invoke(cli, words)
    assert "--stop-losers: it is for the settings of a sweep; add --sweep" in str(ended.exception)

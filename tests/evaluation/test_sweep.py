"""Several settings and seeds in one command: tuned at once as alone, one chosen by validation, the others recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import Session, files
from harness.cli import cli
from harness.errors import UsageError
from harness.evaluation import executor
from harness.evaluation.request import Request
from harness.evaluation.sweep import SWEEP, Trial, settings_of
from harness.evaluation.tune import tuning_folder
from harness.evaluation.tunings import tune_all
from harness.plugin_system.registry import Registry
from harness.tuning.joint import JointTrainingLoop

ROWS = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(30)]


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Request:
    folder = tmp_path_factory.mktemp("conala")
    for split, part in {"train": ROWS[:16], "dev": ROWS[16:20], "test": ROWS[20:]}.items():
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    return Request("", "conala", str(tiny_model), data=folder, candidates=2, max_new_tokens=4, ks=(1, 2))


OPTIONS = ["lora.epochs=1", "lora.dropout=0.0"]
RATES = ["0.01", "0.0001"]


@pytest.fixture
def trials(request_: Request) -> Callable[..., list[list[Trial]]]:
    def made(session: Session, **more: Any) -> list[list[Trial]]:
        sweep = {"lora.learning_rate": RATES}
        return session.trials(["lora"], request_, OPTIONS, **{"seeds": [1, 2], "sweep": sweep, **more})

    return made


def facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = files.read_json(folder / "tuning.json")
    return found


def test_adapters_of_a_sweep_are_those_that_each_setting_and_seed_gives_alone(
    trials: Callable[..., list[list[Trial]]], tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    session = Session()
    plans = [plan for trial in trials(session)[0] for plan in trial.plans]
    tune_all(plans, tmp_path / "together", session._bases)
    for plan in plans:
        tune_all([plan], tmp_path / "alone", session._bases)
        ours, theirs = (tuning_folder(plan, tmp_path / name) for name in ("together", "alone"))
        assert facts(ours)["together"] == 4
        assert "together" not in facts(theirs)
        assert facts(ours)["key"] == facts(theirs)["key"]
        assert facts(ours)["losses"] == pytest.approx(facts(theirs)["losses"], abs=1e-5)
        assert facts(ours)["best_loss"] == pytest.approx(facts(theirs)["best_loss"], abs=1e-5)
        assert {c["phase"]: c["tokens_in"] for c in facts(ours)["costs"]} == {
            c["phase"]: c["tokens_in"] for c in facts(theirs)["costs"]
        }
        mine, other = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (ours, theirs))
        assert max(float((mine[name] - other[name]).abs().max()) for name in other) < 1e-4
    assert not list((tmp_path / "together" / "tunings").glob("together-*"))


def test_the_setting_with_the_lowest_mean_validation_loss_writes_and_the_others_are_recorded(
    trials: Callable[..., list[list[Trial]]], tmp_path: Path
) -> None:
    session = Session()
    rows = session.run_trials(trials(session, runs=tmp_path), tmp_path)
    assert [row.run.seed for row in rows] == [1, 2]
    (first, _) = [tmp_path / row.run_id for row in rows]
    tried = files.read_json(first / SWEEP)["settings"]
    means = {tuple(one["options"]): sum(one["validation_losses"]) / 2 for one in tried}
    best = min(means, key=lambda options: means[options])
    assert [tuple(one["options"]) for one in tried if one["chosen"]] == [best]
    assert {f"lora.learning_rate={row.run.options['lora']['learning_rate']:g}" for row in rows} == {
        f"lora.learning_rate={float(best[0].partition('=')[2]):g}"
    }
    assert any(
        note.startswith(f"{best[0]}: chosen of 2 settings by validation loss, mean of 2") for note in rows[0].notes
    )
    assert any("tuned together with 3 others" in note for note in rows[0].notes)
    written = [path for path in tmp_path.iterdir() if (path / "run.json").is_file()]
    assert len(written) == 2, "a setting that was not chosen wrote candidates"
    assert session.run_trials(trials(session, runs=tmp_path), tmp_path) == rows


def test_a_method_that_cannot_share_a_base_is_tuned_one_setting_at_a_time(
    request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session()
    found = session.trials(["full-ft"], request_, ["full-ft.epochs=1"], seeds=[1, 2])
    plans = list(found[0][0].plans)
    tune_all(plans, tmp_path, session._bases)
    assert "full-ft is tuned one setting at a time: it trains the model's own weights" in capsys.readouterr().err
    assert all("together" not in facts(tuning_folder(plan, tmp_path)) for plan in plans)


@pytest.mark.parametrize("gpu", [True, False])
def test_jobs_that_differ_in_seed_and_rate_are_tuned_at_once_where_a_gpu_gains_by_it(
    gpu: bool, request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "gpu_available", lambda: gpu)
    registry = Registry()
    asked = [(method, seed, rate) for method in ("lora", "ia3") for seed in (1, 2) for rate in ("0.01", "0.001")]
    jobs = [
        executor.Job(
            replace(request_, method=method, seed=seed),
            (f"{method}.epochs=1", f"{method}.learning_rate={rate}"),
            tmp_path,
        )
        for method, seed, rate in asked
    ]
    found = [executor.resolved(job, executor.resolve_job(job, registry)) for job in jobs]
    results = list(executor.LocalExecutor(registry).run(found, lambda _: None))
    assert [result.error for result in results] == [None] * 8
    together = [facts(tmp_path / "tunings" / job.tuning).get("together", 1) for job in found]
    assert together == ([4] * 8 if gpu else [1] * 8)


def test_of_jobs_that_are_tuned_at_once_one_that_fails_leaves_the_others(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(executor, "gpu_available", lambda: True)
    registry = Registry()
    jobs = [
        executor.Job(replace(request_, method="lora"), ("lora.epochs=1", f"lora.learning_rate={rate}"), tmp_path)
        for rate in ("0.01", "1e30")
    ]
    found = [executor.resolved(job, executor.resolve_job(job, registry)) for job in jobs]
    results = {result.job: result for result in executor.LocalExecutor(registry).run(found, lambda _: None)}
    assert results[found[0]].error is None
    error = results[found[1]].error
    assert error is not None and "the validation loss after step 2 is nan" in error.message
    assert "lora is tuned one setting at a time" in capsys.readouterr().err


def test_adapters_that_memory_does_not_hold_at_once_are_tuned_in_smaller_groups(
    trials: Callable[..., list[list[Trial]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = JointTrainingLoop._step

    def limited(self: JointTrainingLoop, number: int) -> None:
        import torch

        if len(self._members) > 2:
            torch.empty(1 << 60, dtype=torch.uint8)
        step(self, number)

    monkeypatch.setattr(JointTrainingLoop, "_step", limited)
    session = Session()
    plans = [plan for trial in trials(session)[0] for plan in trial.plans]
    tune_all(plans, tmp_path, session._bases)
    assert "memory does not hold 4 x lora at once" in capsys.readouterr().err
    found = [facts(tuning_folder(plan, tmp_path)) for plan in plans]
    assert [(one["together"], one["micro_batch"]) for one in found] == [(2, 8)] * 4
    assert not list((tmp_path / "tunings").glob("together-*"))


def test_the_options_of_a_sweep_are_combined_and_those_of_other_methods_left_out() -> None:
    sweep = {"lora.r": ["8", "16"], "ia3.learning_rate": ["1"], "lora.learning_rate": ["a", "b"]}
    assert settings_of(sweep, ["lora"]) == [
        ("lora.r=8", "lora.learning_rate=a"),
        ("lora.r=8", "lora.learning_rate=b"),
        ("lora.r=16", "lora.learning_rate=a"),
        ("lora.r=16", "lora.learning_rate=b"),
    ]
    assert settings_of(sweep, ["zero-shot"]) == [()]


def test_an_option_of_a_method_that_tunes_nothing_is_not_swept(request_: Request) -> None:
    with pytest.raises(UsageError, match="icl tunes nothing"):
        Session().trials(["icl"], request_, sweep={"icl.n": ["1", "2"]})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--sweep", "lora.r"], "write it as NAME.OPTION=VALUE,VALUE"),
        (["--sweep", "r=1,2"], "write it as NAME.OPTION=VALUE,VALUE"),
        (["--sweep", "ia3.learning_rate=1,2"], "ia3"),
        (["--sweep", "lora.rank=1,2"], "rank"),
        (["--seed", "1,x"], "not a list of whole numbers"),
        (["--seed", "-1"], "-1 does not do"),
    ],
)
def test_a_sweep_that_does_not_do_is_named(words: list[str], says: str) -> None:
    done = CliRunner().invoke(cli, ["eval", "--method", "lora", "--task", "conala", "--dry-run", *words])
    assert done.exit_code != 0
    assert says in done.output + str(done.exception)

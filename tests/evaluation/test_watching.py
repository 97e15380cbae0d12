"""A metric on a few validation problems while a method tunes: what it says and where, and what it leaves alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import Session, files
from harness.cli import cli
from harness.errors import DataError, HarnessError, UsageError
from harness.evaluation import runs
from harness.evaluation.plan import RunPlan
from harness.evaluation.request import Request
from harness.evaluation.tune import PROGRESS, tuning_folder
from harness.evaluation.tunings import tune_all
from harness.evaluation.validations import validation_run
from harness.plugin import Metric
from harness.plugin_system.registry import Registry
from harness.records import Completion, Execution, Problem, Run, Score, TuningProgress
from harness.studies.study import load
from harness.tuning import watching

ROWS = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(40)]
OPTIONS = ["lora.epochs=2"]


class Codes(Metric):
    """The sum of the code points of the answers: hardly ever that of another adapter."""

    name = "codes"
    needs = ""
    bounds = (None, None)

    def score(
        self,
        problem: Problem,
        completions: Sequence[Completion],
        executions: Sequence[Execution],
        ks: Sequence[int],
        config: Any,
    ) -> Score:
        assert len(completions) == 1 and tuple(ks) == (1,)
        return Score(self.name, values={"other": 0.0, "codes@1": float(sum(map(ord, completions[0].text)))})

    def primary(self, ks: Sequence[int]) -> str:
        return "codes@1"


class Nothing(Metric):
    """A metric that can score no problem."""

    name = "nothing"
    needs = ""

    def score(self, *_: Any) -> Score:
        return Score(self.name, why="the moon is wrong")


@pytest.fixture(scope="module")
def conala(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen training, ten validation and four test problems."""
    folder = tmp_path_factory.mktemp("conala")
    for split, part in {"train": ROWS[:16], "dev": ROWS[16:26], "test": ROWS[26:30]}.items():
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    return folder


@pytest.fixture(scope="module")
def request_(conala: Path, tiny_model: Path) -> Request:
    return Request("", "conala", str(tiny_model), data=conala, candidates=2, max_new_tokens=4, ks=(1, 2))


@pytest.fixture
def session() -> Session:
    registry = Registry()
    for metric in (Codes(), Nothing()):
        registry.add(metric)
    return Session(registry)


@pytest.fixture(autouse=True)
def at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks may take almost all of the time."""
    monkeypatch.setattr(watching, "SHARE", 0.9999)


def plans_of(session: Session, request: Request, watch: str | None, rates: Sequence[str]) -> list[RunPlan]:
    sweep = {"lora.learning_rate": rates}
    (trials,) = session.trials(["lora"], replace(request, watch=watch), OPTIONS, sweep=sweep)
    return [plan for trial in trials for plan in trial.plans]


def of_tuning(folder: Path) -> dict[str, Any]:
    """What a tuning's record says of the tuning itself, and its weights."""
    found = files.read_json(folder / "tuning.json")
    names = ("key", "history", "best_step", "losses", "steps", "tokens", "adapter")
    weights = (folder / "adapter" / "adapter_model.safetensors").read_bytes()
    return {**{name: found[name] for name in names}, "weights": weights}


@pytest.mark.parametrize("rates", [["0.01"], ["0.01", "0.001"]], ids=["alone", "together"])
def test_a_tuning_says_what_a_metric_is_at_every_validation_and_is_otherwise_as_without(
    rates: list[str], session: Session, request_: Request, tmp_path: Path
) -> None:
    heard: dict[str, list[TuningProgress]] = defaultdict(list)
    written: dict[str, list[Any]] = defaultdict(list)
    plans = plans_of(session, request_, "codes", rates)
    folders = {runs.run_id(plan.run): tuning_folder(plan, tmp_path / "watched") for plan in plans}

    def notify(hook: str, run: Run, progress: TuningProgress) -> None:
        name = runs.run_id(run)
        heard[name].append(progress)
        written[name] = [line["watched"]["value"] for line in files.lines(folders[name] / PROGRESS)]

    tune_all(plans, tmp_path / "watched", session._bases, notify)
    for name, folder in folders.items():
        watched = files.read_json(folder / "tuning.json")["watched"]
        told = [one.watched for one in heard[name]]
        assert (watched["metric"], watched["measure"], watched["problems"]) == ("codes", "codes@1", 8)
        assert watched["values"] == [[p.step, one.value] for p, one in zip(heard[name], told, strict=True) if one]
        assert [one.value for one in told if one] == written[name] and len(told) == len(written[name]) == 4
        assert watched["seconds"] == pytest.approx(sum(one.seconds for one in told if one), abs=1e-3)
    plain = plans_of(session, request_, None, rates)
    tune_all(plain, tmp_path / "plain", session._bases)
    for plan, other in zip(plans, plain, strict=True):
        assert runs.run_id(plan.run) == runs.run_id(other.run)
        folder = tuning_folder(other, tmp_path / "plain")
        assert folder.name == tuning_folder(plan, tmp_path / "watched").name
        assert of_tuning(folder) == of_tuning(folders[runs.run_id(plan.run)])
        assert "watched" not in files.read_json(folder / "tuning.json")


def test_the_value_is_that_of_what_the_adapter_writes_greedily_for_the_first_eight_validation_problems(
    session: Session, request_: Request, tmp_path: Path
) -> None:
    trials = session.trials(["lora"], replace(request_, watch="codes"), ["lora.learning_rate=0.01", *OPTIONS])
    ((job, plan),) = trials[0][0].jobs.items()
    tune_all([plan], tmp_path, session._bases)
    tuning = files.read_json(tuning_folder(plan, tmp_path) / "tuning.json")
    greedy = replace(job.request, candidates=1, temperature=0.0, ks=(1,))
    from harness.config import Settings

    given = Settings(job.options)
    (validated,) = validation_run(replace(job, request=greedy), "codes", session.registry, given).values()
    session.run(validated, tmp_path)
    records = runs.read_records(tmp_path / runs.run_id(validated.run))
    values = [score.values["codes@1"] for record in records[:8] for score in record.scores]
    assert len(records) == 10
    assert dict(tuning["watched"]["values"])[tuning["best_step"]] == pytest.approx(sum(values) / 8)


def test_answers_that_are_judged_by_tests_run_in_the_sandbox(
    session: Session, tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"instruction": f"Write f{i}.", "output": f"def f{i}(): return {i}", "tests": f"assert f{i}() == {i}"}
        for i in range(12)
    ]
    for split, part in {"train": rows[:8], "validation": rows[8:11], "test": rows[11:]}.items():
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, part)), "utf-8")
    asked = Request("lora", "my", str(tiny_model), data=tmp_path, max_new_tokens=4, watch="tests_passed")
    (plan,) = session.plans(["lora"], asked, {"lora.epochs": 1})
    tune_all([plan], tmp_path, session._bases)
    watched = files.read_json(tuning_folder(plan, tmp_path) / "tuning.json")["watched"]
    assert watched["problems"] == 3 and watched["values"]
    assert all(0 <= value <= 1 for _, value in watched["values"])
    assert "goes on without" not in capfd.readouterr().err


def test_what_cannot_be_scored_is_said_once_and_the_tuning_goes_on(
    session: Session, request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plan,) = plans_of(session, request_, "nothing", ["0.01"])
    tune_all([plan], tmp_path, session._bases)
    said = capsys.readouterr().err
    assert said.count("note: --watch nothing: none of the answers could be scored; the tuning goes on without") == 1
    tuning = files.read_json(tuning_folder(plan, tmp_path) / "tuning.json")
    assert tuning["steps"] == 4 and tuning["watched"] == {"metric": "nothing", "values": []}


def test_a_tuning_that_is_broken_off_keeps_what_was_seen_before(
    session: Session, request_: Request, tmp_path: Path
) -> None:
    (plan,) = plans_of(session, request_, "codes", ["0.01"])

    def notify(_: str, progress: TuningProgress, **__: Any) -> None:
        if progress.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune_all([plan], tmp_path, session._bases, notify)
    seen = [line["watched"]["value"] for line in files.lines(tuning_folder(plan, tmp_path) / PROGRESS)]
    tune_all([plan], tmp_path, Session(session.registry)._bases)
    values = files.read_json(tuning_folder(plan, tmp_path) / "tuning.json")["watched"]["values"]
    assert [step for step, _ in values] == [1, 2, 3, 4]
    assert seen == [value for _, value in values[:2]]


WORDS = ["eval", "--task", "conala", "--watch"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["exact_mach", "--method", "lora"], "no metric 'exact_mach'. Did you mean 'exact_match'?"),
        (["exact_match", "--method", "zero-shot"], "--watch exact_match: it looks at what is tuned, and no method"),
        (["pass_at_k", "--method", "lora"], "--watch pass_at_k: no validation problem of"),
    ],
)
def test_what_cannot_be_watched_is_said_in_one_line_before_anything_is_loaded(words: list[str], says: str) -> None:
    done = CliRunner().invoke(cli, [*WORDS, *words])
    assert isinstance(done.exception, HarnessError)
    assert says in str(done.exception)
    assert "\n" not in str(done.exception)


def test_a_program_is_told_the_same(session: Session, request_: Request, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it looks at what is tuned"):
        session.plans(["icl"], replace(request_, watch="codes"))
    with pytest.raises(DataError, match="has tests, which it needs; watch another metric"):
        session.plans(["lora"], replace(request_, watch="pass_at_k"))


def test_a_method_that_tunes_nothing_beside_one_that_tunes_is_not_watched(session: Session, request_: Request) -> None:
    plans = session.plans(["icl", "lora"], replace(request_, watch="codes"))
    assert [plan.watched and plan.watched.name for plan in plans] == [None, "codes"]


def test_options_of_the_watched_metric_are_taken_and_are_none_of_the_run(session: Session, request_: Request) -> None:
    options = ["exact_match.normalisation=ast"]
    (plan,) = session.plans(["lora"], replace(request_, watch="exact_match", metrics=("codes",)), options)
    assert plan.watched is not None and plan.config(plan.watched).normalisation == "ast"
    assert "exact_match" not in plan.run.options


def test_a_dry_run_shows_what_is_watched_and_where_that_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def shown(*more: str) -> set[str]:
        words = ["eval", "--method", "lora", "--task", "conala", "--dry-run", *more]
        done = CliRunner().invoke(cli, words, catch_exceptions=False)
        return {" ".join(line.split()) for line in done.stdout.splitlines() if line.split()[:1] == ["watch"]}

    assert shown() == set()
    assert shown("--watch", "exact_match") == {"watch exact_match command line"}
    monkeypatch.setenv("HARNESS_EVAL_WATCH", "codebleu")
    assert shown() == {"watch codebleu HARNESS_EVAL_WATCH"}
    monkeypatch.delenv("HARNESS_EVAL_WATCH")
    Path("harness.toml").write_text('[eval]\nwatch = "bleu"\n', "utf-8")
    assert shown() == {"watch bleu harness.toml"}


def test_a_study_watches_what_its_grid_says_and_its_cells_keep_their_ids(tmp_path: Path) -> None:
    grid = '[[builtin]]\ntask = "conala"\nmethod = ["lora", "zero-shot"]\n'
    (tmp_path / "plain.toml").write_text(grid, "utf-8")
    (tmp_path / "watched.toml").write_text(grid + 'watch = "exact_match"\n', "utf-8")
    plain, watched = (load(str(tmp_path / f"{name}.toml")).cells(builtin=True) for name in ("plain", "watched"))
    assert {cell.request.watch for cell in watched} == {"exact_match"}
    assert [cell.id for cell in watched] == [cell.id for cell in plain]

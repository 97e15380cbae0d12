"""A metric on the validation problems chooses the setting of a sweep, and what measures it is no result of the task."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import Session, files, leaderboard
from harness.cli import cli
from harness.errors import DataError, HarnessError, ModelError, RunError, UsageError
from harness.evaluation import runs
from harness.evaluation.housekeeping import leftovers, run_states
from harness.evaluation.request import Request
from harness.evaluation.runs import VALIDATIONS
from harness.evaluation.sweep import SWEEP
from harness.evaluation.verification import verify
from harness.plugin import Backend, Method, Metric, option
from harness.plugin_system.registry import Registry
from harness.records import Completion, Execution, Problem, Row, Sampling, Score, digest, to_json
from tests import warm

ROWS = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(30)]
ROWS[19]["cmd"] = " "
RATES = ["0.01", "0.0001"]
OPTIONS = ["lora.epochs=1"]


@pytest.fixture(scope="module")
def conala(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen training, four validation (one without an answer) and ten test problems."""
    folder = tmp_path_factory.mktemp("conala")
    for split, part in {"train": ROWS[:16], "dev": ROWS[16:20], "test": ROWS[20:]}.items():
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    return folder


@pytest.fixture(scope="module")
def request_(conala: Path, tiny_model: Path) -> Request:
    return Request("", "conala", str(tiny_model), data=conala, candidates=2, max_new_tokens=4, ks=(1, 2))


class Codes(Metric):
    """The sum of the code points of the first candidate: two settings hardly ever have the same."""

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
        total = float(sum(map(ord, completions[0].text)))
        return Score(self.name, values={"codes/last": -total, "codes@1": total})

    def primary(self, ks: Sequence[int]) -> str:
        return "codes@1"


class FewCodes(Codes):
    """The same, of which less is better."""

    name = "few_codes"
    higher_is_better = False


class Nothing(Metric):
    """A metric that can score no problem."""

    name = "nothing"
    needs = ""

    def score(self, *_: Any) -> Score:
        return Score(self.name, why="the moon is wrong")


class Listening(Registry):
    """A registry that keeps what it is asked to tell plugins."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str]] = []

    def notify(self, hook: str, **arguments: Any) -> None:
        self.told.append((hook, arguments["run"].split))
        super().notify(hook, **arguments)


@pytest.fixture
def session() -> Session:
    registry = Listening()
    for metric in (Codes(), FewCodes(), Nothing()):
        registry.add(metric)
    return Session(registry)


def chosen_by(session: Session, request: Request, root: Path, select: str, **more: Any) -> list[Row]:
    """The rows of a sweep of LoRA's learning rate in which `select` chooses."""
    wanted = {"seeds": [1, 2], "sweep": {"lora.learning_rate": RATES}, "runs": root, **more}
    return session.run_trials(session.trials(["lora"], replace(request, select=select), OPTIONS, **wanted), root)


def validations(root: Path) -> list[Path]:
    return sorted((root / VALIDATIONS).iterdir())


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True)
class Swept:
    """Two sweeps in one folder that differ in the metric that chooses."""

    root: Path
    rows: dict[str, list[Row]]
    told: list[tuple[str, str]]
    written: dict[str, bytes]
    """The costs of the validation runs after the first sweep: a line for each attempt of a phase."""


@pytest.fixture(scope="module")
def swept(request_: Request, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    root, registry = tmp_path_factory.mktemp("swept"), Listening()
    registry.add(Codes())
    registry.add(FewCodes())
    session = Session(registry)
    rows = {"codes": chosen_by(session, request_, root, "codes")}
    written = {path.name: (path / "costs.jsonl").read_bytes() for path in validations(root)}
    rows["few_codes"] = chosen_by(session, request_, root, "few_codes")
    return Swept(root, rows, registry.told, written)


def sweep_of(swept: Swept, metric: str, seed: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = files.read_json(swept.root / swept.rows[metric][seed].run_id / SWEEP)
    return found


def test_the_setting_with_the_best_mean_of_the_metric_writes_also_where_the_loss_prefers_another(swept: Swept) -> None:
    taken = {}
    for metric, better in (("codes", max), ("few_codes", min)):
        tried = sweep_of(swept, metric)["settings"]
        best = better(tried, key=lambda one: mean(one["validation_values"]))
        assert [one["options"] for one in tried if one["chosen"]] == [best["options"]]
        (taken[metric],) = best["options"]
        rates = {f"{row.run.options['lora']['learning_rate']:g}" for row in swept.rows[metric]}
        assert rates == {f"{float(taken[metric].partition('=')[2]):g}"}
    by_loss = min(sweep_of(swept, "codes")["settings"], key=lambda one: mean(one["validation_losses"]))
    assert len({*taken.values()}) == 2, "more and less of one thing are best in one setting"
    assert [metric for metric, one in taken.items() if one != by_loss["options"][0]], "the loss has chosen"


def test_sweep_json_has_each_setting_with_its_losses_and_values_and_says_what_chose(swept: Swept) -> None:
    found = sweep_of(swept, "codes")
    assert found["chosen_by"] == "mean codes@1 on validation problems"
    assert (found["metric"], found["measure"]) == ("codes", "codes@1")
    assert [one["options"] for one in found["settings"]] == [[f"lora.learning_rate={rate}"] for rate in RATES]
    for one in found["settings"]:
        assert one["seeds"] == [1, 2]
        assert len(one["validation_losses"]) == len(one["validation_values"]) == len(one["tunings"]) == 2
        for name, value in zip(one["validations"], one["validation_values"], strict=True):
            row = runs.read_row(swept.root / VALIDATIONS / name)
            assert next(e.value for e in row.estimates if e.measure == "codes@1") == value
    assert found["settings"] == sweep_of(swept, "codes", seed=1)["settings"]
    (note,) = [note for note in swept.rows["codes"][0].notes if "chosen of" in note]
    assert "chosen of 2 settings by codes@1 on validation problems, mean of 2 seeds (sweep.json)" in note


def test_every_setting_and_seed_writes_for_the_validation_problems_as_for_test_problems(swept: Swept) -> None:
    assert len(validations(swept.root)) == 4
    row = swept.rows["codes"][0]
    for folder in validations(swept.root):
        own = runs.read_row(folder)
        assert [r.id for r in runs.read_records(folder)] == ["16-1", "17-1", "18-1"]
        assert own.run.split == "validation"
        assert (own.run.sampling, own.run.ks) == (row.run.sampling, row.run.ks)


def test_a_second_metric_is_computed_of_what_was_written_for_the_first(swept: Swept) -> None:
    assert {path.name: (path / "costs.jsonl").read_bytes() for path in validations(swept.root)} == swept.written
    assert {runs.read_row(path).run.metrics for path in validations(swept.root)} == {("codes", "few_codes")}


def test_what_measures_a_setting_is_on_no_leaderboard_and_in_no_list_and_no_plugin_is_told(swept: Swept) -> None:
    made = {row.run_id for rows in swept.rows.values() for row in rows}
    assert {state.run for state in run_states(swept.root)} == made
    board = leaderboard(swept.root)
    assert {row.run_id for row in board.rows} <= made
    assert not board.left_out
    asked = leaderboard(swept.root / VALIDATIONS)
    assert not asked.rows
    assert len(asked.left_out) == 4
    assert "on validation problems, to choose a setting: no result of the task" in asked.left_out[0]
    from harness.ranking.comparison import compare_runs

    first, second, *_ = validations(swept.root)
    with pytest.raises(UsageError, match="on validation problems, to choose a setting"):
        compare_runs([first], [second])
    assert {split for _, split in swept.told} == {"test"}
    assert sum(hook == "harness_run_finished" for hook, _ in swept.told) == 4


def test_a_run_keeps_the_id_and_the_record_that_it_has_without_a_metric_to_choose(
    swept: Swept, session: Session, request_: Request
) -> None:
    for row in swept.rows["codes"]:
        rate = row.run.options["lora"]["learning_rate"]
        options = [*OPTIONS, f"lora.learning_rate={rate:g}"]
        (plan,) = session.plans(["lora"], replace(request_, seed=row.run.seed), options)
        assert runs.run_id(plan.run) == row.run_id
        assert "split" not in to_json(row.run)
        tuning = files.read_json(swept.root / row.run_id / "tuning.json")
        assert digest(tuning["key"]) == digest(plan.tuning_key)


def test_a_tuning_that_was_measured_is_not_taken_for_unused(swept: Swept) -> None:
    assert [one for one in leftovers(swept.root) if "tuning" in one.what] == []


def test_the_same_sweep_again_makes_nothing_anew(swept: Swept, request_: Request) -> None:
    registry = Listening()
    registry.add(Codes())
    assert chosen_by(Session(registry), request_, swept.root, "codes") == swept.rows["codes"]
    assert registry.told == []


def test_methods_that_tune_nothing_are_swept_where_a_metric_chooses(
    session: Session, request_: Request, tmp_path: Path
) -> None:
    asked = replace(request_, select="codes")
    trials = session.trials(["icl"], asked, sweep={"icl.n": ["1", "2"]}, seeds=[1], runs=tmp_path)
    (row,) = session.run_trials(trials, tmp_path)
    tried = files.read_json(tmp_path / row.run_id / SWEEP)["settings"]
    assert [(one["validation_losses"], one["tunings"]) for one in tried] == [([], []), ([], [])]
    best = max(tried, key=lambda one: one["validation_values"][0])
    assert f"icl.n={row.run.options['icl']['n']}" == best["options"][0]


def test_a_method_without_swept_options_beside_one_with_some_writes_nothing_for_validation(
    session: Session, request_: Request, tmp_path: Path
) -> None:
    asked = replace(request_, select="codes")
    sweep = {"icl.n": ["1", "2"]}
    both = session.trials(["icl", "zero-shot"], asked, sweep=sweep, runs=tmp_path)
    alone = session.trials(["zero-shot"], request_, runs=tmp_path)
    assert [len(trial.validations) for trials in both for trial in trials] == [1, 1, 0]
    assert list(both[1][0].jobs) == list(alone[0][0].jobs)


def test_of_equal_settings_the_first_is_chosen(session: Session, request_: Request, tmp_path: Path) -> None:
    asked = replace(request_, select="exact_match")
    trials = session.trials(["icl"], asked, sweep={"icl.n": ["2", "1"]}, runs=tmp_path)
    (row,) = session.run_trials(trials, tmp_path)
    tried = files.read_json(tmp_path / row.run_id / SWEEP)["settings"]
    assert [one["validation_values"] for one in tried] == [[0.0], [0.0]], "the tiny model has solved something"
    assert [one["chosen"] for one in tried] == [True, False]


def test_a_metric_that_scores_no_problem_chooses_nothing(session: Session, request_: Request, tmp_path: Path) -> None:
    asked = replace(request_, select="nothing")
    trials = session.trials(["icl"], asked, sweep={"icl.n": ["1", "2"]}, runs=tmp_path)
    with pytest.raises(RunError, match="no validation problem could be scored by nothing; choose by another"):
        session.run_trials(trials, tmp_path)
    assert not list(tmp_path.glob("*/result.json"))


class Echo(Backend):
    """Repeats the prompt; refuses a problem while that is asked of it, after it has answered all others."""

    name = "echo"

    def __init__(self) -> None:
        self.refused = ""
        self.asked: list[str] = []

    def generate(
        self, model: str, prompts: Sequence[tuple[str, str]], sampling: Sampling, seed: int, config: Any
    ) -> Iterator[tuple[str, tuple[Completion, ...]]]:
        for name, text in prompts:
            if name != self.refused:
                self.asked.append(name)
                yield name, (Completion(text.splitlines()[-2], 5),) * sampling.candidates
        if self.refused in dict(prompts):
            raise ModelError(f"echo: no answer for {self.refused}")


def test_a_validation_run_that_broke_off_asks_for_what_is_missing_alone(
    session: Session, conala: Path, tmp_path: Path
) -> None:
    echo = Echo()
    session.registry.add(echo)
    asked = Request("", "conala", "m", data=conala, candidates=2, ks=(1,), backend="echo", select="edit_similarity")

    def rows() -> list[Row]:
        trials = session.trials(["icl"], asked, sweep={"icl.n": ["1", "2"]}, runs=tmp_path)
        return session.run_trials(trials, tmp_path)

    echo.refused = "17-1"
    with pytest.raises(HarnessError, match="echo: no answer for 17-1"):
        rows()
    assert echo.asked == ["16-1", "18-1"]
    echo.refused = ""
    (row,) = rows()
    tests = [one["question_id"] for one in ROWS[20:]]
    assert echo.asked == ["16-1", "18-1", "17-1", "16-1", "17-1", "18-1", *tests]
    assert row.run.backend == "echo"


@dataclass(frozen=True)
class _Loud:
    loud: int = option(1, "how loud")


class Shouting(Method):
    """A method that needs no training problems and has an option."""

    name = "shouting"
    Config = _Loud


def test_data_without_validation_problems_is_named(session: Session, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text(json.dumps(ROWS[:3]), "utf-8")
    session.registry.add(Shouting())
    asked = Request("", "conala", str(tiny_model), data=tmp_path, select="codes")
    with pytest.raises(DataError, match=r"no validation problems to choose by \(found: test\); add a validation file"):
        session.trials(["shouting"], asked, sweep={"shouting.loud": ["1", "2"]})


def test_validation_problems_that_lack_what_the_metric_needs_are_named(
    session: Session, tiny_model: Path, tmp_path: Path
) -> None:
    rows = [{"instruction": f"Write f{i}.", "output": f"def f{i}(): return {i}"} for i in range(6)]
    for split, part in {"train": rows[:3], "validation": rows[3:5], "test": rows[5:]}.items():
        tested = [{**row, "tests": "assert f5() == 5"} if split == "test" else row for row in part]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, tested)), "utf-8")
    asked = Request("", "my", str(tiny_model), data=tmp_path, select="pass_at_k")
    with pytest.raises(DataError, match="no validation problem has tests, which the metric pass_at_k needs"):
        session.trials(["lora"], asked, sweep={"lora.r": ["1", "2"]})


def test_options_of_the_metric_that_chooses_are_taken(session: Session, request_: Request) -> None:
    asked = replace(request_, metrics=("codes",), select="exact_match")
    sweep = {"icl.n": ["1", "2"]}
    (trials,) = session.trials(["icl"], asked, ["exact_match.normalisation=ast"], sweep=sweep)
    (plan,) = trials[0].validations.values()
    assert plan.run.options["exact_match"]["normalisation"] == "ast"
    assert plan.run.metrics == ("exact_match",)
    assert "exact_match" not in trials[0].plans[0].run.options


SWEEP_WORDS = ["--sweep", "lora.r=1,2"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*SWEEP_WORDS, "--select", "exact_mach"], "no metric 'exact_mach'. Did you mean 'exact_match'?"),
        (["--select", "exact_match"], "--select exact_match: it is for the settings of a sweep; add --sweep"),
        ([*SWEEP_WORDS, "--select", "pass_at_k"], "no validation problem has tests, which the metric pass_at_k needs"),
        (["--method", "icl", "--sweep", "icl.n=1,2"], "choose by a metric: --select METRIC"),
    ],
)
def test_what_cannot_choose_is_said_in_one_line_before_anything_is_loaded(words: list[str], says: str) -> None:
    done = CliRunner().invoke(cli, ["eval", "--task", "conala", "--method", "lora", *words])
    assert isinstance(done.exception, HarnessError)
    assert says in str(done.exception)
    assert "\n" not in str(done.exception)


def test_a_program_that_asks_for_one_run_is_told_that_there_is_nothing_to_choose(
    session: Session, request_: Request
) -> None:
    with pytest.raises(UsageError, match="it is for the settings of a sweep"):
        session.plans(["lora"], replace(request_, select="codes"))


def test_a_dry_run_shows_what_chooses_and_where_that_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["eval", "--method", "lora", "--task", "conala", "--dry-run", *SWEEP_WORDS]

    def shown(*more: str) -> set[str]:
        done = CliRunner().invoke(cli, [*words, *more], catch_exceptions=False)
        return {" ".join(line.split()) for line in done.stdout.splitlines() if line.split()[:1] == ["select"]}

    assert shown() == set()
    assert shown("--select", "exact_match") == {"select exact_match command line"}
    monkeypatch.setenv("HARNESS_EVAL_SELECT", "codebleu")
    assert shown() == {"select codebleu HARNESS_EVAL_SELECT"}
    monkeypatch.delenv("HARNESS_EVAL_SELECT")
    Path("harness.toml").write_text('[eval]\nselect = "bleu"\n', "utf-8")
    assert shown() == {"select bleu harness.toml"}


def _kill_when(ready: Callable[[], bool], words: Sequence[str]) -> None:
    process = warm.start(*words)
    try:
        deadline = time.monotonic() + 300
        while not ready():
            assert process.poll() is None, process.end().stderr
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        process.kill()


def test_a_sweep_that_is_killed_between_validation_runs_goes_on_and_chooses_as_an_undisturbed_one(
    conala: Path, tiny_model: Path, tmp_path: Path
) -> None:
    words = ["eval", "--method", "lora", "--task", "conala", "--data", str(conala), "--model", str(tiny_model)]
    words += ["--candidates", "2", "--max-new-tokens", "8", "--set", "lora.epochs=1", "--select", "edit_similarity"]
    words += ["--sweep", f"lora.learning_rate={','.join(RATES)},0.001", "--runs"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = warm.harness(*words, whole)
    assert done.returncode == 0, done.stderr
    _kill_when(lambda: any(killed.glob(f"{VALIDATIONS}/*/result.json")), [*words, str(killed)])
    first = [path.parent for path in killed.glob(f"{VALIDATIONS}/*/result.json")]
    assert len(first) < 3
    assert not list(killed.glob("*/result.json"))
    kept = {path: path.read_bytes() for folder in first for path in folder.glob("*.json*")}
    done = warm.harness(*words, killed)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in kept} == kept
    (one,), (other,) = ([files.read_json(path) for path in root.glob(f"*/{SWEEP}")] for root in (whole, killed))
    assert one == other
    for folder in validations(whole):
        again = killed / VALIDATIONS / folder.name
        assert (again / "records.jsonl").read_bytes() == (folder / "records.jsonl").read_bytes()
        assert {check.verdict for check in verify(again, None, judge=False)} == {"holds"}

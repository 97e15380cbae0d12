"""What a plan refuses and notes before anything is loaded."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config import Settings
from harness.errors import DataError, ModelError, UsageError
from harness.evaluation import plan as planning
from harness.evaluation.plan import RunPlan, resolve, select_ks, with_chat_settings
from harness.evaluation.problems import missing_field_notes as notes_on_tests
from harness.evaluation.request import Request
from harness.evaluation.runs import run_id
from harness.modeling.chat import CHAT_PROMPT_VERSION, DATE
from harness.plugin import Backend, option
from harness.plugin_system.registry import Registry
from harness.records import ModelSpec, Problem, Sampling, StdinTests, Tuning, digest, to_json

BARE = [Problem(str(number), "print") for number in range(3)]
TESTED = Problem("tested", "print", ("x",), StdinTests((("", ""),)))


def test_a_metric_that_needs_nothing_takes_problems_without_references() -> None:
    assert notes_on_tests(BARE, [Registry().metric("parse_rate")], "data") == ()


def test_a_metric_is_refused_where_no_problem_has_what_it_needs() -> None:
    registry = Registry()
    with pytest.raises(DataError, match="no test problem has references, which the metric exact_match needs"):
        notes_on_tests(BARE, [registry.metric("exact_match")], "data")
    with pytest.raises(DataError, match="no test problem has tests, which the metric pass_at_k needs"):
        notes_on_tests(BARE, [registry.metric("pass_at_k")], "data")


def test_every_lack_is_said_not_only_the_first() -> None:
    registry = Registry()
    metrics = [registry.metric("exact_match"), registry.metric("pass_at_k"), registry.metric("tests_passed")]
    assert notes_on_tests([TESTED, *BARE], metrics, "data") == (
        "3 of 4 test problems have no references (first: 0)",
        "3 of 4 test problems have no tests (first: 0)",
    )


def test_planning_and_scoring_name_the_same_lack() -> None:
    for metric in Registry().entries("metric").values():
        lack = metric.plugin.lacks(BARE[0])
        assert (lack == "") == (metric.plugin.needs == "")
        assert metric.plugin.lacks(TESTED) == ""


def test_the_runs_of_the_built_in_sample_keep_the_ids_that_the_first_version_gave_them() -> None:
    registry = Registry()
    ids = {
        "apps-icl-builtin-sample-7c81e5c6",
        "apps-lora-builtin-sample-ae1f0907",
        "apps-zero-shot-builtin-sample-f11ac01a",
        "codealpacapy-icl-builtin-sample-0881152c",
        "codealpacapy-lora-builtin-sample-a14efe52",
        "codealpacapy-zero-shot-builtin-sample-469192b8",
        "conala-icl-builtin-sample-eba68095",
        "conala-lora-builtin-sample-3bfd0ddd",
        "conala-zero-shot-builtin-sample-da62d941",
    }
    for name in ids:
        task, method = name.split("-", 1)[0], name.split("-", 1)[1].rsplit("-builtin", 1)[0]
        run = resolve(Request(method, task, limit=20), registry, Settings(())).run
        assert run_id(replace(run, reading=2)) == name  # other rules of reading are other runs, on purpose


def test_a_tuning_keeps_its_id() -> None:
    plan = resolve(Request("lora", "conala", limit=20), Registry(), Settings(()))
    assert digest(plan.tuning_key)[:12] == "a7f3698c7eae"
    assert not {"protocol", "task_options"} & set(plan.tuning_key)


def test_a_tuning_under_a_protocol_is_another_one() -> None:
    plan = resolve(Request("lora", "conala", limit=20, protocol="study"), Registry(), Settings(()))
    assert (plan.tuning_key["protocol"], plan.run.protocol) == ("study", "study")


def test_tunings_on_other_prompts_or_other_fields_of_the_rows_are_other_tunings(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("Question: {{ instruction }}\n")
    lines = [{"instruction": f"say {i}", "answer": f"print({i})", "other": f"print({i + 1})"} for i in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def key_of(task: str, *sets: str) -> str:
        request = Request("lora", task, data=tmp_path / "rows.jsonl" if task == "my" else None)
        return digest(resolve(request, Registry(), Settings(sets, environ={})).tuning_key)

    assert key_of("conala") != key_of("conala", f"conala.template={tmp_path / 'prompt.txt'}")
    assert key_of("my") != key_of("my", "my.answer=other")


@dataclass(frozen=True)
class _Before:
    r: int = option(16, "rank")


def test_an_option_that_is_added_at_its_default_is_written_nowhere() -> None:
    later = [("alpha", int, option(32, "scale", added=True)), ("names", tuple, option((), "names", added=True))]
    grown = make_dataclass("_Grown", [("r", int, option(16, "rank")), *later], frozen=True)
    assert digest(grown()) == digest(_Before())
    assert to_json(grown(alpha=8)) == {"r": 16, "alpha": 8}


ROWS = [{"nl": f"say {i}", "cmd": f"print({i})", "question_id": f"{i}-1"} for i in range(20)]


def folder_of(tmp_path: Path, **splits: list[dict[str, str]]) -> Path:
    for split, rows in splits.items():
        (tmp_path / f"{split}.json").write_text(json.dumps(rows))
    return tmp_path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parts = {"train": ROWS[:12], "validation": ROWS[12:15], "test": ROWS[15:]}
    return folder_of(tmp_path_factory.mktemp("whole"), **parts)


@functools.cache
def registry() -> Registry:
    """One for all plans: it holds no state of a plan."""
    return Registry()


def plan_of(path: Path, *sets: str, method: str = "lora", **request: Any) -> RunPlan:
    return resolve(Request(method, "conala", data=path, **request), registry(), Settings(sets, environ={}))


def key(path: Path, *sets: str, **request: Any) -> str:
    return digest(plan_of(path, *sets, **request).tuning_key)


def test_a_tuning_is_shared_by_runs_that_only_write_or_measure_otherwise(whole: Path) -> None:
    one = key(whole)
    for request in (
        {"candidates": 3},
        {"temperature": 0.5},
        {"max_new_tokens": 9},
        {"ks": (2,)},
        {"metrics": ("bleu",)},
        {"method": "lora+icl"},
    ):
        assert key(whole, **request) == one, request
    assert key(whole, "exact_match.normalisation=paper") == one


def test_a_tuning_is_not_shared_by_runs_that_learn_otherwise(whole: Path, tmp_path: Path) -> None:
    other = folder_of(tmp_path, train=ROWS[:11], validation=ROWS[12:15], test=ROWS[15:])
    keys = [
        key(whole),
        key(whole, seed=43),
        key(whole, limit=3),
        key(whole, limit=4),
        key(other),
        key(whole, method="ia3"),
        key(whole, "lora.r=8"),
        key(whole, "lora.learning_rate=0.001"),
        key(whole, "lora.epochs=2"),
        key(whole, "icl.train=true", method="lora+icl"),
        key(whole, "icl.train=true", "icl.n=2", method="lora+icl"),
    ]
    assert len(set(keys)) == len(keys)
    assert plan_of(whole, method="zero-shot").tuning_key is None
    assert plan_of(whole, method="icl").tuning_key is None


def test_a_run_of_other_metrics_or_ks_is_the_same_run_and_any_other_change_is_another(whole: Path) -> None:
    def name(*sets: str, **request: Any) -> str:
        return run_id(plan_of(whole, *sets, **request).run)

    one = name()
    for request in ({"metrics": ("bleu",)}, {"ks": (2,)}, {"accept_unsafe": True}):
        assert name(**request) == one, request
    assert name("exact_match.normalisation=paper") == one
    others = [
        name(seed=43),
        name(limit=3),
        name(candidates=3),
        name(temperature=0.5),
        name(max_new_tokens=9),
        name("lora.r=8"),
        name(method="lora+icl"),
        name("icl.n=2", method="lora+icl"),
        name(method="zero-shot"),
    ]
    assert len({one, *others}) == 1 + len(others)


def test_a_plan_holds_what_the_request_says_and_the_tasks_defaults(whole: Path) -> None:
    plan = plan_of(whole, metrics=("bleu", "bleu", "exact_match"), limit=4, seed=7)
    run = plan.run
    assert (run.task, run.task_version, run.method, run.seed, run.limit) == ("conala", "1", "lora", 7, 4)
    assert run.metrics == ("bleu", "exact_match") and run.builtin_data is False and run.backend is None
    assert run.sampling == Sampling(10, 64, stop=("\n",)) and run.ks == (1, 10)
    assert run.tuning == Tuning(3e-4, epochs=5.0, evaluate_every=0.2)
    assert set(run.options) == {"conala", "lora", "bleu", "exact_match"}
    assert {split: len(problems) for split, problems in plan.splits.items()} == {"train": 4, "validation": 3, "test": 4}
    assert set(plan.notes[:3]) == {
        "train: 12 problems, the study has 2135",
        "validation: 3 problems, the study has 201",
        "test: 5 problems, the study has 543",
    }
    assert plan.limits == plan.task.plugin.limits and plan.method is plan.tuner


def test_requested_numbers_replace_the_tasks(whole: Path) -> None:
    run = plan_of(whole, candidates=3, temperature=0.25, max_new_tokens=7, ks=(3, 1, 3)).run
    assert run.sampling == Sampling(3, 7, temperature=0.25, stop=("\n",)) and run.ks == (1, 3)
    assert plan_of(whole, candidates=4).run.ks == (1,)
    assert plan_of(whole, candidates=1).run.ks == (1,)


def test_the_built_in_sample_is_tuned_and_written_shorter_unless_it_is_asked_otherwise() -> None:
    def sample(*sets: str, **request: Any) -> Any:
        return resolve(Request("lora", request.pop("task", "apps"), **request), registry(), Settings(sets, environ={}))

    plan = sample()
    assert plan.run.builtin_data and plan.run.task_version == "1-sample"
    assert plan.run.tuning == Tuning(3e-4, epochs=2.0, evaluate_every=1.0)
    assert plan.run.sampling.max_new_tokens == 192 and plan.limits == plan.task.plugin.sample_limits
    assert sample("lora.epochs=7").run.tuning.epochs == 7.0
    assert sample("lora.epochs=5").run.tuning.epochs == 5.0
    assert sample(max_new_tokens=500).run.sampling.max_new_tokens == 500
    assert sample(task="conala").run.sampling.max_new_tokens == 64


def test_where_each_value_is_from_is_told(whole: Path) -> None:
    settings = plan_of(whole, "lora.r=8", limit=3, ks=(1,)).settings
    told = {name: (setting.value, setting.source) for name, setting in settings.items()}
    assert told["limit"] == (3, "argument") and told["k"] == ((1,), "argument")
    assert told["seed"] == (42, "default") and told["candidates"] == (10, "default of conala")
    assert told["metrics"] == (("exact_match", "codebleu"), "default of conala")
    assert told["lora.batch_size"] == (8, "default") and told["lora.warmup_ratio"] == (0.05, "default")
    assert told["lora.r"][0] == 8 and told["lora.r"][1] != "default" and told["lora.alpha"] == (32, "default")
    assert "thinking_tokens" not in told and told["chat"][0] is False and "thinking" not in told
    sample = resolve(Request("lora", "apps"), registry(), Settings((), environ={})).settings
    assert (sample["lora.epochs"].value, sample["lora.epochs"].source) == (2.0, "default for the built-in sample")
    assert not sample["lora.epochs"].given and sample["lora.batch_size"].source == "default"


def test_a_lone_file_is_cut_in_three_and_a_missing_validation_split_from_the_training_problems(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    lone = plan_of(tmp_path / "rows.json", method="icl")
    assert {split: len(part) for split, part in lone.splits.items()} == {"train": 14, "validation": 2, "test": 4}
    assert sorted(p.id for part in lone.splits.values() for p in part) == sorted(row["question_id"] for row in ROWS)
    assert lone.notes[0].endswith("rows.json is one file: cut into train, validation and test 70/10/20 with seed 42")
    (tmp_path / "two").mkdir()
    cut = plan_of(folder_of(tmp_path / "two", train=ROWS[:10], test=ROWS[10:]))
    assert {split: len(part) for split, part in cut.splits.items()} == {"train": 9, "validation": 1, "test": 10}
    assert cut.notes[0] == "no validation split: a tenth of the training problems, taken with seed 42"


REFUSED: list[tuple[dict[str, Any], tuple[str, ...], str]] = [
    ({"ks": (11,)}, (), "-k 11: only 10 candidates are written; add --candidates 11"),
    ({"ks": (0,)}, (), "-k 0: k starts at 1"),
    ({"candidates": 0}, (), "--candidates"),
    ({"temperature": -0.5}, (), "--temperature"),
    ({"max_new_tokens": 0}, (), "--max-new-tokens"),
    ({"limit": 0}, (), "--limit"),
    ({"seed": -1}, (), "--seed"),
    ({"seed": 2**32}, (), "--seed"),
    ({"method": "lora+ia3"}, (), "combine one tuning method with one prompting method, like lora"),
    ({"method": "icl+rag"}, (), "combine one tuning method with one prompting method"),
    ({"method": "zero-shot+icl"}, (), "combine one tuning method with one prompting method"),
    ({"method": "zero-shot+lora"}, (), "combine one tuning method with one prompting method"),
    ({"thinking_tokens": 9}, (), "--thinking-tokens: they are for --thinking; give both or neither"),
    ({"thinking": True}, (), "--thinking: builtin has no chat template in use; leave it out"),
]


class Served(Backend):
    """Says that it serves any model."""

    name = "served"

    def generate(self, model: Any, prompts: Any, sampling: Any, seed: Any, config: Any) -> Iterator[Any]:
        return iter(())


def test_a_model_of_a_backend_has_the_name_that_was_given_whatever_folder_is_called_the_same(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "coder").mkdir()
    monkeypatch.chdir(tmp_path)
    known = Registry()
    known.add(Served())
    request = Request("zero-shot", "conala", "coder", data=whole, backend="served", metrics=("exact_match",))
    assert resolve(request, known, Settings((), environ={})).run.model.id == "coder"


@pytest.mark.parametrize("model", ["builtin", "folder"])
def test_a_revision_of_a_model_that_has_none_is_refused(whole: Path, tmp_path: Path, model: str) -> None:
    name = model if model == "builtin" else str(tmp_path)
    with pytest.raises(ModelError, match=r"--revision v2: --model .* has one version; leave it out"):
        plan_of(whole, model=name, revision="v2")


@pytest.mark.parametrize(("request_", "sets", "words"), REFUSED, ids=[words for _, _, words in REFUSED])
def test_what_does_not_fit_is_refused_in_a_line(
    whole: Path, request_: dict[str, Any], sets: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        plan_of(whole, *sets, **request_)
    assert words in str(refused.value)


def test_the_largest_numbers_that_fit_are_taken(whole: Path) -> None:
    assert plan_of(whole, seed=2**32 - 1, ks=(10,), limit=1).run.seed == 2**32 - 1
    assert plan_of(whole, temperature=0.0, seed=0, candidates=1, max_new_tokens=1).run.sampling.candidates == 1


def test_data_that_lacks_what_the_method_needs_is_refused(tmp_path: Path) -> None:
    only_test = folder_of(tmp_path, test=ROWS)
    assert plan_of(only_test, method="zero-shot").splits.keys() == {"test"}
    for method in ("lora", "icl", "lora+icl"):
        with pytest.raises(
            DataError, match="this method needs training problems, and there are none; add a train file"
        ):
            plan_of(only_test, method=method)
    (tmp_path / "test.json").rename(tmp_path / "train.json")
    with pytest.raises(DataError, match=r"no test problems \(found: train\); add a test file; or name the"):
        plan_of(tmp_path)


MINE = [{"instruction": f"Add {i}.", "code": f"x + {i}"} for i in range(10)]


def plan_of_mine(folder: Path, rows: list[dict[str, Any]], *sets: str, method: str = "lora") -> RunPlan:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return resolve(Request(method, "my", data=file), registry(), Settings(sets, environ={}))


def test_fields_that_were_found_are_told_and_fields_that_are_not_used_are_warned_of(tmp_path: Path) -> None:
    plan = plan_of_mine(tmp_path, [*MINE[:9], {**MINE[9], "checks": ["assert x"], "level": 3}])
    told = {name: (setting.value, setting.source) for name, setting in plan.settings.items()}
    assert told["my.answer"] == ("code", "default: found in the rows") and told["my.tests"] == ("", "default")
    assert not plan.settings["my.answer"].given and told["data"] == (str(tmp_path / "rows.jsonl"), "argument")
    assert plan.notes[-1] == f"{tmp_path / 'rows.jsonl'}: fields that are not used: checks, level"
    assert plan.config(plan.task).answer == ""  # what was found is told, and no part of the run
    many = plan_of_mine(tmp_path, [{**row, **{f"f{i}": 1 for i in range(10)}} for row in MINE]).notes[-1]
    assert many.endswith("not used: f0, f1, f2, f3, f4, f5, f6, f7 and 2 more")
    named = plan_of_mine(tmp_path, MINE, "my.answer=code")
    assert named.settings["my.answer"].source == "--set" and not any("not used" in note for note in named.notes)


@pytest.mark.parametrize("method", ["lora", "icl"])
def test_problems_without_an_answer_are_no_examples_and_nothing_is_learnt_from_them(
    tmp_path: Path, method: str
) -> None:
    tested = [{"instruction": row["instruction"], "tests": ["assert f()"]} for row in MINE]
    whole = plan_of_mine(tmp_path, MINE, method=method).splits["train"]
    first = int(whole[0].id) - 1
    some = plan_of_mine(tmp_path, [*MINE[:first], tested[first], *MINE[first + 1 :]], method=method)
    assert [p.id for p in some.splits["train"]] == [p.id for p in whole[1:]]
    assert "1 of 7 training problems have no answer and are left out" in some.notes
    with pytest.raises(DataError) as refused:
        plan_of_mine(tmp_path, [{**row, "kode": "x"} for row in tested], method=method)
    says = "rows.jsonl: no training problem has an answer to learn from (not used: kode); name its field"
    assert f"{says}: --set my.answer=FIELD" in str(refused.value)
    assert len(plan_of_mine(tmp_path, tested, method="zero-shot").splits["train"]) == 7


def test_rows_that_all_say_they_are_training_rows_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no test problems \(found: train\); add test rows, or say no split at all$"):
        plan_of_mine(tmp_path, [{**row, "split": "train"} for row in MINE])


def test_two_problems_of_one_id_in_a_split_are_refused(tmp_path: Path) -> None:
    row = {"id": 1, "instruction": "Add.", "answer": "1"}
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (row, {**row, "id": 2}, row)))
    with pytest.raises(DataError, match="two test problems have the id '1'"):
        resolve(
            Request("zero-shot", "my", data=tmp_path, metrics=("exact_match",)), registry(), Settings((), environ={})
        )


def test_a_task_without_a_data_set_on_the_hub_needs_files() -> None:
    with pytest.raises(UsageError, match="the task 'my' names no data set on the hub; give its files with --data PATH"):
        resolve(Request("zero-shot", "my", hub=True), registry(), Settings((), environ={}))


def test_the_loop_of_a_tuning_method_can_be_set() -> None:
    sets = ("lora.batch_size=4", "lora.warmup_ratio=0.1", "lora.max_tokens=64", "lora.patience=2")
    tuning = resolve(Request("lora", "conala", limit=20), Registry(), Settings(sets)).run.tuning
    assert tuning is not None
    assert (tuning.batch_size, tuning.warmup_ratio, tuning.max_tokens, tuning.patience) == (4, 0.1, 64, 2)


SPEC = ModelSpec("org/coder")


def chat_settings(
    monkeypatch: pytest.MonkeyPatch, template: dict[str, bool] | None, *, tuner: Any = None, **request: Any
) -> tuple[ModelSpec, list[Any]]:
    """The settings of a model with this chat template, and what was asked of it."""
    asked: list[Any] = []

    def chat_of(spec: ModelSpec, wanted: bool | None) -> Any:
        asked.append((spec, wanted))
        return None if template is None else SimpleNamespace(**template)

    monkeypatch.setattr(planning, "chat_of", chat_of)
    return with_chat_settings(SPEC, Request("zero-shot", "conala", **request), tuner), asked


PLAIN = {"supports_reasoning": False, "writes_date": False}
REASONING = {"supports_reasoning": True, "writes_date": True}


def test_a_chat_template_is_used_where_there_is_one_and_it_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = replace(SPEC, chat=True, asked=CHAT_PROMPT_VERSION)
    assert chat_settings(monkeypatch, PLAIN) == (chat, [(SPEC, None)])
    assert chat_settings(monkeypatch, PLAIN, chat=True) == (chat, [(SPEC, True)])
    assert chat_settings(monkeypatch, PLAIN, chat=False) == (SPEC, [])
    assert chat_settings(monkeypatch, None) == (SPEC, [(SPEC, None)])


@pytest.mark.parametrize("thinking", [None, True, False])
def test_a_template_that_can_reason_or_knows_the_date_is_told_so(
    monkeypatch: pytest.MonkeyPatch, thinking: bool | None
) -> None:
    spec, asked = chat_settings(monkeypatch, REASONING, thinking=thinking)
    assert spec == replace(SPEC, chat=True, date=DATE, asked=CHAT_PROMPT_VERSION, thinking=bool(thinking))
    assert asked == [(SPEC, None), (spec, True)]


@pytest.mark.parametrize(
    ("template", "options", "words"),
    [
        (PLAIN, {"thinking": True}, "--thinking: org/coder has no reasoning in its chat template; leave it out"),
        (None, {"thinking": True}, "--thinking: org/coder has no chat template in use; leave it out"),
        (REASONING, {"thinking": True, "chat": False}, "--thinking: org/coder has no chat template in use"),
        (REASONING, {"thinking": True, "tuner": SimpleNamespace(name="lora")}, "--thinking: lora teaches answers"),
        (REASONING, {"thinking_tokens": 9}, "--thinking-tokens: they are for --thinking; give both or neither"),
        (REASONING, {"thinking_tokens": 9, "thinking": False}, "--thinking-tokens: they are for --thinking"),
    ],
)
def test_reasoning_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, template: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        chat_settings(monkeypatch, template, **options)
    assert words in str(refused.value)


def test_reasoning_has_tokens_of_its_own(monkeypatch: pytest.MonkeyPatch, whole: Path) -> None:
    monkeypatch.setattr(planning, "without_chat", lambda *_: False)
    monkeypatch.setattr(planning, "chat_of", lambda *_: SimpleNamespace(**REASONING))
    assert plan_of(whole, method="zero-shot", thinking=True).run.sampling.thinking_tokens == 1024
    asked = plan_of(whole, method="zero-shot", thinking=True, thinking_tokens=77).run.sampling
    assert (asked.thinking_tokens, asked.max_new_tokens) == (77, 64)
    assert plan_of(whole, method="zero-shot").run.sampling.thinking_tokens == 0


def test_the_ks_of_a_task_that_are_not_above_the_candidates_are_reported() -> None:
    task: Any = SimpleNamespace(default_ks=lambda: (1, 5, 10))
    request = Request("zero-shot", "conala")
    assert [select_ks(request, task, n) for n in (1, 4, 5, 10, 99)] == [(1,), (1,), (1, 5), (1, 5, 10), (1, 5, 10)]
    assert select_ks(request, SimpleNamespace(default_ks=lambda: (5,)), 3) == (1,)  # type: ignore[arg-type]
    assert select_ks(replace(request, ks=(3, 2, 3)), task, 3) == (2, 3)


def test_a_plan_of_the_sample_says_so_and_names_everything_that_it_used() -> None:
    plan = resolve(Request("lora+icl", "apps", limit=2), registry(), Settings((), environ={}))
    run = plan.run
    assert (run.method, run.builtin_data, run.whole_data, run.reading > 1) == ("lora+icl", True, False, True)
    assert set(run.options) == {"apps", "lora", "icl", *run.metrics}
    assert plan.tuner is plan.method and plan.prompter is not None and plan.prompter.name == "icl"
    assert plan.trained_prompter is None and plan.backend is None and plan.decoder is None
    assert set(plan.configs) == {"apps", "lora", "icl", *run.metrics}
    zero = resolve(Request("zero-shot", "apps", limit=2), registry(), Settings((), environ={}))
    assert zero.method is zero.prompter is not None and zero.tuner is None and zero.run.tuning is None
    trained = resolve(Request("lora+icl", "apps", limit=2), registry(), Settings(("icl.train=true",), environ={}))
    assert trained.trained_prompter is trained.prompter
    assert trained.tuning_key["prompting"]["method"] == "icl" and trained.tuning_key["prompting"]["config"]["train"]

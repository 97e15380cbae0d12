"""`--protocol study`: the texts that the study's scripts build and the scores that they give, spelt out line by line.

The scripts are train.py and test.py of martin-wey/peft-llm-code at c55e532 (CoNaLa, CodeAlpacaPy) and 3f9a194 (APPS).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import harness
from harness.config import Settings
from harness.data.sources import open_path
from harness.errors import UsageError
from harness.evaluation import rescoring, runs
from harness.evaluation.plan import RunPlan, resolve
from harness.evaluation.prompting import build_prompts, readers_of
from harness.evaluation.request import Request
from harness.evaluation.verification import verify
from harness.plugin_system.registry import Registry
from harness.plugins.metrics.codebleu import judge, measures
from harness.plugins.metrics.pycode.pairs import SUMS
from harness.plugins.tasks.apps import Apps
from harness.plugins.tasks.conala import Conala
from harness.plugins.tasks.study_scripts import MARKERS
from harness.ranking.boards import rank_boards
from harness.records import Problem, Row, digest, to_json
from harness.report.results import is_run_of
from harness.studies import study

SHORT = ("conala", "codealpacapy")
LINE = "Generate Python code given a natural language instruction."


def plan_of(task: str, method: str, *sets: str, **request: Any) -> RunPlan:
    settings = Settings(sets, environ={}, file=Path("none.toml"))
    return resolve(Request(method, task, protocol="study", **request), Registry(), settings)


def texts(plan: RunPlan, folder: Path, *, training: bool = False, seq2seq: bool = False) -> list[str]:
    """The prompts of the first ten problems, on a model whose context is never full."""

    def tokens(text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [3] * len(text)}

    tokens.eos_token_id = 2  # type: ignore[attr-defined]
    base: Any = SimpleNamespace(tokenizer=tokens, chat=None, seq2seq=seq2seq, context=10**7, virtual_tokens=0)
    problems = plan.splits["train" if training else "test"][:10]
    assert len(problems) == 10
    return [prompt.text for prompt in build_prompts(plan, base, problems, folder, training=training)]


def first(plan: RunPlan, split: str) -> Sequence[Problem]:
    return plan.splits[split][:10]


@pytest.mark.parametrize("task", SHORT)
@pytest.mark.parametrize(("seq2seq", "end"), [(False, ""), (True, "<extra_id_0>")])
def test_a_tuned_model_is_asked_behind_one_line_end(task: str, seq2seq: bool, end: str, tmp_path: Path) -> None:
    plan = plan_of(task, "lora")
    wanted = [f"\n### Instruction:\n{p.instruction}\n### Response:\n{end}" for p in first(plan, "test")]
    assert texts(plan, tmp_path, seq2seq=seq2seq) == wanted


@pytest.mark.parametrize("task", SHORT)
@pytest.mark.parametrize(("seq2seq", "before"), [(False, ""), (True, "Generate Python code: ")])
def test_tuning_has_no_line_end_before_the_prompt(task: str, seq2seq: bool, before: str, tmp_path: Path) -> None:
    plan = plan_of(task, "lora")
    wanted = [f"{before}### Instruction:\n{p.instruction}\n### Response:\n" for p in first(plan, "train")]
    assert texts(plan, tmp_path, training=True, seq2seq=seq2seq) == wanted
    answers = [plan.task.plugin.answer(p) for p in first(plan, "train")]
    assert answers == [p.reference for p in first(plan, "train")]


@pytest.mark.parametrize("task", SHORT)
@pytest.mark.parametrize(("seed", "n"), [(42, 1), (42, 3), (777, 5)])
def test_examples_are_drawn_at_once_and_have_32_blanks_behind_their_instruction(
    task: str, seed: int, n: int, tmp_path: Path
) -> None:
    plan = plan_of(task, "icl", f"icl.n={n}", seed=seed)
    pool = plan.splits["train"]
    random.seed(seed)
    text = LINE
    for i in random.sample(range(len(pool)), n):
        text += f"\n### Instruction:\n{pool[i].instruction}{32 * ' '}\n### Response:\n{pool[i].reference}\n"
    wanted = [f"{text}\n### Instruction:\n{p.instruction}\n### Response:\n" for p in first(plan, "test")]
    assert texts(plan, tmp_path) == wanted


@pytest.mark.parametrize("task", SHORT)
def test_zero_shot_is_the_line_of_the_examples_without_an_example(task: str, tmp_path: Path) -> None:
    plan = plan_of(task, "zero-shot")
    wanted = [f"{LINE}\n### Instruction:\n{p.instruction}\n### Response:\n" for p in first(plan, "test")]
    assert texts(plan, tmp_path) == wanted


def contest_row(i: int) -> dict[str, Any]:
    """A contest problem: the odd ones are functions with starter code."""
    call = {"fn_name": "f", "inputs": [[1]], "outputs": [i]}
    program = {"inputs": ["\n"], "outputs": [f"{i}\n"]}
    return {
        "problem_id": i,
        "question": f"\nSay {i}.\n\n-----Input-----\nnone ",
        "solutions": json.dumps([f"print({i}) ", f"print({i}+0)"]),
        "input_output": json.dumps(call if i % 2 else program),
        "difficulty": "interview",
        "starter_code": "def f(x):\n    " if i % 2 else "",
    }


CONTEST = [contest_row(i) for i in range(10)]


@pytest.fixture
def contest(tmp_path: Path) -> Path:
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in CONTEST))
    return tmp_path


def _contest_prompt(row: dict[str, Any]) -> str:
    guide = "use the provided function signature" if row["starter_code"] else "read from and write to standard IO"
    task = "Write a python code to solve the following coding problem that obeys the constraints and passes the example"
    return f"[INST] {task} test cases. The output code needs to {guide}:\n{row['question']}\n[/INST]\n```python\n"


@pytest.mark.parametrize("method", ["zero-shot", "lora"])
def test_apps_is_asked_as_code_llamas_paper_does_with_the_starter_code_in_the_block(
    contest: Path, method: str, tmp_path: Path
) -> None:
    plan = plan_of("apps", method, data=contest)
    assert texts(plan, tmp_path) == [_contest_prompt(row) + row["starter_code"] for row in CONTEST]


def test_apps_is_tuned_without_starter_code_on_one_of_the_solutions(contest: Path, tmp_path: Path) -> None:
    (contest / "dev.jsonl").write_text((contest / "test.jsonl").read_text())
    plan = plan_of("apps", "lora", data=contest)
    assert texts(plan, tmp_path, training=True) == [_contest_prompt(row) for row in CONTEST]
    task, train = plan.task.plugin, plan.splits["train"]
    answers = [task.answer(p) for p in train]
    assert answers == [task.answer(p) for p in train]
    for row, answer in zip(CONTEST, answers, strict=True):
        assert answer in [f"{one.strip()}\n```" for one in json.loads(row["solutions"])]
    assert len({answer.count("+0") for answer in answers}) == 2, "sometimes the first, sometimes another"
    assert task.answer(Problem("without", "a solution")) == ""


def test_an_answer_to_apps_is_what_is_written_up_to_the_end_of_the_block(contest: Path) -> None:
    plan = plan_of("apps", "zero-shot", data=contest)
    reader = readers_of(plan, first(plan, "test"))["0"]
    answer = reader.extract(" print(1 , 2)\n```\nSo it prints 1.\n```python\nprint(2)\n```").text
    assert plan.task.plugin.code(answer) == "print(1, 2)"
    assert (reader.is_complete("print(1)\n`"), reader.is_complete("print(1)\n```")) == (False, True)


def test_the_validation_problems_of_apps_are_those_of_datasets_own_shuffle() -> None:
    datasets = pytest.importorskip("datasets")
    problems = [Problem(str(i), "") for i in range(5000)]
    found = Apps().protocols()["study"].with_validation(problems)  # type: ignore[attr-defined]
    shuffled = datasets.Dataset.from_dict({"id": list(map(str, range(5000)))}).shuffle(42)["id"]
    assert [p.id for p in found["validation"]] == list(shuffled[:500])
    assert [p.id for p in found["train"]] == list(shuffled[500:])


CANDIDATES = {
    "x = 1": ["x = 1\ny = 2", " x = 1 </s>", "x = 1"],
    "a < b": ["a < b", "a"],
    "print (a , b)": ["print (a, b)", "print (a , b)"],
    "x != 0": ["x!= 0 ", "x != 0"],
    "x = 1\ny = 2": ["x = 1 y = 2", "x = 1\ny = 2"],
    "f('it', 's')": ["f('it','s')", "f('it', 's')"],
    "done ": ["done<|endoftext|> more", "done > more", "done "],
    "import re\nre.sub('a' , 'b', s)": ["```python\nimport re\nre.sub('a', 'b', s)\n```"],
    "[i for i in x if i .real]": ["[i for i in x if i.real]\n### Instruction:\nmore"],
    "print(x, 'a')": [" ' print(x, 'a')", "print(x, 'a')\t"],
}
STOPS = {"conala": ("<|endoftext|>", "</s>", "\n"), "codealpacapy": ("<|endoftext|>", "</s>")}


def decoded(text: str) -> str:
    """As transformers decodes with `clean_up_tokenization_spaces`."""
    from transformers import PreTrainedTokenizerBase

    clean: Any = PreTrainedTokenizerBase.clean_up_tokenization
    return str(clean(None, text))


def flat(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ")


def written_to_file(text: str, task: str) -> str:
    """A candidate as test.py writes it to the file that is scored."""
    return flat(re.split(f"({'|'.join(STOPS[task])})", decoded(text).strip())[0])


def scored(task: str, folder: Path, **request: Any) -> Row:
    """The row of `CANDIDATES`, written by somebody else."""
    rows = [{"nl": text, "cmd": text, "question_id": str(i)} for i, text in enumerate(CANDIDATES)]
    (folder / "test.json").write_text(json.dumps(rows))
    registry, settings, data = Registry(), Settings(environ={}), folder / "test.json"
    problems = registry.task(task).plugin.load(open_path(data), None)["test"]
    lines = []
    for problem in problems:
        texts = CANDIDATES[problem.instruction]
        lines.append({"id": problem.id, "completions": [*texts, *[""] * (3 - len(texts))]})
    (folder / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = Request("external", task, data=data, ks=(1, 3), **request)
    return rescoring.score_file(asked, folder / "mine.jsonl", "m", registry, settings, folder / "runs")


@pytest.mark.parametrize("task", SHORT)
def test_candidates_score_as_the_files_of_the_scripts_do(task: str, tmp_path: Path) -> None:
    row = scored(task, tmp_path, protocol="study")
    values = {e.measure: e.value for e in row.estimates}
    for k in (1, 3):
        hits = [
            flat(decoded(reference)) in [written_to_file(text, task) for text in texts[:k]]
            for reference, texts in CANDIDATES.items()
        ]
        assert values[f"em@{k}"] == pytest.approx(sum(hits) / len(hits))
        assert 0 < sum(hits) < len(hits)
    files = [(flat(decoded(reference)), written_to_file(texts[0], task)) for reference, texts in CANDIDATES.items()]
    counts = [judge("paper", False).sums((reference,), text) for reference, text in files]
    totals = {name: float(sum(column)) for name, column in zip(SUMS, zip(*counts, strict=True), strict=True)}
    assert values["codebleu"] == pytest.approx(measures(totals, len(files))["codebleu"], abs=1e-12)
    own = {e.measure: e.value for e in scored(task, _folder(tmp_path / "own")).estimates}
    assert (values["em@3"], values["codebleu"]) != (own["em@3"], own["codebleu"])


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_run_says_its_protocol_and_is_verified_and_scored_again_by_its_rules(tmp_path: Path) -> None:
    row = scored("conala", tmp_path, protocol="study", metrics=("exact_match",))
    [folder] = runs.finished(tmp_path / "runs")
    assert (row.run.protocol, row.run.options["exact_match"]["stop"]) == ("study", list(STOPS["conala"]))
    found = list(verify(folder, None, judge=False))
    assert [check.verdict for check in found] == ["holds"] * 5, found
    settings = Settings(environ={})
    more = rescoring.add_metrics(folder, ("codebleu",), (), None, Registry(), settings)
    assert more.run.options["codebleu"]["flatten"] is True
    assert more.run.protocol == "study"


def test_rows_of_two_protocols_are_never_ranked_together(tmp_path: Path) -> None:
    rows = [scored("conala", tmp_path, protocol=protocol) for protocol in ("study", None)]
    boards = rank_boards(rows)
    assert sorted(len(board.rows) for board in boards) == [1, 1]
    assert [", protocol study" in board.title for board in boards].count(True) == 1


def test_what_the_user_sets_counts_more_than_what_the_protocol_sets() -> None:
    plan = plan_of("conala", "ia3", "codebleu.flatten=false")
    assert plan.run.tuning is not None
    assert plan.run.tuning.learning_rate == 3e-3
    assert plan.settings["ia3.learning_rate"].source == "default of the protocol study"
    assert plan.run.options["codebleu"]["flatten"] is False
    assert plan.settings["codebleu.flatten"].source == "--set"


def test_a_protocol_that_there_is_not_and_a_chat_template_beside_one_are_refused() -> None:
    settings, registry = Settings(environ={}), Registry()
    with pytest.raises(UsageError, match=r"no protocol of the task conala: 'studdy'.*Did you mean 'study'"):
        resolve(Request("lora", "conala", protocol="studdy"), registry, settings)
    with pytest.raises(UsageError, match=r"no protocol of the task my: 'study'.*It has none"):
        resolve(Request("lora", "my", protocol="study"), registry, settings)
    with pytest.raises(UsageError, match="--chat: --protocol study asks with a text that the model continues"):
        resolve(Request("zero-shot", "conala", protocol="study", chat=True), registry, settings)
    with pytest.raises(UsageError, match="no option of conala 'template'"):
        resolve(Request("lora", "conala", protocol="study"), registry, Settings(["conala.template=x"], environ={}))


def test_without_a_protocol_a_run_and_a_tuning_keep_their_ids_and_with_one_they_have_others() -> None:
    plans = {
        p: resolve(Request("lora", "conala", protocol=p), Registry(), Settings(environ={})) for p in (None, "study")
    }
    assert "protocol" not in to_json(plans[None].run)
    assert "protocol" not in plans[None].tuning_key
    assert len({runs.run_id(plan.run) for plan in plans.values()}) == 2
    assert len({digest(plan.tuning_key) for plan in plans.values()}) == 2


def test_a_run_asks_these_texts_and_takes_what_is_written_as_it_is(tiny_model: Path, tmp_path: Path) -> None:
    row = harness.run(
        "zero-shot",
        "conala",
        str(tiny_model),
        data=_rows(tmp_path),
        protocol="study",
        candidates=2,
        max_new_tokens=4,
        ks=(1,),
        runs=tmp_path / "runs",
    )
    records = harness.load(tmp_path / "runs" / row.run_id).records
    wanted = [f"{LINE}\n### Instruction:\nadd {i} to `x`\n### Response:\n" for i in (2, 3)]
    assert [record.prompt_digest for record in records] == [digest(text) for text in wanted]
    assert row.readings == {"as written": 4}
    assert not [note for note in row.notes if "out of a longer text" in note]
    assert row.run.model.chat is False


def _rows(folder: Path) -> Path:
    (data := folder / "data").mkdir()
    rows = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(4)]
    for split, part in {"train": rows[:1], "dev": rows[1:2], "test": rows[2:]}.items():
        (data / f"{split}.json").write_text(json.dumps(part))
    return data


def test_a_study_under_a_protocol_has_other_cells_and_finds_only_runs_under_it() -> None:
    own = study.load("rq1").cells(builtin=True)
    cells = study.load("rq1").with_protocol("study").cells(builtin=True)
    assert {cell.request.protocol for cell in cells} == {"study"}
    assert {cell.id for cell in cells}.isdisjoint({cell.id for cell in own})
    assert all("protocol study" in cell.description for cell in cells)
    for asked in (None, "study"):
        settings = Settings(cells[0].sets, environ={})
        run = resolve(replace(cells[0].request, protocol=asked), Registry(), settings).run
        assert (is_run_of(own[0], run), is_run_of(cells[0], run)) == (asked is None, asked == "study")


def test_conala_is_scored_up_to_the_first_marker_or_line_end_and_apps_is_never_asked_as_a_chat() -> None:
    study = Conala().protocols()["study"]
    assert study.options["exact_match.stop"] == (*MARKERS, "\n") and "<|endoftext|>" in MARKERS
    assert Apps().protocols()["study"].uses_chat is False and Apps.uses_chat is True

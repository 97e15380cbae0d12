"""Completions made elsewhere: the same code scores the same, however it was wrapped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.config import Settings
from harness.data.sources import Source, open_builtin
from harness.errors import DataError, HarnessError, RunError, UsageError
from harness.evaluation import rescoring, runs
from harness.evaluation.request import Request
from harness.evaluation.verification import verify
from harness.extract import VERSION
from harness.plugin_system.registry import Registry
from harness.ranking.comparison import extraction_notes
from harness.records import Row

WRAPPINGS = {
    "fenced": "```python\n{}\n```",
    "fenced in prose": "Here is the code you asked for:\n\n```python\n{}\n```\n\nIt does what you want.",
    "after reasoning": "<think>\nMaybe `print(0)`?\n```python\nprint(0)\n```\n</think>\n\n{}",
    "with the next turn": "{}\n\n### Instruction:\nDo more.\n### Response:\nprint(0)",
    "with the template's next turn": "{}<|im_end|>\n<|im_start|>user\nDo more.",
    "behind a blank line": "\n{}",
}


def scored(task: str, wrapping: str, folder: Path) -> Row:
    """The row of the task's own references, each written in `wrapping`."""
    registry = Registry()
    plugin = registry.task(task).plugin
    problems = plugin.load(open_builtin(task), plugin.Config())["test"]
    path = folder / "completions.jsonl"
    answers = ({"id": p.id, "completions": [wrapping.replace("{}", p.reference)]} for p in problems)
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    request = Request("external", task, ks=(1,))
    return rescoring.score_file(request, path, "mine", registry, Settings(environ={}), folder / "runs")


@pytest.mark.parametrize("task", ["conala", "codealpacapy"])
def test_references_score_the_same_in_every_wrapping(task: str, tmp_path: Path) -> None:
    (bare := tmp_path / "bare").mkdir()
    expected = scored(task, "{}", bare)
    assert next(e.value for e in expected.estimates if e.measure == "em@1") == 1.0
    for number, (name, wrapping) in enumerate(WRAPPINGS.items()):
        (folder := tmp_path / str(number)).mkdir()
        row = scored(task, wrapping, folder)
        assert row.estimates == expected.estimates, name
        assert sum((row.readings or {}).values()) == 60, name


def test_a_comparison_says_how_answers_were_found_and_warns_where_two_runs_differ_in_it(tmp_path: Path) -> None:
    folders = []
    for name, wrapping in {"bare": "{}", "fenced": "```python\n{}\n```"}.items():
        (tmp_path / name).mkdir()
        scored("conala", wrapping, tmp_path / name)
        folders += runs.finished(tmp_path / name / "runs")
    lines = extraction_notes(folders[:1], folders[1:])
    assert lines[:2] == ["A  answers found: 60 bare", "B  answers found: 60 fenced"]
    assert lines[2].startswith("warning: 100% of the answers were found by other rules (harness docs answers)")
    assert len(extraction_notes(folders[:1], folders[:1])) == 2


REFERENCES = {f"{i}-1": f"print({i})" for i in range(4)}


def write_lines(path: Path, lines: Any) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four problems; whoever writes `print(i)` for all of them solves two."""
    rows = [{"nl": f"say {i}", "cmd": text, "question_id": id} for i, (id, text) in enumerate(REFERENCES.items())]
    (tmp_path / "test.json").write_text(json.dumps(rows))
    return tmp_path / "test.json"


def answers(**changed: list[str]) -> list[dict[str, Any]]:
    """The first two problems are solved by the second candidate and by none, the others by the first."""
    texts = {"0-1": ["x", "print(0)"], "1-1": ["x", "y"], "2-1": ["print(2)", "y"], "3-1": ["print( 3 )", "print(3)"]}
    return [{"id": id, "completions": found} for id, found in (texts | changed).items()]


def score(data: Path, lines: Any = None, *sets: str, **request: Any) -> Row:
    path = write_lines(data.parent / "mine.jsonl", answers() if lines is None else lines)
    asked = Request(**{"method": "external", "task": "conala", "data": data, "metrics": ("exact_match",)} | request)
    settings = Settings(sets, environ={}, file=Path("none.toml"))
    return rescoring.score_file(asked, path, "mine", Registry(), settings, data.parent / "runs")


def values(row: Row) -> dict[str, float | None]:
    return {e.measure: e.value for e in row.estimates}


TORN = [
    (['{"id": "a", "compl'], "line 1"),
    ([{"id": "a"}], "line 1.*no field 'completions'"),
    ([{"completions": ["x"]}], "line 1.*no field 'id'"),
    ([{"id": "a", "completions": "x"}], "line 1.*'completions' is str"),
    ([{"id": "a", "completions": []}], r"line 1.*'completions' must be a list of texts; write \[\"\"\] for no answer"),
    ([{"id": "a", "completions": ["x", 3]}], "line 1.*'completions' must be a list of texts"),
    ([{"id": "a", "completions": ["x"]}, {"id": "a", "completions": ["y"]}], "line 2: the id 'a' comes a second time"),
]


@pytest.mark.parametrize(("lines", "words"), TORN)
def test_a_line_of_completions_that_does_not_do_is_named(lines: Any, words: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "mine.jsonl", lines)
    with pytest.raises(DataError, match=words) as refused:
        rescoring.read_completions(path)
    assert str(path) in str(refused.value)


def test_completions_are_read_by_the_ids_of_their_problems(tmp_path: Path) -> None:
    lines = [{"id": 7, "completions": ["x", ""]}, {"id": "b", "completions": ["y"]}]
    assert rescoring.read_completions(write_lines(tmp_path / "m.jsonl", lines)) == {"7": ("x", ""), "b": ("y",)}
    with pytest.raises(DataError, match=r"--completions .*gone\.jsonl: no such file"):
        rescoring.read_completions(tmp_path / "gone.jsonl")


def test_what_was_asked_is_in_the_run_of_completions_made_elsewhere(data: Path) -> None:
    row = score(data, seed=7, ks=(2, 1), metrics=("exact_match", "bleu"))
    assert values(row)["em@1"] == 0.25 and values(row)["em@2"] == 0.75 and values(row)["em@1/ast"] == 0.5
    run = row.run
    assert (run.task, run.task_version, run.method, run.model.id) == ("conala", "1", "external", "mine")
    assert (run.metrics, run.ks, run.seed, run.limit) == (("exact_match", "bleu"), (1, 2), 7, None)
    assert (run.sampling.candidates, run.sampling.max_new_tokens, run.tuning) == (2, 0, None)
    assert (run.builtin_data, run.backend, run.whole_data, run.protocol) == (False, None, False, "")
    assert set(run.options) == {"conala", "exact_match", "bleu"} and run.reading == VERSION
    assert run.model_digest == hashlib.sha256((data.parent / "mine.jsonl").read_bytes()).hexdigest()
    [folder] = runs.finished(data.parent / "runs")
    assert folder.name == row.run_id == runs.run_id(run)
    first = runs.read_records(folder)[0]
    assert (first.id, first.slice, first.examples, first.prompt_tokens, first.dropped) == ("0-1", None, (), 0, 0)
    assert [(c.text, c.tokens, c.logprob, c.finish) for c in first.completions] == [
        ("x", 0, None, "stop"),
        ("print(0)", 0, None, "stop"),
    ]
    assert "test: 4 problems, the study has 543" in row.notes


def test_an_answer_ends_where_the_tasks_own_do(data: Path) -> None:
    assert values(score(data, answers(**{"2-1": ["print(2)\nmore"]}), ks=(1,)))["em@1"] == 0.25


def test_as_many_candidates_count_as_every_problem_has(data: Path) -> None:
    lines = answers(**{"0-1": ["x", "y", "print(0)"], "2-1": ["print(2)"]})
    row = score(data, lines)
    assert row.run.sampling.candidates == 1 and row.run.ks == (1,)
    with pytest.raises(UsageError, match="-k 2: only 1 candidates"):
        score(data, lines, ks=(2,))


def test_completions_of_no_problem_and_problems_without_completions_are_named(data: Path) -> None:
    with pytest.raises(UsageError, match=r"no problem of conala in .*mine\.jsonl: '2-l'\. Did you mean '2-1'"):
        score(data, [*answers(), {"id": "2-l", "completions": ["x"]}])
    with pytest.raises(DataError) as refused:
        score(data, answers()[:2])
    assert str(refused.value) == (
        f"{data.parent / 'mine.jsonl'}: no completions for 2 problems (first: 2-1); "
        'add a line for each, with [""] where there is no answer'
    )
    with pytest.raises(DataError, match=r"mine\.jsonl: no completions$"):
        score(data, [])
    assert not (data.parent / "runs").exists()
    assert [e.n for e in score(data, limit=2).estimates][:1] == [2]


def test_a_file_without_a_splits_name_is_the_test_split_where_that_is_asked_for(data: Path) -> None:
    lone = data.rename(data.with_name("mine.json"))
    row = score(lone, whole_data=True, ks=(1,))
    assert row.run.whole_data and row.estimates[0].n == 4
    [folder] = runs.finished(data.parent / "runs")
    assert [len(part) for part in rescoring.splits(folder, Registry()).values()] == [4]


def test_the_same_completions_are_scored_once_and_again_for_what_is_new(data: Path) -> None:
    first = score(data, ks=(1,))
    [folder] = runs.finished(data.parent / "runs")
    before = (folder / "result.json").stat().st_mtime_ns, (folder / "run.json").read_bytes()
    assert score(data, ks=(1,)) == first
    assert ((folder / "result.json").stat().st_mtime_ns, (folder / "run.json").read_bytes()) == before
    more = score(data, ks=(2,), metrics=("bleu",))
    assert more.run_id == first.run_id and more.run.ks == (1, 2) and more.run.metrics == ("exact_match", "bleu")
    assert {e.metric for e in more.estimates} == {"exact_match", "bleu"}
    other = score(data, None, "exact_match.normalisation=ast", ks=(1,))
    assert values(other)["em@1"] == 0.5 and other.run_id == first.run_id


def scored_folder(data: Path, *sets: str, **request: Any) -> Path:
    score(data, None, *sets, **{"ks": (1,)} | request)
    [folder] = runs.finished(data.parent / "runs")
    return folder


def add(folder: Path, *names: str, ks: tuple[int, ...] = (), where: Path | None = None, sets: Any = ()) -> Row:
    settings = Settings(sets, environ={}, file=Path("none.toml"))
    return rescoring.add_metrics(folder, names, ks, where, Registry(), settings)


def test_another_k_leaves_each_metric_what_it_was_scored_as(data: Path) -> None:
    folder = scored_folder(data, "exact_match.normalisation=ast", "exact_match.stop=;,#")
    row = add(folder, ks=(2,))
    assert (values(row)["em@1"], values(row)["em@2"], row.run.ks) == (0.5, 0.75, (1, 2))
    assert row.run.options["exact_match"] == {"normalisation": "ast", "stop": [";", "#"]}
    verdicts = [check.verdict for check in verify(folder, None, judge=False)]
    assert verdicts == ["holds"] * 5
    row = add(folder, "bleu", sets=("bleu.tokenize=none",))
    assert row.run.metrics == ("exact_match", "bleu") and row.run.options["bleu"]["tokenize"] == "none"
    assert row.run.options["exact_match"]["normalisation"] == "ast" and values(row)["em@1"] == 0.5
    row = add(folder, "exact_match", sets=("exact_match.normalisation=literal",))
    assert values(row)["em@1"] == 0.25 and row.run.options["exact_match"]["normalisation"] == "literal"


def test_a_new_k_is_computed_for_every_metric_and_no_other_k_is_lost(data: Path) -> None:
    folder = scored_folder(data, ks=(1,))
    more = score(data, ks=(2,), metrics=("parse_rate",))
    assert more.run_id == folder.name and more.run.ks == (1, 2)
    assert (values(more)["em@1"], values(more)["em@2"]) == (0.25, 0.75) and "parse_rate" in values(more)
    assert [check.verdict for check in verify(folder, None, judge=False)] == ["holds"] * 5
    assert [e.metric for e in more.estimates if e.measure in ("em@1", "parse_rate")] == ["exact_match", "parse_rate"]


@pytest.mark.parametrize(
    ("ks", "words"),
    [
        ((3,), "-k 3: conala-external-mine-.* has 2 scored candidates per problem"),
        ((1, 3), "-k 3: "),
        ((0,), "-k 0: k starts at 1"),
        ((2, -1), "-k -1: k starts at 1"),
    ],
)
def test_a_k_that_no_problem_has_candidates_for_is_refused(data: Path, ks: tuple[int, ...], words: str) -> None:
    folder = scored_folder(data)
    before = (folder / "records.jsonl").read_bytes()
    with pytest.raises(UsageError, match=words):
        add(folder, ks=ks)
    assert (folder / "records.jsonl").read_bytes() == before


def test_candidates_that_a_decoder_did_not_select_count_for_no_k(data: Path) -> None:
    folder = scored_folder(data)
    chosen = [replace(record, selected=(1,)) for record in runs.read_records(folder)]
    (folder / "records.jsonl").write_text("".join(map(files.line, chosen)))
    result = json.loads((folder / "result.json").read_text())
    result["records_sha256"] = files.file_digest(folder / "records.jsonl")
    files.write_sealed(folder / "result.json", result)
    with pytest.raises(UsageError, match=r"-k 2: .* has 1 scored candidates per problem"):
        add(folder, ks=(2,))
    assert values(add(folder, ks=(1,)))["em@1"] == 0.5


def test_a_run_is_scored_again_from_its_own_data_wherever_that_is_now(data: Path) -> None:
    folder = scored_folder(data, limit=3)
    (data.parent / "moved").mkdir()
    moved = data.rename(data.parent / "moved" / "test.json")
    with pytest.raises(HarnessError, match="no such file or folder"):
        add(folder, "bleu")
    assert [e.n for e in add(folder, "bleu", where=moved).estimates if e.metric == "bleu"] == [3]
    (data.parent / "other").mkdir()
    other = data.parent / "other" / "test.json"
    other.write_text(moved.read_text().replace("say 0", "say nothing"))
    with pytest.raises(DataError) as refused:
        add(folder, "bleu", where=other)
    assert str(refused.value) == f"{other}: not the data of {folder.name}; name it with --data PATH"


def test_a_run_of_another_version_of_its_task_is_not_scored_again(data: Path) -> None:
    folder = scored_folder(data)
    result = json.loads((folder / "result.json").read_text())
    result["row"]["run"]["task_version"] = "0"
    files.write_sealed(folder / "result.json", result)
    with pytest.raises(RunError, match=f"{folder}: made with version 0 of conala, this is 1"):
        add(folder, "bleu")


def test_an_option_of_what_takes_no_part_is_refused(data: Path) -> None:
    with pytest.raises(UsageError, match="no plugin in this command for --set 'bleu'"):
        score(data, None, "bleu.tokenize=none")
    folder = scored_folder(data)
    with pytest.raises(UsageError, match="no plugin in this command for --set 'bleu'"):
        add(folder, "exact_match", sets=("bleu.tokenize=none",))


def test_a_changed_run_is_not_scored_again(data: Path) -> None:
    folder = scored_folder(data)
    path = folder / "records.jsonl"
    path.write_text(path.read_text().replace("print(0)", "print(9)"))
    with pytest.raises(RunError, match=r"records\.jsonl: not what result\.json was computed from"):
        add(folder, "bleu")


def test_completions_whose_run_another_process_makes_are_waited_for_or_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = score(data, ks=(1,))
    folder = data.parent / "runs" / row.run_id
    with files.locked(folder), pytest.raises(RunError, match="another process is making this"):
        score(data, ks=(2,), wait=False)
    held = contextlib.ExitStack()
    held.enter_context(files.locked(folder))
    timer = threading.Timer(0.5, held.close)
    timer.start()
    assert "em@2" in values(score(data, ks=(2,)))
    assert f"{folder}: another process is making this run; waiting for it" in capsys.readouterr().err


def test_completions_under_a_protocol_say_so_and_are_another_run(data: Path) -> None:
    plain, study = score(data), score(data, protocol="study")
    assert (plain.run.protocol, study.run.protocol) == ("", "study")
    assert plain.run_id != study.run_id


@pytest.mark.parametrize("pinned", [True, False])
def test_a_run_on_a_data_set_of_the_hub_is_scored_again_from_there_and_one_on_a_file_from_that(
    data: Path, pinned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = scored_folder(data)
    hub = Registry().task("conala").plugin.hub
    assert hub is not None
    asked = []

    def opened(files_: Any, **_: Any) -> Source:
        asked.append(files_)
        return Source(data, "the hub's copy")

    monkeypatch.setattr("harness.data.sources.open_hub", opened)
    if pinned:
        facts = files.read_json(folder / "run.json")
        source = {"source": f"{hub.repository}@{hub.revision}", "digest": facts["data"]["digest"]}
        files.write_sealed(folder / "run.json", {**facts, "data": source})
    assert "bleu" in values(add(folder, "bleu"))
    assert asked == ([hub] if pinned else [])

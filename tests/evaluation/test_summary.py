"""A run's row is what its records say: estimates, counts, costs and notes, each from hand-made records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import files
from harness.errors import RunError
from harness.evaluation.score import score, score_problem
from harness.evaluation.summary import (
    estimate_measures,
    estimates_without_leaks,
    leak_notes,
    merge_metrics,
    summarise,
)
from harness.plugin import Metric
from harness.plugin_system.registry import Registry
from harness.records import (
    AssertTests,
    Completion,
    Cost,
    Estimate,
    Execution,
    ModelSpec,
    Outcome,
    Problem,
    Record,
    Row,
    Run,
    Sampling,
    Score,
    Tuning,
    to_json,
)
from harness.stats.estimates import estimate

RUN = Run(
    "conala",
    "1",
    "lora",
    ModelSpec("a/b"),
    ("exact_match",),
    Sampling(2, 64),
    Tuning(3e-4),
    {"exact_match": {"normalisation": "literal"}},
    "d",
    "m",
    None,
    (1, 2),
    42,
)
EM = SimpleNamespace(name="exact_match", plugin=Registry().metric("exact_match").plugin)


def record(id: str, value: float | None, slice: str | None = None, **fields: Any) -> Record:
    scored = Score("exact_match", {"em@1": value}) if value is not None else Score("exact_match", why="no reference")
    other = Score("bleu", {"bleu": 0.5})
    base = Record(id, slice, "p", 10, (), 0, (Completion("x", 3), Completion("y", 4)), (), (scored, other))
    return replace(base, **fields)


def plan(**fields: Any) -> Any:
    metrics = (Registry().metric("exact_match"),)
    configs = {"exact_match": EM.plugin.Config()}
    base = {"run": RUN, "metrics": metrics, "notes": ("a note",), "config": lambda offer: configs[offer.name]}
    return SimpleNamespace(**(base | fields))


def origin(digest: str) -> dict[str, str]:
    """A plugin's entry in `run.json`."""
    return {"distribution": "harness", "version": "1", "module": "m", "digest": digest}


def run_folder(tmp_path: Path, records: list[Record], **tuning: Any) -> Path:
    about = {"command": "harness eval", "data": {"source": "x", "digest": "d"}, "versions": {}}
    (tmp_path / "run.json").write_text(json.dumps({**about, "plugins": {"lora": origin("now")}}))
    (tmp_path / "records.jsonl").write_text("".join(map(files.line, records)))
    if tuning:
        (tmp_path / "tuning.json").write_text(json.dumps(to_json(tuning)))
    return tmp_path


def test_measures_are_over_all_problems_and_over_each_of_several_slices() -> None:
    records = [record(str(i), float(i % 3 == 0), "easy" if i < 4 else "hard") for i in range(10)]
    found = list(estimate_measures(plan().metrics, records))
    parts = {None: records, "easy": records[:4], "hard": records[4:]}
    assert [(e.slice, e.n) for e in found] == [(None, 10), ("easy", 4), ("hard", 6)]
    for one in found:
        values = [r.scores[0].values["em@1"] for r in parts[one.slice]]
        assert (one.metric, one.measure, one.value) == ("exact_match", "em@1", sum(values) / len(values))
    one_slice = [replace(r, slice="easy") for r in records]
    assert [e.slice for e in estimate_measures(plan().metrics, one_slice)] == [None]
    assert [e.slice for e in estimate_measures(plan().metrics, [replace(r, slice=None) for r in records])] == [None]


def test_a_problem_without_a_score_is_counted_in_its_slice() -> None:
    records = [record("1", 1.0, "a"), record("2", None, "a"), record("3", 0.0, "b"), record("4", 1.0, "b")]
    found = {e.slice: (e.n, e.unscored) for e in estimate_measures(plan().metrics, records)}
    assert found == {None: (3, 1), "a": (1, 1), "b": (2, 0)}


def test_a_row_counts_outcomes_tokens_examples_and_rules(tmp_path: Path) -> None:
    run = [Execution(Outcome.PASSED, 1, 1), Execution(Outcome.FAILED, 0, 1)]
    read = (Completion("y", 4, rule="fenced"), Completion("x", 3, rule="bare"))
    records = [
        record("1", 1.0, executions=tuple(run), examples=("t1", "t2"), dropped=1, completions=read),
        record("2", 0.0, executions=(run[0], replace(run[1], outcome=Outcome.TIMED_OUT)), completions=read[1:] * 2),
    ]
    folder = run_folder(
        tmp_path,
        records,
        trainable_parameters=7,
        total_parameters=70,
        costs=[Cost("tune", 5.0, 100, None, 50, 0, 2.0)],
    )
    costs = [Cost("generate", 2.0, 200, None, 1, 1), Cost("generate", 3.0, 150, None, 1, 1), Cost("judge", 1.0, 50)]
    (folder / "costs.jsonl").write_text("".join(map(files.line, costs)))
    for name in ("completions.jsonl", "executions.jsonl"):
        (folder / name).touch()
    row = summarise(plan(), folder, records, None)
    assert not (folder / "completions.jsonl").exists() and not (folder / "executions.jsonl").exists()
    assert row.run_id == folder.name and row.run == RUN
    assert dict(row.outcomes) == {"failed": 1, "passed": 2, "timed-out": 1}
    assert list(row.outcomes) == sorted(row.outcomes)
    assert (row.trainable_parameters, row.total_parameters, row.examples) == (7, 70, 1.5)
    assert row.readings == {"bare": 3, "fenced": 1} and list(row.readings) == ["bare", "fenced"]
    assert row.costs == (
        Cost("tune", 5.0, 100, None, 50, 0, 2.0),
        Cost("generate", 5.0, 200, None, 20, 3 + 4 + 3 + 3),
        Cost("judge", 1.0, 50),
    )
    written = json.loads((folder / "result.json").read_text())
    assert written["schema"] == 1 and written["row"] == to_json(row) and "without_leaks" not in written
    assert written["records_sha256"] == files.file_digest(folder / "records.jsonl")


def test_a_run_without_tuning_costs_or_rules_says_nothing_of_them(tmp_path: Path) -> None:
    row = summarise(plan(), run_folder(tmp_path, [record("1", 1.0)]), [record("1", 1.0)], None)
    assert (row.costs, row.readings, row.trainable_parameters, row.examples) == ((), None, 0, 0.0)
    assert row.notes == ("a note",)


def test_estimates_and_options_of_metrics_that_were_computed_before_are_kept(tmp_path: Path) -> None:
    old = Estimate("bleu", "bleu", 0.5, 0.4, 0.6, 1)
    stale = Estimate("exact_match", "em@1", 0.1, 0.0, 0.2, 1)
    before_run = replace(
        RUN,
        metrics=("bleu", "exact_match"),
        ks=(1, 5),
        options={"bleu": {"tokenize": "none"}, "exact_match": {"normalisation": "paper"}, "lora": {"r": 1}},
    )
    before = Row("id", before_run, (stale, old), (), {}, 0, 0)
    row = summarise(plan(), run_folder(tmp_path, [record("1", 1.0)]), [record("1", 1.0)], before)
    assert [(e.metric, e.value) for e in row.estimates] == [("bleu", 0.5), ("exact_match", 1.0)]
    assert row.run.metrics == ("bleu", "exact_match") and row.run.ks == (1, 2, 5)
    assert row.run.options == {"bleu": {"tokenize": "none"}, "exact_match": {"normalisation": "literal"}}
    assert merge_metrics(RUN, RUN) == RUN


NOTED = [
    ({"dropped": 2}, "4 examples did not fit"),
    ({"leaks": 3}, "6 near-duplicates withheld from prompts"),
    ({"truncated": True}, "2 instructions were cut to fit the context"),
    (
        {"executions": (Execution(Outcome.PASSED, 1, 1, trust="in-process"), Execution(Outcome.PASSED, 1, 1))},
        "2 executions were judged in the candidate's own process",
    ),
    (
        {"executions": (Execution(Outcome.PASSED, 1, 1, unstable=True),)},
        "2 programs answered otherwise when a test was repeated: judged with a process for every test",
    ),
    (
        {"completions": (Completion("x", 1, rule="bare"), Completion("x", 1, rule="fenced"))},
        "2 of 4 completions held more than the code (an explanation, a Markdown block, a next task); "
        "the code alone is scored",
    ),
]


@pytest.mark.parametrize(("fields", "note"), NOTED, ids=[note for _, note in NOTED])
def test_what_happened_to_problems_is_counted_in_a_note(tmp_path: Path, fields: dict[str, Any], note: str) -> None:
    records = [record("1", 1.0, **fields), record("2", 1.0, **fields), record("3", 0.0)]
    assert summarise(plan(), run_folder(tmp_path, records), records, None).notes == ("a note", note)


def test_answers_that_all_stood_bare_are_no_news(tmp_path: Path) -> None:
    records = [record("1", 1.0, completions=(Completion("x", 1, rule="bare"),))]
    assert summarise(plan(), run_folder(tmp_path, records), records, None).notes == ("a note",)


def test_how_a_run_was_tuned_and_written_is_noted(tmp_path: Path) -> None:
    records = [record("1", 1.0)]
    folder = run_folder(tmp_path, records, plugins={"lora": origin("before"), "gone": origin("x")}, together=3)
    (folder / "batch.json").write_text(json.dumps({"problems": 4, "why_not_slots": "the model is an encoder"}))
    assert summarise(plan(), folder, records, None).notes == (
        "a note",
        "written by transformers' generate: the model is an encoder",
        "tuned by another state of lora",
        "tuned together with 2 others: time and energy are its share, peak memory is that of all",
    )
    folder = run_folder(tmp_path, records, plugins={"lora": origin("now")}, together=1)
    (folder / "batch.json").write_text(json.dumps({"problems": 4, "why_not_slots": ""}))
    assert summarise(plan(), folder, records, None).notes == ("a note",)


def leaking(folder: Path, *ids: str) -> None:
    (folder / "leakage.json").write_text(json.dumps({"compared": {}, "pairs": [{"test": id} for id in ids]}))


def test_measures_stand_beside_those_without_the_leaked_problems(tmp_path: Path) -> None:
    records = [record(str(i), float(i < 4)) for i in range(8)]
    folder = run_folder(tmp_path, records)
    leaking(folder, "0", "1", "1")
    clean = estimates_without_leaks([EM.plugin], folder, records)
    wanted = estimate(EM.plugin, [r.scores[0] for r in records[2:]])
    assert clean == list(wanted)
    [note] = leak_notes(clean, records, folder)
    low, high = (f"{100 * end:.1f}" for end in (wanted[0].low or 0.0, wanted[0].high or 0.0))
    assert note == (
        "2 of 8 test problems stand, exactly or nearly, in what the run learnt from (leakage.json); "
        f"without them em@1 33.33 [{low}, {high}]"
    )
    row = summarise(plan(), folder, records, None)
    assert row.notes == ("a note", note)
    assert json.loads((folder / "result.json").read_text())["without_leaks"] == to_json(clean)


def test_a_metric_that_is_added_later_leaves_the_others_their_places_and_their_measures_without_leaks(
    tmp_path: Path,
) -> None:
    records = [record(str(i), float(i < 4)) for i in range(8)]
    folder = run_folder(tmp_path, records)
    leaking(folder, "0", "1")
    first = summarise(plan(), folder, records, None)
    known = Registry().metric("chrf")
    scored = [replace(r, scores=(*r.scores, Score("chrf", {"chrf": 0.5}))) for r in records]
    run = replace(RUN, metrics=("chrf",), options={"chrf": {}})
    own = {"run": run, "metrics": (SimpleNamespace(name="chrf", plugin=Mean(), origin=known.origin),)}
    more = summarise(plan(**own), folder, scored, first)
    assert more.run.metrics == ("exact_match", "chrf") and [e.metric for e in more.estimates] == ["exact_match", "chrf"]
    clean = json.loads((folder / "result.json").read_text())["without_leaks"]
    assert [(e["metric"], e["n"]) for e in clean] == [("exact_match", 6), ("chrf", 6)]
    assert "em@1 33.33" in more.notes[-1] and "chrf 50.00" in more.notes[-1]
    again = summarise(plan(), folder, scored, more)
    assert again.run.metrics == ("exact_match", "chrf")
    assert [e.metric for e in again.estimates] == ["exact_match", "chrf"]


class Mean(Metric):
    """A metric whose measure is the mean of its values."""

    name = "chrf"

    def score(self, problem, completions, executions, ks, config):
        raise NotImplementedError


def test_without_leaks_or_with_nothing_else_there_is_no_second_number(tmp_path: Path) -> None:
    records = [record("0", 1.0), record("1", 0.0)]
    folder = run_folder(tmp_path, records)
    assert estimates_without_leaks([EM.plugin], folder, records) == [] == list(leak_notes([], records, folder))
    leaking(folder, "7")
    assert estimates_without_leaks([EM.plugin], folder, records) == [] == list(leak_notes([], records, folder))
    leaking(folder, "0", "1")
    assert estimates_without_leaks([EM.plugin], folder, records) == []
    assert list(leak_notes([], records, folder)) == [
        "2 of 2 test problems stand, exactly or nearly, in what the run learnt from (leakage.json)"
    ]
    variants = [
        Estimate("m", "em@1/paper", 0.5, 0.1, 0.9, 1),
        Estimate("m", "a", 0.5, None, 0.9, 1),
        Estimate("m", "b", None, None, None, 0),
        Estimate("m", "c", 0.25, 0.1, None, 1),
    ]
    [note] = leak_notes(variants, records, folder)
    assert note.endswith("; without them a 50.00, c 25.00")


class Needy(Metric):
    name = "needy"
    needs = "executions"

    def score(self, problem, completions, executions, ks, config):
        return Score(self.name, {"n": float(len(executions)), "k": float(max(ks)), "c": float(len(completions))})


def test_a_problem_is_scored_by_each_metric_or_says_what_it_lacks() -> None:
    needy = SimpleNamespace(name="needy", plugin=Needy())
    asked = plan(metrics=(needy, EM), config=lambda _: EM.plugin.Config())
    bare = Problem("1", "x")
    assert [(s.metric, s.why) for s in score_problem(asked, bare, record("1", 1.0))] == [
        ("needy", "the problem has no tests"),
        ("exact_match", "the problem has no reference"),
    ]
    whole = Problem("1", "x", ("x",), AssertTests("f", "assert f() == 1"))
    first, second = score_problem(asked, whole, record("1", 1.0))
    assert (first.metric, first.why) == ("needy", "the candidates were not run")
    assert second.values["em@1"] == second.values["em@2"] == 1.0
    run = record("1", 1.0, executions=(Execution(Outcome.PASSED, 1, 1),) * 2)
    assert next(iter(score_problem(asked, whole, run))).values == {"n": 2.0, "k": 2.0, "c": 2.0}


def test_scoring_keeps_other_metrics_takes_new_executions_and_the_order_of_the_data(tmp_path: Path) -> None:
    problems = [Problem(id, "say", ("x",)) for id in ("b", "a")]
    run = (Execution(Outcome.PASSED, 1, 1),)
    records = [record("a", 0.0, executions=run), record("b", 0.0)]
    (tmp_path / "completions.jsonl").write_text("".join(map(files.line, records)))
    fresh = {"id": "b", "executions": [Execution(Outcome.FAILED, 0, 1)]}
    (tmp_path / "executions.jsonl").write_text(files.line(fresh))
    heard: list[str] = []
    registry: Any = SimpleNamespace(notify=lambda hook, run, record: heard.append(f"{hook} {run.seed} {record.id}"))
    found = score(plan(problems=problems), tmp_path, registry)
    assert [(r.id, [e.outcome.value for e in r.executions]) for r in found] == [("b", ["failed"]), ("a", ["passed"])]
    assert [[s.metric for s in r.scores] for r in found] == [["bleu", "exact_match"]] * 2
    assert found[0].scores[1].values["em@1"] == 1.0
    assert heard == ["harness_record_written 42 b", "harness_record_written 42 a"]
    assert (tmp_path / "records.jsonl").read_text() == "".join(map(files.line, found))


def test_of_validation_problems_no_record_is_announced_since_they_are_no_result(tmp_path: Path) -> None:
    (tmp_path / "completions.jsonl").write_text(files.line(record("a", 0.0)))
    (tmp_path / "executions.jsonl").touch()
    heard: list[str] = []
    registry: Any = SimpleNamespace(notify=lambda hook, **_: heard.append(hook))
    asked = plan(problems=[Problem("a", "say", ("x",))], run=replace(RUN, split="validation"))
    assert [r.id for r in score(asked, tmp_path, registry)] == ["a"]
    assert heard == []


def test_a_finished_run_says_what_its_records_will_be_before_they_are_written_again(tmp_path: Path) -> None:
    records = [record("a", 0.0)]
    folder = run_folder(tmp_path, records)
    summarise(plan(), folder, records, None)
    registry: Any = SimpleNamespace(notify=lambda *_, **__: None)
    score(plan(problems=[Problem("a", "say", ("x",))]), folder, registry)
    result = json.loads((folder / "result.json").read_text())
    assert result["rescored_sha256"] == files.file_digest(folder / "records.jsonl") != result["records_sha256"]


def test_a_problem_without_a_record_is_named(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [record("a", 0.0)])
    with pytest.raises(
        RunError, match=r"records\.jsonl: no record of the problem b; delete the folder to run it again"
    ):
        score(plan(problems=[Problem("b", "say", ("x",))]), folder, SimpleNamespace(notify=None))  # type: ignore[arg-type]

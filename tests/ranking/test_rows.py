"""Rows of hand-made runs: what puts them on one board, into which order, and under which names."""

from __future__ import annotations

import gc
import json
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.errors import RunError, UsageError
from harness.ranking.rows import (
    collect,
    find_estimate,
    group_key,
    group_rows,
    measure_columns,
    read_run_info,
    row_labels,
    select,
    sort_key,
)
from harness.records import Cost, Estimate, ModelSpec, Row, Run, Sampling, Tuning

RUN = Run(
    "conala",
    "1",
    "lora",
    ModelSpec("org/coder"),
    ("exact_match",),
    Sampling(10, 64),
    Tuning(3e-4),
    {"conala": {}, "exact_match": {"normalisation": "literal"}, "lora": {"r": 16}},
    "d",
    "weights00rest",
    None,
    (1,),
    1,
)


def row(name: str = "id", value: float | None = 0.5, run: Run = RUN, **fields: Any) -> Row:
    estimates = (Estimate("exact_match", "em@1", value, None, None, 10),)
    costs = (Cost("generate", 20.0, 5, None, 100, 300),)
    return replace(Row(name, run, estimates, costs, {}, 4, 9), **fields)


SAME = {
    "method": "ia3",
    "model": ModelSpec("org/other", chat=True),
    "metrics": ("exact_match", "bleu"),
    "tuning": None,
    "model_digest": "w",
    "ks": (1, 2),
    "seed": 2,
    "sampling": Sampling(10, 64, thinking_tokens=500),
    "options": {**RUN.options, "lora": {"r": 8}},
}
OTHER = {
    "task": "apps",
    "task_version": "2",
    "data_digest": "e",
    "limit": 5,
    "builtin_data": True,
    "reading": 2,
    "protocol": "study",
    "options": {**RUN.options, "conala": {"x": 1}},
}


@pytest.mark.parametrize("field", SAME)
def test_rows_that_differ_in_how_they_answer_share_a_board(field: str) -> None:
    other = replace(RUN, **{field: SAME[field]})
    assert group_key(row(run=other)) == group_key(row())
    assert len(group_rows([row("a"), row("b", run=other)])) == 1


@pytest.mark.parametrize("field", OTHER)
def test_rows_that_differ_in_what_is_asked_do_not(field: str) -> None:
    other = replace(RUN, **{field: OTHER[field]})
    assert group_key(row(run=other)) != group_key(row())
    assert len(group_rows([row("a"), row("b", run=other)])) == 2


def test_the_key_of_a_board_is_the_same_in_every_version_and_names_what_is_not_the_default() -> None:
    """A board's id is made of it, so that a saved link to a board goes on to lead there."""
    first = ("conala", "1", "d", None, Sampling(10, 64), "{}", False)
    assert group_key(row()) == first
    assert group_key(row(run=replace(RUN, split="validation"))) == (*first, "validation")
    assert group_key(row(run=replace(RUN, protocol="study"))) == (*first, "study")
    assert group_key(row(run=replace(RUN, reading=3, protocol="study"))) == (*first, 3, "study")


@pytest.mark.parametrize(
    "sampling",
    [Sampling(9, 64), Sampling(10, 63), Sampling(10, 64, 0.1), Sampling(10, 64, 0, 0.9), Sampling(10, 64, stop=("x",))],
)
def test_rows_of_other_sampling_do_not_either(sampling: Sampling) -> None:
    assert group_key(row(run=replace(RUN, sampling=sampling))) != group_key(row())


def test_metric_options_part_rows_only_where_they_have_the_metric_in_two_ways() -> None:
    def with_options(name: str, **options: Any) -> Row:
        metrics = tuple(options)
        return row(name, run=replace(RUN, metrics=metrics, options={**RUN.options, **options}))

    paper, literal = {"normalisation": "paper"}, {"normalisation": "literal"}
    rows = [with_options("a", exact_match=paper), with_options("b", exact_match=literal)]
    assert [[r.run_id for r in group] for group in group_rows(rows)] in ([["a"], ["b"]], [["b"], ["a"]])
    more = [with_options("a", exact_match=literal), with_options("b", exact_match=literal, bleu={"n": 4})]
    assert [[r.run_id for r in group] for group in group_rows(more)] == [["a", "b"]]


def test_boards_stand_in_one_order_whatever_that_of_the_rows_is() -> None:
    options = {**RUN.options, "bleu": {"n": 2}, "exact_match": {"n": 1}}
    one = row("one", run=replace(RUN, metrics=("exact_match", "bleu"), options=options))
    options = {**options, "bleu": {"n": 1}, "exact_match": {"n": 2}}
    other = row("other", run=replace(RUN, metrics=("bleu", "exact_match"), options=options))
    assert group_rows([one, other]) == group_rows([other, one]) == [[other], [one]]


def test_the_best_comes_first_of_equals_the_cheapest_and_rows_without_the_number_last() -> None:
    dear = (Cost("generate", 1.0, 5, None, 1000, 0),)
    rows = [row("none", None), row("low", 0.1), row("b", 0.5), row("a", 0.5), row("dear", 0.5, costs=dear)]
    column = ("exact_match", "em@1", None)
    for by in (column, "em@1", "exact_match"):
        assert [r.run_id for r in sorted(rows, key=lambda r: sort_key(r, by))] == ["a", "b", "dear", "low", "none"]
    assert sort_key(row("x", 0.25), column) == (-0.25, 40.0, "x")
    assert sort_key(row("x", costs=()), column) == (-0.5, 0.0, "x")


def test_where_less_is_better_the_lowest_comes_first_and_a_slice_is_its_own_column() -> None:
    less = Estimate("m", "errors", 0.25, None, None, 9, higher_is_better=False)
    hard = Estimate("m", "errors", 0.75, None, None, 4, slice="hard", higher_is_better=False)
    one = row("x", estimates=(hard, less))
    assert sort_key(one, "errors")[0] == 0.25 == sort_key(one, ("m", "errors", None))[0]
    assert sort_key(one, ("m", "errors", "hard"))[0] == 0.75
    assert sort_key(one, ("m", "errors", "easy"))[0] == float("inf") == sort_key(one, "gone")[0]
    assert find_estimate(one, ("m", "errors", "hard")) is hard
    namesake = replace(less, metric="n", value=0.9, higher_is_better=True)
    assert sort_key(replace(one, estimates=(namesake, less)), ("m", "errors", None))[0] == 0.25
    assert sort_key(replace(one, estimates=(less, namesake)), ("n", "errors", None))[0] == -0.9
    assert find_estimate(one, ("n", "errors", None)) is None


def test_rows_are_sorted_by_a_cost_the_lowest_first_and_an_unknown_one_last() -> None:
    unknown = row("u", costs=())
    rows = [row("b", trainable_parameters=9), row("a", trainable_parameters=3), unknown]
    assert [r.run_id for r in sorted(rows, key=lambda r: sort_key(r, "trainable"))] == ["a", "u", "b"]
    assert sort_key(unknown, "writing") == (float("inf"), 0.0, "u")
    assert sort_key(rows[0], "writing") == (20.0, 40.0, "b")


def test_columns_are_the_main_measures_in_the_order_of_the_metrics() -> None:
    names = [
        ("codebleu", "ngram", None),
        ("codebleu", "codebleu", None),
        ("exact_match", "em@1", None),
        ("exact_match", "em@1/literal", None),
        ("exact_match", "em@10", None),
        ("exact_match", "em@1", "hard"),
    ]
    whole = row(estimates=tuple(Estimate(m, n, 0.5, None, None, 9, slice=s) for m, n, s in names))
    assert measure_columns([whole]) == [names[1], names[2], names[4]]
    assert measure_columns([whole], everything=True) == names
    later = row(estimates=(Estimate("bleu", "bleu", 0.5, None, None, 9),))
    assert measure_columns([whole, later])[-1] == ("bleu", "bleu", None)


def labelled(*runs: Run) -> list[str]:
    return row_labels([row(str(i), run=run) for i, run in enumerate(runs)])


def test_labels_name_what_differs_between_rows_of_one_model_and_method() -> None:
    assert labelled(RUN, replace(RUN, method="ia3")) == ["lora", "ia3"]
    assert labelled(RUN, replace(RUN, model=ModelSpec("org/other"))) == ["lora", "lora"]
    assert labelled(RUN, replace(RUN, seed=2)) == ["lora (seed=1)", "lora (seed=2)"]
    other = replace(RUN, options={**RUN.options, "lora": {"r": 8}}, seed=2)
    assert labelled(RUN, other) == ["lora (r=16, seed=1)", "lora (r=8, seed=2)"]
    assert labelled(RUN, replace(RUN, tuning=Tuning(3e-4, epochs=2.0))) == ["lora (epochs=5.0)", "lora (epochs=2.0)"]
    assert labelled(RUN, replace(RUN, tuning=None))[1].count("=-") == len(fields(Tuning))
    assert labelled(RUN, replace(RUN, model_digest="weights11rest")) == [
        "lora (weights=weights0)",
        "lora (weights=weights1)",
    ]
    revision = replace(RUN, model=ModelSpec("org/coder", "abc"))
    assert labelled(RUN, revision) == ["lora (revision=None)", "lora (revision=abc)"]
    chat = replace(RUN, model=ModelSpec("org/coder", chat=True, thinking=True))
    assert labelled(RUN, chat) == ["lora (chat=False, thinking=None)", "lora (chat=True, thinking=True)"]


def test_labels_of_combined_methods_name_the_method_of_each_option() -> None:
    both = replace(RUN, method="lora+icl", options={**RUN.options, "icl": {"n": 4}})
    other = replace(both, options={**RUN.options, "icl": {"n": 8}})
    assert labelled(both, other) == ["lora+icl (icl.n=4)", "lora+icl (icl.n=8)"]


def test_rows_are_selected_by_names_and_all_names_must_be_there() -> None:
    rows = [
        row("a"),
        row("b", run=replace(RUN, method="ia3")),
        row("c", run=replace(RUN, task="apps", model=ModelSpec("org/other"))),
    ]

    def chosen(**names: Any) -> list[str]:
        return [r.run_id for r in select(rows, **names)]

    assert chosen() == ["a", "b", "c"]
    assert chosen(tasks=["conala"]) == ["a", "b"]
    assert chosen(methods=["lora"]) == ["a", "c"]
    assert chosen(models=["coder"]) == ["a", "b"] == chosen(models=["org/coder"])
    assert chosen(tasks=["conala"], methods=["lora"]) == ["a"]
    assert chosen(tasks=["conala", "apps"], models=["other"]) == ["c"]
    assert chosen(tasks=["apps"], methods=["ia3"]) == []
    for names, words in (
        ({"tasks": ["conala", "apts"]}, "no task in these runs 'apts'. Did you mean 'apps'"),
        ({"models": ["coder", "odher"]}, "no model in these runs 'odher'. Did you mean 'other'"),
    ):
        with pytest.raises(UsageError, match=words):
            chosen(**names)
    with pytest.raises(UsageError, match="no method in these runs 'rola'"):
        chosen(methods=["lora", "rola"])
    assert select([], methods=["anything"]) == []


def test_a_model_is_selected_by_the_path_of_its_folder_and_by_its_name_though_a_folder_is_called_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("coder", "mine"):
        (tmp_path / name).mkdir()
    rows = [row("a"), row("b", run=replace(RUN, model=ModelSpec(str(tmp_path / "mine"))))]
    assert [r.run_id for r in select(rows, models=["coder"])] == ["a"]
    assert (
        [r.run_id for r in select(rows, models=["./mine"])]
        == ["b"]
        == [r.run_id for r in select(rows, models=["mine"])]
    )


def test_runs_are_collected_once_and_what_cannot_be_read_is_named(synthetic: ModuleType, tmp_path: Path) -> None:
    first = synthetic.write(tmp_path / "one", row("conala-lora"), [])
    second = synthetic.write(tmp_path / "two", row("conala-lora"), [])
    torn = synthetic.write(tmp_path / "two", row("conala-torn"), [])
    (torn / "result.json").write_text("{")
    found = collect([tmp_path / "one", tmp_path / "two"])
    assert [r.run_id for r in found.rows] == ["conala-lora"]
    assert found.folders == {"conala-lora": first} and found.json["conala-lora"]["run_id"] == "conala-lora"
    assert found.left_out[0] == f"{second}: the same run as {first}, which counts"
    assert len(found.left_out) == 2 and str(torn) in found.left_out[1]
    with pytest.raises(RunError, match="no such folder; run something first: harness eval --method lora --task apps"):
        collect([tmp_path / "three"])


@pytest.mark.parametrize("was", [True, False])
def test_the_garbage_collector_is_afterwards_as_it_was(synthetic: ModuleType, tmp_path: Path, was: bool) -> None:
    synthetic.write(tmp_path, row("conala-lora"), [])
    before = gc.isenabled()
    try:
        (gc.enable if was else gc.disable)()
        collect([tmp_path])
        assert gc.isenabled() is was
    finally:
        (gc.enable if before else gc.disable)()


def test_what_made_a_run_is_read_from_its_folder(synthetic: ModuleType, tmp_path: Path) -> None:
    folder = synthetic.write(tmp_path, row("conala-lora"), [])
    info = read_run_info(folder)
    assert (info.source, info.versions["torch"], info.machine["cores"]) == ("example/data@1", "2.13.0", 2)
    data = json.loads((folder / "run.json").read_text())
    data["reproduce"] = "harness eval again"
    (folder / "run.json").write_text(json.dumps(data))
    assert read_run_info(folder).command == "harness eval again"
    del data["reproduce"], data["machine"]
    (folder / "run.json").write_text(json.dumps(data))
    assert read_run_info(folder).command == data["command"] and read_run_info(folder).machine == {}
    del data["versions"]
    (folder / "run.json").write_text(json.dumps(data))
    with pytest.raises(RunError, match=r"run\.json: .*'versions'"):
        read_run_info(folder)

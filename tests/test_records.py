"""Types between rooms survive JSON, and say which field does not fit."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evaluation.runs import run_id
from harness.owntests import OwnTests
from harness.records import (
    SCHEMA,
    AssertTests,
    CallTests,
    Completion,
    Cost,
    Estimate,
    Execution,
    Limits,
    ModelSpec,
    Outcome,
    Problem,
    PytestTests,
    Record,
    Row,
    Run,
    Sampling,
    Score,
    StdinTests,
    Tuning,
    added,
    digest,
    from_json,
    to_json,
)


@dataclass(frozen=True, slots=True)
class RhymeTests(OwnTests):
    kind = "rhymes"
    pairs: tuple[tuple[str, str], ...]

    @property
    def total(self) -> int:
        return len(self.pairs)


texts = st.text(st.characters(codec="utf-8"), max_size=20)
counts = st.integers(0, 1000)
pairs = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
tests = st.one_of(
    st.none(),
    st.builds(StdinTests, pairs),
    st.builds(CallTests, texts, pairs),
    st.builds(AssertTests, texts, texts, texts),
    st.builds(PytestTests, texts, texts),
    st.builds(RhymeTests, pairs),
)
problems = st.builds(Problem, texts, texts, st.lists(texts, max_size=3).map(tuple), tests, st.one_of(st.none(), texts))
finite = st.floats(allow_nan=False, allow_infinity=False)
completions = st.builds(Completion, texts, counts, st.one_of(st.none(), finite), st.sampled_from(["stop", "length"]))
executions = st.builds(Execution, st.sampled_from(Outcome), counts, counts, finite, texts, st.one_of(st.none(), counts))
scores = st.builds(
    Score, texts, st.dictionaries(texts, finite), st.dictionaries(texts, finite), st.one_of(st.none(), texts)
)
few = {"max_size": 3}
records = st.builds(
    Record,
    texts,
    st.one_of(st.none(), texts),
    texts,
    counts,
    st.lists(texts, **few).map(tuple),
    counts,
    st.lists(completions, **few).map(tuple),
    st.lists(executions, **few).map(tuple),
    st.lists(scores, **few).map(tuple),
)


@given(records)
def test_a_record_survives_json(record: Record) -> None:
    assert from_json(Record, json.loads(json.dumps(to_json(record)))) == record


@given(problems)
def test_a_problem_survives_json_with_its_kind_of_tests(problem: Problem) -> None:
    assert from_json(Problem, json.loads(json.dumps(to_json(problem)))) == problem


def test_own_tests_are_written_under_the_name_of_their_kind() -> None:
    data = to_json(Problem("1", "", tests=RhymeTests((("cat", "hat"),))))
    assert data["tests"] == {"kind": "rhymes", "pairs": [["cat", "hat"]]}
    with pytest.raises(
        ValueError, match=r"Problem.tests: expected a kind of \['AssertTests', .*'rhymes'.*\], found 'sonnet'"
    ):
        from_json(Problem, {**data, "tests": {"kind": "sonnet"}})
    with pytest.raises(ValueError, match=r"expected a kind of .*found \[1\]"):
        from_json(Problem, {**data, "tests": {"kind": [1]}})


def test_a_kind_of_tests_needs_a_name_that_is_free() -> None:
    with pytest.raises(TypeError, match="Nameless needs a `kind`"):
        type("Nameless", (OwnTests,), {})
    with pytest.raises(TypeError, match=r"there are tests of the kind 'rhymes' already, in .*test_records"):
        type("Other", (OwnTests,), {"kind": "rhymes"})


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(ValueError, match="Limits: expected only known fields, found \\['cores'\\]"):
        from_json(Limits, {"cores": 3})


def test_a_field_of_the_wrong_type_is_named() -> None:
    with pytest.raises(ValueError, match=r"Completion\.tokens: expected a int, found 'many'"):
        from_json(Completion, {"text": "x", "tokens": "many"})


def test_a_digest_depends_on_values_not_on_their_order() -> None:
    assert digest({"a": 1, "b": (2, 3)}) == digest({"b": [2, 3], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_lone_surrogate_has_a_digest() -> None:
    assert len(digest("\ud800")) == 64


def test_the_identity_of_a_run_stays_what_the_first_version_gave_it() -> None:
    run = Run(
        "conala",
        "1",
        "lora",
        ModelSpec("codellama/CodeLlama-7b-hf", "abc"),
        ("exact_match",),
        Sampling(10, 64, stop=("\n",)),
        Tuning(3e-4),
        {"lora": {"r": 16}},
        "d" * 64,
        "m" * 64,
        None,
        (1, 10),
        42,
    )
    assert run_id(run) == "conala-lora-CodeLlama-7b-hf-5d143d60"
    assert digest(run).startswith("3a13c9fbd5e0")


@dataclass(frozen=True)
class _Grown:
    first: int
    later: str = added("")


def test_an_added_field_at_its_default_changes_no_digest_and_is_read_from_files_without_it() -> None:
    assert digest(_Grown(1)) == digest({"first": 1}) != digest(_Grown(1, "x"))
    assert from_json(_Grown, to_json(_Grown(1))) == _Grown(1)
    assert from_json(_Grown, to_json(_Grown(1, "x"))) == _Grown(1, "x")


RUN = Run("apps", "1", "lora", ModelSpec("a/b"), ("m",), Sampling(2, 8), Tuning(1e-4), {}, "d", "w", None, (1,), 42)
OTHER: dict[str, Any] = {
    "task": "conala",
    "task_version": "2",
    "method": "ia3",
    "model": ModelSpec("a/b", "rev"),
    "metrics": ("m", "n"),
    "sampling": Sampling(2, 8, temperature=0.1),
    "tuning": Tuning(1e-4, epochs=4.0),
    "options": {"lora": {"r": 8}},
    "data_digest": "e",
    "model_digest": "x",
    "limit": 3,
    "ks": (1, 2),
    "seed": 43,
    "builtin_data": True,
    "backend": "api",
    "reading": 2,
    "whole_data": True,
    "protocol": "study",
    "split": "validation",
}


def test_every_field_of_a_run_is_in_its_digest() -> None:
    assert set(OTHER) == {f.name for f in fields(Run)}
    digests = {name: digest(replace(RUN, **{name: value})) for name, value in OTHER.items()}
    assert len({digest(RUN), *digests.values()}) == len(OTHER) + 1


@pytest.mark.parametrize("kind", [ModelSpec, Sampling, Tuning], ids=lambda kind: kind.__name__)
def test_every_field_of_what_a_run_holds_is_in_its_digest(kind: Any) -> None:
    base = {ModelSpec: ModelSpec("a"), Sampling: Sampling(1, 2), Tuning: Tuning(0.5)}[kind]
    for one in fields(kind):
        now = getattr(base, one.name)
        other = {bool: lambda v: not v, tuple: lambda v: (*v, "x"), str: lambda v: v + "x", type(None): lambda _: "x"}
        changed = replace(base, **{one.name: other.get(type(now), lambda v: v + 1)(now)})
        assert digest(changed) != digest(base), one.name
        assert from_json(kind, to_json(base)) == base


def row(**fields: Any) -> Row:
    estimate = Estimate("m", "m", 0.5, 0.4, 0.6, 9)
    return replace(Row("id", RUN, (estimate,), (), {"passed": 3}, 1, 2), **fields)


def test_a_row_is_publishable_unless_something_was_not_measured_or_the_data_is_the_sample() -> None:
    assert row().publishable is True
    assert row(outcomes={}).publishable is True
    assert row(outcomes={"passed": 3, "sandbox-error": 0}).publishable is True
    assert row(outcomes={"passed": 3, "sandbox-error": 1}).publishable is False
    assert row(outcomes={"failed": 5, "timed-out": 5, "raised": 5}).publishable is True
    assert row(run=replace(RUN, builtin_data=True)).publishable is False
    unscored = Estimate("m", "n", 0.5, None, None, 8, unscored=1)
    assert row(estimates=(*row().estimates, unscored)).publishable is False
    assert row(estimates=()).publishable is True


def test_names_and_lengths_follow_from_the_fields() -> None:
    assert [ModelSpec(id).name for id in ("a/b", "b", "/x/y/", "builtin")] == ["b", "b", "y", "builtin"]
    assert Sampling(1, 64).longest == 64 and Sampling(1, 64, thinking_tokens=100).longest == 164
    assert Problem("1", "x").reference == "" and Problem("1", "x", ("a", "b")).reference == "a"


WRITTEN: list[tuple[Any, Any]] = [
    (
        Limits(),
        {
            "cpu_seconds": 4.0,
            "wall_seconds": 10.0,
            "memory_bytes": 1073741824,
            "output_bytes": 8388608,
            "processes": 32,
            "open_files": 64,
            "scratch_bytes": 67108864,
        },
    ),
    (Problem("1", "x"), {"id": "1", "instruction": "x", "references": [], "tests": None, "slice": None}),
    (AssertTests("f", "c"), {"kind": "AssertTests", "entry_point": "f", "code": "c", "setup": ""}),
    (
        AssertTests("f", "c", each=True),
        {"kind": "AssertTests", "entry_point": "f", "code": "c", "setup": "", "each": True},
    ),
    (PytestTests("c"), {"kind": "PytestTests", "code": "c", "module": "solution"}),
    (Completion("x", 1), {"text": "x", "tokens": 1, "logprob": None, "finish": "stop"}),
    (
        Execution(Outcome.PASSED, 1, 2),
        {
            "outcome": "passed",
            "passed": 1,
            "total": 2,
            "seconds": 0.0,
            "error": "",
            "strict_passed": None,
            "complete": True,
            "trust": "isolated",
        },
    ),
    (Score("m"), {"metric": "m", "values": {}, "sums": {}, "why": None}),
    (
        Estimate("m", "m", None, None, None, 0),
        {
            "metric": "m",
            "measure": "m",
            "value": None,
            "low": None,
            "high": None,
            "n": 0,
            "unscored": 0,
            "slice": None,
            "higher_is_better": True,
        },
    ),
    (
        Cost("tune", 1.0, 2),
        {
            "phase": "tune",
            "seconds": 1.0,
            "peak_rss_bytes": 2,
            "peak_gpu_bytes": None,
            "tokens_in": 0,
            "tokens_out": 0,
            "energy_joules": None,
        },
    ),
    (ModelSpec("a"), {"id": "a", "revision": None, "trust_remote_code": False, "chat": False}),
    (ModelSpec("a", asked=2), {"id": "a", "revision": None, "trust_remote_code": False, "chat": False, "asked": 2}),
    (Sampling(1, 2), {"candidates": 1, "max_new_tokens": 2, "temperature": 0.0, "top_p": 1.0, "stop": []}),
    (
        Tuning(0.5),
        {
            "learning_rate": 0.5,
            "epochs": 5.0,
            "batch_size": 8,
            "warmup_ratio": 0.05,
            "evaluate_every": 0.2,
            "max_tokens": 2048,
        },
    ),
    (
        Record("1", None, "p", 3, (), 0, ()),
        {
            "id": "1",
            "slice": None,
            "prompt_digest": "p",
            "prompt_tokens": 3,
            "examples": [],
            "dropped": 0,
            "completions": [],
            "executions": [],
            "scores": [],
            "leaks": 0,
            "truncated": False,
        },
    ),
]


@pytest.mark.parametrize(("value", "wanted"), WRITTEN, ids=[type(value).__name__ for value, _ in WRITTEN])
def test_each_record_is_written_with_its_fields_and_their_defaults_and_no_later_one(value: Any, wanted: Any) -> None:
    """Files of all versions hold these; the study's settings of the training loop are among them."""
    assert to_json(value) == wanted
    assert from_json(type(value), {name: part for name, part in wanted.items() if name != "kind"}) == value


def test_the_fields_that_came_later_have_the_defaults_that_earlier_files_mean() -> None:
    assert SCHEMA == 1
    spec, sampling, run = ModelSpec("a"), Sampling(1, 2), RUN
    assert (spec.thinking, spec.date, spec.asked, sampling.thinking_tokens) == (None, None, 1, 0)
    assert (run.builtin_data, run.backend, run.reading, run.whole_data) == (False, None, 1, False)
    assert (Completion("x", 1).rule, Completion("x", 1).raw) == ("", "")
    assert Execution(Outcome.PASSED, 1, 1).unstable is False and AssertTests("f", "c").each is False
    plain = Row("id", RUN, (), (), {}, 1, 2)
    assert (plain.notes, plain.examples, plain.readings) == ((), 0.0, None)
    assert Completion("x", 1).written == "x" and Completion("x", 1, raw="all of x").written == "all of x"

"""Types between rooms survive JSON, and say which field does not fit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.records import (
    AssertTests,
    CallTests,
    Completion,
    Execution,
    Limits,
    Outcome,
    Problem,
    Record,
    Score,
    StdinTests,
    digest,
    from_json,
    to_json,
)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
counts = st.integers(0, 1000)
pairs = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
tests = st.one_of(
    st.none(),
    st.builds(StdinTests, pairs),
    st.builds(CallTests, texts, pairs),
    st.builds(AssertTests, texts, texts, texts),
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

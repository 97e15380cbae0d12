"""EM@k against the golden file, and what must hold for any text."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.plugins.metrics import exact_match
from harness.plugins.metrics.exact_match import Config, ExactMatch, first_hit
from harness.records import Completion, Problem, to_json

DATA = Path(os.environ.get("HARNESS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
MARKERS = ("<|endoftext|>", "</s>")
METRIC = ExactMatch()
DEFAULT = Config()


def golden() -> list[dict]:
    file = DATA / "em_golden.jsonl"
    if not file.is_file():
        return []
    return [row for row in map(json.loads, file.read_text().splitlines()) if "dataset" in row]


def score(reference: str, candidates: list[str], ks=(1,), config=DEFAULT) -> dict[str, float]:
    problem = Problem(id="p", instruction="", references=(reference,))
    completions = [Completion(text=text, tokens=1) for text in candidates]
    return dict(METRIC.score(problem, completions, (), ks, config).values)


@pytest.mark.skipif(not golden(), reason="needs HARNESS_TEST_DATA with em_golden.jsonl")
@pytest.mark.parametrize("normalisation", ["paper", "literal", "ast"])
def test_every_golden_rank_is_reproduced(normalisation):
    rows = golden()
    for row in rows:
        stop = (*MARKERS, "\n") if row["dataset"] == "conala" else MARKERS
        hit = first_hit(row["reference"], row["candidates"], normalisation, stop)
        assert hit == row["expected"][f"{normalisation}_first_hit"], row["id"]
    assert len(rows) == 30


@pytest.mark.skipif(not golden(), reason="needs HARNESS_TEST_DATA with em_golden.jsonl")
def test_completions_cut_at_the_task_stop_string_need_no_stop_option():
    for row in golden():
        if row["dataset"] == "conala":
            cut = [text.strip().split("\n")[0] for text in row["candidates"]]
            for normalisation in ("paper", "literal", "ast"):
                assert first_hit(row["reference"], cut, normalisation, MARKERS) == first_hit(
                    row["reference"], row["candidates"], normalisation, (*MARKERS, "\n")
                )


def test_the_published_pattern_cuts_at_every_angle_bracket_and_literal_does_not():
    values = score("a < b", ["a < b</s>"])
    assert values == {"em@1": 1.0, "em@1/paper": 0.0, "em@1/ast": 1.0}


def test_the_option_chooses_what_em_means_and_keeps_the_other_two():
    values = score("x = 'a'", ['x = "a"  # same'], config=Config(normalisation="ast"))
    assert values == {"em@1": 1.0, "em@1/literal": 0.0, "em@1/paper": 0.0}


def test_blanks_before_punctuation_are_left_out_of_both_sides_in_paper_and_only_where_it_is_asked_for():
    """The study's decoding did so (transformers' `clean_up_tokenization_spaces`)."""
    paper, cleaned = Config(normalisation="paper"), Config(normalisation="paper", clean_up=True)
    for reference, candidate in (("f(a , b)", "f(a, b)"), ("f(a, b)", "f(a , b)")):
        assert score(reference, [candidate], config=paper)["em@1"] == 0.0
        assert score(reference, [candidate], config=cleaned) == {"em@1": 1.0, "em@1/literal": 0.0, "em@1/ast": 1.0}
    assert first_hit("f(a , b)", ["f(a, b)"], "paper", ()) is None
    assert first_hit("f(a , b)", ["f(a, b)"], "paper", (), clean_up=True) == 1


def test_a_run_made_before_an_option_was_there_keeps_its_id():
    assert to_json(Config()) == {"normalisation": "literal", "stop": list(MARKERS)}


def test_a_mistyped_normalisation_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="Did you mean 'literal'"):
        score("x", ["x"], config=Config(normalisation="litteral"))


@pytest.mark.skipif(not golden(), reason="needs HARNESS_TEST_DATA with em_golden.jsonl")
def test_the_golden_percentages_follow_from_the_scores():
    wanted = json.loads((DATA / "em_golden.jsonl").read_text().splitlines()[-1])["expected"]
    totals: dict[str, float] = {}
    for row in golden():
        stop = (*MARKERS, "\n") if row["dataset"] == "conala" else MARKERS
        found = score(row["reference"], row["candidates"], ks=range(1, 11), config=Config(stop=stop))
        for name, value in found.items():
            totals[name] = totals.get(name, 0.0) + value
    for name, percent in wanted.items():
        normalisation, measure = name.split("_")
        key = measure if normalisation == "literal" else f"{measure}/{normalisation}"
        assert round(100 * totals[key] / 30, 3) == percent


def test_only_the_first_k_candidates_count():
    assert score("x", ["y", "y", "x"], ks=(1, 2, 3))["em@2"] == 0.0
    assert score("x", ["y", "y", "x"], ks=(1, 2, 3))["em@3"] == 1.0


def test_a_problem_without_reference_is_unscored_not_wrong():
    scored = METRIC.score(Problem(id="p", instruction=""), [Completion("x", 1)], (), (1,), Config())
    assert scored.why
    assert not scored.values


@pytest.mark.parametrize(
    "text",
    ["\0", "\ud800", "x = 1\r\n", "(" * 20_000 + ")" * 20_000, "a" + " + a" * 100_000, "'\\d'", "\f\x0c", "é = 1"],
    ids=["nul", "surrogate", "crlf", "deep", "long-sum", "invalid-escape", "form-feed", "non-ascii"],
)
def test_hostile_text_equals_itself(text):
    values = score(text, [text])
    assert values["em@1"] == values["em@1/ast"] == 1.0


@given(st.text(max_size=60), st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_adding_the_right_candidate_never_lowers_em(reference, candidates):
    before = score(reference, candidates, ks=(1, len(candidates)))
    after = score(reference, [*candidates, reference.strip()], ks=(1, len(candidates) + 1))
    n = len(candidates)
    for name in ("", "/paper", "/ast"):
        assert after[f"em@{n + 1}{name}"] >= before[f"em@{n}{name}"]
        assert after[f"em@1{name}"] == before[f"em@1{name}"]
    assert all(value in (0.0, 1.0) for value in after.values())


@pytest.mark.parametrize(
    ("reference", "candidate", "hits"),
    [
        ("x = 1", "x = 1</s>junk<|endoftext|>more", {"literal", "paper", "ast"}),
        ("x = 1", "x = 1<|endoftext|>junk</s>more", {"literal", "paper", "ast"}),
        ("x = 1", "</s>x = 1", set()),
        ("x = 1", "x = 1 </s>", {"literal", "ast"}),
        ("x = 1\ny = 2", "x = 1 y = 2", {"paper"}),
        ("x\ty", "x y", {"paper"}),
        ("a < b", "a ", set()),
        ("x = 1\ny = 2", "x = 1\r\ny = 2", {"literal", "ast"}),
        ("x = (1)", "x = 1  # one", {"ast"}),
        ("  x = 1\n", "\n\tx = 1  ", {"literal", "ast"}),
        ("x =", "x =", {"literal", "paper", "ast"}),
        ("x =", "y =", set()),
        ("", "", {"literal", "paper", "ast"}),
        ("x", "", set()),
        ("'\\d'", '"\\d"', {"ast"}),
    ],
)
def test_each_normalisation_forgives_its_own_differences(reference, candidate, hits):
    values = score(reference, [candidate])
    found = {name for name, key in (("literal", "em@1"), ("paper", "em@1/paper"), ("ast", "em@1/ast")) if values[key]}
    assert found == hits


def test_the_published_pattern_takes_the_text_before_the_first_marker_and_all_of_it_without_markers():
    assert first_hit("a", ["b", "a < c < d"], "paper", MARKERS) is None
    assert first_hit("a ", ["b", "a < c < d"], "paper", MARKERS) == 2
    assert first_hit("a < b", [" a < b "], "paper", ()) == 1


def test_the_measure_that_was_asked_for_has_no_suffix_and_comes_once():
    values = score("x", ["x"], ks=(1, 3), config=Config(normalisation="paper"))
    assert sorted(values) == ["em@1", "em@1/ast", "em@1/literal", "em@3", "em@3/ast", "em@3/literal"]
    only = score("a < b", ["a < b"], config=Config(normalisation="paper"))
    assert only == {"em@1": 0.0, "em@1/literal": 1.0, "em@1/ast": 1.0}


def test_no_candidate_is_a_miss_and_the_first_of_equals_counts():
    assert score("x", []) == {"em@1": 0.0, "em@1/paper": 0.0, "em@1/ast": 0.0}
    assert first_hit("x", ["y", "x", "x"], "literal", ()) == 2


def test_the_plugin_gives_its_metric_with_the_usual_markers():
    [metric] = exact_match.harness_metrics()
    assert isinstance(metric, ExactMatch) and metric.name == "exact_match"
    assert (Config().normalisation, Config().stop) == ("literal", ("<|endoftext|>", "</s>"))
    assert METRIC.score(Problem("p", ""), [], (), (1,), Config()).why == "the problem has no reference"

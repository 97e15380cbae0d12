"""BLEU, chrF, edit similarity and parse rate against sacrebleu and the golden file, alone and over all problems."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.plugin import Metric, NoConfig
from harness.plugin_system.registry import Registry
from harness.plugins.metrics import bleu, chrf, edit_similarity, parse_rate
from harness.plugins.metrics.bleu import Bleu
from harness.plugins.metrics.chrf import ChrF
from harness.plugins.metrics.edit_similarity import EditSimilarity
from harness.plugins.metrics.parse_rate import ParseRate
from harness.ranking.display_names import DisplayNames
from harness.records import Completion, Problem, Score

DATA = Path(os.environ.get("HARNESS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_golden = pytest.mark.skipif(not (DATA / "bleu_chrf_golden.json").is_file(), reason="needs HARNESS_TEST_DATA")
METRICS: list[tuple[Metric, object]] = [
    (Bleu(), bleu.Config()),
    (ChrF(), NoConfig()),
    (EditSimilarity(), NoConfig()),
    (ParseRate(), NoConfig()),
]


def score(metric: Metric, config: object, references: tuple[str, ...], *texts: str) -> Score:
    problem = Problem(id="p", instruction="", references=references)
    return metric.score(problem, [Completion(text, 1) for text in texts], (), (1,), config)


def golden_pairs() -> list[tuple[str, str, str]]:
    rows = map(json.loads, (DATA / "codebleu_golden.jsonl").read_text().splitlines())
    pairs = [row for row in rows if isinstance(row.get("reference"), str)]
    return [(row["id"], row["reference"], row["prediction"]) for row in pairs]


@needs_golden
def test_every_golden_bleu_and_chrf_is_reproduced():
    golden = json.loads((DATA / "bleu_chrf_golden.json").read_text())
    totals: dict[str, dict[str, float]] = {"bleu": {}, "chrf": {}}
    rows = golden_pairs()
    for name, reference, prediction in rows:
        wanted = golden["pairs"][name]
        own = score(Bleu(), bleu.Config(), (reference,), prediction)
        char = score(ChrF(), NoConfig(), (reference,), prediction)
        assert own.values["bleu"] == pytest.approx(wanted["sacrebleu_sent"] / 100, abs=1e-9)
        assert char.values["chrf"] == pytest.approx(wanted["chrf"] / 100, abs=1e-9)
        assert char.values["chrf++"] == pytest.approx(wanted["chrf_pp"] / 100, abs=1e-9)
        for kind, found in (("bleu", own), ("chrf", char)):
            for key, value in found.sums.items():
                totals[kind][key] = totals[kind].get(key, 0.0) + value
    assert len(rows) == len(golden["pairs"])
    corpus = golden["corpus"]
    assert float(Bleu().combine(totals["bleu"], 1)["bleu"]) == pytest.approx(corpus["sacrebleu_13a"] / 100, abs=1e-9)
    found = ChrF().combine(totals["chrf"], 1)
    assert found["chrf"] == pytest.approx(corpus["chrf"] / 100, abs=1e-9)
    assert found["chrf++"] == pytest.approx(corpus["chrf_pp"] / 100, abs=1e-9)


@pytest.mark.parametrize("counts", [(5, 3, 1, 0), (1, 0, 0, 0), (0, 0, 0, 0), (9, 8, 7, 6)])
def test_bleu_of_sums_is_what_sacrebleu_computes_from_them(counts):
    from sacrebleu.metrics.bleu import BLEU

    totals = (9, 8, 7, 6)
    wanted = BLEU.compute_bleu(list(counts), list(totals), sys_len=9, ref_len=11, smooth_method="exp").score / 100
    sums = {"length": 9.0, "reference_length": 11.0}
    for order in (1, 2, 3, 4):
        sums |= {f"match_{order}": float(counts[order - 1]), f"total_{order}": float(totals[order - 1])}
    with np.errstate(divide="ignore"):
        arrays = {name: np.array([value, value]) for name, value in sums.items()}
        assert Bleu().combine(arrays, 1)["bleu"] == pytest.approx([wanted, wanted], abs=1e-12)


@pytest.mark.parametrize(("metric", "config"), METRICS[:3])
def test_the_nearest_of_several_references_counts(metric, config):
    alone = score(metric, config, ("x = foo(a, b, c)",), "x = foo(a, b, c)")
    both = score(metric, config, ("y", "x = foo(a, b, c)"), "x = foo(a, b, c)")
    assert both.values == pytest.approx(alone.values)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_every_score_of_every_text_is_between_0_and_1(reference, prediction):
    for metric, config in METRICS:
        values = score(metric, config, (reference,), prediction).values
        assert values
        assert all(0.0 <= value <= 1.0 for value in values.values())


@pytest.mark.parametrize(("metric", "config"), METRICS[:3])
def test_without_reference_a_problem_is_unscored(metric, config):
    assert score(metric, config, (), "x").why


def test_parse_rate_is_the_share_of_candidates_that_are_python():
    values = score(ParseRate(), NoConfig(), (), "x = 1", "x = ", "", "'\\d'\n").values
    assert values == {"parse_rate": 0.5}


@pytest.mark.parametrize("text", ["\0", "\ud800", "(" * 20_000, "a" + "+a" * 100_000])
def test_text_that_no_parser_takes_is_not_python_and_no_crash(text):
    assert score(ParseRate(), NoConfig(), (), text).values == {"parse_rate": 0.0}


def test_an_unknown_tokenizer_is_refused():
    with pytest.raises(UsageError, match="no tokenizer of bleu '14a'"):
        score(Bleu(), bleu.Config(tokenize="14a"), ("x",), "x")


WITHOUT = {"bleu": METRICS[0], "chrf": METRICS[1], "edit_similarity": METRICS[2]}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_problem_without_reference_or_candidate_says_why_and_has_no_values(name):
    metric, config = WITHOUT[name]
    for found in (score(metric, config, (), "x"), score(metric, config, ("x",))):
        assert (found.metric, dict(found.values), dict(found.sums)) == (name, {}, {})
        assert found.why == "the problem has no reference or no candidate"


def test_a_problem_without_candidate_has_no_parse_rate():
    found = score(ParseRate(), NoConfig(), ("x",))
    assert (found.metric, dict(found.values), found.why) == ("parse_rate", {}, "the problem has no candidate")


@pytest.mark.parametrize(("metric", "config"), METRICS[:3])
def test_the_first_candidate_alone_counts(metric, config):
    first = score(metric, config, ("x = foo(a, b, c)",), "x = foo(a, b, c)", "nothing of it")
    assert all(value == pytest.approx(1.0) for value in first.values.values())
    other = score(metric, config, ("x = foo(a, b, c)",), "nothing of it", "x = foo(a, b, c)")
    assert all(value < 0.5 for value in other.values.values())


PAIRS = [
    ("x = foo(a, b, c)", "x = foo(a, b)"),
    ("for i in range(10): print(i)", "for j in range(10):\n    print(j, i)"),
    ("a b c d e f", "a b x d e f g h"),
    ("a", "b"),
    ("a", ""),
    ("a b", "a"),
    ("foo", "foo bar baz foo"),
    ("a,b c", "a, b c"),
    ("return x", "return x"),
]


@pytest.mark.parametrize(("reference", "prediction"), PAIRS)
@pytest.mark.parametrize("tokenize", ["13a", "none"])
def test_bleu_of_one_problem_is_sacrebleus_and_its_sums_are_its_counts(reference, prediction, tokenize):
    from sacrebleu.metrics.bleu import BLEU

    wanted = BLEU(tokenize=tokenize, effective_order=True).sentence_score(prediction, [reference])
    found = score(Bleu(), bleu.Config(tokenize=tokenize), (reference,), prediction)
    assert found.values["bleu"] == pytest.approx(min(1.0, wanted.score / 100), abs=1e-12)
    assert (found.sums["length"], found.sums["reference_length"]) == (wanted.sys_len, wanted.ref_len)
    assert [found.sums[f"match_{order}"] for order in (1, 2, 3, 4)] == list(wanted.counts)
    assert [found.sums[f"total_{order}"] for order in (1, 2, 3, 4)] == list(wanted.totals)


@pytest.mark.parametrize("chosen", [slice(0, 2), slice(0, 3), slice(2, 4), slice(5, 9), slice(0, 9)])
def test_bleu_of_several_problems_is_sacrebleus_of_the_corpus(chosen):
    from sacrebleu.metrics.bleu import BLEU

    pairs = PAIRS[chosen]
    wanted = BLEU().corpus_score([text for _, text in pairs], [[reference for reference, _ in pairs]]).score / 100
    scores = [score(Bleu(), bleu.Config(), (reference,), text) for reference, text in pairs]
    totals = {name: np.array(sum(one.sums[name] for one in scores)) for name in scores[0].sums}
    with np.errstate(divide="ignore"):
        assert float(Bleu().combine(totals, len(pairs))["bleu"]) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "totals", "lengths"),
    [
        ((5, 0, 0, 0), (9, 8, 7, 6), (9, 9)),
        ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1)),
        ((3, 2, 1, 0), (3, 2, 1, 0), (3, 3)),
        ((3, 2, 1, 0), (4, 3, 2, 1), (4, 9)),
        ((3, 2, 1, 1), (4, 3, 2, 1), (9, 4)),
        ((0, 0, 0, 0), (0, 0, 0, 0), (0, 4)),
    ],
)
def test_bleu_of_any_counts_is_sacrebleus(counts, totals, lengths):
    from sacrebleu.metrics.bleu import BLEU

    made = BLEU.compute_bleu(list(counts), list(totals), *lengths, smooth_method="exp", effective_order=False)
    sums = {"length": np.array(float(lengths[0])), "reference_length": np.array(float(lengths[1]))}
    for order in (1, 2, 3, 4):
        sums |= {f"match_{order}": np.array(float(counts[order - 1]))}
        sums |= {f"total_{order}": np.array(float(totals[order - 1]))}
    with np.errstate(divide="ignore"):
        found = float(Bleu().combine(sums, 1)["bleu"])
    assert found == pytest.approx(made.score / 100, abs=1e-12)


@pytest.mark.parametrize(("reference", "prediction"), PAIRS)
def test_chrf_is_sacrebleus(reference, prediction):
    from sacrebleu.metrics.chrf import CHRF

    found = score(ChrF(), NoConfig(), (reference,), prediction).values
    for name, words in (("chrf", 0), ("chrf++", 2)):
        wanted = CHRF(word_order=words).sentence_score(prediction, [reference]).score / 100
        assert found[name] == pytest.approx(wanted, abs=1e-12)


def test_chrf_of_several_problems_is_sacrebleus_of_the_corpus():
    from sacrebleu.metrics.chrf import CHRF

    scores = [score(ChrF(), NoConfig(), (reference,), text) for reference, text in PAIRS]
    totals = {name: sum(one.sums[name] for one in scores) for name in scores[0].sums}
    texts, references = [text for _, text in PAIRS], [[reference for reference, _ in PAIRS]]
    for name, words in (("chrf", 0), ("chrf++", 2)):
        wanted = CHRF(word_order=words).corpus_score(texts, references).score / 100
        assert float(ChrF().combine(totals, len(PAIRS))[name]) == pytest.approx(wanted, abs=1e-12)


def distance(one: str, other: str) -> int:
    """Levenshtein's, by its definition."""
    if not one or not other:
        return len(one) + len(other)
    same = one[0] == other[0]
    return (
        distance(one[1:], other[1:])
        if same
        else 1 + min(distance(one[1:], other), distance(one, other[1:]), distance(one[1:], other[1:]))
    )


@pytest.mark.parametrize(
    ("reference", "prediction"), [("kitten", "sitting"), (" ab\n", "ab"), ("", "abc"), ("abc", "ca")]
)
def test_edit_similarity_is_one_less_the_edits_by_the_longer_length(reference, prediction):
    found = score(EditSimilarity(), NoConfig(), (reference,), prediction).values
    one, other = reference.strip(), prediction.strip()
    assert found == {"edit_similarity": pytest.approx(1 - distance(one, other) / max(len(one), len(other)))}


def test_the_nearest_reference_decides_edit_similarity():
    found = score(EditSimilarity(), NoConfig(), ("zzzz", "abcd", "abzz"), " abcx ").values
    assert found == {"edit_similarity": 0.75}


def test_parse_rate_takes_a_candidate_without_the_blanks_around_it_and_only_statements():
    values = [score(ParseRate(), NoConfig(), (), text).values["parse_rate"] for text in ("  x = 1\n", "# x", "x y")]
    assert values == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("module", "kind", "needs"),
    [
        (bleu, Bleu, "references"),
        (chrf, ChrF, "references"),
        (edit_similarity, EditSimilarity, "references"),
        (parse_rate, ParseRate, ""),
    ],
)
def test_the_plugins_give_their_metrics(module, kind, needs):
    [metric] = module.harness_metrics()
    assert type(metric) is kind
    assert (metric.name, metric.needs) == (module.__name__.rpartition(".")[2], needs)
    assert bleu.Config().tokenize == "13a"


def test_bleu_takes_one_of_its_two_tokenizers_by_name():
    for tokenize in ("13a", "none"):
        assert score(Bleu(), bleu.Config(tokenize=tokenize), ("a,b",), "a,b").sums["length"] == (
            3 if tokenize == "13a" else 1
        )
    with pytest.raises(UsageError, match="'13a'"):
        score(Bleu(), bleu.Config(tokenize="13b"), ("x",), "x")


def test_measures_of_texts_are_called_in_print_what_papers_call_them():
    names = DisplayNames(Registry(warn=lambda _: None))
    assert [names.measure(name) for name in ("bleu", "chrf", "edit_similarity")] == ["BLEU", "chrF", "edit_similarity"]

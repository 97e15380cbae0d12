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
from harness.plugins.metrics import bleu
from harness.plugins.metrics.bleu import Bleu
from harness.plugins.metrics.chrf import ChrF
from harness.plugins.metrics.edit_similarity import EditSimilarity
from harness.plugins.metrics.parse_rate import ParseRate
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

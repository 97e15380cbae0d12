"""Decoders choose which tokens can be drawn, for models of either way to decode, and are part of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import harness
from harness.config import Settings
from harness.decoding import support
from harness.decoding.generate import generate
from harness.errors import UsageError
from harness.evaluation.plan import resolve
from harness.evaluation.request import Request
from harness.evaluation.selection import scored_candidates
from harness.modeling import base as model
from harness.modeling.prompts import Prompt
from harness.plugin_system.registry import Registry
from harness.records import Completion, Execution, ModelSpec, Outcome, Record, Sampling
from harness.testing import DecoderContract

MANUAL = Path(__file__).parents[3] / "docs" / "plugins.md"


class TestSampling(DecoderContract):
    name = "sampling"
    options = {"top_k": 3, "min_p": 0.1}  # noqa: RUF012


class TestGreedy(DecoderContract):
    name = "greedy"


class TestBeamSearch(DecoderContract):
    name = "beam-search"


def of_the_manual(name: str) -> Any:
    """A decoder of the manual, from its text."""
    (block,) = [part.partition("```")[0] for part in MANUAL.read_text().split("```python\n") if f"{name}(" in part]
    names: dict[str, Any] = {"__name__": "manual"}
    exec(compile(block, str(MANUAL), "exec", dont_inherit=True), names)
    return names["harness_decoders"]()[0]


def test_top_k_and_min_p_leave_the_tokens_that_they_say() -> None:
    decoder = Registry().decoder("sampling").plugin
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    left = {
        name: decoder.process_logits(logits, decoder.Config(**options)).isfinite()[0].tolist()
        for name, options in {"k": {"top_k": 2}, "p": {"min_p": 0.2}, "both": {"top_k": 1, "min_p": 0.2}}.items()
    }
    assert left == {
        "k": [True, True, False, False],
        "p": [True, True, True, False],
        "both": [True, False, False, False],
    }


@pytest.mark.parametrize("reason", ["", "asked for"], ids=["continuous batching", "static batches"])
def test_one_token_that_is_left_is_greedy_decoding_however_a_model_is_decoded(
    reason: str, model_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = model.load(ModelSpec(str(model_of("llama"))), {})
    prompts = [Prompt(text, text, tuple(base.tokenizer(text)["input_ids"])) for text in ("print cat", "a")]
    sampling = Registry().decoder("sampling").plugin
    monkeypatch.setattr(support, "unsupported_reason", lambda _: reason)

    def texts(settings: Sampling, **options: Any) -> dict[str, list[str]]:
        found = generate(base, prompts, settings, 42, batch=2, **options)
        return {prompt.id: [one.written for one in completions] for prompt, completions in found}

    def one_left(logits: torch.Tensor) -> torch.Tensor:
        return sampling.process_logits(logits, sampling.Config(top_k=1))

    drawn = texts(Sampling(2, 8, temperature=1.5), process_logits=one_left)
    greedy = texts(Sampling(1, 8))
    assert drawn == {name: one * 2 for name, one in greedy.items()}
    assert texts(Sampling(2, 8, temperature=1.5)) != drawn


@pytest.mark.parametrize("reason", ["", "asked for"], ids=["continuous batching", "static batches"])
def test_beams_leave_out_what_a_decoder_excludes(
    reason: str, model_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = model.load(ModelSpec(str(model_of("llama"))), {})
    prompts = [Prompt("a", "a", tuple(base.tokenizer("a")["input_ids"]))]
    monkeypatch.setattr(support, "unsupported_reason", lambda _: reason)

    def only_letters(logits: torch.Tensor) -> torch.Tensor:
        excluded = torch.ones(logits.shape[-1], dtype=torch.bool)
        excluded[base.tokenizer("abcdef")["input_ids"]] = False
        return logits.masked_fill(excluded, -torch.inf)

    ((_, found),) = generate(base, prompts, Sampling(3, 6), 42, batch=1, process_logits=only_letters)
    assert all(len(one.written) == 6 and set(one.written) <= set("abcdef") for one in found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoder": "sampling"}, "the temperature is 0; add --temperature"),
        ({"decoder": "beam-search", "candidates": 1}, "one candidate is greedy"),
        ({"decoder": "beam-search", "temperature": 0.8}, "the decoder beam-search needs 0.0; leave --temperature out"),
        ({"decoder": "greedy", "candidates": 5}, "the decoder greedy needs 1; leave --candidates out"),
        ({"decoder": "gredy"}, "Did you mean 'greedy'"),
        ({"decoder": "greedy", "backend": "any", "model": "x"}, "any"),
    ],
)
def test_settings_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(Request("zero-shot", "conala", limit=2, **options), Registry(), Settings(()))


def test_a_third_partys_decoder_writes_candidates_and_is_part_of_the_run(tmp_path: Path) -> None:
    session = harness.Session()
    session.registry.add(of_the_manual("Eta"))
    row = harness.run(
        "zero-shot",
        "conala",
        decoder="eta",
        options={"eta.epsilon": 0.01},
        temperature=0.8,
        candidates=2,
        max_new_tokens=8,
        ks=[1],
        metrics=["parse_rate"],
        limit=2,
        runs=tmp_path,
        session=session,
    )
    assert (row.run.sampling.decoder, row.run.options["eta"]) == ("eta", {"epsilon": 0.01})
    (folder,) = [path.parent for path in tmp_path.glob("*/run.json")]
    assert "--decoder eta" in json.loads((folder / "run.json").read_text())["reproduce"]
    assert len((folder / "records.jsonl").read_text().splitlines()) == 2


def test_a_decoder_that_chooses_between_candidates_is_scored_by_what_it_chose(tmp_path: Path) -> None:
    session = harness.Session()
    session.registry.add(of_the_manual("Majority"))
    options = {"decoder": "majority", "temperature": 0.8, "candidates": 3, "limit": 2, "metrics": ["exact_match"]}
    row = harness.run("zero-shot", "conala", max_new_tokens=8, ks=[1], runs=tmp_path, session=session, **options)
    (path,) = tmp_path.glob("*/records.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(len(record["completions"]) == 3 and len(record["selected"]) == 1 for record in records)
    assert "scores are of the 1 candidate of 3 that the decoder selected" in row.notes
    with pytest.raises(UsageError, match="-k 3: only 1 candidates"):
        harness.run("zero-shot", "conala", ks=[3], runs=tmp_path, session=session, **options)


def test_metrics_see_the_selected_candidates_alone_best_first() -> None:
    texts = ("a", "b", "c")
    executions = tuple(Execution(Outcome.PASSED, number, 3) for number in range(3))
    record = Record("p", None, "", 1, (), 0, tuple(Completion(text, 1) for text in texts), executions, selected=(2, 0))
    completions, judged = scored_candidates(record)
    assert [one.text for one in completions] == ["c", "a"] and [one.passed for one in judged] == [2, 0]
    assert scored_candidates(replace(record, selected=())) == (record.completions, record.executions)

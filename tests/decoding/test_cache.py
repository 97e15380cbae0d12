"""Prompts that are read once, and keys and values that stay where they are: the completions are transformers' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.decoding import support
from harness.decoding.cache import new_cache
from harness.decoding.generate import generate
from harness.modeling import base as model
from harness.modeling.base import Base, ModelSpec
from harness.modeling.prompts import Prompt, PromptBuilder
from harness.plugin import Task
from harness.records import Problem, Sampling

BEAMS = Sampling(candidates=4, max_new_tokens=70)
"""More new tokens than there is room for at first."""


@pytest.fixture
def prompts(toy: Task, problems: list[Problem]) -> Callable[[Base], list[Prompt]]:
    """Prompts of several lengths."""

    def make(base: Base) -> list[Prompt]:
        layout = PromptBuilder(toy, base, max_new_tokens=BEAMS.max_new_tokens)
        found = [layout.prompt(problem) for problem in problems[:4]]
        assert len({len(prompt.tokens) for prompt in found}) > 1
        return found

    return make


def by_transformers(base: Base, prompt: Prompt, sampling: Sampling) -> tuple[list[str], list[float]]:
    """Texts and scores of `generate` alone, one prompt at a time."""
    ids = torch.tensor([prompt.tokens])
    output = base.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        num_beams=sampling.candidates,
        num_return_sequences=sampling.candidates,
        max_new_tokens=sampling.max_new_tokens,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        pad_token_id=base.tokenizer.pad_token_id,
    )
    rows = output.sequences[:, ids.shape[1] :].tolist()
    ends = [row.index(0) if 0 in row else len(row) for row in rows]
    decode: Callable[..., str] = base.tokenizer.decode
    texts = [decode(row[:end], clean_up_tokenization_spaces=False) for row, end in zip(rows, ends, strict=True)]
    return texts, output.sequences_scores.tolist()


@pytest.mark.parametrize("reason", ["", "asked for"], ids=["by slots", "behind a prompt that was read"])
@pytest.mark.parametrize("family", ["llama", "qwen2", "starcoder2", "codegen", "gpt_neox", "mistral"])
def test_beams_are_those_of_transformers(
    family: str,
    reason: str,
    model_of: Callable[[str], Path],
    prompts: Callable[[Base], list[Prompt]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if reason:
        monkeypatch.setattr(support, "unsupported_reason", lambda _: reason)
    base = model.load(ModelSpec(str(model_of(family))), {})
    for prompt, found in generate(base, prompts(base), BEAMS, 42, batch=4):
        texts, scores = by_transformers(base, prompt, BEAMS)
        assert [one.written.strip() for one in found] == [text.strip() for text in texts]
        assert [one.logprob for one in found] == pytest.approx(scores, abs=1e-4)


def test_a_prompt_is_read_once_and_not_once_for_each_beam(
    model_of: Callable[[str], Path], prompts: Callable[[Base], list[Prompt]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support, "unsupported_reason", lambda _: "asked for")
    base = model.load(ModelSpec(str(model_of("llama"))), {})
    read: list[tuple[int, ...]] = []
    base.model.get_input_embeddings().register_forward_pre_hook(lambda _, given: read.append(tuple(given[0].shape)))
    made = prompts(base)
    list(generate(base, made, BEAMS, 42, batch=4))
    assert read[0] == (4, max(len(prompt.tokens) for prompt in made) - 1)
    assert set(read[1:]) == {(4 * BEAMS.candidates, 1)}


def test_what_rows_share_stays_and_what_they_wrote_goes_with_them(model_of: Callable[[str], Path]) -> None:
    base = model.load(ModelSpec(str(model_of("llama"))), {})
    cache = new_cache(base.model, None)
    rows = torch.arange(6.0)[:, None, None, None]

    def write(values: Any) -> Any:
        return cache.update(values.expand(-1, 2, 1, 4), values.expand(-1, 2, 1, 4), 0)[0][:, 0, :, 0].tolist()

    write(rows[:2])
    cache.batch_repeat_interleave(3)
    write(10 + rows)
    cache.reorder_cache(torch.tensor([2, 0, 0, 3, 5, 4]))
    assert write(20 + rows) == [
        *([0, 12, 20], [0, 10, 21], [0, 10, 22]),
        *([1, 13, 23], [1, 15, 24], [1, 14, 25]),
    ]


def test_a_prompt_of_one_token_is_enough(model_of: Callable[[str], Path]) -> None:
    base = model.load(ModelSpec(str(model_of("llama"))), {})
    prompt = Prompt("one", "A", (65,))
    ((_, found),) = generate(base, [prompt], BEAMS, 42, batch=1)
    assert [one.written.strip() for one in found] == [t.strip() for t in by_transformers(base, prompt, BEAMS)[0]]

"""Candidates of continuous batching are those of transformers' `generate`, whatever batch they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from harness.decoding import running_batch, support
from harness.decoding.generate import generate
from harness.decoding.sampling import seeded_logits_processor
from harness.errors import ModelError
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.plugin_system.registry import Registry
from harness.records import Sampling

FAMILIES = ("llama", "mistral", "qwen3", "starcoder2", "gpt_neox", "gemma2", "gpt_oss", "gpt2", "codegen")
"""Each attends or counts positions in its own way; `tests/modeling/test_families.py` has all the others."""
SEED = 42
BEAMS = Sampling(candidates=4, max_new_tokens=16)
SAMPLED = replace(BEAMS, temperature=0.9, top_p=0.9)
GREEDY = replace(BEAMS, candidates=1)
Prompts = Callable[..., list[Prompt]]
Load = Callable[[str], Base]
Found = dict[str, list[tuple[str, Any]]]


def written(base: Base, asked: list[Prompt], sampling: Sampling, size: int, **more: Any) -> Found:
    """All that was written, and the scores; blanks around an answer are not kept."""
    return {
        prompt.id: [(one.written.strip(), one.logprob) for one in found]
        for prompt, found in generate(base, asked, sampling, SEED, batch=size, **more)
    }


def by_transformers(base: Base, prompt: Prompt, sampling: Sampling) -> list[str]:
    """What `generate` alone writes for one prompt, without padding and with its own cache."""
    ids = torch.tensor([prompt.tokens])
    how: dict[str, Any] = {"num_beams": sampling.candidates, "do_sample": False}
    if sampling.temperature > 0:
        chosen = seeded_logits_processor([prompt.id], sampling, SEED, sampling.max_new_tokens)
        how = {"do_sample": True, "top_k": 0, "logits_processor": [chosen]}
    with torch.inference_mode():
        rows = base.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            num_return_sequences=sampling.candidates,
            max_new_tokens=sampling.max_new_tokens,
            **how,
        )[:, ids.shape[1] :].tolist()
    cut = [row[: row.index(0)] if 0 in row else row for row in rows]
    return [base.tokenizer.decode(row, clean_up_tokenization_spaces=False).strip() for row in cut]


def texts(found: Found) -> dict[str, list[str]]:
    return {name: [text for text, _ in one] for name, one in found.items()}


TIE = 2e-5
"""Scores that are nearer to each other than this may stand in either order: they are sums of 32-bit floats."""


def same(first: Found, second: Found) -> None:
    """The same texts in the same order but for ties, and scores but for rounding."""
    assert first.keys() == second.keys()
    for name, one in first.items():
        other = second[name]
        assert [score for _, score in one] == pytest.approx([score for _, score in other], abs=1e-4)
        for (text, _), (wanted, score) in zip(one, other, strict=True):
            tied = [one for one, near in other if near is not None and abs(near - score) < TIE]
            assert text == wanted or text in tied


@pytest.mark.parametrize("sampling", [BEAMS, SAMPLED, GREEDY], ids=["beams", "sampled", "greedy"])
@pytest.mark.parametrize("family", FAMILIES)
def test_candidates_are_those_of_generate(family: str, sampling: Sampling, load: Load, prompts: Prompts) -> None:
    base = load(family)
    assert support.unsupported_reason(base.model) == ""
    for shared in (True, False):
        asked = prompts(base) if shared else prompts(base, "")
        alone = {prompt.id: by_transformers(base, prompt, sampling) for prompt in asked}
        assert texts(written(base, asked, sampling, 3)) == alone
        assert texts(written(base, asked, sampling, 1)) == alone


@pytest.mark.parametrize("method", ["lora", "ia3", "prompt-tuning", "prefix-tuning", "peft:dora"])
@pytest.mark.parametrize("family", ["llama", "mistral", "gpt_neox", "starcoder2"])
def test_an_adapter_is_part_of_what_writes(
    family: str, method: str, load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = load(family)
    asked = prompts(plain)
    without = written(plain, asked, BEAMS, 3)
    plugin = Registry().method(method).plugin
    base = plugin.adapt(plain, plugin.Config())
    torch.manual_seed(1)
    for parameter in base.model.parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn_like(parameter), alpha=0.3)
    base.model.double().eval()  # so that candidates whose scores are near each other stand in one order both ways
    # Two layers with a small window do not see as far back as virtual tokens stand.
    far = family in {"mistral", "starcoder2"} and method in {"prompt-tuning", "prefix-tuning"}
    for sampling in (BEAMS, SAMPLED):
        found = written(base, asked, sampling, 3)
        with monkeypatch.context() as patched:
            patched.setattr(support, "unsupported_reason", lambda _: "asked for")
            same(found, written(base, asked, sampling, 1))
        if not far:
            assert texts(found) != texts(without)


def test_a_waiting_request_enters_the_batch_as_soon_as_another_is_finished(
    load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load("llama")
    asked = prompts(base)
    whole = texts(written(base, asked, BEAMS, 2))
    letters = "".join(text for found in whole.values() for text in found)
    stop = max(set(letters) - {"\ufffd"}, key=letters.count)
    lives: list[int] = []
    launch = running_batch.RunningBatch.launch_step
    monkeypatch.setattr(
        running_batch.RunningBatch, "launch_step", lambda self: lives.append(self.num_running) or launch(self)
    )
    stopped = replace(BEAMS, stop=(stop,))
    found = texts(written(base, asked, stopped, 2))
    assert lives[:-1].count(2) > len(lives) // 2
    assert all(live == 2 for live in lives[: lives.index(1)])  # one is left alone at the end only
    with monkeypatch.context() as patched:
        patched.setattr(support, "unsupported_reason", lambda _: "asked for")
        assert found == texts(written(base, asked, stopped, 1))


def test_an_interrupted_run_ends_with_the_candidates_of_an_undisturbed_one(load: Load, prompts: Prompts) -> None:
    base = load("llama")
    asked = prompts(base)
    whole = written(base, asked, BEAMS, 2)
    rest = written(base, asked, BEAMS, 2, done=frozenset({"p/1", "p/3", "p/4"}))
    assert rest == {name: found for name, found in whole.items() if name not in {"p/1", "p/3", "p/4"}}


def test_out_of_memory_halves_the_batch_and_loses_nothing(
    load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load("llama")
    asked = prompts(base)
    whole = written(base, asked, BEAMS, 4)
    launch, told = running_batch.RunningBatch.launch_step, []

    def failing(self: Any) -> None:
        if self.num_running > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        launch(self)

    monkeypatch.setattr(running_batch.RunningBatch, "launch_step", failing)
    same(written(base, asked, BEAMS, 4, on_batch_reduced=told.append), whole)
    assert told == [2]


def test_a_problem_that_does_not_fit_alone_is_said(
    load: Load, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    base = load("llama")
    monkeypatch.setattr(running_batch.RunningBatch, "launch_step", failing)
    with pytest.raises(ModelError, match="problem p/1 alone"):
        written(base, prompts(base), BEAMS, 2)


def test_the_shared_prefix_is_prefilled_once_and_the_rest_of_each_prompt_once(load: Load, prompts: Prompts) -> None:
    base = load("llama")
    asked = prompts(base)
    assert support.unsupported_reason(base.model) == ""
    read: list[tuple[int, ...]] = []
    base.model.get_input_embeddings().register_forward_pre_hook(lambda _, given: read.append(tuple(given[0].shape)))
    written(base, asked, BEAMS, 7)
    shared = len(base.tokenizer("# sort, print, add and count things\n")["input_ids"])
    longest = max(len(prompt.tokens) for prompt in asked)
    assert read[:2] == [(1, shared), (len(asked), longest - shared)]
    assert {width for _, width in read[2:]} == {1}


def test_a_prompt_of_one_token_among_others(load: Load) -> None:
    base = load("qwen2")
    asked = [Prompt("one", "A", (65,)), Prompt("two", "AB", (65, 66)), Prompt("again", "A", (65,))]
    found = texts(written(base, asked, BEAMS, 3))
    assert found == {prompt.id: by_transformers(base, prompt, BEAMS) for prompt in asked}


def test_prompts_with_different_token_limits_share_a_batch(load: Load, prompts: Prompts) -> None:
    base = load("llama")
    base.model.config.max_position_embeddings = 70
    asked = prompts(base)
    longer = replace(BEAMS, max_new_tokens=64)
    found = written(base, asked, longer, 3)
    same(found, {name: one for prompt in asked for name, one in written(base, [prompt], longer, 1).items()})

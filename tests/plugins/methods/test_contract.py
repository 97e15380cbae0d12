"""What every tuning method keeps on every family of models: it learns, its base stays as it was, its adapter is one
that PEFT alone loads, and what it writes does not depend on what is written beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.decoding.generate import generate
from harness.modeling import bases as adapters
from harness.modeling.base import Base, parameters, weights_digest
from harness.modeling.bases import LoadedBases
from harness.modeling.prompts import PromptBuilder
from harness.plugin import Method, PromptingMethod, Task, TuningMethod
from harness.plugin_system.registry import Registry
from harness.records import ModelSpec, Problem, Sampling
from harness.tuning.losses import validation_loss
from harness.tuning.train import fit, rows

FAMILIES = ("llama", "qwen2", "codegen", "gpt_neox", "starcoder2", "t5")
METHODS = ("lora", "ia3", "prompt-tuning", "prefix-tuning", "qlora-8bit", "qlora-4bit", "full-ft")
RATES = {"ia3": 0.05, "prompt-tuning": 0.05, "full-ft": 3e-3}
"""Learning rates at which random weights learn within a few steps."""
BY_BATCH = {("qlora-8bit", "t5")}
"""LLM.int8() chooses the columns that it keeps in 16 bits by batch; here that changes texts with nearly any weights."""
GREEDY = Sampling(candidates=1, max_new_tokens=6)
BEAMS = Sampling(candidates=3, max_new_tokens=6)


def written(base: Base, task: Task, problems: Sequence[Problem], sampling: Sampling, size: int) -> dict[str, list[str]]:
    layout = PromptBuilder(task, base, max_new_tokens=sampling.max_new_tokens)
    prompts = [layout.prompt(problem) for problem in problems]
    return {p.id: [c.text for c in found] for p, found in generate(base, prompts, sampling, 42, batch=size)}


def row_lists(base: Base, task: Task, problems: Sequence[Problem]) -> list[dict[str, Any]]:
    layout = PromptBuilder(task, base)
    return rows(layout, [(layout.prompt(problem), problem) for problem in problems], 256)[0]


def reloaded(base: Base, method: Method, config: Any, folder: Path, adapter: Path) -> Base:
    """The tuned model as a user without harness loads it."""
    import peft
    import torch
    import transformers

    kind = transformers.AutoModelForSeq2SeqLM if base.seq2seq else transformers.AutoModelForCausalLM
    options = {"dtype": torch.float32, "device_map": "cpu", **method.load_options(config)}
    if not isinstance(method, TuningMethod) or not (adapter / "adapter_config.json").exists():
        return replace(base, model=kind.from_pretrained(adapter, **options).eval())
    plain = kind.from_pretrained(folder, **options)
    for module in plain.modules():
        if type(module).__name__ == "Linear4bit":
            module.support_avx512bf16_for_cpu = False
    return replace(base, model=peft.PeftModel.from_pretrained(plain, adapter).eval())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", METHODS)
def test_a_method_learns_leaves_its_base_alone_and_is_read_back_by_peft(
    name: str,
    family: str,
    model_of: Callable[[str], Path],
    toy: Task,
    problems: list[Problem],
    tmp_path: Path,
) -> None:
    import torch

    folder = model_of(family)
    method = Registry().method(name).plugin
    config = method.Config(**{"learning_rate": RATES[name]} if name in RATES else {})
    bases = LoadedBases()
    options = method.load_options(config)
    base = bases.get(ModelSpec(str(folder)), options)
    before = weights_digest(base.model)
    torch.manual_seed(0)
    adapted = method.adapt(base, config)
    train, validation = row_lists(adapted, toy, problems[:12]), row_lists(adapted, toy, problems[12:16])
    start = validation_loss(adapted, validation, 4)
    tuning = replace(method.tuning(config), epochs=3.0, batch_size=4, evaluate_every=1.5)
    tuned = fit(adapted, train, validation, tuning, tmp_path / "checkpoints", 42, lambda *_: None)
    assert tuned.best_loss < start
    assert validation_loss(adapted, validation, 4) == pytest.approx(tuned.best_loss, abs=1e-6)
    assert tuned.best_loss == min(loss for _, loss in tuned.history)
    asked = problems[18:]
    texts = {sampling: written(adapted, toy, asked, sampling, 4) for sampling in (GREEDY, BEAMS)}
    assert all(len(found) == 3 for found in texts[BEAMS].values())
    if (name, family) not in BY_BATCH:
        assert written(adapted, toy, asked, GREEDY, 1) == texts[GREEDY]
    assert adapters.save(adapted, tmp_path / "adapter") == sum(
        f.stat().st_size for f in (tmp_path / "adapter").iterdir()
    )
    bases.release(adapted)
    if name != "full-ft":
        assert weights_digest(bases.get(ModelSpec(str(folder)), options).model) == before
        assert bases.loads == 1
    assert parameters(bases.get(ModelSpec(str(folder)), options).model)[0] == 0
    again = reloaded(base, method, config, folder, tmp_path / "adapter")
    assert validation_loss(again, validation, 4) == pytest.approx(tuned.best_loss, abs=1e-5)
    assert written(again, toy, asked, GREEDY, 4) == texts[GREEDY]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["zero-shot", "icl", "rag"])
def test_a_prompting_method_writes_the_same_text_in_any_batch(
    name: str, family: str, model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    from harness.modeling.examples import ExamplePool

    method = Registry().method(name).plugin
    config = method.Config(**{"n": 2} if isinstance(method, PromptingMethod) else {})
    base = LoadedBases().get(ModelSpec(str(model_of(family))), method.load_options(config))
    asked = problems[20:]
    prompts = isinstance(method, PromptingMethod)
    chosen = method.examples(asked, ExamplePool(problems[:20], 42), config) if prompts else [() for _ in asked]
    layout = PromptBuilder(toy, base, method.preamble, GREEDY.max_new_tokens)
    prompts = [layout.prompt(problem, examples) for problem, examples in zip(asked, chosen, strict=True)]
    for sampling in (GREEDY, BEAMS):
        alone = {p.id: [c.text for c in found] for p, found in generate(base, prompts, sampling, 42, batch=1)}
        beside = {p.id: [c.text for c in found] for p, found in generate(base, prompts, sampling, 42, batch=4)}
        assert alone == beside

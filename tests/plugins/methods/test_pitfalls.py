"""Each trap that libraries set for a tuning method, sprung on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.decoding.generate import generate
from harness.errors import ModelError
from harness.modeling import base as model
from harness.modeling import quirks
from harness.modeling.base import Base, ModelSpec
from harness.modeling.prompts import Prompt, PromptBuilder
from harness.plugin import Task
from harness.plugin_system.registry import Registry
from harness.records import Problem, Sampling
from harness.tuning.batches import Batch, BucketedBatches, unpack_batch
from harness.tuning.losses import summed_loss, validation_loss
from harness.tuning.train import fit, rows


def one_batch(found: list[dict[str, Any]], base: Base) -> Batch:
    """All rows as one batch."""
    batches = BucketedBatches(found, 0, base.seq2seq, None)
    return unpack_batch(*batches.pack(range(len(found)), sum(batches.counts)))


def adapted(name: str, folder: Path, **options: Any) -> Base:
    import torch

    method = Registry().method(name).plugin
    config = method.Config(**options)
    base = model.load(ModelSpec(str(folder)), method.load_options(config))
    torch.manual_seed(0)
    return method.adapt(base, config)


def asked(base: Base, task: Task, problems: list[Problem]) -> list[Prompt]:
    layout = PromptBuilder(task, base, max_new_tokens=8)
    return [layout.prompt(problem) for problem in problems]


@pytest.mark.parametrize("family", ["llama", "codegen"])
def test_four_bit_weights_still_have_gradients_after_an_evaluation(
    family: str, model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    base = adapted("qlora-4bit", model_of(family))
    found = rows(PromptBuilder(toy, base), list(zip(asked(base, toy, problems), problems, strict=True)), 256)[0]
    validation_loss(base, found, 4)
    base.model.train()
    summed_loss(base, one_batch(found[:4], base)).backward()
    gradients = [p.grad for p in base.model.parameters() if p.requires_grad]
    assert gradients and all(g is not None for g in gradients)
    assert any(float(g.abs().sum()) > 0 for g in gradients if g is not None)


def test_prefix_tuning_with_gradient_checkpointing_is_refused_in_one_line(
    model_of: Callable[[str], Path], toy: Task, problems: list[Problem], tmp_path: Path
) -> None:
    base = adapted("prefix-tuning", model_of("llama"))
    for module in base.model.modules():
        if hasattr(module, "gradient_checkpointing"):
            module.gradient_checkpointing = True
    found = rows(PromptBuilder(toy, base), list(zip(asked(base, toy, problems), problems, strict=True)), 256)[0]
    tuning = Registry().method("prefix-tuning").plugin.tuning(Registry().method("prefix-tuning").plugin.Config())
    with pytest.raises(ModelError, match="gradient checkpointing"):
        fit(base, found, found, tuning, tmp_path, 42, lambda *_: None)


@pytest.mark.parametrize("family", ["llama", "codegen"])
def test_prefix_tuning_writes_although_training_turned_the_cache_off(
    family: str, model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    base = adapted("prefix-tuning", model_of(family))
    base.model.config.use_cache = False
    found = list(generate(base, asked(base, toy, problems[:3]), Sampling(2, 4), 42, batch=3))
    assert [len(completions) for _, completions in found] == [2, 2, 2]


@pytest.mark.parametrize("family", ["llama", "qwen2", "codegen", "gpt_neox", "starcoder2", "t5"])
def test_no_padding_stands_between_virtual_tokens_and_the_prompt(
    family: str, model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    base = adapted("prompt-tuning", model_of(family), virtual_tokens=6)
    prompts = asked(base, toy, [problems[0], problems[3]])
    assert len(prompts[0].tokens) != len(prompts[1].tokens)
    sampling = Sampling(candidates=3, max_new_tokens=6)
    for prompt, completions in generate(base, prompts, sampling, 42, batch=2):
        ((_, alone),) = generate(base, [prompt], sampling, 42, batch=1)
        assert [c.text for c in completions] == [c.text for c in alone]
        assert [c.logprob for c in completions] == pytest.approx([c.logprob for c in alone], abs=1e-4)


def test_a_codegen2_reads_its_query_key_and_value_rows_in_its_own_order(
    model_of: Callable[[str], Path], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        "codegen", n_embd=64, n_layer=1, n_head=8, rotary_dim=4, n_inner=64, n_positions=64, vocab_size=257
    )
    config.eos_token_id, config.bos_token_id = 0, None
    config.auto_map = {"AutoModelForCausalLM": "modeling_codegen.CodeGenForCausalLM"}
    torch.manual_seed(0)
    source = AutoModelForCausalLM.from_config(config)
    source.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((model_of("codegen") / name).read_bytes())
    loaded = model.load(ModelSpec(str(tmp_path)), {})
    hidden = torch.randn(5, 64)
    read = dict(zip("qvk", _codegen2_heads(source, hidden), strict=True))
    for part, heads in zip("qvk", _codegen_heads(loaded.model, hidden), strict=True):
        assert torch.allclose(heads, read[part], atol=1e-6)
    assert not quirks.is_codegen2(loaded.model.config)
    assert not torch.allclose(_codegen_heads(source, hidden)[0], read["q"], atol=1e-2)
    with pytest.raises(ModelError, match="cannot be quantised"):
        model.load(ModelSpec(str(tmp_path)), {"quantization_config": None})


def _codegen2_heads(source: Any, hidden: Any) -> list[Any]:
    """Query, value and key of each head as CodeGen2's own code splits them: 8 blocks of (query, value, key)."""
    flat = source.transformer.h[0].attn.qkv_proj(hidden).view(5, 8, 3, -1)
    return [flat[:, :, i].reshape(5, 8, 8) for i in range(3)]


def _codegen_heads(loaded: Any, hidden: Any) -> list[Any]:
    """The same as transformers' CodeGen splits them: 4 blocks."""
    flat = loaded.transformer.h[0].attn.qkv_proj(hidden).view(5, 4, 3, -1)
    return [flat[:, :, i].reshape(5, 8, 8) for i in range(3)]


@pytest.mark.parametrize("name", ["prompt-tuning", "prefix-tuning", "lora"])
def test_an_adapter_is_never_ignored_when_text_is_written(
    name: str, model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    import torch

    base = adapted(name, model_of("llama"))
    plain = model.load(ModelSpec(str(model_of("llama"))), {})
    torch.manual_seed(1)
    for parameter in base.model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(std=2.0)
    sampling = Sampling(candidates=1, max_new_tokens=8)
    texts = [
        [c.text for _, found in generate(b, asked(b, toy, problems), sampling, 42, batch=8) for c in found]
        for b in (base, plain)
    ]
    assert texts[0] != texts[1]


@pytest.mark.parametrize("name", ["lora", "prompt-tuning", "prefix-tuning"])
@pytest.mark.parametrize("family", ["llama", "codegen", "gpt_neox"])
def test_the_loss_on_response_logits_alone_is_the_loss_of_the_model(
    name: str, family: str, model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    base = adapted(name, model_of(family))
    found = rows(PromptBuilder(toy, base), list(zip(asked(base, toy, problems), problems, strict=True)), 256)[0]
    batch = one_batch(found[:6], base)
    labels = batch.labels()
    assert (
        int(batch.total)
        == int((labels != -100).sum())
        == sum(len(r["labels"]) - r["labels"].count(-100) for r in found[:6])
    )
    theirs = base.model(input_ids=batch.ids, attention_mask=batch.mask, labels=labels).loss.item()
    assert summed_loss(base, batch).item() / int(batch.total) == pytest.approx(theirs, rel=1e-5)


def test_a_smaller_micro_batch_takes_the_same_step(
    model_of: Callable[[str], Path], toy: Task, problems: list[Problem], tmp_path: Path
) -> None:
    import torch

    from harness.tuning.loop import TrainingLoop

    weights = []
    for micro in (8, 2):
        base = adapted("lora", model_of("llama"), dropout=0.0)
        found = rows(PromptBuilder(toy, base), list(zip(asked(base, toy, problems), problems, strict=True)), 256)[0]
        tuning = replace(Registry().method("lora").plugin.tuning(Registry().method("lora").plugin.Config()), epochs=1.0)
        folder = tmp_path / str(micro)
        folder.mkdir()
        TrainingLoop(base, found[:8], found[8:12], tuning, micro, folder, 42, lambda *_: None).run()
        weights.append(torch.cat([p.detach().flatten() for p in base.model.parameters() if p.requires_grad]))
    assert torch.allclose(weights[0], weights[1], atol=1e-6)

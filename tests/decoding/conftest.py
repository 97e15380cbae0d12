"""Tiny models of many families with random weights, and prompts that share a beginning."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.modeling import base as model
from harness.modeling.base import Base, ModelSpec
from harness.modeling.prompts import Prompt

_LLAMA: Mapping[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
_WITHOUT_GROUPS = {name: value for name, value in _LLAMA.items() if name != "num_key_value_heads"}
_GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512, "n_inner": 64}
FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "llama": _LLAMA,
    "mistral": {**_LLAMA, "sliding_window": 8},
    "qwen2": _LLAMA,
    "qwen3": {**_LLAMA, "head_dim": 8},
    "starcoder2": {**_LLAMA, "sliding_window": 12},
    "gpt_neox": _WITHOUT_GROUPS,
    "phi": _WITHOUT_GROUPS,
    "gemma": {**_LLAMA, "head_dim": 8},
    "gemma2": {**_LLAMA, "head_dim": 8, "sliding_window": 8},
    "gpt_oss": {**_LLAMA, "head_dim": 8, "sliding_window": 8, "num_local_experts": 4, "num_experts_per_tok": 2},
    "gpt2": _GPT,
    "codegen": {**_GPT, "rotary_dim": 4},
    "gptj": {**_GPT, "rotary_dim": 4},
}
"""Grouped heads, sliding windows, scores that are capped, sinks, learnt positions, attention without the interface."""


@pytest.fixture(scope="session")
def load(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Base]:
    """Loads a model of a family anew; its weights are made once."""
    made: dict[str, Path] = {}

    def make(family: str) -> Base:
        if family not in made:
            made[family] = _saved(family, tiny_model, tmp_path_factory.mktemp(family))
        return model.load(ModelSpec(str(made[family])), {})

    return make


def _saved(family: str, tokenizer: Path, folder: Path) -> Path:
    from transformers import AutoConfig, AutoModelForCausalLM

    ends = {"eos_token_id": 0, "pad_token_id": 0, "bos_token_id": None}
    config = AutoConfig.for_model(family, **FAMILIES[family], **ends, vocab_size=257, tie_word_embeddings=False)
    torch.manual_seed(0)
    made = AutoModelForCausalLM.from_config(config)
    # Random weights of the usual scale say nothing; larger ones make every token's score its own.
    for parameter in made.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(3)
    made.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder / name)
    return folder


SHARED = "# sort, print, add and count things\n"
TEXTS = ("print cat", "print the house and the tree", "a", "sort these", "count 3", "add one to x, then go", "b")


@pytest.fixture
def prompts() -> Callable[..., list[Prompt]]:
    """Prompts of several lengths, with or without a beginning that all share."""

    def make(base: Base, shared: str = SHARED) -> list[Prompt]:
        texts = [shared + text for text in TEXTS]
        return [Prompt(f"p/{i}", text, tuple(base.tokenizer(text)["input_ids"])) for i, text in enumerate(texts)]

    return make


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads cost more than these models do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

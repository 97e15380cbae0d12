"""A tiny model with random weights of each family, and a task that it can learn."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.plugin import Task
from harness.records import Problem

SIZES = {
    "llama": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
    },
    "codegen": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 512, "n_inner": 64},
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0},
}
SIZES["qwen2"] = SIZES["starcoder2"] = SIZES["llama"]
SIZES["gpt_neox"] = {k: v for k, v in SIZES["llama"].items() if k != "num_key_value_heads"}


@pytest.fixture(scope="session")
def model_of(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Saves a model of a family once, with the byte-level tokenizer, and gives its folder."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            made[family] = _saved(family, tiny_model, tmp_path_factory.mktemp(family))
        return made[family]

    return make


def _saved(family: str, tokenizer: Path, folder: Path) -> Path:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    settings: dict[str, Any] = {**SIZES[family], "vocab_size": 257, "eos_token_id": 0, "pad_token_id": 0}
    config = AutoConfig.for_model(family, **settings, bos_token_id=None, tie_word_embeddings=family == "t5")
    torch.manual_seed(0)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = kind.from_config(config)
    # Random weights of the usual scale say nothing; larger ones make every token's score its own.
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(3)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder / name)
    return folder


class Toy(Task):
    """Repeat the last word: enough to see a loss fall."""

    name = "toy"


@pytest.fixture
def toy() -> Task:
    """The task."""
    return Toy()


@pytest.fixture
def problems() -> list[Problem]:
    """Twenty-four problems of several lengths."""
    words = ("cat", "house", "a", "zebra", "tree", "ox")
    return [
        Problem(f"toy/{i}", " ".join(["print", *words[: i % 4], words[i % 6]]), (f"print('{words[i % 6]}')",))
        for i in range(24)
    ]

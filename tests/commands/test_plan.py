"""`harness plan`: trainable parameters from a configuration alone, as the study's Table 3 has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.commands.plan import command

MODELS = {
    # (configuration; LoRA, IA3, prompt tuning, prefix tuning; the same in the study's millions)
    "CodeT5+-220M": (
        {
            "model_type": "t5",
            "d_model": 768,
            "d_kv": 64,
            "d_ff": 3072,
            "num_layers": 12,
            "num_heads": 12,
            "vocab_size": 32100,
        },
        (2654208, 175104, 30720, 184320),
        (2.7, 0.17, 0.03, 0.18),
    ),
    "CodeT5+-770M": (
        {
            "model_type": "t5",
            "d_model": 1024,
            "d_kv": 64,
            "d_ff": 4096,
            "num_layers": 24,
            "num_heads": 16,
            "vocab_size": 32100,
        },
        (7077888, 466944, 40960, 491520),
        (7, 0.4, 0.04, 0.5),
    ),
    "CodeGen-350M-mono": (
        {"model_type": "codegen", "n_embd": 1024, "n_layer": 20, "n_head": 16, "rotary_dim": 32, "vocab_size": 51200},
        (1310720, 163840, 20480, 409600),
        (1.3, 0.16, 0.02, 0.4),
    ),
    "CodeGen2-1B": (
        {"model_type": "codegen", "n_embd": 2048, "n_layer": 16, "n_head": 16, "rotary_dim": 64, "vocab_size": 51200},
        (2097152, 262144, 40960, 655360),
        (2, 0.2, 0.04, 0.6),
    ),
    "CodeGen2-3.7B": (
        {"model_type": "codegen", "n_embd": 4096, "n_layer": 16, "n_head": 16, "rotary_dim": 64, "vocab_size": 51200},
        (4194304, 524288, 81920, 1310720),
        (4, 0.5, 0.08, 1.3),
    ),
    "CodeGen2-7B": (
        {"model_type": "codegen", "n_embd": 4096, "n_layer": 32, "n_head": 16, "rotary_dim": 64, "vocab_size": 51200},
        (8388608, 1048576, 81920, 2621440),
        (8.3, 1, 0.08, 2.6),
    ),
    "CodeLlama-7B": (
        {
            "model_type": "llama",
            "hidden_size": 4096,
            "num_hidden_layers": 32,
            "intermediate_size": 11008,
            "num_attention_heads": 32,
            "vocab_size": 32016,
        },
        (12582912, 1007616, 81920, 2621440),
        (12.5, 1, 0.08, 2.6),
    ),
}
METHODS = ("lora", "ia3", "prompt-tuning", "prefix-tuning")


@pytest.mark.parametrize("name", MODELS)
def test_trainable_parameters_are_those_of_the_study(name: str, tmp_path: Path) -> None:
    config, exact, published = MODELS[name]
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**config, "is_encoder_decoder": config["model_type"] == "t5"}))
    result = CliRunner().invoke(command, ["--model", str(path), "--method", ",".join(METHODS), "--json"])
    found = json.loads(result.stdout)
    assert [one["method"] for one in found] == list(METHODS)
    assert [one["trainable_parameters"] for one in found] == list(exact)
    for one, millions in zip(found, published, strict=True):
        digits = len(str(millions).partition(".")[2])
        step = 10**-digits
        # The study's column rounds some cells and cuts others.
        assert abs(one["trainable_parameters"] / 1e6 - millions) < step


def test_one_method_is_one_object_and_any_tuner_of_peft_can_be_asked(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(MODELS["CodeLlama-7B"][0]))
    result = CliRunner().invoke(
        command, ["--model", str(tmp_path), "--method", "peft:dora", "--set", "peft:dora.r=4", "--json"]
    )
    found = json.loads(result.stdout)
    # LoRA of rank 4, and a magnitude for each of 3 x 4096 outputs in 32 layers.
    assert found["trainable_parameters"] == 12582912 // 4 + 32 * 3 * 4096
    assert found["total_parameters"] == 6738546688

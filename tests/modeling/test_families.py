"""Every family that transformers ships is used as transformers uses it, or is refused in one clear line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.decoding.cache import clear_recurrent_states
from harness.decoding.generate import generate, kv_bytes_per_token
from harness.decoding.sampling import seeded_logits_processor
from harness.errors import ModelError
from harness.modeling.base import Base, meta, parameters
from harness.modeling.bases import LoadedBases
from harness.modeling.prompts import Prompt, PromptBuilder
from harness.plugin import Task
from harness.plugin_system.registry import Registry
from harness.records import ModelSpec, Problem, Sampling
from harness.tuning.train import fit, rows

SIZES: Mapping[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "lru_width"), 32),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "d_ff", "decoder_ffn_dim", "encoder_ffn_dim"), 64),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"), 512),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 32),
    **dict.fromkeys(("head_dim", "sliding_window", "attention_window_size", "hidden_size_per_layer_input"), 8),
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input"), 257),
    "num_key_value_heads": 2,
    "num_experts_per_tok": 2,
    "rotary_dim": 4,
    "d_kv": 8,
    # Latent attention.
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank"), 16),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("n_group", "topk_group", "first_k_dense_replace"), 1),
    # State spaces and linear attention.
    **dict.fromkeys(("mamba_d_state", "state_size", "ssm_state_size", "mamba_chunk_size", "chunk_size"), 8),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads", "n_mamba_heads", "mamba_dt_rank", "time_step_rank"), 4),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim", "mamba_headdim"), 16),
    **dict.fromkeys(("mamba_n_groups", "mamba_ngroups", "n_groups"), 1),
    "mamba_expand": 2,
    "mamba_d_ssm": 64,
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    **dict.fromkeys(("expert_layer_period", "attn_layer_period"), 2),
    **dict.fromkeys(("expert_layer_offset", "attn_layer_offset"), 1),
}
"""What families call their sizes; a configuration is given those that it has."""

_HYBRID = {"layer_types": ["linear_attention", "full_attention"]}
_LATENT = {"num_key_value_heads": 4, "qk_rope_head_dim": 4, "head_dim": 4}
_START = {"decoder_start_token_id": 0}
_PLAIN: Mapping[str, Any] = {}
FAMILIES: Mapping[str, Mapping[str, Any]] = {
    # Attention alone.
    **dict.fromkeys(("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "llama4_text"), _PLAIN),
    **dict.fromkeys(("gemma", "gemma2", "gemma3", "gemma4_text", "phi", "phi3", "cohere", "cohere2", "olmo2"), _PLAIN),
    **dict.fromkeys(("olmoe", "granite", "stablelm", "starcoder2", "smollm3", "glm4", "exaone4", "gpt_oss"), _PLAIN),
    **dict.fromkeys(("gpt2", "gpt_neox", "gptj", "codegen", "opt", "bloom", "mpt", "ctrl"), _PLAIN),
    # One key and value for all heads; keys and values from a latent.
    "gpt_bigcode": {"multi_query": True, "num_key_value_heads": 1},
    "falcon": {"new_decoder_architecture": False, "multi_query": True, "num_kv_heads": 1},
    **dict.fromkeys(("deepseek_v2", "deepseek_v3", "minicpm3"), _LATENT),
    # Recurrent, convolution and state-space layers, some beside attention.
    "lfm2": {"layer_types": ["conv", "full_attention"], "full_attn_idxs": None},
    **dict.fromkeys(("qwen3_next", "qwen3_5"), _HYBRID),
    "granitemoehybrid": {"layer_types": ["mamba", "attention"], "shared_intermediate_size": 32},
    "recurrent_gemma": {"block_types": ["recurrent", "attention"]},
    "bamba": {"attn_layer_indices": [1]},
    "nemotron_h": {"layers_block_type": ["mamba", "attention"]},
    "zamba2": {
        "num_hidden_layers": 3,
        "layers_block_type": ["mamba", "hybrid", "mamba"],
        "hybrid_layer_ids": [1],
        "num_mem_blocks": 1,
        "adapter_rank": 8,
    },
    "mamba2": {"num_heads": 4, "head_dim": 16, "n_groups": 1, "expand": 2, "chunk_size": 8},
    **dict.fromkeys(("jamba", "falcon_h1", "mamba", "falcon_mamba", "minimax", "rwkv"), _PLAIN),
    # No cache, or one of their own.
    **dict.fromkeys(("openai-gpt", "xlnet"), _PLAIN),
    # Encoder-decoder.
    **dict.fromkeys(("t5", "mt5", "bart", "plbart", "m2m_100", "pegasus", "longt5", "switch_transformers"), _START),
}
"""What a family needs beside the sizes."""
ALIKE = {
    *("qwen2_moe", "qwen3_moe", "cohere2", "olmo2", "olmoe", "granite", "smollm3", "glm4", "exaone4", "starcoder2"),
    *("gptj", "ctrl", "deepseek_v2", "minicpm3", "bamba", "falcon_h1", "nemotron_h", "falcon_mamba", "minimax"),
    *("openai-gpt", "mt5", "plbart", "switch_transformers"),
}
"""Families whose layers others have, too: with `--long`."""
EACH = [pytest.param(family, marks=pytest.mark.long) if family in ALIKE else family for family in FAMILIES]


BEAMS = Sampling(candidates=3, max_new_tokens=8)
SAMPLED = Sampling(candidates=3, max_new_tokens=8, temperature=0.8, top_p=0.95)
SEED = 42
TEXTS = ("print cat", "print the house", "a", "sort these")
"""Prompts of three lengths, two of them of one."""
METHODS = ("lora", "ia3", "prompt-tuning", "prefix-tuning")

_WITHOUT_KEYS = {"prefix-tuning"}
_WITHOUT_EMBEDDINGS = {"prefix-tuning", "prompt-tuning"}
REFUSED: Mapping[str, set[str]] = {
    **dict.fromkeys(("lfm2", "qwen3_next", "qwen3_5", "granitemoehybrid", "recurrent_gemma", "jamba"), _WITHOUT_KEYS),
    **dict.fromkeys(("mamba", "mamba2", "falcon_mamba", "minimax", "rwkv"), _WITHOUT_KEYS),
    **dict.fromkeys(("deepseek_v2", "deepseek_v3", "minicpm3"), _WITHOUT_KEYS),
    # transformers gives `generate` of these no embeddings.
    **dict.fromkeys(("bamba", "falcon_h1", "nemotron_h", "zamba2", "openai-gpt"), _WITHOUT_EMBEDDINGS),
    "gemma4_text": {"prompt-tuning"},
    # Its projections are no linear layers.
    "xlnet": set(METHODS),
}
"""Methods that a family has no place for."""


def save(family: str, tokenizer: Path, folder: Path) -> Path:
    """Save a tiny model of `family`, with the files of `tokenizer`, to `folder`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = configuration(family)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    torch.manual_seed(0)
    model = kind.from_config(config)
    # Random weights of the usual scale say nothing; larger ones make every token's score its own.
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(3)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder / name)
    return folder


def configuration(family: str) -> Any:
    """The tiny configuration of a family; of one for texts and images, with tiny images."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind, more = CONFIG_MAPPING[family], dict(FAMILIES[family])
    parts = getattr(kind, "sub_configs", None) or {}
    if "text_config" not in parts:
        return kind(**_sizes(kind, more))
    images = kind().vision_config
    few = {"image_size": 8, "patch_size": 4, "depth": 1, "out_hidden_size": 32, "num_heads": 2, "hidden_size": 16}
    few |= {"intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return kind(
        text_config=_sizes(type(kind().text_config), more),
        vision_config={name: value for name, value in few.items() if hasattr(images, name)},
        **_ENDS,
    )


_ENDS: Mapping[str, Any] = {"eos_token_id": 0, "pad_token_id": 0, "bos_token_id": None}


def _sizes(kind: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    known, renamed = vars(kind()), getattr(kind, "attribute_map", {})
    sizes = {name: value for name, value in SIZES.items() if name in known and name not in renamed}
    return {**sizes, **_ENDS, **more}


NO_BEAMS = {"rwkv", "recurrent_gemma"}
"""Their layers keep a state of their own, which transformers does not put in the order of the beams."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads cost more than these models do."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def family_of(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Saves a model of a family once and gives its folder."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            made[family] = save(family, tiny_model, tmp_path_factory.mktemp(family.replace("-", "_")))
        return made[family]

    return make


def asked(base: Base) -> list[Prompt]:
    return [Prompt(f"p/{i}", text, tuple(base.tokenizer(text)["input_ids"])) for i, text in enumerate(TEXTS)]


def written(base: Base, sampling: Sampling, size: int) -> dict[str, list[str]]:
    """All that was written; blanks around an answer are not kept."""
    return {
        p.id: [c.written.strip() for c in found] for p, found in generate(base, asked(base), sampling, SEED, batch=size)
    }


def by_transformers(base: Base, prompt: Prompt, sampling: Sampling) -> list[str]:
    """What `generate` alone writes for one prompt, without padding and with its own cache."""
    import torch

    ids = torch.tensor([prompt.tokens])
    options: dict[str, Any] = {"num_beams": sampling.candidates, "do_sample": False}
    if sampling.temperature > 0:
        chosen = seeded_logits_processor([prompt.id], sampling, SEED, sampling.max_new_tokens)
        options = {"do_sample": True, "top_k": 0, "logits_processor": [chosen]}
    with torch.inference_mode():
        found = base.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            num_return_sequences=sampling.candidates,
            max_new_tokens=sampling.max_new_tokens,
            **options,
        )
    tokens = found[:, 1 if base.seq2seq else ids.shape[1] :].tolist()
    cut = [row[: row.index(0)] if 0 in row else row for row in tokens]
    return [base.tokenizer.decode(row, clean_up_tokenization_spaces=False).strip() for row in cut]


@pytest.mark.parametrize("sampling", [BEAMS, SAMPLED], ids=["beams", "sampled"])
@pytest.mark.parametrize("family", EACH)
def test_zero_shot_writes_what_transformers_writes_alone(
    family: str, sampling: Sampling, family_of: Callable[[str], Path]
) -> None:
    base = LoadedBases().get(ModelSpec(str(family_of(family))), _PLAIN)
    if family in NO_BEAMS and sampling is BEAMS:
        with pytest.raises(ModelError, match=r"beam.*--temperature") as refused:
            written(base, sampling, 4)
        assert "\n" not in str(refused.value)
        return
    alone = {}
    for prompt in asked(base):
        clear_recurrent_states(base.model)
        alone[prompt.id] = by_transformers(base, prompt, sampling)
    assert written(base, sampling, 4) == alone
    assert written(base, sampling, 1) == alone
    assert len({text for found in alone.values() for text in found}) > 2


@pytest.mark.parametrize("family", EACH)
def test_a_method_trains_two_steps_and_writes_or_is_refused_in_one_line(
    family: str, family_of: Callable[[str], Path], toy: Task, problems: list[Problem], tmp_path: Path
) -> None:
    bases = LoadedBases()
    refused = set()
    for name in METHODS:
        method = Registry().method(name).plugin
        try:
            adapted = method.adapt(bases.get(ModelSpec(str(family_of(family))), _PLAIN), method.Config())
        except ModelError as error:
            assert "\n" not in str(error)
            refused.add(name)
            continue
        tuned_and_written(adapted, method, toy, problems, tmp_path / name)
        bases.release(adapted)
    assert refused == REFUSED.get(family, set())


def tuned_and_written(base: Base, method: Any, toy: Task, problems: Sequence[Problem], folder: Path) -> None:
    layout = PromptBuilder(toy, base)
    found = rows(layout, [(layout.prompt(problem), problem) for problem in problems[:10]], 256)[0]
    tuning = replace(method.tuning(method.Config()), epochs=1.0, batch_size=4, evaluate_every=1.0)
    assert fit(base, found[:8], found[8:], tuning, folder, SEED, lambda *_: None).steps == 2
    short = replace(SAMPLED, candidates=2, max_new_tokens=4)
    assert written(base, short, 4) == written(base, short, 1)


@pytest.mark.parametrize("family", ["llama", "gemma3", "qwen3_5"])
def test_context_and_vocabulary_are_those_of_what_writes(family: str, family_of: Callable[[str], Path]) -> None:
    base = LoadedBases().get(ModelSpec(str(family_of(family))), {})
    assert (base.context, base.text_config.vocab_size) == (512, 257)


@pytest.mark.parametrize(
    ("family", "numbers"),
    [
        ("llama", 2 * 2 * 2 * 8),
        ("gemma3", 2 * 2 * 2 * 8),
        ("falcon", 2 * 2 * 1 * 8),
        ("deepseek_v3", 2 * (16 + 4)),  # a latent and a rotated key, for all heads
    ],
)
def test_the_keys_and_values_of_a_token_are_measured(
    family: str, numbers: int, family_of: Callable[[str], Path]
) -> None:
    base = LoadedBases().get(ModelSpec(str(family_of(family))), {})
    assert kv_bytes_per_token(base) == 4 * numbers


@pytest.mark.parametrize("family", ["lfm2", "mamba", "jamba", "t5", "rwkv", "mpt", "ctrl"])
def test_a_batch_has_a_size_on_every_family(family: str, family_of: Callable[[str], Path]) -> None:
    assert 0 < kv_bytes_per_token(LoadedBases().get(ModelSpec(str(family_of(family))), {})) < 10_000


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("family", ["gemma3", "falcon", "gpt_bigcode", "mixtral", "gpt2"])
def test_a_plan_without_weights_tells_what_is_trained(family: str, name: str, family_of: Callable[[str], Path]) -> None:
    method, spec = Registry().method(name).plugin, ModelSpec(str(family_of(family)))
    bases = meta(spec), LoadedBases().get(spec, {})
    planned, loaded = (parameters(method.adapt(base, method.Config()).model) for base in bases)
    assert planned == loaded

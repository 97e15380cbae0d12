"""Which layers of a model an adapter goes on, and how it is put there.

The study's table for its model families (peft-llm-code, utils.py at c55e532), found by the layers' names, and a
general rule for every other architecture: the linear layers that live in attention blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.errors import ModelError
from harness.model import Base

# Names by family: (query, key, value; feed-forward). The first row whose attention names all exist is taken.
_FAMILIES: Sequence[tuple[tuple[str, ...], tuple[str, ...]]] = (
    (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj", "down_proj")),  # Llama, Qwen2, Mistral, Gemma
    (("q_proj", "k_proj", "v_proj"), ("c_fc", "c_proj")),  # StarCoder2
    (("q_proj", "k_proj", "v_proj"), ("fc1", "fc2")),  # Phi, OPT
    (("q_proj", "k_proj", "v_proj"), ("fc_in", "fc_out")),  # GPT-J
    (("q_proj", "k_proj", "v_proj"), ()),
    (("qkv_proj",), ("fc_in", "fc_out")),  # CodeGen, CodeGen2
    (("qkv_proj",), ("gate_up_proj", "down_proj")),  # Phi-3
    (("query_key_value",), ("dense_h_to_4h", "dense_4h_to_h")),  # GPT-NeoX, Falcon, BLOOM
    (("c_attn",), ("c_fc", "c_proj")),  # GPT-2, GPT-BigCode
    (("q", "k", "v"), ("wi", "wo")),  # T5, CodeT5+
    (("q", "k", "v"), ("wi_0", "wi_1", "wo")),  # T5 v1.1
    (("Wqkv",), ("up_proj", "down_proj")),  # MPT
)
_ATTENTION = re.compile(r"(^|\.)(self_)?(attn|attention|self_attention|mixer)(\.|$)", re.IGNORECASE)


def attention(model: Any) -> list[str]:
    """Names of the query, key and value projections.

    Raises:
        ModelError: the model has no attention that can be told by its names; says how to name the layers.
    """
    return _family(model)[0]


def feed_forward(model: Any) -> list[str]:
    """Names of the feed-forward projections; empty when the family has none that can be told by name."""
    return _family(model)[1]


def _family(model: Any) -> tuple[list[str], list[str]]:
    linear = linear_names(model)
    for queries, forwards in _FAMILIES:
        if set(queries) <= linear and set(forwards) <= linear:
            return list(queries), list(forwards)
    inside = sorted({name.rsplit(".", 1)[-1] for name, _ in _linears(model) if _ATTENTION.search(name)})
    if not inside:
        kind = type(model).__name__
        raise ModelError(f"{kind}: no attention layer can be told by its name; name them with --set METHOD.targets=a,b")
    return inside, sorted(linear - set(inside) - {"lm_head", "embed_out", "score"})


def linear_names(model: Any) -> set[str]:
    """The last parts of the names of all linear layers, quantised ones included."""
    return {name.rsplit(".", 1)[-1] for name, _ in _linears(model)}


def _linears(model: Any) -> list[tuple[str, Any]]:
    import torch

    def linear(module: Any) -> bool:
        return isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D"

    return [(name, module) for name, module in model.named_modules() if linear(module)]


def wrap(base: Base, settings: Any) -> Base:
    """The base with the PEFT adapter of `settings` on it.

    Raises:
        ModelError: PEFT refuses the combination; its reason is kept.
    """
    import peft

    settings.task_type = peft.TaskType.SEQ_2_SEQ_LM if base.seq2seq else peft.TaskType.CAUSAL_LM
    try:
        model = peft.get_peft_model(base.model, settings)
    except ValueError as error:
        raise ModelError(f"{settings.peft_type}: {' '.join(str(error).split())[:300]}") from None
    return replace(base, model=model)

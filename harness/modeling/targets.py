"""Which layers of a model an adapter goes on, and how it is put there.

The study's table for its model families (peft-llm-code, utils.py at c55e532), found by the layers' names, and a
general rule for every other architecture: the linear layers that live in attention blocks.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.errors import ModelError, unknown
from harness.modeling.base import PREFIXES, Base
from harness.modeling.kv_cache import has_plain_kv_cache, probe_kv_cache

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
    (("Wq", "Wk", "Wv"), ()),  # CTRL
    # Mamba; its kernels read the weights of the other layers past any adapter.
    (("in_proj",), ()),
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


def named(model: Any, names: Sequence[str], option: str) -> list[str]:
    """`names`, each of which is the name (or the last parts of the name) of some layer; PEFT leaves out the others.

    Raises:
        UsageError: a name that no layer has; `option` is what it was given with.
    """
    layers = [name for name, _ in model.named_modules() if name]
    known = {last for name in layers if not (last := name.rsplit(".", 1)[-1]).isdigit()}
    for name in names:
        if not any(layer == name or layer.endswith(f".{name}") for layer in layers):
            raise unknown(f"layer of {type(model).__name__} for --set {option}", name, known)
    return list(names)


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
        ModelError: PEFT refuses the combination, and its reason is kept; or the family has no place for virtual tokens.
    """
    import peft

    settings.task_type = peft.TaskType.SEQ_2_SEQ_LM if base.seq2seq else peft.TaskType.CAUSAL_LM
    heads = _fit_virtual_tokens(base, settings) if settings.is_prompt_learning and not base.seq2seq else None
    try:
        with warnings.catch_warnings():
            # PEFT sets it right by itself for GPT-2's layers, and says so.
            warnings.filterwarnings("ignore", message="fan_in_fan_out is set to")
            model = peft.get_peft_model(base.model, settings)
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"{settings.peft_type.value.lower()}: PEFT refuses its options: {' '.join(str(error).split())[:300]}"
        ) from None
    if heads is not None and settings.num_attention_heads != heads:
        message = (
            f"PEFT takes {settings.num_attention_heads} heads of keys from the configuration, and the model has {heads}"
        )
        raise ModelError(f"{settings.peft_type.value}: {message}; correct num_key_value_heads in its config.json")
    return replace(base, model=model)


def _fit_virtual_tokens(base: Base, settings: Any) -> int | None:
    """Refuse a family that has no place for virtual tokens, and give `settings` the shapes of one that has.

    Returns the heads that trained keys have to have, where they are known.

    PEFT guesses the shapes from names in the configuration, which some families do not have or use otherwise.
    """
    kind, prefix = type(base.model).__name__, settings.peft_type.value in PREFIXES
    try:
        (_fit_prefix if prefix else _fit_embeddings)(base, settings)
    except ModelError as error:
        method = settings.peft_type.value.lower().replace("_", "-")
        raise ModelError(f"{method}: {kind} {error}; use a method that adapts layers, like lora") from None
    return settings.num_attention_heads if prefix else None


def _fit_embeddings(base: Base, settings: Any) -> None:
    import torch

    model = base.model
    takes = inspect.signature(
        model.forward if has_plain_kv_cache(model) else model.prepare_inputs_for_generation
    ).parameters
    if "inputs_embeds" not in takes:
        raise ModelError("writes from tokens alone, not from embeddings")
    table = model.get_input_embeddings()
    if table.weight.device.type != "meta":
        ids = torch.ones(1, 2, dtype=torch.long, device=table.weight.device)
        try:
            with torch.no_grad():
                model(inputs_embeds=0.5 * table(ids))  # no token's own, as trained ones are
        except (RuntimeError, ValueError, AttributeError) as error:  # a family's own way to miss the tokens
            raise ModelError(f"needs the tokens beside their embeddings ({str(error).splitlines()[0][:80]})") from None
    settings.token_dim = settings.token_dim or table.weight.shape[1]
    settings.num_attention_heads = settings.num_attention_heads or getattr(base.text_config, "num_attention_heads", 1)


def _fit_prefix(base: Base, settings: Any) -> None:
    if not has_plain_kv_cache(base.model):
        raise ModelError("has layers that keep no keys and values to put trained ones before")
    try:
        pairs = [pair for pair in probe_kv_cache(base.model) if pair is not None]
    except (RuntimeError, NotImplementedError):
        if base.device.type != "meta":
            raise
        return  # a few families look at the numbers, and a plan has none: PEFT's own guess then
    for keys, values in pairs:
        if keys.shape != values.shape:
            widths = f"keys of {keys.shape[-1]} numbers and values of {values.shape[-1]}"
            raise ModelError(f"keeps {widths}, and trained ones are of one width")
    shapes = {(keys.shape[1], keys.shape[-1]) for keys, _ in pairs}
    if len(shapes) == 1 and len(pairs) == base.text_config.num_hidden_layers:
        heads, width = shapes.pop()
        settings.num_layers, settings.num_attention_heads, settings.token_dim = len(pairs), heads, heads * width

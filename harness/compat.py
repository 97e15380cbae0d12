"""Everything that touches an internal of another library, each with its reason.

`tests/test_compat.py` fails with one line for each of these when an upgrade takes it away.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from harness.disk import file_errors
from harness.records import ModelSpec


def takes_any_cache(model: Any) -> bool:
    """Whether a model of transformers works with the library's own cache of keys and values.

    Families with a cache of their own say so in this method alone.
    """
    return bool(model._supports_default_dynamic_cache())


def cache_argument(model: Any) -> str | None:
    """The name of the argument for the cache of a model of transformers; None for a model without such an argument.

    transformers 5.24 renamed `past_key_values` to `cache` in models and in `generate`, and warns at the earlier name.
    """
    accepted = inspect.signature(model.forward).parameters
    return next((name for name in ("cache", "past_key_values") if name in accepted), None)


def recompute_activations(model: Any, enabled: bool) -> None:
    """Let a model of transformers keep or recompute the activations of its layers.

    transformers renamed `gradient_checkpointing_…` to `activation_checkpointing_…`, and warns at the earlier name.
    """
    kind = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    if enabled:
        # The reentrant kind needs inputs with gradients, which a frozen embedding does not give.
        getattr(model, f"{kind}_checkpointing_enable")({"use_reentrant": False})
    else:
        getattr(model, f"{kind}_checkpointing_disable")()


def cache_keyword(model: Any, cache: Any) -> dict[str, Any]:
    """`cache` as a keyword argument of `model`, which must have one (see `cache_argument`)."""
    name = cache_argument(model)
    assert name is not None, f"{type(model).__name__} takes no cache"
    return {name: cache}


@contextlib.contextmanager
def prefix_as_cache(model: Any) -> Iterator[None]:
    """While it lasts, `generate` of an encoder-decoder model starts from the prefix that PEFT has trained for it.

    PEFT 0.21 hands the prefix over as `past_key_values`, which transformers from 5.24 ignores beside its own `cache`.
    """
    prepare = model.prepare_inputs_for_generation

    @functools.wraps(prepare)  # `generate` reads its signature
    def renamed(*args: Any, **kwargs: Any) -> dict[str, Any]:
        inputs: dict[str, Any] = prepare(*args, **kwargs)
        if "cache" in inputs and "past_key_values" in inputs:
            inputs["cache"] = inputs.pop("past_key_values")
        return inputs

    model.prepare_inputs_for_generation = renamed
    try:
        yield
    finally:
        del model.prepare_inputs_for_generation


def takes_any_attention(model: Any) -> bool:
    """Whether a model of transformers attends by a function that is named in its configuration.

    The public flag for it is not set for all families that do.
    """
    return bool(model._can_set_attn_implementation())


def attention_names(model: Any) -> dict[int, tuple[Any, str]]:
    """Each configuration in `model` that names an attention function, by its `id`, and the name."""
    configs = [vars(part).get("config") for part in model.modules()]
    named = [config for config in configs if hasattr(config, "_attn_implementation_internal")]
    return {id(config): (config, config._attn_implementation) for config in named}


def name_attention(config: Any, name: str) -> None:
    """Name the attention function in `config` alone.

    The public ways to do it name it in the configurations below too, and ask what is known of the name at each step.
    """
    config._attn_implementation_internal = name


ROTARY = "apply_rotary_pos_emb"
"""What transformers' modules call the function of (queries, keys, cos, sin) that turns them by their positions.

They call it by this name, so that another function of this name in the module takes its place.
"""


def modules_with_rotary_function(model: Any) -> dict[ModuleType, Callable[..., Any]]:
    """The modules of transformers that the layers of `model` come from, with their `ROTARY`; empty without one."""
    names = sorted({type(layer).__module__ for layer in model.modules()} & sys.modules.keys())
    found = {sys.modules[name]: getattr(sys.modules[name], ROTARY, None) for name in names}
    return {module: function for module, function in found.items() if callable(function)}


def elementwise_kernel(source: str, outputs: int = 1) -> Callable[..., Any]:
    """A CUDA kernel from the C++ `source` of its function of one element, compiled when it is first called.

    torch documents both functions, under names with an underscore since they are "beta".
    """
    import torch

    jiterator: Any = torch.cuda.jiterator
    if outputs == 1:
        return cast(Callable[..., Any], jiterator._create_jit_fn(source))
    return cast(Callable[..., Any], jiterator._create_multi_output_jit_fn(source, num_outputs=outputs))


def cuda_kernel(source: str, name: str) -> Callable[..., None]:
    """The function `name` of CUDA C++ `source`, compiled for the present GPU; called with grid, block and arguments.

    torch has it (since 2.9) under a name with an underscore alone. It needs no compiler on the machine. A thread that
    has not used the GPU before, such as that of the first backward pass, has no context to launch it in.
    """
    import torch
    from torch.cuda._utils import _get_gpu_runtime_library

    torch.cuda.synchronize()  # so that there is a context
    driver, context = _get_gpu_runtime_library(), ctypes.c_void_p()
    driver.cuCtxGetCurrent(ctypes.byref(context))
    kernel = torch.cuda._compile_kernel(source, name)

    def launch(**given: Any) -> None:
        driver.cuCtxSetCurrent(context)
        kernel(**given)

    return launch


def gated_mlps(model: Any) -> list[Any]:
    """The modules that may be `down_proj(silu(gate_proj(x)) * up_proj(x))`, by the names of their parts."""
    from torch.nn import SiLU
    from transformers.activations import SiLUActivation

    parts = ("gate_proj", "up_proj", "down_proj")
    found = [module for module in model.modules() if all(hasattr(module, part) for part in parts)]
    return [mlp for mlp in found if isinstance(getattr(mlp, "act_fn", None), SiLU | SiLUActivation)]


def layers_that_cast_inputs(model: Any) -> list[Any]:
    """PEFT's layers that cast their inputs to the type of their weights, while `cast_input_dtype_enabled` is True.

    `peft.helpers.disable_input_dtype_casting` fails on tuners whose layers lack the switch, such as IA3 (peft 0.21).
    """
    return [layer for layer in model.modules() if getattr(layer, "cast_input_dtype_enabled", False) is True]


def plain_low_rank_layers(model: Any) -> list[tuple[Any, str]]:
    """PEFT's LoRA layers on `torch.nn.Linear` that are no more than two products, a scale and dropout, and the adapter.

    PEFT's layer class tells variants (DoRA and others) apart only in dictionaries by the adapter's name. Layers that
    have no adapter, several active ones, or a merged or switched off one are none of them.
    """
    from peft.tuners.lora import Linear

    layers = [layer for layer in model.modules() if type(layer) is Linear and _is_plain_low_rank(layer)]
    return [(layer, layer.active_adapters[0]) for layer in layers]


def _is_plain_low_rank(layer: Any) -> bool:
    import torch

    if layer.merged or layer.disable_adapters or len(layer.active_adapters) != 1:
        return False
    (adapter,) = layer.active_adapters
    if adapter not in layer.lora_A or adapter in layer.lora_variant or type(layer.base_layer) is not torch.nn.Linear:
        return False
    parts = (layer.lora_A[adapter], layer.lora_B[adapter])
    plain_parts = all(type(part) is torch.nn.Linear and part.bias is None for part in parts)
    frozen = not any(parameter.requires_grad for parameter in layer.base_layer.parameters())
    dropout = type(layer.lora_dropout[adapter])
    return plain_parts and frozen and dropout in (torch.nn.Dropout, torch.nn.Identity)


def low_rank_dropout(layer: Any, adapter: str) -> float:
    """The share of inputs that the dropout of such a layer sets to zero in training."""
    return float(getattr(layer.lora_dropout[adapter], "p", 0.0))


def adapter_layers(model: Any) -> dict[str, Any]:
    """PEFT's layers in `model`, by the names that their base layers have in it without an adapter.

    Also its wrappers of modules that it trains as a whole. PEFT puts its layers in the places of those that they wrap.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    kinds = (BaseTunerLayer, AuxiliaryTrainingWrapper)
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, kinds)}


_LINEAR = ("Linear", "Linear8bitLt", "Linear4bit")
"""What PEFT's tuners call their layers on a linear base layer, whole and quantised."""


def _is_linear_of(tuner: ModuleType, layer: Any, prefix: str = "") -> bool:
    """Whether `layer` is one of `tuner` on a linear base, with one active adapter that is neither merged nor off."""
    kinds = [getattr(tuner, prefix + name, None) for name in _LINEAR]
    return type(layer) in kinds and not layer.merged and not layer.disable_adapters and len(layer.active_adapters) == 1


def low_rank_update(layer: Any) -> tuple[Any, Any, float] | None:
    """A (r, in), B (out, r) and the scale of one of PEFT's layers that adds scale * B A x, and nothing else.

    None for all others. Variants of LoRA (DoRA and others) are told apart as in `plain_low_rank_layers`.
    """
    import torch
    from peft.tuners import adalora, lora

    if _is_linear_of(adalora, layer, "SVD"):
        (name,) = layer.active_adapters
        a, b = layer.lora_A[name] * layer.lora_E[name], layer.lora_B[name]
        return a, b, float(layer.scaling[name] / (layer.ranknum[name] + 1e-5))
    if not _is_linear_of(lora, layer):
        return None
    (name,) = layer.active_adapters
    if name not in layer.lora_A or name in layer.lora_variant:
        return None
    parts = (layer.lora_A[name], layer.lora_B[name])
    if not all(type(part) is torch.nn.Linear and part.bias is None for part in parts):
        return None
    return parts[0].weight, parts[1].weight, float(layer.scaling[name])


def learnt_scale(layer: Any) -> tuple[Any, bool] | None:
    """The vector of one of PEFT's IA3 layers, and whether it multiplies inputs; else outputs. None for all others."""
    from peft.tuners import ia3

    if not _is_linear_of(ia3, layer):
        return None
    (name,) = layer.active_adapters
    return (layer.ia3_l[name].flatten(), bool(layer.is_feedforward)) if name in layer.ia3_l else None


def unload(adapted: Any) -> Any:
    """The plain model below PEFT's, as if it had never been adapted.

    PEFT's own `unload` leaves its configuration behind, and would take the next adapter for a second one.
    """
    inner = adapted.base_model
    plain = inner.unload() if hasattr(inner, "unload") else adapted.get_base_model()
    plain.__dict__.pop("peft_config", None)
    plain._hf_peft_config_loaded = False
    return plain


def exchange_products(matmul_4bit: Callable[..., Any], matmul: Callable[..., Any]) -> tuple[Any, Any]:
    """Have bitsandbytes' layers use these functions; returns those they used before.

    Its layers look both names up in the package at each call, and offer no other place to put a product of one's own.
    """
    import bitsandbytes

    before = bitsandbytes.matmul_4bit, bitsandbytes.matmul
    bitsandbytes.matmul_4bit, bitsandbytes.matmul = matmul_4bit, matmul
    return before


def processor_template(spec: ModelSpec, place: str) -> str | None:
    """The chat template in the file in which processors kept it before tokenizers read theirs; None without one.

    transformers has no public name for that file, nor a public way to be told that it is not there without an error.
    """
    from transformers.utils import LEGACY_PROCESSOR_CHAT_TEMPLATE_FILE, cached_file

    file = cached_file(
        place,
        LEGACY_PROCESSOR_CHAT_TEMPLATE_FILE,
        revision=spec.revision,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if not file:
        return None
    with file_errors(Path(file)):
        found: str | None = json.loads(Path(file).read_text("utf-8")).get("chat_template")
    return found


def chrf_counts(counter: Any, text: str, references: list[str]) -> list[int]:
    """(candidate, reference, match) of each order for one text, as sacrebleu's chrF counts them.

    Its public functions give the score alone, and the score of a set of problems needs the counts.
    """
    (counts,) = counter._extract_corpus_statistics([text], [[reference] for reference in references])
    return list(counts)


def take_over_ray_messages(ray: Any, show: Callable[[str], None]) -> None:
    """Give `show` the lines that Ray prints in the process that is connected to a cluster.

    It prints what nodes say, and warnings of its own, to stdout, which is a command's data; there is no public switch
    for the latter.
    """

    def take(data: Any, ignore_prefix: bool = False) -> None:  # noqa: ARG001 - as it is called
        for line in data["lines"]:
            show(str(line))

    ray._private.worker.print_to_stdstream = take

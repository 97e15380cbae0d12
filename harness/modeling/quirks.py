"""Faults of models and libraries that are worked round here, each with its reason: CodeGen2, bitsandbytes, logging."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any


def prepare_process() -> None:
    """Settings that must stand before torch is imported.

    Two OpenMP threads that spin on two busy cores were measured 37 times slower than waiting ones.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    # Importing bm25s starts JAX where it is installed, which would take three quarters of a GPU's memory for itself.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    # It announces an optional kernel package that would be fetched from the hub.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.CRITICAL)
    # LLM.int8() multiplies in 16 bits of its own, and says so for every layer.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    # peft 0.21 asks for an attribute that transformers 5 renamed.
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
    # peft 0.21 gives a trained prefix under the name that transformers 5.24 renamed, which still takes it.
    warnings.filterwarnings("ignore", message="`past_key_values` is deprecated", category=FutureWarning)


def is_codegen2(config: Any) -> bool:
    """Whether a CodeGen checkpoint is a CodeGen2: those, and not CodeGen's, bring code of their own."""
    return config.model_type == "codegen" and bool(getattr(config, "auto_map", None))


def reorder_codegen2_qkv(model: Any) -> None:
    """Put the rows of CodeGen2's query-key-value weights in the order that transformers' CodeGen reads, in place.

    CodeGen2 interleaves (query, value, key) in 8 blocks, CodeGen in 4; its own code, which knows that, does not run on
    transformers 5, and transformers' loads its weights without a word and mixes up the heads.
    """
    import torch

    for name, weight in model.named_parameters():
        if name.endswith("attn.qkv_proj.weight"):
            width = weight.shape[1]
            parts = weight.data.view(8, 3, width // 8, width).unbind(1)
            blocks = torch.stack([part.reshape(4, width // 4, width) for part in parts], dim=1)
            weight.data.copy_(blocks.reshape(3 * width, width))
    # Saved from here on it is a CodeGen, and must not be rearranged again.
    del model.config.auto_map


def disable_4bit_repacking(model: Any) -> None:
    """Stop bitsandbytes from repacking 4-bit weights for AVX512 at the first evaluation.

    Repacked weights have no gradient, without an error: a training loop that evaluates on the way trains nothing. Some
    shapes fail outright (bitsandbytes 0.50).
    """
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.support_avx512bf16_for_cpu = False


def disable_cudnn_attention() -> None:
    """Have torch use the other attention kernels of a GPU.

    cuDNN's compiles itself anew for each shape, for 0.3 to 1.7 s (torch 2.11 on an H200), and its gradients under
    `torch.vmap` are silently wrong.
    """
    import torch

    torch.backends.cuda.enable_cudnn_sdp(False)

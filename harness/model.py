"""The base: a pretrained causal or encoder-decoder model with its tokenizer. The one room that loads weights."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError, UsageError, remembered
from harness.records import ModelSpec

if TYPE_CHECKING:
    import torch

BUILTIN = "builtin"
_WEIGHTS = (".safetensors", ".bin", ".json", ".model", ".txt", ".jinja", ".py")


@dataclass
class Base:
    """A model in memory.

    `model` may carry adapters (then it is a `PeftModel`); `seq2seq` tells an encoder-decoder model; `options` are the
    `from_pretrained` options it was loaded with, which say what is quantised.
    """

    model: Any
    tokenizer: Any
    spec: ModelSpec
    seq2seq: bool
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the inputs go."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def virtual_tokens(self) -> int:
        """Positions that a prompt-learning adapter puts before every prompt; 0 without one."""
        config = getattr(self.model, "active_peft_config", None)
        return int(getattr(config, "num_virtual_tokens", 0) or 0)

    @property
    def context(self) -> int:
        """The longest sequence the model was made for, in tokens."""
        config = self.model.config
        for name in ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length"):
            if isinstance(value := getattr(config, name, None), int) and value > 0:
                return value
        limit = getattr(self.tokenizer, "model_max_length", None)
        # Tokenizers without a limit carry a very large number; relative-position models (T5) have none either.
        return limit if isinstance(limit, int) and limit < 1_000_000 else 2048


def prepare_process() -> None:
    """Settings that must stand before torch is imported.

    Two OpenMP threads that spin on two busy cores were measured 37 times slower than waiting ones.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    # It announces an optional kernel package that would be fetched from the hub.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.CRITICAL)
    # LLM.int8() multiplies in 16 bits of its own, and says so for every layer.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    # peft 0.21 asks for an attribute that transformers 5 renamed.
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)


def location(spec: ModelSpec) -> str:
    """What `from_pretrained` is given: a local folder or a hub id.

    Raises:
        ModelError: it can only be a folder, and there is none.
    """
    if spec.id == BUILTIN:
        return str(Path(__file__).parent / "builtin" / "model")
    if (spec.id.startswith((".", "/", "~")) or spec.id.count("/") > 1) and not Path(spec.id).is_dir():
        raise ModelError(f"--model {spec.id}: no such folder")
    return spec.id


def model_digest(spec: ModelSpec) -> str:
    """What identifies the weights: a digest of the local files, or the hub's commit.

    Raises:
        ModelError: no such folder, or the hub cannot be reached.
    """
    path = Path(location(spec))
    if path.is_dir():
        return _folder_digest(path)
    config = _hub_config(spec)
    commit = getattr(config, "_commit_hash", None)
    if not commit:
        raise ModelError(f"--model {spec.id}: the hub names no commit; give --revision")
    return str(commit)


@remembered
def _hub_config(spec: ModelSpec) -> Any:
    return load_config(spec)


def _folder_digest(path: Path) -> str:
    sha = hashlib.sha256()
    for file in sorted(p for p in path.iterdir() if p.is_file() and p.name.endswith(_WEIGHTS)):
        stamp = file.stat()
        sha.update(file.name.encode() + b"\0" + _file_digest(file, stamp.st_size, stamp.st_mtime_ns))
    return sha.hexdigest()


@functools.cache
def _file_digest(file: Path, _size: int, _modified: int) -> bytes:
    """Kept, since every cell of a study asks for the same gigabytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def load_config(spec: ModelSpec) -> Any:
    """The model's configuration, without its weights."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(
            location(spec), revision=spec.revision, trust_remote_code=spec.trust_remote_code
        )
    except (OSError, ValueError) as error:
        raise ModelError(_not_loaded(spec, error)) from None


def load(spec: ModelSpec, options: Mapping[str, Any]) -> Base:
    """The model and its tokenizer, ready to generate; 16-bit on an accelerator, 32-bit on a CPU.

    On a CPU 32 bits keep completions the same whatever they are batched with. `options` go to `from_pretrained`.

    Raises:
        ModelError: it cannot be found, read, or needs code of its own that was not allowed.
    """
    import torch
    import transformers

    config = load_config(spec)
    seq2seq = bool(config.is_encoder_decoder)
    codegen2 = is_codegen2(config)
    if codegen2 and "quantization_config" in options:
        raise ModelError(
            f"--model {spec.id}: CodeGen2 cannot be quantised here; its weights are rearranged after loading"
        )
    kind = transformers.AutoModelForSeq2SeqLM if seq2seq else transformers.AutoModelForCausalLM
    device = "cuda" if torch.cuda.is_available() else "cpu"
    given: dict[str, Any] = {"dtype": torch.bfloat16 if device == "cuda" else torch.float32, "device_map": device}
    try:
        model = kind.from_pretrained(
            location(spec),
            revision=spec.revision,
            trust_remote_code=spec.trust_remote_code and not codegen2,
            **{**given, **options},
        )
        tokenizer = load_tokenizer(spec)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise ModelError(_not_loaded(spec, error)) from None
    if codegen2:
        rearrange_codegen2(model)
    _keep_four_bits_plain(model)
    model.config.use_cache = True
    model.requires_grad_(False)
    model.eval()
    return Base(model, tokenizer, spec, seq2seq, dict(options))


def is_codegen2(config: Any) -> bool:
    """Whether a CodeGen checkpoint is a CodeGen2: those, and not CodeGen's, bring code of their own."""
    return config.model_type == "codegen" and bool(getattr(config, "auto_map", None))


def rearrange_codegen2(model: Any) -> None:
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


def _keep_four_bits_plain(model: Any) -> None:
    """Stop bitsandbytes from repacking 4-bit weights for AVX512 at the first evaluation.

    Repacked weights have no gradient, without an error: a training loop that evaluates on the way trains nothing. Some
    shapes fail outright (bitsandbytes 0.50).
    """
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.support_avx512bf16_for_cpu = False


def meta(spec: ModelSpec) -> Base:
    """The model of a configuration without weights (on torch's meta device) and without a tokenizer.

    Raises:
        ModelError: the configuration cannot be read.
    """
    import torch
    import transformers

    config = load_config(spec)
    seq2seq = bool(config.is_encoder_decoder)
    kind = transformers.AutoModelForSeq2SeqLM if seq2seq else transformers.AutoModelForCausalLM
    with torch.device("meta"):
        model = kind.from_config(config)
    model.requires_grad_(False)
    return Base(model, None, spec, seq2seq)


def load_tokenizer(spec: ModelSpec) -> Any:
    """The tokenizer, padding on the left, with a padding token."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        location(spec), revision=spec.revision, trust_remote_code=spec.trust_remote_code
    )
    if tokenizer.eos_token_id is None:
        raise UsageError(f"--model {spec.id}: its tokenizer has no end-of-sequence token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def _not_loaded(spec: ModelSpec, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return f"--model {spec.id}: it brings code of its own; read it, then add --trust-remote-code"
    return f"--model {spec.id}: cannot be loaded: {text[:300]}"


def parameters(model: Any) -> tuple[int, int]:
    """(trainable, total) parameters. A 4-bit weight counts each of its numbers; shared weights count once."""
    trainable = total = 0
    for parameter in model.parameters():
        count = parameter.numel() or getattr(parameter, "ds_numel", 0)
        if parameter.__class__.__name__ == "Params4bit":
            count *= 2 * parameter.element_size()
        total += count
        trainable += count if parameter.requires_grad else 0
    return trainable, total


def is_prefix(model: Any) -> bool:
    """Whether `model` carries trained keys and values before every prompt (prefix tuning and PEFT's cartridge)."""
    config = getattr(model, "active_peft_config", None)
    return config is not None and str(config.peft_type.value) in ("PREFIX_TUNING", "CARTRIDGE")


def weights_digest(model: Any) -> str:
    """sha256 over every weight of `model`, in the order of their names."""
    import torch

    sha = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        data = tensor.detach().cpu().contiguous()
        sha.update(json.dumps([name, str(data.dtype), list(data.shape)]).encode())
        sha.update(data.view(torch.uint8).numpy().tobytes() if data.dim() else str(data.item()).encode())
    return sha.hexdigest()

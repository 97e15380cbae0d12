"""The base: a pretrained causal or encoder-decoder model with its tokenizer. The one room that loads weights."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.compat import processor_template
from harness.disk import file_errors
from harness.errors import ModelError, UsageError, cache_errors
from harness.modeling.chat import Chat, no_template, template_of
from harness.modeling.checkpoint import check, location, quantised
from harness.modeling.quirks import disable_4bit_repacking, disable_cudnn_attention, is_codegen2, reorder_codegen2_qkv
from harness.records import ModelSpec

if TYPE_CHECKING:
    import torch

_WEIGHTS = (".safetensors", ".bin", ".json", ".model", ".txt", ".jinja", ".py")
PREFIXES = ("PREFIX_TUNING", "CARTRIDGE")
"""PEFT's tuners that train keys and values before every prompt."""
_CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "seq_length")
"""What families call the longest sequence."""


@dataclass
class Base:
    """A model in memory.

    `model` may carry adapters (then it is a `PeftModel`); `seq2seq` tells an encoder-decoder model; `options` are the
    `from_pretrained` options it was loaded with, which say what is quantised; of a `sharded` one each process of the
    command holds a part of the weights (`sharding`).
    """

    model: Any
    tokenizer: Any
    spec: ModelSpec
    seq2seq: bool
    options: Mapping[str, Any] = field(default_factory=dict)
    sharded: bool = False

    @property
    def device(self) -> torch.device:
        """Where the inputs go."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @functools.cached_property
    def chat(self) -> Chat | None:
        """The model's chat template, where the run uses it.

        Raises:
            UsageError: it has none, or one that cannot be used.
        """
        spec = self.spec
        return Chat(self.tokenizer, spec.id, spec.thinking, spec.date) if spec.chat else None

    @property
    def virtual_tokens(self) -> int:
        """Positions that a prompt-learning adapter puts before every prompt; 0 without one."""
        config = getattr(self.model, "active_peft_config", None)
        return int(getattr(config, "num_virtual_tokens", 0) or 0)

    @property
    def text_config(self) -> Any:
        """The configuration of what writes: a model of texts and images has one for each."""
        return self.model.config.get_text_config(decoder=True)

    @property
    def context(self) -> int:
        """The longest sequence the model was made for, in tokens."""
        config = self.text_config
        for name in _CONTEXT:
            if isinstance(value := getattr(config, name, None), int) and value > 0:
                return value
        limit = getattr(self.tokenizer, "model_max_length", None)
        # Tokenizers without a limit carry a very large number; relative-position models (T5) have none either.
        return limit if isinstance(limit, int) and limit < 1_000_000 else 2048


def model_digest(spec: ModelSpec) -> str:
    """What identifies the weights: a digest of the local files, or the hub's commit.

    Raises:
        ModelError: no such folder, or the hub cannot be reached.
    """
    path = Path(location(spec))
    if path.is_dir():
        return _folder_digest(path)
    return _hub_commit(spec)


@cache_errors
def _hub_commit(spec: ModelSpec) -> str:
    """The commit that a hub model's revision stands for: its files lie in `snapshots/<commit>` of the hub's cache."""
    from huggingface_hub import hf_hub_download

    load_config(spec)  # says more clearly what is wrong with a name
    try:
        return Path(hf_hub_download(spec.id, "config.json", revision=spec.revision)).parent.name
    except (OSError, ValueError) as error:
        raise ModelError(_load_error(spec, error)) from None


def _folder_digest(path: Path) -> str:
    sha = hashlib.sha256()
    for file in sorted(p for p in path.iterdir() if p.is_file() and p.name.endswith(_WEIGHTS)):
        stamp = file.stat()
        sha.update(file.name.encode() + b"\0" + _file_digest(file, stamp.st_size, stamp.st_mtime_ns))
    return sha.hexdigest()


@functools.cache
def _file_digest(file: Path, _size: int, _modified: int) -> bytes:
    """Kept, since every cell of a study asks for the same gigabytes."""
    with file_errors(file), file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def load_config(spec: ModelSpec) -> Any:
    """The model's configuration, without its weights.

    Raises:
        ModelError: it cannot be found or read, or belongs to no model that can be loaded here.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    check(spec)
    try:
        return AutoConfig.from_pretrained(
            location(spec), revision=spec.revision, trust_remote_code=spec.trust_remote_code
        )
    except (OSError, ValueError, StrictDataclassError) as error:
        raise ModelError(_load_error(spec, error)) from None


def load(spec: ModelSpec, options: Mapping[str, Any]) -> Base:
    """The model and its tokenizer, ready to generate; 16-bit on an accelerator, 32-bit on a CPU.

    On a CPU 32 bits keep completions the same whatever they are batched with. `options` go to `from_pretrained`.

    Raises:
        ModelError: it cannot be found, read, or needs code of its own that was not allowed.
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    config = load_config(spec)
    seq2seq = bool(config.is_encoder_decoder)
    codegen2 = is_codegen2(config)
    if codegen2 and "quantization_config" in options:
        raise ModelError(
            f"--model {spec.id}: CodeGen2 cannot be quantised here; its weights are rearranged after loading"
        )
    _check_quantised(spec, config, options)
    kind = transformers.AutoModelForSeq2SeqLM if seq2seq else transformers.AutoModelForCausalLM
    gpu = torch.cuda.is_available()
    defaults: dict[str, Any] = {
        "dtype": torch.bfloat16 if gpu else torch.float32,
        "device_map": f"cuda:{torch.cuda.current_device()}" if gpu else "cpu",
    }
    try:
        model, loading_info = kind.from_pretrained(
            location(spec),
            revision=spec.revision,
            trust_remote_code=spec.trust_remote_code and not codegen2,
            output_loading_info=True,
            **{**defaults, **options},
        )
        tokenizer = load_tokenizer(spec)
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        raise ModelError(_load_error(spec, error, quantised(config))) from None
    if missing := sorted(loading_info["missing_keys"]):
        message = f"{len(missing)} of its weights are missing (first: {missing[0]})"
        raise ModelError(f"--model {spec.id}: {message} and would be random numbers; name a whole checkpoint")
    if codegen2:
        reorder_codegen2_qkv(model)
    disable_4bit_repacking(model)
    disable_cudnn_attention()
    _keep_only_eos_settings(model, tokenizer)
    model.config.use_cache = True
    model.requires_grad_(False)
    model.eval()
    return Base(model, tokenizer, spec, seq2seq, dict(options))


def _check_quantised(spec: ModelSpec, config: Any, options: Mapping[str, Any]) -> None:
    """Say before weights are read what quantised ones do not allow."""
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

    if (method := quantised(config)) is None:
        return
    message = f"--model {spec.id}: its weights are quantised already ({method})"
    if "quantization_config" in options:
        raise ModelError(f"{message}, and cannot be once more; use lora, which trains beside them as they are")
    if method != "bitsandbytes" and method not in AUTO_QUANTIZATION_CONFIG_MAPPING:
        raise ModelError(f"{message}, which transformers does not read; name the model they were made from")


def _keep_only_eos_settings(model: Any, tokenizer: Any) -> None:
    """Leave of a model's settings of generation only the tokens that begin and end a text; see `checkpoint.ignored`."""
    import transformers

    generation_config = model.generation_config
    ends = (
        generation_config.eos_token_id
        if isinstance(generation_config.eos_token_id, list)
        else [generation_config.eos_token_id]
    )
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=sorted({*ends, tokenizer.eos_token_id} - {None}),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=generation_config.bos_token_id,
        decoder_start_token_id=generation_config.decoder_start_token_id,
    )


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
        # Of the ways to multiply experts the one that asks nothing of precision.
        model = kind.from_config(config, experts_implementation="batched_mm")
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
    if tokenizer.chat_template is None:
        tokenizer.chat_template = processor_template(spec, location(spec))
    return tokenizer


def chat_of(spec: ModelSpec, wanted: bool | None) -> Chat | None:
    """The model's chat template as `spec` says it is used; None where there is none and it is not `wanted`.

    Raises:
        ModelError: the tokenizer cannot be found or read.
        UsageError: there is no template and it is wanted, or it cannot be used.
    """
    folder = Path(location(spec))
    tokenizer = None if folder.is_dir() and no_template(folder) else _tokenizer(weights_spec(spec))
    if tokenizer is None or template_of(tokenizer, spec.id) is None:
        if wanted:
            raise UsageError(f"--chat: {spec.id} has no chat template; leave --chat out")
        return None
    return Chat(tokenizer, spec.id, spec.thinking, spec.date)


def weights_spec(spec: ModelSpec) -> ModelSpec:
    """The weights that `spec` names, however they are talked to."""
    return ModelSpec(spec.id, spec.revision, spec.trust_remote_code)


@cache_errors
@functools.cache
def _tokenizer(spec: ModelSpec) -> Any:
    """Kept, since every cell of a study asks for it."""
    try:
        return load_tokenizer(spec)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise ModelError(_load_error(spec, error)) from None


def _load_error(spec: ModelSpec, error: Exception, method: str | None = None) -> str:
    text = " ".join(str(error).split())
    if method is not None:
        remedy = "install what it names, or name the model they were made from"
        return f"--model {spec.id}: its weights are quantised ({method}): {text[:300]}; {remedy}"
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


def has_trained_prefix(model: Any) -> bool:
    """Whether `model` carries trained keys and values before every prompt (prefix tuning and PEFT's cartridge)."""
    config = getattr(model, "active_peft_config", None)
    return config is not None and str(config.peft_type.value) in PREFIXES


def weights_digest(model: Any) -> str:
    """sha256 over every weight of `model`, in the order of their names."""
    import torch

    sha = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        data = tensor.detach().cpu().contiguous()
        sha.update(json.dumps([name, str(data.dtype), list(data.shape)]).encode())
        sha.update(data.view(torch.uint8).numpy().tobytes() if data.dim() else str(data.item()).encode())
    return sha.hexdigest()

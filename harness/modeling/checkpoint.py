"""What a model's folder is and what it carries beside weights, known before any of them is read.

Each model has one name, however its path is written; what is no model that can be loaded here is refused with the
remedy; and settings of generation that a folder carries are left out, since they would change results without a word.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.disk import file_errors
from harness.errors import ModelError
from harness.records import ModelSpec

BUILTIN = "builtin"
_SHOWN = 6

NEUTRAL: Mapping[str, Any] = {
    "do_sample": False,
    "use_cache": True,
    "early_stopping": False,
    "num_beams": 1,
    "num_beam_groups": 1,
    "num_return_sequences": 1,
    "diversity_penalty": 0.0,
    "length_penalty": 1.0,
    "max_length": 20,
    "max_new_tokens": None,
    "max_time": None,
    "min_length": 0,
    "min_new_tokens": None,
    "stop_strings": None,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "top_h": None,
    "min_p": None,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "exponential_decay_length_penalty": None,
    "bad_words_ids": None,
    "force_words_ids": None,
    "constraints": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "sequence_bias": None,
    "guidance_scale": None,
    "watermarking_config": None,
    "token_healing": False,
    "remove_invalid_values": False,
    "renormalize_logits": False,
    "penalty_alpha": None,
    "dola_layers": None,
    "low_memory": None,
    "prompt_lookup_num_tokens": None,
    "cache_implementation": None,
    "cache_config": None,
    "prefill_chunk_size": None,
}
"""transformers' settings of generation that change what is written, or how, each with the value that does nothing."""


def identity(name: str) -> str:
    """The one name of a model: of a folder its real path, with `~` for the home folder; else `name` as it is.

    A home folder is not spelt out, since a run's record tells no user's name.
    """
    path = Path(os.path.expanduser(name))  # noqa: PTH111 - pathlib's raises where there is no home
    if name == BUILTIN or not path.exists():
        return name
    real = path.resolve()
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111
    if home != Path(home.anchor) and home.is_dir() and real.is_relative_to(home):
        return str("~" / real.relative_to(home))
    return str(real)


def location(spec: ModelSpec) -> str:
    """What `from_pretrained` is given: a local folder, a configuration file or a hub id.

    Raises:
        ModelError: it can only be a folder, and there is none; or it is another file.
    """
    if spec.id == BUILTIN:
        return str(Path(__file__).parents[1] / "builtin" / "model")
    path = Path(os.path.expanduser(spec.id))  # noqa: PTH111
    if path.is_dir():
        return str(path)
    if path.is_file() and path.suffix != ".json":
        raise ModelError(_gguf(spec, path.name) if path.suffix == ".gguf" else f"--model {spec.id}: not a folder")
    if spec.id.startswith((".", "/", "~")) or spec.id.count("/") > 1:
        raise ModelError(f"--model {spec.id}: no such folder")
    return spec.id


def check(spec: ModelSpec) -> None:
    """Refuse a folder that holds no model which can be loaded here, and a revision of a folder.

    Raises:
        ModelError: it is an adapter, GGUF files, or no model at all; says what to name instead.
    """
    folder = Path(location(spec))
    if not folder.is_dir():
        return
    if spec.revision is not None:
        kind = "built in" if spec.id == BUILTIN else "a folder"
        raise ModelError(f"--revision {spec.revision}: --model {spec.id} is {kind}, and has one version; leave it out")
    if (adapter := folder / "adapter_config.json").is_file():
        base = _json(adapter).get("base_model_name_or_path") or "its base"
        raise ModelError(
            f"--model {spec.id}: an adapter of {base}, not a model; merge it into its base and save that"
            f" (PEFT's merge_and_unload), or name {base}"
        )
    names = sorted(file.name for file in folder.iterdir())
    plain = any(name.endswith((".safetensors", ".bin", ".index.json")) for name in names)
    gguf = [name for name in names if name.endswith(".gguf")]
    if gguf and not plain:
        raise ModelError(_gguf(spec, gguf[0]))
    if "config.json" not in names:
        inside = sorted(path.parent.name for path in folder.glob("snapshots/*/config.json"))
        inner = f"; name the folder {spec.id}/snapshots/{inside[-1]}" if inside else ""
        raise ModelError(
            f"--model {spec.id}: cannot be loaded: no config.json in it{inner or '; name the folder of a saved model'}"
        )


def _gguf(spec: ModelSpec, name: str) -> str:
    return (
        f"--model {spec.id}: GGUF weights, which are not read here; name the model they were made from, or convert them"
        f" once (pip install gguf): AutoModelForCausalLM.from_pretrained(FOLDER, gguf_file={name!r},"
        " quantization_config=GgufConfig(dequantize=True)).save_pretrained(NEW), and the tokenizer likewise"
    )


def quantised(config: Any) -> str | None:
    """How the weights of a checkpoint are quantised ("gptq", "awq", …); None where they are not."""
    own = getattr(config, "quantization_config", None) or getattr(
        config.get_text_config(decoder=True), "quantization_config", None
    )
    if own is None:
        return None
    values = own if isinstance(own, dict) else own.to_dict()
    method = values.get("quant_method") or "without a quant_method"
    return str(getattr(method, "value", method))


def ignored(spec: ModelSpec) -> tuple[str, ...]:
    """The settings of generation that a model carries and that are not used, as `name=value`, the names in order.

    Only end tokens are: a run's own settings decide everything else, for beam search and sampling alike.
    """
    carried = _carried(spec)
    found = {
        name: carried[name]
        for name, nothing in NEUTRAL.items()
        if carried.get(name) is not None and carried[name] != nothing
    }
    return tuple(f"{name}={_short(found[name])}" for name in sorted(found))


def ignored_note(spec: ModelSpec) -> tuple[str, ...]:
    """One note about `ignored`, or none."""
    if not (found := ignored(spec)):
        return ()
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (f"settings of generation that the model carries are not used: {', '.join(found[:_SHOWN])}{more}",)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:36]} ..."


def _carried(spec: ModelSpec) -> Mapping[str, Any]:
    """`generation_config.json`, or the settings of an older model's `config.json`."""
    for name in ("generation_config.json", "config.json"):
        if (file := _file(spec, name)) is not None:
            return _json(file)
    return {}


def _file(spec: ModelSpec, name: str) -> Path | None:
    """A file of a model's folder or, from the hub, of its cache; None where the model has none."""
    folder = Path(location(spec))
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(hf_hub_download(spec.id, name, revision=spec.revision))
    except (OSError, HfHubHTTPError, ValueError):
        return None


def _json(file: Path) -> dict[str, Any]:
    """The object in `file`.

    Raises:
        ModelError: it is none.
    """
    try:
        with file_errors(file):
            found = json.loads(file.read_bytes())
    except ValueError as error:
        raise ModelError(f"{file}: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ModelError(f"{file}: not a JSON object")
    return found

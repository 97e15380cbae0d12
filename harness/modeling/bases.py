"""Bases in memory, loaded once and shared by the methods of one command; adapters saved and put back.

A 16-bit base and a quantised one are different bases. A method that changes the base's own weights (full fine-tuning,
PiSSA, OLoRA) takes its base out of memory, so that nothing leaks into the next method.
"""

from __future__ import annotations

import gc
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import files
from harness.compat import unload
from harness.disk import saving
from harness.errors import ModelError
from harness.modeling import base as model
from harness.modeling.base import Base
from harness.records import ModelSpec, canonical

ADAPTER_FILE = "adapter_config.json"


Fingerprint = Mapping[str, bytes]
SAMPLED_ELEMENTS = 1000
"""Elements sampled per weight, to detect that a method modified the base."""


class LoadedBases:
    """Loads each base once; `loads` counts how often weights were read."""

    def __init__(self) -> None:
        self._bases: dict[str, Base] = {}
        self._fingerprints: dict[str, Fingerprint] = {}
        self.loads = 0

    def get(self, spec: ModelSpec, options: Mapping[str, Any]) -> Base:
        """The pristine base of `spec` loaded with `options`."""
        key = canonical([spec, {name: str(value) for name, value in options.items()}])
        if key not in self._bases:
            self.clear()  # two models of one size seldom fit a GPU
            self._bases[key] = model.load(spec, options)
            self._fingerprints = {key: _fingerprint(self._bases[key].model)}
            self.loads += 1
        return self._bases[key]

    def clear(self) -> None:
        """Forget every base, so that another one has room."""
        self._bases.clear()
        gc.collect()

    def release(self, adapted: Base) -> None:
        """Take an adapter off its base again, or forget a base whose own weights may have changed."""
        if not is_peft(adapted.model):
            self._bases = {key: base for key, base in self._bases.items() if base.model is not adapted.model}
            return
        unwrapped = unload(adapted.model)
        unwrapped.requires_grad_(False)
        unwrapped.config.use_cache = True
        unwrapped.eval()
        kept = {}
        for key, base in self._bases.items():
            if base.spec != adapted.spec or base.options != adapted.options:
                kept[key] = base
            elif _fingerprint(unwrapped) == self._fingerprints[key]:
                kept[key] = replace(base, model=unwrapped)
        self._bases = kept


def save(adapted: Base, folder: Path) -> int:
    """Write the adapter (or, without one, the whole model) to `folder`, all or nothing; its size in bytes.

    `PeftModel.from_pretrained(base, folder)` loads it without harness.

    Raises:
        FileError: it cannot be written.
    """
    with saving(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = folder.parent / f".adapter.{secrets.token_hex(8)}"
        part.mkdir()
        try:
            adapted.model.save_pretrained(part)
            if not is_peft(adapted.model):
                adapted.tokenizer.save_pretrained(part)
            files.open_to_others(part)
            if folder.exists():
                shutil.rmtree(folder)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def stamps(folder: Path) -> dict[str, Any]:
    """The stamp (`files.stamp`) of each file of a saved adapter, by its path in `folder`."""
    return {str(file.relative_to(folder)): files.stamp(file) for file in sorted(folder.rglob("*")) if file.is_file()}


def restore(bases: LoadedBases, spec: ModelSpec, options: Mapping[str, Any], folder: Path) -> Base:
    """The base with the adapter of `folder` on it, or the whole model that was saved there."""
    if not (folder / ADAPTER_FILE).is_file():
        tuned = model.load(replace(spec, id=str(folder), revision=None), options)
        return replace(tuned, spec=spec)
    import peft
    from safetensors import SafetensorError

    base = bases.get(spec, options)
    try:
        adapted = peft.PeftModel.from_pretrained(base.model, folder)
    except (ValueError, OSError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder}: the adapter cannot be put on {spec.id}: {error}") from None
    adapted.eval()
    return replace(base, model=adapted)


def _fingerprint(module: Any) -> Fingerprint:
    """About a thousand numbers of each weight, evenly spread: enough to see that a method rewrote it, at no cost."""
    import torch

    fingerprint = {}
    for name, weight in module.named_parameters():
        sample = weight.detach().reshape(-1)[:: max(1, weight.numel() // SAMPLED_ELEMENTS)].contiguous().cpu()
        fingerprint[name] = sample.view(torch.uint8).numpy().tobytes()
    return fingerprint


def is_peft(module: Any) -> bool:
    """Whether a model carries an adapter of PEFT's."""
    return hasattr(module, "peft_config") and hasattr(module, "base_model") and hasattr(module, "get_base_model")

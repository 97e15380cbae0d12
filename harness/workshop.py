"""Bases in memory, loaded once and shared by the methods of one command; adapters saved and put back.

A 16-bit base and a quantised one are different bases. A method that changes the base's own weights (full fine-tuning,
PiSSA, OLoRA) takes its base out of the workshop, so that nothing leaks into the next method.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import model
from harness.errors import ModelError
from harness.model import Base
from harness.records import ModelSpec, canonical

ADAPTER_FILE = "adapter_config.json"


Marks = Mapping[str, bytes]
SAMPLED = 1000
"""Numbers of each weight by which a changed base is told."""


class Workshop:
    """Loads each base once; `loads` counts how often weights were read."""

    def __init__(self) -> None:
        self._bases: dict[str, Base] = {}
        self._marks: dict[str, Marks] = {}
        self.loads = 0

    def base(self, spec: ModelSpec, options: Mapping[str, Any]) -> Base:
        """The pristine base of `spec` loaded with `options`."""
        key = canonical([spec, {name: str(value) for name, value in options.items()}])
        if key not in self._bases:
            # One base at a time: two models of one size seldom fit a GPU.
            self._bases.clear()
            gc.collect()
            self._bases[key] = model.load(spec, options)
            self._marks = {key: _marks(self._bases[key].model)}
            self.loads += 1
        return self._bases[key]

    def give_back(self, adapted: Base) -> None:
        """Take an adapter off its base again, or forget a base whose own weights may have changed."""
        if not _is_peft(adapted.model):
            self._bases = {key: base for key, base in self._bases.items() if base.model is not adapted.model}
            return
        inner = adapted.model.base_model
        plain = inner.unload() if hasattr(inner, "unload") else adapted.model.get_base_model()
        # PEFT leaves its configuration behind, and would take the next adapter for a second one.
        plain.__dict__.pop("peft_config", None)
        plain._hf_peft_config_loaded = False
        plain.requires_grad_(False)
        plain.config.use_cache = True
        plain.eval()
        kept = {}
        for key, base in self._bases.items():
            if base.spec != adapted.spec or base.options != adapted.options:
                kept[key] = base
            elif _marks(plain) == self._marks[key]:
                kept[key] = replace(base, model=plain)
        self._bases = kept


def save(adapted: Base, folder: Path) -> int:
    """Write the adapter (or, without one, the whole model) to `folder`, all or nothing; its size in bytes.

    `PeftModel.from_pretrained(base, folder)` loads it without harness.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".adapter."))
    adapted.model.save_pretrained(part)
    if not _is_peft(adapted.model):
        adapted.tokenizer.save_pretrained(part)
    if folder.exists():
        shutil.rmtree(folder)
    part.chmod(0o755)
    part.rename(folder)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def restore(shop: Workshop, spec: ModelSpec, options: Mapping[str, Any], folder: Path) -> Base:
    """The base with the adapter of `folder` on it, or the whole model that was saved there."""
    if not (folder / ADAPTER_FILE).is_file():
        tuned = model.load(replace(spec, id=str(folder), revision=None), options)
        return replace(tuned, spec=spec)
    import peft

    base = shop.base(spec, options)
    try:
        adapted = peft.PeftModel.from_pretrained(base.model, folder)
    except (ValueError, OSError, RuntimeError) as error:
        raise ModelError(f"{folder}: the adapter cannot be put on {spec.id}: {error}") from None
    adapted.eval()
    return replace(base, model=adapted)


def _marks(module: Any) -> Marks:
    """About a thousand numbers of each weight, evenly spread: enough to see that a method rewrote it, at no cost."""
    import torch

    found = {}
    for name, weight in module.named_parameters():
        few = weight.detach().reshape(-1)[:: max(1, weight.numel() // SAMPLED)].contiguous().cpu()
        found[name] = few.view(torch.uint8).numpy().tobytes()
    return found


def _is_peft(module: Any) -> bool:
    return hasattr(module, "peft_config") and hasattr(module, "base_model") and hasattr(module, "get_base_model")

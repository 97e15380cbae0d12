"""Every other tuner of PEFT: `peft:vera`, `peft:dora`, `peft:adalora`, …

Names and options are those of PEFT's own registry and configuration classes, so that a tuner of a newer PEFT is here
without a change. `harness plugins` lists what each was seen to do on the built-in model (see `peft_probe`).
"""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from harness import hookimpl
from harness.errors import ModelError
from harness.modeling.base import Base
from harness.modeling.peft_errors import PEFT_ERRORS, peft_error_message
from harness.modeling.targets import attention, wrap
from harness.plugin import Method, TuningConfig, TuningMethod, option
from harness.records import Tuning

_ALIASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dora": ("lora", {"use_dora": True}),  # arXiv:2402.09353
    "rslora": ("lora", {"use_rslora": True}),  # arXiv:2312.03732
    "pissa": ("lora", {"init_lora_weights": "pissa"}),  # arXiv:2404.02948
    "olora": ("lora", {"init_lora_weights": "olora"}),  # arXiv:2406.01775
}
"""Methods that PEFT offers as a setting of LoRA."""

_FIXED: Mapping[str, Mapping[str, Any]] = {
    # The schedule is set to the loop's length when it starts (`harness.tuning`); these only have to be consistent.
    "adalora": {"total_step": 1, "tinit": 0, "tfinal": 0},
    "c3a": {"block_size": 64},
    "cartridge": {"num_virtual_tokens": 10},
    "ia3": {"feedforward_modules": []},
    "prompt_tuning": {"num_virtual_tokens": 20},
    "p_tuning": {"num_virtual_tokens": 20},
    "prefix_tuning": {"num_virtual_tokens": 10},
}
"""What PEFT asks for and has no default for, by tuner."""

PROBED = Path(__file__).parent / "peft_probed.json"
"""What `peft_probe` saw each tuner do."""

_NOT_OPTIONS = frozenset({
    *("auto_mapping", "peft_version", "peft_type", "task_type", "inference_mode", "revision"),
    "alora_invocation_tokens",  # switched on in PEFT's own `generate`, which writes without our cache
})  # fmt: skip


_COUNTS = frozenset({"r", "init_r", "target_r", "num_virtual_tokens"})
"""Numbers that are at least 1 where the default is; 0 is the default where it has another meaning (OFT's `r`)."""


class PeftAny(TuningMethod):
    """Any other tuner of the installed PEFT: peft:vera, peft:dora, peft:adalora, …"""

    name = "peft"
    reference = "huggingface.co/docs/peft"

    def variants(self) -> Sequence[str]:
        """The names of PEFT's registry, in lower case, and the methods it has as settings of LoRA."""
        return (*sorted(_classes()), *_ALIASES)

    def variant_summaries(self) -> Mapping[str, str]:
        """What each tuner was seen to do on the built-in model, with the versions it was seen with."""
        if not PROBED.is_file():
            return {}
        seen = json.loads(PROBED.read_text("utf-8"))
        return {name: _summary(seen["versions"]["peft"], **one) for name, one in seen["tuners"].items()}

    def variant(self, name: str) -> TuningMethod:
        """The tuner `name`."""
        return _Tuner(name)


def _summary(version: str, reached: str, why: str) -> str:
    return f"{reached or 'does not train'}{f', then {why}' if why else ''} (PEFT {version})"


class _Tuner(TuningMethod):
    """A tuner of PEFT with PEFT's own options and defaults."""

    reference = PeftAny.reference

    def __init__(self, name: str) -> None:
        kind, self._fixed = _ALIASES.get(name, (name, {}))
        self._fixed = {**_FIXED.get(kind, {}), **self._fixed}
        self._class = _classes()[kind]
        self.name = f"peft:{name}"  # type: ignore[misc]
        self.Config = _config(self._class, self._fixed)  # type: ignore[misc]

    def tuning(self, config: Any) -> Tuning:
        """The study's loop."""
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def adapt(self, base: Base, config: Any) -> Base:
        """What PEFT puts on the attention's query, key and value projections, or where `target_modules` says."""
        names = {f.name for f in dataclasses.fields(self._class)}
        given = {f.name: getattr(config, f.name) for f in dataclasses.fields(config) if f.name in names}
        changed = {f.name: f.default for f in dataclasses.fields(config)}
        settings = {n: list(v) if isinstance(v, tuple) else v for n, v in given.items() if v != changed[n]}
        if "target_modules" in names and "target_modules" not in settings:
            settings["target_modules"] = attention(base.model)
        kind = "SEQ_2_SEQ_LM" if base.seq2seq else "CAUSAL_LM"
        try:
            return wrap(base, self._class(**{**self._fixed, **settings, "task_type": kind}))
        except PEFT_ERRORS as error:
            raise ModelError(peft_error_message(self.name, error)) from None


@cache
def _classes() -> dict[str, Any]:
    import peft

    return {kind.value.lower(): config for kind, config in peft.PEFT_TYPE_TO_CONFIG_MAPPING.items()}


def _config(config: Any, fixed: Mapping[str, Any]) -> type:
    """PEFT's configuration class as a plugin's `Config`: its fields of plain types, with its defaults and texts."""
    hints = typing.get_type_hints(config)
    fields: list[tuple[str, Any, Any]] = []
    for field in dataclasses.fields(config):
        default = fixed.get(field.name, _default(field))
        kind = _plain(hints[field.name], default)
        if field.name in _NOT_OPTIONS or kind is None or isinstance(default, dict | enum.Enum):
            continue
        default = tuple(default) if isinstance(default, list | set) else default
        help_text = " ".join(str(field.metadata.get("help", "")).split()).partition(". ")[0]
        least = 1 if field.name in _COUNTS and isinstance(default, int) and default >= 1 else None
        fields.append((field.name, kind, option(default, help_text or f"see PEFT's {config.__name__}", least=least)))
    fields.append(("learning_rate", float, option(3e-4, "peak learning rate", above=0)))
    fields.append(("epochs", float, option(5.0, "passes over the training problems, at most", above=0)))
    return dataclasses.make_dataclass(config.__name__, fields, bases=(TuningConfig,), frozen=True)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _plain(hint: Any, default: Any) -> Any:
    """The type of an option that can be written on a command line and holds its default, or None."""
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    candidates = [_writable(kind) for kind in (typing.get_args(hint) if union else (hint,)) if kind is not type(None)]
    kinds = [kind for kind in candidates if kind is not None]
    # Lists of names before single patterns; else the first that the default is of.
    kinds.sort(key=lambda kind: (not _holds(kind, default), kind != tuple[str, ...]))
    if not kinds:
        return None
    # Where an empty list is the default, an empty text means that and not None.
    return kinds[0] | None if default is None or (union and default not in ([], set())) else kinds[0]


def _writable(hint: Any) -> Any:
    if hint in (bool, int, float, str) or typing.get_origin(hint) is Literal:
        return hint
    return tuple[str, ...] if typing.get_origin(hint) in (list, set) else None


def _holds(kind: Any, default: Any) -> bool:
    if default is None:
        return True
    if typing.get_origin(kind) is Literal:
        return default in typing.get_args(kind)
    return isinstance(default, list | set | tuple) if kind == tuple[str, ...] else isinstance(default, kind)


@hookimpl
def harness_methods() -> list[Method]:
    """The family."""
    return [PeftAny()]

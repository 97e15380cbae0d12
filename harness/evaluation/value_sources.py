"""Every value of a plan that can be set, and where it comes from: `harness eval --dry-run` and `run.json` show it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness.config import Setting, option_text
from harness.evaluation.request import Request
from harness.records import Run, Tuning

_BUILT_IN_SAMPLE = "default for the built-in sample"


_OF_NO_TASK = ("model", "limit", "seed", "thinking_tokens")
_WHERE_GIVEN = ("revision", "backend", "protocol", "decoder", "thinking_tokens", "select", "stop_losers", "watch")
"""Options without a value of their own where nobody gives one."""


def request_settings(request: Request, run: Run, data: str, sources: Mapping[str, str]) -> dict[str, Setting]:
    """The options of the command itself; `data` is what the data are called.

    `sources` says where fields of `request` were read; else it is an argument.
    """
    given = {f.name: "argument" for f in dataclasses.fields(Request) if getattr(request, f.name) != f.default}
    given |= sources
    sampling = run.sampling
    shown = {
        "model": (run.model.id, "model"),
        "revision": (run.model.revision, "revision"),
        "backend": (request.backend, "backend"),
        "protocol": (run.protocol, "protocol"),
        "data": (data, "data"),
        "candidates": (sampling.candidates, "candidates"),
        "max_new_tokens": (sampling.max_new_tokens, "max_new_tokens"),
        "temperature": (sampling.temperature, "temperature"),
        "decoder": (sampling.decoder, "decoder"),
        "thinking_tokens": (sampling.thinking_tokens, "thinking_tokens"),
        "k": (run.ks, "ks"),
        "limit": (run.limit, "limit"),
        "seed": (run.seed, "seed"),
        "metrics": (run.metrics, "metrics"),
        "select": (request.select, "select"),
        "stop_losers": (request.stop_losers, "stop_losers"),
        "watch": (request.watch if run.tuning else None, "watch"),
    }
    settings = {
        name: Setting(value, given.get(field, "default" if name in _OF_NO_TASK else f"default of {run.task}"))
        for name, (value, field) in shown.items()
        if name not in _WHERE_GIVEN or value
    }
    for name in ("chat", "thinking"):
        if name == "chat" or run.model.chat:
            settings[name] = Setting(getattr(run.model, name), given.get(name, "default: the model's tokenizer"))
    return settings


def loop_settings(method: str, options: Mapping[str, Setting], tuning: Tuning | None) -> dict[str, Setting]:
    """The options of `method` that set the training loop, with the values that it uses in place of "none".

    On the built-in sample a run has fewer epochs than the method's default says.
    """
    found = {}
    for field in dataclasses.fields(Tuning):
        setting, value = options.get(f"{method}.{field.name}"), getattr(tuning, field.name, None)
        if setting is not None and not setting.given and setting.value != value:
            source = "default" if setting.value is None else _BUILT_IN_SAMPLE
            found[f"{method}.{field.name}"] = Setting(value, source)
    return found


def shown_value(value: Any) -> str:
    """A value as `--set` and the command line take it."""
    return "none" if value is None or value == () else option_text(value)

"""What generates the candidates of a run: a backend, or the local model with a decoding strategy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.errors import UsageError
from harness.evaluation.request import Request
from harness.plugin import Backend, Decoder, TuningMethod
from harness.plugin_system.registry import PluginEntry, Registry
from harness.records import Sampling


def select_backend(
    request: Request, registry: Registry, tuner: PluginEntry[TuningMethod] | None
) -> PluginEntry[Backend] | None:
    """The requested backend. It needs --model, and a method that does not tune."""
    if request.backend is None:
        return None
    backend = registry.backend(request.backend)
    if tuner is not None:
        raise UsageError(f"--backend {backend.name}: {tuner.name} tunes weights, which a backend keeps to itself")
    if request.model is None:
        raise UsageError(f"--backend {backend.name}: name one of its models with --model")
    chat = {True: "--chat", False: "--no-chat", None: ""}[request.chat]
    thinking = {True: "--thinking", False: "--no-thinking", None: ""}[request.thinking]
    for flag in (chat, thinking, "--revision" if request.revision else ""):
        if flag:
            raise UsageError(f"--backend {backend.name}: {flag} is for models that run here; leave it out")
    return backend


def select_decoder(request: Request, registry: Registry) -> PluginEntry[Decoder] | None:
    """The decoder that was asked for; None for the task's settings alone.

    Raises:
        UsageError: there is none of this name, or a backend decodes.
    """
    if request.decoder is None:
        return None
    if request.backend is not None:
        raise UsageError(f"--decoder {request.decoder}: the backend {request.backend} chooses tokens; leave it out")
    return registry.decoder(request.decoder)


def decoder_settings(decoder: PluginEntry[Decoder], config: Any, sampling: Sampling, request: Request) -> Sampling:
    """`sampling` with what the decoder changes, and its name.

    Raises:
        UsageError: the settings do not fit the decoder.
    """
    settings = decoder.plugin.settings(sampling, config)
    for name in ("candidates", "max_new_tokens", "temperature"):
        requested, needed = getattr(request, name), getattr(settings, name)
        if requested is not None and requested != needed:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} {requested}: the decoder {decoder.name} needs {needed}; leave {flag} out")
    return replace(settings, decoder=decoder.name)

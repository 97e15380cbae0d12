"""The provenance of a run: versions, hardware, plugins, git revision. Never a key, a token or a user name."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from harness import files, processes
from harness.config import option_text
from harness.evaluation import facts
from harness.evaluation.plan import RunPlan
from harness.evaluation.runs import RUN
from harness.modeling.checkpoint import BUILTIN
from harness.plugin_system.loading import Origin
from harness.plugin_system.registry import PluginEntry, Registry
from harness.records import SCHEMA, ModelSpec, to_json

LIBRARIES = (
    "codetune-harness",
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "datasets",
    "accelerate",
    "tokenizers",
    "sentence-transformers",
    "tree-sitter",
    "tree-sitter-python",
    "numpy",
)


def run_facts(plan: RunPlan, registry: Registry) -> dict[str, Any]:
    """The contents of `run.json`."""
    entries = [plan.task, plan.tuner, plan.prompter, plan.backend, plan.decoder, *plan.metrics]
    return {
        "schema": SCHEMA,
        "run": to_json(plan.run),
        "command": typed_command(),
        # No command makes a run on validation problems alone.
        "reproduce": reproduce_command(plan) if plan.run.split == "test" else None,
        "data": {
            "source": plan.source.label,
            "digest": plan.run.data_digest,
            "splits": {split: len(problems) for split, problems in plan.splits.items()},
        },
        "values": to_json({name: {"value": s.value, "source": s.source} for name, s in plan.settings.items()}),
        "notes": list(plan.notes),
        "plugins": origins(entries),
        "left_out": [to_json(problem) for problem in registry.left_out],
        "versions": versions(),
        "machine": machine(),
        "git": git_revision(),
    }


PluginEntries = Sequence["PluginEntry[Any] | None"]


def origins(entries: PluginEntries) -> dict[str, Origin]:
    """The origin of each plugin: distribution, version, entry point and the digest of the source file."""
    return {entry.name: entry.origin for entry in entries if entry is not None}


def changed_plugins(known: Mapping[str, Origin] | None, entries: PluginEntries) -> list[PluginEntry[Any]]:
    """The offers whose source differs from the recorded origins `known` (see `origins`); none where `known` is None."""
    if known is None:
        return []
    now = origins(entries)
    return [entry for entry in entries if entry is not None and known.get(entry.name) != now[entry.name]]


def warn_of_changed_plugins(folder: Path, known: Mapping[str, Origin] | None, entries: PluginEntries) -> None:
    """Print a note if the content of `folder` was made by plugins that have changed since."""
    if changed := changed_plugins(known, entries):
        names = ", ".join(entry.name for entry in changed)
        whose = ", ".join(dict.fromkeys(f"{entry.origin.distribution} {entry.origin.version}" for entry in changed))
        message = f"was made by another state of {names} ({whose}); remove it to make it anew"
        print(f"note: {folder} {message}", file=sys.stderr)


def record_metric_origins(folder: Path, metrics: PluginEntries) -> None:
    """Add the origins of metrics that were added to a finished run to its `run.json`."""
    if changed_plugins(facts.run_facts(folder).plugins, metrics):
        about = files.read_json(folder / RUN)
        files.write_sealed(folder / RUN, {**about, "plugins": {**about["plugins"], **origins(metrics)}})


def typed_command() -> str:
    """The command line as the user typed it."""
    return shlex.join(["harness", *sys.argv[1:]])


def reproduce_command(plan: RunPlan) -> str:
    """The `harness eval` command that repeats this run, whether a list of methods, a study or a program made it.

    It names only values that differ from their defaults. The defaults belong to the versions recorded with the command.
    """
    run, given = plan.run, {name for name, s in plan.settings.items() if s.given}
    if not plan.settings:  # completions made elsewhere: only the original command can read them again
        return typed_command()
    arguments = ["harness", "eval", "--method", run.method, "--task", run.task]
    if not (run.builtin_data and run.model.id == BUILTIN):
        arguments += ["--model", run.model.id]
    arguments += ["--revision", run.model.revision] if run.model.revision else []
    arguments += ["--backend", run.backend] if run.backend else []
    arguments += ["--protocol", run.protocol] if run.protocol else []
    arguments += ["--decoder", run.sampling.decoder] if run.sampling.decoder else []
    if not run.builtin_data and plan.source.named is None:
        arguments += ["--data", plan.source.label]
    shown = {
        "metrics": ("--metric", ",".join(run.metrics)),
        "k": ("-k", ",".join(map(str, run.ks))),
        "candidates": ("--candidates", str(run.sampling.candidates)),
        "max_new_tokens": ("--max-new-tokens", str(run.sampling.max_new_tokens)),
        "temperature": ("--temperature", str(run.sampling.temperature)),
        "thinking_tokens": ("--thinking-tokens", str(run.sampling.thinking_tokens)),
        "limit": ("--limit", str(run.limit)),
    }
    for name, (flag, value) in shown.items():
        arguments += [flag, value] if name in given else []
    arguments += ["--seed", str(run.seed)]
    arguments += _chat_arguments(run.model, given)
    arguments += ["--trust-remote-code"] if run.model.trust_remote_code else []
    for name, setting in plan.settings.items():
        if "." in name and setting.given:
            arguments += ["--set", f"{name}={option_text(setting.value)}"]
    return shlex.join(arguments)


def _chat_arguments(model: ModelSpec, given: Set[str]) -> list[str]:
    """The chat options of the command."""
    arguments = ["--chat"] if model.chat else ["--no-chat"] if "chat" in given else []
    return [*arguments, *({True: ["--thinking"], False: ["--no-thinking"], None: []}[model.thinking])]


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that results depend on."""
    installed = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed[name] = "not installed"
    return installed


def machine() -> dict[str, Any]:
    """Processor, cores, memory and GPU; how many processes make the run, where they are several."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    several = {"processes": processes.count()} if processes.count() > 1 else {}
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "gpu": gpu,
        **several,
    }


def git_revision() -> str | None:
    """The commit of the checkout harness runs from, with "+changes" when it has some; None outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    revision = _git(root, "rev-parse", "HEAD")
    return f"{revision}+changes" if revision and _git(root, "status", "--porcelain", "-uno") else revision


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None

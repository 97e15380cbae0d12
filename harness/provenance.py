"""What a run was made with: versions, hardware, plugins, git revision. Never a key, a token or a user's name."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import runs
from harness.model import BUILTIN
from harness.plan import Plan
from harness.records import SCHEMA, to_json
from harness.registry import Offer, Registry
from harness.runs import RUN

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


def of(plan: Plan, registry: Registry) -> dict[str, Any]:
    """The contents of `run.json`."""
    offers = [plan.task, plan.tuner, plan.prompter, plan.backend, *plan.metrics]
    return {
        "schema": SCHEMA,
        "run": to_json(plan.run),
        "command": typed(),
        "reproduce": reproduce(plan),
        "data": {
            "source": plan.source.label,
            "digest": plan.run.data_digest,
            "splits": {split: len(problems) for split, problems in plan.splits.items()},
        },
        "values": to_json({name: {"value": s.value, "source": s.source} for name, s in plan.sources.items()}),
        "notes": list(plan.notes),
        "plugins": origins(offers),
        "left_out": [to_json(q) for q in registry.quarantined],
        "versions": versions(),
        "machine": machine(),
        "git": git_revision(),
    }


Offers = Sequence["Offer[Any] | None"]


def origins(offers: Offers) -> dict[str, Any]:
    """Who offers each plugin: distribution, version, entry point and the digest of the source file."""
    return {offer.name: to_json(offer.origin) for offer in offers if offer is not None}


def others(known: Mapping[str, Any] | None, offers: Offers) -> list[Offer[Any]]:
    """Those of `offers` that are not, to the byte of their source, the ones that `known` (see `origins`) tells of; none
    where it was not kept."""
    if known is None:
        return []
    now = origins(offers)
    return [offer for offer in offers if offer is not None and known.get(offer.name) != now[offer.name]]


def another_state(folder: Path, known: Mapping[str, Any] | None, offers: Offers) -> None:
    """Say that what `folder` holds was made by plugins that have changed since."""
    if changed := others(known, offers):
        names = ", ".join(offer.name for offer in changed)
        whose = ", ".join(dict.fromkeys(f"{offer.origin.distribution} {offer.origin.version}" for offer in changed))
        words = f"was made by another state of {names} ({whose}); remove it to make it anew"
        print(f"note: {folder} {words}", file=sys.stderr)


def scored_by(folder: Path, metrics: Offers) -> None:
    """Write down who offers the metrics that were computed now, for a run that was made before."""
    about = runs.read_json(folder / RUN)
    if others(about["plugins"], metrics):
        runs.write_json(folder / RUN, {**about, "plugins": {**about["plugins"], **origins(metrics)}})


def typed() -> str:
    """What the user typed."""
    return shlex.join(["harness", *sys.argv[1:]])


def reproduce(plan: Plan) -> str:
    """The command that makes this one run again, whatever it was made by: a list of methods, a study, a file's options.

    Only what differs from a default is named, so that it stays readable; a default belongs to the versions beside it.
    """
    run, given = plan.run, {name for name, s in plan.sources.items() if s.source == "command line"}
    if not plan.sources:  # completions made elsewhere: only the command that read them can read them again
        return typed()
    words = ["harness", "eval", "--method", run.method, "--task", run.task]
    if not (run.builtin_data and run.model.id == BUILTIN):
        words += ["--model", run.model.id]
    words += ["--revision", run.model.revision] if run.model.revision else []
    words += ["--backend", run.backend] if run.backend else []
    if not run.builtin_data and plan.source.named is None:
        words += ["--data", plan.source.label]
    shown = {
        "metrics": ("--metric", ",".join(run.metrics)),
        "k": ("-k", ",".join(map(str, run.ks))),
        "candidates": ("--candidates", str(run.sampling.candidates)),
        "max_new_tokens": ("--max-new-tokens", str(run.sampling.max_new_tokens)),
        "temperature": ("--temperature", str(run.sampling.temperature)),
        "limit": ("--limit", str(run.limit)),
    }
    for name, (flag, value) in shown.items():
        words += [flag, value] if name in given else []
    words += ["--seed", str(run.seed)]
    words += ["--chat"] if run.model.chat else []
    words += ["--trust-remote-code"] if run.model.trust_remote_code else []
    for name, setting in plan.sources.items():
        if "." in name and setting.source != "default":
            value = setting.value
            words += ["--set", f"{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"]
    return shlex.join(words)


def versions() -> dict[str, str]:
    """The versions of what decides numbers."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """Processor, cores, memory and GPU."""
    import psutil
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": gpu,
    }


def git_revision() -> str | None:
    """The commit of the checkout harness runs from, with "+changes" when it has some; None outside a checkout."""
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None
    revision = _git(root, "rev-parse", "HEAD")
    return f"{revision}+changes" if revision and _git(root, "status", "--porcelain", "-uno") else revision


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None

"""Tuning and writing with one method, here or in a process that knows nothing of this one."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import workshop
from harness.model import Base
from harness.plugin import Method, Task
from harness.records import Completion, ModelSpec, Problem, Sampling, from_json, to_json
from harness.registry import Registry
from harness.workshop import Workshop

SEED = 7
ARITHMETIC = 1e-3
"""Nats per token by which the probability of a text may differ from one batch to another."""
SAMPLING = Sampling(candidates=2, max_new_tokens=12)
_WORDS = ("sort", "join", "count", "reverse", "split", "print")


class Words(Task):
    """One-line answers to short questions, for checks only."""

    name = "words"

    def sampling(self) -> Sampling:
        return SAMPLING


def problems(first: int, count: int) -> list[Problem]:
    """Problems of different lengths, numbered from `first`."""
    found = []
    for number in range(first, first + count):
        word = _WORDS[number % len(_WORDS)]
        found.append(
            Problem(f"w{number}", f"{word} {'the items of ' * (number % 3)}x{number}", (f"{word}(x{number})",))
        )
    return found


TRAIN, VALIDATION, TEST = problems(0, 12), problems(100, 4), problems(200, 5)


@dataclass(frozen=True)
class Job:
    """What a process needs to know: the method and its options, and the folder of the base."""

    name: str
    options: Mapping[str, Any]
    model: str

    @property
    def method(self) -> Method:
        """The installed method."""
        return Registry().method(self.name).plugin

    @property
    def config(self) -> Any:
        """Its options."""
        return self.method.Config(**self.options)


def base(job: Job, shop: Workshop) -> Base:
    """The pristine base, loaded as the method asks for it."""
    return shop.base(ModelSpec(job.model), job.method.load_options(job.config))


def adapt(job: Job, shop: Workshop) -> Base:
    """The base with the method's parameters on it, as a run makes it."""
    from transformers import set_seed

    set_seed(SEED)
    return job.method.adapt(base(job, shop), job.config)


def tune(job: Job, shop: Workshop, folder: Path, kill_after: int | None = None) -> Base:
    """Adapt and train for two short epochs, and save to `folder/adapter`; killed with SIGKILL after a step if asked."""
    from harness.prompts import Layout
    from harness.train import fit, rows

    def progress(step: int, _steps: int, _words: str) -> None:
        if kill_after is not None and step >= kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    adapted = adapt(job, shop)
    asked = job.method.tuning(job.config)
    assert asked is not None, "tuning() returns None though `tunes` is set"
    tuning = replace(asked, epochs=2, batch_size=4, evaluate_every=0.4)
    layout = Layout(Words(), adapted)
    train, validation = (
        rows(layout, [(layout.prompt(problem), problem) for problem in part], tuning.max_tokens)[0]
        for part in (TRAIN, VALIDATION)
    )
    fit(adapted, train, validation, tuning, folder / "checkpoints", SEED, progress)
    workshop.save(adapted, folder / "adapter")
    return adapted


def write(adapted: Base, batch: int = 3) -> dict[str, tuple[Completion, ...]]:
    """Completions of the test problems by id."""
    from harness.generate import generate
    from harness.prompts import Layout

    layout = Layout(Words(), adapted, max_new_tokens=SAMPLING.max_new_tokens)
    prompts = [layout.prompt(problem) for problem in TEST]
    return {prompt.id: found for prompt, found in generate(adapted, prompts, SAMPLING, SEED, batch=batch)}


def saved(folder: Path) -> str:
    """Digest of the weights that were saved to `folder/adapter`."""
    sha = hashlib.sha256()
    for file in sorted((folder / "adapter").glob("*.safetensors")):
        sha.update(file.name.encode() + file.read_bytes())
    return sha.hexdigest()


def tune_elsewhere(job: Job, folder: Path, kill_after: int | None = None) -> int | None:
    """`tune` in a fresh process; its exit status (minus nine when it was killed)."""
    return _elsewhere(_tune, job, folder, kill_after)


def write_elsewhere(job: Job, folder: Path) -> dict[str, tuple[Completion, ...]]:
    """What a fresh process writes with the adapter in `folder/adapter`."""
    status = _elsewhere(_write, job, folder, folder / "written.json")
    assert status == 0, "a fresh process cannot load what was saved; its error is above"
    found = json.loads((folder / "written.json").read_text("utf-8"))
    return {name: tuple(from_json(Completion, one) for one in completions) for name, completions in found.items()}


def _tune(job: Job, folder: Path, kill_after: int | None) -> None:
    tune(job, Workshop(), folder, kill_after)


def _write(job: Job, folder: Path, out: Path) -> None:
    options = job.method.load_options(job.config)
    restored = workshop.restore(Workshop(), ModelSpec(job.model), options, folder / "adapter")
    out.write_text(json.dumps(to_json(write(restored))), "utf-8")


def _elsewhere(body: Any, *arguments: Any) -> int | None:
    """Run `body` in a process forked off a server that has imported the libraries and done nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.testing.warm"])
    process = context.Process(target=body, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def same(first: Sequence[Completion], second: Sequence[Completion]) -> bool:
    """Equal texts in equal order; probabilities may differ by what another batch's arithmetic does."""
    pairs = list(zip(first, second, strict=True))
    return all(a.text == b.text and math.isclose(a.logprob or 0, b.logprob or 0, abs_tol=ARITHMETIC) for a, b in pairs)

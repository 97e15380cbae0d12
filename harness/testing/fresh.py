"""Tuning and generating with one method, in this process or in a fresh one."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.modeling import bases as adapters
from harness.modeling.base import Base
from harness.modeling.bases import LoadedBases
from harness.plugin import Method, Task, TuningMethod
from harness.plugin_system.registry import Registry
from harness.records import Completion, ModelSpec, Problem, Sampling, from_json, to_json

SEED = 7
_CHECKPOINT_SECONDS = 60
"""How long a tuning that is to be killed waits for its first checkpoint."""
LOGPROB_TOLERANCE = 1e-3
"""Nats per token by which the log-probability of a completion may differ between batch sizes."""
SAMPLING = Sampling(candidates=2, max_new_tokens=12)
_VERBS = ("sort", "join", "count", "reverse", "split", "print")


class ShortAnswers(Task):
    """One-line answers to short questions, for checks only."""

    name = "short-answers"

    def sampling(self) -> Sampling:
        return SAMPLING


def problems(first: int, count: int) -> list[Problem]:
    """Problems of different lengths, numbered from `first`."""
    numbered = []
    for number in range(first, first + count):
        verb = _VERBS[number % len(_VERBS)]
        numbered.append(
            Problem(f"w{number}", f"{verb} {'the items of ' * (number % 3)}x{number}", (f"{verb}(x{number})",))
        )
    return numbered


TRAIN, VALIDATION, TEST = problems(0, 12), problems(100, 4), problems(200, 5)


@dataclass(frozen=True)
class MethodCase:
    """A method with its options and the folder of the base model: everything that a fresh process needs."""

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


def base(case: MethodCase, bases: LoadedBases) -> Base:
    """The pristine base, loaded as the method asks for it."""
    return bases.get(ModelSpec(case.model), case.method.load_options(case.config))


def adapt(case: MethodCase, bases: LoadedBases) -> Base:
    """The base with the method's parameters on it, as a run makes it."""
    from transformers import set_seed

    set_seed(SEED)
    pristine = base(case, bases)
    return case.method.adapt(pristine, case.config) if isinstance(case.method, TuningMethod) else pristine


def tune(case: MethodCase, bases: LoadedBases, folder: Path, kill_after: int | None = None) -> Base:
    """Adapt and train for two short epochs, and save to `folder/adapter`; killed with SIGKILL after a step if asked."""
    from harness.modeling.prompts import PromptBuilder
    from harness.tuning.train import fit, rows

    def progress(step: int, _steps: int, _words: str) -> None:
        if kill_after is not None and step >= kill_after:
            # Checkpoints are written beside the training; without one this would begin anew, and find nothing.
            deadline = time.monotonic() + _CHECKPOINT_SECONDS
            while not list(folder.glob("checkpoints/*/complete.json")) and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)

    adapted = adapt(case, bases)
    assert isinstance(case.method, TuningMethod)
    tuning = replace(case.method.tuning(case.config), epochs=2, batch_size=4, evaluate_every=0.4)
    layout = PromptBuilder(ShortAnswers(), adapted)
    train, validation = (
        rows(layout, [(layout.prompt(problem), problem) for problem in part], tuning.max_tokens)[0]
        for part in (TRAIN, VALIDATION)
    )
    groups = case.method.parameter_groups(adapted.model, tuning.learning_rate, case.config)
    loss = case.method.loss_function(case.config)
    fit(
        adapted,
        train,
        validation,
        tuning,
        folder / "checkpoints",
        SEED,
        progress,
        parameter_groups=groups,
        loss_function=loss,
    )
    adapters.save(adapted, folder / "adapter")
    return adapted


def generate_completions(adapted: Base, batch: int = 3) -> dict[str, tuple[Completion, ...]]:
    """Completions of the test problems by id."""
    from harness.decoding.generate import generate
    from harness.modeling.prompts import PromptBuilder

    layout = PromptBuilder(ShortAnswers(), adapted, max_new_tokens=SAMPLING.max_new_tokens)
    prompts = [layout.prompt(problem) for problem in TEST]
    return {prompt.id: completions for prompt, completions in generate(adapted, prompts, SAMPLING, SEED, batch=batch)}


def saved(folder: Path) -> str:
    """Digest of the weights that were saved to `folder/adapter`."""
    sha = hashlib.sha256()
    for file in sorted((folder / "adapter").glob("*.safetensors")):
        sha.update(file.name.encode() + file.read_bytes())
    return sha.hexdigest()


def tune_elsewhere(case: MethodCase, folder: Path, kill_after: int | None = None) -> int | None:
    """`tune` in a fresh process; its exit status (minus nine when it was killed)."""
    return _elsewhere(_tune, case, folder, kill_after)


def generate_elsewhere(case: MethodCase, folder: Path) -> dict[str, tuple[Completion, ...]]:
    """Completions of the test problems, generated in a fresh process with the adapter in `folder/adapter`."""
    status = _elsewhere(_generate, case, folder, folder / "written.json")
    assert status == 0, "a fresh process cannot load what was saved; its error is above"
    by_problem = json.loads((folder / "written.json").read_text("utf-8"))
    return {name: tuple(from_json(Completion, item) for item in items) for name, items in by_problem.items()}


def _tune(case: MethodCase, folder: Path, kill_after: int | None) -> None:
    tune(case, LoadedBases(), folder, kill_after)


def _generate(case: MethodCase, folder: Path, out: Path) -> None:
    options = case.method.load_options(case.config)
    restored = adapters.restore(LoadedBases(), ModelSpec(case.model), options, folder / "adapter")
    out.write_text(json.dumps(to_json(generate_completions(restored))), "utf-8")


def _elsewhere(body: Any, *arguments: Any) -> int | None:
    """Run `body` in a fresh process, forked from a server that has imported the libraries and done nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.testing.warm"])
    process = context.Process(target=body, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def same(first: Sequence[Completion], second: Sequence[Completion]) -> bool:
    """Whether texts are equal, and log-probabilities equal within `LOGPROB_TOLERANCE`."""
    pairs = list(zip(first, second, strict=True))
    return all(
        a.text == b.text and math.isclose(a.logprob or 0, b.logprob or 0, abs_tol=LOGPROB_TOLERANCE) for a, b in pairs
    )

"""From the command line to a plan: every name resolved, every value with its source, nothing heavy loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import data
from harness.config import Setting, Settings
from harness.errors import DataError, UsageError
from harness.model import BUILTIN, location, model_digest
from harness.plugin import Backend, Method, Metric, Task, deciding
from harness.records import Limits, ModelSpec, Problem, Run, Sampling, Tuning, digest, to_json
from harness.registry import Offer, Registry


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; None where the default decides."""

    method: str
    task: str
    model: str | None = None
    revision: str | None = None
    data: Path | None = None
    metrics: tuple[str, ...] = ()
    ks: tuple[int, ...] = ()
    candidates: int | None = None
    max_new_tokens: int | None = None
    temperature: float | None = None
    limit: int | None = None
    seed: int = 42
    chat: bool = False
    trust_remote_code: bool = False
    hub: bool = False
    accept_unsafe: bool = False
    backend: str | None = None


@dataclass(frozen=True)
class Plan:
    """A run, resolved: its spec, its plugins with their configurations, its problems, and where each value is from."""

    run: Run
    task: Offer[Task]
    tuner: Offer[Method] | None
    prompter: Offer[Method] | None
    metrics: tuple[Offer[Metric], ...]
    configs: Mapping[str, Any]
    splits: Mapping[str, Sequence[Problem]]
    source: data.Source
    sources: Mapping[str, Setting]
    notes: tuple[str, ...]
    backend: Offer[Backend] | None = None
    accept_unsafe: bool = False

    @property
    def limits(self) -> Limits:
        """What one test of one candidate may use."""
        return self.task.plugin.sample_limits if self.run.builtin_data else self.task.plugin.limits

    @property
    def method(self) -> Offer[Method] | None:
        """The part that decides how the base is loaded."""
        return self.tuner or self.prompter

    @property
    def trained_prompter(self) -> Offer[Method] | None:
        """The prompting method, where it builds the training prompts too."""
        offer = self.prompter
        return offer if offer is not None and offer.plugin.prompts_training(self.config(offer)) else None

    def config(self, offer: Offer[Any]) -> Any:
        """The configuration of one of the plan's plugins."""
        return self.configs[offer.name]

    @property
    def tuning_key(self) -> Any:
        """What a tuning depends on; two runs with equal keys share one adapter."""
        if self.tuner is None:
            return None
        run = self.run
        return {
            "model": to_json(run.model),
            "model_digest": run.model_digest,
            "task": [run.task, run.task_version, run.data_digest, run.limit],
            "method": self.tuner.name,
            "config": to_json(self.configs[self.tuner.name]),
            "tuning": to_json(run.tuning),
            "seed": run.seed,
            "prompting": self._prompting_key,
        }

    @property
    def _prompting_key(self) -> Any:
        offer = self.trained_prompter
        return None if offer is None else {"method": offer.name, "config": to_json(self.configs[offer.name])}


def resolve(request: Request, registry: Registry, settings: Settings) -> Plan:
    """Every name, option, data file and number of `request`, checked.

    Raises:
        HarnessError: something does not exist or does not fit; one line that names it.
    """
    task = registry.task(request.task)
    tuner, prompter, plain = _parts(request.method, registry)
    backend = _backend(request, registry, tuner)
    spec = ModelSpec(request.model or BUILTIN, request.revision, request.trust_remote_code, request.chat)
    if backend is None:
        location(spec)  # a mistyped folder is said before anything is fetched
    source = task_source(request, task.plugin)
    configs: dict[str, Any] = {}
    values: dict[str, Setting] = {}
    offers: list[Offer[Any]] = [task, *(o for o in (tuner, prompter, plain) if o is not None)]
    offers += [backend] if backend else []
    metrics = chosen_metrics(request, task.plugin, registry)
    for offer in [*offers, *metrics]:
        configs[offer.name], found = settings.config(offer.name, offer.plugin.Config)
        values |= {f"{offer.name}.{option}": setting for option, setting in found.items()}
    splits, notes = problem_splits(request, task, source, configs[task.name], needs_training=bool(tuner or prompter))
    notes += test_notes(splits["test"], metrics, source.label)
    sampling = _sampling(request, task.plugin, source.builtin)
    ks = chosen_ks(request, task.plugin, sampling)
    name = "+".join(o.name for o in (tuner, prompter, plain) if o is not None)
    run = Run(
        task=task.name,
        task_version=task.plugin.version + ("-sample" if source.builtin else ""),
        method=name,
        model=spec,
        metrics=tuple(m.name for m in metrics),
        sampling=sampling,
        tuning=_tuning(tuner, configs, values, task.plugin if source.builtin else None),
        options={
            offer.name: to_json(deciding(configs[offer.name]) if offer is backend else configs[offer.name])
            for offer in [*offers, *metrics]
        },
        data_digest=source.digest,
        # Whoever runs a model elsewhere tells no more about its weights than its name.
        model_digest=digest([backend.name, spec.id]) if backend else model_digest(spec),
        limit=request.limit,
        ks=ks,
        seed=request.seed,
        builtin_data=source.builtin,
        backend=backend.name if backend else None,
    )
    values |= _request_sources(request, run) | _tuning_sources(run, tuner, configs)
    method = prompter or plain
    accept = request.accept_unsafe
    return Plan(run, task, tuner, method, metrics, configs, splits, source, values, notes, backend, accept)


def _backend(request: Request, registry: Registry, tuner: Offer[Method] | None) -> Offer[Backend] | None:
    """The backend that was asked for; it needs a model of its own and weights that stay as they are."""
    if request.backend is None:
        return None
    found = registry.backend(request.backend)
    if tuner is not None:
        raise UsageError(f"--backend {found.name}: {tuner.name} tunes weights, which a backend keeps to itself")
    if request.model is None:
        raise UsageError(f"--backend {found.name}: name one of its models with --model")
    for flag, given in (("--chat", request.chat), ("--revision", request.revision)):
        if given:
            raise UsageError(f"--backend {found.name}: {flag} is for models that run here; leave it out")
    return found


def _parts(method: str, registry: Registry) -> tuple[Offer[Method] | None, Offer[Method] | None, Offer[Method] | None]:
    """The tuner, the prompter, and the method that is neither, of a name like `lora+rag`."""
    offers = [registry.method(part) for part in method.split("+")]
    tuners = [o for o in offers if o.plugin.tunes]
    prompters = [o for o in offers if o.plugin.prompts]
    plain = [o for o in offers if not o.plugin.tunes and not o.plugin.prompts]
    if len(tuners) > 1 or len(prompters) > 1 or len(plain) > 1 or (plain and len(offers) > 1):
        raise UsageError(f"--method {method}: combine one tuning method with one prompting method, like lora+rag")
    return tuners[0] if tuners else None, prompters[0] if prompters else None, plain[0] if plain else None


def task_source(request: Request, task: Task) -> data.Source:
    """Where the problems come from: `--data`, the built-in sample when neither data nor model is named, or the hub."""
    if request.data is not None:
        return data.open_path(request.data)
    if request.model is None and not request.hub:
        return data.open_builtin(task.name)
    if task.hub is None:
        raise UsageError(f"the task {task.name!r} names no data set on the hub; give its files with --data PATH")
    return data.open_hub(task.hub)


def chosen_metrics(request: Request, task: Task, registry: Registry) -> tuple[Offer[Metric], ...]:
    """The metrics that were asked for, else the task's own."""
    names = request.metrics or task.metrics
    return tuple(registry.metric(name) for name in dict.fromkeys(names))


def problem_splits(
    request: Request, task: Offer[Task], source: data.Source, config: Any, *, needs_training: bool
) -> tuple[dict[str, list[Problem]], tuple[str, ...]]:
    """The problems of each split, at most `request.limit` of each, and what the user should know about them.

    Raises:
        DataError: no test problems, or no training problems for a method that needs them.
    """
    found = {split: list(problems) for split, problems in task.plugin.load(source, config).items()}
    notes = []
    if "" in found:
        found = data.divide(found[""], {"train": 0.7, "validation": 0.1, "test": 0.2}, seed=42)
        notes.append(f"{source.label} is one file: cut into train, validation and test 70/10/20 with seed 42")
    if found.get("train") and not found.get("validation"):
        found |= data.divide(found["train"], {"train": 0.9, "validation": 0.1}, seed=42)
        notes.append("no validation split: a tenth of the training problems, taken with seed 42")
    data.check_ids(found, source.label)
    if not found.get("test"):
        raise DataError(f"{source.label}: no test problems (found: {', '.join(sorted(found)) or 'nothing'})")
    if needs_training and not (found.get("train") and found.get("validation")):
        raise DataError(f"{source.label}: this method needs training problems, and there are none; add a train file")
    for split, problems in found.items():
        published = task.plugin.sizes.get(split)
        if not source.builtin and published is not None and len(problems) != published:
            notes.append(f"{split}: {len(problems)} problems, the study has {published}")
        found[split] = data.first_of_slices(problems, request.limit)
    return found, tuple(notes)


def test_notes(problems: Sequence[Problem], metrics: Sequence[Offer[Metric]], label: str) -> tuple[str, ...]:
    """What metrics will not find in the test problems; nothing at all is an error."""
    for metric in metrics:
        needs = metric.plugin.needs
        without = [p.id for p in problems if not (p.tests if needs == "executions" else p.references)]
        what = "tests" if needs == "executions" else "references"
        if len(without) == len(problems):
            raise DataError(f"{label}: no test problem has {what}, which the metric {metric.name} needs")
        if without:
            return (f"{len(without)} of {len(problems)} test problems have no {what} (first: {without[0]})",)
    return ()


def _sampling(request: Request, task: Task, builtin: bool) -> Sampling:
    sampling = task.sampling()
    changes: dict[str, Any] = {}
    if request.candidates is not None:
        changes["candidates"] = request.candidates
    if request.max_new_tokens is not None:
        changes["max_new_tokens"] = request.max_new_tokens
    elif builtin:
        changes["max_new_tokens"] = min(sampling.max_new_tokens, SAMPLE_TOKENS)
    if request.temperature is not None:
        changes["temperature"] = request.temperature
    return replace(sampling, **changes)


SAMPLE_TOKENS = 192
"""The answers of the built-in sample are short; nothing longer is worth waiting for."""


def _tuning(
    tuner: Offer[Method] | None, configs: Mapping[str, Any], values: Mapping[str, Setting], sample: Task | None
) -> Tuning | None:
    """The method's settings; on the built-in sample (of the task `sample`) with fewer validations and passes."""
    tuning = tuner.plugin.tuning(configs[tuner.name]) if tuner else None
    if tuner is None or tuning is None or sample is None:
        return tuning
    asked = values.get(f"{tuner.name}.epochs")
    epochs = tuning.epochs if asked and asked.source != "default" else min(tuning.epochs, sample.sample_epochs)
    return replace(tuning, evaluate_every=1.0, epochs=epochs)


def chosen_ks(request: Request, task: Task, sampling: Sampling) -> tuple[int, ...]:
    """The values of k to report; none may exceed the number of candidates."""
    if not request.ks:
        return tuple(k for k in task.default_ks() if k <= sampling.candidates) or (1,)
    for k in request.ks:
        if k > sampling.candidates:
            raise UsageError(f"-k {k}: only {sampling.candidates} candidates are written; add --candidates {k}")
        if k < 1:
            raise UsageError(f"-k {k}: k starts at 1")
    return tuple(sorted(set(request.ks)))


def _request_sources(request: Request, run: Run) -> dict[str, Setting]:
    """Values that come from options of the command itself."""
    given = {f.name for f in dataclasses.fields(Request) if getattr(request, f.name) != f.default}
    sampling = run.sampling
    shown = {
        "model": (run.model.id, "model"),
        "data": (run.data_digest[:12], "data"),
        "candidates": (sampling.candidates, "candidates"),
        "max_new_tokens": (sampling.max_new_tokens, "max_new_tokens"),
        "temperature": (sampling.temperature, "temperature"),
        "k": (run.ks, "ks"),
        "limit": (run.limit, "limit"),
        "seed": (run.seed, "seed"),
        "metrics": (run.metrics, "metrics"),
    }
    return {
        name: Setting(value, "command line" if field in given else f"default of {run.task}")
        for name, (value, field) in shown.items()
    }


def _tuning_sources(run: Run, tuner: Offer[Method] | None, configs: Mapping[str, Any]) -> dict[str, Setting]:
    """What the training loop is given, and which of it the built-in sample shortens."""
    asked = tuner.plugin.tuning(configs[tuner.name]) if tuner else None
    if tuner is None or asked is None or run.tuning is None:
        return {}
    found = {}
    for field in dataclasses.fields(run.tuning):
        value = getattr(run.tuning, field.name)
        kept = value == getattr(asked, field.name)
        source = tuner.name if kept else f"built-in sample of {run.task}"
        found[field.name] = Setting(value, source)
    return found

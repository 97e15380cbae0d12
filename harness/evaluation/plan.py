"""Resolves a request into a run plan: every name looked up, every value with its source. No model is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from harness.config import Setting, Settings, check_bounds
from harness.data import sources as data
from harness.errors import DataError, UsageError
from harness.evaluation.decoding import decoder_settings, select_backend, select_decoder
from harness.evaluation.fields import fields_of
from harness.evaluation.problems import configured, missing_field_notes, problem_splits, task_source
from harness.evaluation.protocol import task_under_protocol, with_task_defaults, without_chat
from harness.evaluation.request import NUMBERS, Request
from harness.evaluation.value_sources import loop_settings, request_settings
from harness.extract import VERSION
from harness.modeling.base import chat_of, model_digest
from harness.modeling.chat import CHAT_PROMPT_VERSION, DATE
from harness.modeling.checkpoint import BUILTIN, check, identity, ignored_note
from harness.options import run_id_options, with_loop_options
from harness.plugin import Backend, Decoder, Method, Metric, PromptingMethod, Task, TuningMethod
from harness.plugin_system.registry import PluginEntry, Registry
from harness.records import Limits, ModelSpec, Problem, Run, Sampling, Tuning, digest, to_json

M = TypeVar("M", bound=Method)
Metrics = tuple[PluginEntry[Metric], ...]
Tuner = PluginEntry[TuningMethod] | None
Prompter = PluginEntry[Method] | None


@dataclass(frozen=True)
class RunPlan:
    """A resolved run: its spec, its plugins with their configurations, its problems, and the source of each value."""

    run: Run
    task: PluginEntry[Task]
    tuner: Tuner
    prompter: Prompter
    metrics: Metrics
    configs: Mapping[str, Any]
    splits: Mapping[str, Sequence[Problem]]
    source: data.Source
    settings: Mapping[str, Setting]
    notes: tuple[str, ...]
    backend: PluginEntry[Backend] | None = None
    accept_unsafe: bool = False
    decoder: PluginEntry[Decoder] | None = None
    wait: bool = True
    """Whether a run or tuning that another process makes is waited for; else that is an error."""
    shard: bool | None = None
    """Whether the base is spread over processes or GPUs; None where that depends on its size."""
    stop_losers: bool = False
    """Whether settings of a sweep that cannot win end early."""
    watched: PluginEntry[Metric] | None = None
    """The metric that is looked at on a few validation problems while the method tunes."""

    @property
    def problems(self) -> Sequence[Problem]:
        """The problems that the run writes for."""
        return self.splits[self.run.split]

    def title(self, phase: str) -> str:
        """What a phase of the run is called while it goes on: "writing icl", or "writing icl (validation)"."""
        split = "" if self.run.split == "test" else f" ({self.run.split})"
        return f"{phase} {self.run.method}{split}"

    @property
    def limits(self) -> Limits:
        """The resource limits of one test of one candidate."""
        return self.task.plugin.sample_limits if self.run.builtin_data else self.task.plugin.limits

    @property
    def method(self) -> Prompter:
        """The method that gives the loading options of the base model: the tuning method, else the prompting one."""
        return self.tuner or self.prompter

    @property
    def trained_prompter(self) -> Prompter:
        """The prompting method, if it builds the training prompts too."""
        entry = self.prompter
        if entry is None or not isinstance(entry.plugin, PromptingMethod):
            return None
        return entry if entry.plugin.prompts_training(self.config(entry)) else None

    def config(self, entry: PluginEntry[Any]) -> Any:
        """The configuration of one of the plan's plugins."""
        return self.configs[entry.name]

    @property
    def tuning_key(self) -> Any:
        """Everything that a tuning depends on; runs with equal keys share one adapter."""
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
            **self._task_key,
        }

    @property
    def _task_key(self) -> dict[str, Any]:
        """The task's options and protocol, which decide the training prompts; nothing where they are the defaults."""
        config = self.configs[self.task.name]
        options = {} if config == type(config)() else {"task_options": to_json(config)}
        return options | ({"protocol": self.run.protocol} if self.run.protocol else {})

    @property
    def _prompting_key(self) -> Any:
        entry = self.trained_prompter
        return None if entry is None else {"method": entry.name, "config": to_json(self.configs[entry.name])}


def resolve(request: Request, registry: Registry, settings: Settings) -> RunPlan:
    """The plan of `request`, with every name, option, data file and number checked.

    Raises:
        HarnessError: something does not exist or does not fit; one line that names it.
    """
    _check_numbers(request)
    task = task_under_protocol(registry, request.task, request.protocol)
    settings = with_task_defaults(settings, task.plugin, request.protocol)
    methods = tuner, prompter, other = _split_method(request.method, registry)
    backend = select_backend(request, registry, tuner)
    spec = _model_spec(request, task.plugin, tuner, backend)
    source = task_source(request, task.plugin)
    configs, settings_by_name = dict[str, Any](), dict[str, Setting]()
    decoder = select_decoder(request, registry)
    entries: list[PluginEntry[Any]] = [task, *(part for part in (*methods, backend, decoder) if part is not None)]
    read_configs(entries, settings, configs, settings_by_name)
    task = configured(task, configs[task.name])
    splits, notes = problem_splits(request, task, source, configs[task.name], needs_training=bool(tuner or prompter))
    fields = fields_of(task.plugin, source, configs[task.name])
    settings_by_name |= fields.settings(task.name, settings_by_name)
    problems = splits[request.split]
    metrics = select_metrics(request, task.plugin, problems, registry)
    watched = select_watched(request, tuner, splits, source.label, registry)
    read_configs(filter(None, [*metrics, watched]), settings, configs, settings_by_name)
    notes += (*fields.notes(source.label), *missing_field_notes(problems, metrics, source.label, request.split))
    sampling = _sampling(request, task.plugin, source.builtin, spec)
    if decoder is not None:
        sampling = decoder_settings(decoder, configs[decoder.name], sampling, request)
    kept = decoder.plugin.kept(sampling.candidates, configs[decoder.name]) if decoder else sampling.candidates
    run = Run(
        task=task.name,
        task_version=task.plugin.version + ("-sample" if source.builtin else ""),
        method="+".join(part.name for part in methods if part is not None),
        model=spec,
        metrics=tuple(m.name for m in metrics),
        sampling=sampling,
        tuning=_tuning(tuner, configs, settings_by_name, task.plugin if source.builtin else None),
        options={
            entry.name: run_id_options(configs[entry.name]) if entry is backend else to_json(configs[entry.name])
            for entry in [*entries, *metrics]
        },
        data_digest=source.digest,
        # A backend reveals nothing about the weights of a model but its name.
        model_digest=digest([backend.name, spec.id]) if backend else model_digest(spec),
        limit=request.limit,
        ks=select_ks(request, task.plugin, kept),
        seed=request.seed,
        builtin_data=source.builtin,
        reading=VERSION,
        backend=backend.name if backend else None,
        protocol=request.protocol or "",
        split=request.split,
    )
    settings_by_name |= request_settings(request, run, source.label, settings.request_sources)
    settings_by_name |= loop_settings(tuner.name, settings_by_name, run.tuning) if tuner else {}
    notes += () if backend else ignored_note(spec)
    resolved = (run, task, tuner, prompter or other, metrics, configs, splits, source, settings_by_name, notes)
    asked = (request.accept_unsafe, decoder, request.wait, request.shard, request.stop_losers)
    return RunPlan(*resolved, backend, *asked, watched)


def _check_numbers(request: Request) -> None:
    for name, bounds in NUMBERS.items():
        check_bounds(getattr(request, name, None), bounds, f"--{name.replace('_', '-')}")


def _model_spec(request: Request, task: Task, tuner: Tuner, backend: PluginEntry[Any] | None) -> ModelSpec:
    """The model that is asked for; whether it is there is checked before anything is fetched."""
    name = request.model or BUILTIN
    spec = ModelSpec(name if backend else identity(name), request.revision, request.trust_remote_code)
    if backend is not None:
        return spec
    check(spec)
    return spec if without_chat(request, task) else with_chat_settings(spec, request, tuner)


def with_chat_settings(spec: ModelSpec, request: Request, tuner: Tuner) -> ModelSpec:
    """`spec` with the chat settings: whether the chat template is used, with reasoning or not, and its date.

    Only the tokenizer is read.

    Raises:
        UsageError: the model's chat template lacks what is asked for, or the method does not allow it.
    """
    if request.thinking_tokens is not None and not request.thinking:
        raise UsageError("--thinking-tokens: they are for --thinking; give both or neither")
    chat = None if request.chat is False else chat_of(spec, request.chat)
    if request.thinking and (chat is None or not chat.supports_reasoning):
        what = "no reasoning in its chat template" if chat else "no chat template in use"
        raise UsageError(f"--thinking: {spec.id} has {what}; leave it out")
    if request.thinking and tuner is not None:
        raise UsageError(f"--thinking: {tuner.name} teaches answers without reasoning; leave it out")
    if chat is None:
        return spec
    chat_spec = replace(spec, chat=True, date=DATE if chat.writes_date else None, asked=CHAT_PROMPT_VERSION)
    if chat.supports_reasoning:
        chat_spec = replace(chat_spec, thinking=bool(request.thinking))
        chat_of(chat_spec, True)  # checks that the template can be used this way
    return chat_spec


def _split_method(method: str, registry: Registry) -> tuple[Tuner, Prompter, Prompter]:
    """The tuning method, the prompting method, and the method that is neither, of a name like `lora+rag`."""
    entries = [registry.method(part) for part in method.split("+")]
    tuners = _entries_of_type(TuningMethod, entries)
    prompters = _entries_of_type(PromptingMethod, entries)
    plain = [o for o in entries if not isinstance(o.plugin, TuningMethod | PromptingMethod)]
    if len(tuners) > 1 or len(prompters) > 1 or len(plain) > 1 or (plain and len(entries) > 1):
        raise UsageError(f"--method {method}: combine one tuning method with one prompting method, like lora+rag")
    return tuners[0] if tuners else None, prompters[0] if prompters else None, plain[0] if plain else None


def _entries_of_type(kind: type[M], entries: Sequence[PluginEntry[Method]]) -> list[PluginEntry[M]]:
    return [cast("PluginEntry[M]", entry) for entry in entries if isinstance(entry.plugin, kind)]


def read_configs(
    entries: Iterable[PluginEntry[Any]], settings: Settings, configs: dict[str, Any], values: dict[str, Setting]
) -> None:
    """Add the configuration of each plugin to `configs`, and its options with their sources to `values`."""
    for entry in entries:
        configs[entry.name], options = settings.config(entry.name, entry.plugin.Config)
        values |= {f"{entry.name}.{option}": setting for option, setting in options.items()}


def select_metrics(request: Request, task: Task, problems: Sequence[Problem], registry: Registry) -> Metrics:
    """The requested metrics, else the default ones of the task for the `problems` that are written for."""
    names = request.metrics or task.default_metrics(problems)
    return tuple(registry.metric(name) for name in dict.fromkeys(names))


def select_watched(
    request: Request, tuner: Tuner, splits: Mapping[str, Sequence[Problem]], label: str, registry: Registry
) -> PluginEntry[Metric] | None:
    """The metric that is watched while the method tunes; None where none is asked for, or nothing is tuned.

    Raises:
        UsageError: there is none of this name.
        DataError: no validation problem has what it needs.
    """
    if request.watch is None or tuner is None:
        return None
    entry = registry.metric(request.watch)
    lacks = [entry.plugin.lacks(problem) for problem in splits["validation"]]
    if all(lacks):
        what = f"no validation problem of {label} has {lacks[0]}"
        raise DataError(f"--watch {entry.name}: {what}, which it needs; watch another metric")
    return entry


def check_watched(request: Request, plans: Iterable[RunPlan]) -> None:
    """Refuse a metric to watch where none of `plans`, those of `request` with each of its methods, tunes.

    Raises:
        UsageError: there is a metric to watch, and nothing is tuned.
    """
    if request.watch is not None and all(plan.tuner is None for plan in plans):
        raise UsageError(f"--watch {request.watch}: it looks at what is tuned, and no method here tunes; leave it out")


def _sampling(request: Request, task: Task, builtin: bool, spec: ModelSpec) -> Sampling:
    sampling = task.sampling()
    changes: dict[str, Any] = {}
    if spec.thinking:
        changes["thinking_tokens"] = request.thinking_tokens or THINKING_TOKENS
    if request.candidates is not None:
        changes["candidates"] = request.candidates
    if request.max_new_tokens is not None:
        changes["max_new_tokens"] = request.max_new_tokens
    elif builtin:
        changes["max_new_tokens"] = min(sampling.max_new_tokens, SAMPLE_TOKENS)
    if request.temperature is not None:
        changes["temperature"] = request.temperature
    return replace(sampling, **changes)


THINKING_TOKENS = 1024
"""Default length limit of the reasoning, in tokens; the answer has its own limit."""
SAMPLE_TOKENS = 192
"""Length limit of completions on the built-in sample, whose answers are short."""


def _tuning(
    tuner: Tuner, configs: Mapping[str, Any], values: Mapping[str, Setting], sample: Task | None
) -> Tuning | None:
    """The training settings; on the built-in sample (of the task `sample`) with fewer epochs and validations."""
    if tuner is None:
        return None
    tuning = with_loop_options(tuner.plugin.tuning(configs[tuner.name]), configs[tuner.name])
    if sample is None:
        return tuning
    setting = values.get(f"{tuner.name}.epochs")
    epochs = tuning.epochs if setting and setting.given else min(tuning.epochs, sample.sample_epochs)
    return replace(tuning, evaluate_every=1.0, epochs=epochs)


def select_ks(request: Request, task: Task, candidates: int) -> tuple[int, ...]:
    """The values of k to report, of `candidates` candidates that are scored.

    Raises:
        UsageError: a value is above the number of candidates, or below 1.
    """
    if not request.ks:
        return tuple(k for k in task.default_ks() if k <= candidates) or (1,)
    for k in request.ks:
        if k > candidates:
            raise UsageError(f"-k {k}: only {candidates} candidates are written; add --candidates {k}")
        if k < 1:
            raise UsageError(f"-k {k}: k starts at 1")
    return tuple(sorted(set(request.ks)))

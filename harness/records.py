"""The types that travel between the rooms, and their JSON.

Specifications (what was asked): `Run`, `ModelSpec`, `Sampling`, `Tuning`, `Limits`.
States (what happened): `Problem`, `Completion`, `Execution`, `Score`, `Estimate`, `Cost`, `Record`, `Row`.

Everything is a frozen dataclass of JSON-able values; `to_json` and `from_json` round-trip it. This module
needs the standard library only, so that `--help`, listings and the sandbox stay light.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from harness.decode import Misfit, decoder

SCHEMA = 1
"""Version of everything that is written to a run folder; raised when a field changes its meaning."""

T = TypeVar("T")


class Outcome(enum.StrEnum):
    """How one execution of a completion ended. Only `SANDBOX_ERROR` means "could not measure"."""

    PASSED = "passed"
    FAILED = "failed"
    RAISED = "raised"
    TIMED_OUT = "timed-out"
    OUT_OF_MEMORY = "out-of-memory"
    OUTPUT_LIMIT = "output-limit"
    NO_CODE = "no-code"
    SANDBOX_ERROR = "sandbox-error"


@dataclass(frozen=True, slots=True)
class StdinTests:
    """Programs that read standard input and print: `cases` holds (input, expected output) texts."""

    cases: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CallTests:
    """A function, or a method of `class Solution`, called with JSON values.

    `cases` holds (arguments as a JSON array, expected value as JSON); kept as JSON text so that a problem is
    hashable and round-trips exactly.
    """

    entry_point: str
    cases: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AssertTests:
    """Assertions in the style of HumanEval and MBPP: `code` is Python that asserts about `entry_point`.

    `setup` is prepended to the candidate (HumanEval's prompt, MBPP's imports).
    """

    entry_point: str
    code: str
    setup: str = ""


Tests = StdinTests | CallTests | AssertTests


@dataclass(frozen=True, slots=True)
class Limits:
    """What one test of one candidate may use. CPU time is measured; the wall limit is wider and catches sleepers."""

    cpu_seconds: float = 4.0
    wall_seconds: float = 10.0
    memory_bytes: int = 1 << 30
    output_bytes: int = 8 << 20
    processes: int = 32
    open_files: int = 64
    scratch_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to write code for.

    `instruction` is the natural-language intent that enters the prompt, `references` the accepted answers (the first
    is the one that is trained on), `slice` a named part of the task (APPS: the difficulty).
    """

    id: str
    instruction: str
    references: tuple[str, ...] = ()
    tests: Tests | None = None
    slice: str | None = None

    @property
    def reference(self) -> str:
        """The reference that tuning learns and exact match asks for; "" where the task has none."""
        return self.references[0] if self.references else ""


@dataclass(frozen=True, slots=True)
class Completion:
    """One candidate text. `finish` is "stop" (end token or stop string) or "length" (cut by the token limit)."""

    text: str
    tokens: int
    logprob: float | None = None
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Execution:
    """What the sandbox saw of one completion.

    `passed` of `total` tests in the task's comparison mode, `strict_passed` the same under the strict comparison
    (None where it was not asked for). `complete` is False when later tests were skipped after the first failure.
    `trust` is "isolated" when the candidate never shared a process with expected values, else "in-process".
    """

    outcome: Outcome
    passed: int
    total: int
    seconds: float = 0.0
    error: str = ""
    strict_passed: int | None = None
    complete: bool = True
    trust: str = "isolated"


@dataclass(frozen=True, slots=True)
class Score:
    """One metric on one problem.

    `values` are the readable measures of this problem alone ("em@10": 1.0). `sums` are the additive statistics from
    which the measures of any set of problems are computed; empty when a measure is the plain mean of `values`.
    A problem that could not be scored has no values and says `why`.
    """

    metric: str
    values: Mapping[str, float] = field(default_factory=dict)
    sums: Mapping[str, float] = field(default_factory=dict)
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measure over a set of problems, with its 95 % interval; `value` is None when nothing could be scored."""

    metric: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int = 0
    slice: str | None = None
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Cost:
    """What one phase ("load", "tune", "generate", "judge") used. None where this machine cannot measure it."""

    phase: str
    seconds: float
    peak_rss_bytes: int
    peak_gpu_bytes: int | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    energy_joules: float | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which weights. `id` is a hub id, a local path or "builtin"; `revision` a hub commit."""

    id: str
    revision: str | None = None
    trust_remote_code: bool = False
    chat: bool = False

    @property
    def name(self) -> str:
        """The short name used in run folders and tables."""
        return self.id.rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How candidates are drawn: beam search when `temperature` is 0, else sampling."""

    candidates: int
    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tuning:
    """The training loop's settings, shared by every tuning method (paper, section 4.6)."""

    learning_rate: float
    epochs: float = 5.0
    batch_size: int = 8
    warmup_ratio: float = 0.05
    evaluate_every: float = 0.2
    max_tokens: int = 2048


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that decides a result. Its digest addresses the run folder."""

    task: str
    task_version: str
    method: str
    model: ModelSpec
    metrics: tuple[str, ...]
    sampling: Sampling
    tuning: Tuning | None
    options: Mapping[str, Any]
    data_digest: str
    model_digest: str
    limit: int | None
    ks: tuple[int, ...]
    seed: int
    builtin_data: bool = False
    backend: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One problem of one run: what was asked (as a digest), answered, executed and scored.

    `examples` are the ids of the training problems shown in the prompt, `dropped` how many more did not fit,
    `leaks` how many were withheld because they are the problem itself or a near-duplicate; `truncated` says that the
    problem's own instruction did not fit.
    """

    id: str
    slice: str | None
    prompt_digest: str
    prompt_tokens: int
    examples: tuple[str, ...]
    dropped: int
    completions: tuple[Completion, ...]
    executions: tuple[Execution, ...] = ()
    scores: tuple[Score, ...] = ()
    leaks: int = 0
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a leaderboard: a finished run, its estimates, its costs, its counts of outcomes.

    `examples` is how many training problems were chosen for a prompt, on average.
    """

    run_id: str
    run: Run
    estimates: tuple[Estimate, ...]
    costs: tuple[Cost, ...]
    outcomes: Mapping[str, int]
    trainable_parameters: int
    total_parameters: int
    notes: tuple[str, ...] = ()
    examples: float = 0.0

    @property
    def publishable(self) -> bool:
        """False while anything "could not be measured" is mixed into the scores, or the data is the built-in sample."""
        broken = self.outcomes.get(Outcome.SANDBOX_ERROR.value, 0)
        return not broken and not self.run.builtin_data and not any(e.unscored for e in self.estimates)


def to_json(value: Any) -> Any:
    """`value` as plain JSON types: dataclasses become objects, tuples arrays, enums their value."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    names = _field_names(typing.cast(Any, kind))
    if names is not None:
        found = {name: to_json(getattr(value, name)) for name in names}
        return {"kind": kind.__name__, **found} if kind in _KINDS else found
    if kind is dict or isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    return value


_PLAIN = frozenset({str, int, float, bool, type(None)})
_KINDS = frozenset({StdinTests, CallTests, AssertTests})


@functools.cache
def _field_names(kind: Any) -> tuple[str, ...] | None:
    """The fields of a dataclass; None for any other type. Kept, since a page of rows asks a million times."""
    return tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def from_json(kind: type[T], data: Any) -> T:
    """The inverse of `to_json`.

    Raises:
        ValueError: a field is missing, unknown or of another type; the message names it.
    """
    try:
        return typing.cast(T, decoder(typing.cast(Any, kind))(data))
    except Misfit as misfit:
        raise misfit.inside(kind.__name__) from None


def canonical(value: Any) -> str:
    """The one JSON text of `value`: sorted keys, no spaces. Digests are taken of this."""
    return _CANONICAL.encode(to_json(value))


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of `value`; lone surrogates count as their escape."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()

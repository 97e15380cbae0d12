"""What is asked, what happened, and its JSON: the types that all parts of harness share.

Specifications (what was asked): `Run`, `ModelSpec`, `Sampling`, `Tuning`, `Limits`.
States (what happened): `Problem`, `Completion`, `Execution`, `Score`, `Estimate`, `Cost`, `Record`, `Row`.

Everything is a frozen dataclass of JSON-able values; `to_json` and `from_json` round-trip it. This module
needs the standard library only, so that `--help`, listings and the sandbox stay light.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.encode import added, canonical, digest, from_json, labelled, to_json
from harness.owntests import OwnTests

__all__ = [
    "SCHEMA",
    "AssertTests",
    "CallTests",
    "Completion",
    "Cost",
    "Estimate",
    "Execution",
    "Limits",
    "ModelSpec",
    "Outcome",
    "Problem",
    "PytestTests",
    "Record",
    "Row",
    "Run",
    "Sampling",
    "SandboxTests",
    "Score",
    "StdinTests",
    "Tests",
    "Tuning",
    "added",
    "canonical",
    "digest",
    "from_json",
    "to_json",
]

SCHEMA = 1
"""Version of what is written to a run folder; raised when a field changes its meaning."""


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


@labelled
@dataclass(frozen=True, slots=True)
class StdinTests:
    """Programs that read standard input and print: `cases` holds (input, expected output) texts."""

    cases: tuple[tuple[str, str], ...]


@labelled
@dataclass(frozen=True, slots=True)
class CallTests:
    """A function, or a method of `class Solution`, called with JSON values.

    `cases` holds (arguments as a JSON array, expected value as JSON); kept as JSON text so that a problem is
    hashable and round-trips exactly.
    """

    entry_point: str
    cases: tuple[tuple[str, str], ...]


@labelled
@dataclass(frozen=True, slots=True)
class AssertTests:
    """Assertions in the style of HumanEval and MBPP: `code` is Python that asserts about `entry_point`.

    `entry_point` may be several names, with spaces between them. `setup` is prepended to the candidate (HumanEval's
    prompt, MBPP's imports). With `each` the assertions at the top of `code` count one by one.
    """

    entry_point: str
    code: str
    setup: str = ""
    each: bool = added(False)


@labelled
@dataclass(frozen=True, slots=True)
class PytestTests:
    """A file in the style of pytest or unittest that imports from `module`; each test and set of parameters counts."""

    code: str
    module: str = "solution"


SandboxTests = StdinTests | CallTests | AssertTests | PytestTests
Tests = SandboxTests | OwnTests


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
    """One candidate. `finish` is "stop" (end token, or a whole answer) or "length" (cut by the token limit).

    `text` is the answer, which is judged and scored. `rule` says how it was found (`harness.extract`; "" where an
    earlier version took the text as it was). `raw` is the whole text, where more than blanks stood around the answer.
    """

    text: str
    tokens: int
    logprob: float | None = None
    finish: str = "stop"
    rule: str = added("")
    raw: str = added("")

    @property
    def written(self) -> str:
        """Everything that the model wrote."""
        return self.raw or self.text


@dataclass(frozen=True, slots=True)
class Execution:
    """What the sandbox saw of one completion.

    `passed` of `total` tests in the task's comparison mode, `strict_passed` the same under the strict comparison
    (None where it was not asked for). `complete` is False when later tests were skipped after the first failure.
    `trust` is "isolated" when the candidate never shared a process with expected values, else "in-process".
    `unstable`: a test that was repeated passed where it had failed, so each was run again in a process of its own.
    """

    outcome: Outcome
    passed: int
    total: int
    seconds: float = 0.0
    error: str = ""
    strict_passed: int | None = None
    complete: bool = True
    trust: str = "isolated"
    unstable: bool = added(False)


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
    """Which weights, and how they are talked to.

    `id` is a hub id, a local path or "builtin"; `revision` a hub commit. `chat` says that prompts go through the
    model's chat template; then `thinking` says whether its reasoning was switched on (None: it knows of none), and
    `date` what date it was told (None: it writes none). `asked` is the version of what the user says there: 1, the
    whole template of the task; 2, without its headings, and what the answer is to look like.
    """

    id: str
    revision: str | None = None
    trust_remote_code: bool = False
    chat: bool = False
    thinking: bool | None = added(None)
    date: str | None = added(None)
    asked: int = added(1)

    @property
    def name(self) -> str:
        """The short name used in run folders and tables."""
        return self.id.rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How candidates are drawn: beam search when `temperature` is 0, else sampling.

    `thinking_tokens` is how many tokens a completion may have beside `max_new_tokens`, for its reasoning.
    """

    candidates: int
    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    thinking_tokens: int = added(0)
    decoder: str = added("")
    """The decoding strategy that was asked for, with its options in `Run.options`; "" for the task's settings alone."""

    @property
    def longest(self) -> int:
        """The most tokens that a completion may have."""
        return self.max_new_tokens + self.thinking_tokens


@dataclass(frozen=True, slots=True)
class Tuning:
    """The training loop's settings, shared by every tuning method (paper, section 4.6)."""

    learning_rate: float
    epochs: float = 5.0
    batch_size: int = 8
    warmup_ratio: float = 0.05
    evaluate_every: float = 0.2
    max_tokens: int = 2048
    patience: int | None = added(None)
    """Validations without a lower loss after which tuning ends; None: after all epochs."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a few validation problems say of an adapter that is being tuned (`--watch`).

    `value` is the metric's main measure over the greedy answers to `problems` problems, which took `seconds`.
    """

    measure: str
    value: float
    problems: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TuningProgress:
    """A tuning at a validation, after `step` of `steps`.

    `training_loss` is the mean over the steps since the validation before, which took `seconds` and trained on `tokens`
    (padding is not counted). Both losses are means over response tokens, in nats. `watched` is None where nothing is
    watched, and at a validation where there was no time for it.
    """

    step: int
    steps: int
    training_loss: float
    validation_loss: float
    tokens: int
    seconds: float
    watched: Watched | None = added(None)  # noqa: RUF009 - a field, whose default is None


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
    reading: int = added(1)
    """The version of the rules that find the answer in a completion (`harness.extract.VERSION`)."""
    whole_data: bool = added(False)
    """The data is one file without a split in its name, and all of it is the test split."""
    protocol: str = added("")
    """Whose prompts and rules of scoring were used in place of the task's own (`Task.protocols`)."""
    split: str = added("test")
    """Whose problems are written for: "test"; "validation" in a run by which a setting of a sweep is chosen."""


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
    selected: tuple[int, ...] = added(())
    """Numbers of the completions that the decoder selected, best first: metrics see these alone; empty for all."""
    reworded: int = added(0)
    """Examples in the prompt whose text the method changed (a chain of thought)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A finished run's estimates, costs and outcomes; `examples` is how many were chosen for a prompt, on average."""

    run_id: str
    run: Run
    estimates: tuple[Estimate, ...]
    costs: tuple[Cost, ...]
    outcomes: Mapping[str, int]
    trainable_parameters: int
    total_parameters: int
    notes: tuple[str, ...] = ()
    examples: float = 0.0
    readings: Mapping[str, int] | None = added(None)
    """How many completions were read by each rule ("fenced": 12); None for a run of an earlier version."""

    @property
    def publishable(self) -> bool:
        """False while anything "could not be measured" is mixed into the scores, or the data is the built-in sample."""
        broken = self.outcomes.get(Outcome.SANDBOX_ERROR.value, 0)
        return not broken and not self.run.builtin_data and not any(e.unscored for e in self.estimates)

"""What a plugin author subclasses: `Method`, `Task`, `Metric`, `Backend`.

Each class is complete as it stands; a plugin overrides only what is different about it. Options are the fields of
the plugin's `Config`, a frozen dataclass whose defaults are the published settings; `--set NAME.field=value` sets
them and `harness show NAME` prints them with the text in `field(metadata={"help": …})`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from harness.data import HubFiles
from harness.records import Completion, Execution, Limits, Problem, Sampling, Score, Tuning

if TYPE_CHECKING:
    from harness.data import Source
    from harness.model import Base
    from harness.prompts import Pool


def option(default: Any, help: str, *, decides: bool = True) -> Any:
    """A `Config` field with its meaning: `r: int = option(16, "rank of the update matrices")`.

    `decides=False` is for a backend's option that no completion depends on (a time limit, how many requests at once):
    a run that was begun with one value of it is continued with another.
    """
    metadata = {"help": help, "decides": decides}
    if isinstance(default, dict | list):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def deciding(config: Any) -> dict[str, Any]:
    """The options that completions depend on, by name."""
    return {f.name: getattr(config, f.name) for f in fields(config) if f.metadata.get("decides", True)}


@dataclass(frozen=True)
class NoConfig:
    """The options of a plugin that has none."""


PREAMBLE = "Generate Python code given a natural language instruction."
"""The line that the study sets before the prompts of a model that was not tuned."""


class Method:
    """A way to adapt a model to a task: by tuning, by prompting, or not at all.

    A tuning method sets `tunes = True` and overrides `adapt`; a prompting method overrides `examples`.
    `lora+rag` adapts with the first and prompts with the second.
    """

    name: ClassVar[str]
    reference: ClassVar[str] = ""
    """Where the method is described: a paper's section or equation."""
    Config: ClassVar[type] = NoConfig
    tunes: ClassVar[bool] = False
    prompts: ClassVar[bool] = False
    """Whether the method chooses examples for the prompt."""
    preamble: ClassVar[str] = ""
    """A line set before the prompt and its examples."""

    def variants(self) -> Sequence[str]:
        """Names after the colon for a family of methods (`peft:dora`); empty for a single method."""
        return ()

    def remarks(self) -> Mapping[str, str]:
        """What `harness plugins` says of each variant; light, where `variants` may import a library."""
        return {}

    def variant(self, name: str) -> Method:
        """The member of the family called `name`."""
        raise NotImplementedError(f"{self.name} has no variants")

    def tuning(self, config: Any) -> Tuning | None:
        """The training loop's settings, or None when nothing is trained."""
        return None

    def prompts_training(self, config: Any) -> bool:
        """Whether a tuning method that this one is combined with trains on prompts with examples too."""
        return False

    def load_options(self, config: Any) -> Mapping[str, Any]:
        """Keyword arguments for `from_pretrained` beside the 16-bit default; k-bit methods quantise here.

        Two methods whose options are equal share one base.
        """
        return {}

    def adapt(self, base: Base, config: Any) -> Base:
        """The base with this method's trainable parameters on it; the base's own weights stay as they are."""
        return base

    def examples(self, problems: Sequence[Problem], pool: Pool, config: Any) -> Sequence[Sequence[Problem]]:
        """For each problem the training problems to show in its prompt, the most useful first.

        Called once with all problems of a split, so that retrieval can be batched.
        """
        return [() for _ in problems]


class Task:
    """Problems to write code for, and how an answer is judged.

    The prompt is `template(problem)`; whatever the model writes after it, up to a stop string, is the completion.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    """Raised whenever prompts, splits or judging change; rows of different versions never share a ranking."""
    reference: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    Config: ClassVar[type] = NoConfig
    metrics: ClassVar[tuple[str, ...]] = ()
    """The metrics that are computed when none is asked for."""
    hub: ClassVar[HubFiles | None] = None
    """Where the problems come from when neither `--data` is given nor the built-in sample is asked for."""
    sizes: ClassVar[Mapping[str, int]] = {}
    """The published number of problems of each split."""
    limits: ClassVar[Limits] = Limits()
    sample_limits: ClassVar[Limits] = Limits(cpu_seconds=1.0, wall_seconds=4.0)
    """Limits for the built-in sample, whose references need milliseconds."""
    sample_epochs: ClassVar[float] = 5.0
    """Passes over the built-in sample unless a method's option says otherwise; a newcomer should not wait long."""

    def sampling(self) -> Sampling:
        """How candidates are drawn by default (the paper's decoding)."""
        raise NotImplementedError

    def default_ks(self) -> tuple[int, ...]:
        """The values of k that are reported by default for EM@k and Pass@k."""
        return (1, 10)

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """The splits ("train", "validation", "test") found in `source`."""
        raise NotImplementedError

    def template(self, problem: Problem) -> str:
        """The prompt of one problem, without examples; the answer begins right after its last character."""
        return f"### Instruction:\n{problem.instruction}\n### Response:\n"

    def answer(self, problem: Problem) -> str:
        """What tuning teaches the model to write after the prompt."""
        return problem.reference

    def code(self, completion: str) -> str:
        """The program in a completion's text; see `harness.extract`."""
        from harness.extract import code

        return code(completion)

    def judge(
        self,
        jobs: Iterable[tuple[Problem, Completion]],
        *,
        limits: Limits | None = None,
        stop_at_first_failure: bool = False,
        accept_unsafe: bool = False,
    ) -> Iterator[Execution] | None:
        """Execute completions, one `Execution` for each job in order; None when the task has no tests.

        The default runs `code(completion.text)` against `problem.tests` in the sandbox, under `limits`
        (the task's own where None). `accept_unsafe` is the
        user's word for running programs where this machine cannot isolate them.
        """
        from harness import sandbox

        pairs = ((self.code(completion.text), problem.tests) for problem, completion in jobs)
        return sandbox.run(
            ((code, tests) for code, tests in pairs if tests is not None),
            limits or self.limits,
            stop_at_first_failure=stop_at_first_failure,
            accept_unsafe=accept_unsafe,
        )


class Metric:
    """A pure function of problems, completions and executions.

    `score` looks at one problem; `combine` turns totals over problems into the reported measures, so that corpus
    metrics and means are one thing and a bootstrap needs no second definition.
    """

    name: ClassVar[str]
    reference: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = True
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    """The smallest and largest value that any of its measures can have; None where there is no bound."""
    lower_is_better: ClassVar[tuple[str, ...]] = ()
    """Measures beside the main one where less is better ("unparsable")."""
    needs: ClassVar[str] = "references"
    """"references", "executions" or "" (nothing): what a problem must have to be scored."""
    Config: ClassVar[type] = NoConfig

    def score(
        self,
        problem: Problem,
        completions: Sequence[Completion],
        executions: Sequence[Execution],
        ks: Sequence[int],
        config: Any,
    ) -> Score:
        """The score of one problem, or `Score(name, why=…)` when it cannot be measured.

        `ks` are the values of k that were asked for; each is at most `len(completions)`.
        """
        raise NotImplementedError

    def combine(self, totals: Mapping[str, Any], n: Any) -> Mapping[str, Any]:
        """Measures of a set of problems from the totals of their `sums` (or `values`) and their number `n`.

        `totals` and `n` are floats or arrays of one shape (one entry per bootstrap resample); the result has that
        shape. The default is the mean over problems.
        """
        return {name: total / n for name, total in totals.items()}

    def primary(self, ks: Sequence[int]) -> str | None:
        """The measure that a table shows first; None for the first one."""
        return None


class Backend:
    """Something that turns prompts into completions in place of the local generation loop (an HTTP API, an engine).

    `--backend NAME` asks for it, `--model` then names a model of its own. It needs a method that tunes nothing. A key
    or token is read from the environment, never from `Config`, whose values are written down.
    """

    name: ClassVar[str]
    reference: ClassVar[str] = ""
    Config: ClassVar[type] = NoConfig

    def generate(
        self, model: str, prompts: Sequence[tuple[str, str]], sampling: Sampling, seed: int, config: Any
    ) -> Iterator[tuple[str, tuple[Completion, ...]]]:
        """For each (problem id, prompt), in any order, its id and `sampling.candidates` completions.

        What is yielded is on disk at once, and is not asked for again when the command is repeated. So when some
        problems fail, yield the others first and raise then. Texts are cut at `sampling.stop` by the caller.

        Raises:
            HarnessError: something could not be had; the message says what, and what to do.
        """
        raise NotImplementedError

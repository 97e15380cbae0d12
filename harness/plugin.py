"""What a plugin author subclasses: `TuningMethod`, `PromptingMethod`, `Task`, `Metric`, `Backend`.

Each class is complete as it stands; a plugin overrides only what is different about it. Options are the fields of
the plugin's `Config`, a frozen dataclass whose defaults are the published settings; `--set NAME.field=value` sets
them and `harness show NAME` prints them with the text in `field(metadata={"help": …})`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import UsageError
from harness.options import NoConfig, TaskConfig, TuningConfig, option
from harness.records import Completion, Execution, Problem, Sampling, Score, Tuning
from harness.task import Task

if TYPE_CHECKING:
    import torch

    from harness.modeling.base import Base
    from harness.modeling.examples import ExamplePool


__all__ = [
    "PREAMBLE",
    "Backend",
    "Decoder",
    "Method",
    "Metric",
    "NoConfig",
    "PromptingMethod",
    "Study",
    "Task",
    "TaskConfig",
    "TuningConfig",
    "TuningMethod",
    "option",
]

PREAMBLE = "Generate Python code given a natural language instruction."
"""The line that the study sets before the prompts of a model that was not tuned."""


class Method:
    """A way to use a model for a task, as it stands: asked with the task's template and nothing else.

    What changes the model is a `TuningMethod`, what chooses examples for the prompt a `PromptingMethod`; `lora+rag`
    adapts with the first and prompts with the second.
    """

    name: ClassVar[str]
    display_name: ClassVar[str] = ""
    """What papers call it ("LoRA"), for figures, LaTeX and the exhibits of studies; "" for `name`.

    It is the class's that has the `name`: a method that extends another one is not called like it.
    """
    reference: ClassVar[str] = ""
    """Where the method is described: a paper's section or equation."""
    Config: ClassVar[type] = NoConfig
    preamble: ClassVar[str] = ""
    """A line set before the prompt and its examples."""

    def variants(self) -> Sequence[str]:
        """Names after the colon for a family of methods (`peft:dora`); empty for a single method."""
        return ()

    def variant_summaries(self) -> Mapping[str, str]:
        """A line for `harness plugins` on each variant. Unlike `variants` this must import no heavy library."""
        return {}

    def variant(self, name: str) -> Method:
        """The member of the family called `name`."""
        raise NotImplementedError(f"{self.name} has no variants")

    def load_options(self, config: Any) -> Mapping[str, Any]:
        """Keyword arguments for `from_pretrained` beside the 16-bit default; k-bit methods quantise here.

        Two methods whose options are equal share one base.
        """
        return {}


class TuningMethod(Method):
    """A method that trains parameters on the task's training problems."""

    def tuning(self, config: Any) -> Tuning:
        """The training loop's settings."""
        raise NotImplementedError(f"{self.name} gives no settings of the training loop")

    def adapt(self, base: Base, config: Any) -> Base:
        """The base with this method's trainable parameters on it; the base's own weights stay as they are."""
        raise NotImplementedError(f"{self.name} puts nothing on a model")

    def parameter_groups(self, model: Any, learning_rate: float, config: Any) -> Sequence[Mapping[str, Any]] | None:
        """Optimiser parameter groups as in `torch.optim`, each with `params` and `lr`; None for one group.

        `model` is that of `adapt`, `learning_rate` the peak learning rate of the run. Each trainable parameter is in
        exactly one group. All groups follow the same schedule.
        """
        return None

    def loss_function(self, config: Any) -> Callable[[Any, Mapping[str, torch.Tensor]], torch.Tensor] | None:
        """The training loss of this method; None for the cross-entropy of the response tokens.

        It is called with the model and the inputs of one micro-batch: `input_ids`, `attention_mask` and `labels` (-100
        where there is no loss), each (rows, positions). It returns the mean over the response tokens, (), as
        `model(**inputs).loss` is. The validation loss stays the cross-entropy, so that methods can be compared.
        """
        return None


class PromptingMethod(Method):
    """A method that shows training problems in the prompt."""

    def prompts_training(self, config: Any) -> bool:
        """Whether a tuning method that this one is combined with trains on prompts with examples too."""
        return False

    def examples(self, problems: Sequence[Problem], pool: ExamplePool, config: Any) -> Sequence[Sequence[Problem]]:
        """For each problem the training problems to show in its prompt, the most useful first.

        Called once with all problems of a split, so that retrieval can be batched.
        """
        raise NotImplementedError(f"{self.name} chooses no examples")


class Metric:
    """A pure function of problems, completions and executions.

    `score` looks at one problem; `combine` turns totals over problems into the reported measures, so that corpus
    metrics and means are one thing and a bootstrap needs no second definition.
    """

    name: ClassVar[str]
    display_measures: ClassVar[Mapping[str, str]] = {}
    """What papers call its measures, without k and variant: `{"em": "EM"}` for `em@10` and `em@10/paper`."""
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

    def lacks(self, problem: Problem) -> str:
        """What this metric needs and `problem` has not: "tests", "references", or "" for nothing."""
        has = {"executions": problem.tests is not None, "references": bool(problem.references)}
        return "" if has.get(self.needs, True) else "tests" if self.needs == "executions" else "references"

    def combine(self, totals: Mapping[str, Any], n: Any) -> Mapping[str, Any]:
        """Measures of a set of problems from the totals of their `sums` (or `values`) and their number `n`.

        `totals` and `n` are floats or arrays of one shape (one entry per bootstrap resample); the result has that
        shape. The default is the mean over problems.
        """
        return {name: total / n for name, total in totals.items()}

    def primary(self, ks: Sequence[int]) -> str | None:
        """The measure that a table shows first; None for the first one."""
        return None


class Decoder:
    """A decoding strategy: how candidates are chosen from the logits of a model.

    `--decoder NAME` asks for it; without it the task's settings decide. As it stands it samples. A strategy overrides
    `process_logits`, like a `LogitsProcessor` of transformers, and `settings` where it needs other settings. One that
    chooses between finished candidates (self-consistency, reranking) overrides `kept` and `select`.
    """

    name: ClassVar[str]
    reference: ClassVar[str] = ""
    Config: ClassVar[type] = NoConfig

    def settings(self, sampling: Sampling, config: Any) -> Sampling:
        """The run's settings: those of task and command, changed to what this strategy needs.

        A temperature above 0 is sampling. 0 is beam search with a beam for each candidate, and greedy decoding for one
        candidate.

        Raises:
            UsageError: they do not fit the strategy.
        """
        if sampling.temperature == 0:
            raise UsageError(f"--decoder {self.name}: it samples, and the temperature is 0; add --temperature 0.8")
        return sampling

    def process_logits(self, logits: torch.Tensor, config: Any) -> torch.Tensor:
        """Change logits before a token is chosen: (rows, vocabulary) to the same shape; -inf excludes a token.

        When sampling, `logits` are divided by the temperature already, and top-p follows. Called at every step, on a
        GPU in a CUDA graph where possible: so it should use tensor operations alone, and no value on the host.
        """
        return logits

    def kept(self, candidates: int, config: Any) -> int:
        """How many of a problem's `candidates` candidates `select` keeps."""
        return candidates

    def select(self, instruction: str, completions: Sequence[Completion], config: Any) -> Sequence[int]:
        """The numbers of the finished candidates that count, best first; metrics see these alone.

        It is told what the model was asked, no reference and no test. All candidates are recorded and run, and the
        record says which were selected.
        """
        return range(len(completions))


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
        problems fail, yield the others first and raise then. The caller finds the answers in the texts.

        Raises:
            HarnessError: something could not be had; the message says what, and what to do.
        """
        raise NotImplementedError


class Study:
    """Runs that answer a question, and the tables and figures that report them beside what was published.

    `harness study run NAME` makes the runs, `harness study report NAME` the exhibits.
    """

    name: ClassVar[str]
    reference: ClassVar[str] = ""
    """The paper that asked the question, and where in it."""
    Config: ClassVar[type] = NoConfig

    def text(self) -> str:
        """The study file (TOML), as a user would write it: title, about, grids, and in `shows` the names of exhibits.

        A `[[builtin]]` grid lets everyone try it on the built-in model.
        """
        raise NotImplementedError

    def exhibits(self) -> Mapping[str, Callable[[Any], Any]]:
        """Tables and figures by name ("table3"): of each what makes its `Exhibit` from the
        `StudyResults` of the runs (both in `harness.report.exhibits`).

        The files of users may show them too. Called for a report only, so it may import what it needs.
        """
        return {}

"""What the author of a task subclasses: `Task`. It is offered as `harness.plugin.Task`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from harness.data.sources import HubFiles
from harness.options import TaskConfig
from harness.owntests import OwnTests
from harness.records import Completion, Execution, Limits, Outcome, Problem, Sampling

if TYPE_CHECKING:
    from harness.data.rows import DataRow
    from harness.data.sources import Source
    from harness.extract import AnswerExtractor

_BEFORE, _AFTER = "### Instruction:\n", "\n### Response:\n"
"""What the study sets around an instruction (section 4.2, Table 2)."""


class Task:
    """Problems to write code for, and how an answer is judged.

    The prompt is `template(problem)`; what the model writes after it is the completion, in which the answer is found
    (`harness.extract`) up to the first of the task's stop strings.
    """

    name: ClassVar[str]
    display_name: ClassVar[str] = ""
    """What papers call it ("CoNaLa"), for figures, LaTeX and the exhibits of studies; "" for `name`."""
    version: ClassVar[str] = "1"
    """Raised whenever prompts, splits or judging change; rows of different versions never share a ranking."""
    reference: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    Config: ClassVar[type] = TaskConfig
    metrics: ClassVar[tuple[str, ...]] = ()
    """The metrics that are computed when none is asked for."""
    hub: ClassVar[HubFiles | None] = None
    """Where the problems come from when neither `--data` is given nor the built-in sample is asked for."""
    sizes: ClassVar[Mapping[str, int]] = {}
    """The published number of problems of each split."""
    limits: ClassVar[Limits] = Limits()
    sample_limits: ClassVar[Limits] = Limits(cpu_seconds=1.0, wall_seconds=4.0)
    """Limits for the built-in sample, whose references need milliseconds."""
    languages: ClassVar[tuple[str, ...]] = ("py", "ipython")
    """How the info string of a Markdown block begins that holds an answer."""
    form: ClassVar[str] = "Answer with code only."
    """What a model that is talked to, and was not tuned, is told about the answer's form, once, behind the study's
    line; without it such a model explains, and writes a function where one line is wanted."""
    sample_epochs: ClassVar[float] = 5.0
    """Passes over the built-in sample unless a method's option says otherwise; a newcomer should not wait long."""
    uses_chat: ClassVar[bool] = True
    """Whether a model with a chat template is asked through it; False where prompts are texts to be continued."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Defaults of other plugins' options in runs of this task, by name (`"codebleu.flatten": True`)."""

    def protocols(self) -> Mapping[str, Task]:
        """Other rules for the same problems, by the name that `--protocol` takes: each is a task of the same name.

        They are those of a publication, say: its prompts, its decoding, its way to score. The name is part of a run, so
        that runs of two protocols are never ranked together.
        """
        return {}

    def sampling(self) -> Sampling:
        """How candidates are drawn by default (the paper's decoding)."""
        raise NotImplementedError

    def default_ks(self) -> tuple[int, ...]:
        """The values of k that are reported by default for EM@k and Pass@k."""
        return (1, 10)

    def default_metrics(self, problems: Sequence[Problem]) -> Sequence[str]:
        """The metrics that are computed when none is asked for, given the test problems."""
        return self.metrics

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """The splits ("train", "validation", "test") found in `source`."""
        raise NotImplementedError

    def fields_used(self, row: DataRow, config: Any) -> Iterable[tuple[str, str]]:
        """The fields of a row that are read, each behind the option that names it: `("answer", "code")`.

        For a task whose rows may have fields of any name. `--dry-run` shows what was found, and the user is told of the
        fields that nothing reads. The default says nothing.
        """
        return ()

    def template(self, problem: Problem) -> str:
        """The prompt of one problem, without examples; the answer begins right after its last character."""
        return f"{_BEFORE}{problem.instruction}{_AFTER}"

    def request(self, problem: Problem) -> str:
        """What the user says of one problem to a model that is talked to.

        The template without the study's two headings: they mark turns in a text that is continued, and a chat template
        has turns of its own. A task with another template says what that template says, unless it overrides this.
        """
        text = self.template(problem)
        if not (text.startswith(_BEFORE) and text.endswith(_AFTER)):
            return text
        return text[len(_BEFORE) : -len(_AFTER)]

    def answer(self, problem: Problem) -> str:
        """What tuning teaches the model to write after the prompt."""
        return problem.reference

    def prompt(
        self,
        problem: Problem,
        examples: Sequence[Problem] = (),
        preamble: str = "",
        *,
        training: bool = False,
        seq2seq: bool = False,
    ) -> str:
        """The whole text that a model continues, where no chat template is used.

        `examples` come most useful first; the most useful stands last, next to the problem. `preamble` is the method's
        line. `training` is for the prompts that a method tunes on, `seq2seq` for an encoder-decoder model.
        """
        blocks = [f"{preamble}\n\n"] if preamble else []
        blocks += [f"{self.template(e)}{self.answer(e)}\n\n" for e in reversed(examples)]
        return "".join([*blocks, self.template(problem)])

    def extractor(self) -> AnswerExtractor | None:
        """How the answer is found in a completion; None for harness's own reading (`harness.extract`)."""
        return None

    def code(self, answer: str) -> str:
        """The program that is judged for an answer, which `harness.extract` found in the completion: the answer."""
        return answer

    def judge(
        self,
        jobs: Iterable[tuple[Problem, Completion]],
        *,
        limits: Limits | None = None,
        stop_at_first_failure: bool = False,
        accept_unsafe: bool = False,
    ) -> Iterator[Execution] | None:
        """Execute completions, one `Execution` for each job in order; None when the task has no tests.

        The default runs the `code` of each answer against `problem.tests` in the sandbox, under `limits` (the task's
        own where None); with tests of the task's own kind it asks `judge_one`. `accept_unsafe` is the user's word for
        running programs where this machine cannot isolate them.
        """
        from harness import sandbox
        from harness.extract import program

        limits = limits or self.limits
        first, second, order = itertools.tee(jobs, 3)
        run = sandbox.run(
            ((self.code(program(c)), p.tests) for p, c in first if p.tests and not isinstance(p.tests, OwnTests)),
            limits,
            stop_at_first_failure=stop_at_first_failure,
            accept_unsafe=accept_unsafe,
        )
        own = sandbox.map_jobs(
            lambda job: self._judge_own(*job, limits, accept_unsafe),
            ((p, c) for p, c in second if isinstance(p.tests, OwnTests)),
        )
        return (next(own if isinstance(p.tests, OwnTests) else run) for p, _ in order if p.tests)

    def _judge_own(self, problem: Problem, completion: Completion, limits: Limits, accept_unsafe: bool) -> Execution:
        from harness.extract import program

        code = self.code(program(completion))
        if code.strip():
            return self.judge_one(problem, code, limits, accept_unsafe=accept_unsafe)
        assert isinstance(problem.tests, OwnTests)
        return Execution(Outcome.NO_CODE, 0, problem.tests.total)

    def judge_one(self, problem: Problem, program: str, limits: Limits, *, accept_unsafe: bool = False) -> Execution:
        """The verdict on one program by tests of the task's own kind (`harness.owntests.OwnTests`).

        `harness.sandbox.execute` runs what it needs, under `limits`. Several threads call it at once.
        """
        raise NotImplementedError(f"{self.name} has tests of its own kind and no judge_one")

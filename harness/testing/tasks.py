"""What a task has to keep: the same problems every time, answers that its own judging accepts, bad data refused."""

from __future__ import annotations

import gzip
import json
import shutil
import unittest
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, get_args

from harness.data.sources import SPLITS, Source, check_ids, open_builtin, open_path
from harness.errors import DataError
from harness.evaluation.reading import reader
from harness.extract import as_completion
from harness.owntests import OwnTests
from harness.plugin import Task
from harness.records import Completion, Outcome, Problem, Tests, digest, from_json, to_json
from harness.testing.contract import PluginContract, python

JUDGED = 12
"""References of at most this many problems are run."""


class TaskContract(PluginContract):
    """Checks of the task `name` on the files at `data`, or on its built-in sample when it has one."""

    kind: ClassVar[str] = "task"
    data: ClassVar[Path | str | None] = None

    @cached_property
    def source(self) -> Source:
        """The problems' files."""
        if self.data is not None:
            return open_path(Path(self.data))
        try:
            return open_builtin(self.name)
        except DataError:
            raise unittest.SkipTest("it has no built-in sample; name its files with --data PATH") from None

    def load(self, source: Source) -> dict[str, list[Problem]]:
        """The splits of `source`, checked as a run checks them."""
        splits = {split: list(problems) for split, problems in self.plugin.load(source, self.config).items()}
        check_ids(splits, source.label)
        return splits

    @cached_property
    def splits(self) -> Mapping[str, Sequence[Problem]]:
        """The problems."""
        return self.load(self.source)

    @property
    def problems(self) -> list[Problem]:
        """All of them."""
        return [problem for part in self.splits.values() for problem in part]

    def test_there_are_problems_in_known_splits(self) -> None:
        """there are problems, in splits called train, validation and test"""
        assert self.problems, "no problem at all"
        strange = set(self.splits) - {*SPLITS, ""}
        assert not strange, f"there is no split called {', '.join(strange)}"

    def asked(self) -> str:
        """Identifies the prompts and answers of all problems."""
        return digest([[self.plugin.template(problem), self.plugin.answer(problem)] for problem in self.problems])

    def test_ids_are_texts_that_stay(self) -> None:
        """ids, problems and prompts are the same every time, in any process"""
        first, asked = digest(self.splits), self.asked()
        assert digest(self.load(self.source)) == first, "loaded a second time, the problems are others"
        assert self.asked() == asked, "asked a second time, the prompts or answers are others"
        data = str(self.data) if self.data else None
        program = (
            "from harness.records import digest; from harness.testing import TaskContract; "
            f"c = type('C', (TaskContract,), {{'name': {self.name!r}, 'data': {data!r}}}); "
            "c = c(); print(digest(c.splits), c.asked())"
        )
        for hash_seed in ("1", "2"):
            problems, prompts = python(program, PYTHONHASHSEED=hash_seed).split()[-2:]
            assert problems == first, "in another process the problems are others"
            assert prompts == asked, "in another process the prompts or answers are others"

    def test_problems_survive_being_written_down(self) -> None:
        """problems survive being written to a file and read again; their ids are texts"""
        for problem in self.problems:
            again = from_json(Problem, json.loads(json.dumps(to_json(problem))))
            assert again == problem, f"{problem.id!r} is read as {again}"

    def test_splits_share_nothing(self) -> None:
        """no problem of one split is in another"""
        seen: dict[tuple[str, tuple[str, ...]], str] = {}
        for split, problems in self.splits.items():
            for problem in problems:
                key = (" ".join(problem.instruction.split()), problem.references)
                where = seen.setdefault(key, split)
                assert where == split, f"problem {problem.id!r} of {split} is in {where} as well"

    def test_the_prompt_ends_where_the_answer_begins(self) -> None:
        """the prompt holds the instruction, not the answer, and ends where the answer begins"""
        for problem in self.problems:
            prompt, answer = self.plugin.template(problem), self.plugin.answer(problem)
            assert prompt, f"{problem.id}: an empty prompt"
            assert not prompt.endswith((" ", "\t")), f"{problem.id}: the prompt ends with a space, which starts a token"
            glued = prompt[-1].isalnum() and answer[:1].isalnum()
            assert not glued, f"{problem.id}: {prompt[-10:]!r} runs into {answer[:10]!r}; end it with a line end"
            last = prompt.rstrip().rpartition("\n")[2].strip()
            begun = len(last) >= 3 and answer.lstrip().startswith(last)
            assert not begun, f"{problem.id}: the answer begins with {last!r}, which the prompt ends with already"
            assert not answer.startswith(prompt), f"{problem.id}: the answer repeats the prompt"
            whole = answer.strip()
            told = len(whole) >= 25 and whole in prompt.replace(problem.instruction, "")
            # Of a short answer it cannot be said whether it stands there by chance; so ask with another one.
            unknown = self.plugin.template(replace(problem, references=("something else",) * len(problem.references)))
            assert not told and unknown == prompt, f"{problem.id}: the answer stands in the prompt"
            other = self.plugin.template(replace(problem, instruction="something else"))
            assert other != prompt, f"{problem.id}: the prompt does not depend on the instruction"

    def test_the_answer_can_be_written(self) -> None:
        """what tuning teaches is read as it was taught: no stop string or marker of the prompt cuts it"""
        for problem in self.problems:
            answer = self.plugin.answer(problem)
            kept = self._read(problem, answer).text.strip()
            assert kept == answer.strip(), f"{problem.id}: its answer is read as {kept!r:.60}"

    def _read(self, problem: Problem, text: str) -> Completion:
        return as_completion(text, reader(self.plugin, problem, self.plugin.sampling().stop), 1, None, "stop")

    def test_references_score_one_in_exact_match(self) -> None:
        """a reference equals itself under exact match"""
        metric = self.registry.metric("exact_match").plugin
        with_references = [problem for problem in self.problems if problem.references]
        if not with_references:
            raise unittest.SkipTest("its problems have no references")
        for problem in with_references:
            completion = self._read(problem, problem.reference)
            score = metric.score(problem, (completion,), (), (1,), metric.Config())
            assert score.values["em@1"] == 1.0, f"{problem.id}: its reference does not equal itself"

    def test_references_pass_their_tests_and_an_empty_answer_does_not(self) -> None:
        """references pass their own tests; an empty answer passes none"""
        problems = [p for p in self.problems if p.tests is not None and p.references][:JUDGED]
        if not problems:
            raise unittest.SkipTest("its problems have no tests, or no references to run")
        jobs = [(p, Completion(text, 1)) for p in problems for text in (self.plugin.answer(p), "")]
        judged = self.plugin.judge(iter(jobs))
        assert judged is not None, "judge() returns None though the problems have tests"
        executions = list(judged)
        assert len(executions) == len(jobs), f"{len(executions)} executions for {len(jobs)} completions"
        for (problem, completion), execution in zip(jobs, executions, strict=True):
            if completion.text:
                result = f"{execution.passed} of {execution.total}, {execution.outcome}: {execution.error}"
                assert execution.outcome is Outcome.PASSED, f"{problem.id}: its reference passes {result}"
            else:
                assert execution.outcome is not Outcome.PASSED, f"{problem.id}: an empty answer passes its tests"

    def test_its_defaults_fit_together(self) -> None:
        """its metrics exist, it has a version, and no k is above the number of candidates"""
        for name in self.plugin.metrics:
            self.registry.metric(name)
        assert self.plugin.metrics, "it names no metric"
        assert isinstance(self.plugin.version, str) and self.plugin.version, "version must be a text"
        candidates, ks = self.plugin.sampling().candidates, self.plugin.default_ks()
        assert max(ks) <= candidates, f"a default k is {max(ks)}, and {candidates} candidates are written"

    def test_tests_are_of_a_known_kind(self) -> None:
        """tests are of a kind that the sandbox runs, or that the task judges itself"""
        judges = type(self.plugin).judge_one is not Task.judge_one or type(self.plugin).judge is not Task.judge
        for problem in self.problems:
            known = problem.tests is None or isinstance(problem.tests, get_args(Tests))
            assert known, f"{problem.id}: tests of the type {type(problem.tests).__name__}"
            own = isinstance(problem.tests, OwnTests)
            assert judges or not own, f"{problem.id}: tests of its own kind, and the task has no judge_one"

    def test_bad_data_is_refused(self) -> None:
        """data that is cut off or broken is refused with the file's name, never read as something else"""
        refused = 0
        for label, source, must in self._broken():
            try:
                self.load(source)
            except DataError as error:
                refused += 1
                assert str(self.scratch) in str(error), f"{label}: the error does not name the file: {error}"
            except Exception as error:  # noqa: BLE001 - any other exception is what is looked for
                raise AssertionError(f"{label}: {type(error).__name__}: {error}; raise DataError") from None
            else:
                assert not must, f"{label}: it was read as if nothing were wrong"
        assert refused, "nothing was refused"

    def _broken(self) -> Iterator[tuple[str, Source, bool]]:
        """(what was done, the data after it, whether it must be refused), one fault at a time."""
        file = next((f for f in self.source.files if f.name.removesuffix(".gz").endswith((".json", ".jsonl"))), None)
        if file is None:
            raise unittest.SkipTest("its data is not JSON")
        text = (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).decode("utf-8")
        yield "the file cut in half", self._changed(file, text[: len(text) // 2].rstrip()[:-1]), True
        yield "a number in place of a row", self._changed(file, "[7]"), True
        rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(x) for x in text.splitlines() if x]
        for field, value in rows[0].items():
            without = {name: other for name, other in rows[0].items() if name != field}
            yield f"a row without {field!r}", self._changed(file, json.dumps([without, *rows[1:]])), False
            strange: Any = ["?"] if isinstance(value, int | str) else 0.5
            row = {**rows[0], field: strange}
            yield f"{field!r} of another type", self._changed(file, json.dumps([row, *rows[1:]])), False

    def _changed(self, file: Path, text: str) -> Source:
        """A copy of the data in which `file` holds `text`."""
        root = self.scratch / "data"
        shutil.rmtree(root, ignore_errors=True)
        if self.source.root.is_file():
            root.mkdir()
            changed = root / file.name
        else:
            shutil.copytree(self.source.root, root)
            changed = root / file.relative_to(self.source.root)
        data = text.encode("utf-8")
        changed.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
        return open_path(changed if self.source.root.is_file() else root)

"""What a method has to keep: the base stays as it is, and tuning means the same here, elsewhere and after a crash."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import signal
import tempfile
import unittest
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from harness.errors import ModelError
from harness.modeling.base import parameters, weights_digest
from harness.modeling.bases import LoadedBases
from harness.modeling.examples import ExamplePool
from harness.modeling.quirks import prepare_process
from harness.plugin import PromptingMethod, TuningMethod
from harness.records import Completion, ModelSpec, Tuning
from harness.testing import fresh
from harness.testing.contract import PluginContract
from harness.testing.models import KINDS, tiny_model


class MethodContract(PluginContract):
    """Checks of the method `name` on models of 60,000 parameters; `options` are values beside its defaults."""

    kind: ClassVar[str] = "method"
    options: ClassVar[Mapping[str, Any]] = {}

    @cached_property
    def config(self) -> Any:
        """The method's options."""
        return self.plugin.Config(**self.options)

    def case(self, kind: str) -> fresh.MethodCase:
        """The method on a tiny model of one kind."""
        prepare_process()
        return fresh.MethodCase(self.name, self.options, str(tiny_model(kind)))

    @property
    def usable(self) -> fresh.MethodCase:
        """The method on the first kind of model that it accepts."""
        for kind in KINDS:
            case = self.case(kind)
            if _refusal(case) is None:
                return case
        raise AssertionError(f"it refuses every kind of model: {_refusal(self.case(KINDS[0]))}")

    def tuned(self) -> _Tuned:
        """An undisturbed tuning, made once."""
        if not isinstance(self.plugin, TuningMethod):
            raise unittest.SkipTest("it tunes nothing")
        case = self.usable
        return _undisturbed(case.name, json.dumps(dict(case.options)), case.model)

    def test_it_works_on_each_kind_of_model_or_says_that_it_does_not(self) -> None:
        """it writes with causal and with encoder-decoder models, or refuses one with a clear error"""
        assert self.usable
        for kind in KINDS:
            case = self.case(kind)
            if _refusal(case) is None:
                written = fresh.generate_completions(fresh.adapt(case, LoadedBases()))
                assert all(len(completions) == fresh.SAMPLING.candidates for completions in written.values()), kind

    def test_something_is_trainable_when_it_tunes_and_only_then(self) -> None:
        """parameters are trainable exactly when it says that it tunes"""
        adapted = fresh.adapt(self.usable, LoadedBases())
        trainable, everything = parameters(adapted.model)
        if isinstance(self.plugin, TuningMethod):
            assert 0 < trainable <= everything, "it says that it tunes, and nothing is trainable"
            assert isinstance(self.plugin.tuning(self.config), Tuning), "it tunes, and tuning() returns no Tuning"
        else:
            own = [name for name in ("adapt", "tuning") if hasattr(self.plugin, name)]
            assert not own, f"it has {own[0]}(), which is for a TuningMethod: nothing calls it here"

    def test_the_next_method_finds_the_base_as_it_was(self) -> None:
        """after tuning, the next method finds the base as it was"""
        if not isinstance(self.plugin, TuningMethod):
            raise unittest.SkipTest("it tunes nothing")
        case, bases = self.usable, LoadedBases()
        before = weights_digest(fresh.base(case, bases).model)
        adapted = fresh.tune(case, bases, self.scratch)
        bases.release(adapted)
        again = fresh.base(case, bases)
        assert weights_digest(again.model) == before, "the base's own weights are others than before"
        assert not any(parameter.requires_grad for parameter in again.model.parameters()) or bases.loads == 2, (
            "the base is handed on with trainable parameters"
        )

    def test_the_same_seed_tunes_the_same(self) -> None:
        """the same seed gives the same weights, in another process too"""
        expected = self.tuned().digest
        status = fresh.tune_elsewhere(self.usable, self.scratch)
        assert status == 0, "tuning fails in a fresh process; its error is above"
        assert fresh.saved(self.scratch) == expected, "other weights though the seed is the same"

    def test_a_killed_tuning_ends_as_an_undisturbed_one(self) -> None:
        """tuning that was killed half-way continues and ends with the weights of an undisturbed one"""
        expected = self.tuned().digest
        status = fresh.tune_elsewhere(self.usable, self.scratch, kill_after=4)
        assert status == -signal.SIGKILL, f"the process ended with {status} before it was to be killed"
        assert any((self.scratch / "checkpoints").glob("checkpoint-*")), "it was killed before its first checkpoint"
        assert fresh.tune_elsewhere(self.usable, self.scratch) == 0, "it cannot be continued; its error is above"
        assert fresh.saved(self.scratch) == expected, "the continued tuning ends with other weights"

    def test_what_was_saved_writes_the_same_in_a_fresh_process(self) -> None:
        """what was saved writes the same completions in a fresh process"""
        tuned = self.tuned()
        again = fresh.generate_elsewhere(self.usable, tuned.folder)
        assert again.keys() == tuned.written.keys()
        for name, completions in tuned.written.items():
            whole = [[replace(c, logprob=None) for c in candidates] for candidates in (completions, again[name])]
            assert whole[0] == whole[1] and fresh.same(completions, again[name]), "loaded again, it writes otherwise"

    def test_a_completion_does_not_depend_on_its_batch(self) -> None:
        """a completion does not depend on what shares its batch"""
        alone, together = self._alone_and_together()
        for name, completions in alone.items():
            assert fresh.same(completions, together[name]), f"{name}: {completions}, beside others {together[name]}"

    def _alone_and_together(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        adapted = (
            fresh.tune(self.usable, LoadedBases(), self.scratch)
            if isinstance(self.plugin, TuningMethod)
            else self._adapted()
        )
        return fresh.generate_completions(adapted, 1), fresh.generate_completions(adapted, len(fresh.TEST))

    def _adapted(self) -> Any:
        return fresh.adapt(self.usable, LoadedBases())

    def test_examples_are_chosen_the_same_whoever_else_asks(self) -> None:
        """the examples of a problem are from the training problems, the same every time, whoever else asks"""
        pool = self._pool()
        batched = [list(examples) for examples in self.plugin.examples(fresh.TEST, pool, self.config)]
        assert len(batched) == len(fresh.TEST), f"examples for {len(batched)} of {len(fresh.TEST)} problems"
        assert any(batched), "it says that it prompts, and chooses no example"
        for problem, examples in zip(fresh.TEST, batched, strict=True):
            strange = [example.id for example in examples if example.id not in pool.by_id]
            assert not strange, f"{problem.id}: examples that are no training problems: {strange}"
            alone = list(next(iter(self.plugin.examples([problem], self._pool(), self.config))))
            assert alone == examples, f"{problem.id}: other examples when it is asked for alone"

    def test_a_problem_is_never_its_own_example(self) -> None:
        """a problem, or a near-duplicate of it, is never its own example"""
        pool = self._pool()
        problems = fresh.TRAIN[:4]
        for problem, examples in zip(problems, self.plugin.examples(problems, pool, self.config), strict=True):
            withheld = {pool.problems[index].id for index in pool.leaks(problem)}
            shown = withheld & {example.id for example in examples}
            assert not shown, f"{problem.id}: {', '.join(shown)} is shown, which gives the answer away"

    def _pool(self) -> ExamplePool:
        if not isinstance(self.plugin, PromptingMethod):
            raise unittest.SkipTest("it chooses no examples")
        return ExamplePool(fresh.TRAIN, fresh.SEED)


@dataclass(frozen=True)
class _Tuned:
    folder: Path
    digest: str
    written: Mapping[str, tuple[Completion, ...]]


@functools.cache
def _undisturbed(name: str, options: str, model: str) -> _Tuned:
    folder = Path(tempfile.mkdtemp(prefix="harness-tuned-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    adapted = fresh.tune(fresh.MethodCase(name, json.loads(options), model), LoadedBases(), folder)
    return _Tuned(folder, fresh.saved(folder), fresh.generate_completions(adapted))


@functools.cache
def _refused(name: str, options: str, model: str) -> str | None:
    try:
        fresh.adapt(fresh.MethodCase(name, json.loads(options), model), LoadedBases())
    except ModelError as error:
        return str(error)
    return None


def _refusal(case: fresh.MethodCase) -> str | None:
    """Why the method does not take this model; None when it does."""
    return _refused(case.name, json.dumps(dict(case.options)), case.model)


def _changed(case: fresh.MethodCase) -> bool:
    bases = LoadedBases()
    before = weights_digest(bases.get(ModelSpec(case.model), case.method.load_options(case.config)).model)
    return weights_digest(fresh.adapt(case, LoadedBases()).model) != before

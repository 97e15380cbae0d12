"""A tuning that is looked at is the tuning that it is without, and looks take a tenth of its time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.decoding.generate import generate
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.records import Sampling, Tuning, TuningProgress, Watched
from harness.tuning import watching
from harness.tuning.loop import TrainingLoop, trainable
from harness.tuning.stacked import JointMember
from harness.tuning.train import fit_together
from harness.tuning.watching import SHARE, Look, Suspendable, Watch

Rows = list[dict[str, list[int]]]
Adapted = Callable[..., Base]
PROMPTS = [Prompt(f"p{n}", f"p{n}", tuple(range(40, 44 + n))) for n in range(3)]


class Clock:
    """A clock that goes when told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watching, "time", clock)
    return clock


def watch_of(looks: Sequence[Look | None]) -> Watch:
    model: Any = SimpleNamespace(eval=lambda: None, train=lambda: None)
    training = Suspendable(pytest.MonkeyPatch.context)
    return Watch(looks, SimpleNamespace(model=model), training)  # type: ignore[arg-type]


def look_of(clock: Clock, seconds: float, value: float = 0.5) -> Look:
    """A look that takes so long, in steps of a tenth of a second."""

    def look(_: Base, check_time: Callable[[], None]) -> Watched:
        for _step in range(round(seconds * 10)):
            check_time()
            clock.now += 0.1
        return Watched("em@1", value, 8, seconds)

    return look


def test_all_looks_together_take_at_most_a_tenth_of_the_time_of_the_tuning(clock: Clock) -> None:
    rng = random.Random(0)
    for _ in range(50):
        count, needs = rng.randrange(1, 5), rng.uniform(0.1, 20)
        watch, looked, taken, each = watch_of([look_of(clock, needs)] * count), 0.0, 0, rng.uniform(0.5, 60)
        for tuned in (each * number for number in range(1, 26)):
            before = clock.now
            taken += sum(one is not None for one in watch.take(tuned, each * 25))
            looked += clock.now - before
            most = min(tuned * 3, each * 25)
            assert looked <= SHARE * (most + looked) + 0.1 + 1e-9, "and a step that had begun"
        if needs * count < tuned / 50:
            assert taken >= count


def test_adapters_are_looked_at_in_turn_where_there_is_no_time_for_all(clock: Clock) -> None:
    watch, entered = watch_of([look_of(clock, 1.0, value=number / 10) for number in range(3)]), list[int]()
    seen = [[one and one.value for one in watch.take(tuned, tuned, entered.append)] for tuned in (15.0, 24.0, 60.0)]
    assert seen == [[0.0, None, None], [None, 0.1, None], [0.0, 0.1, 0.2]]
    assert entered == [0, 1, 2, 0, 1]


def test_a_look_that_was_broken_off_is_taken_again_when_there_is_twice_the_time(clock: Clock) -> None:
    watch, whole = watch_of([look_of(clock, 4.0)]), 90.0
    assert watch.take(9.0, whole) == [None]
    assert clock.now == pytest.approx(3.0, abs=0.11), "three times what there is until now"
    assert watch.take(18.0, whole) == watch.take(72.0, whole) == [None]
    assert clock.now == pytest.approx(3.0, abs=0.11)
    assert watch.take(90.0, whole) == [Watched("em@1", 0.5, 8, 4.0)]


def test_the_first_look_takes_some_of_the_time_of_later_ones_where_it_needs_that(clock: Clock) -> None:
    watch = watch_of([look_of(clock, 4.0)])
    assert watch.take(25.0, 50.0) == [Watched("em@1", 0.5, 8, 4.0)]
    assert watch.take(50.0, 50.0) == [None], "a tenth of the time is taken"


def test_what_is_not_looked_at_waits_for_nothing(clock: Clock) -> None:
    assert not watch_of([None, None])
    watch = watch_of([None, look_of(clock, 0.5)])
    assert watch
    assert [one is not None for one in watch.take(100.0, 100.0)] == [False, True]


def writing_look(written: list[list[str]]) -> Look:
    """A look that writes greedily, as `--watch` does, and takes from every source of random numbers."""

    def look(base: Base, check_time: Callable[[], None]) -> Watched:
        import numpy as np
        import torch

        assert not base.model.training
        random.random()
        np.random.random()  # noqa: NPY002
        torch.rand(3)
        found = generate(base, PROMPTS, Sampling(1, 4), 0, batch=3, on_step=check_time)
        texts = {prompt.id: completions[0].text for prompt, completions in found}
        written.append([texts[prompt.id] for prompt in PROMPTS])
        return Watched("length", float(len("".join(texts.values()))), 3, 0.0)

    return look


@pytest.fixture
def at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks may take almost all of the time."""
    monkeypatch.setattr(watching, "SHARE", 0.9999)


def weights_of(base: Base) -> dict[str, Any]:
    return {name: p.detach().clone() for name, p in trainable(base.model)}


@pytest.mark.usefixtures("at_leisure")
@pytest.mark.parametrize(
    ("name", "family"),
    [("lora", "llama"), ("prefix-tuning", "llama"), ("prompt-tuning", "qwen2"), ("lora", "t5"), ("lora", "gpt_neox")],
)
def test_a_tuning_that_is_looked_at_has_the_losses_and_weights_that_it_has_without(
    name: str, family: str, adapted: Adapted, rows: Callable[..., Rows], tmp_path: Path
) -> None:
    import torch

    train, validation = rows(18), rows(6, 1)
    written, found = list[list[str]](), []
    for looked, look in ((True, writing_look(written)), (False, None)):
        base, told = adapted(name, family), list[TuningProgress]()  # with dropout
        tuning = Tuning(0.03, epochs=2.0, batch_size=4, evaluate_every=0.6)
        (folder := tmp_path / str(looked)).mkdir()
        more = {"on_validation": lambda some, told=told: told.extend(some), "look": look}
        result = TrainingLoop(base, train, validation, tuning, 4, folder, 7, lambda *_: None, **more).run()
        found.append((result.losses, result.history, weights_of(base)))
        assert all((one.watched is not None) == looked for one in told) and len(told) > 2
    (losses, history, weights), (others, other_history, other_weights) = found
    assert (losses, history) == (others, other_history)
    assert all(torch.equal(weight, other_weights[name]) for name, weight in weights.items())
    assert len(written) > 2 and len({str(texts) for texts in written}) > 1


@pytest.mark.usefixtures("at_leisure")
def test_each_adapter_of_a_joint_tuning_is_looked_at_as_it_is_and_none_is_changed_by_it(
    adapted: Adapted, rows: Callable[..., Rows], tmp_path: Path
) -> None:
    import torch

    train, validation = rows(18), rows(6, 1)
    base, members = adapted("lora"), []
    for number in range(2):
        tuning = Tuning(0.03 * (number + 1), epochs=2.0, batch_size=4, evaluate_every=0.6)
        members.append(JointMember.of(base, tuning, 40 + number))
    told, seen = list[TuningProgress](), list[dict[str, Any]]()

    def look(own: Base, _: Callable[[], None]) -> Watched:
        seen.append(weights_of(own))
        return writing_look([])(own, lambda: None)

    plain = fit_together(base, members, train, validation, tmp_path / "plain", lambda *_: None)
    looks = [look, look]
    found = fit_together(
        base, members, train, validation, tmp_path / "watched", lambda *_: None, None, told.extend, looks
    )
    for (ours, weights), (theirs, others) in zip(found, plain, strict=True):
        assert (ours.losses, ours.history) == (theirs.losses, theirs.history)
        assert all(torch.equal(weights[name], others[name]) for name in others)
    assert all(one.watched is not None for one in told)
    assert len(seen) == len(told) > 4
    for number, (result, weights) in enumerate(found):
        at_best = seen[2 * [step for step, _ in result.history].index(result.best_step) + number]
        assert all(torch.equal(weights[name], at_best[name]) for name in weights)


@pytest.mark.usefixtures("at_leisure")
def test_a_tuning_that_is_broken_off_in_a_look_ends_as_one_that_is_not(
    adapted: Adapted, rows: Callable[..., Rows], tmp_path: Path
) -> None:
    import torch

    train, validation, tuning = rows(18), rows(6, 1), Tuning(0.03, epochs=2.0, batch_size=4, evaluate_every=0.6)

    def broken(base: Base, _: Callable[[], None]) -> Watched:
        torch.rand(5)
        raise KeyboardInterrupt

    def run(folder: Path, look: Look | None) -> tuple[Any, Any]:
        base = adapted("lora")
        folder.mkdir(exist_ok=True)
        done = TrainingLoop(base, train, validation, tuning, 4, folder, 7, lambda *_: None, look=look).run()
        return (done.losses, done.history), weights_of(base)

    expected, weights = run(tmp_path / "whole", None)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "broken", broken)
    again, others = run(tmp_path / "broken", writing_look([]))
    assert again == expected
    assert all(torch.equal(weight, others[name]) for name, weight in weights.items())

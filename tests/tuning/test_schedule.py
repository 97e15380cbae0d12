"""Processes that share each step take the steps of one alone, also after memory ran out in one of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import processes
from harness.errors import HarnessError
from harness.records import Tuning
from harness.tuning.schedule import Shares
from tests.two_processes import in_two

Rows = list[dict[str, list[int]]]
TUNING = Tuning(0.01, epochs=3.0, batch_size=8, evaluate_every=1.0)


def made(count: int) -> Rows:
    """Rows of random lengths."""
    rng = random.Random(0)
    prompts = [[rng.randrange(1, 257) for _ in range(rng.randrange(2, 40))] for _ in range(count)]
    return [{"input_ids": [*p, 5, 6, 7], "labels": [*[-100] * len(p), 5, 6, 7]} for p in prompts]


def tuned(model_folder: str, folder: Path, method: str, sharded: bool, no_room: bool) -> Any:
    """Tune in this process; with `no_room` the second one has memory for two rows at a time alone."""
    import torch

    from harness.modeling import base as model
    from harness.modeling.sharding import load_sharded
    from harness.plugin_system.registry import Registry
    from harness.records import ModelSpec
    from harness.tuning.loop import TrainingLoop, trainable
    from harness.tuning.train import fit

    plugin = Registry().method(method).plugin
    config = plugin.Config(**({"dropout": 0.0} if method == "lora" else {}))
    spec = ModelSpec(model_folder)

    def adapt(base: model.Base) -> model.Base:
        torch.manual_seed(0)
        return plugin.adapt(base, config)

    backward = TrainingLoop._backward

    def small(self: TrainingLoop, shape: Any, packed: Any) -> None:
        if no_room and not processes.is_first() and shape.rows > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate.")
        backward(self, shape, packed)

    TrainingLoop._backward = small  # type: ignore[method-assign]
    try:
        base = load_sharded(spec, {}, adapt) if sharded else adapt(model.load(spec, {}))
        result = fit(base, made(44), made(12), TUNING, folder, 7, lambda *_: None)
    except HarnessError as error:
        return str(error)
    finally:
        TrainingLoop._backward = backward  # type: ignore[method-assign]
    return result, {name: weight.detach().tolist() for name, weight in trainable(base.model)}


CASES = [("lora", False, True), ("lora", True, False), ("prompt-tuning", True, False), ("full-ft", True, False)]
"""A method, whether its base is sharded, and whether memory runs out."""


def all_tuned(model_folder: str, folder: Path) -> list[Any]:
    return [tuned(model_folder, folder / str(number), *case) for number, case in enumerate(CASES)]


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(model_of: Callable[[str], Path], tmp_path: Path) -> None:
    model_folder = str(model_of("llama"))
    alone = {name: tuned(model_folder, tmp_path / name, name, False, False) for name in ("lora", "prompt-tuning")}
    both = in_two(all_tuned, model_folder, tmp_path / "two")
    for number, (name, sharded, no_room) in enumerate(CASES[:3]):
        for one in both:
            check_equal(one[number], alone[name])
            result = one[number][0]
            assert (result.micro_batch, result.processes, result.sharded) == (2 if no_room else 4, 2, sharded)
        assert both[0][number][1] == both[1][number][1], "each has the same weights"
    assert both[0][3] == both[1][3] == "--shard: the method trains the base's own weights, which are not sharded here"


def check_equal(found: Any, expected: Any) -> None:
    """Check the losses and weights of a tuning."""
    import torch

    (result, weights), (alone, expected_weights) = found, expected
    assert result.losses == pytest.approx(alone.losses, abs=1e-5)
    assert [step for step, _ in result.history] == [step for step, _ in alone.history]
    assert result.best_loss == pytest.approx(alone.best_loss, abs=1e-5)
    assert (result.tokens, result.steps) == (alone.tokens, alone.steps)
    for name, weight in expected_weights.items():
        assert torch.allclose(torch.tensor(weights[name]), torch.tensor(weight), atol=1e-4), name


@pytest.mark.parametrize("sharded", [False, True])
def test_no_row_is_lost_or_taken_twice(sharded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes._joined, "count", 3)
    shares = Shares(sharded)
    parts = shares.of_step([4, 8, 15, 16, 23, 42, 99], 2)
    assert sorted(row for part in parts for group in part for row in group) == [4, 8, 15, 16, 23, 42, 99]
    assert [[len(group) for group in part] for part in parts] == (
        [[2, 1], [2, 0], [2, 0]] if sharded else [[2, 1], [2], [2]]
    )
    assert [len(part) for part in shares.of_validation([[1], [2]])] == ([1, 1, 1] if sharded else [1, 1, 0])

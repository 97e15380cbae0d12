"""Stacked updates are transformers' own, tensor by tensor."""

from __future__ import annotations

from typing import Any

import pytest

from harness.tuning import adafactor
from harness.tuning.adafactor import Adafactor, learning_rates

SHAPES = [(4, 3), (4, 3), (3, 4), (5,), (5,), (2, 3, 4), ()]


def parameters(seed: int, kind: Any = None) -> list[Any]:
    import torch

    torch.manual_seed(seed)
    return [torch.randn(shape).to(kind or torch.float32).requires_grad_() for shape in SHAPES]


def gradients(step: int) -> list[Any]:
    import torch

    torch.manual_seed(100 + step)
    # The first three steps are beyond the norm that gradients are scaled down to, the others below.
    return [torch.randn(shape) * (3.0 if step < 3 else 0.01) for shape in SHAPES]


def by_transformers(found: list[Any], table: list[float], given: Any) -> None:
    import torch
    from transformers.optimization import Adafactor as Theirs

    theirs = Theirs(found, lr=1.0, scale_parameter=False, relative_step=False)
    for step, rate in enumerate(table):
        for parameter, gradient in zip(found, given(step), strict=True):
            parameter.grad = gradient.to(parameter.dtype)
        torch.nn.utils.clip_grad_norm_(found, 1.0)
        theirs.param_groups[0]["lr"] = rate
        theirs.step()


@pytest.mark.parametrize("most", [1 << 26, 20], ids=["one stack a shape", "a few numbers at once"])
def test_ten_updates_are_those_of_transformers(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(adafactor, "_MAX_STACKED_ELEMENTS", most)
    table = learning_rates(0.1, 10, 0.2)
    ours, theirs = parameters(0), parameters(0)
    optimiser = Adafactor(ours, torch.tensor(table, dtype=torch.float64))
    for step in range(10):
        for parameter, gradient in zip(ours, gradients(step), strict=True):
            parameter.grad = gradient.clone()
        optimiser.update()
    by_transformers(theirs, table, gradients)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert int(optimiser.step) == 10


def test_each_adapter_of_a_stack_is_updated_as_if_alone() -> None:
    import torch

    tables = [learning_rates(0.1, 6, 0.2), learning_rates(0.02, 6, 0.0)]
    alone = [parameters(seed) for seed in (1, 2)]
    stacked = [torch.stack([one.detach() for one in both]).requires_grad_() for both in zip(*alone, strict=True)]
    optimiser = Adafactor(stacked, torch.tensor(tables, dtype=torch.float64).T, batch_dims=1)
    for step in range(6):
        both = [gradients(step), gradients(step + 50)]
        for parameter, found in zip(stacked, zip(*both, strict=True), strict=True):
            parameter.grad = torch.stack(found)
        optimiser.update()
    by_transformers(alone[0], tables[0], gradients)
    by_transformers(alone[1], tables[1], lambda step: gradients(step + 50))
    for parameter, *both in zip(stacked, *alone, strict=True):
        assert all(torch.allclose(parameter[i], one, atol=1e-6) for i, one in enumerate(both))


def test_the_schedule_is_that_of_transformers() -> None:
    import torch
    from transformers import get_linear_schedule_with_warmup

    theirs = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    schedule = get_linear_schedule_with_warmup(theirs, 3, 50)
    for rate in learning_rates(0.3, 50, 0.05):
        assert rate == pytest.approx(schedule.get_last_lr()[0], rel=1e-12)
        theirs.step()
        schedule.step()


def test_a_parameter_without_a_gradient_stays_and_16_bit_weights_are_updated_in_32() -> None:
    import torch

    found = parameters(0, torch.bfloat16)
    before = [one.detach().clone() for one in found]
    optimiser = Adafactor(found, torch.tensor([0.5, 0.5], dtype=torch.float64))
    found[0].grad = torch.ones_like(found[0])
    optimiser.update()
    assert torch.equal(found[0], (before[0].float() - 0.5).bfloat16())
    assert all(torch.equal(one, other) for one, other in zip(found[1:], before[1:], strict=True))

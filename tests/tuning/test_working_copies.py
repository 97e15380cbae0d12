"""16-bit copies of weights: the same products and gradients as casts, and afterwards the weights are back."""

from __future__ import annotations

import torch

from harness.tuning.working_copies import WorkingCopies


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 6, bias=False), torch.nn.Sequential(torch.nn.Linear(6, 3)))


def loss(net: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        found: torch.Tensor = net(x).float().square().sum()
    return found


def test_gradients_in_32_bits_are_those_of_casts_and_add_up_over_micro_batches() -> None:
    net, batches = model(), [torch.randn(5, 4) for _ in range(3)]
    for x in batches:
        loss(net, x).backward()
    weights = dict(net.named_parameters())
    expected = {name: weight.grad for name, weight in weights.items()}
    net.zero_grad()
    copies = WorkingCopies(weights, ["0.weight", "1.0.weight"])
    with copies.used_by(net):
        assert net.get_parameter("0.weight").dtype == torch.bfloat16
        for x in batches:
            loss(net, x).backward()
            copies.add_gradients()
            assert net.get_parameter("0.weight").grad is None
    torch.testing.assert_close({name: weight.grad for name, weight in weights.items()}, expected, rtol=0, atol=0)


def test_the_copies_follow_the_weights_when_they_are_refreshed_and_leave_the_model_afterwards() -> None:
    net = model()
    weights = dict(net.named_parameters())
    copies = WorkingCopies(weights, ["0.weight"])
    with copies.used_by(net):
        weights["0.weight"].data.fill_(0.5)
        assert net.get_parameter("0.weight").ne(0.5).any()
        copies.refresh()
        assert net.get_parameter("0.weight").eq(0.5).all()
        assert copies.weights["1.0.bias"] is weights["1.0.bias"]
    assert dict(net.named_parameters()) == weights
    assert net.get_parameter("0.weight") is weights["0.weight"]


def test_without_copies_nothing_happens() -> None:
    net = model()
    weights = dict(net.named_parameters())
    copies = WorkingCopies(weights, [])
    with copies.used_by(net):
        loss(net, torch.ones(1, 4)).backward()
        before = [weight.grad for weight in weights.values()]
        copies.add_gradients()
        copies.refresh()
    assert copies.weights == weights
    assert all(weight.grad is old for weight, old in zip(weights.values(), before, strict=True))

"""The kernels for GPUs give what torch's operations give; without a GPU there is nothing to compare."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

from harness.modeling.fused_functions import rotary, silu_product
from harness.modeling.rotary_kernel import has_rotary_kernel

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
BF16: dict[str, Any] = {"dtype": torch.bfloat16}


def turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


@gpu
@pytest.mark.parametrize(("size", "transposed", "rows"), [*product((8, 64, 80, 128), (True, False), (1, 3))])
@pytest.mark.parametrize("adapters", [None, 4])
def test_the_rotary_kernel_gives_the_rotation_and_its_gradient(
    size: int, transposed: bool, rows: int, adapters: int | None
) -> None:
    lead = () if adapters is None else (adapters,)
    shape = (3, 7, 5, size) if transposed else (3, 5, 7, size)
    x = torch.randn(*lead, *shape, device="cuda", **BF16)
    x = (x.transpose(-2, -3) if transposed else x).requires_grad_()
    cos, sin = (torch.randn(rows, 1, 7, size, device="cuda", **BF16) for _ in range(2))
    assert has_rotary_kernel(x.detach(), cos, sin)
    found = torch.vmap(lambda one: rotary(one, cos, sin, False))(x) if lead else rotary(x, cos, sin, False)
    direction = torch.randn_like(found)
    (gradient,) = torch.autograd.grad(found, x, direction)
    exact = x.detach().float().requires_grad_()
    expected = turned(exact, cos.float(), sin.float())
    (expected_gradient,) = torch.autograd.grad(expected, exact, direction.float())
    torch.testing.assert_close(found.float(), expected.detach(), rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(gradient.float(), expected_gradient, rtol=2e-2, atol=3e-2)


@gpu
def test_the_kernel_of_a_gated_mlp_gives_the_product_and_both_gradients() -> None:
    gate, up = (torch.randn(6, 96, device="cuda", **BF16).requires_grad_() for _ in range(2))
    found = silu_product(gate, up)
    direction = torch.randn_like(found)
    exact = [tensor.detach().float().requires_grad_() for tensor in (gate, up)]
    expected = torch.nn.functional.silu(exact[0]) * exact[1]
    pairs = zip(
        (found, *torch.autograd.grad(found, (gate, up), direction)),
        (expected, *torch.autograd.grad(expected, exact, direction.float())),
        strict=True,
    )
    for ours, theirs in pairs:
        torch.testing.assert_close(ours.float(), theirs.detach(), rtol=2e-2, atol=2e-2)


def test_the_rotary_kernel_is_for_cuda_tensors_in_bfloat16_alone() -> None:
    x, angles = torch.randn(2, 4, 3, 8, **BF16), torch.randn(1, 1, 3, 8, **BF16)
    assert not has_rotary_kernel(x, angles, angles)

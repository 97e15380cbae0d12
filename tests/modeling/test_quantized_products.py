"""The products of quantised layers: bitsandbytes' values and gradients, for one adapter or several side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bitsandbytes
import pytest
import torch

from harness.modeling.quantized_products import QuantizedProducts

INPUTS, OUTPUTS, THRESHOLD = 64, 48, 6.0


class Quantised(torch.nn.Module):
    """One layer in the place of a model that bitsandbytes quantised."""

    quantization_method = "bitsandbytes"

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(x)
        return found


def four_bit(training: bool) -> Quantised:
    layer = bitsandbytes.nn.Linear4bit(INPUTS, OUTPUTS, compute_dtype=torch.float32, quant_type="nf4")
    return prepared(layer, training)


def eight_bit(training: bool) -> Quantised:
    return prepared(
        bitsandbytes.nn.Linear8bitLt(INPUTS, OUTPUTS, has_fp16_weights=False, threshold=THRESHOLD), training
    )


def prepared(layer: Any, training: bool) -> Quantised:
    torch.manual_seed(0)
    layer.load_state_dict({"weight": torch.randn(OUTPUTS, INPUTS), "bias": torch.randn(OUTPUTS)})
    layer.support_avx512bf16_for_cpu = False
    return Quantised(layer.to("cpu").requires_grad_(False)).train(training)


def inputs(*shape: int, outliers: tuple[int, ...] = ()) -> torch.Tensor:
    x = torch.randn(*shape, INPUTS, generator=torch.Generator().manual_seed(1))
    for column in outliers:
        x[0, 0, column] = 3 * THRESHOLD
    return x.requires_grad_()


def value_and_gradient(model: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.detach().requires_grad_()
    value = model(x)
    (value * torch.arange(value.numel()).view(value.shape).cos()).sum().backward()
    assert x.grad is not None
    return value.detach(), x.grad


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("outliers", [(), (5,), (3, 40)])
@pytest.mark.parametrize("make", [four_bit, eight_bit])
def test_values_and_gradients_are_those_of_bitsandbytes(
    make: Callable[[bool], Quantised], outliers: tuple[int, ...], training: bool
) -> None:
    model, x = make(training), inputs(2, 7, outliers=outliers)
    theirs = value_and_gradient(model, x)
    with QuantizedProducts(model):
        ours = value_and_gradient(model, x)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", [four_bit, eight_bit])
def test_adapters_side_by_side_have_the_values_and_gradients_that_each_has_alone(
    make: Callable[[bool], Quantised], training: bool
) -> None:
    model = make(training)
    # The first has a column of outliers that the second has not: rounding in 8 bits would tell if they shared it.
    pair = torch.stack([inputs(2, 7, outliers=(5,)), 0.5 * inputs(2, 7)])
    with QuantizedProducts(model):
        values, gradients = value_and_gradient(torch.vmap(model), pair)
        scale = torch.arange(values.numel()).view(values.shape).cos()
        for number, x in enumerate(pair):
            alone = x.detach().requires_grad_()
            value = model(alone)
            (value * scale[number]).sum().backward()
            assert torch.allclose(values[number], value, rtol=1e-6, atol=1e-6)
            assert alone.grad is not None and torch.allclose(gradients[number], alone.grad, rtol=1e-5, atol=1e-5)


def test_a_column_with_one_outlier_is_multiplied_as_it_is() -> None:
    model, x = eight_bit(False), torch.zeros(1, 4, INPUTS)
    x[0, 0, 5], x[0, 1, 5], x[0, 1, 6] = 100.0, 0.001, 1.0  # next to 1.0 in 8 bits 0.001 would be 0
    with QuantizedProducts(model):
        found = model(x) - model.layer.bias
    weight = model.layer.state.CB.float() * model.layer.state.SCB[:, None] / 127
    assert torch.allclose(found[0, 0], 100 * weight[:, 5], rtol=1e-3)
    assert torch.allclose(found[0, 1] - weight[:, 6], 0.001 * weight[:, 5], atol=2e-3 * float(weight.abs().max()))
    assert bool((found[0, 2:].abs() < 1e-5).all())


def test_outside_of_it_and_for_other_models_bitsandbytes_has_its_own_products() -> None:
    plain = bitsandbytes.matmul_4bit, bitsandbytes.matmul
    with pytest.raises(KeyError), QuantizedProducts(four_bit(True)):
        assert bitsandbytes.matmul_4bit is not plain[0] and bitsandbytes.matmul is not plain[1]
        raise KeyError
    assert (bitsandbytes.matmul_4bit, bitsandbytes.matmul) == plain
    with QuantizedProducts(torch.nn.Linear(2, 2)):
        assert (bitsandbytes.matmul_4bit, bitsandbytes.matmul) == plain

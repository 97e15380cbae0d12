"""The products of bitsandbytes' layers, with a gradient that `torch.vmap` takes, and without a host in between.

bitsandbytes' own products have no gradient under `vmap`, so that adapters on one quantised base could not be tuned side
by side. And its 8-bit product reads on the host, for each layer, which columns hold outliers: such a step cannot be
captured as a CUDA graph, and the GPU waits hundreds of times in each. Here the columns stay on the device.
"""

from __future__ import annotations

from typing import Any, cast

import torch

from harness import compat


class QuantizedProducts:
    """Context manager: within it bitsandbytes' linear layers, if `model` has any, use the products of this module."""

    def __init__(self, model: Any, *, round_activations: bool = True) -> None:
        """Without `round_activations` 8-bit layers have their weights alone in 8 bits.

        What LLM.int8() rounds depends on all rows of a batch, so that two ways of computing the same thing, in other
        batches, are compared without it.
        """
        self._needed, self._round = is_bitsandbytes(model), round_activations

    def __enter__(self) -> None:
        if self._needed:
            self._plain = compat.exchange_products(self._matmul_4bit, self._matmul_8bit)

    def __exit__(self, *_: object) -> None:
        if self._needed:
            compat.exchange_products(*self._plain)

    def _matmul_4bit(self, x: Any, weight: Any, quant_state: Any, bias: Any = None) -> Any:
        return _product_4bit(x, weight, bias, quant_state, self._plain[0])

    def _matmul_8bit(self, x: Any, weight: Any, bias: Any = None, state: Any = None) -> Any:
        if state.has_fp16_weights or state.CB is None:
            return self._plain[1](x, weight, bias=bias, state=state)
        # On a CPU bitsandbytes trains with the weights alone in 8 bits.
        weights_alone = not self._round or (state.is_training and x.device.type == "cpu")
        threshold = None if weights_alone else state.threshold
        rows = x.reshape(1, -1, x.shape[-1])
        return _product_8bit(rows, state.CB, state.SCB, bias, threshold).reshape(*x.shape[:-1], -1)


def is_bitsandbytes(model: Any) -> bool:
    """Whether `model` was quantised by bitsandbytes."""
    return bool(getattr(model, "quantization_method", None) == "bitsandbytes")


class _Product4bit(torch.autograd.Function):
    """x W' + bias for a W in 4 bits; `product` is bitsandbytes'. `torch.vmap` takes it for more rows of x."""

    @staticmethod
    def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, state: Any, product: Any) -> Any:
        """`x` is (..., inputs), the result (..., outputs)."""
        return product(x, weight, bias=bias, quant_state=state)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's signature
        """Keep the weight in its 4 bits."""
        _, ctx.weight, _, ctx.state, _ = inputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradient of x; the base is frozen."""
        from bitsandbytes.functional import dequantize_4bit

        weight = dequantize_4bit(ctx.weight.view(-1, 1), ctx.state).to(gradients[0].dtype)
        return gradients[0] @ weight, None, None, None, None

    @staticmethod
    def vmap(_: Any, dims: Any, x: torch.Tensor, weight: Any, bias: Any, state: Any, product: Any) -> Any:
        """A further dimension of `x`."""
        return _product_4bit(x.movedim(_only_of_x(dims), 0), weight, bias, state, product), 0


class _Product8bit(torch.autograd.Function):
    """x W' + bias for a W in 8 bits, by LLM.int8() (arXiv:2208.07339, section 3).

    Columns of x with a value of at least `threshold` in any row are multiplied in 16 bits, the others in 8 with a scale
    for each row. `torch.vmap` takes it for adapters side by side, of which each has columns of its own.
    """

    @staticmethod
    def forward(
        x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None, threshold: float | None
    ) -> torch.Tensor:
        """`x` is (adapters, rows, inputs), `codes` (outputs, inputs) and `scales` (outputs); all in 16 bits if None."""
        if threshold is None:
            return torch.nn.functional.linear(x, _weight(codes, scales, x.dtype), bias)
        half = x.to(torch.float16)
        outliers = half.abs() >= threshold if threshold else torch.zeros_like(half, dtype=torch.bool)
        columns = outliers.any(1, keepdim=True)
        rows = half.masked_fill(outliers, 0).flatten(0, 1)
        quantized, largest, _ = torch.ops.bitsandbytes.int8_vectorwise_quant.default(rows)
        quantized = quantized.view(x.shape).masked_fill(columns, 0).flatten(0, 1)
        product = torch.ops.bitsandbytes.int8_scaled_mm.default
        result = product(quantized, codes, largest, scales, bias=bias, dtype=x.dtype)
        if threshold:
            result.addmm_(x.where(columns, 0).flatten(0, 1), _weight(codes, scales, x.dtype).T)
        return cast(torch.Tensor, result.view(*x.shape[:2], -1))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's signature
        """Keep the weight in its 8 bits."""
        _, ctx.codes, ctx.scales, _, _ = inputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradient of x; the base is frozen."""
        return gradients[0] @ _weight(ctx.codes, ctx.scales, gradients[0].dtype), None, None, None, None

    @staticmethod
    def vmap(info: Any, dims: Any, x: torch.Tensor, codes: Any, scales: Any, bias: Any, threshold: Any) -> Any:
        """Adapters side by side."""
        x = x.movedim(_only_of_x(dims), 0)
        result = _product_8bit(x.flatten(0, 1), codes, scales, bias, threshold)
        return result.unflatten(0, (info.batch_size, -1)), 0


def _weight(codes: torch.Tensor, scales: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """(outputs, inputs): 127 stands for the scale of the row."""
    return codes.to(dtype, copy=True).mul_((scales / 127).unsqueeze(1))


def _only_of_x(dims: Any) -> int:
    if any(dim is not None for dim in dims[1:]):
        raise NotImplementedError("vmap over a quantised base")
    return cast(int, dims[0])


_product_4bit: Any = cast(Any, _Product4bit).apply
_product_8bit: Any = cast(Any, _Product8bit).apply

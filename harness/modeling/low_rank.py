"""Linear layers with a low-rank update (LoRA), in few kernels on a GPU.

For each layer PEFT's modules launch some twenty kernels forward and backward: the weights are cast, the product is
scaled and added in kernels of their own, and so for the gradients. With a small batch these cost more than the products
of the base. Here they are twelve, and the mask of the dropout is kept instead of what it dropped from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch

from harness import compat

_SIXTEEN_BITS = (torch.bfloat16, torch.float16)


class _LowRankLinear(torch.autograd.Function):
    """x W' + bias + scale * dropout(x) A' B' for a frozen base; `torch.vmap` takes it for adapters side by side."""

    @staticmethod
    def forward(
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        dropout: float,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The result, and for the gradient scale * dropout(x) A' and the dropout's mask (empty without dropout).

        `x` is (adapters, tokens, inputs), `weight` (outputs, inputs), `a` (adapters, rank, inputs) and `b` (adapters,
        outputs, rank).
        """
        result = torch.nn.functional.linear(x, weight, bias)
        kept, mask = x, x.new_empty(0, dtype=torch.bool)
        if dropout:
            kept, mask = torch.native_dropout(x, dropout, True)
        inner = _scaled_product(kept, a.mT, scale)
        return result.baddbmm_(inner, b.mT), inner, mask

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the gradient needs."""
        x, weight, _, a, b, ctx.scale, ctx.dropout = inputs
        _, inner, mask = output
        ctx.mark_non_differentiable(inner, mask)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, weight, a, b, inner, mask)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, ...]:
        """The gradients of x, A and B."""
        gradient = gradients[0]
        x, weight, a, b, inner, mask = ctx.saved_tensors
        gradient_of_inner = _scaled_product(gradient, b, ctx.scale)
        gradient_of_b = torch.bmm(gradient.mT, inner)
        up = 1 / (1 - ctx.dropout)
        kept = torch.ops.aten.native_dropout_backward(x, mask, up) if ctx.dropout else x
        gradient_of_a = torch.bmm(gradient_of_inner.mT, kept)
        if not ctx.needs_input_grad[0]:
            return None, None, None, gradient_of_a, gradient_of_b, None, None
        gradient_of_x = gradient @ weight
        if ctx.dropout:
            through_update = torch.bmm(gradient_of_inner, a)
            gradient_of_x += torch.ops.aten.native_dropout_backward(through_update, mask, up)
        else:
            gradient_of_x.baddbmm_(gradient_of_inner, a)
        return gradient_of_x, None, None, gradient_of_a, gradient_of_b, None, None

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, weight: Any, bias: Any, a: Any, b: Any, scale: float, dropout: float) -> Any:
        """Adapters side by side: each argument has one adapter more in `dims`, and one adapter otherwise."""
        if dims[1] is not None or dims[2] is not None:
            raise NotImplementedError("vmap over the base of a low-rank update")
        size = info.batch_size
        x, a, b = (
            (t.expand(size, *t.shape) if d is None else t.movedim(d, 0)).flatten(0, 1)
            for t, d in ((x, dims[0]), (a, dims[3]), (b, dims[4]))
        )
        result, inner, mask = _low_rank_linear(x, weight, bias, a, b, scale, dropout)
        return (result.unflatten(0, (size, -1)), inner, mask), (0, None, None)


def _scaled_product(first: torch.Tensor, second: torch.Tensor, scale: float) -> torch.Tensor:
    """scale * first @ second in one kernel: (batches, n, k) by (batches, k, m)."""
    result = first.new_empty(*first.shape[:-1], second.shape[-1])
    return result.baddbmm_(first, second, beta=0, alpha=scale)


_low_rank_linear: Any = cast(Any, _LowRankLinear).apply


class FusedLowRank:
    """Context manager: within it PEFT's plain LoRA layers on a GPU run fused, afterwards as before.

    A layer takes part if its base is a dense linear one in 16 bits, and its update two products, a scale and dropout.
    """

    def __init__(self, model: Any, device_type: str = "cuda", types: tuple[torch.dtype, ...] = _SIXTEEN_BITS) -> None:
        """Layers on devices of other types than `device_type`, and of other `types`, stay as they are."""
        self._layers = {
            layer: adapter
            for layer, adapter in compat.plain_low_rank_layers(model)
            if (weight := layer.base_layer.weight).device.type == device_type and weight.dtype in types
        }

    def weights(self) -> list[torch.nn.Parameter]:
        """The trainable weights that these layers cast to the type of their input."""
        pairs = ((layer.lora_A[adapter], layer.lora_B[adapter]) for layer, adapter in self._layers.items())
        return [part.weight for pair in pairs for part in pair if part.weight.requires_grad]

    def __enter__(self) -> FusedLowRank:
        for layer, adapter in self._layers.items():
            layer.forward = _fused_forward(layer, adapter)
        return self

    def __exit__(self, *_: object) -> None:
        for layer in self._layers:
            vars(layer).pop("forward", None)


def _fused_forward(layer: Any, adapter: str) -> Callable[..., torch.Tensor]:
    plain, base, rate = type(layer).forward, layer.base_layer, compat.low_rank_dropout(layer, adapter)

    def forward(x: torch.Tensor, *args: Any, **more: Any) -> torch.Tensor:
        if args or more or x.dtype != base.weight.dtype:
            return cast(torch.Tensor, plain(layer, x, *args, **more))
        a, b = (part[adapter].weight.to(x.dtype) for part in (layer.lora_A, layer.lora_B))
        dropout = rate if layer.training else 0.0
        rows = x.reshape(1, -1, x.shape[-1])
        result = _low_rank_linear(rows, base.weight, base.bias, a[None], b[None], layer.scaling[adapter], dropout)[0]
        return cast(torch.Tensor, result.view(*x.shape[:-1], -1))

    return forward

"""Functions of layers that run in few kernels on a GPU, with their gradients; `torch.vmap` takes them.

On other devices the same functions are computed with torch's operations.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import torch

from harness import compat
from harness.modeling.rotary_kernel import has_rotary_kernel, rotate


class _RMSNorm(torch.autograd.Function):
    """x * weight / rms(x) over the last dimension; `torch.vmap` takes it for one more dimension of rows."""

    @staticmethod
    def forward(x: torch.Tensor, weight: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
        """The result, and 1 / rms(x) for the gradient."""
        result: tuple[torch.Tensor, torch.Tensor] = torch.ops.aten._fused_rms_norm(x, [x.shape[-1]], weight, eps)
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the gradient needs."""
        ctx.save_for_backward(inputs[0], inputs[1], output[1])
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None]:
        """The gradient of x; the weight is frozen."""
        return _rms_norm_gradient(gradients[0], *ctx.saved_tensors), None, None

    @staticmethod
    def vmap(_: Any, dims: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> Any:
        """Rows of a further dimension."""
        return rms_norm(_first(x, dims[0]), weight, eps), (0, 0)


class _RMSNormGradient(torch.autograd.Function):
    """The gradient as a function of its own, so that `torch.vmap` can batch it too."""

    @staticmethod
    def forward(gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, rstd: torch.Tensor) -> torch.Tensor:
        """The gradient of x."""
        gradient = gradient.contiguous()
        if not x.is_cuda:  # torch has this kernel for GPUs alone
            by_weight, normed = gradient.float() * weight, x.float() * rstd
            return (rstd * (by_weight - normed * (by_weight * normed).mean(-1, keepdim=True))).to(x.dtype)
        wanted = [True, False]
        found = torch.ops.aten._fused_rms_norm_backward(gradient, x, [x.shape[-1]], rstd, weight, wanted)
        return cast(torch.Tensor, found[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: there is no second derivative."""

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """There is no second derivative."""
        raise NotImplementedError("the second derivative of a fused RMSNorm")

    @staticmethod
    def vmap(_: Any, dims: Any, gradient: Any, x: Any, weight: Any, rstd: Any) -> Any:
        """Rows of a further dimension."""
        rows = (
            _first(tensor, dim) for tensor, dim in zip((gradient, x, rstd), (dims[0], dims[1], dims[3]), strict=True)
        )
        gradient, x, rstd = rows
        return _rms_norm_gradient(gradient, x, weight, rstd), 0


def _first(tensor: torch.Tensor, dim: int | None) -> torch.Tensor:
    assert dim is not None
    return tensor.movedim(dim, 0).contiguous()


class _Rotary(torch.autograd.Function):
    """x * cos + rotate_half(x) * sin, as Llama has it; `torch.vmap` takes it for one more dimension of x."""

    @staticmethod
    def forward(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, back: bool) -> torch.Tensor:
        """`x` (rows, heads, positions, head_dim), `cos` and `sin` (rows, 1, positions, head_dim); `back`: inverted."""
        if has_rotary_kernel(x, cos, sin):
            return rotate(x, cos, sin, back)
        half, sign = x.shape[-1] // 2, 1 if back else -1
        first, second = (sin[..., half:], sin[..., :half]) if back else (sin[..., :half], sin[..., half:])
        rotated = x * cos
        rotated[..., :half].addcmul_(x[..., half:], first, value=sign)
        rotated[..., half:].addcmul_(x[..., :half], second, value=-sign)
        return rotated

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's signature
        """Keep the angles."""
        ctx.save_for_backward(inputs[1], inputs[2])
        ctx.back = inputs[3]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None, None]:
        """The gradient of x."""
        return rotary(gradients[0], *ctx.saved_tensors, not ctx.back), None, None, None

    @staticmethod
    def vmap(_: Any, dims: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, back: bool) -> Any:
        """A further dimension of `x`."""
        if dims[1] is not None or dims[2] is not None:
            raise NotImplementedError("vmap over the angles of rotary embeddings")
        return rotary(x.movedim(dims[0], 0), cos, sin, back), 0


class _SiluProduct(torch.autograd.Function):
    """silu(gate) * up; silu(gate) is not kept for the gradient."""

    @staticmethod
    def forward(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        """`gate` and `up` have one shape."""
        if gate.is_cuda:
            return _silu_product_kernel()(gate, up)
        return torch.nn.functional.silu(gate).mul_(up)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's signature
        """Keep both."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """The gradients of both."""
        gate, up = ctx.saved_tensors
        gradient = gradients[0]
        if gate.is_cuda:
            return cast(tuple[torch.Tensor, torch.Tensor], _silu_product_gradients_kernel()(gradient, gate, up))
        gradient_of_up = torch.nn.functional.silu(gate).mul_(gradient)
        return torch.ops.aten.silu_backward(gradient * up, gate), gradient_of_up

    @staticmethod
    def vmap(info: Any, dims: Any, gate: torch.Tensor, up: torch.Tensor) -> Any:
        """A further dimension of one or both: an adapter may be on one of the two alone."""
        both = zip((gate, up), dims, strict=True)
        wide = [x.expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0) for x, dim in both]
        return silu_product(*(x.contiguous() for x in wide)), 0


@functools.cache
def _silu_product_kernel() -> Callable[..., torch.Tensor]:
    return compat.elementwise_kernel("""
        template <typename T> T silu_product(T gate, T up) {
            float x = gate;
            return T(x / (1.0f + exp(-x)) * float(up));
        }""")


@functools.cache
def _silu_product_gradients_kernel() -> Callable[..., Any]:
    return compat.elementwise_kernel(
        """
        template <typename T>
        void silu_product_gradients(T gradient, T gate, T up, T& gradient_of_gate, T& gradient_of_up) {
            float x = gate, g = gradient;
            float sigmoid = 1.0f / (1.0f + exp(-x));
            gradient_of_gate = T(g * float(up) * sigmoid * (1.0f + x * (1.0f - sigmoid)));
            gradient_of_up = T(g * x * sigmoid);
        }""",
        outputs=2,
    )


rms_norm: Any = cast(Any, _RMSNorm).apply
_rms_norm_gradient: Any = cast(Any, _RMSNormGradient).apply
rotary: Any = cast(Any, _Rotary).apply
silu_product: Any = cast(Any, _SiluProduct).apply

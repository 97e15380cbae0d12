"""Layers in few kernels on a GPU, where a small batch is slow for the number of kernels that it launches.

RMSNorm is one kernel, where transformers' modules launch seven, and a dozen more for the gradient; rotary position
embeddings are three for each of queries and keys, where its functions launch five, and eight more for the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch

from harness import compat

_DEVIATION = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
"""Relative differences that rounding explains: the fused kernel rounds once, the modules twice."""


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
        return _rms_norm(_first(x, dims[0]), weight, eps), (0, 0)


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
        return _rotary(gradients[0], *ctx.saved_tensors, not ctx.back), None, None, None

    @staticmethod
    def vmap(_: Any, dims: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, back: bool) -> Any:
        """A further dimension of `x`."""
        if dims[1] is not None or dims[2] is not None:
            raise NotImplementedError("vmap over the angles of rotary embeddings")
        return _rotary(x.movedim(dims[0], 0), cos, sin, back), 0


_rms_norm: Any = cast(Any, _RMSNorm).apply
_rms_norm_gradient: Any = cast(Any, _RMSNormGradient).apply
_rotary: Any = cast(Any, _Rotary).apply


class FusedLayers:
    """Context manager: within it the model's layers on a GPU run fused, afterwards as before.

    A norm or a rotary function takes part if it gives, on random numbers, what the fused one gives; others (such as
    the norms of Gemma, which add 1 to the weight) stay as they are, and so do norms while they train.
    """

    def __init__(self, model: Any, device_type: str = "cuda") -> None:
        """Layers on devices of other types than `device_type` stay as they are."""
        norms = [(norm, eps) for norm, eps in _candidates(model) if norm.weight.device.type == device_type]
        self._norms = {norm: _fused_forward(norm, eps) for norm, eps in norms if _is_rms_norm(norm, eps)}
        like = next((p for p in model.parameters() if p.device.type == device_type and p.dtype in _DEVIATION), None)
        functions = compat.modules_with_rotary_function(model) if like is not None else {}
        self._rotary = {module: function for module, function in functions.items() if _is_rotary(function, like)}

    def __len__(self) -> int:
        """How many norms, and modules of the library with a rotary function, take part."""
        return len(self._norms) + len(self._rotary)

    def __enter__(self) -> None:
        for norm, forward in self._norms.items():
            norm.forward = forward
        for module in self._rotary:
            vars(module)[compat.ROTARY] = _fused_rotary

    def __exit__(self, *_: object) -> None:
        for norm in self._norms:
            vars(norm).pop("forward", None)
        for module, function in self._rotary.items():
            vars(module)[compat.ROTARY] = function


def _fused_rotary(
    queries: torch.Tensor, keys: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, unsqueeze_dim: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    if cos.dtype != queries.dtype:
        return queries * cos + _half_turn(queries) * sin, keys * cos + _half_turn(keys) * sin
    return _rotary(queries, cos, sin, False), _rotary(keys, cos, sin, False)


def _half_turn(x: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    return torch.cat([-x[..., half:], x[..., :half]], dim=-1)


def _is_rotary(function: Callable[..., Any], like: Any) -> bool:
    generator = torch.Generator(like.device).manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=like.device).to(like.dtype)

    given = random(2, 4, 3, 8), random(2, 2, 3, 8), random(2, 3, 8), random(2, 3, 8)
    try:
        theirs = function(*given)
    except (TypeError, RuntimeError, ValueError, IndexError):  # it wants other arguments or shapes
        return False
    ours, deviation = _fused_rotary(*given), _DEVIATION[like.dtype]
    return len(theirs) == 2 and all(
        a.shape == b.shape and a.dtype == b.dtype and torch.allclose(a, b, rtol=deviation, atol=2 * deviation)
        for a, b in zip(theirs, ours, strict=True)
    )


def _candidates(model: Any) -> Iterator[tuple[Any, float]]:
    """Modules that are called RMSNorm and have a weight, each with its epsilon."""
    for module in model.modules():
        weight, eps = getattr(module, "weight", None), getattr(module, "variance_epsilon", getattr(module, "eps", None))
        named = type(module).__name__.endswith("RMSNorm") and "forward" not in vars(module)
        weighted = torch.is_tensor(weight) and weight.dim() == 1 and weight.dtype in _DEVIATION
        if named and weighted and isinstance(eps, float):
            yield module, eps


def _is_rms_norm(module: Any, eps: float) -> bool:
    weight = module.weight
    generator = torch.Generator(weight.device).manual_seed(0)
    x = torch.randn(4, len(weight), generator=generator, device=weight.device).to(weight.dtype)
    with torch.no_grad():
        theirs, ours = module(x), _fused_forward(module, eps)(x)
    return bool(theirs.dtype == ours.dtype and torch.allclose(theirs, ours, rtol=_DEVIATION[weight.dtype], atol=1e-6))


def _fused_forward(module: Any, eps: float) -> Callable[[torch.Tensor], torch.Tensor]:
    plain = type(module).forward

    def forward(x: torch.Tensor) -> torch.Tensor:
        trained = module.weight.requires_grad and torch.is_grad_enabled()
        if trained or x.dtype != module.weight.dtype:
            return cast(torch.Tensor, plain(module, x))
        return cast(torch.Tensor, _rms_norm(x.contiguous(), module.weight, eps)[0])

    return forward

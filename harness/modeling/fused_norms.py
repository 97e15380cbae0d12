"""RMSNorm as one kernel on a GPU; transformers' modules launch seven for it, and a dozen more for its gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch

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
        return _RMSNormGradient.apply(gradients[0], *ctx.saved_tensors), None, None

    @staticmethod
    def vmap(_: Any, dims: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> Any:
        """Rows of a further dimension."""
        return _RMSNorm.apply(_first(x, dims[0]), weight, eps), (0, 0)


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
        return _RMSNormGradient.apply(gradient, x, weight, rstd), 0


def _first(tensor: torch.Tensor, dim: int | None) -> torch.Tensor:
    assert dim is not None
    return tensor.movedim(dim, 0).contiguous()


class FusedNorms:
    """Context manager: within it the model's RMSNorms on a GPU run fused, afterwards as before; not while they train.

    A module takes part if it gives, on random numbers, what the fused kernel gives; others (such as those of Gemma,
    which add 1 to the weight) stay as they are.
    """

    def __init__(self, model: Any, device_type: str = "cuda") -> None:
        """Modules on devices of other types than `device_type` stay as they are."""
        self._fused = {
            module: _fused_forward(module, eps)
            for module, eps in _candidates(model)
            if module.weight.device.type == device_type and _is_rms_norm(module, eps)
        }

    def __len__(self) -> int:
        """How many modules take part."""
        return len(self._fused)

    def __enter__(self) -> None:
        for module, forward in self._fused.items():
            module.forward = forward

    def __exit__(self, *_: object) -> None:
        for module in self._fused:
            vars(module).pop("forward", None)


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
        return cast(torch.Tensor, _RMSNorm.apply(x.contiguous(), module.weight, eps)[0])

    return forward

"""Layers in few kernels on a GPU, where a small batch is slow for the number of kernels that it launches.

RMSNorm is one kernel, where transformers' modules launch seven, and a dozen more for the gradient. Rotary position
embeddings are one for each of queries and keys in bfloat16 (`rotary_kernel`) and three in other types, where its
functions launch five, and eight more for the gradient. Of a gated MLP, whose activations are most of what a training
step keeps, one of three is computed anew.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch

from harness import compat
from harness.modeling.fused_functions import rms_norm, rotary, silu_product

_DEVIATION = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
"""Relative differences that rounding explains: the fused kernel rounds once, the modules twice."""


class FusedLayers:
    """Context manager: within it the model's layers on a GPU run fused, afterwards as before.

    A norm, a gated MLP or a rotary function takes part if it gives, on random numbers, what the fused one gives; others
    (such as the norms of Gemma, which add 1 to the weight) stay as they are, and so do norms while they train.
    """

    def __init__(self, model: Any, device_type: str = "cuda") -> None:
        """Layers on devices of other types than `device_type` stay as they are."""
        norms = [(norm, eps) for norm, eps in _candidates(model) if norm.weight.device.type == device_type]
        self._norms = {norm: _fused_forward(norm, eps) for norm, eps in norms if _is_rms_norm(norm, eps)}
        mlps = compat.gated_mlps(model)
        self._mlps = [mlp for mlp in mlps if next(mlp.parameters()).device.type == device_type and _is_gated(mlp)]
        like = next((p for p in model.parameters() if p.device.type == device_type and p.dtype in _DEVIATION), None)
        functions = compat.modules_with_rotary_function(model) if like is not None else {}
        self._rotary = {module: function for module, function in functions.items() if _is_rotary(function, like)}

    def __len__(self) -> int:
        """How many norms, MLPs, and modules of the library with a rotary function, take part."""
        return len(self._norms) + len(self._mlps) + len(self._rotary)

    def __enter__(self) -> None:
        for norm, forward in self._norms.items():
            norm.forward = forward
        for mlp in self._mlps:
            mlp.forward = functools.partial(_gated_forward, mlp)
        for module in self._rotary:
            vars(module)[compat.ROTARY] = _fused_rotary

    def __exit__(self, *_: object) -> None:
        for layer in (*self._norms, *self._mlps):
            vars(layer).pop("forward", None)
        for module, function in self._rotary.items():
            vars(module)[compat.ROTARY] = function


def _gated_forward(mlp: Any, x: torch.Tensor) -> torch.Tensor:
    return cast(torch.Tensor, mlp.down_proj(silu_product(mlp.gate_proj(x), mlp.up_proj(x))))


def _is_gated(mlp: Any) -> bool:
    parameter = next(mlp.parameters())
    dtype = parameter.dtype if parameter.dtype in _DEVIATION else torch.bfloat16  # a quantised one computes in 16 bits
    generator = torch.Generator(parameter.device).manual_seed(0)
    x = torch.randn(1, 4, mlp.gate_proj.in_features, generator=generator, device=parameter.device).to(dtype)
    training = mlp.training
    try:
        with torch.no_grad():
            mlp.eval()
            theirs, ours = mlp(x), _gated_forward(mlp, x)
    except (TypeError, RuntimeError, ValueError):  # it wants other arguments or types
        return False
    finally:
        mlp.train(training)
    return theirs.shape == ours.shape and torch.allclose(theirs, ours, rtol=_DEVIATION[dtype], atol=_DEVIATION[dtype])


def _fused_rotary(
    queries: torch.Tensor, keys: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, unsqueeze_dim: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    if cos.dtype != queries.dtype:
        return queries * cos + _half_turn(queries) * sin, keys * cos + _half_turn(keys) * sin
    return rotary(queries, cos, sin, False), rotary(keys, cos, sin, False)


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
        return cast(torch.Tensor, rms_norm(x.contiguous(), module.weight, eps)[0])

    return forward

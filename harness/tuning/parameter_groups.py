"""Optimiser parameter groups of a method: learning rates that differ from the run's, such as those of LoRA+."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import PluginError

if TYPE_CHECKING:
    import torch

ParameterGroup = Mapping[str, Any]
"""As in `torch.optim`: `params`, a sequence of parameters, and `lr`, their peak learning rate."""


def learning_rate_scales(
    weights: Mapping[str, torch.Tensor], learning_rate: float, groups: Sequence[ParameterGroup] | None
) -> list[float]:
    """The learning rate of each of `weights` divided by that of the run; 1 for all where a method gives no groups.

    Raises:
        PluginError: a group has other keys, or a trainable parameter is not in exactly one group.
    """
    if groups is None:
        return [1.0] * len(weights)
    rates: dict[int, float] = {}
    for group in groups:
        if set(group) != {"params", "lr"}:
            raise PluginError(f"parameter_groups: a group has the keys params and lr, not {', '.join(sorted(group))}")
        for parameter in group["params"]:
            if id(parameter) in rates:
                raise PluginError("parameter_groups: a parameter is in two groups")
            rates[id(parameter)] = float(group["lr"])
    if missing := [name for name, parameter in weights.items() if id(parameter) not in rates]:
        raise PluginError(f"parameter_groups: {missing[0]} is trainable and in no group")
    if len(rates) > len(weights):
        raise PluginError("parameter_groups: a parameter in a group is not trainable")
    return [rates[id(parameter)] / learning_rate for parameter in weights.values()]

"""16-bit copies of those 32-bit weights whose layers would cast them to 16 bits in every product.

A few kernels make all copies after an update, and add all their gradients to those of the weights in 32 bits. Casts and
sums of each of some hundred small weights would be hundreds of kernels. What is computed is the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class WorkingCopies:
    """`weights` has what the forward pass uses, by name: copies, or the given weights themselves."""

    def __init__(self, weights: Mapping[str, torch.Tensor], copied: Collection[str]) -> None:
        """The weights named in `copied` have copies."""
        import torch

        self._originals = {name: weights[name] for name in copied}
        self._copies = {
            name: torch.nn.Parameter(weight.detach().to(torch.bfloat16)) for name, weight in self._originals.items()
        }
        self.weights: Mapping[str, torch.Tensor] = {**weights, **self._copies}

    @property
    def names(self) -> Collection[str]:
        """The names of the weights that have copies."""
        return self._originals.keys()

    @contextlib.contextmanager
    def used_by(self, model: Any) -> Iterator[None]:
        """Context manager: the copies are parameters of `model` in place of the weights."""
        _set_parameters(model, self._copies)
        try:
            yield
        finally:
            _set_parameters(model, self._originals)

    def refresh(self) -> None:
        """Make the copies those of the present weights."""
        import torch

        if self._copies:
            with torch.no_grad():
                torch._foreach_copy_(list(self._copies.values()), list(self._originals.values()))

    def add_gradients(self) -> None:
        """Move the gradients of the copies to the weights: added to what these have."""
        import torch

        if not self._copies:
            return
        gradients = {name: copy.grad for name, copy in self._copies.items() if copy.grad is not None}
        full = [torch.empty_like(self._originals[name]) for name in gradients]
        torch._foreach_copy_(full, list(gradients.values()))
        earlier = []
        for name, gradient in zip(gradients, full, strict=True):
            weight, self._copies[name].grad = self._originals[name], None
            if weight.grad is None:
                weight.grad = gradient
            else:
                earlier.append((weight.grad, gradient))
        if earlier:
            torch._foreach_add_([old for old, _ in earlier], [new for _, new in earlier])


def _set_parameters(model: Any, parameters: Mapping[str, Any]) -> None:
    for name, parameter in parameters.items():
        owner, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(owner), attribute, parameter)

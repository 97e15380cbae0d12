"""A base that is larger than one GPU: its weights spread over the processes of a command, or over the GPUs of one.

For tuning each process holds a part of every layer, and the layers are put together one after another while they are
needed (FSDP2, `torch.distributed.fsdp.fully_shard`). What an adapter trains is small, and whole in every process. For
writing one process has the layers on several GPUs, one after another (`device_map` of transformers and accelerate).
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness import processes
from harness.errors import ModelError
from harness.modeling import base as model
from harness.modeling.base import Base
from harness.modeling.bases import is_peft
from harness.modeling.checkpoint import quantised
from harness.records import ModelSpec

SHARE_OF_A_GPU = 0.7
"""Of the memory of a GPU for the weights of a base; the rest is for activations and the cache of keys and values."""
_BYTES_PER_WEIGHT = 2


def can_spread() -> bool:
    """Whether this process sees several GPUs."""
    import torch

    return torch.cuda.is_available() and torch.cuda.device_count() > 1


def is_too_large(spec: ModelSpec, options: Mapping[str, Any]) -> bool:
    """Whether the base does not fit one GPU and there are several; never of a quantised one, or without a GPU."""
    import torch

    if not can_spread() or _quantised(spec, options):
        return False
    memory: int = torch.cuda.get_device_properties(0).total_memory
    return _BYTES_PER_WEIGHT * _weights(spec) > SHARE_OF_A_GPU * memory


@functools.cache
def _weights(spec: ModelSpec) -> int:
    """The numbers of a model, counted on its configuration; kept, since each phase asks for it."""
    return sum(parameter.numel() for parameter in model.meta(spec).model.parameters())


def _quantised(spec: ModelSpec, options: Mapping[str, Any]) -> bool:
    return "quantization_config" in options or quantised(model.load_config(spec)) is not None


def load_sharded(spec: ModelSpec, options: Mapping[str, Any], adapt: Callable[[Base], Base]) -> Base:
    """The base with what `adapt` puts on it, in all processes at once, each with a part of the base's weights.

    The processes load it one after another, so that the host holds it whole only once.

    Raises:
        ModelError: it is quantised, or `adapt` trains the base's own weights.
    """
    if _quantised(spec, options):
        raise ModelError(f"--shard: {spec.id} would be quantised, which is not sharded here; leave out one of the two")
    if processes.count() == 1:
        raise ModelError("--shard: one process alone holds the whole base; start several with torchrun")
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh(_device_type(), (processes.count(),))
    for turn in range(processes.count()):
        trains_base = False
        if turn == processes.number():
            adapted = adapt(model.load(spec, {**options, "device_map": "cpu", "dtype": _dtype()}))
            trains_base = not is_peft(adapted.model)
            if not trains_base:
                _shard(adapted.model, mesh)
                gc.collect()
        if processes.any_of(trains_base):  # all wait for this turn to end
            raise ModelError("--shard: the method trains the base's own weights, which are not sharded here")
    return replace(adapted, options=options, sharded=True)


def _device_type() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype() -> Any:
    import torch

    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def _shard(peft_model: Any, mesh: Any) -> None:
    """Shard the frozen weights of each layer, then those outside layers; trained ones stay whole."""
    from torch.distributed.fsdp import fully_shard

    trained = {parameter for parameter in peft_model.parameters() if parameter.requires_grad}
    inner = peft_model.get_base_model()
    names = set(getattr(inner, "_no_split_modules", None) or ())
    for module in [module for module in inner.modules() if type(module).__name__ in names]:
        fully_shard(module, mesh=mesh, ignored_params=trained)
    fully_shard(peft_model, mesh=mesh, ignored_params=trained)
    device = mesh.device_type
    for parameter in trained:
        parameter.data = parameter.data.to(device)
    for buffer in peft_model.buffers():
        buffer.data = buffer.data.to(device)

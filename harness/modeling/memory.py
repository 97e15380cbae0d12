"""When memory runs out: how a library says so, and how what was taken is given back."""

from __future__ import annotations

import gc

_MESSAGES = ("CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")
"""What torch raises as a plain error when a library below it, not its own allocator, finds no memory."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether `error` says that an allocation failed, on a GPU or on the host, and a smaller batch may fit."""
    from accelerate.utils.memory import should_reduce_batch_size

    return should_reduce_batch_size(error) or any(message in str(error) for message in _MESSAGES)


def release() -> None:
    """Give back what nobody holds any more. Call it outside the `except` block: the error holds the failed tensors."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def gpu_available() -> bool:
    """Whether this process has a GPU."""
    import torch

    return torch.cuda.is_available()

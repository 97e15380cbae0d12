"""Rotary position embeddings in one CUDA kernel, for activations in bfloat16.

With torch's operations they are three kernels for queries and three for keys, and as many for their gradients, none of
which reads memory in wide words since queries and keys are transposed: 8 % of a tuning step of a 7B model.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

from harness import compat

_WIDTH, _THREADS = 4, 256
"""Numbers that a thread reads at once, from each half of a head; threads of a block."""
_SOURCE = """
typedef unsigned short bfloat16;

__device__ inline float widened(bfloat16 x) { return __uint_as_float((unsigned)x << 16); }

__device__ inline bfloat16 rounded(float x) {  // to the nearest, ties to even
    unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;  // not a number
    return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

struct alignas(8) Four { bfloat16 x[4]; };

// x, y: (groups, rows, heads, positions, 2 * half); cos, sin: (rows, positions, 2 * half). Strides are in elements.
extern "C" __global__ void rotate(
    const bfloat16* x, const bfloat16* cos, const bfloat16* sin, bfloat16* y,
    int groups, int rows, int heads, int positions, int half, int back,
    int x_group, int x_row, int x_head, int x_position, int y_group, int y_row, int y_head, int y_position,
    int cos_row, int cos_position, int sin_row, int sin_position) {
    int lanes = half / 4;
    long long rest = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (rest >= (long long)groups * rows * heads * positions * lanes) return;
    int lane = rest % lanes * 4; rest /= lanes;
    int head = rest % heads; rest /= heads;
    int position = rest % positions; rest /= positions;
    int row = rest % rows, group = rest / rows;
    const bfloat16* from = x + (long long)group * x_group + (long long)row * x_row + (long long)head * x_head
        + (long long)position * x_position + lane;
    bfloat16* to = y + (long long)group * y_group + (long long)row * y_row + (long long)head * y_head
        + (long long)position * y_position + lane;
    const bfloat16* c = cos + (long long)row * cos_row + (long long)position * cos_position + lane;
    const bfloat16* s = sin + (long long)row * sin_row + (long long)position * sin_position + lane;
    Four first = *(const Four*)from, second = *(const Four*)(from + half);
    Four c1 = *(const Four*)c, c2 = *(const Four*)(c + half), s1 = *(const Four*)s, s2 = *(const Four*)(s + half);
    for (int i = 0; i < 4; i++) {
        float a = widened(first.x[i]), b = widened(second.x[i]);
        // The gradient is the transposed rotation: the sines change places and signs.
        float sine1 = back ? -widened(s2.x[i]) : widened(s1.x[i]), sine2 = back ? -widened(s1.x[i]) : widened(s2.x[i]);
        first.x[i] = rounded(a * widened(c1.x[i]) - b * sine1);
        second.x[i] = rounded(b * widened(c2.x[i]) + a * sine2);
    }
    *(Four*)to = first;
    *(Four*)(to + half) = second;
}
"""


def has_rotary_kernel(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> bool:
    """Whether `rotate` takes these tensors."""
    tensors = (x, cos, sin)
    if not x.is_cuda or torch.version.cuda is None or any(t.dtype != torch.bfloat16 for t in tensors):
        return False
    shaped = x.dim() in (4, 5) and all(
        t.dim() == 4 and t.shape[0] in (1, x.shape[-4]) and t.shape[1:] == (1, *x.shape[-2:]) for t in (cos, sin)
    )
    steps = [step for t in tensors for step in (t.storage_offset(), *t.stride()[:-1])]
    return (
        shaped
        and x.shape[-1] % (2 * _WIDTH) == 0
        and all(t.stride(-1) == 1 for t in tensors)
        and all(step % _WIDTH == 0 and step < 2**31 for step in steps)
    )


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, back: bool) -> torch.Tensor:
    """x * cos + rotate_half(x) * sin; with `back` the gradient of x for the gradient `x` of the result.

    `x` is (rows, heads, positions, head_dim), or has one more dimension before these; `cos` and `sin` are (rows or 1,
    1, positions, head_dim).
    """
    result = torch.empty_like(x)
    source, target = (t if t.dim() == 5 else t[None] for t in (x, result))
    groups, rows, heads, positions, size = source.shape
    threads = source.numel() // (2 * _WIDTH)
    sizes = [groups, rows, heads, positions, size // 2, int(back)]
    angles = [step for t in (cos, sin) for step in (t.stride(0) if t.shape[0] > 1 else 0, t.stride(2))]
    _kernel(x.device.index)(
        grid=(-(-threads // _THREADS), 1, 1),
        block=(_THREADS, 1, 1),
        args=[x, cos, sin, result, *sizes, *source.stride()[:-1], *target.stride()[:-1], *angles],
        stream=torch.cuda.current_stream(x.device),
    )
    return result


@functools.cache
def _kernel(device: int) -> Any:
    with torch.cuda.device(device):
        return compat.cuda_kernel(_SOURCE, "rotate")

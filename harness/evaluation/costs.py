"""Measures the cost of a phase: seconds, peak memory, energy. None where this machine cannot measure it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.progress import detail
from harness.records import Cost


@dataclass
class Meter:
    """Counts tokens while a phase runs; `cost` is set when the phase has ended."""

    phase: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Cost | None = None
    _nvml: Any = field(default=None, repr=False)


@contextlib.contextmanager
def measured(phase: str) -> Iterator[Meter]:
    """Measure the block. Peak memory is that of the block, not of the whole process."""
    meter = Meter(phase)
    _reset_peaks()
    before, start = _energy(), time.monotonic()
    yield meter
    seconds, after = time.monotonic() - start, _energy()
    meter.cost = Cost(
        phase=phase,
        seconds=round(seconds, 3),
        peak_rss_bytes=_peak_rss(),
        peak_gpu_bytes=_peak_gpu(),
        tokens_in=meter.tokens_in,
        tokens_out=meter.tokens_out,
        energy_joules=None if before is None or after is None else round(after - before, 1),
    )
    detail(_in_words(meter.cost))


def _in_words(cost: Cost) -> str:
    """ "generate: 12.1 s, 1.40 GB of memory, 2,880 tokens read, 960 written"."""
    parts = [f"{cost.seconds:.1f} s", f"{cost.peak_rss_bytes / 1e9:.2f} GB of memory"]
    parts += [] if cost.peak_gpu_bytes is None else [f"{cost.peak_gpu_bytes / 1e9:.2f} GB of GPU memory"]
    parts += [f"{cost.tokens_in:,} tokens read"] if cost.tokens_in else []
    parts += [f"{cost.tokens_out:,} written"] if cost.tokens_out else []
    parts += [] if cost.energy_joules is None else [f"{cost.energy_joules:,.0f} J"]
    return f"{cost.phase}: {', '.join(parts)}"


def share(cost: Cost, count: int) -> Cost:
    """One of `count` equal shares of a phase that they had together; memory was needed for all of them at once."""
    return portion(cost, 1 / count)


def portion(cost: Cost, part: float) -> Cost:
    """The part (0 to 1) of a phase that fell to one of several; memory was needed for all of them at once."""
    joules = cost.energy_joules
    return replace(
        cost,
        seconds=round(cost.seconds * part, 3),
        energy_joules=None if joules is None else round(joules * part, 1),
    )


def of_all(costs: Sequence[Cost]) -> Cost:
    """The cost of a phase that the processes of a command went through together, the first one's before the others'.

    Time and tokens are those of the first, peak memory is that of the process that needed most, energy is that of all.
    """
    gpus = [cost.peak_gpu_bytes for cost in costs if cost.peak_gpu_bytes is not None]
    joules = [cost.energy_joules for cost in costs]
    return replace(
        costs[0],
        peak_rss_bytes=max(cost.peak_rss_bytes for cost in costs),
        peak_gpu_bytes=max(gpus) if gpus else None,
        energy_joules=None if None in joules else sum(j for j in joules if j is not None),
    )


def sum_by_phase(costs: list[Cost]) -> tuple[Cost, ...]:
    """The cost of each phase over all attempts: the sum, and the largest of the peaks."""
    totals: dict[str, Cost] = {}
    for cost in costs:
        if (old := totals.get(cost.phase)) is None:
            totals[cost.phase] = cost
            continue
        gpus = [c.peak_gpu_bytes for c in (old, cost) if c.peak_gpu_bytes is not None]
        joules = [c.energy_joules for c in (old, cost)]
        totals[cost.phase] = Cost(
            phase=cost.phase,
            seconds=round(old.seconds + cost.seconds, 3),
            peak_rss_bytes=max(old.peak_rss_bytes, cost.peak_rss_bytes),
            peak_gpu_bytes=max(gpus) if gpus else None,
            tokens_in=old.tokens_in + cost.tokens_in,
            tokens_out=old.tokens_out + cost.tokens_out,
            energy_joules=None if None in joules else sum(j for j in joules if j is not None),
        )
    return tuple(totals.values())


def peak_bytes(costs: Iterable[Cost]) -> int | None:
    """The largest peak of any phase: of GPU memory where one used a GPU, else of the process; None without costs."""
    costs = list(costs)
    gpu = [cost.peak_gpu_bytes for cost in costs if cost.peak_gpu_bytes is not None]
    return max(gpu) if gpu else max((cost.peak_rss_bytes for cost in costs), default=None)


def _cuda() -> Any:
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def _reset_peaks() -> None:
    # Linux: "5" resets the peak resident set size of this process (proc(5), clear_refs). Where the file cannot be
    # written the peak is the process's, which is an upper bound.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    if cuda := _cuda():
        cuda.reset_peak_memory_stats()


def _peak_rss() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _peak_gpu() -> int | None:
    cuda = _cuda()
    return int(cuda.max_memory_allocated()) if cuda else None


def unmeasured() -> list[str]:
    """A line for each cost that this machine cannot measure, with the reason."""
    reasons = []
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        reasons.append(f"peak memory of each phase ({error.strerror}); the peak of the whole process stands for it")
    if _cuda() is None:
        reasons.append("peak GPU memory and energy (no CUDA GPU)")
    elif _energy() is None:
        reasons.append("energy (this GPU or its driver does not count it)")
    return reasons


def _energy() -> float | None:
    """Joules that this process's GPU has used since its driver was loaded; None where it has no counter."""
    if (cuda := _cuda()) is None:
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(cuda.current_device())
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except pynvml.NVMLError:
        return None

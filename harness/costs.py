"""What a phase used: seconds, peak memory, energy. None where this machine cannot measure it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.records import Cost


@dataclass
class Meter:
    """Filled while a phase runs; `cost` is there when it has ended."""

    phase: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Cost | None = None
    _nvml: Any = field(default=None, repr=False)


@contextlib.contextmanager
def metered(phase: str) -> Iterator[Meter]:
    """Measure the block. Peak memory is that of the block alone, not of the process so far."""
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


def total(costs: list[Cost]) -> tuple[Cost, ...]:
    """Costs of one phase in several attempts added up; peaks are the largest."""
    found: dict[str, Cost] = {}
    for cost in costs:
        if (old := found.get(cost.phase)) is None:
            found[cost.phase] = cost
            continue
        gpus = [c.peak_gpu_bytes for c in (old, cost) if c.peak_gpu_bytes is not None]
        joules = [c.energy_joules for c in (old, cost)]
        found[cost.phase] = Cost(
            cost.phase,
            round(old.seconds + cost.seconds, 3),
            max(old.peak_rss_bytes, cost.peak_rss_bytes),
            max(gpus) if gpus else None,
            old.tokens_in + cost.tokens_in,
            old.tokens_out + cost.tokens_out,
            None if None in joules else sum(j for j in joules if j is not None),
        )
    return tuple(found.values())


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


def _energy() -> float | None:
    """Joules that the first GPU has used since its driver was loaded."""
    if _cuda() is None:
        return None
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except pynvml.NVMLError:
        return None

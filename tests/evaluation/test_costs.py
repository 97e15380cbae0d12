"""What phases cost: added up over attempts, shared between tunings, gathered from processes."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.evaluation.costs import measured, of_all, peak_bytes, share, sum_by_phase, unmeasured
from harness.records import Cost

TUNE = Cost("tune", 2.0, 100, 1000, 5, 7, 3.0)


def test_attempts_add_up_and_their_largest_peaks_count() -> None:
    more = Cost("tune", 0.5004, 300, 900, 1, 2, 0.25)
    load = Cost("load", 1.0, 50)
    assert sum_by_phase([TUNE, load, more]) == (Cost("tune", 2.5, 300, 1000, 6, 9, 3.25), load)
    assert sum_by_phase([more, TUNE, TUNE]) == (Cost("tune", 4.5, 300, 1000, 11, 16, 6.25),)
    assert sum_by_phase([]) == ()


def test_an_attempt_that_was_not_measured_leaves_the_energy_unknown_and_the_peak_to_the_others() -> None:
    bare = replace(TUNE, peak_gpu_bytes=None, energy_joules=None)
    [cost] = sum_by_phase([TUNE, bare])
    assert (cost.peak_gpu_bytes, cost.energy_joules) == (1000, None)
    [cost] = sum_by_phase([bare, TUNE])
    assert (cost.peak_gpu_bytes, cost.energy_joules) == (1000, None)
    [cost] = sum_by_phase([bare, bare])
    assert (cost.peak_gpu_bytes, cost.energy_joules, cost.seconds) == (None, None, 4.0)


def test_tunings_that_were_made_together_share_time_and_energy_and_not_memory() -> None:
    assert share(TUNE, 3) == replace(TUNE, seconds=0.667, energy_joules=1.0)
    assert share(replace(TUNE, energy_joules=None), 2) == replace(TUNE, seconds=1.0, energy_joules=None)
    assert share(replace(TUNE, energy_joules=1.0), 3).energy_joules == 0.3


def test_processes_of_one_phase_take_the_time_of_the_first_and_the_energy_of_all() -> None:
    second = Cost("tune", 9.0, 400, 1200, 50, 70, 4.0)
    assert of_all([TUNE, second]) == replace(TUNE, peak_rss_bytes=400, peak_gpu_bytes=1200, energy_joules=7.0)
    bare = replace(second, peak_gpu_bytes=None, energy_joules=None)
    assert of_all([TUNE, bare]) == replace(TUNE, peak_rss_bytes=400, energy_joules=None)
    assert of_all([bare]) == bare


def test_the_peak_is_that_of_gpu_memory_where_one_was_used() -> None:
    host = Cost("load", 1.0, 5000)
    assert peak_bytes([TUNE, host]) == 1000 == peak_bytes([host, TUNE])
    assert peak_bytes([host, replace(TUNE, peak_gpu_bytes=None)]) == 5000
    assert peak_bytes([replace(TUNE, peak_gpu_bytes=70), TUNE, replace(TUNE, peak_gpu_bytes=7)]) == 1000
    assert peak_bytes([replace(host, peak_rss_bytes=7), host, replace(host, peak_rss_bytes=70)]) == 5000
    assert peak_bytes([]) is None


def test_a_phase_is_measured_with_the_tokens_that_were_counted_and_the_memory_that_it_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("harness.evaluation.costs.detail", said.append)
    began = time.monotonic()
    with measured("generate") as meter:
        assert meter.cost is None
        block = bytearray(50_000_000)
        meter.tokens_in, meter.tokens_out = 2880, 960
    cost = meter.cost
    assert cost is not None and len(block) < cost.peak_rss_bytes
    assert (cost.phase, cost.tokens_in, cost.tokens_out) == ("generate", 2880, 960)
    assert 0 <= cost.seconds <= time.monotonic() - began + 0.001 and (cost.peak_gpu_bytes, cost.energy_joules) == (
        None,
        None,
    )
    memory = f"{cost.peak_rss_bytes / 1e9:.2f} GB of memory"
    assert said == [f"generate: {cost.seconds:.1f} s, {memory}, 2,880 tokens read, 960 written"]


class Gpu:
    """A GPU with a counter of energy, which has used 2.345 J more each time it is asked."""

    used = 10_000

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, counts: bool = True) -> None:
        self.resets = 0
        cuda = SimpleNamespace(
            is_available=lambda: True,
            reset_peak_memory_stats=self._reset,
            max_memory_allocated=lambda: 3_000_000_000,
            current_device=lambda: 1,
        )

        class NVMLError(Exception):
            pass

        def energy(handle: Any) -> int:
            assert handle == "gpu 1"
            if not counts:
                raise NVMLError
            self.used += 2345
            return self.used

        nvml = SimpleNamespace(
            NVMLError=NVMLError,
            nvmlInit=lambda: None,
            nvmlDeviceGetHandleByIndex=lambda number: f"gpu {number}",
            nvmlDeviceGetTotalEnergyConsumption=energy,
        )
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
        monkeypatch.setitem(sys.modules, "pynvml", nvml)

    def _reset(self) -> None:
        self.resets += 1


def test_a_gpus_memory_and_energy_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, said = Gpu(monkeypatch), []
    monkeypatch.setattr("harness.evaluation.costs.detail", said.append)
    with measured("tune") as meter:
        pass
    assert meter.cost is not None
    assert (meter.cost.peak_gpu_bytes, meter.cost.energy_joules, gpu.resets) == (3_000_000_000, 2.3, 1)
    assert said[0].endswith("GB of memory, 3.00 GB of GPU memory, 2 J")
    assert not [line for line in unmeasured() if "energy" in line]


def test_what_this_machine_cannot_measure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    Gpu(monkeypatch, counts=False)
    with measured("tune") as meter:
        pass
    assert meter.cost is not None and meter.cost.energy_joules is None
    assert "energy (this GPU or its driver does not count it)" in unmeasured()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False)))
    assert "peak GPU memory and energy (no CUDA GPU)" in unmeasured()
    assert not [line for line in unmeasured() if "of each phase" in line]

    def refused(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refused)
    assert unmeasured()[0].startswith("peak memory of each phase (Permission denied)")

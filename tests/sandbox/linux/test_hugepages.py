"""Tests of `harness.sandbox.linux.hugepages`; each runs in a process of its own (see conftest.py)."""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
from pathlib import Path

import pytest

from harness.sandbox.linux import hugepages


def _faults_of_a_child() -> int:
    """Page faults of a forked process that uses much of the interpreter's code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    child = os.fork()
    if child == 0:
        found = re.findall(r"\d+", json.dumps(sorted(str(n) for n in range(50))))
        os._exit(len(found) != 50)
    assert os.waitpid(child, 0)[1] == 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before


def test_code_in_huge_pages_is_the_same_and_a_fork_maps_it_with_fewer_faults() -> None:
    spans = hugepages._merged(hugepages._unwritten())
    kept = [(start, ctypes.string_at(start, end - start)) for start, end in spans]
    _faults_of_a_child()
    before = _faults_of_a_child()
    if not hugepages.move_code():
        pytest.skip("the kernel gives no huge page here, or no code is as long as one")
    assert kept
    for start, code in kept:
        assert ctypes.string_at(start, len(code)) == code
    assert _faults_of_a_child() < before


def _mappings() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


def test_small_libraries_are_in_fewer_parts_of_memory() -> None:
    hugepages._unwritten()
    before = _mappings()
    if os.uname().machine != "x86_64":
        pytest.skip("code is copied where it can be run as soon as it is written")
    hugepages.move_code()
    assert _mappings() < before
    assert json.loads("[1, 2.5]") == [1, 2.5]


def test_where_there_is_no_room_for_a_copy_the_interpreter_stays_as_it_is() -> None:
    hugepages._unwritten()  # what ctypes needs for it is there now
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + hugepages.HUGE, used + hugepages.HUGE))
    assert hugepages.move_code() == 0
    assert sorted("cab") == ["a", "b", "c"]


def test_what_is_written_to_is_not_among_the_spans() -> None:
    written = ctypes.addressof(ctypes.c_int.in_dll(ctypes.pythonapi, "Py_DebugFlag"))
    spans = hugepages._unwritten()
    assert spans
    assert not any(start <= written < end for start, end in spans)
    code = ctypes.cast(ctypes.pythonapi.Py_GetVersion, ctypes.c_void_p).value
    assert any(start <= code < end for start, end in spans)

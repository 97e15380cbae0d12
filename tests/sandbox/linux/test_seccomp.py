"""The allow-list, against the kernel's own tables where these are installed."""

import re
import struct
from pathlib import Path

import pytest

from harness.records import Outcome, StdinTests
from harness.sandbox import run
from harness.sandbox.linux import seccomp

_HEADERS = {
    0: (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), r"#define __NR_(\w+) (\d+)"),
    1: (Path("/usr/include/asm-generic/unistd.h"), r"#define __NR(?:3264)?_(\w+)\s+(\d+)"),
}
_RENAMED = {"newfstatat": "fstatat"}


@pytest.mark.parametrize("column", [0, 1])
def test_the_numbers_are_the_kernels(column):
    header, pattern = _HEADERS[column]
    if not header.exists():
        pytest.skip(f"no {header}")
    kernel = {name: int(number) for name, number in re.findall(pattern, header.read_text())}
    rows = [row.split() for row in (seccomp._ALLOWED + seccomp.FURTHER).split(";") if row.strip()]
    conditions = (*seccomp._CONDITIONAL, *seccomp._BY_ARGUMENTS, *seccomp._MAKING, *seccomp._CLOCKS)
    rows += [[name, str(x86), str(arm).replace("-1", "-")] for name, x86, arm, *_ in conditions]
    rows.append(seccomp._NOT_TAKEN.split())
    for name, *numbers in rows:
        known = kernel.get(name, kernel.get(_RENAMED.get(name, "")))
        if numbers[column] != "-" and known is not None:
            assert int(numbers[column]) == known, name


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_ends_in_a_refusal_and_jumps_stay_inside(machine):
    program = seccomp.program(machine, seccomp.JAIL)
    code = list(struct.iter_unpack("<HBBI", program))
    assert code[-1] == (seccomp._RETURN, 0, 0, seccomp._DENY)
    assert len(code) < 4096
    for at, (kind, true, false, _) in enumerate(code):
        if kind not in (seccomp._LOAD, seccomp._AND, seccomp._RETURN):
            assert at + 1 + max(true, false) < len(code)


def test_nothing_that_reaches_out_is_on_the_list():
    names = {row.split()[0] for row in (seccomp._ALLOWED + seccomp.FURTHER).split(";") if row.strip()}
    forbidden = {"socket", "connect", "execve", "execveat", "ptrace", "mount", "unshare", "setns", "bpf", "keyctl"}
    forbidden |= {"io_uring_setup", "memfd_create", "process_vm_readv", "pidfd_getfd", "shmget", "mq_open", "chroot"}
    assert not names & forbidden


def test_a_program_may_ask_whether_it_can_gain_privileges():
    ask = "import ctypes\nlibc = ctypes.CDLL(None)\nprint(libc.prctl(39, 0, 0, 0, 0), libc.prctl(38, 0, 0, 0, 0))"
    (execution,) = run([(ask, StdinTests((("", "1 -1"),)))], workers=1)
    assert execution.outcome is Outcome.PASSED


def test_the_clocks_of_process_1_are_refused_and_those_of_a_program_are_not():
    refused = (
        "import ctypes, time\nfound = []\nfor kind in range(3):\n"
        " try: found.append(time.clock_gettime((~1 << 3) | kind))\n except PermissionError: pass\n"
        "libc = ctypes.CDLL(None)\nat = (ctypes.c_long * 2)()\n"
        "print(found, libc.clock_nanosleep(-14, 1, at, None), libc.clock_getres(-14, at))"
    )
    allowed = (
        "import threading, time\nclocks = [time.pthread_getcpuclockid(threading.get_ident()), time.CLOCK_MONOTONIC]\n"
        "clocks += [time.CLOCK_PROCESS_CPUTIME_ID, time.CLOCK_THREAD_CPUTIME_ID, (~0 << 3) | 2]\n"
        "print(len([time.clock_gettime(one) >= 0 and time.clock_getres(one) for one in clocks]))\ntime.sleep(0.001)"
    )
    jobs = [(refused, StdinTests((("", "[] 1 -1"),))), (allowed, StdinTests((("", "5"),)))]
    assert [execution.outcome for execution in run(jobs, workers=1)] == [Outcome.PASSED] * 2

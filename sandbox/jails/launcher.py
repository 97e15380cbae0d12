"""Builds one jail around itself and starts the guest in it as process 1.

A fresh, single-threaded interpreter, so that nothing of the supervisor's memory, threads or descriptors gets in. The
order of the calls matters: as root the mounts are made with root's powers (they may lie in a folder that only root
can read) and belong to the outer user namespace; a plain user needs the user namespace first.
"""

from __future__ import annotations

import json
import marshal
import os
import resource
import sys
from pathlib import Path
from typing import Any, NoReturn

from harness.sandbox.linux import filesystem, kernel

CONTROL = 3
"""The descriptor of the socket to the supervisor, here and in the guest."""
_ALL_BUT_MOUNTS = (
    kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)
_STACK_BYTES = 512 << 20


def main(arguments: list[str]) -> None:
    """`arguments` are the number of the control socket and the JSON that `jail.Jail` wrote."""
    os.dup2(int(arguments[0]), CONTROL)
    config = json.loads(arguments[1])
    Path("/proc/self/oom_score_adj").write_text("500")
    if int(arguments[0]) != CONTROL:
        os.close(int(arguments[0]))
    if config["level"] != "full":
        os.write(CONTROL, b"P%d\n" % os.getpid())
        _widen_stack()
        _become_guest(config, str(Path(__file__).parents[1] / "boot.py"))
    try:
        _isolate(config)
    except OSError as problem:
        os.write(CONTROL, b"E" + str(problem).encode()[:4000])
        sys.exit(1)
    _start_guest(config)


def _isolate(config: dict[str, Any]) -> None:
    def build(owner: int) -> None:
        guest = marshal.loads(os.pread(config["modules"], 1 << 24, 0))  # noqa: S302 - the supervisor's own
        shown = filesystem.Shown(config["trees"], config["masked"], guest, config["packages"], config["moved"])
        filesystem.build(shown, config["scratch_bytes"], owner)

    if config["real_root"]:
        os.setgroups([])
        kernel.unshare(kernel.CLONE_NEWNS)
        build(config["uid"])
        kernel.unshare(_ALL_BUT_MOUNTS)
        _become_mapped_root()
    else:
        kernel.unshare(_ALL_BUT_MOUNTS | kernel.CLONE_NEWNS)
        _become_mapped_root()
        build(0)
    os.umask(0o077)


def _become_mapped_root() -> None:
    """Waits until the supervisor, who stands outside, has mapped uid and gid 0 of this namespace to an unused one."""
    os.write(CONTROL, b"M")
    if os.read(CONTROL, 1) != b"m":
        raise OSError("the supervisor could not write the id map")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _start_guest(config: dict[str, Any]) -> None:
    """Forks process 1 of the new pid namespace, tells the supervisor its host pid, waits for its end."""
    _widen_stack()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        kernel.die_with_parent()
        os.close(writing)
        os.read(reading, 1)  # until the launcher has announced this process
        if os.getpid() != 1:
            os._exit(70)
        _become_guest(config, "/guest/boot.pyc")
    os.write(CONTROL, b"P%d\n" % child)
    os.close(writing)
    os.close(reading)
    os.close(CONTROL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _widen_stack() -> None:
    """Room for deep recursion; the hard limit stays, since programs raise the soft one to it, or to infinity."""
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    soft = _STACK_BYTES if hard == resource.RLIM_INFINITY else min(_STACK_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


def _become_guest(config: dict[str, Any], boot: str) -> NoReturn:
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.dup2(CONTROL, CONTROL, inheritable=True)
    os.closerange(CONTROL + 1, 1 << 16)
    # Time is limited already; a limit on digits fails right programs for problems with long numbers.
    options = ["-I", "-S", "-B", "-X", "utf8", "-X", "int_max_str_digits=0", "-W", "ignore"]
    command = [config["python"], *options, boot, "guest.guest", json.dumps(config["limits"])]
    os.execve(config["python"], command, config["environment"])

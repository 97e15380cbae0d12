"""Attempts of forbidden operations: a layer is believed when the kernel has refused, not when a call returned 0."""

from __future__ import annotations

import _socket
import ctypes
import os
import resource
import sys
from collections.abc import Callable

from harness.sandbox.linux import kernel

_REFUSALS = (OSError, ValueError)


def tried(full: bool, programs: bool) -> dict[str, str]:
    """Each attempt with "allowed" or the kernel's refusal; made by a child that ends right after.

    With `programs`, which may be started in this jail, that is not tried.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            lines = [f"{name}\t{_attempt(action)}" for name, action in _attempts(full, programs).items()]
            os.write(writing, "\n".join(lines).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return dict(line.split("\t", 1) for line in text.splitlines())


def processes_are_limited() -> bool:
    """Whether RLIMIT_NPROC binds this user, tried by a child: the kernel spares the host's root from it.

    Needs to be without capabilities, which spare one as well.
    """
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        try:
            if os.fork():
                os.wait()
        except BlockingIOError:
            os._exit(1)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 1


def _attempts(full: bool, programs: bool) -> dict[str, Callable[[], object]]:
    attempts: dict[str, Callable[[], object]] = {
        "open a network socket": lambda: _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM),
        "read a file of the host": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "read /proc": lambda: os.open("/proc/self/environ", os.O_RDONLY),
        "write outside the scratch folder": lambda: os.open("/var/tmp", os.O_WRONLY | os.O_TMPFILE),
        "make a namespace": lambda: kernel.unshare(kernel.CLONE_NEWUSER),
        "mount": lambda: kernel.mount("tmpfs", "/tmp", "tmpfs", 0),
        "trace a process": lambda: _call("ptrace", ctypes.c_long(16), ctypes.c_long(os.getppid()), None, None),
        "start a program": lambda: os.execve(sys.executable, ["python", "-c", ""], {}),
        "make a memory file": lambda: os.memfd_create("probe"),
        "change its user": lambda: os.setgroups([0]),
    }
    if programs:
        del attempts["start a program"]
    if full:
        attempts["write to the root folder"] = lambda: os.mkdir("/probe")  # noqa: PTH102 - pathlib is large, and process 1 small
    return attempts


def _attempt(action: Callable[[], object]) -> str:
    try:
        action()
    except _REFUSALS as refusal:
        return str(refusal)
    return "allowed"


def _call(name: str, *arguments: object) -> int:
    result: int = getattr(kernel.libc, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

"""Every test of the sandbox runs in an outer, throw-away namespace (rule R3).

A sandbox that is being worked on can have any fault, and a fault of this program ends processes and deletes files.
So each test body is run by a forked child that is alone in a private pid namespace and sees the file system read-only.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

import pytest

from harness.sandbox import filesystem, kernel

_HERE = Path(__file__).parent
_SKIPPED, _FAILED, _UNAVAILABLE = 3, 4, 5


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs the test in a namespace of its own; hypothesis, coverage and the like see an ordinary call."""
    if _HERE not in pyfuncitem.path.parents:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with tempfile.TemporaryFile() as said:
        code = _in_namespace(lambda: pyfuncitem.obj(**arguments), said.fileno())
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    if code == _UNAVAILABLE:
        pytest.skip(f"no throw-away namespace here: {text}")
    if code == _SKIPPED:
        pytest.skip(text)
    if code:
        pytest.fail(text or f"the test's process ended with status {code}", pytrace=False)
    return True


def _in_namespace(body, said: int) -> int:
    """Runs `body` as process 1 of a new pid namespace; returns its exit status."""
    sys.stdout.flush()
    sys.stderr.flush()
    outer = os.fork()
    if outer == 0:
        try:
            uid, gid = os.getuid(), os.getgid()
            flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID
            if uid != 0:
                flags |= kernel.CLONE_NEWUSER
            kernel.unshare(flags)
            if uid != 0:
                Path("/proc/self/setgroups").write_text("deny")
                Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
                Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        except OSError as problem:
            os.write(said, str(problem).encode())
            os._exit(_UNAVAILABLE)
        inner = os.fork()
        if inner == 0:
            os._exit(_run(body, said))
        _, status = os.waitpid(inner, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    _, status = os.waitpid(outer, 0)
    return os.waitstatus_to_exitcode(status)


def _run(body, said: int) -> int:
    try:
        kernel.die_with_parent()
        kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
        filesystem._set_attributes("/", kernel.MS_RDONLY, recursive=True)
        kernel.mount("proc", "/proc", "proc", 0)
        kernel.mount("tmpfs", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=512m")
    except OSError as problem:
        os.write(said, str(problem).encode())
        return _UNAVAILABLE
    try:
        body()
    except pytest.skip.Exception as skipped:
        os.write(said, str(skipped).encode())
        return _SKIPPED
    except BaseException:  # noqa: BLE001 - whatever a test raises is its failure
        os.write(said, traceback.format_exc().encode())
        return _FAILED
    return 0

"""The system calls that Python 3.11 does not offer, through the C library.

Every function raises OSError with the name of the call, so that a layer that could not be set up is never taken for
one that was. Numbers are those of the kernel's ABI and equal on every architecture unless `seccomp.py` says otherwise.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def _checked(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def syscall(name: str, number: int, *arguments: int | bytes | None) -> int:
    """The raw system call `number`; `name` is what an error says."""
    values = [ctypes.c_long(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in arguments]
    return _checked(name, libc.syscall(ctypes.c_long(number), *values))


def unshare(flags: int) -> None:
    """Puts this process (for pid: its next child) into new namespaces."""
    _checked("unshare", libc.unshare(ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    arguments = [text.encode() or None for text in (source, target, kind)]
    result = libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None)
    _checked(f"mount {target}", result)


def unmount_detached(target: str) -> None:
    """umount2(2) with MNT_DETACH."""
    _checked(f"umount2 {target}", libc.umount2(target.encode(), ctypes.c_int(MNT_DETACH)))


def pivot_root_here() -> None:
    """Makes the current folder the root and detaches the old one; no path of the host remains reachable."""
    number = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
    syscall("pivot_root", number, b".", b".")
    unmount_detached(".")
    os.chdir("/")


def prctl(option: int, *arguments: int) -> int:
    """prctl(2) with integer arguments, padded with zeros as newer options demand."""
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(f"prctl {option}", libc.prctl(ctypes.c_int(option), *values))


def die_with_parent(signal_number: int = 9) -> None:
    """Asks for a signal when the parent thread ends."""
    prctl(PR_SET_PDEATHSIG, signal_number)


def drop_capabilities(bounding: bool = True) -> None:
    """Empties the bounding, ambient, inheritable, permitted and effective sets; nothing brings them back.

    A process without capabilities may not empty the `bounding` set, and under no_new_privs need not.
    """
    for capability in range(64) if bounding else ():
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            if capability < 38:  # every kernel since 3.16 knows the first 38; above, the list has ended
                raise
            break
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    set_capabilities(0)


def set_capabilities(mask: int) -> None:
    """Sets the permitted and effective sets to `mask`, the inheritable set to nothing."""
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _checked("capset", libc.capset(header, data))

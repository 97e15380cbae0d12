"""Landlock: which files may be read and written, no TCP, no signals or abstract sockets to the outside.

See https://docs.kernel.org/userspace-api/landlock.html. Needs no privilege; what an older kernel does not know is
left out, and `abi()` says how much it knows.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from harness.sandbox.linux import kernel

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE = 1 << 14
_READ = _READ_FILE | _READ_DIR
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_FS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_BIND_AND_CONNECT_TCP = 3
_ABSTRACT_SOCKETS_AND_SIGNALS = 3
_MAKE_DEVICES = (1 << 6) | (1 << 11)  # character and block devices


def abi() -> int:
    """The kernel's Landlock version, 0 where there is none."""
    try:
        return kernel.syscall("landlock_create_ruleset", _CREATE, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def restrict(
    readable: Iterable[str], writable: Iterable[str], changeable: Iterable[str] = (), programs: bool = False
) -> None:
    """Limits this process and all its children to these folders and files. Needs no_new_privs.

    Files in folders that are `changeable` may be read and written, but none made or removed. With `programs` what is
    readable may be executed.
    """
    version = abi()
    handled = max(mask for level, mask in _FS_BY_ABI.items() if level <= version)
    attributes = struct.pack("<Q", handled)
    if version >= 4:
        attributes += struct.pack("<Q", _BIND_AND_CONNECT_TCP)
    if version >= 6:
        attributes += struct.pack("<Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = kernel.syscall("landlock_create_ruleset", _CREATE, attributes, len(attributes), 0)
    for path in readable:
        _allow(ruleset, path, handled & (_READ | _EXECUTE * programs))
    for path in changeable:
        _allow(ruleset, path, handled & (_READ | _WRITE_FILE | _TRUNCATE))
    for path in writable:
        _allow(ruleset, path, handled & ~(_EXECUTE | _MAKE_DEVICES))
    kernel.syscall("landlock_restrict_self", _RESTRICT, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        access &= _FILE_ONLY
    rule = struct.pack("<Qi", access, descriptor)
    kernel.syscall("landlock_add_rule", _ADD, ruleset, _RULE_PATH_BENEATH, rule, 0)
    os.close(descriptor)

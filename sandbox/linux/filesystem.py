"""The jail's file system: a read-only root with the interpreter and its libraries, and a small scratch folder.

Runs in the launcher, inside a mount namespace of its own, where nothing that is mounted or unmounted is seen outside.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.sandbox.linux import kernel

_STAGE = "/proc"
"""Any folder that exists and that nothing is copied from; the new root is put together on top of it."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_MOUNT_SETATTR = 442
_AT_RECURSIVE = 0x8000


class Shown(NamedTuple):
    """What of the host a jail shows, read-only: `trees` at their own paths, with the folders `masked` in them empty.

    What is below `/tmp`, where the scratch folder has to be, is shown below `moved`. `guest` are the files of `/guest`
    by name, with their contents, `packages` folders that are shown in `/packages`.
    """

    trees: Sequence[str]
    masked: Sequence[str]
    guest: Mapping[str, bytes]
    packages: Sequence[str]
    moved: str


def build(what: Shown, scratch_bytes: int, owner: int) -> None:
    """Replaces `/` by a new root with `what` in it.

    `owner` (a uid of the present user namespace) may write to `/tmp`, up to `scratch_bytes` and 4096 files, and
    nowhere else; `/dev/shm` is the same folder.

    Raises:
        OSError: a mount was refused.
    """
    kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    quiet = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", _STAGE, "tmpfs", quiet, "size=2m,nr_inodes=2048,mode=755")
    shown: list[str] = []
    for tree in sorted(map(_copy_links, what.trees), key=len):
        if not any(tree == outer or tree.startswith(outer + "/") for outer in shown):
            _show(tree, kernel.MS_NODEV, _place(tree, what.moved))
            shown.append(tree)
    for folder in what.masked:
        kernel.mount(
            "tmpfs",
            _STAGE + _place(folder, what.moved),
            "tmpfs",
            quiet | kernel.MS_RDONLY,
            "size=4k,nr_inodes=2,mode=555",
        )
    for package in what.packages:
        _show(package, kernel.MS_NODEV, f"/packages/{Path(package).name}")
    for device in _DEVICES:
        _show(device, 0, device)
    Path(_STAGE, "guest").mkdir()
    for name, content in what.guest.items():
        path = Path(_STAGE, "guest", name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    Path(_STAGE, "tmp").mkdir(exist_ok=True)  # links on the way to something that is shown may have made it
    options = f"size={scratch_bytes},nr_inodes=4096,mode=700,uid={owner},gid={owner}"
    kernel.mount("tmpfs", _STAGE + "/tmp", "tmpfs", quiet | kernel.MS_NOEXEC, options)
    Path(_STAGE, "dev/shm").mkdir()
    # named semaphores and shared memory lie in the same folder, so that they are limited and removed with its files
    kernel.mount(_STAGE + "/tmp", _STAGE + "/dev/shm", "", kernel.MS_BIND)
    os.chdir(_STAGE)
    kernel.pivot_root_here()
    set_attributes("/", kernel.MS_RDONLY | quiet, recursive=False)


def _place(real: str, moved: str) -> str:
    return moved + real.removeprefix("/tmp") if real.startswith("/tmp/") else real


def _show(real: str, extra: int, place: str) -> None:
    """Binds `real`, a path without links, read-only at `place`."""
    target = Path(_STAGE + place)
    if Path(real).is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    kernel.mount(real, str(target), "", kernel.MS_BIND | kernel.MS_REC)
    set_attributes(str(target), kernel.MS_RDONLY | kernel.MS_NOSUID | extra, recursive=True)


def _copy_links(path: str) -> str:
    """Recreates the symbolic links among the components of `path`; returns the path without links."""
    done, rest = Path("/"), list(Path(path).parts[1:])
    for _ in range(256):
        if not rest:
            return str(done)
        here = done / rest.pop(0)
        if not here.is_symlink():
            done = here
            continue
        link = Path(_STAGE + str(here))
        if not (link.is_symlink() or here.is_relative_to("/tmp")):  # noqa: S108 - the scratch folder hides what is there
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(here.readlink())
        following = Path(os.path.normpath(here.parent / here.readlink()))
        done, rest = Path("/"), [*following.parts[1:], *rest]
    raise OSError(f"too many symbolic links on the way to {path}")


def set_attributes(target: str, attributes: int, recursive: bool) -> None:
    """mount_setattr(2): adds attributes to the mount at `target`, and to those below it."""
    values = struct.pack("<QQQQ", attributes, 0, 0, 0)
    buffer = ctypes.create_string_buffer(values, len(values))
    kernel.syscall(
        f"mount_setattr {target}",
        _MOUNT_SETATTR,
        -100,  # AT_FDCWD
        target.encode(),
        _AT_RECURSIVE if recursive else 0,
        ctypes.addressof(buffer),
        len(values),
    )

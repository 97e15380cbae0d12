"""Puts machine code where a fork is cheap, because a process that is forked often needs it in each child.

A fork copies no page table of memory that is mapped from a file: every child maps the interpreter's code anew, in some
sixty page faults, and unmaps it when it ends. A huge page of memory is one entry, which the fork copies. A small
library is mapped in five parts, each of which every fork has to copy and every end to take apart; in memory of its own
it is two. The code is the same, at the same addresses. Where the kernel has no memory to give, all stays as it was.
"""

from __future__ import annotations

import ctypes
import os
from mmap import MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE

from harness.sandbox.linux.kernel import libc

HUGE = 2 << 20
_PAGE = 4096
_PT_LOAD, _PT_GNU_RELRO, _PF_WRITE = 1, 0x6474E552, 2
_SMALL = 512 << 10
"""Bytes of a library that is copied page by page: a fork copies an entry for each."""
_MADV_COLLAPSE = 25
_MREMAP_INTO_PLACE = 3  # MREMAP_MAYMOVE | MREMAP_FIXED
_FAILED = ctypes.c_void_p(-1).value

Span = tuple[int, int]
"""First address and end."""


class _Header(ctypes.Structure):
    """Elf64_Phdr."""

    _fields_ = (
        *(("type", ctypes.c_uint32), ("flags", ctypes.c_uint32)),
        *((name, ctypes.c_uint64) for name in ("offset", "address", "physical", "in_file", "size", "align")),
    )


class _Object(ctypes.Structure):
    """The first fields of dl_phdr_info(3)."""

    _fields_ = (
        ("base", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.POINTER(_Header)),
        ("count", ctypes.c_uint16),
    )


def move_code() -> int:
    """Moves read-only code and constants; returns how many whole huge pages of them there are.

    x86-64 only, where code that is written is code that can be run at once.
    """
    if os.uname().machine != "x86_64":
        return 0
    libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
    moved = 0
    for start, end in _merged(_unwritten()):
        places = range(-(-start // HUGE) * HUGE, end - HUGE + 1, HUGE)
        moved += sum(_copied(place, HUGE, huge=True) for place in places)
        if not places and end - start <= _SMALL:
            _copied(start, end - start, huge=False)
    return moved


def _unwritten() -> list[Span]:
    """The spans of all loaded objects that nothing writes to, in the order of each."""
    spans: list[Span] = []

    def visit(found: ctypes._Pointer[_Object], _size: int, _data: int) -> int:
        loaded = found.contents
        if loaded.name and loaded.name.startswith(b"linux-vdso"):
            return 0  # the kernel's own
        for header in loaded.headers[: loaded.count]:
            start = (loaded.base + header.address) // _PAGE * _PAGE
            if header.type == _PT_LOAD and not header.flags & _PF_WRITE:
                spans.append((start, -(-(loaded.base + header.address + header.size) // _PAGE) * _PAGE))
            elif header.type == _PT_GNU_RELRO:  # written to while it was loaded; a page that is not all of it still is
                spans.append((start, (loaded.base + header.address + header.size) // _PAGE * _PAGE))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Object), ctypes.c_size_t, ctypes.c_void_p)
    libc.dl_iterate_phdr(kind(visit), None)
    return spans


def _merged(spans: list[Span]) -> list[Span]:
    """Adjacent spans as one."""
    found: list[Span] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        elif start < end:
            found.append((start, end))
    return found


def _copied(place: int, length: int, huge: bool) -> bool:
    """Replaces `length` bytes at `place` by a copy in memory, if `huge` in huge pages; whether it could."""
    writable, executable = PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC
    size, spare = ctypes.c_size_t(length), HUGE if huge else 0
    space = libc.mmap(
        None, ctypes.c_size_t(length + spare), writable, MAP_PRIVATE | MAP_ANONYMOUS, -1, ctypes.c_long(0)
    )
    if space == _FAILED:
        return False
    copy = -(-space // HUGE) * HUGE if huge else space
    if huge:
        libc.madvise(ctypes.c_void_p(copy), size, MADV_HUGEPAGE)
    ctypes.memmove(copy, place, length)
    done: bool = (
        (not huge or libc.madvise(ctypes.c_void_p(copy), size, _MADV_COLLAPSE) == 0)
        and libc.mprotect(ctypes.c_void_p(copy), size, executable) == 0
        and libc.mremap(ctypes.c_void_p(copy), size, size, _MREMAP_INTO_PLACE, ctypes.c_void_p(place)) == place
    )
    end = space + length + spare
    for left, right in ((space, copy), (copy + length, end)) if done else ((space, end),):
        if right > left:
            libc.munmap(ctypes.c_void_p(left), ctypes.c_size_t(right - left))
    return done

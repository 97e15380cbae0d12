"""Puts the interpreter's machine code into huge pages, because a process that is forked often needs it in each child.

A fork copies no page table of memory that is mapped from a file: every child maps the interpreter's code anew, in some
sixty page faults, and unmaps it when it ends. A huge page of memory is one entry, which the fork copies. The code is
the same, at the same addresses. Where the kernel has no huge page to give, all stays as it was.
"""

from __future__ import annotations

import ctypes
import os
from mmap import MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE

from harness.sandbox.kernel import libc

HUGE = 2 << 20
_PAGE = 4096
_PT_LOAD, _PF_WRITE = 1, 2
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
    """Moves what is in whole huge pages of read-only code and constants; returns how many there are.

    x86-64 only, where code that is written is code that can be run at once.
    """
    if os.uname().machine != "x86_64":
        return 0
    libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
    moved = 0
    for start, end in _unwritten():
        for place in range(-(-start // HUGE) * HUGE, end - HUGE + 1, HUGE):
            if not _move(place):
                return moved
            moved += 1
    return moved


def _unwritten() -> list[Span]:
    """The spans of all loaded objects that nothing writes to, adjacent ones as one."""
    spans: list[Span] = []

    def visit(found: ctypes._Pointer[_Object], _size: int, _data: int) -> int:
        loaded = found.contents
        for header in loaded.headers[: loaded.count]:
            if header.type != _PT_LOAD or header.flags & _PF_WRITE:
                continue
            start = (loaded.base + header.address) // _PAGE * _PAGE
            end = -(-(loaded.base + header.address + header.size) // _PAGE) * _PAGE
            if spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Object), ctypes.c_size_t, ctypes.c_void_p)
    libc.dl_iterate_phdr(kind(visit), None)
    return spans


def _move(place: int) -> bool:
    """Replaces the huge page at `place` by a copy in memory; whether it could."""
    writable, executable = PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC
    size = ctypes.c_size_t(HUGE)
    space = libc.mmap(None, ctypes.c_size_t(2 * HUGE), writable, MAP_PRIVATE | MAP_ANONYMOUS, -1, ctypes.c_long(0))
    if space == _FAILED:
        return False
    copy = -(-space // HUGE) * HUGE
    libc.madvise(ctypes.c_void_p(copy), size, MADV_HUGEPAGE)
    ctypes.memmove(copy, place, HUGE)
    done: bool = (
        libc.madvise(ctypes.c_void_p(copy), size, _MADV_COLLAPSE) == 0
        and libc.mprotect(ctypes.c_void_p(copy), size, executable) == 0
        and libc.mremap(ctypes.c_void_p(copy), size, size, _MREMAP_INTO_PLACE, ctypes.c_void_p(place)) == place
    )
    for start, end in ((space, copy), (copy + HUGE, space + 2 * HUGE)) if done else ((space, space + 2 * HUGE),):
        if end > start:
            libc.munmap(ctypes.c_void_p(start), ctypes.c_size_t(end - start))
    return done

"""A candidate's output. A large one stays in its memory file and is never copied whole.

The supervisor reads it in small pieces, where it can end at the first that is wrong, and hands the file itself to the
jail in which large answers are compared. So an answer costs it little time and memory, whatever the answer is.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass

AT_ONCE = 1 << 16
"""Bytes that are read at once: a piece of this size stays in the processor's cache, and in the same memory."""


class Output:
    """The bytes of a memory file that no process of a candidate can change any more."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Keeps the file open by a descriptor of its own where it is large."""
        self.size = size
        self.descriptor = -1
        self.data = os.pread(descriptor, size, 0) if size <= AT_ONCE else b""
        if size > AT_ONCE:
            self.descriptor = os.dup(descriptor)

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`."""
        if self.descriptor < 0:
            return self.data[start:end]
        return os.pread(self.descriptor, end - start, start)


@dataclass(frozen=True, slots=True)
class Part:
    """What belongs to one test."""

    whole: Output
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def read(self, start: int = 0, end: int | None = None) -> bytes:
        """Its bytes from `start` to `end`, or all."""
        last = self.end if end is None else min(self.start + end, self.end)
        return self.whole.read(self.start + start, last)


class Texts(Output):
    """Texts, one after the other in a single memory file: however many there are, they take one descriptor."""

    def __init__(self) -> None:
        self.size, self.data = 0, b""
        self.descriptor = os.memfd_create("texts", os.MFD_CLOEXEC)

    def add(self, text: str) -> Part:
        """Writes `text` behind the others."""
        start = self.size
        for at in range(0, len(text), AT_ONCE):
            piece = memoryview(text[at : at + AT_ONCE].encode("utf-8", "surrogatepass"))
            while piece:
                piece = piece[os.pwrite(self.descriptor, piece, self.size) :]
                self.size = os.fstat(self.descriptor).st_size
        return Part(self, start, self.size)


def put_back(saved: int, start: int, output: int) -> None:
    """Puts what earlier forks of a run have written, which process 1 saved, over what later ones made of it.

    It stands from the byte `start` of `saved` on, and from the first of `output`.
    """
    at, end = 0, os.fstat(saved).st_size - start
    if end > 0:  # whatever is written to a file that appends goes to its end
        fcntl.fcntl(output, fcntl.F_SETFL, fcntl.fcntl(output, fcntl.F_GETFL) & ~os.O_APPEND)
    while at < end:
        at += os.pwrite(output, os.pread(saved, min(AT_ONCE, end - at), start + at), at)


def write(descriptor: int, data: bytes) -> None:
    """Writes all of `data`."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sealed(data: bytes) -> int:
    """A memory file with `data`, which nobody can change."""
    descriptor = os.memfd_create("input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    write(descriptor, data)
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor

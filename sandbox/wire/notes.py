"""What process 1 notes of a run, in memory that no fork inherits.

A candidate chooses some of it: the signal that ends a process, the CPU time, the size of an output. In an object of
process 1 it would be a word to the next fork, which can read those objects.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from mmap import MADV_DONTFORK, MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import TYPE_CHECKING, NamedTuple

from harness.sandbox.wire import protocol

if TYPE_CHECKING:
    from _socket import socket

_TOTALS = struct.Struct("<QQQdd")
"""Rows, signal, most memory (KiB), CPU seconds of the run, CPU seconds of the jail before the last fork."""
_ROW = struct.Struct("<6Q")


class Notes:
    """The rows of a run (test, how, start, end, CPU ns, first), and what its forks have taken together."""

    def __init__(self) -> None:
        self._memory = mmap(-1, _TOTALS.size + _ROW.size * protocol.MAX_TESTS, MAP_PRIVATE | MAP_ANONYMOUS)
        self._memory.madvise(MADV_DONTFORK)

    def clear(self) -> None:
        """Before each run."""
        _TOTALS.pack_into(self._memory, 0, 0, 0, 0, 0.0, 0.0)

    def add(self, rows: Sequence[Sequence[int]]) -> None:
        """Adds the rows of one fork."""
        count, *others = _TOTALS.unpack_from(self._memory)
        for row in rows:
            _ROW.pack_into(self._memory, _TOTALS.size + _ROW.size * count, *row)
            count += 1
        _TOTALS.pack_into(self._memory, 0, count, *others)

    def spent(self, cpu: float, memory: int) -> None:
        """Adds the CPU seconds of one fork, and its memory."""
        count, signal, most, before, counted = _TOTALS.unpack_from(self._memory)
        _TOTALS.pack_into(self._memory, 0, count, signal, max(most, memory), before + cpu, counted)

    def killed(self, signal: int) -> None:
        """Notes the signal that has ended a fork."""
        count, _, *others = _TOTALS.unpack_from(self._memory)
        _TOTALS.pack_into(self._memory, 0, count, signal, *others)

    def count(self, seconds: float) -> None:
        """Notes what the jail had taken before a fork."""
        _TOTALS.pack_into(self._memory, 0, *_TOTALS.unpack_from(self._memory)[:4], seconds)

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(_TOTALS.unpack_from(self._memory)[0])

    @property
    def counted(self) -> float:
        """What `count` has noted."""
        return float(_TOTALS.unpack_from(self._memory)[4])

    def send(self, control: socket) -> None:
        """Sends all of it to the supervisor: these bytes, since a text of them would stay in what a fork inherits."""
        with memoryview(self._memory) as whole:
            control.sendall(whole[: _TOTALS.size + _ROW.size * self.rows])


class Noted(NamedTuple):
    """What a supervisor gets of it: rows, the text of an error or "", CPU seconds."""

    rows: list[list[int]]
    error: str
    cpu: float


def received(control: socket) -> Noted:
    """What `Notes.send` has sent.

    Raises:
        ValueError: it cannot be.
        protocol.Closed: the other side is gone.
    """
    count, signal, _, cpu, _ = _TOTALS.unpack(protocol.exactly(control, _TOTALS.size))
    if count > protocol.MAX_TESTS:
        raise ValueError(f"{count} rows")
    rows = list(map(list, _ROW.iter_unpack(protocol.exactly(control, _ROW.size * count))))
    killed = any(row[1] == protocol.KILLED for row in rows)
    return Noted(rows, f"killed by signal {signal}" if killed else "", cpu)

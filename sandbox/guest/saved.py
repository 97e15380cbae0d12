"""Output of a candidate's earlier children, saved by process 1 where later children can neither read nor change it."""

from __future__ import annotations

import fcntl
import os
import stat
from mmap import mmap

from harness.sandbox.guest import runner
from harness.sandbox.wire import protocol


class SavedOutput:
    """A memory file shared with the supervisor: the text of the first error, then the output of earlier children."""

    def __init__(self, descriptor: int = -1) -> None:
        self.descriptor = descriptor

    def clear(self) -> None:
        """Empties the file; called before each run."""
        os.ftruncate(self.descriptor, 0)

    def printed(self) -> int:
        """Bytes of output that are there."""
        return max(0, os.fstat(self.descriptor).st_size - protocol.ERROR_BYTES)

    def error(self, report: mmap) -> None:
        """Takes the first error's text out of the report, if there is any.

        Copied by the kernel: nothing of a candidate's enters the memory of process 1, which the next one inherits.
        """
        said = min(runner.HEADER.unpack_from(report)[1], protocol.ERROR_BYTES)
        if said and not os.pread(self.descriptor, 1, 0).strip(b"\0"):
            with memoryview(report) as text:
                os.pwrite(self.descriptor, text[runner.HEADER.size : runner.HEADER.size + said], 0)

    def part(self, output: int, report: mmap) -> None:
        """Between two forks: takes what the first have printed and reported from those to come.

        The candidate's file is empty then, so that the size does not tell the next how much that was.
        """
        self.error(report)
        self._take(output)
        report[:] = runner.BLANK_REPORT

    def finish(self, output: int, report: mmap) -> None:
        """After the last fork: all the output is in one place, here if there was a fork before it."""
        self.error(report)
        if self.printed():
            self._take(output)

    def _take(self, output: int) -> None:
        at, size = 0, os.fstat(output).st_size
        if size:
            os.ftruncate(self.descriptor, protocol.ERROR_BYTES + self.printed())
            os.lseek(self.descriptor, 0, os.SEEK_END)
            while at < size and (sent := os.sendfile(self.descriptor, output, at, size - at)):
                at += sent
        os.ftruncate(output, 0)  # also an empty one: it may have blocks, whose number the next process would see


def reset(descriptor: int, mode: int, flags: int) -> None:
    """Takes back what a process can do to a file that the next one gets by the same descriptor."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    if os.fstat(descriptor).st_mode != mode:  # by a candidate of a plain user's, who owns it
        os.fchmod(descriptor, stat.S_IMODE(mode))
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)
    os.utime(descriptor)

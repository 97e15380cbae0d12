"""Output streams of the candidate's process that the test receives."""

from __future__ import annotations

import errno
import io
from typing import Any

_MOST_PRINTED, _MOST_ERRORS = 8 << 20, 1 << 20


class OutputBuffer(io.BytesIO):
    """What was printed; as limited as a file."""

    def write(self, data: Any) -> int:
        if self.tell() > _MOST_PRINTED:
            raise OSError(errno.EFBIG, "more output than is allowed")
        return super().write(data)

    def take(self) -> str:
        """What was printed since this was asked last."""
        if not self.tell():
            return ""
        text = self.getvalue().decode("utf-8", "surrogateescape")
        self.seek(0)
        self.truncate()
        return text


class ErrorBuffer(OutputBuffer):
    """What was printed on standard error; what is more than a test would look at is dropped, as a null device does."""

    def write(self, data: Any) -> int:
        return len(data) if self.tell() > _MOST_ERRORS else super().write(data)


def text_stream(printed: OutputBuffer) -> io.TextIOWrapper:
    return io.TextIOWrapper(printed, encoding="utf-8", errors="surrogateescape", write_through=True)

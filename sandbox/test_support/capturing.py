"""What pytest's fixtures show a test of what is printed and logged: `capsys`, `capfd`, `caplog`."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Captured(NamedTuple):
    """What `readouterr` gives."""

    out: str
    err: str


class Capture:
    """`capsys`."""

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        return types.GenericAlias(cls, item)

    def __init__(self, after: Callable[[Callable[[], None]], None]) -> None:
        import io

        self.made = io.StringIO
        self.out, self.err = io.StringIO(), io.StringIO()
        self.before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self.out, self.err
        if "logging" in sys.modules:  # pytest's own handler is always there, so that nothing is logged to the stream
            handler = sys.modules["logging"].NullHandler()
            root = sys.modules["logging"].getLogger()
            root.addHandler(handler)
            after(lambda: root.removeHandler(handler))

        def restore() -> None:
            sys.stdout, sys.stderr = self.before

        after(restore)

    @contextlib.contextmanager
    def disabled(self) -> Iterator[None]:
        """What is printed in the block is not captured."""
        now = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self.before
        try:
            yield
        finally:
            sys.stdout, sys.stderr = now

    def readouterr(self) -> Any:
        """What was printed since the last time."""
        said = Captured(self.out.getvalue(), self.err.getvalue())
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        return said


class LogCapture:
    """`caplog`: what the test's loggers have said."""

    def __init__(self, after: Callable[[Callable[[], None]], None]) -> None:
        import logging

        self.records: list[Any] = []
        self.handler = logging.Handler()
        vars(self.handler)["emit"] = self.records.append
        self.formatter = logging.Formatter("%(levelname)-8s %(name)s:%(filename)s:%(lineno)d %(message)s")
        self.after, self.root = after, logging.getLogger()
        self.root.addHandler(self.handler)
        after(lambda: self.root.removeHandler(self.handler))

    @property
    def text(self) -> str:
        """All of it, a line each."""
        return "".join(f"{self.formatter.format(record)}\n" for record in self.records)

    @property
    def messages(self) -> list[str]:
        """The messages alone."""
        return [record.getMessage() for record in self.records]

    @property
    def record_tuples(self) -> list[tuple[str, int, str]]:
        """Logger, level and message of each."""
        return [(record.name, record.levelno, record.getMessage()) for record in self.records]

    def get_records(self, when: str) -> list[Any]:
        """Those of a part of the test: "setup", "call" or "teardown"; all of them are of the second here."""
        return self.records if when == "call" else []

    @contextlib.contextmanager
    def filtering(self, rule: Any) -> Iterator[None]:
        """Only what `rule` lets through is kept in a `with` block."""
        self.handler.addFilter(rule)
        try:
            yield
        finally:
            self.handler.removeFilter(rule)

    def clear(self) -> None:
        """Forgets what was said."""
        self.records.clear()

    def set_level(self, level: Any, logger: str | None = None) -> None:
        """Sets the level of a logger until the test ends."""
        import logging

        one = logging.getLogger(logger)
        before = one.level
        self.after(lambda: one.setLevel(before))
        one.setLevel(level)

    @contextlib.contextmanager
    def at_level(self, level: Any, logger: str | None = None) -> Iterator[None]:
        """Sets the level of a logger for a `with` block."""
        import logging

        one = logging.getLogger(logger)
        before = one.level
        one.setLevel(level)
        try:
            yield
        finally:
            one.setLevel(before)

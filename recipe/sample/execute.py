"""Run the programs of this recipe: its own references, and mutants of them, never anything else.

They run in this process, stopped by a timer of CPU time. That is no sandbox: what comes from
a model belongs into `harness.sandbox`.
"""

from __future__ import annotations

import builtins
import io
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import FrameType
from typing import Any

from recipe.sample.apps import Case

# CPU time for one test. References need under a thousandth of a second, and so do mutants, unless
# they never end; many do, so their limit decides how long a build takes.
SECONDS = 2.0
MUTANT_SECONDS = 0.02


class OutOfTime(BaseException):
    """A program used up its CPU time; not an Exception, so that programs cannot swallow it."""


@contextmanager
def timer(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the body once it used `seconds` of CPU time."""

    def stop(_signum: int, _frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Program:
    """A compiled program; `run` gives what it makes of one test."""

    def __init__(self, code: str, fn: str, seconds: float = SECONDS) -> None:
        self.code = code
        self._code = compile(code, "<program>", "exec", dont_inherit=True)
        self._fn = fn
        self._seconds = seconds

    def passes(self, case: Case) -> bool:
        """Whether the program gives what the test expects, comparing as the data set's judge does:
        standard output word by word and line by line, results as JSON values."""
        try:
            with timer(self._seconds):
                return self._call(case) if self._fn else self._feed(case)
        except (Exception, SystemExit, OutOfTime):  # noqa: BLE001  a mutant may raise anything
            return False

    def _call(self, case: Case) -> bool:
        scope: dict[str, Any] = {"__name__": "__main__"}
        exec(self._code, scope)  # noqa: S102
        home = scope["Solution"]() if "Solution" in scope else None
        function = getattr(home, self._fn) if home is not None else scope[self._fn]
        result = function(*json.loads(json.dumps(case.given)))
        return bool(json.loads(json.dumps(result)) == case.expected)

    def _feed(self, case: Case) -> bool:
        lines = iter(case.given.splitlines())

        def read(prompt: str = "") -> str:
            del prompt
            try:
                return str(next(lines))
            except StopIteration:
                raise EOFError from None

        scope: dict[str, Any] = {"__name__": "__main__"}
        scope["__builtins__"] = {**vars(builtins), "input": read}
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(self._code, scope)  # noqa: S102
        return _words(printed.getvalue()) == _words(case.expected)


def _words(text: str) -> list[list[str]]:
    return [line.split() for line in text.rstrip().splitlines()]

"""Runs tests against a changed file: in a copy of the repository, in a fork of a process with the heavy libraries.

Importing pytest, torch and transformers takes longer than most test files; it is done once. Nothing of harness is
imported before the fork, so that each child reads the package, with the change in it, for itself.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mutation.places import copy_to, data

HEAVY = ("pytest", "_pytest.assertion.rewrite", "hypothesis", "numpy", "scipy.stats", "torch", "transformers")
FACTOR, GRACE, WAIT = 3.0, 10.0, 20.0
"""A run without end: it takes more than FACTOR times the processor time of the unchanged one, and GRACE seconds. It may
wait WAIT times as long, since a machine that others use too is slow."""


class Broken(Exception):
    """The tests fail on the unchanged source."""


@dataclass
class Bench:
    """A copy of the repository, in which one file at a time is changed.

    `seconds` are what the tests took of the processor on the unchanged source.
    """

    root: Path
    seconds: dict[tuple[str, ...], float] = field(default_factory=dict)

    def noticed(self, source: str, changed: str, tests: tuple[str, ...]) -> str:
        """How the tests notice `changed` as the text of the file `source`: "failed", "endless", or "" for not at all.

        Raises:
            Broken: they fail without it too.
        """
        if tests not in self.seconds:
            self.seconds[tests] = self._baseline(tests)
        path = self.root / source
        original = path.read_bytes()
        path.write_text(changed, "utf-8")
        try:
            code, _ = self._run(tests, FACTOR * self.seconds[tests] + GRACE, caching=False)
        finally:
            path.write_bytes(original)
        return "" if code == 0 else "endless" if code in (-signal.SIGKILL, -signal.SIGXCPU) else "failed"

    def _baseline(self, tests: Sequence[str]) -> float:
        code, seconds = self._run(tests, None, caching=True)
        if code:
            said = (self.root / "log").read_text("utf-8", "replace")
            raise Broken(f"the tests fail on the unchanged source ({code}): {' '.join(tests)}\n{said[-4000:]}")
        return seconds

    def _run(self, tests: Sequence[str], limit: float | None, *, caching: bool) -> tuple[int, float]:
        """pytest's exit status in a child, and its processor seconds, of which it has `limit`."""
        child = os.fork()
        if child == 0:
            code = 70
            try:
                if limit is not None:
                    resource.setrlimit(
                        resource.RLIMIT_CPU, (math.ceil(limit), resource.getrlimit(resource.RLIMIT_CPU)[1])
                    )
                code = self._child(tests, caching=caching)
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(code)
        with contextlib.suppress(OSError):  # the child was first
            os.setpgid(child, child)
        until = None if limit is None else time.monotonic() + WAIT * limit
        while True:
            done, status, used = os.wait4(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
            if until is not None and time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                until = None
            time.sleep(0.02)

    def _child(self, tests: Sequence[str], *, caching: bool) -> int:
        import pytest

        os.setpgid(0, 0)  # a group to end, and no session of its own, which would get another share of the processor
        log = os.open(self.root / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, number in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(target, number)
        sys.dont_write_bytecode = not caching
        if not caching:
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        plain = ["-x", "-q", "-p", "no:xdist", "-m", "not slow", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
        plain += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what is preloaded
        return int(pytest.main([*plain, f"--basetemp={self.root / 'tmp'}", *tests]))


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """A bench in a folder of its own below TMPDIR, deleted afterwards; this process works in it meanwhile."""
    before = Path.cwd()
    folder = Path(tempfile.mkdtemp(prefix="mutation-"))
    try:
        package = copy_to(folder)
        sys.path.insert(0, str(package))
        os.environ |= {"PYTHONPATH": str(package), "HARNESS_TEST_DATA": data()}
        os.chdir(folder)
        yield Bench(folder)
    finally:
        os.chdir(before)
        shutil.rmtree(folder, ignore_errors=True)


def preload() -> None:
    """Imports what every run would import; one thread each, since a fork takes no threads with it."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    for name in HEAVY:
        importlib.import_module(name)
    from hypothesis import Phase, settings

    settings.register_profile("mutation", phases=(Phase.explicit, Phase.generate))  # nobody reads the smallest example
    settings.load_profile("mutation")

"""SIGKILL at a file operation or at a moment, in every phase of a run; then the same command again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import result_of, spawn

_OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "shutil.rmtree")


@dataclass(frozen=True)
class Undisturbed:
    """A whole run: its result, how many file operations below its folder it made, and its seconds."""

    words: Callable[[Path], list[str]]
    result: str
    operations: int
    seconds: float


def undisturbed(
    words: Callable[[Path], list[str]], root: Path, before: Callable[[], None] = lambda: None
) -> Undisturbed:
    """Make the run of `words` in `root` once; `before` is called in its process first."""
    count = root.parent / "operations"
    start = time.monotonic()

    def begin() -> None:
        before()
        _count(root, lambda number: _note(count, number))

    status = wait(spawn(words(root), root.parent / "log", begin))
    if status:
        raise RuntimeError((root.parent / "log").read_text("utf-8"))
    return Undisturbed(words, result_of(root), int(count.read_text()), time.monotonic() - start)


def _note(path: Path, number: int) -> None:
    path.write_text(str(number))


def _count(root: Path, act: Callable[[int], Any]) -> None:
    """Call `act` with the number of each operation on a file below `root`, before it is made."""
    below, number, acting = str(root), 0, False

    def operation(name: object) -> None:
        nonlocal number, acting
        if acting or not (isinstance(name, int) or os.fsdecode(os.fspath(name)).startswith(below)):  # type: ignore[call-overload]
            return
        number, acting = number + 1, True
        act(number)
        acting = False

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _OPERATIONS and isinstance(arguments[0], str | bytes | os.PathLike):
            operation(arguments[0])

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(handle: int, *more: Any) -> Any:
            operation(handle)
            return call(handle, *more)

        return counting

    sys.addaudithook(audit)
    os.fsync = counted(os.fsync)


def kill(whole: Undisturbed, root: Path, rng: random.Random, kind: int = signal.SIGKILL) -> tuple[str, str]:
    """Kill the run in `root` at a random operation or moment, run it again; where it was, and what went wrong or "".

    What was saved must not be generated again.
    """
    shutil.rmtree(root, ignore_errors=True)
    words = whole.words(root)
    if rng.random() < 0.5:
        at = rng.randrange(1, whole.operations + 1)
        where = f"operation {at} of {whole.operations}"

        def end(number: int) -> None:
            if number == at:
                os.kill(os.getpid(), kind)

        wait(spawn(words, root.parent / "log", lambda: _count(root, end)))
    else:
        moment = rng.uniform(0, whole.seconds)
        where = f"{moment:.2f} s of {whole.seconds:.2f} s"
        child = spawn(words, root.parent / "log")
        time.sleep(moment)
        os.kill(child, kind)
        wait(child)
    return where, _run_again(whole, root)


def _run_again(whole: Undisturbed, root: Path) -> str:
    """The same command after a kill; what went wrong, or ""."""
    saved, log, again = _saved(root), root.parent / "log", root.parent / "written"
    again.unlink(missing_ok=True)
    if wait(spawn(whole.words(root), log, lambda: _note_what_is_written(again))):
        return log.read_text("utf-8").strip()[-300:]
    twice = saved & {tuple(json.loads(line)) for line in again.read_text().splitlines()} if again.exists() else set()
    if twice:
        return f"generated again though saved: {sorted(twice)}"
    return "" if result_of(root) == whole.result else "another result"


def _saved(root: Path) -> set[tuple[str, str]]:
    """The method and id of each problem whose completions a killed command left."""
    found = set()
    for path in root.glob("*/completions.jsonl"):
        method = path.parent.name.split("-")[1]
        whole, _, _ = path.read_bytes().rpartition(b"\n")  # the last line may be torn
        found |= {(method, str(json.loads(line)["id"])) for line in whole.splitlines()}
    return found


def _note_what_is_written(log: Path) -> None:
    """Let this process add the method and id of each problem that it generates completions for to `log`."""
    from harness.evaluation import writing

    plain = writing.WritingPart.written

    def written(part: writing.WritingPart, *given: Any) -> Iterator[Any]:
        for prompt, completions in plain(part, *given):
            with log.open("a") as file:
                print(json.dumps([part.plan.run.method.partition("-")[0], prompt.id]), file=file)
            yield prompt, completions

    writing.WritingPart.written = written  # type: ignore[assignment, method-assign]


def wait(child: int) -> int:
    """The exit status of a process that was spawned; that of a signal is negative."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)

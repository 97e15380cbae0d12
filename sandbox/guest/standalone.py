"""Runs one program of `execute` in the jail: its files, input and output. `programs.py` is the supervisor's side.

Process 1 puts the files into the scratch folder and takes those that were asked for out of it, by descriptors and
never through a link; the program controls the child and nothing else.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import json
import os
import resource
import signal
import stat
import sys
import weakref
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NoReturn

from harness.sandbox.guest import runner, watchdog
from harness.sandbox.interpreter import ending, ownfiles, preload, recursion
from harness.sandbox.interpreter.failures import attempt
from harness.sandbox.wire import protocol

Guest = Any
"""`harness.sandbox.guest.guest.Guest`, which imports this module."""
_COLLECTED, _PROGRAM = 3, 4
"""Places of descriptors: after standard input, output and error, before the files."""
_FRAMES = 2 + (sys.version_info < (3, 12))
"""What is on the stack between `_run_text` and a program; with `exec`, where the interpreter counts calls in C."""
_LONG = 1 << 63
_NOT_WRITTEN = 120
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def serve(guest: Guest, message: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """Executes what `message` asks for; `descriptors` are standard input, output, error, collected, program, files."""
    collected, files = descriptors[_COLLECTED], descriptors[_PROGRAM + 1 :]
    if not guest.trusted:
        os._exit(71)
    try:
        guest.reset_shared_state()
        for name, file in zip(message["files"], files, strict=True):
            _place(_folder(guest), name, file)
        # no test of several: what the program writes into the report gives it no time
        watching = watchdog.Watchdog(
            guest.limits, 1.0, guest.usage, watchdog.Progress(guest.report, descriptors[1], [], "execute"), guest.notes
        )
        child = guest._forked()
        if child == 0:
            guest._become_child()
            _run(guest, descriptors)
        verdict = guest._wait(child, watching)
        own = watchdog.read_clock(watchdog.clock_of(child))
        if not guest.full:
            guest._kill_group(child)
        _, status, spent = os.wait4(child, 0)
        cpu = spent.ru_utime + spent.ru_stime + guest._kill_others()
        most = guest.limits["output_bytes"]
        found = [_collect(_folder(guest), name, collected, most) for name in message["wanted"]]
        guest._clean_up()
        ended = runner.RECORD.unpack_from(guest.report, runner.RECORDS_AT)[0]
        verdict = verdict or watching.verdict_after_exit(cpu, own, several=False)
        return {
            "op": "executed",
            "verdict": verdict or (ended if ended == protocol.NO_MEMORY else 0),
            "status": status,
            "files": found,
            "cpu": cpu,
            "dirty": guest.dirty,
        }
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _folder(guest: Guest) -> int:
    """The scratch folder; nothing is placed where there is none."""
    assert guest.scratch is not None
    return int(guest.scratch.descriptor)


def _place(folder: int, name: str, content: int) -> None:
    """Writes the file `name`, and the folders on its way, into `folder`, which nobody else uses now."""
    *folders, last = name.split("/")
    with contextlib.ExitStack() as stack:
        for part in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=folder)  # noqa: PTH102 - pathlib is large, and process 1 small
            folder = os.open(part, _FOLDER, dir_fd=folder)
            stack.callback(os.close, folder)
        file = os.open(last, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        stack.callback(os.close, file)
        _copy(content, file, os.fstat(content).st_size)


def _collect(folder: int, name: str, collected: int, most: int) -> list[int] | None:
    """Appends a regular file of at most `most` bytes to `collected`; where it begins and ends there, None without."""
    *folders, last = name.split("/")
    with contextlib.ExitStack() as stack:
        try:
            for part in folders:
                folder = os.open(part, _FOLDER, dir_fd=folder)
                stack.callback(os.close, folder)
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.open(last, flags, dir_fd=folder)
        except OSError:
            return None
        stack.callback(os.close, file)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return None
        start = os.fstat(collected).st_size
        os.lseek(collected, start, os.SEEK_SET)
        _copy(file, collected, min(found.st_size, most))
        return [start, os.fstat(collected).st_size]


def _copy(source: int, target: int, size: int) -> None:
    at = 0
    while at < size and (sent := os.sendfile(target, source, at, size - at)):
        at += sent


def _run(guest: Guest, descriptors: list[int]) -> NoReturn:
    """In the child: the program's streams, its limits, and then the program."""
    try:
        # read here and not by process 1, whose memory the next program inherits
        what = json.loads(os.pread(descriptors[_PROGRAM], os.fstat(descriptors[_PROGRAM]).st_size, 0))
        os.lseek(descriptors[0], 0, os.SEEK_SET)
        for number in range(3):
            os.dup2(descriptors[number], number)
        os.closerange(3, 1 << 16)
        most = guest.limits["output_bytes"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        if what["argv"]:
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(ignored, signal.SIG_DFL)
            os.execve(what["argv"][0], what["argv"], dict(os.environ))  # noqa: S606
        gc.enable()
        os._exit(_run_text(guest, what["program"].removeprefix("\ufeff"), what["arguments"]))
    except OSError as problem:
        os.write(2, f"{problem}\n".encode())
        os._exit(127)
    finally:
        os._exit(126)


def _run_text(guest: Guest, program: str, arguments: list[str]) -> int:
    """Runs Python text as an interpreter runs a script; returns its exit code."""
    runner.open_streams()
    sys.stderr = sys.__stderr__ = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.stderr.buffer.raw.name = "<stderr>"  # type: ignore[attr-defined]
    preload.take_back()
    ownfiles.text = lambda: program
    sys.argv = [ownfiles.FILE, *arguments]
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - see above
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    loader = ending.Loader()
    vars(module).update(__builtins__=builtins, __file__=ownfiles.FILE, __loader__=loader)
    alive = weakref.ref(loader)
    recursion.begin("execute", _FRAMES)
    code = _ended(guest, partial(_execute, program, vars(module)))
    del module, loader
    attempt(ending.finish)
    # also what the program has put aside; what cannot be written at the end, the interpreter says with this code
    if not all(ending.flush(getattr(sys, name, None)) for name in ("stdout", "stderr")):
        code = _NOT_WRITTEN
    attempt(partial(ending.end_objects, alive))
    attempt(partial(ending.flush, sys.stderr))
    return code


def _execute(program: str, names: dict[str, Any]) -> None:
    exec(compile(program, ownfiles.FILE, "exec", dont_inherit=True), names)  # noqa: S102 - what this process is for


def _ended(guest: Guest, act: Callable[[], object]) -> int:
    """The exit code that an interpreter would give after `act`."""
    try:
        act()
    except SystemExit as leave:
        return _status(leave)
    except BaseException as problem:  # noqa: BLE001 - whatever a program raises is its own
        if isinstance(problem, MemoryError):
            runner.RECORD.pack_into(guest.report, runner.RECORDS_AT, protocol.NO_MEMORY, 0, 0, 0)
        frames = problem.__traceback__
        while frames and frames.tb_frame.f_globals is globals():
            frames = frames.tb_next
        return _shown(problem.with_traceback(frames))
    return 0


def _status(leave: SystemExit) -> int:
    """The exit code of a program that leaves; what it leaves with is said where it is no number."""
    if leave.code is None:
        return 0
    if isinstance(leave.code, int):
        return leave.code & 0xFF if -_LONG <= leave.code < _LONG else 0xFF
    attempt(lambda: print(leave.code, file=getattr(sys, "stderr", None) or sys.__stderr__))
    return 1


def _shown(problem: BaseException) -> int:
    """Has an exception shown by the program's hook, or the interpreter's where it has none that works."""
    said = type(problem), problem, problem.__traceback__
    try:
        getattr(sys, "excepthook", sys.__excepthook__)(*said)
    except SystemExit as leave:
        return _status(leave)
    except BaseException:  # noqa: BLE001 - a candidate's function
        attempt(partial(sys.__excepthook__, *said))
    return 1

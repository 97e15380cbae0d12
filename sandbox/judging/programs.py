"""`execute`: runs one program with its own files, for tasks with a judge of their own.

SQL (a driver of the task's runs the query in sqlite), a checker program, several files, another language: the task
executes what it needs, one program at a time, and makes its own verdict of what comes back.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness.errors import UsageError
from harness.records import Limits, Outcome
from harness.sandbox.comparison.output import sealed
from harness.sandbox.jails.image import place
from harness.sandbox.jails.isolation import required
from harness.sandbox.jails.jail import Jail, LevelName
from harness.sandbox.jails.patience import await_message
from harness.sandbox.judging.judge import OUTCOMES
from harness.sandbox.judging.work import short
from harness.sandbox.linux.cgroup import cores
from harness.sandbox.wire import protocol

Item = TypeVar("Item")
Made = TypeVar("Made")

_DEFAULT_LIMITS = Limits()
_RUNS_PER_JAIL = 2000
_MOST_FILES = 1000
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Finished:
    """How one program ended, and what it left.

    `outcome`: PASSED for exit code 0, RAISED for any other and for a signal; TIMED_OUT, OUT_OF_MEMORY and OUTPUT_LIMIT
    where a limit ended it; SANDBOX_ERROR where it could not be run, which says nothing about the program, and `error`
    says why. `code` is the exit code, None where the signal `signal` ended it. `files` holds those of the wanted files
    that are there as regular files. `seconds` is CPU time. `isolation` is the isolation level it ran on.
    """

    outcome: Outcome
    code: int | None = None
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    isolation: LevelName = "full"
    error: str = ""


def execute(
    program: str | Sequence[str],
    *,
    arguments: Sequence[str] = (),
    files: Mapping[str, str | bytes] | None = None,
    stdin: str | bytes = b"",
    wanted: Sequence[str] = (),
    limits: Limits = _DEFAULT_LIMITS,
    shown: Sequence[str] = (),
    accept_unsafe: bool = False,
) -> Finished:
    """Runs one program in a jail, in a process of its own, and returns what came of it.

    `program` is Python text, which finds `arguments` in `sys.argv`; or the words of a command, the first of them the
    absolute path of a program of this machine. The interpreter, its libraries and the C library are shown; `shown`
    are more files and folders of this machine that the program needs, read-only; what is below `/tmp` here is below
    `/host-tmp` there. `files` (relative path: content) lie
    in its working folder, from where Python text imports; those it has written and that are named in `wanted` come
    back. Each call has its own fresh copy of everything: a checker program that is given a candidate's output and the
    answer is executed by itself, and no candidate sees either.

    Jails are kept for the next call with the same limits until the process ends, or `release` is called. Several
    threads may call it at once; `map_jobs` does so.

    Raises:
        UsageError: a file name leads out of the working folder, or the files do not fit into it.
        Refused: this machine cannot isolate programs, and `accept_unsafe` is not set.
        JailFailed: a jail could not be started. One that breaks meanwhile costs one retry, then `SANDBOX_ERROR`.
    """
    contents = {name: _bytes(content) for name, content in (files or {}).items()}
    _check(contents, wanted, limits)
    level = required(accept_unsafe)
    text = program if isinstance(program, str) else ""
    words = [] if isinstance(program, str) else list(program)
    kind = _Kind(os.getpid(), limits, level, tuple(dict.fromkeys([*words[:1], *shown])), programs=bool(words))
    if words and level == "full":
        words[0] = _seen(words[0])
    what = json.dumps({"program": text, "argv": words, "arguments": list(arguments)}).encode()
    return _executed(kind, what, list(wanted), _bytes(stdin), contents)


def _executed(kind: _Kind, what: bytes, wanted: Sequence[str], stdin: bytes, contents: Mapping[str, bytes]) -> Finished:
    """One request, in a new jail where the first breaks; `what` is to be run, as the child reads it."""
    why = ""
    for _ in range(2):
        jail = _take(kind)
        try:
            done = _ask(jail, what, wanted, stdin, contents)
        except (OSError, ValueError, KeyError, TypeError, protocol.Closed) as problem:
            why = str(problem)
            _end(jail)
        except BaseException:  # an interrupt: what the jail is doing nobody will hear of
            _end(jail)
            raise
        else:
            _keep(kind, jail)
            return done
    why = short(f"it could not be run: {why or 'the jail ended'}")
    return Finished(Outcome.SANDBOX_ERROR, isolation=kind.level, error=why)


def _seen(path: str) -> str:
    """Where the jail shows a program of this machine."""
    real = os.path.realpath(path)
    return path if place(real) == real else place(real)


class _Kind(NamedTuple):
    """What a jail must be to serve a call."""

    owner: int
    """A forked child of the process that made a jail must not use it."""
    limits: Limits
    level: LevelName
    shown: tuple[str, ...]
    programs: bool


_idle: dict[_Kind, list[Jail]] = defaultdict(list)
_lock = threading.Lock()


def release() -> None:
    """Ends the jails that `execute` keeps for the next call."""
    with _lock:
        mine = [jail for kind in list(_idle) if kind.owner == os.getpid() for jail in _idle.pop(kind)]
    with contextlib.ExitStack() as stack:
        for jail in mine:
            stack.callback(_end, jail)


atexit.register(release)


def _take(kind: _Kind) -> Jail:
    with _lock:
        if _idle[kind]:
            return _idle[kind].pop()
    folder = "" if kind.level == "full" else tempfile.mkdtemp(prefix="harness-")
    try:
        return Jail(kind.limits, kind.level, shown=kind.shown, programs=kind.programs, folder=folder)
    except BaseException:
        if folder:
            Path(folder).rmdir()
        raise


def _end(jail: Jail) -> None:
    """Closes a jail and removes the folder that was made for it."""
    try:
        jail.close()
    finally:
        if jail.folder:
            Path(jail.folder).chmod(0o700)  # whatever the last program has made of it
            shutil.rmtree(jail.folder)


def _keep(kind: _Kind, jail: Jail) -> None:
    jail.runs += 1
    if jail.runs < _RUNS_PER_JAIL:
        with _lock:
            _idle[kind].append(jail)
    else:
        _end(jail)


def _ask(jail: Jail, what: bytes, wanted: Sequence[str], stdin: bytes, contents: Mapping[str, bytes]) -> Finished:
    """One request to a jail and its answer, which is untrusted."""
    written = [os.memfd_create(name, os.MFD_CLOEXEC) for name in ("stdout", "stderr", "collected")]
    given: list[int] = []
    try:
        for descriptor in written[:2]:
            fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
        given += [sealed(stdin), *written, sealed(what)]
        with contextlib.ExitStack() as stack:
            found: dict[str, bytes] = {}
            names: dict[str, Any] = {"files": list(contents), "wanted": wanted}
            if jail.folder:
                found = stack.enter_context(_placed(jail.folder, contents, wanted))
                names = {"files": [], "wanted": []}
            given += [sealed(content) for content in contents.values() if not jail.folder]
            protocol.send(jail.socket, {"op": "execute", **names, "descriptors": len(given)}, given)
            await_message(jail.socket, _PATIENCE_SECONDS + 5 * (jail.limits.wall_seconds + jail.limits.cpu_seconds))
            said = protocol.receive(jail.socket)
        if said["dirty"]:
            jail.runs = _RUNS_PER_JAIL  # nobody else may run there
        stdout, stderr, collected = (os.pread(one, os.fstat(one).st_size, 0) for one in written)
        for name, part in zip(wanted, said["files"], strict=not jail.folder):
            if part is not None:
                found[name] = collected[part[0] : part[1]]
        return _finished(jail, said, stdout, stderr, found)
    finally:
        for descriptor in {*given, *written}:
            os.close(descriptor)


@contextlib.contextmanager
def _placed(folder: str, contents: Mapping[str, bytes], wanted: Sequence[str]) -> Iterator[dict[str, bytes]]:
    """For a jail without a scratch folder: puts files into `folder`, and empty ones for those that are wanted.

    Nothing else can be made there, so that nothing unbounded is written to this machine. Yields what holds, at the
    end, the wanted files that were written to.
    """
    root, found = Path(folder), dict[str, bytes]()
    names = dict.fromkeys([*contents, *wanted])
    inner = dict.fromkeys([Path(), *(parent for name in names for parent in reversed(Path(name).parents))])
    try:
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(contents.get(name, b""))
        yield found
        for parent in inner:
            (root / parent).chmod(0o700)  # whatever the program has made of it
        for name in wanted:
            content = _content(root / name)
            if content or (content is not None and name in contents):
                found[name] = content
    finally:
        for parent in inner:
            (root / parent).chmod(0o700)
        for path in root.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _content(path: Path) -> bytes | None:
    """The bytes of a file that its owner may read; None for anything else."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            found = os.fstat(file.fileno())
            readable = stat.S_ISREG(found.st_mode) and found.st_mode & stat.S_IRUSR
            return file.read() if readable else None
    except OSError:
        return None


def _finished(jail: Jail, said: dict[str, Any], stdout: bytes, stderr: bytes, files: dict[str, bytes]) -> Finished:
    status, verdict, most = int(said["status"]), int(said["verdict"]), jail.limits.output_bytes
    exhausted = jail.group.killed()
    code = os.waitstatus_to_exitcode(status)
    if verdict:
        outcome = OUTCOMES[verdict]
    elif exhausted and code == -signal.SIGKILL:
        outcome = Outcome.OUT_OF_MEMORY
    elif max(len(stdout), len(stderr), *map(len, files.values())) >= most:
        outcome = Outcome.OUTPUT_LIMIT
    else:
        outcome = Outcome.PASSED if code == 0 else Outcome.RAISED
    return Finished(
        outcome,
        code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        stdout=stdout,
        stderr=stderr,
        files=files,
        seconds=round(float(said["cpu"]), 6),
        isolation=jail.level,
        error="" if outcome is Outcome.PASSED else _last_line(stderr),
    )


def _last_line(stderr: bytes) -> str:
    lines = stderr[-4000:].decode("utf-8", "replace").strip().splitlines()
    return short(lines[-1]) if lines else ""


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _check(contents: Mapping[str, bytes], wanted: Sequence[str], limits: Limits) -> None:
    """Refuses what could not be put into the working folder.

    Raises:
        UsageError: see `execute`.
    """
    for name in (*contents, *wanted):
        parts = name.split("/")
        if "\0" in name or not all(part not in ("", ".", "..") and len(part.encode()) < 256 for part in parts):
            raise UsageError(f"the file name {name!r} is no path inside the working folder: name it like 'data/in.txt'")
    pages = sum(-(-len(content) // 4096) * 4096 for content in contents.values())
    if len(contents) > _MOST_FILES or pages > limits.scratch_bytes:
        raise UsageError(
            f"{len(contents)} files of {pages} bytes do not fit into the working folder: "
            f"it holds {_MOST_FILES} files of {limits.scratch_bytes} bytes in all (Limits.scratch_bytes)"
        )


def map_jobs(judge: Callable[[Item], Made], items: Iterable[Item], workers: int | None = None) -> Iterator[Made]:
    """`judge(item)` for each item, in order, `workers` of them at once (default: one for each core).

    Items are taken as workers become free. When it ends, `execute`'s jails are released.
    """
    count = workers or cores()
    helpers = ThreadPoolExecutor(count)
    running: deque[Future[Made]] = deque()
    try:
        for item in items:
            running.append(helpers.submit(judge, item))
            if len(running) >= 2 * count:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        helpers.shutdown(cancel_futures=True)
        release()

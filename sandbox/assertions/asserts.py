"""Assertion tests in two processes: one runs the test, the other the candidate, and the first calls the second by RPC.

The child that process 1 has forked for a candidate forks once more before it loads anything. One of the two runs the
test, with proxies in place of the candidate's names, and is the only one that has the test's text and can say how it
ended; the other is the candidate's, and does what the proxies ask of it.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import json
import os
import random
import struct
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harness.sandbox.interpreter import ownfiles
from harness.sandbox.interpreter.preload import PLAIN
from harness.sandbox.remote_calls import codecs, protocols
from harness.sandbox.remote_calls.endpoints import RpcClient, RpcServer
from harness.sandbox.remote_calls.namespace import Namespace
from harness.sandbox.remote_calls.proxies import Proxy, ProxyType
from harness.sandbox.remote_calls.rpc import ConnectionClosed, NotTransferable, ProtocolError, TooLarge
from harness.sandbox.static_analysis.analysis import OF_THE_CANDIDATE
from harness.sandbox.test_support import finality, helpers

TEXT = 300
_LENGTH = struct.Struct("<I")
_NAMES_OF_FILES = """
open os io pathlib Path shutil tempfile glob fileinput linecache mmap sqlite3 dbm csv configparser zipfile tarfile gzip
bz2 lzma parse load loadtxt genfromtxt fromfile memmap save savez savetxt tofile read_text read_bytes write_text
write_bytes exists is_file is_dir iterdir rglob unlink mkdir rmdir touch stat resolve absolute cwd __file__
"""
_OF_FILES = frozenset(_NAMES_OF_FILES.split())
"""Names that a test says which writes files for the candidate, or reads its files, in the folder they share."""


_REFUSED = (1 << 32) - 1
"""The length that stands for a message that is too large to be sent."""
_NOTED = 256
"""After how many messages it is noted again how many there have been."""
_AT_ONCE = 1 << 14
"""Bytes that are read, or written, at once at least."""
_MOST_AT_ONCE = 1 << 20


class Pipes:
    """Length-prefixed messages over two pipes, of `most` bytes at most."""

    def __init__(self, reading_end: int, writing_end: int, most: int) -> None:
        self._in, self._out, self._most = reading_end, writing_end, most
        self._read = b""
        """What has been read of the messages to come."""
        self._messages = 0
        self.note: Callable[[int], None] = lambda _: None
        """Is told from time to time how many messages there have been in both directions."""

    def send(self, data: bytes) -> None:
        """Sends a message.

        Raises:
            ProtocolError: the other end is gone.
            TooLarge: it is too long.
        """
        if len(data) > self._most:
            raise TooLarge
        self._count()
        if len(data) > _AT_ONCE:
            self._write(_LENGTH.pack(len(data)))
            self._write(data)  # without a copy of it
        else:
            self._write(_LENGTH.pack(len(data)) + data)

    def answer(self, data: bytes) -> None:
        """Sends a message, or says that it is too long."""
        try:
            self.send(data)
        except TooLarge:
            self._write(_LENGTH.pack(_REFUSED))

    def _count(self) -> None:
        self._messages += 1
        if self._messages % _NOTED == 0:
            self.note(self._messages)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._out, view) :]
        except BrokenPipeError:
            raise ConnectionClosed("the program ended") from None

    def receive(self) -> bytes:
        """The next message.

        Raises:
            ProtocolError: the other end is gone.
            OSError: it is longer than a message may be.
        """
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > self._most:
            raise OSError(errno.EFBIG, "an answer of more bytes than may be carried")
        self._count()
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        """The next `count` bytes: of a short message all that is there is read at once."""
        parts, missing = [self._read[:count]], count - len(self._read)
        self._read = self._read[count:]
        while missing > 0:
            part = os.read(self._in, min(max(missing, _AT_ONCE), _MOST_AT_ONCE))
            if not part:
                raise ConnectionClosed("the program ended")
            parts.append(part[:missing])
            self._read = part[missing:]
            missing -= len(part)
        return b"".join(parts)


def split(most: int, fork: Callable[[], int]) -> tuple[bool, Pipes]:
    """Forks the process that runs the test; returns whether this is that process, and the pipes to the other."""
    questions, ask = os.pipe()
    answers, answer = os.pipe()
    client = fork() == 0
    for descriptor in (questions, answer) if client else (ask, answers):
        os.close(descriptor)
    return client, Pipes(answers, ask, most) if client else Pipes(questions, answer, most)


def server(line: Pipes, load: Callable[[], ModuleType], describe: Callable[[BaseException], str]) -> None:
    """In the candidate's process: loads the candidate and serves requests until the test has ended."""
    end: RpcServer | None = None
    try:
        end = RpcServer(ModuleType("solution"), line.receive, line.answer)
        sys.stdout = sys.__stdout__ = end.stdout  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = end.stderr  # type: ignore[misc]
        end.module = load()
        line.send(b'""')
    except (ProtocolError, NotTransferable):
        return
    except BaseException as problem:  # noqa: BLE001 - whatever a candidate raises is its own
        line.send(json.dumps(describe(problem)).encode())
        return
    with contextlib.suppress(ProtocolError):
        while True:
            end.reply(end.receive())


class AssertRun:
    """One run of a test's code. `given` is the result of `analysis.described`, as JSON.

    `begin_call` is told of every call that the test makes.
    """

    def __init__(self, given: bytes, line: Pipes, say: Callable[[str], None], begin_call: Callable[[], None]) -> None:
        tests = json.loads(given)
        self.code: str = tests["code"]
        self.setup: str = tests["setup"]
        self.entry_point: str = tests["entry_point"]
        self.used: list[str] = tests["used"]
        self.settings: list[str] = tests["settings"]
        self.classes: list[str] = tests["classes"]
        self.searched: list[str] = tests["searched"]
        self.named: list[list[str]] = tests["named"]
        self.modules: set[str] = set(tests["modules"])
        self.helpers: dict[str, str] = tests["helpers"]
        self.line, self.say = line, say
        self.end = RpcClient(line.receive, line.send, begin_call)
        self.end.proxies.stopping = tests["stopping"]
        self.end.proxies.handing = frozenset(tests["handing"])
        self.end.said = frozenset(tests["said"])
        self.own_assertions = finality.OwnAssertions(self.end.is_foreign)

    def loaded(self) -> str:
        """Waits until the candidate is loaded; "" or what it raised."""
        try:
            return str(json.loads(self.line.receive()))
        except ConnectionClosed:
            os._exit(0)

    def seclude(self) -> None:
        """Parts this process from the candidate's files, but for a test that writes or reads files.

        What the candidate writes into the working folder is then found by nothing that looks for modules there.
        """
        ownfiles.forget()
        if self.end.said.isdisjoint(_OF_FILES):
            os.chdir("/")

    def run(self) -> None:
        """Executes the test and says how it ended: passed, failed, raised, objects (it needs the candidate's process).

        Raises:
            MemoryError, OSError: the candidate's answers are too large.
        """
        random.seed(0)
        protocols.ask_proxies()
        ended, error = "passed", ""
        proxies = self.end.proxies
        try:
            exec(finality.compiled(self.code, "test.py"), self._names())  # noqa: S102
        except AssertionError:
            ended = "failed"
        except MemoryError:
            raise
        except BaseException as problem:  # noqa: BLE001 - the candidate's exception, raised again here
            if isinstance(problem, OSError) and problem.errno == errno.EFBIG:
                raise
            ended, error = "raised", _text(problem)
        if self.own_assertions.failed or self.end.passed_over:
            ended, error = "failed", ""
        if proxies.refused:
            ended = "objects"
        elif isinstance(self.end.broken, ConnectionClosed):
            os._exit(0)  # process 1 has seen how the candidate's process ended, which is the verdict
        elif self.end.broken:
            ended, error = "raised", str(self.end.broken)
        said = {"end": ended, "error": error[:TEXT], "judged": proxies.judged}
        self.say(json.dumps(said) + "\n")

    def _names(self) -> dict[str, Any]:
        """The test's globals: what the setup has, and proxies of the names that only the candidate has."""
        names = self._setup_names()
        known = {name for name, value in names.items() if not isinstance(value, type) or value.__module__ != "setup"}
        wanted = {name for name in self.used if name not in known and not hasattr(PLAIN, name)}
        wanted |= set(self.entry_point.split())
        said = dict(self.end.ask("names", (*sorted(wanted),)))
        found = {name: value for name, value in said.items() if name in wanted}  # no builtin name, none of the setup's
        names |= found
        for name in found.keys() & self.modules:
            names[name] = _own_module(name, found[name])
        for name in OF_THE_CANDIDATE:
            sys.modules[name] = _Solution(name, list(found), self.end.ask)
        self._set_helpers(names, found)
        for name in self.classes:
            self.end.proxies.trust(names.get(name))
        self.end.proxies.searched.update(map(names.get, self.searched))
        classes = {name: value for name, value in found.items() if issubclass(type(value), ProxyType)}
        self.end.proxies.named.update((id(classes[name]), one) for name, one in self.named if name in classes)
        names["__name__"] = "__main__"
        names |= {"_needs_objects": self._needs_objects, finality.NAME: self.own_assertions}
        changing = [name for name in found if names[name] is found[name] and not callable(found[name])]
        if changing or self.settings:
            return Namespace(names, changing, self.settings, self.end.ask)
        return names

    def _set_helpers(self, names: dict[str, Any], found: dict[str, Any]) -> None:
        """What the test compares by is the library's where only the candidate has it, or the verdict is labelled."""
        for name in self.helpers.keys() & found.keys():
            if isinstance(found[name], Proxy | ProxyType):
                try:
                    names[name] = helpers.of_the_library(self.helpers[name])
                except (ImportError, AttributeError):
                    self.end.proxies.judged = True

    def _needs_objects(self) -> None:
        """For a test that knows that it has to be in the candidate's process.

        Raises:
            NotTransferable: always.
        """
        raise self.end.proxies.refuse()

    def _setup_names(self) -> dict[str, Any]:
        sys.modules["builtins"] = PLAIN
        names: dict[str, Any] = {"__name__": "setup", "__builtins__": PLAIN}
        with contextlib.suppress(Exception):  # a prompt may stop in the middle of a statement
            exec(compile(self.setup, "setup.py", "exec"), names)  # noqa: S102
        return names


class _Solution(ModuleType):
    """The candidate's module for a test that imports it: `names` by `*`, and by its name whatever it has.

    It is asked each time, as for a global that the candidate changes.
    """

    def __init__(self, name: str, names: list[str], ask: Callable[..., Any]) -> None:
        super().__init__(name)
        vars(self).update(__all__=names, _ask=ask)

    def __getattr__(self, name: str) -> Any:
        said = {} if name.startswith("__") else dict(self._ask("names", (name,)))
        if name not in said:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return said[name]


def _own_module(name: str, value: Any) -> Any:
    """A name that the library has is the library's, whatever the candidate has made of it."""
    module = {"np": "numpy"}.get(name, name)
    if codecs.is_library(module) and not (isinstance(value, ModuleType) and value.__name__ == module):
        return __import__(module)
    return value


def _text(problem: BaseException) -> str:
    try:
        return f"{type(problem).__name__}: {problem}"
    except BaseException:  # noqa: BLE001 - a candidate's __str__ may do anything
        return type(problem).__name__


def warm_up(times: int) -> None:
    """Runs a fixed test with both endpoints in this process, so that the interpreter has specialised their code."""
    for _ in range(times):
        line = _LoopbackPipes()
        end = RpcServer(ModuleType("solution"), line.questions.pop, line.answers.append)
        exec(_WARM_UP, vars(end.module))  # noqa: S102 - a program of our own
        line.server = end
        AssertRun(_WARM_UP_TEST, line, lambda _: None, lambda: None).run()
    sys.modules["builtins"] = builtins
    for name in OF_THE_CANDIDATE:  # those that a test imports are not for the programs that come
        sys.modules.pop(name, None)


class _LoopbackPipes(Pipes):
    """Pipes whose other end is in the same process: `receive` has it answer."""

    def __init__(self) -> None:
        super().__init__(-1, -1, 0)
        self.questions: list[bytes] = []
        self.answers: list[bytes] = []
        self.server: RpcServer | None = None

    def send(self, data: bytes) -> None:
        self.questions.append(data)

    def receive(self) -> bytes:
        assert self.server is not None
        self.server.reply(self.server.receive())
        return self.answers.pop()


_WARM_UP = "def answer(given): return [len(given), {str(one): one for one in given}]"
_WARM_UP_TEST = json.dumps(
    {
        "code": "for given in ([1, 2.5, 'a'], {'a': (1, [2])}):\n    assert len(answer(given)) == 2\n",
        "setup": "from typing import List\n",
        "entry_point": "answer",
        "used": ["answer", "len"],
        "settings": [],
        "classes": [],
        "searched": [],
        "modules": [],
        "stopping": False,
        "said": [],
        "helpers": {},
        "handing": [],
        "named": [],
    }
).encode()

"""Runs one candidate on some tests, in the child. The candidate controls this process.

Nothing that this process writes is believed to be a verdict: it leaves answers (bytes on descriptor 1, encoded
values) and notes about how each test ended, and the supervisor compares.
"""

from __future__ import annotations

import _thread
import builtins
import contextlib
import fcntl
import gc
import json
import marshal
import os
import resource
import struct
import sys
import time
import weakref
from collections.abc import Callable
from functools import partial
from mmap import PAGESIZE, mmap
from types import CodeType, ModuleType
from typing import Any, NoReturn

from harness.sandbox.assertions import answers
from harness.sandbox.comparison import values
from harness.sandbox.interpreter import ending, preload, recursion
from harness.sandbox.interpreter.failures import Problem, attempt, describe
from harness.sandbox.wire import protocol

FILE = preload.FILE
HEADER = struct.Struct("<IIQ")
"""Index of the test that runs, bytes of error text, CPU nanoseconds at the start of that test."""
ERROR_BYTES = protocol.ERROR_BYTES
"""Most bytes of an error's text, which follows the header."""
RECORDS_AT = 1024
RECORD = struct.Struct("<IIQQ")
"""How it ended (0: not yet), calls that it has made so far (assertions), end of its output, CPU nanoseconds.

While an assertion test runs, the last is how many messages its two processes have exchanged."""
_ALL_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
REPORT_BYTES = -(-(RECORDS_AT + RECORD.size * protocol.MAX_TESTS) // PAGESIZE) * PAGESIZE
"""Whole pages: what lies behind in the last one is shared, too, and would not be cleared."""
BLANK_REPORT = bytes(REPORT_BYTES)

_MESSAGE_SHARE = 16
"""How often the limit on output a value may take between a test and the candidate beside it, both limited in memory."""
_FRAMES = 2
"""What is on the stack between `_run_program` and a program; the calls in C do not count."""
_MORE_FRAMES = 64
"""Not less than what is between `_loaded` and a function of a candidate's, in any of the kinds of tests."""


def open_streams() -> None:
    """New standard input and output, on descriptors 0 and 1 whatever these are later."""
    sys.stdin = open(0, encoding="utf-8", newline="\n", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    # as the interpreter names them
    sys.stdin.buffer.raw.name = "<stdin>"  # type: ignore[attr-defined]
    sys.stdout.buffer.raw.name = "<stdout>"  # type: ignore[attr-defined]
    sys.__stdin__, sys.__stdout__ = sys.stdin, sys.stdout  # type: ignore[misc]


class Batch:
    """The tests that one child runs, and the descriptors to which it writes output and reports."""

    def __init__(
        self, request: dict[str, Any], inputs: list[int], output: int, code: int, report: mmap, opened: bool
    ) -> None:
        self.bytes: int = request["bytes"]
        """Of the program's text in `code`; after it comes the compiled program."""
        self.kind: str = request["kind"]
        self.entry_point: str = request.get("entry_point", "")
        self.compares: str = request.get("compares", "")
        self.spans: list[list[int]] = request.get("spans", [])
        self.output_bytes: int = request["output_bytes"]
        self.stop: bool = request["stop"]
        self.until: float = request["until"]
        self.repeats: bool = request.get("groups") != [[0, 1]]
        """Whether more forks than one may need the program."""
        self.inputs, self.output, self.code, self.report = inputs, output, code, report
        self.opened = opened
        """Whether process 1 has made the streams of the first test, which saves the child the time."""
        self.pipe_to_candidate: Any = None
        self.pipe_to_test: Any = None
        """The line to the candidate's process, and the candidate's line, where a test is run beside it."""
        self.path = [os.getcwd(), *sys.path]  # noqa: PTH109 - pathlib is large
        """Of a program that may import what it has written."""
        self.calls, self.messages = 0, 0
        self.ending = False
        """Whether something was registered for the end of the process and has run: no test may follow."""

    def split(self, fork: Callable[[], int]) -> None:
        """In the child, where a test is run from outside: forks the process for it, and goes on as the candidate's.

        That one has lost the inputs, the output and the report before it loads the candidate.
        """
        from harness.sandbox.assertions import asserts

        client, line = asserts.split(_MESSAGE_SHARE * self.output_bytes, fork)
        if client:
            self.pipe_to_candidate = line
            return
        for descriptor in (*self.inputs, self.output):
            os.close(descriptor)
        self.report.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.output_bytes, self.output_bytes))
        self.pipe_to_test = line

    def run(self, tests: list[int]) -> NoReturn:
        """Runs `tests` one after the other and ends the process.

        It ends early when it is no longer like a fresh one, or has taken long enough for the supervisor to look.
        """
        gc.enable()
        if self.kind == "stdin":  # never where a test is run: a candidate could write the modules that it imports
            sys.path = self.path
        try:
            if self.pipe_to_test:
                sys.modules["harness.sandbox.assertions.asserts"].server(self.pipe_to_test, self._loaded, describe)
            else:
                self._run(tests, os.getpid())
        finally:
            os._exit(0)

    @property
    def program(self) -> str:
        """Read here and not by process 1, whose memory the next candidate inherits."""
        return os.pread(self.code, self.bytes, 0).decode("utf-8", "surrogatepass")

    def warm_up(self) -> None:
        """What `run` does for one test, but for the end of the process."""
        recursion.count_frames()
        self._run([0], os.getpid())

    def _run(self, tests: list[int], child: int) -> None:
        start = self._written()
        most = start + 2 * self.output_bytes
        self._allow_output(start, most)
        runner: list[Callable[[int], Problem | None]] = []
        unloadable = attempt(lambda: runner.append(self._prepare()))
        if os.getpid() != child:
            return  # a process that the candidate forked while it was loaded
        if unloadable is not None:
            self._note(tests[0], Problem(protocol.NOT_LOADED, unloadable.text), time.process_time_ns())
            return
        written = start
        for test in tests:
            self._allow_output(written, most)
            before = time.process_time_ns()
            _, said, _ = HEADER.unpack_from(self.report)
            HEADER.pack_into(self.report, 0, test, said, before)
            problem = runner[0](test)
            if os.getpid() != child:
                return  # a process that the candidate forked; the tests are its parent's
            fresh = not self.ending and _thread._count() == 0
            written = self._note(test, problem, before)
            if not fresh or written - start > self.output_bytes or time.monotonic() > self.until:
                return
            if self.stop and problem is not None:
                return

    def _written(self) -> int:
        """Bytes of output so far, of all forks. The file is append-only, so seeking in it changes nothing."""
        return os.lseek(self.output, 0, os.SEEK_END)

    def _allow_output(self, written: int, most: int) -> None:
        """The file size limit counts from the start of the shared output, so it moves with every test."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (min(written + self.output_bytes, most), most))

    def _note(self, test: int, problem: Problem | None, before: int) -> int:
        """Writes how `test` ended, and returns where its output ends; the first error text of a batch is compiled."""
        if problem is not None and HEADER.unpack_from(self.report)[1] == 0:
            text = problem.text.encode("utf-8", "replace")[:ERROR_BYTES]
            self.report[HEADER.size : HEADER.size + len(text)] = text
            HEADER.pack_into(self.report, 0, test, len(text), before)
        spent = max(0, time.process_time_ns() - before)
        ended = protocol.ENDED if problem is None else problem.how
        written = self._written()
        RECORD.pack_into(self.report, RECORDS_AT + test * RECORD.size, ended, 0, written, spent)
        return written

    def _prepare(self) -> Callable[[int], Problem | None]:
        """What runs one test and returns what went wrong; by the kind of the request."""
        if self.kind == "stdin":
            code = self._compiled()
            return lambda test: self._run_program(code, test)
        function = self._answering()
        return lambda test: attempt(lambda: function(test))

    def _answering(self) -> Callable[[int], object]:
        """What runs one test of a kind that reads no standard input."""
        if self.pipe_to_candidate:
            return self._assertions()
        if self.kind == "comparison":
            from harness.sandbox.comparison import compare

            gc.disable()  # what is compared has no cycles, and may be large
            return lambda test: self._say(
                compare.letters(self.compares, self._compared(2 * test), self._compared(2 * test + 1))
            )
        module = self._loaded()
        if self.kind == "answers":
            return lambda _: answers.answer(module, self._input(0), self._say)
        if self.kind == "in-process":
            from harness.sandbox.assertions import inprocess

            code, setup, tested = (self._input(number).decode() for number in range(3))
            return lambda _: inprocess.judge(code, module, setup, tested)
        return self._function(module)

    def _loaded(self) -> ModuleType:
        """The candidate as a module."""
        code = self._compiled()
        if self.kind != "assertions":
            self._open_streams()
        module = ModuleType("solution")
        sys.modules["solution"] = module
        module.__dict__["__file__"] = FILE
        module.__dict__["__loader__"] = ending.Loader()
        recursion.begin(self.kind, _MORE_FRAMES)
        if self.kind == "call":
            module.__dict__["__builtins__"] = builtins
        else:
            module.__dict__["__builtins__"] = sys.modules["builtins"] = preload.PLAIN
        exec(code, module.__dict__)  # noqa: S102
        return module

    def _assertions(self) -> Callable[[int], None]:
        """What runs a test from outside; the candidate has been loaded."""
        from harness.sandbox.assertions import asserts

        self.pipe_to_candidate.note = self._note_messages
        run = asserts.AssertRun(self._input(0), self.pipe_to_candidate, self._say, self._begin_call)
        run.seclude()
        if problem := run.loaded():
            name, _, text = problem.partition(": ")
            raise type(name, (Exception,), {})(text)
        return lambda _: run.run()

    def _begin_call(self) -> None:
        """Counts, for process 1, the calls that a test has made; the candidate's process has lost the report."""
        self.calls += 1
        RECORD.pack_into(self.report, RECORDS_AT, 0, self.calls, 0, self.messages)

    def _note_messages(self, messages: int) -> None:
        """Notes, for process 1, how many messages have gone between the two processes."""
        self.messages = messages
        RECORD.pack_into(self.report, RECORDS_AT, 0, self.calls, 0, messages)

    def _open_streams(self) -> None:
        """New streams for each test."""
        if not self.opened:
            open_streams()
        self.opened = False

    def _input(self, number: int) -> bytes:
        descriptor = self.inputs[number]
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)

    def _compared(self, number: int) -> bytes:
        """The part of an input that belongs to the test."""
        start, end = self.spans[number]
        return os.pread(self.inputs[number], end - start, start)

    def _say(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self.output, data) :]

    def _compiled(self) -> CodeType:
        """The candidate's code, compiled once; later children read the sealed result."""
        compiled = os.pread(self.code, max(0, os.fstat(self.code).st_size - self.bytes), self.bytes)
        if compiled:
            loaded: CodeType = marshal.loads(compiled)  # noqa: S302 - written before the first fork ran the candidate
            return loaded
        code = compile_program(self.program)
        if self.repeats:
            os.pwrite(self.code, marshal.dumps(code), self.bytes)
        fcntl.fcntl(self.code, fcntl.F_ADD_SEALS, _ALL_SEALS)
        return code

    def _run_program(self, code: CodeType, test: int) -> Problem | None:
        """Runs a program as `__main__`, to the end that the interpreter would give it."""
        os.lseek(self.inputs[test], 0, os.SEEK_SET)
        os.dup2(self.inputs[test], 0)
        os.dup2(self.output, 1)
        self._open_streams()
        module = ModuleType("__main__")
        sys.modules["__main__"] = module
        module.__dict__["__builtins__"] = builtins
        module.__dict__["__file__"] = FILE
        loader = ending.Loader()
        self.loader, module.__dict__["__loader__"] = weakref.ref(loader), loader
        recursion.begin(self.kind, _FRAMES)
        problem = attempt(partial(_execute, code, module.__dict__))
        del module, loader
        leaving = attempt(self._leave)
        return leaving if problem is None else problem

    def _leave(self) -> None:
        """What the interpreter does at its end."""
        self.ending |= ending.finish()
        ending.end_objects(self.loader)

    def _function(self, module: ModuleType) -> Callable[[int], object]:
        """What calls the entry point with the arguments of a test and says what it returns."""
        holder: Any = module
        if "class Solution" in self.program and hasattr(module.__dict__.get("Solution"), self.entry_point):
            holder = module.__dict__["Solution"]()
        function = getattr(holder, self.entry_point)
        cases: list[str] = json.loads(self._input(0))
        return lambda test: self._say(values.encode(function(*_arguments(cases[test]))))


def compile_program(text: str) -> CodeType:
    """Compiles `text`; what is only legal inside a function (`return`, `nonlocal` at the top) is put into one."""
    try:
        return compile(text.removeprefix("\ufeff"), FILE, "exec", dont_inherit=True)
    except SyntaxError:
        from harness.sandbox.interpreter import wrap

        code = wrap.in_function(text, FILE)
        if code is None:
            raise
        return code


def _arguments(case: str) -> list[Any]:
    """The arguments of one call; JSON's string keys become integers again where all of them are."""
    arguments = json.loads(case)
    if arguments and isinstance(arguments[0], dict):
        with contextlib.suppress(ValueError):
            arguments[0] = {int(key): value for key, value in arguments[0].items()}
    return list(arguments)


def _execute(code: CodeType, names: dict[str, Any]) -> None:
    try:  # noqa: SIM105 - this is what runs for every test
        exec(code, names)  # noqa: S102 - what this process is for
    except SystemExit:
        pass

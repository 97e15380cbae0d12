"""What happens in the child: run one candidate on some tests. Everything here is in the candidate's hands.

Nothing that this process writes is believed to be a verdict: it leaves answers (bytes on descriptor 1, encoded
values) and notes about how each test ended, and the supervisor compares.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import errno
import gc
import json
import marshal
import os
import resource
import struct
import sys
import threading
import time
from collections.abc import Callable
from mmap import mmap
from types import CodeType, ModuleType
from typing import Any, NoReturn

from harness.sandbox import answers, protocol, values

FILE = "main.py"
HEADER = struct.Struct("<IIQ")
"""Index of the test that runs, bytes of error text, CPU nanoseconds at the start of that test."""
ERROR_AT, ERROR_BYTES = 16, 1008
RECORDS_AT = ERROR_AT + ERROR_BYTES
RECORD = struct.Struct("<IIQQ")
"""How it ended (0: not yet), unused, end of its output, CPU nanoseconds."""
REPORT_BYTES = RECORDS_AT + RECORD.size * protocol.MAX_TESTS

REHEARSALS = {
    "stdin": (
        "import sys\nfrom collections import defaultdict\nn = int(input())\na = list(map(int, input().split()))\n"
        "seen = defaultdict(list)\nfor i, x in enumerate(sorted(a)):\n    seen[x].append(i)\n"
        "print(n, len(seen), ' '.join(str(x) for x in a), max(a), sum(a))\nprint(f'{n:.2f}', *[x + 1 for x in a])\n",
        b"3\n3 1 2\n",
    ),
    "call": (
        "class Solution:\n    def answer(self, n, a):\n        return [n, sorted(a), {n: str(n)}]\n",
        b'["[3, [3, 1, 2]]"]',
    ),
    "answers": (
        "from typing import List\ndef answer(a: List[int]) -> int:\n    return len(a)\n",
        b'[["answer", [[1, {"float": "0x1p+0"}]], []]]',
    ),
}
"""Programs of our own that process 1 runs before it forks any child: by kind of request, with the input."""
REHEARSED = 20
"""The interpreter specialises a function after eight calls (CPython 3.11), and a loop's body later."""


def open_streams() -> None:
    """New standard input and output, on descriptors 0 and 1 whatever these are later."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__ = sys.stdin, sys.stdout  # type: ignore[misc]


class Batch:
    """The tests that one child runs, and where it leaves what they yield."""

    def __init__(
        self, request: dict[str, Any], inputs: list[int], output: int, code: int, report: mmap, opened: bool
    ) -> None:
        self.program: str = request["program"]
        self.kind: str = request["kind"]
        self.entry_point: str = request.get("entry_point", "")
        self.output_bytes: int = request["output_bytes"]
        self.stop: bool = request["stop"]
        self.until: float = request["until"]
        self.inputs, self.output, self.code, self.report = inputs, output, code, report
        self.opened = opened
        """Whether process 1 has made the streams of the first test, which saves the child the time."""
        self.ending = False
        """Whether something was registered for the end of the process and has run: no test may follow."""

    def run(self, tests: list[int]) -> NoReturn:
        """Runs `tests` one after the other and ends the process.

        It ends early when it is no longer like a fresh one, or has taken long enough for the supervisor to look.
        """
        gc.enable()
        try:
            self._run(tests, os.getpid())
        finally:
            os._exit(0)

    def rehearse(self) -> None:
        """What `run` does for one test, but for the end of the process."""
        self._run([0], os.getpid())

    def _run(self, tests: list[int], child: int) -> None:
        start = self._written()
        most = start + 2 * self.output_bytes
        self._allow_output(start, most)
        try:
            runner = self._prepare()
        except BaseException as unloadable:  # noqa: BLE001 - whatever a candidate raises is its own
            if os.getpid() != child:
                return
            self._note(tests[0], protocol.NOT_LOADED, unloadable, time.process_time_ns())
            return
        for test in tests:
            if os.getpid() != child:
                return  # a process that the candidate forked while it was loaded
            self._allow_output(self._written(), most)
            before = time.process_time_ns()
            _, said, _ = HEADER.unpack_from(self.report)
            HEADER.pack_into(self.report, 0, test, said, before)
            ended = protocol.ENDED
            problem: BaseException | None = None
            try:
                runner(test)
            except BaseException as raised:  # noqa: BLE001
                ended, problem = _how(raised), raised
            if os.getpid() != child:
                return  # a process that the candidate forked; the tests are its parent's
            fresh = not self.ending and threading.active_count() == 1
            self._note(test, ended, problem, before)
            spent = self._written() - start
            if not fresh or spent > self.output_bytes or time.monotonic() > self.until:
                return
            if self.stop and ended != protocol.ENDED:
                return

    def _written(self) -> int:
        """Bytes of output so far, of all forks. The file is append-only, so seeking in it changes nothing."""
        return os.lseek(self.output, 0, os.SEEK_END)

    def _allow_output(self, written: int, most: int) -> None:
        """The file size limit counts from the start of the shared output, so it moves with every test."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (min(written + self.output_bytes, most), most))

    def _note(self, test: int, ended: int, problem: BaseException | None, before: int) -> None:
        """Writes how `test` ended; the first error text of a batch is kept."""
        if problem is not None and HEADER.unpack_from(self.report)[1] == 0:
            text = _describe(problem).encode("utf-8", "replace")[:ERROR_BYTES]
            self.report[ERROR_AT : ERROR_AT + len(text)] = text
            HEADER.pack_into(self.report, 0, test, len(text), before)
        spent = max(0, time.process_time_ns() - before)
        RECORD.pack_into(self.report, RECORDS_AT + test * RECORD.size, ended, 0, self._written(), spent)

    def _prepare(self) -> Callable[[int], None]:
        """What runs one test; by the kind of the request."""
        if self.kind == "assertions":
            from harness.sandbox import asserts

            given = self._input(0)
            return lambda _: asserts.examine(self.program, given, self._input(1), self._say)
        code = self._compiled()
        if self.kind == "stdin":
            return lambda test: self._run_program(code, test)
        self._open_streams()
        module = ModuleType("solution")
        sys.modules["solution"] = module
        module.__dict__["__builtins__"] = builtins
        exec(code, module.__dict__)  # noqa: S102
        if self.kind == "answers":
            return lambda _: answers.answer(module, self._input(0), self._say)
        if self.kind == "in-process":
            return lambda _: exec(self._input(0).decode(), module.__dict__)  # noqa: S102
        return self._function(module)

    def _open_streams(self) -> None:
        """New streams for each test."""
        if not self.opened:
            open_streams()
        self.opened = False

    def _input(self, number: int) -> bytes:
        descriptor = self.inputs[number]
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)

    def _say(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self.output, data) :]

    def _compiled(self) -> CodeType:
        """The candidate's code; compiled once, and kept for the forks after this one."""
        kept = os.pread(self.code, os.fstat(self.code).st_size, 0)
        if kept:
            loaded: CodeType = marshal.loads(kept)  # noqa: S302 - written by this candidate's own first fork
            return loaded
        code = compile_program(self.program)
        os.pwrite(self.code, marshal.dumps(code), 0)
        return code

    def _run_program(self, code: CodeType, test: int) -> None:
        os.lseek(self.inputs[test], 0, os.SEEK_SET)
        os.dup2(self.inputs[test], 0)
        os.dup2(self.output, 1)
        self._open_streams()
        module = ModuleType("__main__")
        sys.modules["__main__"] = module
        module.__dict__["__builtins__"] = builtins
        module.__dict__["__file__"] = FILE
        try:
            exec(code, module.__dict__)  # noqa: S102 - what this process is for
        except SystemExit:
            pass
        finally:
            _join_threads()
            self.ending |= _run_atexit()
            module.__dict__.clear()
            _flush()

    def _function(self, module: ModuleType) -> Callable[[int], None]:
        """What calls the entry point with the arguments of a test and says what it returns."""
        holder: Any = module
        if "class Solution" in self.program:
            holder = module.__dict__["Solution"]()
        function = getattr(holder, self.entry_point)
        cases: list[str] = json.loads(self._input(0))
        return lambda test: self._say(values.encode(function(*_arguments(cases[test]))))


def compile_program(text: str) -> CodeType:
    """Compiles `text`; what is only legal inside a function (`return`, `nonlocal` at the top) is put into one."""
    try:
        return compile(text, FILE, "exec", dont_inherit=True)
    except SyntaxError:
        from harness.sandbox import wrap

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


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not getattr(stream, "closed", True):
            stream.flush()


def _join_threads() -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def _run_atexit() -> bool:
    """Runs what was registered for the interpreter's end; whether there was any."""
    of_threads = list(getattr(threading, "_threading_atexits", ()))
    for function in of_threads:
        function()
    registered = atexit._ncallbacks()
    if registered:
        atexit._run_exitfuncs()
    return bool(of_threads or registered)


def _how(problem: BaseException) -> int:
    if isinstance(problem, MemoryError):
        return protocol.NO_MEMORY
    if isinstance(problem, OSError) and problem.errno == errno.EFBIG:
        return protocol.OUTPUT
    if isinstance(problem, values.Unknown):
        return protocol.UNKNOWN_VALUE
    return protocol.RAISED


def _describe(problem: BaseException) -> str:
    """The exception's class and the last line of its text."""
    name = type(problem).__name__
    try:
        lines = str(problem).strip().splitlines()
    except BaseException:  # noqa: BLE001 - a candidate's __str__ may do anything
        lines = []
    return f"{name}: {lines[-1][:200]}" if lines else name

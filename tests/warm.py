"""`harness` commands for tests, in forks of a process that has imported torch and transformers already.

In a process of its own a command takes seven seconds of a core to import them, which is more than most tests take for
what they test. A fork has the words, environment, folder and streams of the command, ends as Python ends a program, and
has one thread for torch. A test about the start itself (imports, locale, a wrapper) needs a process of its own.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MODULES = (
    "transformers.models.llama.modeling_llama",
    "peft",
    "accelerate",
    "bitsandbytes",
    "scipy.stats",
    "harness.making",
    "harness.evaluation.evaluate",
    "harness.tuning.train",
    "harness.decoding.generate",
    "harness.ranking.boards",
    "harness.ranking.terminal",
    "harness.sandbox",
)
_MOST = 1 << 17
"""Bytes of a request: the words and the environment."""


def start(*words: str | Path, cwd: Path | None = None, environ: Mapping[str, str] = os.environ) -> Command:
    """Start `harness …`; it leads a session of its own."""
    return Command(list(map(str, words)), cwd or Path.cwd(), environ)


def harness(
    *words: str | Path, cwd: Path | None = None, environ: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """What `harness …` says, as `subprocess.run` returns it."""
    return start(*words, cwd=cwd, environ=environ).end()


class Command:
    """A command that was started."""

    def __init__(self, words: list[str], cwd: Path, environ: Mapping[str, str]) -> None:
        self.words = words
        self._streams = [os.memfd_create(name) for name in ("stdout", "stderr")]
        self._status: int | None = None
        self._done: subprocess.CompletedProcess[str] | None = None
        self.pid: int = _asked({"words": words, "cwd": str(cwd), "environ": dict(environ)}, self._streams)

    def poll(self) -> int | None:
        """The exit status; None while the command runs."""
        if self._status is None:
            self._status = _asked({"poll": self.pid})
        return self._status

    def kill(self) -> None:
        """End it with SIGKILL, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.end()

    def end(self) -> subprocess.CompletedProcess[str]:
        """What it has said when it has ended, which is waited for."""
        if self._done is None:
            if self._status is None:
                self._status = _asked({"wait": self.pid})
            texts = [_read(stream) for stream in self._streams]
            self._done = subprocess.CompletedProcess(["harness", *self.words], self._status, *texts)
        return self._done


def _read(stream: int) -> str:
    with open(stream, "rb") as file:
        file.seek(0)
        return file.read().decode()


@functools.cache
def _connection() -> socket.socket:
    """Starts the process that commands are forked from; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _asked(request: Mapping[str, Any], handles: list[int] | None = None) -> Any:
    socket.send_fds(_connection(), [json.dumps(request).encode()], handles or [])
    answer = _connection().recv(_MOST)
    if not answer:
        raise OSError("the process that commands are forked from has ended")
    return json.loads(answer)


def _serve(connection: socket.socket) -> None:
    """Answer requests; returns in a fork, which has become the command."""
    while True:
        message, handles, _, _ = socket.recv_fds(connection, _MOST, 2)
        if not message:
            sys.exit()
        request = json.loads(message)
        if "words" not in request:
            pid, options = (request["poll"], os.WNOHANG) if "poll" in request else (request["wait"], 0)
            done, status = os.waitpid(pid, options)
            answer = os.waitstatus_to_exitcode(status) if done else None
        elif (answer := os.fork()) == 0:
            connection.close()
            return _become(request, *handles)
        for handle in handles:
            os.close(handle)
        connection.send(json.dumps(answer).encode())


def _become(request: dict[str, Any], *streams: int) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    for handle, place in zip(streams, (1, 2), strict=True):
        os.dup2(handle, place)
        os.close(handle)
    sys.argv = ["harness", *request["words"]]
    sys.path[0:1] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    importlib.invalidate_caches()


def _main() -> None:
    from harness.command_list import COMMANDS
    from harness.modeling.quirks import prepare_process

    prepare_process()
    for name in (*MODULES, *(f"harness.commands.{module}" for module, _ in COMMANDS.values())):
        importlib.import_module(name)
    gc.freeze()  # what is there already is no garbage of a command
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("harness", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()

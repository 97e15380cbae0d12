"""Time in which a process is stopped is not time in which it has waited."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable

import pytest

from harness.sandbox.jails import patience


def found_by(wait: Callable[[int], bool], seconds: float, then: bytes) -> bool:
    """What `wait` for a socket gives in a process that is stopped for `seconds`; `then` is sent while it is stopped,
    or, where that is nothing, a while afterwards."""
    here, there = socket.socketpair()
    if (child := os.fork()) == 0:
        os._exit(wait(there.fileno()))
    time.sleep(0.1)
    os.kill(child, signal.SIGSTOP)
    here.sendall(then)
    time.sleep(seconds)
    os.kill(child, signal.SIGCONT)
    if not then:
        time.sleep(0.2)
        here.sendall(b"x")
    _, status = os.waitpid(child, 0)
    here.close()
    there.close()
    return bool(os.waitstatus_to_exitcode(status))


@pytest.mark.parametrize("then", [b"x", b""], ids=["while it is stopped", "afterwards"])
def test_what_comes_during_a_stop_or_after_it_is_found(then: bytes) -> None:
    assert found_by(lambda descriptor: patience.readable(descriptor, 2.5), 2.7, then)


def test_what_does_not_come_is_not_waited_for_any_longer() -> None:
    asked: list[float] = []

    def wait(seconds: float) -> list[int]:
        asked.append(seconds)
        return []

    assert not patience.within(2.5, wait)
    assert asked == [1.0, 1.0, 0.5, 0]


def test_an_end_is_something_to_see_and_silence_an_error_of_the_system() -> None:
    here, there = socket.socketpair()
    with pytest.raises(TimeoutError, match="no answer for 0 s"):
        patience.await_message(there, 0.0)
    here.close()
    patience.await_message(there, 0.0)
    assert there.recv(1) == b""
    there.close()

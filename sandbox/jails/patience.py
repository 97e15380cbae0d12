"""Waiting for a jail, without counting the time in which this process is stopped.

Whoever stops a supervisor (a suspended batch job, a frozen container) mostly stops its jails, too: after that they have
had no time to answer, and a clock says the opposite.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

_AT_ONCE = 1.0
"""Seconds that are waited at once: a stop costs as much of the patience at the most."""
Found = TypeVar("Found")


def within(seconds: float, wait: Callable[[float], Sequence[Found]]) -> Sequence[Found]:
    """What `wait`, which takes the seconds it may last, finds while this process runs for `seconds`; empty if nothing.

    It is asked a last time without waiting: a wait that a stop has interrupted looks at the clock alone.
    """
    while seconds > 0:
        if found := wait(min(seconds, _AT_ONCE)):
            return found
        seconds -= _AT_ONCE
    return wait(0)


def readable(descriptor: int, seconds: float) -> bool:
    """Whether there is something to read, or an end to see, within the time."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(within(seconds, lambda part: poller.poll(1000 * part)))


def await_message(line: socket.socket, seconds: float) -> None:
    """Waits for the beginning of a message.

    Raises:
        TimeoutError: none has come.
    """
    if not readable(line.fileno(), seconds):
        raise TimeoutError(f"no answer for {seconds:.0f} s")

"""How the supervisor and the guest talk: length-prefixed JSON over a stream socket, descriptors beside it.

What comes out of a jail is untrusted input: lengths are bounded and nothing but JSON is parsed.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _socket import socket

MAX_TESTS = 512
"""Tests in one request; the supervisor splits longer lists. Each has a descriptor, of which many users have 1,024."""
MAX_MESSAGE = 1 << 28
MAX_ANSWER = 1 << 20
"""Bytes of a guest's answer to a request: a row for each test, and an error."""
ERROR_BYTES = 1008
"""Most bytes of an error's text; in the memory file that a jail keeps, the first output follows them."""
DESCRIPTORS_AT_ONCE = 200
_SCM_RIGHTS = 1
_SOL_SOCKET = 1
_MSG_CTRUNC = 8
_CMSG_CLOEXEC = 0x40000000
_LENGTH = struct.Struct("<I")

GO, FORGET = b"G", b"F"
"""What follows a request, at once or later: it is to be run, or not any more."""

# How one test ended, as far as the guest can tell.
ENDED, RAISED, NOT_LOADED, NO_MEMORY, OUTPUT, UNKNOWN_VALUE = 1, 2, 3, 4, 5, 6
CPU_LIMIT, WALL_LIMIT, KILLED, SLOW = 10, 11, 12, 13


class Closed(Exception):
    """The other side has closed the socket."""


def send(control: socket, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
    """Sends one message, then its descriptors."""
    data = json.dumps(message).encode()
    control.sendall(_LENGTH.pack(len(data)) + data)
    for start in range(0, len(descriptors or ()), DESCRIPTORS_AT_ONCE):
        send_descriptors(control, (descriptors or [])[start : start + DESCRIPTORS_AT_ONCE])


def send_descriptors(control: socket, descriptors: list[int]) -> None:
    """Sends at most `DESCRIPTORS_AT_ONCE` of those that a message has announced."""
    control.sendmsg([b"F"], [(_SOL_SOCKET, _SCM_RIGHTS, struct.pack(f"{len(descriptors)}i", *descriptors))])


def receive(control: socket, limit: int = MAX_MESSAGE) -> dict[str, Any]:
    """The next message.

    Raises:
        Closed: the other side is gone.
        ValueError: what came is no message.
    """
    (length,) = _LENGTH.unpack(exactly(control, _LENGTH.size))
    if length > limit:
        raise ValueError(f"a message of {length} bytes")
    message = json.loads(exactly(control, length))
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")
    return message


def receive_descriptors(control: socket, count: int) -> list[int]:
    """`count` descriptors that `send` sent.

    Raises:
        Closed: the other side is gone, or this process may not have so many; nothing that is asked can be done then.
    """
    found: list[int] = []
    while len(found) < count:
        size = 4 * min(count - len(found), DESCRIPTORS_AT_ONCE)
        data, ancillary, flags, _ = control.recvmsg(1, size + 64, _CMSG_CLOEXEC)
        if not data or flags & _MSG_CTRUNC:
            raise Closed
        for level, kind, payload in ancillary:
            if (level, kind) == (_SOL_SOCKET, _SCM_RIGHTS):
                found += struct.unpack(f"{len(payload) // 4}i", payload)
    return found


def exactly(control: socket, count: int) -> bytes:
    """The next `count` bytes.

    Raises:
        Closed: the other side is gone before.
    """
    parts: list[bytes] = []
    while count:
        part = control.recv(min(count, 1 << 20))
        if not part:
            raise Closed
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

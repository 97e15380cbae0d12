"""Remote calls between the process of a test and the process of a candidate: one asks, the other does and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.sandbox.remote_calls.rpc import Marshaller, NotTransferable, ProtocolError, prepared, restore

_scan = json.JSONDecoder().raw_decode
_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Endpoint(Marshaller):
    """A marshaller with a connection. While one endpoint waits for a reply it answers the requests of the other."""

    def __init__(self, first: int, read: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
        super().__init__(first)
        self._receive, self._send = read, send

    def ask(self, operation: str, arguments: tuple[Any, ...], keywords: dict[str, Any] | None = None) -> Any:
        """What the other end's `operation` returns; raises what it raises."""
        message = {"do": operation, **self.write(arguments, keywords)}
        self._post(message)  # what was changed and then dropped is sent once more
        while True:
            reply = self.receive()
            if "do" not in reply:
                (value,), _ = self.read(reply)
                if reply.get("raised"):
                    raise self.exception(value)
                return value
            self.reply(reply)

    def _post(self, message: dict[str, Any]) -> None:
        """Sends a message, with what has been forgotten and printed since the last one.

        Raises:
            TooLarge: it has more bytes than may be sent.
        """
        if free := self.release():
            message["free"] = free
        if said := self.take_output():
            message["said"] = said
        self._send(_json(message).encode())

    def receive(self) -> dict[str, Any]:
        """The next message; what the other end printed until then is printed here."""
        data = self._receive()
        before = prepared()
        try:
            message, _ = _scan(data.decode())
            if "said" in message:
                self.print_remote(message["said"])
        except (ValueError, LookupError, TypeError, RecursionError) as problem:
            raise ProtocolError(type(problem).__name__) from None
        finally:
            restore(*before)
        return dict(message)

    def reply(self, request: dict[str, Any]) -> None:
        """Does what the other end asks, and answers it."""
        try:
            message = self._done(request)
        except (MemoryError, RecursionError) as problem:  # the value is too large to be sent
            message = {**self.write([type(problem)("an answer that is too large")]), "raised": True}
        self._post(message)

    def _done(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer; no reference to what was asked for outlives this call."""
        given, named = self.read(request)
        try:
            value = self.perform(request["do"], given, named)
        except (ProtocolError, NotTransferable):
            raise
        except BaseException as problem:  # noqa: BLE001 - the other end asked for it, and gets it
            problem.__traceback__ = None
            return {**self.write([problem]), "raised": True}
        del given, named
        return self.write([value])

    def perform(self, operation: str, given: list[Any], named: dict[str, Any]) -> Any:
        """Does one operation."""
        raise NotImplementedError

    def exception(self, problem: Any) -> BaseException:
        """What `ask` raises for an exception of the other end's."""
        if not isinstance(problem, BaseException):
            raise ProtocolError("no exception")
        return problem

    def take_output(self) -> Any:
        """What was printed at this end and is to be printed at the other: "" or a text for each of two streams."""
        return ""

    def print_remote(self, said: Any) -> None:
        """Prints what was printed at the other end."""

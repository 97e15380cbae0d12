"""The two RPC endpoints of an assertion test: the client runs the test, the server runs the candidate."""

from __future__ import annotations

import _thread
import errno
import functools
import os
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any

from harness.sandbox.remote_calls import bases, classes, codecs, copies, exceptions, functions, naming
from harness.sandbox.remote_calls.connection import Endpoint
from harness.sandbox.remote_calls.operations import OPERATIONS
from harness.sandbox.remote_calls.proxies import Proxies, Proxy, ProxyType
from harness.sandbox.remote_calls.rpc import METHODS, Marshaller, ProtocolError, TooLarge
from harness.sandbox.remote_calls.standins import ErrorBuffer, OutputBuffer, text_stream
from harness.sandbox.test_support.finality import MEANT

_FUNCTIONS = (
    *(types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial, types.MethodDescriptorType),
    *(types.WrapperDescriptorType, types.MethodWrapperType, type(functools.cache(len)), *functions.GETTERS),
)
_OF_CLASSES = (
    *(property, types.GetSetDescriptorType, types.MemberDescriptorType, types.MappingProxyType),
    types.ClassMethodDescriptorType,
)
"""What a test gets that takes a class for an object: the candidate has given it that, so it decides nothing."""


def _write_base(end: Marshaller, value: Any, base: type) -> Any:
    """The plain content of an object whose class extends `base`."""
    plain = bases.as_base(value, base)
    cell = codecs.object_codec(base)
    return [cell.tag, cell.write(plain, end.pack)] if cell else end.pack(plain)


class RpcClient(Endpoint):
    """The endpoint of the process that runs the test."""

    def __init__(
        self, read: Callable[[], bytes], send: Callable[[bytes], None], begin_call: Callable[[], None]
    ) -> None:
        super().__init__(0, read, send)
        self._begin_call = begin_call
        self._waiting = False
        self.proxies = Proxies(self.ask)
        self.broken: ProtocolError | None = None
        self.said: frozenset[str] = frozenset()
        """The names that the test's text says."""
        self._methods_named: set[str] = set()
        """The methods of the library's classes that the test has given the candidate."""
        self._failed_inside = False
        self.passed_over = False
        """Whether a failed assertion in such a function was kept from the test that called the candidate."""

    def ask(self, operation: str, arguments: tuple[Any, ...], keywords: dict[str, Any] | None = None) -> Any:
        if self.broken:
            raise self.broken
        outermost, self._waiting = not self._waiting, True
        self._failed_inside &= not outermost
        if outermost and operation == "call":
            # only what the test's text calls: how many steps or operators there are may be the candidate's choice, and
            # how often it calls what the test has lent it
            self._begin_call()
        try:
            answer = super().ask(operation, arguments, keywords)
            self.passed_over |= outermost and self._failed_inside
            self.proxies.judged |= self._is_of_the_library(answer)
            return answer
        except Exception as problem:
            # it may stand in the place of the assertion that has failed
            self.passed_over |= outermost and self._failed_inside and not isinstance(problem, AssertionError)
            raise
        except ProtocolError as problem:
            self.broken = problem
            raise
        except TooLarge:  # what the test gives; of how much a candidate gives no such thing may depend
            raise self.proxies.refuse() from None
        finally:
            self._waiting = not outermost

    def reply(self, request: dict[str, Any]) -> None:
        self.nested = True
        try:
            super().reply(request)
        except TooLarge:  # a function of the test's, which the candidate has asked for that
            raise OSError(errno.EFBIG, "more bytes than may be carried") from None
        finally:
            self.nested = False

    def _is_of_the_library(self, answer: Any) -> bool:
        """Whether a class or a module came as an answer, and the test may call `set.union({1})`, which gives that."""
        if not issubclass(type(answer), type | types.ModuleType) or issubclass(type(answer), ProxyType):
            return False
        return bool(self.proxies.handing) or not self.said.isdisjoint(bases.VERDICTS | bases.ASKED_WITH)

    def is_foreign(self, value: Any) -> bool:
        """Whether it came from the candidate's process."""
        number = self.numbers.get(id(value), 0)
        return number % 2 == 1 and self.objects.get(number) is value

    def read(self, message: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        self.proxies.reading = True
        try:
            return super().read(message)
        finally:
            self.proxies.reading = False

    def describe(self, number: int, value: Any) -> Any:
        if issubclass(type(value), Proxy | ProxyType):
            base = bases.base_of(type(value)) if number in self.mutable else None
            return ["hybrid", [None, _write_base(self, value, base)]] if base else None
        if isinstance(value, BaseException) and codecs.library_path(type(value)):
            self.pinned.add(number)
            return exceptions.describe(self, value, by_test=True)
        if isinstance(value, _FUNCTIONS):
            self.lent.add(number)
            if not isinstance(value, types.FunctionType):
                return functions.describe_method(value, self.pack)
            self.mutable.add(number)
            return ["function", functions.describe(value, self.pack, self._is_known)]
        if isinstance(value, _OF_CLASSES):
            raise TypeError(f"a {type(value).__name__} cannot be sent")
        # a class is asked about itself: one of the test's own is where the candidate is
        if not naming.makes(self.said, value if isinstance(value, type) else type(value)):
            raise TypeError(f"a {type(value).__name__} cannot be sent")
        raise self.proxies.refuse()

    def _is_known(self, kind: type) -> bool:
        """Whether the other end has this class, too: its own, or one of the library's."""
        return isinstance(kind, ProxyType) or self.library_name(kind) is not None

    def forget(self, number: int) -> None:
        self.proxies.forget(self.objects.get(number))
        super().forget(number)

    def rebuild(self, number: int, cell: Any) -> Any:
        tag, content = cell
        if number in self.objects and tag == "hybrid":
            return self._refill(number, content[1])
        if tag == "function":
            return self._set_on(number, content)
        (self.borrowed if tag in ("method", "hybrid") else self.pinned).add(number)
        if tag == "type":
            parents = tuple(self.unpack(base) for base in content["bases"])
            if not all(isinstance(base, type) for base in parents):
                raise ValueError("a base that is no class")
            known = codecs.imported_error(str(content["library"]))
            return known or self.proxies.kind(content, parents)
        if tag == "error":
            return exceptions.rebuild(self, number, content, by_test=False)
        kind: Any = self.unpack(content[0])
        if not issubclass(type(kind), ProxyType):
            raise ValueError("no class of the candidate's")
        if tag not in ("object", "method", "hybrid"):
            raise ValueError("an unknown tag")
        value = self._hybrid(number, kind, content[1]) if tag == "hybrid" else object.__new__(kind)
        if isinstance(content[-1], int):
            self.proxies.hashes[id(value)] = content[-1]
        return value

    def _hybrid(self, number: int, kind: Any, content: Any) -> Any:
        base: Any = bases.base_of(kind)
        cell = codecs.OBJECT_CODECS.get(content[0]) if isinstance(content, list) and len(content) == 2 else None
        if cell is None:
            return base.__new__(kind, self.unpack(content))
        if cell is not codecs.object_codec(base):
            raise ValueError("the content of another kind")
        if cell.fill is None:
            return base.__new__(kind, cell.make(content[1], self.unpack))
        value = base.__new__(kind)
        self.mutable.add(number)
        self.register(number, value)
        cell.fill(value, content[1], self.unpack)
        return value

    def _set_on(self, number: int, content: Any) -> Any:
        """What the candidate has set on a function of the test's that it was given."""
        function = self.objects[number]
        if number not in self.lent or not isinstance(function, types.FunctionType):
            raise ValueError("no function of the test")
        functions.set_state(function, content[-1], self.unpack, by_test=False)
        return function

    def _refill(self, number: int, content: Any) -> Any:
        value = self.objects[number]
        base = bases.base_of(type(value)) if number in self.mutable else None
        cell = codecs.object_codec(base) if base else None
        if cell and cell.fill and cell.tag == content[0]:
            cell.fill(value, content[1], self.unpack)
        return value

    def is_equal(self, before: list[Any], now: list[Any]) -> bool:
        self.proxies.reading = True  # an object of the candidate's in it is not asked
        try:
            return super().is_equal(before, now)
        finally:
            self.proxies.reading = False

    def check_copy(self, value: Any) -> None:
        if not copies.is_copy(value):
            raise ValueError("a copy of what acts for the candidate")

    def fill(self, number: int, codec: codecs.ObjectCodec, value: Any, content: Any) -> None:
        if codec.tag in copies.OF_ATTRIBUTES:
            given = [(name, self.unpack(item)) for name, item in content]
            copies.check_attributes(given, vars(value), number % 2 == self.parity)
        super().fill(number, codec, value, content)

    def perform(self, operation: str, given: list[Any], named: dict[str, Any]) -> Any:
        """Calls back a function of the test. The candidate may request nothing else."""
        function, *arguments = given
        number = self.numbers.get(id(function), -1)
        known: Any = self.objects.get(number)  # the number may be that of an object that is gone
        if operation != "call" or number not in self.lent or known is not function:
            raise ProtocolError("no function of the test")
        try:
            return function(*arguments, **named)
        except AssertionError as problem:
            self._failed_inside |= not self.is_foreign(problem) and self.said.isdisjoint(MEANT)
            raise

    def library_name(self, value: Any) -> str | None:
        if issubclass(type(value), Proxy | ProxyType):
            return None
        if not isinstance(value, (type, types.ModuleType, *_FUNCTIONS)):
            return None
        if path := codecs.library_path(value):
            return path
        if path := codecs.method_path(value):
            self._methods_named.add(path)
        return path

    def library(self, name: str) -> Any:
        # a method only where the test has named it before: it asks an object for what no other way leads to
        return codecs.method(name) if name in self._methods_named else codecs.library(name)

    def print_remote(self, said: Any) -> None:
        for stream, text in zip((sys.stdout, sys.stderr), said, strict=False):
            if text:
                stream.write(str(text))


class RpcServer(Endpoint):
    """The endpoint of the candidate's process. The candidate controls it: its messages are answers, never verdicts."""

    def __init__(self, module: types.ModuleType, read: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
        super().__init__(1, read, send)
        self.module = module
        self._process = os.getpid()
        self._asking = _thread.RLock()
        self._given: dict[int, list[Any]] = {}
        """What the test's end has said of its functions."""
        self._methods_named: set[str] = set()
        """Methods of the library's classes that the test has given, by their paths."""
        self._printed, self._errors = OutputBuffer(), ErrorBuffer()
        self.stdout, self.stderr = text_stream(self._printed), text_stream(self._errors)

    def ask(self, operation: str, arguments: tuple[Any, ...], keywords: dict[str, Any] | None = None) -> Any:
        with self._asking:  # threads of the candidate's may call what the test has lent it
            self.nested = True
            try:
                return super().ask(operation, arguments, keywords)
            finally:
                self.nested = False

    by_reference = codecs.VIEWS

    def copies(self, number: int, value: Any) -> bool:
        """As it went for the first time; what the test has made stays its own."""
        if number in self.pinned:
            return False
        return number % 2 != self.parity or number in self._last or copies.is_copy(value)

    def describe(self, number: int, value: Any) -> Any:
        if number in self._given:
            return ["function", [*self._given[number][:-1], functions.state(value, self.pack)]]
        kind = type(value)
        if number % 2 != self.parity:
            return None
        if number in self._last and number in self.pinned and not issubclass(kind, BaseException):
            return None  # a class, or an object without content: the test's end asks for the rest each time
        if kind in METHODS:  # each time that it is asked for it is a new object
            self.returnable.add(number)
            return ["method", [self.reference(kind), classes.own_hash(value)]]
        base = None if issubclass(kind, type | BaseException) else bases.base_of(kind)
        (self.pinned if base is None else self.returnable).add(number)
        if issubclass(kind, type):
            return ["type", classes.describe(value, self.pack)]
        if issubclass(kind, BaseException):
            return exceptions.describe(self, value, by_test=False)
        if base is None:
            return ["object", [self.reference(kind), classes.own_hash(value)]]
        cell = codecs.object_codec(base)
        if cell and cell.fill:
            self.mutable.add(number)
        return ["hybrid", [self.reference(kind), _write_base(self, value, base), classes.own_hash(value)]]

    def rebuild(self, number: int, cell: Any) -> Any:
        tag, content = cell
        if tag == "hybrid":
            value = self.objects[number]
            codec = codecs.OBJECT_CODECS[content[1][0]]
            assert codec.fill is not None
            codec.fill(value, content[1][1], self.unpack)
            return value
        self.pinned.add(number)
        if tag == "error":
            return exceptions.rebuild(self, number, content, by_test=True)
        return self._stand_in(number, tag, content)

    def _stand_in(self, number: int, tag: str, content: Any) -> Any:
        """A function that looks like one of the test's, and has that one called."""
        if number in self.objects:
            self._given[number] = content
            functions.set_state(self.objects[number], content[-1], self.unpack)
            return self.objects[number]
        if tag in ("bound", "getter"):
            return functions.method(tag, content, self.unpack)

        def call(*given: Any, **named: Any) -> Any:
            return self.ask("call", (made(), *given), named)

        found: Any = call
        if tag == "callable":
            call.__name__ = call.__qualname__ = content
        else:
            self.mutable.add(number)
            self._given[number] = content
            found = functions.stand_in(content, self.unpack, call)
        made = weakref.ref(found)  # it does not keep itself
        return found

    def dropped(self, number: int) -> None:
        """A function that the test has lent stays until nobody at either end has it."""
        super().dropped(number)
        if number in self.pinned:
            self.pinned.discard(number)
            self.borrowed.add(number)
            self._loose[number] = None

    def forget(self, number: int) -> None:
        self._given.pop(number, None)
        super().forget(number)

    def perform(self, operation: str, given: list[Any], named: dict[str, Any]) -> Any:
        try:
            return self._perform(operation, given, named)
        finally:
            if os.getpid() != self._process:
                os._exit(0)  # a process that the candidate forked; the line is its parent's

    def _perform(self, operation: str, given: list[Any], named: dict[str, Any]) -> Any:
        if operation == "call":
            function, *arguments = given
            return function(*arguments, **named)
        if operation == "names":
            known = vars(self.module)
            return [[name, known[name]] for name in given if name in known]
        if operation == "rebind":
            vars(self.module)[given[0]] = given[1]
            return None
        return OPERATIONS[operation](*given)

    def library_name(self, value: Any) -> str | None:
        kind = type(value)
        if issubclass(kind, codecs.METHOD_TYPES):
            path = codecs.method_path(value)
            return path if path in self._methods_named else None
        path = codecs.library_path(value) if issubclass(kind, _NAMED) else None
        return path if path and codecs.is_common(path) else None  # of others the test's end may have no module

    def library(self, name: str) -> Any:
        module = name.partition(":")[0]
        if codecs.is_library(module):
            __import__(module)  # the test has it
        if found := codecs.method(name):
            self._methods_named.add(name)
        return found or codecs.library(name)

    def take_output(self) -> Any:
        said = self._printed.take(), self._errors.take()
        return said if any(said) else ""


_NAMED = (type, types.ModuleType, types.BuiltinFunctionType)

"""How an exception goes to the other end: as its class, its arguments, its chain and its attributes."""

from __future__ import annotations

import contextlib
import types
from typing import Any

from harness.sandbox.remote_calls import codecs, copies
from harness.sandbox.remote_calls.proxies import ProxyType
from harness.sandbox.remote_calls.rpc import Marshaller


def describe(end: Marshaller, problem: BaseException, by_test: bool) -> Any:
    """An exception as a cell; `by_test`: one that the test gives the candidate."""
    kind = type(problem)
    names = [(name, value) for name, value in vars(problem).items() if isinstance(name, str)]
    members = {name: member.__get__(problem) for name, member in _members(kind).items()}
    if by_test:
        members.pop("obj", None)  # what has no such attribute: no object that the test has given anybody
    names += [(name, value) for name, value in members.items() if value is not None]
    given = [end.pack(item) for item in problem.args]
    kept = [[name, end.pack(value)] for name, value in names]
    chain = [end.pack(problem.__cause__), end.pack(problem.__context__), problem.__suppress_context__]
    return ["error", [end.pack(kind), given, chain, kept]]


def _members(kind: type[BaseException]) -> dict[str, types.MemberDescriptorType]:
    """The attributes of an exception that are no part of its dictionary: `name`, `filename`, `value`."""
    classes = [one for one in kind.__mro__ if codecs.library_path(one)]
    found = [(name, thing) for one in classes for name, thing in vars(one).items() if not name.startswith("_")]
    return {name: thing for name, thing in found if type(thing) is types.MemberDescriptorType}


def rebuild(end: Marshaller, number: int, content: Any, by_test: bool) -> Any:
    """The exception that `describe` wrote.

    Raises:
        ValueError: the content is none of an exception.
    """
    kind, arguments = end.unpack(content[0]), [end.unpack(item) for item in content[1]]
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        raise ValueError("no exception")
    problem: Any = None
    if not isinstance(kind, ProxyType):
        with contextlib.suppress(Exception):  # some are made from other arguments than they keep
            problem = kind(*arguments)
    if problem is None:
        problem = kind.__new__(kind, *arguments)
        BaseException.args.__set__(problem, tuple(arguments))  # type: ignore[attr-defined]
    end.register(number, problem)
    members = _members(kind)
    for name, value in content[3]:
        given = end.unpack(value)
        plain = not isinstance(kind, ProxyType) and (name == "__notes__" or _may_be_set(name, given, by_test))
        if plain or name in members:
            with contextlib.suppress(AttributeError, TypeError):  # what the class computes itself
                object.__setattr__(problem, str(name), given)
    cause, context = end.unpack(content[2][0]), end.unpack(content[2][1])
    problem.__cause__ = cause if isinstance(cause, BaseException) else None
    problem.__context__ = context if isinstance(context, BaseException) else None
    problem.__suppress_context__ = bool(content[2][2])
    return problem


def _may_be_set(name: str, value: Any, by_test: bool) -> bool:
    """Whether an exception of the library's has this attribute at the other end, too: of a candidate's only data."""
    return not name.startswith("__") if by_test else copies.is_data(name, value)

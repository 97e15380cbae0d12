"""How a function of the test's is described to the candidate's process, and what stands for it there.

The stand-in has the name, the parameters, the docstring, the annotations and the attributes of the function, so that
`functools.wraps` and `inspect.signature` find them. What a decorator sets on it is set on the function itself.
"""

from __future__ import annotations

import collections.abc
import operator
import types
import typing
from collections.abc import Callable
from typing import Any

from harness.sandbox.remote_calls import codecs, copies

Pack = Callable[[Any], Any]
_BOUND = (types.BuiltinMethodType, types.MethodWrapperType)
GETTERS = (operator.attrgetter, operator.itemgetter, operator.methodcaller)
_TEXTS = ("__name__", "__qualname__", "__doc__")
_EVALUATED = {"typing": typing, "collections": collections}


def describe(function: types.FunctionType, pack: Pack, known: Callable[[Any], bool]) -> list[Any]:
    """The function as JSON, its state last. `known`: whether the other end has a class of its own for this one."""
    code = function.__code__
    rest, rest_by_name = code.co_flags & 4, code.co_flags & 8
    shape = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, rest, rest_by_name]
    count = code.co_argcount + code.co_kwonlyargcount + bool(rest) + bool(rest_by_name)
    defaults = [pack(function.__defaults__), pack(function.__kwdefaults__)]
    annotations = [[name, *_annotation(one, pack, known)] for name, one in function.__annotations__.items()]
    names = list(code.co_varnames[:count])
    return [shape, names, defaults, annotations, str(function.__module__), state(function, pack)]


def describe_method(function: Any, pack: Pack) -> list[Any]:
    """What is no function of Python's text: a method of a value that both ends have, or what can only be called."""
    owner = getattr(function, "__self__", None)
    both = codecs.is_copied(type(owner)) or (isinstance(owner, type) and codecs.library_path(owner))
    if isinstance(function, _BOUND) and owner is not None and both:
        return ["bound", [pack(owner), function.__name__]]
    if isinstance(function, GETTERS):
        reduced: Any = function.__reduce__()
        kind, arguments = reduced[:2]  # of a `methodcaller` with keywords a partial
        if kind is type(function):
            return ["getter", [kind.__name__, [pack(one) for one in arguments]]]
    return ["callable", str(getattr(function, "__name__", "function"))]


def _annotation(value: Any, pack: Pack, known: Callable[[Any], bool]) -> tuple[str, Any]:
    """An annotation itself, or its text where it is no value that can be sent."""
    if _sendable(value, known):
        return "value", pack(value)
    return ("name", value.__qualname__) if isinstance(value, type) else ("text", repr(value))


def _sendable(value: Any, known: Callable[[Any], bool]) -> bool:
    if type(value) in (types.GenericAlias, types.UnionType):
        return all(_sendable(one, known) for one in value.__args__)
    return value is None or value is types.NoneType or type(value) is str or (isinstance(value, type) and known(value))


def _read_annotation(how: str, content: Any, unpack: Pack) -> Any:
    if how == "value":
        return unpack(content)
    if how == "text":
        try:
            return eval(content, dict(_EVALUATED))  # noqa: S307 - an annotation of the test's: typing.Optional[int]
        except (NameError, AttributeError, SyntaxError, TypeError):  # typing.Optional[__main__.Own]
            return content
    return content


def state(function: Any, pack: Pack) -> list[Any]:
    """What can be set on a function: its names, its docstring, and its attributes."""
    texts = [[name, pack(getattr(function, name))] for name in _TEXTS]
    return texts + [[name, pack(value)] for name, value in vars(function).items() if isinstance(name, str)]


def set_state(function: Any, content: Any, unpack: Pack, by_test: bool = True) -> None:
    """Sets what `state` wrote; what is not the test's own is data, or a function under a name that judges nothing.

    Raises:
        TypeError: a name that is no text.
        ValueError: an attribute that a candidate may not set.
    """
    given = {str(name): unpack(value) for name, value in content}
    if not by_test:
        copies.check_attributes([pair for pair in given.items() if pair[0] not in _TEXTS], vars(function), own=True)
    for name in _TEXTS:
        text = given.pop(name, None)
        if text is not None and type(text) is not str:
            raise TypeError(f"{name} that is no text")
        setattr(function, name, text)
    vars(function).clear()
    vars(function).update(given)


def method(tag: str, content: list[Any], unpack: Pack) -> Any:
    """What `describe_method` wrote, made of the values of this end."""
    if tag == "bound":
        return getattr(unpack(content[0]), content[1])
    return getattr(operator, content[0])(*map(unpack, content[1]))


def stand_in(content: list[Any], unpack: Pack, call: Callable[..., Any]) -> Any:
    """A function that looks like the one that `describe` has written, and gives all its arguments to `call`."""
    shape, parameters, defaults, annotations, module, said = content
    names = {"_call": call}
    exec(source(shape, parameters), names)  # noqa: S102 - names of parameters of a test's function
    made: Any = names.pop("stand_in")
    made.__defaults__, made.__kwdefaults__ = map(unpack, defaults)
    made.__annotations__ = {name: _read_annotation(how, one, unpack) for name, how, one in annotations}
    made.__module__ = module
    set_state(made, said, unpack)
    return made


def source(shape: list[int], parameters: list[str]) -> str:
    """`stand_in` with these parameters, which gives all of them to `call`."""
    positional, before_slash, keyword_only, rest, rest_by_name = shape
    names = list(parameters)
    first = names[:positional]
    by_name = names[positional : positional + keyword_only]
    others = names[positional + keyword_only :]
    heads = [*first[:before_slash], "/", *first[before_slash:]] if before_slash else list(first)
    gives = list(first)
    if rest:
        heads.append(f"*{others[0]}")
        gives.append(f"*{others[0]}")
    elif by_name:
        heads.append("*")
    heads += by_name
    gives += [f"{name}={name}" for name in by_name]
    if rest_by_name:
        heads.append(f"**{others[-1]}")
        gives.append(f"**{others[-1]}")
    return f"def stand_in({', '.join(heads)}): return _call({', '.join(gives)})"

"""Proxies that a test gets in place of the candidate's classes, functions and objects.

A proxy has the name, the bases and the operators of what it stands for, and asks the candidate's process for the
rest. It is asked less than the object itself would be, wherever an answer would be a verdict: an object of the
candidate's equals a plain value of the test only where the test is about its class.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.sandbox.remote_calls import bases, codecs, copies, naming, overrides
from harness.sandbox.remote_calls.operators import BINARY, COMPARISONS, NUMBERS, OPERATORS, of_objects
from harness.sandbox.remote_calls.rpc import NotTransferable
from harness.sandbox.remote_calls.steps import Steps
from harness.sandbox.test_support import finality

Ask = Callable[..., Any]

_JUDGING = bases.VERDICTS | bases.ASKED_WITH
_OF_THE_BASE = bases.ON_CONTENT | overrides.SPECIAL.keys()
"""Operators that a class which extends a plain type does not decide alone."""


class ProxyType(type):
    """The metaclass: proxies of the candidate's classes are its instances."""

    if TYPE_CHECKING:
        _proxies: Proxies

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        return cls._proxies.call(cls, arguments, keywords)

    def __getattr__(cls, name: str) -> Any:
        return cls._proxies.attribute(cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        cls._proxies.ask("set", (cls, name, value))

    def __delattr__(cls, name: str) -> None:
        cls._proxies.ask("delete", (cls, name))

    def __getitem__(cls, item: Any) -> Any:
        return cls._proxies.ask("item", (cls, item))

    def __iter__(cls) -> Any:
        return cls._proxies.ask("iterate", (cls,))

    def __len__(cls) -> int:
        return int(cls._proxies.ask("length", (cls,)))

    def __contains__(cls, item: Any) -> bool:
        return any(item == member for member in cls)

    def __bool__(cls) -> bool:
        return True

    def __dir__(cls) -> Any:
        return cls._proxies.ask("dir", (cls,))

    def __repr__(cls) -> str:
        return str(cls._proxies.ask("repr", (cls,)))

    def __instancecheck__(cls, value: Any) -> bool:
        return super().__instancecheck__(value) or cls._proxies.checked("isinstance", cls, value)

    def __subclasscheck__(cls, kind: type) -> bool:
        return super().__subclasscheck__(kind) or cls._proxies.checked("issubclass", cls, kind)

    @property
    def __mro__(cls) -> Any:
        return tuple(kind for kind in type.__dict__["__mro__"].__get__(cls) if kind is not Proxy)

    @property
    def __bases__(cls) -> Any:  # type: ignore[override]
        return tuple(kind for kind in type.__dict__["__bases__"].__get__(cls) if kind is not Proxy) or (object,)

    @property
    def __doc__(cls) -> Any:  # type: ignore[override]
        return cls._proxies.ask("get", (cls, "__doc__"))

    @property
    def __annotations__(cls) -> Any:  # type: ignore[override]
        return cls._proxies.ask("get", (cls, "__annotations__"))


class Proxy:
    """Base class of proxies of the candidate's objects."""

    if TYPE_CHECKING:
        _proxies: Proxies

    def __init_subclass__(cls, made: bool = False, **_: Any) -> None:
        if not made:
            raise cls._proxies.refuse()  # the test extends a class of the candidate's

    def __getattr__(self, name: str) -> Any:
        return self._proxies.attribute(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):  # a traceback, which is this process's own
            object.__setattr__(self, name, value)
        else:
            self._proxies.ask("set", (self, name, value))

    def __delattr__(self, name: str) -> None:
        self._proxies.ask("delete", (self, name))

    def __dir__(self) -> Any:
        return self._proxies.ask("dir", (self,))

    def __copy__(self) -> Any:
        return self._proxies.ask("copy", (self,))

    def __deepcopy__(self, _: Any) -> Any:
        return self._proxies.ask("deepcopy", (self,))

    def __reduce_ex__(self, _: Any) -> Any:
        raise TypeError("an object of the candidate's")


class Proxies:
    """Creates proxies. `ask(operation, arguments, keywords)` asks the candidate's process."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.stopping = False
        """Whether the test expects that a function raises StopIteration."""
        self.judged = False
        """Whether an object of the candidate's was asked for a comparison with a plain value."""
        self.handing: frozenset[str] = frozenset()
        """Methods that the test calls with what they may answer."""
        self.refused = False
        """Whether the test asked for something that only the candidate's process can do."""
        self.reading = False
        """Whether an answer is being put together, when nothing may be asked."""
        self.hashes: dict[int, int] = {}
        """What objects with a hash of their own have said it is, by their id."""
        self._steps = Steps(self.ask, self._judge)
        self._trusted: set[type] = set()
        self.searched: set[Any] = set()
        """Classes in whose objects the test looks for something."""
        self._library: dict[type, str] = {}
        self.named: set[tuple[int, str]] = set()
        """Classes, by their id, and the attributes that the test's text reads of their names."""
        self._checking: set[type] = set()
        """Classes that are asked for their objects: abstract ones, protocols."""

    def forget(self, value: Any) -> None:
        """Nobody has the proxy `value` any more: another object may get its id."""
        self.hashes.pop(id(value), None)
        self._steps.forget(value)

    def refuse(self) -> NotTransferable:
        """What is raised where the test must be judged in the candidate's process."""
        self.refused = True
        return NotTransferable()

    def kind(self, cell: dict[str, Any], parents: tuple[Any, ...]) -> type:
        """The proxy of a class that `cell` describes."""
        names = {name: self._operator(str(name)) for name in cell["operators"] if name in OPERATORS}
        if cell["unhashable"]:
            names["__hash__"] = None
        elif "__eq__" in names:
            names.setdefault("__hash__", object.__hash__)
        if "__next__" in names:
            names["__length_hint__"] = _method(self._steps.draw)
        names["__doc__"] = property(lambda mine: self.ask("get", (mine, "__doc__")))
        names["__annotations__"] = property(lambda mine: self.ask("get", (mine, "__annotations__")))
        names["__dict__"] = property(lambda mine: self.ask("get", (mine, "__dict__")))
        names |= {"__module__": str(cell["module"]), "__qualname__": str(cell["qualname"]), "_proxies": self}
        if cell["library"] == "builtins:function":
            names |= {"__module__": _Module(str(cell["module"]), self.ask), "__get__": _bind}
        real = codecs.resolve(cell["library"])
        # what always goes by copy has no proxy, whatever the candidate says of its class
        if isinstance(real, type) and (cell["library"] in copies.NOT_ALWAYS or not codecs.is_copied(real)):
            names["__class__"] = property(lambda _: real)
        elif cell["library"] in naming.OF_TYPES:
            names["__class__"] = property(lambda _: naming.OF_TYPES[cell["library"]])
        plain = [base for base in parents if issubclass(base, Proxy | BaseException) or base in bases.BASES]
        if not any(issubclass(base, Proxy) for base in plain):
            plain.insert(0, Proxy)
        known = {name for base in plain for one in _mro(base) for name in vars(one) if not name.startswith("_")}
        names |= {name: self._override(name) for name in known.intersection(cell["overrides"])}
        try:
            made: type = type.__new__(ProxyType, str(cell["name"]), tuple(plain), names, made=True)
        except TypeError:  # bases that do not fit together
            made = type.__new__(ProxyType, str(cell["name"]), (Proxy,), names, made=True)
        self._library[made] = cell["library"]
        if cell["checks"] and not issubclass(made, BaseException):  # `except` asks no class of exceptions
            self._checking.add(made)
        return made

    def ask(self, operation: str, arguments: tuple[Any, ...], keywords: dict[str, Any] | None = None) -> Any:
        """What the candidate's process answers; a StopIteration of no iterator would end a loop of the test's."""
        try:
            return self._ask(operation, arguments, keywords)
        except (StopIteration, StopAsyncIteration) as problem:
            if (operation == "call" and self.stopping) or (operation, arguments[0]) == ("operator", "__next__"):
                raise
            names = {"call": "the function", "get": arguments[-1], "operator": arguments[0]}
            raise RuntimeError(f"{names.get(operation, operation)} raised {type(problem).__name__}") from None

    def checked(self, what: str, kind: Any, value: Any) -> bool:
        """What a class that has a way of its own to tell its objects says of `value`, which is not made of it."""
        if kind not in self._checking or self.reading:
            return False
        self.judged = True
        return bool(self.ask(what, (kind, value)))

    def trust(self, kind: Any) -> None:
        """The test is about this class: its objects may compare themselves with values of the test."""
        if isinstance(kind, ProxyType):
            self._trusted.add(kind)

    def call(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """What a function of the candidate's returns for the test."""
        return self.ask("call", (function, *arguments), keywords)

    def attribute(self, mine: Any, name: str) -> Any:
        """An attribute of an object or a class, which its proxy has not."""
        if of_objects(name):
            raise AttributeError(name)
        judging = name in _JUDGING or name in self.handing
        answer = judging and not self._decides(mine) and (id(mine), name) not in self.named
        if answer and name in _JUDGING:
            plain = self._plain(mine)
            if plain is not None or (name in bases.VERDICTS and isinstance(mine, Proxy)):
                return getattr(plain, name)
            self.judged = True
        theirs = self.ask("get", (mine, name))
        if answer and name in self.handing:
            plain = self._plain(mine)
            if hasattr(plain, name):
                return overrides.bound(plain, type(plain), name, theirs, self._judge)
            self.judged = True
        return theirs

    def _plain(self, mine: Any) -> Any:
        """The plain value that an object of the library's stands for; None where it stands for none."""
        paths = [self._library.get(kind, "") for kind in type(mine).__mro__]
        form = next(filter(None, map(_plain_form, paths)), None)
        plain = self.ask("plain", (mine,)) if form else None
        return plain if type(plain) is form else None

    def _judge(self) -> None:
        self.judged = True

    def _decides(self, mine: Any) -> bool:
        kinds = _mro(mine) if issubclass(type(mine), ProxyType) else type(mine).__mro__
        return any(kind in self._trusted for kind in kinds)

    def _override(self, name: str) -> Any:
        """A method that a class of the candidate's has in place of the plain type's that it extends."""

        def find(mine: Any) -> Any:
            base = bases.base_of(type(mine))
            if base is None:
                return self.attribute(mine, name)
            theirs = self.ask("get", (mine, name))
            if self._decides(mine):
                return theirs
            return overrides.bound(mine, base, name, theirs, self._judge)

        return property(find)

    def _operator(self, name: str) -> Any:
        if name in COMPARISONS:
            return self._comparison(name)
        if name in BINARY:
            return self._binary(name)
        if name == "__call__":
            return lambda mine, *given, **named: self.call(mine, given, named)
        if name == "__exit__":
            return _method(self._leave)
        if name == "__contains__":
            return _method(self._contains)
        if name == "__hash__":
            return _method(self._hash)
        if name == "__next__":
            return _method(self._steps.next)

        def operator(mine: Any, *given: Any) -> Any:
            base = bases.base_of(type(mine)) if name in _OF_THE_BASE else None
            if base is not None and not self._decides(mine):
                if name in bases.ON_CONTENT:
                    return bases.do(base, name, mine, *given)
                theirs = lambda *given: self.ask("operator", (name, mine, *given))  # noqa: E731
                return overrides.SPECIAL[name](mine, base, given[0], theirs, self._judge)
            self.judged |= name in NUMBERS  # another number each time it is asked, as the test's formula needs it
            return self._item(mine, name, given)

        operator.__name__ = name
        return operator

    def _item(self, mine: Any, name: str, given: tuple[Any, ...]) -> Any:
        """What an operator answers; of one that gives items it is seen whether there are as many as its length says."""
        counted = name in ("__iter__", "__getitem__") and hasattr(type(mine), "__len__") and not self._decides(mine)
        try:
            found = self.ask("operator", (name, mine, *given))
        except IndexError:
            if counted and name == "__getitem__":
                self._steps.missing(mine, *given)
            raise
        return self._steps.begin(mine, found) if counted and name == "__iter__" else found

    def _hash(self, mine: Any) -> int:
        found = self.hashes.get(id(mine)) if self.reading else None
        return int(self.ask("operator", ("__hash__", mine))) if found is None else found

    def _comparison(self, name: str) -> Any:
        def compare(mine: Any, other: Any) -> Any:
            if self.reading:  # two keys of one dictionary of the candidate's
                return mine is other
            if isinstance(other, Proxy | ProxyType):
                return self.ask("operator", (name, mine, other))
            base = bases.base_of(type(mine))
            if base is not None:
                return getattr(base, name)(mine, other)
            if self._decides(mine):
                self.judged = True
                return self.ask("operator", (name, mine, other))
            path = self._library.get(type(mine), "")
            if path in copies.OF_ATTRIBUTES and path == codecs.path_of(type(other)):
                return getattr(operator, name)(vars(mine), vars(other))
            plain = self._plain(mine)
            return NotImplemented if plain is None else getattr(operator, name)(plain, other)

        return compare

    def _binary(self, name: str) -> Any:
        def combine(mine: Any, other: Any, *more: Any) -> Any:
            if isinstance(other, Proxy | ProxyType):
                return self.ask("operator", (name, mine, other, *more))
            if self._decides(mine):
                self.judged = True
                return self.ask("operator", (name, mine, other, *more))
            base = bases.base_of(type(mine))
            plain = self._plain(mine) if base is None else mine
            inherited = None if plain is None else getattr(base or type(plain), name, None)
            return inherited(plain, other, *more) if inherited else NotImplemented

        return combine

    def _contains(self, mine: Any, item: Any) -> Any:
        alone = type(mine) in self.searched and not bases.has_items(mine)
        if isinstance(item, Proxy | ProxyType) or self._decides(mine) or alone:
            self.judged |= not isinstance(item, Proxy | ProxyType)
            return self.ask("operator", ("__contains__", mine, item))
        base: Any = bases.base_of(type(mine))
        if base is not None:
            return base.__contains__(mine, item)
        return any(item is one or item == one for one in mine)

    def _leave(self, mine: Any, kind: Any, problem: Any, _: Any) -> Any:
        """The end of a `with` block: a failed assertion is never the candidate's to pass over."""
        if kind is not None and not issubclass(kind, Exception):
            return False
        swallowed = self.ask("operator", ("__exit__", mine, kind, problem, None))
        if not swallowed or isinstance(problem, AssertionError):
            return False
        # what comes after an exception that the test has not raised itself was to be evaluated
        self.judged |= problem is not None and not finality.raised_by_the_test(problem)
        return True


class _Module:
    """`__module__` of a class whose objects have one of their own: functions."""

    def __init__(self, text: str, ask: Ask) -> None:
        self.text, self.ask = text, ask

    def __get__(self, mine: Any, _: type) -> Any:
        return self.text if mine is None else self.ask("get", (mine, "__module__"))


def _bind(mine: Any, owner: Any, _: Any = None) -> Any:
    """A function of the candidate's in a class of the test's is a method there, as any function is."""
    return mine if owner is None else types.MethodType(mine, owner)


def _plain_form(path: str) -> Any:
    """The type of what to compare in place of an object of this class of the library's; None where there is none."""
    return codecs.resolve(path) if path in copies.WITH_ZONE else bases.PLAIN_FORMS.get(path)


def _mro(kind: type) -> tuple[type, ...]:
    """All bases of a class, whatever it says of itself."""
    found: tuple[type, ...] = type.__dict__["__mro__"].__get__(kind)
    return found


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that a class takes for a method, although it is bound to something else already."""
    return lambda *given: function(*given)  # noqa: PLW0108

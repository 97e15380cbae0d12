"""Subclasses of builtin types that a candidate defines, and conversion of their instances to the builtin type."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

BASES: tuple[type, ...] = (
    *(Counter, OrderedDict, defaultdict, deque, list, tuple, dict),
    *(set, frozenset, bytearray, int, float, str, bytes, complex),
)
"""What a class of the candidate's may extend and still be a value: the most special first."""

PLAIN_FORMS = {
    "collections:UserDict": dict,
    "collections:ChainMap": dict,
    "builtins:mappingproxy": dict,
    "collections:UserList": list,
    "collections:UserString": str,
    "builtins:memoryview": bytes,
    **{f"builtins:{kind}_{view}": set for kind in ("dict", "odict") for view in ("keys", "items")},
    "collections.abc:Mapping": dict,
    "collections.abc:Set": set,
}
"""Classes of the library that equal plain values: what to compare in place of such an object."""

VERDICTS = frozenset({"startswith", "endswith", "issubset", "issuperset", "isdisjoint", "equals"})
"""Methods whose answer is a comparison with what the test expects."""
_WITH = "difference intersection symmetric_difference contains has match fullmatch find rfind index rindex count"
ASKED_WITH = frozenset(_WITH.split())
"""Methods that a test may call with what it expects: where an object of the candidate's answers, `judged` says so."""
OF_CONTENT = VERDICTS | ASKED_WITH | {"items", "keys", "values", "is_integer", *(n for n in dir(str) if n[:2] == "is")}
"""Methods of plain types that say what is in a value, or how it compares."""
_OPERATORS = "len iter reversed getitem bool abs neg pos invert round trunc floor ceil int index float complex"
ON_CONTENT = frozenset(f"__{name}__" for name in _OPERATORS.split())
"""What an expression does with the content of a plain value."""


def base_of(kind: type) -> type | None:
    """The plain type that a class extends; None where it extends none."""
    return next((base for base in BASES if issubclass(kind, base)), None)


def as_base(value: Any, base: type) -> Any:
    """`value` of a class that extends `base` as exactly that, read by the base's own methods."""
    return _READ[base](value)


def _plain_dict(value: Any) -> dict[Any, Any]:
    return {key: item for key, item in dict.items(value)}  # noqa: C416 - dict() would ask the candidate's class


def _counter(value: Any) -> Any:
    fresh: Any = Counter()
    dict.update(fresh, _plain_dict(value))
    return fresh


_READ: dict[type, Callable[[Any], Any]] = {
    Counter: _counter,
    OrderedDict: lambda value: OrderedDict(OrderedDict.items(value)),
    defaultdict: lambda value: defaultdict(defaultdict.__dict__["default_factory"].__get__(value), _plain_dict(value)),
    deque: lambda value: deque(deque.__iter__(value), deque.__dict__["maxlen"].__get__(value)),
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    dict: _plain_dict,
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    bytearray: lambda value: bytearray(memoryview(value)),
    int: lambda value: int.__add__(value, 0),
    float: float.__pos__,
    str: str.__str__,
    bytes: lambda value: b"".join([value]),
    complex: complex.__pos__,
}


def has_items(value: Any) -> bool:
    """Whether `in` can look through the items of an object; a class may be a proxy, whose own class has items."""
    return any("__iter__" in vars(kind) for kind in type(value).__mro__)


def do(base: Any, name: str, mine: Any, *given: Any) -> Any:
    """What the plain type that a class extends does with its content, whatever the class says."""
    if name == "__bool__":
        return base.__bool__(mine) if hasattr(base, name) else base.__len__(mine) > 0
    inherited = getattr(base, name, None)
    if inherited is None:
        raise TypeError(f"{base.__name__} has no {name}")
    return inherited(mine, *given)

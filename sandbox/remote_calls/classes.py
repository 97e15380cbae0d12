"""How a class of the candidate's is described to the process of the test, which makes a proxy of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.sandbox.remote_calls import bases, codecs
from harness.sandbox.remote_calls.operators import OPERATORS


def describe(kind: Any, pack: Callable[[Any], Any]) -> dict[str, Any]:
    """The class as JSON: its names, its bases, its operators, and what it has in place of the plain type's."""
    base = bases.base_of(kind) or _nearest_error(kind)
    own = [name for name in OPERATORS if _defined(kind, name) is not _defined(base, name)]
    plain = [name for name in dir(base) if not name.startswith("_")] if base is not object else []
    path = codecs.path_of(kind)
    return {
        "name": kind.__name__,
        "module": str(kind.__module__),
        "qualname": kind.__qualname__,
        "bases": [pack(one) for one in kind.__bases__],
        "operators": [name for name in own if _defined(kind, name) is not None],
        "checks": _defined(type(kind), "__instancecheck__") is not _defined(type, "__instancecheck__"),
        "overrides": [name for name in plain if _defined(kind, name) is not _defined(base, name)],
        "unhashable": _defined(kind, "__hash__") is None,
        "library": path if codecs.is_library(codecs.module_of(kind)) else "",
    }


def own_hash(value: Any) -> int | None:
    """The hash of an object that has one of its own: the test's process cannot ask while it makes a dictionary."""
    if _defined(type(value), "__hash__") in (None, object.__hash__):
        return None
    try:
        return hash(value)
    except Exception:  # noqa: BLE001 - then nobody can have it as a key
        return None


def _nearest_error(kind: type) -> type:
    """The exception class that the library has and this one extends; `object` where it is no exception."""
    if not issubclass(kind, BaseException):
        return object
    return next(one for one in kind.__mro__ if codecs.library_path(one))


def _defined(kind: Any, name: str) -> Any:
    return next((vars(one)[name] for one in kind.__mro__ if name in vars(one)), None)

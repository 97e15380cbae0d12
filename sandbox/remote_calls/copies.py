"""Which objects with parts a test gets as a copy: those that are data alone, so that no copy acts for the candidate.

What the interpreter and numpy ask an object for by a name of two underscores (`__reduce_ex__`, `__array_interface__`)
they do in the test's process; and what a test calls of a copy (`startswith`, `issubset`) is judged by nobody. So an
object whose attributes are more than data stays where it is, and the test has a proxy of it.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

from harness.sandbox.remote_calls import bases, codecs, overrides

OF_ATTRIBUTES = frozenset({"types:SimpleNamespace", "argparse:Namespace"})
"""Classes whose objects are their attributes and nothing else."""
WITH_ZONE = frozenset({"datetime:datetime", "datetime:time"})
"""Classes whose objects have a time zone, which may be of a class of the candidate's."""
NOT_ALWAYS = OF_ATTRIBUTES | WITH_ZONE
"""Classes whose objects go by copy only where `is_copy` says so."""
_ASKED = bases.VERDICTS | bases.ASKED_WITH | overrides.HANDING | overrides.HANDING_A_SECOND


def is_data(name: Any, value: Any) -> bool:
    """Whether an attribute of a copy may be this: nothing that can be called, under no name of the interpreter's."""
    return type(name) is str and name[:2] != "__" and not callable(value)


def is_copy(value: Any) -> bool:
    """Whether a value of a type that has a codec goes by copy from a candidate to a test."""
    path = codecs.path_of(type(value))
    if path in OF_ATTRIBUTES:
        return all(is_data(name, item) for name, item in vars(value).items())
    if path in WITH_ZONE:
        kind = type(value.tzinfo)
        return value.tzinfo is None or bool(codecs.value_codec(kind) or codecs.object_codec(kind))
    if type(value) is types.GenericAlias:  # its attributes are those of its class
        return codecs.library_path(value.__origin__) is not None
    return True


def check_attributes(given: Iterable[tuple[Any, Any]], known: dict[str, Any], own: bool) -> None:
    """Refuses attributes that a candidate may not give a copy; `known` are those that it has.

    `own`: the object is the test's own, to which a candidate may give a function.

    Raises:
        ValueError: one is more than data.
    """
    for name, value in given:
        if is_data(name, value) or (name in known and known[name] is value):
            continue
        if not own or type(name) is not str or name[:2] == "__" or name in _ASKED:
            raise ValueError("an attribute that is no data")

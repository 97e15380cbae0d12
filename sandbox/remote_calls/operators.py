"""The names by which the interpreter and numpy ask an object, or its class, for what an expression does with it."""

from __future__ import annotations

COMPARISONS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
_OPERATIONS = "add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift"
BINARY = tuple(f"__{before}{name}__" for name in _OPERATIONS.split() for before in ("", "r", "i"))
NUMBERS = frozenset({"__float__", "__complex__", "__int__", "__index__"})
"""Operators that give a number in place of an object."""
OPERATORS = (
    *("__call__", "__len__", "__iter__", "__next__", "__reversed__", "__getitem__", "__setitem__"),
    *("__delitem__", "__contains__", "__missing__", "__bool__", "__int__", "__index__", "__float__", "__complex__"),
    *(
        "__str__",
        "__repr__",
        "__format__",
        "__bytes__",
        "__fspath__",
        "__hash__",
        "__round__",
        "__trunc__",
        "__floor__",
    ),
    *("__ceil__", "__abs__", "__neg__", "__pos__", "__invert__", "__enter__", "__exit__"),
    *("__await__", "__aiter__", "__anext__", "__aenter__", "__aexit__"),
    *COMPARISONS,
    *BINARY,
)
"""What an expression does with an object without naming an attribute."""


def of_objects(name: str) -> bool:
    """Whether an object's class alone is asked for this, and never what a candidate has set on the object.

    numpy asks for `__array_interface__` and its like to have that decide in its place: no object of a candidate's does.
    """
    return name in _OF_CLASSES or (name.startswith("__array_") and name != "__array__")


_OF_CLASSES = frozenset(OPERATORS)

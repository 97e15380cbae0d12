"""Marshalling between the process of a test and the process of a candidate, whose calls `connection.py` carries.

Plain values go by copy, everything else by reference. What can be changed, or asked for with `is`, has a number that
both ends know: a list that the candidate changes is changed for the test, and one that it returns twice is one list.
A message lists its numbered objects as cells, so that it is flat however deep the value is. An object that only one
end still has is forgotten by both, which keeps the cost of a call that of its own values.

Used by both ends. What comes from the candidate's end is untrusted: it can make plain values and proxies, nothing else.
"""

from __future__ import annotations

import gc
import marshal
import operator
import sys
import types
from typing import Any

from harness.sandbox.remote_calls import codecs

DEEP = 60_000
"""The interpreter's limit on recursion while a value is taken apart or put together."""
_SMALL = 1 << 53
_SCALARS = frozenset({int, float, str, bool, type(None)})
_FEW = 16
_MANY = 1000
METHODS = (types.MethodType, types.BuiltinMethodType)
_SHAPE = ("__name__", "__qualname__", "__doc__", "__module__", "__code__", "__defaults__", "__kwdefaults__")


class ProtocolError(BaseException):
    """An invalid message. A BaseException, so that no test catches it."""


class ConnectionClosed(ProtocolError):
    """The other endpoint has closed the pipe."""


class NotTransferable(BaseException):
    """A value that cannot be sent. A BaseException, so that no test catches it."""


class TooLarge(NotTransferable):
    """A message of more bytes than may be sent."""


def prepared() -> tuple[int, bool]:
    """Prepares the interpreter to take values apart: as deep as they are, and without a look for garbage meanwhile.

    Returns what `restore` takes.
    """
    before = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(before[0], DEEP))
    gc.disable()
    return before


def restore(limit: int, collecting: bool) -> None:
    sys.setrecursionlimit(limit)
    if collecting:
        gc.enable()


def _mark(cell: Any) -> bytes:
    """The same for cells of the same content alone; unlike the content itself it tells 1 from 1.0 and True."""
    try:
        return marshal.dumps(cell, 2)
    except ValueError:  # a text of a class of the candidate's
        return repr(cell).encode("utf-8", "backslashreplace")


class Marshaller:
    """Packs and unpacks values, and numbers the objects that both endpoints share.

    `first`, 0 or 1, is the number of this endpoint's first object; its numbers go up by two.
    """

    by_reference: frozenset[type] = frozenset()
    """Types whose values stay at this end although they could be copied."""

    def __init__(self, first: int) -> None:
        self.parity = first
        self._next = first
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self._last: dict[int, bytes] = {}
        """What each object was when it last crossed: the mark of its cell."""
        self.pinned: set[int] = set()
        """What is sent by reference, and is never forgotten."""
        self.mutable: set[int] = set()
        """Those of them that have a plain content that can change."""
        self.returnable: set[int] = set()
        """What is sent by reference, and is forgotten when the other end has it no more."""
        self.borrowed: set[int] = set()
        """What the other end keeps for as long as this end has it."""
        self.lent: set[int] = set()
        """Functions that the other end may call; forgotten when neither end has them."""
        self._changing: dict[int, None] = {}
        """What is sent by value and can change: a message looks at these alone, however much else is shared."""
        self._loose: dict[int, None] = {}
        """What may be forgotten when nobody has it, and what has been pinned since the last message."""
        self._kept: dict[int, None] = {}
        """What is borrowed or lent, and somebody had when it was last looked for."""
        self._enough = _FEW
        """How many of those there may be before they are looked at again: a message does not look at all of them."""
        self._methods: dict[Any, Any] = {}
        self._shapes: dict[int, list[Any] | None] = {}
        """What can be set on a function, by its number, where it has no attributes."""
        self._items: dict[int, list[Any]] = {}
        """The items of long lists when they last crossed."""
        self._flat: set[int] = set()
        """Those of them that are numbers and texts."""
        self.nested = False
        """Whether a function is called back by a call under way: what that has changed is looked at closely later."""
        self._cells: dict[int, Any] = {}
        self._coming: dict[int, Any] = {}

    # --- out

    def write(self, arguments: Any, keywords: dict[str, Any] | None = None) -> dict[str, Any]:
        """The part of a message that carries `arguments`, a list, and with it whatever changed at this end."""
        known = self._next
        self._cells = {}
        before = prepared()
        try:
            given = [self.pack(item) for item in arguments]
            named = [[name, self.pack(item)] for name, item in (keywords or {}).items()]
            self._changed()
        except BaseException:
            for number in range(known, self._next, 2):
                self.forget(number)
            raise
        finally:
            restore(*before)
        message: dict[str, Any] = {"arguments": given}
        if cells := self._news():
            message["cells"] = cells
        if named:
            message["keywords"] = named
        return message

    def _news(self) -> list[Any]:
        """The cells that the other end does not have yet as they are now."""
        cells = []
        for number, cell in self._cells.items():
            if cell and self._last.get(number) != (mark := _mark(cell)):
                self._last[number] = mark
                self._note_items(number)
                cells.append([number, cell])
        return cells

    def _note_items(self, number: int) -> None:
        value = self.objects.get(number)
        if type(value) is list and len(value) > _FEW:
            self._items[number] = value.copy()
            (self._flat.add if _SCALARS.issuperset(map(type, value)) else self._flat.discard)(number)

    def pack(self, value: Any) -> Any:
        """`value` as JSON: itself, {tag: text}, or [number] of a cell."""
        kind = type(value)
        if kind is str or kind is float or kind is bool or value is None:
            return value
        if kind is int:
            return value if -_SMALL < value < _SMALL else {"int": hex(value)}
        text = codecs.value_codec(kind)
        if text is not None:
            return {text.tag: text.write(value)}
        if (name := self.library_name(value)) is not None:
            return {"library": name}
        return self.reference(value)

    def reference(self, value: Any) -> list[int]:
        """`value` as the number of a cell, even where the other end has it too."""
        kind = type(value)
        if kind in METHODS:  # a proxy says that it is one, too
            known = self._methods.get(key := _method_key(value))
            self._methods[key] = value = known if known == value else value
        number = self._number(value)
        if number not in self._cells:
            self._cells[number] = None  # a value may contain itself
            if self._is_as_it_was(number, kind, value):
                return [number]
            codec = None if kind in self.by_reference else codecs.object_codec(kind)
            codec = codec if codec and self.copies(number, value) else None
            self._cells[number] = [codec.tag, codec.write(value, self.pack)] if codec else self.describe(number, value)
        return [number]

    def _is_as_it_was(self, number: int, kind: type, value: Any) -> bool:
        """Whether a value is what it was when it last crossed, as far as that is soon seen."""
        if kind is list:
            before = self._items.get(number)
            if before is None or len(before) != len(value):
                return False
            if self.nested and number in self._flat:
                return self.is_equal(before, value)
            return all(map(operator.is_, before, value))
        if kind is not types.FunctionType:
            return False
        known = self._shapes.get(number)
        self._shapes[number] = shape = None if value.__dict__ else [getattr(value, name) for name in _SHAPE]
        return known is not None and shape is not None and all(map(operator.is_, known, shape))

    def _number(self, value: Any) -> int:
        number = self.numbers.get(id(value))
        if number is None:
            number, self._next = self._next, self._next + 2
            self.register(number, value)
        return number

    def register(self, number: int, value: Any) -> None:
        """Gives `value` its number; what had it before has none, so that nothing new at its address is taken for it."""
        before = self.objects.get(number)
        if before is not None and before is not value:
            self.numbers.pop(id(before), None)
        self.objects[number] = value
        self.numbers[id(value)] = number
        self._loose[number] = None
        if codecs.changes(value):
            self._changing[number] = None

    def forget(self, number: int) -> None:
        """The object with `number` is no longer shared; nothing where it was not."""
        if number in self.objects:
            value = self.objects.pop(number)
            del self.numbers[id(value)]
            if type(value) in METHODS and self._methods.get(key := _method_key(value)) is value:
                del self._methods[key]
        for table in (self._last, self._loose, self._kept, self._changing, self._shapes, self._items):
            table.pop(number, None)
        for numbers in (self.mutable, self.returnable, self.borrowed, self.lent, self._flat):
            numbers.discard(number)

    def _changed(self) -> None:
        """Adds what has changed since it last crossed."""
        for number in (*self._changing, *self.mutable) if self._changing or self.mutable else ():
            if number not in self._cells:
                self.reference(self.objects[number])

    def release(self) -> list[int]:
        """Forgets what nobody at this end has any more; the numbers are for the other end."""
        free = []
        for number in list(self._loose) if self._loose else ():
            if number in self.pinned or number in self.returnable:
                del self._loose[number]
            elif self._unheld(number):
                free.append(number)
            elif number in self.borrowed or number in self.lent:
                del self._loose[number]
                self._kept[number] = None
        if len(self._kept) > self._enough:
            free += [number for number in list(self._kept) if self._unheld(number)]
            self._enough = 2 * len(self._kept) + _FEW
        if len(free) > _MANY:  # to go through a table takes the time of what has ever been in it
            self._loose, self._kept, self._changing = dict(self._loose), dict(self._kept), dict(self._changing)
        return free

    def _unheld(self, number: int) -> bool:
        """Whether nobody at this end has an object, which is forgotten then; what is lent, when the other end says."""
        if sys.getrefcount(self.objects[number]) > 2:  # the table's, and the argument's
            return False
        if number in self.lent:
            self._loose.pop(number, None)
            self._kept.pop(number, None)
        else:
            self.forget(number)
        return True

    def _drop(self, numbers: list[int]) -> None:
        for number in numbers:
            self.dropped(number)
        if len(numbers) > _MANY:
            self._loose, self._kept, self._changing = dict(self._loose), dict(self._kept), dict(self._changing)

    def dropped(self, number: int) -> None:
        """The other end has no object with `number` any more."""
        if number not in self.pinned and number not in self.borrowed:
            self.forget(number)

    # --- in

    def read(self, message: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What `write` carried.

        Raises:
            ProtocolError: it is not what `write` makes.
        """
        before = prepared()
        try:
            self._coming = {number: cell for number, cell in message.get("cells", ()) if cell}
            for number in list(self._coming):
                self._fetch(number)
            given = [self.unpack(item) for item in message["arguments"]]
            named = {str(name): self.unpack(item) for name, item in message.get("keywords", ())}
            if "free" in message:
                self._drop(message["free"])
        except (LookupError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError) as problem:
            raise ProtocolError(f"{type(problem).__name__}: {problem}") from None
        finally:
            restore(*before)
        return given, named

    def unpack(self, data: Any) -> Any:
        """The value of what `pack` gave."""
        if isinstance(data, list):
            return self._fetch(data[0])
        if not isinstance(data, dict):
            return data
        ((tag, content),) = data.items()
        return self.library(content) if tag == "library" else codecs.VALUE_CODECS[tag].read(content)

    def _fetch(self, number: int) -> Any:
        cell = self._coming.pop(number, None)
        if cell is None:
            return self.objects[number]
        tag, content = cell
        codec = codecs.OBJECT_CODECS.get(tag)
        known = number in self.objects
        if number % 2 == self.parity and (not known or tag == "error"):
            raise ValueError("a number that only this end gives")
        if codec is None:
            value = self.rebuild(number, cell)
        elif codec.fill is None:
            value = codec.make(content, self.unpack)
            self.check_copy(value)
            if known:
                return self.objects[number]
        else:
            value = self.objects[number] if known else codec.make(content, self.unpack)
            if codecs.object_codec(type(value)) is not codec:
                raise ValueError("another kind of object")
        if not known and number not in self.objects:
            self.register(number, value)
        if codec is not None and codec.fill is not None:
            self.fill(number, codec, value, content)
        self._last[number] = _mark(cell)
        self._note_items(number)
        return value

    # --- what the ends do differently

    def is_equal(self, before: list[Any], now: list[Any]) -> bool:
        """Whether a list has equal items, which is sooner seen than that it has the same."""
        return before == now

    def copies(self, number: int, value: Any) -> bool:  # noqa: ARG002
        """Whether a value whose type has a codec goes by copy."""
        return True

    def check_copy(self, value: Any) -> None:
        """Refuses a copy of what the other end may not have copied.

        Raises:
            ValueError: it is one.
        """

    def fill(self, number: int, codec: codecs.ObjectCodec, value: Any, content: Any) -> None:  # noqa: ARG002
        """Gives a value that can change the content that it has at the other end."""
        assert codec.fill is not None
        codec.fill(value, content, self.unpack)

    def describe(self, number: int, value: Any) -> Any:
        """The cell of what is no plain value; None where the other end knows it by its number."""
        raise NotImplementedError

    def rebuild(self, number: int, cell: Any) -> Any:
        """What stands for the other end's object."""
        raise NotImplementedError

    def library_name(self, value: Any) -> str | None:
        """The name by which both ends have `value` of their own, such as "builtins:int"."""
        raise NotImplementedError

    def library(self, name: str) -> Any:
        """What this end has by that name."""
        raise NotImplementedError


def _method_key(method: Any) -> tuple[int, int | str]:
    """What a method has in common with that of the same object that is made when it is asked for again."""
    return id(method.__self__), id(method.__func__) if type(method) is types.MethodType else method.__name__

"""How numpy's scalars, arrays and dtypes are written as JSON; numpy is imported only where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Pack = Callable[[Any], Any]


def _numpy() -> Any:
    import numpy

    return numpy


def write_dtype(kind: Any) -> Any:
    """A dtype as JSON: its text, or its fields with their places, or the item and shape of a subarray."""
    if kind.subdtype is not None:
        base, shape = kind.subdtype
        return [write_dtype(base), list(shape)]
    if kind.names is None:
        return kind.str
    fields = [kind.fields[name] for name in kind.names]
    return {
        "names": list(kind.names),
        "formats": [write_dtype(field[0]) for field in fields],
        "offsets": [field[1] for field in fields],
        "titles": [field[2] if len(field) > 2 else None for field in fields],
        "itemsize": kind.itemsize,
        "aligned": kind.isalignedstruct,
    }


def read_dtype(content: Any) -> Any:
    """The dtype that `write_dtype` wrote."""
    dtype = _numpy().dtype
    if isinstance(content, str):
        return dtype(content)
    if isinstance(content, list):
        base, shape = content
        return dtype((read_dtype(base), tuple(shape)))
    fields = {**content, "formats": [read_dtype(one) for one in content["formats"]]}
    return dtype(fields, align=bool(fields.pop("aligned")))


def dtype_text(kind: Any) -> str:
    return json.dumps(write_dtype(kind))


def dtype_of_text(text: str) -> Any:
    return read_dtype(json.loads(text))


def scalar_text(value: Any) -> str:
    return f"{value.dtype.str} {value.tobytes().hex()}"


def scalar_of_text(text: str) -> Any:
    name, _, data = text.partition(" ")
    kind = _numpy().dtype(name)
    if kind.itemsize == 0:  # np.str_(""), of which no buffer has an item
        return kind.type()
    return _numpy().frombuffer(bytes.fromhex(data), dtype=kind)[0]


def write_array(value: Any, pack: Pack) -> Any:
    """dtype, shape, and the bytes; the items where they are objects, which have no bytes of their own."""
    items = [pack(item) for item in value.ravel().tolist()] if value.dtype.hasobject else value.tobytes().hex()
    return [write_dtype(value.dtype), list(value.shape), items]


def make_array(content: Any, _: Pack) -> Any:
    kind, shape, _items = content
    return _numpy().zeros(shape, dtype=read_dtype(kind))


def fill_array(value: Any, content: Any, unpack: Pack) -> None:
    kind, shape, items = content
    if isinstance(items, list):
        for at, item in zip(_numpy().ndindex(*shape), items, strict=True):
            value[at] = unpack(item)
    elif value.dtype.itemsize:
        value[...] = _numpy().frombuffer(bytes.fromhex(items), read_dtype(kind)).reshape(shape)

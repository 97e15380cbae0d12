"""Codecs of the types that `rpc.py` sends by value: how each is written as JSON, created again, and updated."""

from __future__ import annotations

import array
import collections
import functools
import operator
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.sandbox.remote_calls import arrays, contents
from harness.sandbox.remote_calls.sequences import read_items, write_items

Pack = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ValueCodec:
    """Codec of an immutable value without parts: one text."""

    tag: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class ObjectCodec:
    """Codec of a value with parts. `fill`, for mutable types, sets the content of an existing object in place."""

    tag: str
    write: Callable[[Any, Pack], Any]
    make: Callable[[Any, Pack], Any]
    fill: Callable[[Any, Any, Pack], None] | None = None


def resolve(path: str) -> Any:
    """What `path`, "module:name", is here; None where its module was not imported or has no such name."""
    module, _, names = path.partition(":")
    found: Any = sys.modules.get(module)
    for name in names.split("."):
        found = getattr(found, name, None)
    return found


def _import(path: str) -> Any:
    __import__(path.partition(":")[0])
    return resolve(path)


def _read_numbers(text: str) -> list[int]:
    return [int(part) for part in text.split()]


def _by_name(path: str) -> tuple[str, ValueCodec]:
    def read(text: str) -> Any:
        return _import(path)(text)

    return path, ValueCodec(path, str, read)


_BUILTIN_VALUE_CODECS: dict[type, ValueCodec] = {
    int: ValueCodec("int", hex, lambda text: int(text, 16)),
    float: ValueCodec("float", float.hex, float.fromhex),
    bytes: ValueCodec("bytes", bytes.hex, bytes.fromhex),
    complex: ValueCodec(
        "complex",
        lambda value: f"{value.real.hex()} {value.imag.hex()}",
        lambda text: complex(*map(float.fromhex, text.split())),
    ),
    range: ValueCodec(
        "range", lambda value: f"{value.start} {value.stop} {value.step}", lambda text: range(*_read_numbers(text))
    ),
    type(...): ValueCodec("ellipsis", lambda _: "", lambda _: ...),
    type(NotImplemented): ValueCodec("not implemented", lambda _: "", lambda _: NotImplemented),
}
_RARE_VALUE_CODECS: dict[str, ValueCodec] = dict(
    [
        _by_name("decimal:Decimal"),
        _by_name("fractions:Fraction"),
        _by_name("uuid:UUID"),
        _by_name("pathlib:PosixPath"),
        _by_name("pathlib:PurePosixPath"),
        _by_name("pathlib:PureWindowsPath"),
        *(
            _by_name(f"ipaddress:IPv{version}{what}")
            for version in (4, 6)
            for what in ("Address", "Network", "Interface")
        ),
        _by_name("zoneinfo:ZoneInfo"),
    ]
)
_RARE_VALUE_CODECS["datetime:date"] = ValueCodec(
    "datetime:date", str, lambda text: _import("datetime:date").fromisoformat(text)
)
_RARE_VALUE_CODECS["datetime:timedelta"] = ValueCodec(
    "datetime:timedelta",
    lambda value: f"{value.days} {value.seconds} {value.microseconds}",
    lambda text: _import("datetime:timedelta")(*_read_numbers(text)),
)
_NUMPY_SCALAR = ValueCodec("numpy scalar", arrays.scalar_text, arrays.scalar_of_text)
_NUMPY_DTYPE = ValueCodec("numpy dtype", arrays.dtype_text, arrays.dtype_of_text)
VALUE_CODECS = {
    text.tag: text
    for text in (*_BUILTIN_VALUE_CODECS.values(), *_RARE_VALUE_CODECS.values(), _NUMPY_SCALAR, _NUMPY_DTYPE)
}


def _pairs(value: Any, pack: Pack) -> Any:
    return [[pack(key), pack(item)] for key, item in dict.items(value)]


def _of_moment(value: Any, pack: Pack) -> Any:
    naive = value.replace(tzinfo=None)
    return [naive.isoformat(), pack(value.tzinfo), value.fold]


def _moment(path: str) -> ObjectCodec:
    def make(content: Any, unpack: Pack) -> Any:
        return _import(path).fromisoformat(content[0]).replace(tzinfo=unpack(content[1]), fold=content[2])

    return ObjectCodec(path, _of_moment, make)


def _view(name: str) -> ObjectCodec:
    if name == "keys":
        return ObjectCodec(name, write_items, lambda content, unpack: dict.fromkeys(read_items(content, unpack)).keys())
    if name == "values":
        return ObjectCodec(
            name, write_items, lambda content, unpack: dict(enumerate(read_items(content, unpack))).values()
        )
    return ObjectCodec(
        name,
        lambda value, pack: [[pack(key), pack(item)] for key, item in value],
        lambda content, unpack: {unpack(key): unpack(item) for key, item in content}.items(),
    )


def _set_items(value: Any, pack: Pack) -> Any:
    return [sys.getsizeof(value), write_items(set.__iter__(value), pack)]


def _namespace(path: str) -> ObjectCodec:
    """The codec of objects that are their attributes and nothing else."""
    return ObjectCodec(
        path,
        lambda value, pack: _pairs(vars(value), pack),
        lambda *_: _import(path)(),
        lambda value, content, unpack: contents.fill_dict(
            vars(value), [[str(name), item] for name, item in content], unpack
        ),
    )


_BUILTIN_OBJECT_CODECS: dict[type, ObjectCodec] = {
    list: ObjectCodec(
        "list", lambda value, pack: write_items(list.__iter__(value), pack), lambda *_: [], contents.fill_list
    ),
    dict: ObjectCodec("dict", _pairs, lambda *_: {}, contents.fill_dict),
    set: ObjectCodec("set", _set_items, lambda *_: set(), contents.fill_set),
    bytearray: ObjectCodec("bytearray", lambda value, _: value.hex(), lambda *_: bytearray(), contents.fill_bytes),
    tuple: ObjectCodec(
        "tuple",
        lambda value, pack: write_items(tuple.__iter__(value), pack),
        lambda content, unpack: tuple(read_items(content, unpack)),
    ),
    frozenset: ObjectCodec(
        "frozenset",
        lambda value, pack: write_items(frozenset.__iter__(value), pack),
        lambda content, unpack: frozenset(read_items(content, unpack)),
    ),
    slice: ObjectCodec(
        "slice",
        lambda value, pack: write_items((value.start, value.stop, value.step), pack),
        lambda content, unpack: slice(*read_items(content, unpack)),
    ),
    type({}.keys()): _view("keys"),
    type({}.values()): _view("values"),
    type({}.items()): _view("items"),
    collections.Counter: ObjectCodec("counter", _pairs, lambda *_: collections.Counter(), contents.fill_dict),
    collections.OrderedDict: ObjectCodec(
        "ordered",
        lambda value, pack: [[pack(key), pack(item)] for key, item in collections.OrderedDict.items(value)],
        lambda *_: collections.OrderedDict(),
        contents.fill_ordered,
    ),
    collections.defaultdict: ObjectCodec(
        "default",
        lambda value, pack: [pack(value.default_factory), _pairs(value, pack)],
        lambda *_: collections.defaultdict(),
        contents.fill_default,
    ),
    collections.deque: ObjectCodec(
        "deque",
        lambda value, pack: [value.maxlen, write_items(collections.deque.__iter__(value), pack)],
        lambda content, _: collections.deque(maxlen=content[0]),
        contents.fill_deque,
    ),
    array.array: ObjectCodec(
        "array",
        lambda value, _: [value.typecode, value.tobytes().hex()],
        lambda content, _: array.array(content[0]),
        contents.fill_array,
    ),
}
_RARE_OBJECT_CODECS: dict[str, ObjectCodec] = {
    "datetime:datetime": _moment("datetime:datetime"),
    "datetime:time": _moment("datetime:time"),
    "datetime:timezone": ObjectCodec(
        "datetime:timezone",
        lambda value, pack: write_items(value.__getinitargs__(), pack),
        lambda content, unpack: _import("datetime:timezone")(*read_items(content, unpack)),
    ),
    "re:Pattern": ObjectCodec(
        "re:Pattern",
        lambda value, pack: [pack(value.pattern), value.flags],
        lambda content, unpack: _import("re:compile")(unpack(content[0]), content[1]),
    ),
    "numpy:ndarray": ObjectCodec("numpy:ndarray", arrays.write_array, arrays.make_array, arrays.fill_array),
    "types:SimpleNamespace": _namespace("types:SimpleNamespace"),
    "argparse:Namespace": _namespace("argparse:Namespace"),
    "types:GenericAlias": ObjectCodec(
        "types:GenericAlias",
        lambda value, pack: write_items((value.__origin__, *value.__args__), pack),
        lambda content, unpack: types.GenericAlias(unpack(content[0]), tuple([unpack(item) for item in content[1:]])),
    ),
    "types:UnionType": ObjectCodec(
        "types:UnionType",
        lambda value, pack: write_items([None if one is type(None) else one for one in value.__args__], pack),
        lambda content, unpack: functools.reduce(operator.or_, [unpack(item) for item in content]),
    ),
}
OBJECT_CODECS = {cell.tag: cell for cell in (*_BUILTIN_OBJECT_CODECS.values(), *_RARE_OBJECT_CODECS.values())}


VIEWS: frozenset[type] = frozenset({type({}.keys()), type({}.values()), type({}.items())})
"""What shows a dictionary of the candidate's, or of the test's, as it is now."""


def public_module(name: str) -> str:
    """The module that a class of the module `name` is taken from: Python 3.13 says `pathlib._local` of `pathlib`."""
    return "pathlib" if name == "pathlib._local" else name


def module_of(kind: type) -> str:
    """The module that a class is taken from, as it says itself."""
    return public_module(str(kind.__module__))


def path_of(kind: type) -> str:
    """ "module:name" of a class; what it says of itself."""
    return f"{module_of(kind)}:{kind.__qualname__}"


def value_codec(kind: type) -> ValueCodec | None:
    """The codec of values of exactly this type; None where there is none, or where they have parts."""
    found = _BUILTIN_VALUE_CODECS.get(kind)
    if found is None and module_of(kind) == "numpy.dtypes":
        return _NUMPY_DTYPE if resolve(path_of(kind)) is kind and issubclass(kind, resolve("numpy:dtype")) else None
    if found is None and module_of(kind) in _RARE_MODULES:
        found = _RARE_VALUE_CODECS.get(path_of(kind))
        if found is not None:
            return found if resolve(found.tag) is kind else None
        if module_of(kind) == "numpy" and issubclass(kind, resolve("numpy:generic") or ()):
            return (
                _NUMPY_SCALAR if resolve(path_of(kind)) is kind and kind.__name__ not in ("object_", "void") else None
            )
    return found


def object_codec(kind: type) -> ObjectCodec | None:
    """The codec of values with parts of exactly this type; None where there is none."""
    found = _BUILTIN_OBJECT_CODECS.get(kind)
    if found is None and module_of(kind) in _RARE_MODULES:
        found = _RARE_OBJECT_CODECS.get(path_of(kind))
        return found if found is not None and resolve(path_of(kind)) is kind else None
    return found


_RARE_MODULES = frozenset(path.partition(":")[0] for path in (*_RARE_VALUE_CODECS, *_RARE_OBJECT_CODECS))


def is_copied(kind: type) -> bool:
    """Whether values of exactly this type are sent by value, and never by reference."""
    return kind not in VIEWS and (
        kind in (type(None), bool, str) or value_codec(kind) is not None or object_codec(kind) is not None
    )


def changes(value: Any) -> bool:
    """Whether `value` is sent by value and is mutable."""
    cell = object_codec(type(value))
    return cell is not None and cell.fill is not None


_MODULES = "math cmath operator itertools functools string statistics heapq bisect"
_FUNCTIONS_OF = frozenset(_MODULES.split())
_MORE_MODULES = "json re random datetime time calendar collections decimal fractions posixpath"
_WHOLE_MODULES = _FUNCTIONS_OF | {*_MORE_MODULES.split(), "numpy", "numpy.linalg", "numpy.random"}
"""What one end may give to the other as a module: by nothing in them does a text become code, as by pickle, or a wrong
number one that is left out, as by numpy.ma."""
_COMMON = _WHOLE_MODULES | _RARE_MODULES | {"builtins", "array", "json.decoder", "numpy.dtypes"}
_EVALUATING = "exec eval compile open input print breakpoint exit quit help __import__ globals locals vars"
_NEVER = frozenset(_EVALUATING.split())


def library_path(value: Any) -> str | None:
    """The path ("module:name") of `value`, a class or function of the standard library; None for anything else."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if value is types.NoneType:
        return "types:NoneType"  # which no module has under its own name
    if type(value) is type(sys):
        name = value.__name__
        return f"{name}:" if name in _WHOLE_MODULES and sys.modules.get(name) is value else None
    if not (isinstance(module, str) and isinstance(name, str)):
        return None
    path = f"{public_module(module)}:{name}"
    return path if allowed(path) and resolve(path) is value else None


METHOD_TYPES = (types.MethodDescriptorType, types.WrapperDescriptorType)
"""What a class of the interpreter's has for a method."""


def method_path(value: Any) -> str | None:
    """The path of a method as a class of the library has it, "builtins:str.lower"; None for anything else."""
    if not isinstance(value, METHOD_TYPES):
        return None
    owner = library_path(value.__objclass__)
    path = f"{owner}.{value.__name__}"
    return path if owner and resolve(path) is value else None


def method(path: str) -> Any:
    """The method of that path; None where `method_path` names it otherwise."""
    if not allowed(path.rpartition(".")[0]):
        return None
    found = resolve(path)
    return found if method_path(found) == path else None


def is_library(module: str) -> bool:
    """Whether a module is the standard library's or numpy."""
    return module.partition(".")[0] in sys.stdlib_module_names or module.partition(".")[0] == "numpy"


def is_common(path: str) -> bool:
    """Whether each end has the module of a path, or may import it because the other names it."""
    return path.partition(":")[0] in _COMMON


def _found(path: str) -> Any:
    return _import(path) if is_common(path) else resolve(path)


def allowed(path: str) -> bool:
    """Whether one end may name this to the other, which then uses its own.

    Only what `is_common` is imported for that: other modules of the library may run what a candidate has written.
    """
    module, _, name = path.partition(":")
    if not is_library(module) or name in _NEVER:
        return False
    if not name:
        return module in _WHOLE_MODULES
    if module == "builtins" or module in _FUNCTIONS_OF:
        return True
    found = _found(path)
    if not isinstance(found, type) or found is types.NoneType:
        return found is types.NoneType
    return issubclass(found, BaseException) or value_codec(found) is not None or object_codec(found) is not None


def imported_error(path: str) -> type[BaseException] | None:
    """The library's exception class of that name; None where it is none, or its module was not imported here."""
    found = resolve(path)
    return found if isinstance(found, type) and issubclass(found, BaseException) and library_path(found) else None


def library(path: str) -> Any:
    """What `path` names here.

    Raises:
        ValueError: it is nothing that may be named, or has another name.
    """
    if not allowed(path):
        raise ValueError("no name of the library")
    module, _, name = path.partition(":")
    found = _found(path) if name else __import__(module, fromlist=["_"])
    if library_path(found) != path:  # "builtins:print.__self__.exec" leads past `allowed` to what has another name
        raise ValueError("no name of the library")
    return found

"""Files that a program has although its jail shows no `/proc`: its standard streams by name, and its own text.

`/dev/stdin` leads through `/proc`, and a program is never written to a file. So `open` and `os.open` know these names
and leave all others to the interpreter.
"""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable
from typing import Any

FILE = "main.py"
"""The name of a program's file."""
_open, _os_open = io.open, os.open
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_FOLDERS = ("/dev/fd/", "/proc/self/fd/")

text: Callable[[], str] | None = None
"""Gives the text of the program that runs in this process."""


def _descriptor(file: Any) -> int | None:
    """A new descriptor of what `file` names, if that is an open file of this process."""
    if type(file) is not str:
        file = os.fspath(file) if hasattr(type(file), "__fspath__") else None
    if not (isinstance(file, str) and file.startswith(("/dev/", "/proc/"))):
        return None
    number = _STREAMS.get(file)
    folder = next((one for one in _FOLDERS if file.startswith(one)), None)
    if number is None and folder and file.removeprefix(folder).isdecimal():
        number = int(file.removeprefix(folder))
    return None if number is None else os.dup(number)


def _is_own(file: Any) -> bool:
    """Whether `file` names the program's text, and no file is there."""
    name = os.fspath(file) if hasattr(type(file), "__fspath__") else file
    if type(name) is not str or not name.endswith(FILE):
        return False
    return os.path.abspath(name) == os.path.abspath(FILE) and not os.path.exists(name)  # noqa: PTH100, PTH110


def open_file(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """`open`, as the interpreter has it, for what the jail shows and for what this module gives."""
    if type(file) is not int and opener is None:
        descriptor = _descriptor(file)
        if descriptor is not None:
            file = descriptor
        elif text is not None and "r" in mode and "+" not in mode and _is_own(file):
            return _own_text(text(), mode, encoding, errors, newline)
    return _open(file, mode, buffering, encoding, errors, newline, closefd, opener)


def _own_text(program: str, mode: str, encoding: str | None, errors: str | None, newline: str | None) -> Any:
    content = io.BytesIO(program.encode("utf-8", "surrogatepass"))
    return content if "b" in mode else io.TextIOWrapper(content, encoding, errors, newline)


def open_descriptor(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    """`os.open`, likewise."""
    descriptor = _descriptor(path) if type(path) is str else None
    return _os_open(path, flags, mode, dir_fd=dir_fd) if descriptor is None else descriptor


def install() -> None:
    """Puts both in the place of the interpreter's."""
    for function, name, module in ((open_file, "open", "_io"), (open_descriptor, "open", "posix")):
        function.__name__ = function.__qualname__ = name
        function.__module__ = module
    builtins.open = io.open = open_file
    os.open = open_descriptor

"""Files that a program has although its jail shows no `/proc`: its standard streams by name, and its own text.

`/dev/stdin` leads through `/proc`, and a program is never written to a file. So `open`, `os.open`, `os.stat` (with
`os.path.exists` and its like) and `import` know these names and leave all others to the interpreter.

`fcntl.flock` is here too: its locks stay at an open file, which several jails may have, so that the kernel is asked
for the other kind of lock, which ends with the process.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import stat
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

FILE = "main.py"
"""The name of a program's file."""
_open, _os_open, _os_stat = io.open, os.open, os.stat
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_FOLDERS = ("/dev/fd/", "/proc/self/fd/")

text: Callable[[], str] | None = None
"""Gives the text of the program that runs in this process."""
modules = {FILE.removesuffix(".py")}
"""The names by which it can be imported, or loaded again."""


def _descriptor(file: Any) -> int | None:
    """A new descriptor of what `file` names, if that is an open file of this process."""
    if type(file) is not str:
        file = os.fspath(file) if hasattr(type(file), "__fspath__") else None
    if not (isinstance(file, str) and file.startswith(("/dev/", "/proc/"))):
        return None
    number = _number(file)
    return None if number is None else os.dup(number)


def _number(file: str) -> int | None:
    """The descriptor that a name stands for."""
    folder = next((one for one in _FOLDERS if file.startswith(one)), None)
    if folder and file.removeprefix(folder).isdecimal():
        return int(file.removeprefix(folder))
    return _STREAMS.get(file)


def _is_own(file: Any) -> bool:
    """Whether `file` names the program's text, and no file is there."""
    name = os.fspath(file) if hasattr(type(file), "__fspath__") else file
    if text is None or type(name) is not str or not name.endswith(FILE):
        return False
    if os.path.abspath(name) != os.path.abspath(FILE):  # noqa: PTH100 - light
        return False
    try:
        _os_stat(name)
    except OSError:
        return True
    return False


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


def status(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
    """`os.stat`, likewise."""
    try:
        return _os_stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
    except FileNotFoundError:
        name = os.fspath(path) if hasattr(type(path), "__fspath__") else path
        if type(name) is not str or dir_fd is not None:
            raise
        number = _number(name)
        if number is not None:
            return os.fstat(number)
        if text is None or not _is_own(name):
            raise
        size = len(text().encode("utf-8", "surrogatepass"))
        return os.stat_result((stat.S_IFREG | 0o644, 0, 0, 1, os.getuid(), os.getgid(), size, 0, 0, 0))


def lock(file: Any, operation: int) -> None:
    """`fcntl.flock`, by locks of the process: of a file that is open for reading alone there are shared ones only."""
    try:
        fcntl.lockf(file, operation)
    except OSError as problem:
        if problem.errno != errno.EBADF or operation & fcntl.LOCK_UN:
            raise
        other = fcntl.LOCK_SH if operation & fcntl.LOCK_EX else fcntl.LOCK_EX
        fcntl.lockf(file, other | (operation & fcntl.LOCK_NB))


class OwnModule:
    """Finds and loads the program as a module by the name of its file, where nothing else has that name."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """The module's description; None for any other name."""
        if text is None or name not in modules:
            return None
        return ModuleSpec(name, self, origin=FILE)  # type: ignore[arg-type]

    def create_module(self, _: ModuleSpec) -> None:
        """Leaves it to the interpreter."""

    def exec_module(self, module: Any) -> None:
        """Runs the program's text in it."""
        module.__file__ = FILE
        exec(compile(self.get_source(""), FILE, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the candidate

    def get_source(self, _: str) -> str:
        """The program's text."""
        assert text is not None
        return text().removeprefix("\ufeff")


def no_module() -> None:
    """No import runs the program's text any more: for a process that runs a test beside it."""
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, OwnModule)]


def forget() -> None:
    """Nor does a file of this process hold it."""
    global text  # noqa: PLW0603 - what `open` and its like look at
    no_module()
    text = None


def install() -> None:
    """Puts all of them in the place of the interpreter's."""
    replaced = ((open_file, "open", "_io"), (open_descriptor, "open", "posix"), (status, "stat", "posix"))
    for function, name, module in (*replaced, (lock, "flock", "fcntl")):
        function.__name__ = function.__qualname__ = name
        function.__module__ = module
    for known in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        known.update(ours for theirs, ours in ((_os_open, open_descriptor), (_os_stat, status)) if theirs in known)
    builtins.open = io.open = open_file
    os.open, os.stat = open_descriptor, status
    fcntl.flock = lock
    sys.meta_path.append(OwnModule())

"""The end of a program as the interpreter gives it, in a process that may have other programs to run.

What runs here is the candidate's (`atexit`, finalizers), and the process is under its control.
"""

from __future__ import annotations

import _thread
import atexit
import gc
import sys
import threading
import weakref
from typing import Any

from harness.sandbox.interpreter import ownfiles
from harness.sandbox.interpreter.failures import how
from harness.sandbox.linux import kernel
from harness.sandbox.wire import protocol

_collect, _referrers, _flush_c = gc.collect, gc.get_referrers, kernel.libc.fflush
"""As they are before a candidate can replace them."""
_STREAMS = (("stdin", "__stdin__"), ("stdout", "__stdout__"), ("stderr", "__stderr__"))


class Loader:
    """In the place of a program's loader; it lives as long as the program's names do."""

    __slots__ = ("__weakref__",)

    def get_source(self, _: str) -> str:
        """The program's text, which tracebacks and `inspect.getsource` show."""
        assert ownfiles.text is not None
        return ownfiles.text()


def finish() -> bool:
    """Ends threads and does what was registered for the end of the process; whether there was any of it."""
    found = False
    if _thread._count() or threading._threading_atexits:  # type: ignore[attr-defined]
        threading._shutdown()  # type: ignore[attr-defined]
        found = True
    if atexit._ncallbacks():
        atexit._run_exitfuncs()
        found = True
    return found


def end_objects(loader: weakref.ref[Loader]) -> None:
    """What the interpreter does then, in its order (`Py_FinalizeEx`), and the C library after it.

    `loader` is the program's; nothing here may hold its names any more.
    """
    originals = vars(sys)
    flush(originals.get("stdout"))
    for name, original in _STREAMS:
        originals[name] = originals.get(original)
    # once while all are alive, which puts objects in the order in which they hold each other: a writer is then
    # finalized, and flushes, before the file below it is closed
    _collect()
    # its objects' finalizers find the module's names as they were; what is not in a cycle ends at once
    sys.modules.pop("__main__", None)
    _collect()
    if (alive := loader()) is not None:  # something outside has a function of it, as a handler of signals
        for names in [found for found in _referrers(alive) if type(found) is dict]:
            _clear(names)
        del alive
        _collect()
    flush(sys.stdout)
    _flush_c(None)  # what functions of C have printed


def flush(stream: Any) -> bool:
    """Flushes what a program left as a standard stream; whether it could. That it cannot be is no error here."""
    try:
        if not (stream is None or _is_closed(stream)):
            stream.flush()
    except BaseException as problem:  # noqa: BLE001 - a candidate's method
        if how(problem) != protocol.RAISED:
            raise
        return False
    return True


def _is_closed(stream: Any) -> bool:
    """Whether it says so; one that has lost its buffer says nothing."""
    try:
        return bool(getattr(stream, "closed", False))
    except ValueError:
        return False


def _clear(names: dict[str, Any]) -> None:
    """What the interpreter does at its end to the names of a module that something still has (`_PyModule_Clear`)."""
    texts = [name for name in names if isinstance(name, str)]
    private = [name for name in texts if name[:1] == "_" and name[:2] != "__"]
    for name in (*private, *texts):
        if name != "__builtins__":
            names[name] = None

"""Load plugins one by one, call their hooks one by one, and keep what is wrong with whom.

pluggy checks hooks against their specifications; around it stands what a command line needs: a plugin that fails to
import, misspells a hook, raises in one, prints on stdout or replaces code of others is named with its reason, left out,
and everything else goes on.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from harness import hookspecs
from harness.discovery import SWITCH, Entry, Memory, chosen, survey
from harness.errors import PluginError
from harness.guard import watched

OURS = "codetune-harness"
TRACE = "HARNESS_TRACE_PLUGINS"
"""Environment variable: anything in it prints each import of a third party and each hook call with its time."""
SLOW_IMPORT = 1.0
"""Seconds after which `harness plugins` says that an import is slow."""
T = TypeVar("T")
HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("harness_"))


@dataclass(frozen=True, slots=True)
class Origin:
    """Who offers a plugin: its distribution, version, entry point (or module), and the digest of its source file."""

    distribution: str
    version: str
    module: str
    digest: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A third-party plugin that cannot be used, or a part of it, and why."""

    name: str
    distribution: str
    reason: str


def _stderr(line: str) -> None:
    print(line, file=sys.stderr)


class Loader:
    """The plugins that are loaded, in order, and the third parties that wait until something of them is needed."""

    def __init__(self, built_in: Sequence[str], warn: Callable[[str], None] = _stderr) -> None:
        self._manager = pluggy.PluginManager("harness")
        self._manager.add_hookspecs(hookspecs)
        self._warn = warn
        self._trace = bool(os.environ.get(TRACE))
        self.memory = Memory()
        self.origins: dict[str, Origin] = {}
        """Who is loaded, by the name of the entry point or, for a built-in, of its module."""
        self.quarantined: list[Quarantined] = []
        self.remarks: list[Quarantined] = []
        """Third-party plugins that work, and what is wrong with their manners."""
        version = importlib.import_module("harness").__version__
        for module in built_in:
            self._register(module, importlib.import_module(module), OURS, version)
        self.installed, unreadable = survey()
        for name, reason in unreadable:
            self.quarantine(name, name, f"its entry points cannot be read: {reason}")
        entries, words = chosen(self.installed)
        for word in words:
            warn(f"warning: {SWITCH} names {word!r}, which is not installed; see: harness plugins")
        self.waiting: list[Entry] = []
        for entry in entries:
            self._queue(entry)

    def load(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Import the waiting plugins that are `wanted`; those of them that can be used."""
        return [entry for entry in list(self.waiting) if wanted(entry) and self._load(entry)]

    def hooks(self, plugin: str) -> list[str]:
        """The hooks that a loaded plugin implements."""
        return [hook for hook in HOOKS if self._implementation(plugin, hook) is not None]

    def call(
        self, plugin: str, hook: str, arguments: Mapping[str, Any], look: Callable[[Any], Any] = lambda result: result
    ) -> Any:
        """One plugin's result of a hook as `look` makes it; None when it has no such hook or fails in it.

        `look` runs where a failure still has an owner: a generator that raises, an attribute that does.
        """
        implementation = self._implementation(plugin, hook)
        if implementation is None:
            return None
        wanted = {name: arguments[name] for name in implementation.argnames}

        started = time.perf_counter()
        result = self.ask(plugin, hook, lambda: look(implementation.function(**wanted)))
        self._traced(hook, plugin, self.origins[plugin], started)
        return result

    def ask(self, plugin: str, what: str, body: Callable[[], T]) -> T | None:
        """What `body`, which runs code of a loaded plugin, returns; None when it fails. `what` names it."""
        distribution = self.origins[plugin].distribution
        return body() if distribution == OURS else self._watch(plugin, distribution, what, body)

    def quarantine(self, name: str, distribution: str, reason: str) -> None:
        """Keep why a plugin, or a part of it, is left out, and say it once."""
        one = Quarantined(name, distribution, reason)
        if one not in self.quarantined:
            self.quarantined.append(one)
            self._warn(f"warning: plugin {name} ({distribution}) is left out: {reason}")

    def _implementation(self, plugin: str, hook: str) -> pluggy.HookImpl | None:
        found = (i for i in getattr(self._manager.hook, hook).get_hookimpls() if i.plugin_name == plugin)
        return next(found, None)

    def _queue(self, entry: Entry) -> None:
        first = next((one for one in self.waiting if one.name == entry.name), None)
        if first is None:
            self.waiting.append(entry)
        else:
            reason = f"{first.distribution} already has an entry point called {entry.name!r}"
            self.quarantine(entry.name, entry.distribution, reason)

    def _load(self, entry: Entry) -> bool:
        self.waiting.remove(entry)
        started = time.perf_counter()
        plugin = self._watch(entry.name, entry.distribution, "its import", entry.point.load)
        spent = time.perf_counter() - started
        self._traced("import", entry.name, entry, started)
        if plugin is None:
            return False
        try:
            self._register(entry.name, plugin, entry.distribution, entry.version)
        except PluginError as error:
            self.quarantine(entry.name, entry.distribution, str(error))
            return False
        if spent > SLOW_IMPORT:
            words = f"takes {spent:.1f} s to import; heavy libraries belong inside the functions that need them"
            self.remarks.append(Quarantined(entry.name, entry.distribution, words))
        return True

    def _register(self, name: str, plugin: Any, distribution: str, version: str) -> None:
        check_hooks(plugin)
        try:
            self._manager.register(plugin, name=name)
        except pluggy.PluginValidationError as error:
            raise PluginError(" ".join(str(error).split())) from None
        self.origins[name] = Origin(distribution, version, name, file_digest(plugin))

    def _watch(self, name: str, distribution: str, what: str, body: Callable[[], T]) -> T | None:
        """What `body` returns; None when it raises or replaces code of others, and the plugin is left out."""
        reason = result = None
        with watched() as seen:
            try:
                result = body()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is the plugin's, and it is named
                reason = f"{what} raised {_reason(error)}"
        if seen.replaced:
            reason = reason or f"{what} replaces {', '.join(seen.replaced[:3])}, which others use; it was put back"
        if seen.moved:
            reason = reason or f"{what} changes the working directory; it was put back"
        if seen.printed.strip():
            words = f"{what} prints on stdout, which is kept for data: {' '.join(seen.printed.split())[:60]!r}"
            self._remark(name, distribution, words)
        if reason is None:
            return result
        self.quarantine(name, distribution, reason)
        return None

    def _remark(self, name: str, distribution: str, reason: str) -> None:
        one = Quarantined(name, distribution, reason)
        if one not in self.remarks:
            self.remarks.append(one)
            self._warn(f"warning: plugin {name} ({distribution}): {reason}")

    def _traced(self, what: str, name: str, owner: Origin | Entry, started: float) -> None:
        if self._trace:
            spent = (time.perf_counter() - started) * 1000
            _stderr(f"trace: {what:22} {name} ({owner.distribution} {owner.version})  {spent:.1f} ms")


def check_hooks(plugin: Any) -> None:
    """Refuse an object whose hooks would silently never be called.

    Raises:
        PluginError: a misspelt or unmarked hook, a hook wrapper, a class, or no hook at all.
    """
    if isinstance(plugin, type):
        raise PluginError(f"the entry point names the class {plugin.__name__}; name a module or an instance")
    known = False
    for name in dir(plugin):
        value = getattr(plugin, name, None)
        options = getattr(value, "harness_impl", None)
        if not isinstance(options, dict):
            own = inspect.isfunction(value) and value.__module__ == getattr(plugin, "__name__", None)
            if own and name.startswith("harness_"):
                raise PluginError(f"{name} lacks the mark @hookimpl{_nearest(name)}")
            continue
        if name not in HOOKS:
            raise PluginError(f"there is no hook {name}{_nearest(name)}")
        if options.get("wrapper") or options.get("hookwrapper"):
            raise PluginError(f"{name} is a hook wrapper; only plain hooks are called")
        known = True
    if not known:
        raise PluginError(f"{getattr(plugin, '__name__', repr(plugin))} implements no hook of harness")


def _nearest(name: str) -> str:
    close = [] if name in HOOKS else difflib.get_close_matches(name, HOOKS, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _reason(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return first if isinstance(error, PluginError) else f"{type(error).__name__}: {first}".rstrip(": ")


def file_digest(plugin: Any) -> str:
    """sha256 of the source file of a module, a class, or an object's class; "" where there is none."""
    try:
        source = inspect.getsourcefile(plugin if inspect.ismodule(plugin) or inspect.isclass(plugin) else type(plugin))
    except TypeError:
        return ""
    return hashlib.sha256(Path(source).read_bytes()).hexdigest() if source and Path(source).is_file() else ""

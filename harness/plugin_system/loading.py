"""Load plugins and call their hooks one by one, and report what is wrong with which plugin.

pluggy checks hooks against their specifications. This module adds what a command line needs: a plugin that fails to
import, misspells a hook or raises in one is left out with one line that names its distribution and the reason. What it
prints on stdout, which is kept for data, is caught and reported. Plugins are trusted code, so nothing else is watched.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import io
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from harness import hookspecs
from harness.errors import PluginError, nearest
from harness.plugin_system.discovery import SWITCH, InstalledPlugin, PluginCache, enabled, installed

OURS = "codetune-harness"
TRACE = "HARNESS_TRACE_PLUGINS"
"""Environment variable: anything in it prints each import of a third party and each hook call with its time."""
SLOW_IMPORT = 1.0
"""CPU seconds after which `harness plugins` says that an import is slow."""
T = TypeVar("T")
HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("harness_"))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plugin comes from: distribution, version, entry point (or module), and the digest of its source file."""

    distribution: str
    version: str
    module: str
    digest: str


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """What is wrong with a third-party plugin."""

    name: str
    distribution: str
    reason: str


def _stderr(line: str) -> None:
    print(line, file=sys.stderr)


class Loader:
    """The plugins that are loaded, in order, and the installed ones that are imported when they are needed."""

    def __init__(self, built_in: Sequence[str], warn: Callable[[str], None] = _stderr) -> None:
        self._manager = pluggy.PluginManager("harness")
        self._manager.add_hookspecs(hookspecs)
        self._warn = warn
        self._trace = bool(os.environ.get(TRACE))
        self.cache = PluginCache()
        self.origins: dict[str, Origin] = {}
        """Every loaded plugin, by the name of the entry point or, for a built-in, of its module."""
        self.left_out: list[PluginProblem] = []
        """Third-party plugins, or parts of them, that cannot be used."""
        self.warnings: list[PluginProblem] = []
        """Third-party plugins that work, and what their authors should mend."""
        version = importlib.import_module("harness").__version__
        for module in built_in:
            self._register(module, importlib.import_module(module), OURS, version)
        self.installed, unreadable = installed()
        self.cache.keep_only(self.installed)
        for name, reason in unreadable:
            self.leave_out(name, name, f"its entry points cannot be read: {reason}")
        plugins, unknown_names = enabled(self.installed)
        for name in unknown_names:
            warn(f"warning: {SWITCH} names {name!r}, which is not installed; see: harness plugins")
        self._waiting: dict[str, InstalledPlugin] = {}
        for plugin in plugins:
            first = self._waiting.setdefault(plugin.name, plugin)
            if first is not plugin:
                reason = f"{first.distribution} already has an entry point called {plugin.name!r}"
                self.leave_out(plugin.name, plugin.distribution, reason)

    def load(self, needed: Callable[[InstalledPlugin], bool]) -> list[InstalledPlugin]:
        """Import the waiting plugins that are `needed`; those of them that can be used."""
        return [plugin for plugin in list(self._waiting.values()) if needed(plugin) and self._load(plugin)]

    def hooks(self, plugin: str) -> list[str]:
        """The hooks that a loaded plugin implements."""
        return [hook for hook in HOOKS if self._implementation(plugin, hook) is not None]

    def call_hook(
        self,
        plugin: str,
        hook: str,
        arguments: Mapping[str, Any],
        convert: Callable[[Any], Any] = lambda result: result,
    ) -> Any:
        """The result of one plugin's hook after `convert`; None when it has no such hook or fails in it.

        `convert` is part of the call, so that a generator that raises is blamed on its plugin.
        """
        implementation = self._implementation(plugin, hook)
        if implementation is None:
            return None
        named = {name: arguments[name] for name in implementation.argnames}

        started = time.perf_counter()
        result = self.call(plugin, hook, lambda: convert(implementation.function(**named)))
        self._trace_time(hook, plugin, self.origins[plugin], started)
        return result

    def call(self, plugin: str, what: str, body: Callable[[], T]) -> T | None:
        """The result of `body`, which runs code of a loaded plugin; None when it fails. `what` describes it."""
        distribution = self.origins[plugin].distribution
        return body() if distribution == OURS else self._call(plugin, distribution, what, body)

    def leave_out(self, name: str, distribution: str, reason: str) -> None:
        """Record why a plugin, or a part of it, is left out, and warn about it once."""
        problem = PluginProblem(name, distribution, reason)
        if problem not in self.left_out:
            self.left_out.append(problem)
            self._warn(f"warning: plugin {name} ({distribution}) is left out: {reason}")

    def _implementation(self, plugin: str, hook: str) -> pluggy.HookImpl | None:
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        return next((one for one in implementations if one.plugin_name == plugin), None)

    def _load(self, plugin: InstalledPlugin) -> bool:
        del self._waiting[plugin.name]
        started, worked = time.perf_counter(), time.process_time()
        loaded = self._call(plugin.name, plugin.distribution, "its import", plugin.entry_point.load)
        seconds = time.process_time() - worked  # a busy machine is not the plugin's fault
        self._trace_time("import", plugin.name, plugin, started)
        if loaded is None:
            return False
        try:
            self._register(plugin.name, loaded, plugin.distribution, plugin.version)
        except PluginError as error:
            self.leave_out(plugin.name, plugin.distribution, str(error))
            return False
        if seconds > SLOW_IMPORT:
            reason = f"takes {seconds:.1f} s to import; heavy libraries belong inside the functions that need them"
            self.warnings.append(PluginProblem(plugin.name, plugin.distribution, reason))
        return True

    def _register(self, name: str, plugin: Any, distribution: str, version: str) -> None:
        check_hooks(plugin)
        try:
            self._manager.register(plugin, name=name)
        except pluggy.PluginValidationError as error:
            raise PluginError(" ".join(str(error).split())) from None
        self.origins[name] = Origin(distribution, version, name, file_digest(plugin))

    def _call(self, name: str, distribution: str, what: str, body: Callable[[], T]) -> T | None:
        result, printed = None, io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                result = body()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is blamed on the plugin
            self.leave_out(name, distribution, f"{what} raised {_reason(error)}")
        if text := " ".join(printed.getvalue().split()):
            reason = f"{what} prints on stdout, which is kept for data: {text[:60]!r}"
            problem = PluginProblem(name, distribution, reason)
            if problem not in self.warnings:
                self.warnings.append(problem)
                self._warn(f"warning: plugin {name} ({distribution}): {reason}")
        return result

    def _trace_time(self, what: str, name: str, owner: Origin | InstalledPlugin, started: float) -> None:
        if self._trace:
            milliseconds = (time.perf_counter() - started) * 1000
            _stderr(f"trace: {what:22} {name} ({owner.distribution} {owner.version})  {milliseconds:.1f} ms")


def check_hooks(plugin: Any) -> None:
    """Refuse an object whose hooks would never be called.

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
    close = None if name in HOOKS else nearest(name, HOOKS)
    return f"; did you mean {close}?" if close else ""


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

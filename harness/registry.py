"""Find, load, name and blame plugins.

Built-ins are registered from one explicit tuple and use nothing a third party could not. Third parties come through
the entry point group `harness`, one by one: whatever is wrong with one of them is kept with its reason and never
breaks a command that does not need it.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.metadata
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import pluggy

from harness import hookspecs
from harness.errors import PluginError, UsageError, unknown
from harness.plugin import Backend, Method, Metric, Task

BUILT_IN = (
    "harness.plugins.methods.zero_shot",
    "harness.plugins.methods.lora",
    "harness.plugins.tasks.conala",
    "harness.plugins.tasks.codealpacapy",
    "harness.plugins.tasks.apps",
    "harness.plugins.metrics.exact_match",
    "harness.plugins.metrics.pass_at_k",
    "harness.plugins.metrics.tests_passed",
)

GROUP = "harness"
SWITCH = "HARNESS_PLUGINS"
"""Environment variable: a comma-separated list of the third-party plugins to load; empty for none."""

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who offers a plugin: its distribution, version, module, and the digest of the module's file."""

    distribution: str
    version: str
    module: str
    digest: str


@dataclass(frozen=True, slots=True)
class Offer(Generic[P]):
    """A plugin object under the name it is asked for."""

    name: str
    plugin: P
    origin: Origin


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A third-party plugin that cannot be used, and why."""

    name: str
    distribution: str
    reason: str


KINDS: Mapping[str, tuple[str, type]] = {
    "method": ("harness_methods", Method),
    "task": ("harness_tasks", Task),
    "metric": ("harness_metrics", Metric),
    "backend": ("harness_backends", Backend),
}


class Registry:
    """All plugins of this environment; each kind is gathered when it is first asked for."""

    def __init__(self, *, warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr)) -> None:
        self._manager = pluggy.PluginManager("harness")
        self._manager.add_hookspecs(hookspecs)
        self._origins: dict[str, Origin] = {}
        self._offers: dict[str, dict[str, Offer[Any]]] = {}
        self._clashes: dict[tuple[str, str], str] = {}
        self._warn = warn
        self.quarantined: list[Quarantined] = []
        version = importlib.import_module("harness").__version__
        for module in BUILT_IN:
            self._register(module, importlib.import_module(module), "codetune-harness", version)
        self._load_third_parties()

    def method(self, name: str) -> Offer[Method]:
        """The method `name`; `family:member` asks a family for one of its members."""
        family, colon, member = name.partition(":")
        if not colon:
            return self._one("method", name)
        offer: Offer[Method] = self._one("method", family)
        if member not in offer.plugin.variants():
            raise unknown(f"{family} method", member, offer.plugin.variants(), "See: harness plugins")
        return Offer(name, offer.plugin.variant(member), offer.origin)

    def task(self, name: str) -> Offer[Task]:
        """The task `name`."""
        return self._one("task", name)

    def metric(self, name: str) -> Offer[Metric]:
        """The metric `name`."""
        return self._one("metric", name)

    def backend(self, name: str) -> Offer[Backend]:
        """The backend `name`."""
        return self._one("backend", name)

    def offers(self, kind: str) -> Mapping[str, Offer[Any]]:
        """Every plugin of a kind ("method", "task", "metric", "backend") by name, built-ins first."""
        if kind not in self._offers:
            self._offers[kind] = self._gather(kind)
        return self._offers[kind]

    def commands(self, cli: Any) -> None:
        """Let plugins add their commands to the command line."""
        for _ in self._calls("harness_commands", cli=cli):
            pass

    def tell(self, hook: str, **arguments: Any) -> None:
        """Call a notification hook of every plugin; one that raises is warned about and does not stop the run."""
        for _ in self._calls(hook, **arguments):
            pass

    def _one(self, kind: str, name: str) -> Offer[Any]:
        offers = self.offers(kind)
        if (kind, name) in self._clashes:
            raise UsageError(self._clashes[kind, name])
        if name not in offers:
            hurt = "; ".join(f"{q.name} ({q.distribution}) could not be loaded: {q.reason}" for q in self.quarantined)
            raise unknown(kind, name, offers, f"See: harness plugins{f' [{hurt}]' if hurt else ''}")
        return offers[name]

    def _gather(self, kind: str) -> dict[str, Offer[Any]]:
        hook, base = KINDS[kind]
        found: dict[str, Offer[Any]] = {}
        for origin, offered in self._calls(hook, collect=True):
            for plugin in self._checked(origin, hook, base, offered):
                if plugin.name in found:
                    self._clash(kind, plugin.name, found[plugin.name].origin, origin)
                else:
                    found[plugin.name] = Offer(plugin.name, plugin, origin)
        return found

    def _checked(self, origin: Origin, hook: str, base: type, offered: Any) -> Iterator[Any]:
        for plugin in offered:
            name = getattr(plugin, "name", None)
            if isinstance(plugin, base) and isinstance(name, str) and name and not set(name) & set("+,=. "):
                yield plugin
            else:
                reason = f"{hook} returned {plugin!r:.80}, which is no {base.__name__} with a name"
                self._quarantine(origin.module, origin.distribution, reason)

    def _clash(self, kind: str, name: str, first: Origin, second: Origin) -> None:
        message = (
            f"two plugins offer the {kind} {name!r}: {first.distribution} and {second.distribution}; uninstall one"
        )
        if first.distribution == "codetune-harness":
            self._quarantine(second.module, second.distribution, f"takes the name of the built-in {kind} {name!r}")
        else:
            self._clashes[kind, name] = message
            self._quarantine(second.module, second.distribution, message)

    def _calls(self, hook: str, *, collect: bool = False, **arguments: Any) -> Iterator[tuple[Origin, Any]]:
        """Each plugin's result of a hook with its origin; called one by one so that a failure has a name.

        `collect` exhausts an iterable result here, where a generator that raises still has an owner.
        """
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            origin = self._origins[implementation.plugin_name]
            wanted = {name: arguments[name] for name in implementation.argnames}
            try:
                result = implementation.function(**wanted)
                result = list(result or ()) if collect else result
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises is the plugin's, and it is named
                if origin.distribution == "codetune-harness":
                    raise
                self._quarantine(origin.module, origin.distribution, f"{hook} raised {_reason(error)}")
                continue
            yield origin, result

    def _load_third_parties(self) -> None:
        wanted = os.environ.get(SWITCH)
        names = None if wanted is None else {name.strip() for name in wanted.split(",")}
        for entry in importlib.metadata.entry_points(group=GROUP):
            if names is not None and entry.name not in names:
                continue
            distribution = entry.dist.name if entry.dist else "unknown"
            try:
                self._register(entry.name, entry.load(), distribution, entry.dist.version if entry.dist else "")
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an import may raise anything
                self._quarantine(entry.name, distribution, _reason(error))

    def _register(self, name: str, plugin: Any, distribution: str, version: str) -> None:
        known = {n for n in dir(hookspecs) if n.startswith("harness_")}
        for attribute in [a for a in dir(plugin) if a.startswith("harness_") and a not in known]:
            if getattr(getattr(plugin, attribute), "harness_impl", None):
                close = difflib.get_close_matches(attribute, known, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise PluginError(f"there is no hook {attribute}{hint}")
        if name in self._origins:
            raise PluginError(f"{self._origins[name].distribution} already has an entry point called {name!r}")
        self._manager.register(plugin, name=name)
        self._origins[name] = Origin(distribution, version, name, _file_digest(plugin))

    def _quarantine(self, name: str, distribution: str, reason: str) -> None:
        one = Quarantined(name, distribution, reason)
        if one not in self.quarantined:
            self.quarantined.append(one)
            self._warn(f"warning: plugin {name} ({distribution}) is left out: {reason}")


def _reason(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return first if isinstance(error, PluginError) else f"{type(error).__name__}: {first}".rstrip(": ")


def _file_digest(plugin: Any) -> str:
    try:
        source = inspect.getsourcefile(plugin if inspect.ismodule(plugin) else type(plugin))
    except TypeError:
        source = None
    return hashlib.sha256(Path(source).read_bytes()).hexdigest() if source else ""


def command_plugins(cli: Any) -> None:
    """Let third parties add their commands to the command line; nothing is loaded where none is installed."""
    if any(True for _ in importlib.metadata.entry_points(group=GROUP)):
        Registry().commands(cli)

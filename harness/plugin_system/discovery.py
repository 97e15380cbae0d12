"""Which third-party plugins are installed, and what each one provides, without importing them.

A command that uses nothing of a plugin must not pay for its import. What a plugin provides is therefore cached when it
is imported, under a fingerprint of its source. A plugin that is new or has changed counts as one that may provide
anything. The cache is a hint only: before the registry says that a name does not exist, it imports every plugin.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

GROUP = "harness"
SWITCH = "HARNESS_PLUGINS"
"""Environment variable: a comma-separated list of the third-party plugins to load; empty for none."""
COMMANDS_HOOK = "harness_commands"


@dataclass(frozen=True)
class InstalledPlugin:
    """One entry point of the group `harness`: its name, the distribution that declares it, and what it points to."""

    name: str
    distribution: str
    version: str
    value: str
    entry_point: importlib.metadata.EntryPoint = field(compare=False, repr=False)

    @functools.cached_property
    def fingerprint(self) -> str | None:
        """Changes when the module, or a file beside it in its package, changes; None where the source is not found."""
        source = self._source()
        if source is None:
            return None
        files = [source]
        if source.name == "__init__.py" or "." in self.value.partition(":")[0]:
            files += sorted(source.parent.glob("*.py"))
        try:
            stats = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
        except OSError:
            return None
        parts = [self.name, self.distribution, self.version, self.value, stats, sys.version]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _source(self) -> Path | None:
        """The file of the module, found without importing anything."""
        head, *rest = self.value.partition(":")[0].split(".")
        try:
            spec = importlib.util.find_spec(head)
            for part in rest:
                if spec is None:
                    return None
                spec = importlib.machinery.PathFinder.find_spec(
                    f"{spec.name}.{part}", spec.submodule_search_locations or []
                )
        except (ImportError, ValueError):
            return None
        return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


def installed() -> tuple[list[InstalledPlugin], list[tuple[str, str]]]:
    """Every entry point of the group `harness`, by name; and each distribution that cannot be read, with the reason."""
    plugins: dict[tuple[str, str, str], InstalledPlugin] = {}
    unreadable = []
    for distribution in importlib.metadata.distributions():
        try:
            points = distribution.entry_points.select(group=GROUP)
        except Exception as error:  # noqa: BLE001 - one damaged file must not hide every other plugin
            unreadable.append((distribution.name or "unknown", f"{type(error).__name__}: {error}"))
            continue
        if not points:
            continue  # its name is in a file that takes ten times as long to read as its entry points
        name, version = distribution.name or "unknown", distribution.version or ""
        for point in points:  # of two copies the first on the path is imported
            plugins.setdefault(
                (point.name, name, point.value), InstalledPlugin(point.name, name, version, point.value, point)
            )
    return [plugins[key] for key in sorted(plugins)], unreadable


def enabled(plugins: Sequence[InstalledPlugin]) -> tuple[list[InstalledPlugin], list[str]]:
    """The plugins that `HARNESS_PLUGINS` names by entry point or distribution, and names in it that do not exist.

    All of them where the variable is not set, none where it is empty.
    """
    setting = os.environ.get(SWITCH)
    if setting is None:
        return list(plugins), []
    names = {name.strip() for name in setting.split(",") if name.strip()}
    known = {plugin.name for plugin in plugins} | {plugin.distribution for plugin in plugins}
    return [p for p in plugins if p.name in names or p.distribution in names], sorted(names - known)


@dataclass(frozen=True, slots=True)
class PluginContents:
    """What a plugin provided when it was imported: hooks, and for each kind a line of help by name.

    Commands are a kind of their own here ("command").
    """

    hooks: Sequence[str]
    names: Mapping[str, Mapping[str, str]]


class PluginCache:
    """The contents of plugins, in one file for each Python environment; without it each plugin is imported again."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _cache_file()
        self._known = self._read()

    def get(self, plugin: InstalledPlugin) -> PluginContents | None:
        """The contents of `plugin`; None when it was never imported or has changed since."""
        if plugin.fingerprint is None or plugin.fingerprint not in self._known:
            return None
        try:
            return PluginContents(**self._known[plugin.fingerprint])
        except TypeError:  # written by another version of harness
            return None

    def put(self, plugin: InstalledPlugin, contents: PluginContents, plugins: Sequence[InstalledPlugin]) -> None:
        """Store the contents of `plugin`, and drop those of plugins that are not among `plugins` any more."""
        if plugin.fingerprint is None:
            return
        current = {one.fingerprint for one in plugins}
        # Read again, since another command may have written meanwhile.
        self._known = {key: value for key, value in self._read().items() if key in current}
        self._known[plugin.fingerprint] = asdict(contents)
        self._write()

    def keep_only(self, plugins: Sequence[InstalledPlugin]) -> None:
        """Forget what is not among `plugins`, so that nothing of an uninstalled plugin stays; no file where none is."""
        current = {plugin.fingerprint for plugin in plugins}
        if all(key in current for key in self._known):
            return
        self._known = {key: value for key, value in self._known.items() if key in current}
        self._write()

    def _write(self) -> None:
        if self.path is None:
            return
        # Where the cache cannot be written, plugins are imported more often, and nothing else is lost.
        with contextlib.suppress(OSError):
            if not self._known:
                self.path.unlink(missing_ok=True)
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._known, file)
            Path(name).replace(self.path)

    def may_implement(self, plugin: InstalledPlugin, hook: str) -> bool:
        """False only when the cache says that `plugin` does not implement `hook`."""
        contents = self.get(plugin)
        return contents is None or hook in contents.hooks

    def may_provide(self, plugin: InstalledPlugin, kind: str, name: str) -> bool:
        """False only when the cache says that `plugin` provides no `name` of this kind."""
        contents = self.get(plugin)
        return contents is None or name in contents.names.get(kind, {})

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(self.path.read_text("utf-8")) if self.path is not None else {}
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


def _cache_file() -> Path | None:
    """The cache of this environment; None for a user without a home folder (in a container or on a cluster)."""
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return root / "harness" / f"plugins-{hashlib.sha256(sys.prefix.encode()).hexdigest()[:12]}.json"


def cached_commands() -> dict[str, str] | None:
    """Third-party commands with a line of help; None where a plugin must be imported to know them."""
    plugins, unknown_names = enabled(installed()[0])
    cache, commands = PluginCache(), {}
    for plugin in plugins:
        contents = cache.get(plugin)
        if contents is None or unknown_names:
            return None
        for name, summary in contents.names.get("command", {}).items():
            if name in commands:
                return None  # the registry reports the conflict
            commands[name] = summary
    return dict(sorted(commands.items()))

"""Which third-party plugins are installed and what each one offers, without importing them.

A command that uses nothing of a plugin must not pay for its import. So what a plugin offered when it was last imported
is remembered, in a file of the user's cache, under a fingerprint of the plugin's source; and of a plugin that was never
imported the source text is searched for the names of hooks. Both are hints: a name that no hint leads to makes the
registry import every plugin that is left before it says that there is no such name.
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
import re
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
_HOOK = re.compile(r"\bharness_[a-z_]+\b")


@dataclass(frozen=True)
class Entry:
    """One entry point of the group `harness`: its name, the distribution that declares it, and what it points to."""

    name: str
    distribution: str
    version: str
    value: str
    point: importlib.metadata.EntryPoint = field(compare=False, repr=False)

    @functools.cached_property
    def source(self) -> Path | None:
        """The file of the module, found without importing anything; None where that is not possible."""
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

    @functools.cached_property
    def fingerprint(self) -> str | None:
        """Changes when the module, or a file beside it in its package, changes; None where the source is not found."""
        if self.source is None:
            return None
        files = [self.source]
        if self.source.name == "__init__.py" or "." in self.value.partition(":")[0]:
            files += sorted(self.source.parent.glob("*.py"))
        try:
            stats = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
        except OSError:
            return None
        facts = [self.name, self.distribution, self.version, self.value, stats, sys.version]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @functools.cached_property
    def mentioned(self) -> frozenset[str] | None:
        """Names like `harness_tasks` in the module's text; None where hooks may come from elsewhere."""
        if self.source is None or ":" in self.value or self.source.suffix != ".py":
            return None
        try:
            text = self.source.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return None if "import *" in text else frozenset(_HOOK.findall(text))


@dataclass(frozen=True, slots=True)
class Offered:
    """What a plugin offered when it was last imported: the hooks it implements, and by kind its names in one line each.

    Commands are a kind of their own here ("command").
    """

    hooks: Sequence[str]
    names: Mapping[str, Mapping[str, str]]


class Memory:
    """What plugins offered, kept in one file for each Python environment; losing it costs one import of each plugin."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _memory_file()
        self._known = _read(self.path)

    def recall(self, entry: Entry) -> Offered | None:
        """What `entry` offers; None when it was never imported or has changed since."""
        if entry.fingerprint is None or entry.fingerprint not in self._known:
            return None
        try:
            return Offered(**self._known[entry.fingerprint])
        except TypeError:  # written by another version of harness
            return None

    def learn(self, entry: Entry, offered: Offered, installed: Sequence[Entry]) -> None:
        """Keep what `entry` offers, and forget plugins that are no longer installed."""
        if entry.fingerprint is None:
            return
        self._known = _read(self.path)  # another command may have learned meanwhile
        current = {one.fingerprint for one in installed}
        self._known = {key: value for key, value in self._known.items() if key in current}
        self._known[entry.fingerprint] = asdict(offered)
        # A cache: where it cannot be written, plugins are imported more often, and nothing else is lost.
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._known, file)
            Path(name).replace(self.path)

    def may_implement(self, entry: Entry, hook: str) -> bool:
        """False only when it is known that `entry` does not implement `hook`."""
        offered = self.recall(entry)
        if offered is not None:
            return hook in offered.hooks
        return entry.mentioned is None or hook in entry.mentioned

    def may_offer(self, entry: Entry, kind: str, hook: str, name: str) -> bool:
        """False only when it is known that `entry` has no plugin `name` of this kind."""
        offered = self.recall(entry)
        if offered is not None:
            return name in offered.names.get(kind, {})
        return self.may_implement(entry, hook)


def _memory_file() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "harness" / f"plugins-{hashlib.sha256(sys.prefix.encode()).hexdigest()[:12]}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def installed() -> list[Entry]:
    """Every entry point of the group `harness`, in the order of their names, whether switched off or not."""
    return survey()[0]


def survey() -> tuple[list[Entry], list[tuple[str, str]]]:
    """The installed entries, and which distributions cannot be asked for theirs, with the reason."""
    points, unreadable = _points()
    found = {}
    for point in points:
        name, version = (point.dist.name, point.dist.version) if point.dist else (None, None)
        entry = Entry(point.name, name or "unknown", version or "", point.value, point)
        found[entry.name, entry.distribution, entry.value] = entry
    return [found[key] for key in sorted(found)], unreadable


def _points() -> tuple[list[importlib.metadata.EntryPoint], list[tuple[str, str]]]:
    try:
        return list(importlib.metadata.entry_points(group=GROUP)), []
    except Exception:  # noqa: BLE001 - one torn file of any distribution, and nobody's entry points can be had that way
        points: list[importlib.metadata.EntryPoint] = []
        unreadable = []
        for distribution in importlib.metadata.distributions():
            try:
                points += distribution.entry_points.select(group=GROUP)
            except Exception as error:  # noqa: BLE001 - the same; here it has an owner
                unreadable.append((distribution.name or "unknown", f"{type(error).__name__}: {error}"))
        return points, unreadable


def chosen(entries: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """The entries that `HARNESS_PLUGINS` lets in (names of entry points or distributions), and words it does not know.

    All of them where the variable is not set, none where it is empty.
    """
    wanted = os.environ.get(SWITCH)
    if wanted is None:
        return list(entries), []
    words = {word.strip() for word in wanted.split(",") if word.strip()}
    kept = [entry for entry in entries if entry.name in words or entry.distribution in words]
    known = {entry.name for entry in entries} | {entry.distribution for entry in entries}
    return kept, sorted(words - known)


def remembered_commands() -> dict[str, str] | None:
    """Commands of third parties with a line of help, when all of them are known without an import; else None."""
    entries, unknown_words = chosen(installed())
    if unknown_words:
        return None
    memory, found = Memory(), {}
    for entry in entries:
        if memory.may_implement(entry, COMMANDS_HOOK):
            offered = memory.recall(entry)
            if offered is None:
                return None
            for name, words in offered.names.get("command", {}).items():
                if name in found:
                    return None  # two plugins with one name: the registry says so
                found[name] = words
    return dict(sorted(found.items()))

"""The registry of plugins: every method, task, metric, backend, decoder, study and command by name, with its origin.

Built-ins are registered from one explicit tuple and use nothing that a third party could not. Third parties come from
the entry point group `harness`. They are imported when a command needs what they provide: `discovery` knows that
without an import, `loading` imports them and reports what is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.errors import PluginError, UsageError, unknown
from harness.plugin import Backend, Decoder, Method, Metric, Study, Task
from harness.plugin_system.discovery import COMMANDS_HOOK, SWITCH, InstalledPlugin, PluginContents
from harness.plugin_system.loading import OURS, Loader, Origin, PluginProblem, file_digest

if TYPE_CHECKING:
    import click

BUILT_IN = (
    "harness.plugins.methods.zero_shot",
    "harness.plugins.methods.icl",
    "harness.plugins.methods.rag",
    "harness.plugins.methods.lora",
    "harness.plugins.methods.ia3",
    "harness.plugins.methods.prompt_tuning",
    "harness.plugins.methods.prefix_tuning",
    "harness.plugins.methods.qlora",
    "harness.plugins.methods.full_ft",
    "harness.plugins.methods.peft_any",
    "harness.plugins.tasks.conala",
    "harness.plugins.tasks.codealpacapy",
    "harness.plugins.tasks.apps",
    "harness.plugins.tasks.my",
    "harness.plugins.metrics.exact_match",
    "harness.plugins.metrics.codebleu",
    "harness.plugins.metrics.pass_at_k",
    "harness.plugins.metrics.tests_passed",
    "harness.plugins.metrics.bleu",
    "harness.plugins.metrics.chrf",
    "harness.plugins.metrics.edit_similarity",
    "harness.plugins.metrics.parse_rate",
    "harness.plugins.decoders.beam_search",
    "harness.plugins.decoders.greedy",
    "harness.plugins.decoders.sampling",
    "harness.plugins.studies.fair",
    "harness.plugins.studies.weyssow2024",
)

P_co = TypeVar("P_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PluginEntry(Generic[P_co]):
    """A registered plugin: its name, the object that the hook returned, and where it comes from."""

    name: str
    plugin: P_co
    origin: Origin


KINDS: Mapping[str, tuple[str, type]] = {
    "method": ("harness_methods", Method),
    "task": ("harness_tasks", Task),
    "metric": ("harness_metrics", Metric),
    "backend": ("harness_backends", Backend),
    "decoder": ("harness_decoders", Decoder),
    "study": ("harness_studies", Study),
}


def _stderr(line: str) -> None:
    print(line, file=sys.stderr)


class Registry:
    """All plugins of this environment; a third party is imported when it may provide what is asked for."""

    def __init__(self, *, warn: Callable[[str], None] = _stderr) -> None:
        self._loader = Loader(BUILT_IN, warn)
        self._entries: dict[str, dict[str, PluginEntry[Any]]] = {kind: {} for kind in KINDS}
        self._commands: dict[str, tuple[Origin, click.Command, str]] = {}
        self._conflicts: dict[tuple[str, str], str] = {}
        self._collected: set[tuple[str, str]] = set()

    @property
    def left_out(self) -> Sequence[PluginProblem]:
        """Third-party plugins, or parts of them, that cannot be used, and why."""
        return self._loader.left_out

    @property
    def warnings(self) -> Sequence[PluginProblem]:
        """Third-party plugins that work, and what their authors should mend."""
        return self._loader.warnings

    def hooks(self, plugin: str) -> list[str]:
        """The hooks that a loaded plugin implements."""
        return self._loader.hooks(plugin)

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Every plugin that is loaded, by the name of its entry point or module."""
        return self._loader.origins

    def method(self, name: str) -> PluginEntry[Method]:
        """The method `name`; `family:member` asks a family for one of its members."""
        family, colon, member = name.partition(":")
        if not colon:
            single: PluginEntry[Method] = self._get("method", name)
            if type(single.plugin).variants is not Method.variants:
                raise UsageError(
                    f"{name} is a family of methods; name one of them, like {name}:{single.plugin.variants()[0]}"
                )
            return single
        entry: PluginEntry[Method] = self._get("method", family)
        if member not in entry.plugin.variants():
            raise unknown(f"{family} method", member, entry.plugin.variants(), "See: harness plugins")
        return PluginEntry(name, entry.plugin.variant(member), entry.origin)

    def task(self, name: str) -> PluginEntry[Task]:
        """The task `name`."""
        return self._get("task", name)

    def metric(self, name: str) -> PluginEntry[Metric]:
        """The metric `name`."""
        return self._get("metric", name)

    def backend(self, name: str) -> PluginEntry[Backend]:
        """The backend `name`."""
        return self._get("backend", name)

    def decoder(self, name: str) -> PluginEntry[Decoder]:
        """The decoder `name`."""
        return self._get("decoder", name)

    def study(self, name: str) -> PluginEntry[Study]:
        """The study `name`."""
        return self._get("study", name)

    def call(self, entry: PluginEntry[Any], what: str, body: Callable[[], T]) -> T | None:
        """The result of `body`, which runs code of the plugin; None when a third party's code fails, which is reported.

        `what` describes `body` in the report: "the text of 'rq1'".
        """
        return self._loader.call(entry.origin.module, what, body)

    def find(self, name: str) -> tuple[str, PluginEntry[Any]]:
        """The kind of the plugin `name`, and the plugin.

        Raises:
            UsageError: there is none, of any kind.
        """
        family = name.partition(":")[0]
        for _ in self._load_until_found(tuple(KINDS), family):
            for kind in KINDS:
                if family in self._collect(kind):
                    return kind, self.method(name) if kind == "method" else self._get(kind, name)
        known = [one for kind in KINDS for one in self._entries[kind]]
        raise unknown("plugin or run folder", name, known, f"See: harness plugins{self._left_out_names()}")

    def known(self, name: str) -> str | None:
        """The kind of the plugin or third-party command `name`, built in or not; None when the name is free."""
        for kind in KINDS:
            if name in self.entries(kind):
                return kind
        return "command" if self.command(name) is not None else None

    def entries(self, kind: str) -> Mapping[str, PluginEntry[Any]]:
        """Every plugin of a kind (a key of `KINDS`) by name, built-ins first."""
        self._load(lambda plugin: self._loader.cache.may_implement(plugin, KINDS[kind][0]))
        return self._collect(kind)

    def members(self, entry: PluginEntry[Method]) -> Mapping[str, str]:
        """A line of help for each member of a family of methods; empty for a single method."""
        return self.call(entry, f"variant_summaries of {entry.name!r}", entry.plugin.variant_summaries) or {}

    def commands(self) -> list[tuple[str, Origin, str]]:
        """Third-party commands: name, origin, a line of help."""
        self._load(lambda plugin: self._loader.cache.may_implement(plugin, COMMANDS_HOOK))
        self._collect_commands()
        return [(name, origin, summary) for name, (origin, _, summary) in sorted(self._commands.items())]

    def command(self, name: str) -> click.Command | None:
        """The third-party command `name`; None when there is none.

        Raises:
            UsageError: two plugins have one of this name.
        """
        for _ in self._load_until_found(("command",), name):
            self._collect_commands()
            if ("command", name) in self._conflicts:
                raise UsageError(self._conflicts["command", name])
            if name in self._commands:
                return self._commands[name][1]
        return None

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call a notification hook of every plugin; one that raises is warned about and does not stop the run."""
        self._load(lambda plugin: self._loader.cache.may_implement(plugin, hook))
        for owner in list(self.origins):
            self._loader.call_hook(owner, hook, arguments)

    def load_everything(self) -> None:
        """Import every enabled third party and collect everything that it provides."""
        self._load(lambda _: True)
        for kind in KINDS:
            self._collect(kind)
        self._collect_commands()

    def add(self, plugin: Method | Task | Metric | Backend | Decoder) -> None:
        """Register a plugin that no package provides, in a test or a notebook.

        A change of its source file is detected. A class without a file (in a notebook's cell) always counts as
        unchanged: after a change give it another name, or its finished runs are returned as they are.

        Raises:
            PluginError: it cannot be used, or its name is taken.
        """
        kind = next((kind for kind, (_, base) in KINDS.items() if isinstance(plugin, base)), None)
        if kind is None:
            bases = ", ".join(base.__name__ for _, base in KINDS.values())
            raise PluginError(f"{plugin!r:.80} is an instance of none of {bases}; make one: MyMethod()")
        if (problem := _problem(plugin, KINDS[kind][1])) is not None:
            raise PluginError(f"cannot add {problem}")
        if plugin.name in self.entries(kind):
            raise PluginError(f"there is a {kind} {plugin.name!r} already; give yours another name")
        module = type(plugin).__module__
        origin = Origin(module.partition(".")[0], "", module, file_digest(type(plugin)))
        self._entries[kind][plugin.name] = PluginEntry(plugin.name, plugin, origin)

    def _get(self, kind: str, name: str) -> PluginEntry[Any]:
        for _ in self._load_until_found((kind,), name):
            entries = self._collect(kind)
            if (kind, name) in self._conflicts:
                raise UsageError(self._conflicts[kind, name])
            if name in entries:
                return entries[name]
        raise unknown(kind, name, self._entries[kind], f"See: harness plugins{self._left_out_names()}")

    def _left_out_names(self) -> str:
        """Plugins that are left out, any of which may be the one that provides a missing name."""
        names = list(dict.fromkeys(problem.name for problem in self.left_out))
        return f" (left out, for reasons given there: {', '.join(names)})" if names else ""

    def _load_until_found(self, kinds: Sequence[str], name: str) -> Iterator[None]:
        """Yields before any import, after the import of the plugins that may provide `name`, and after that of all."""
        yield
        self._load(lambda plugin: any(self._loader.cache.may_provide(plugin, kind, name) for kind in kinds))
        yield
        self._load(lambda _: True)
        yield

    def _load(self, needed: Callable[[InstalledPlugin], bool]) -> None:
        for plugin in self._loader.load(needed):
            if self._loader.cache.get(plugin) is None:
                self._cache_contents(plugin)

    def _cache_contents(self, plugin: InstalledPlugin) -> None:
        """Cache what a plugin provides, unless a part of it is broken, which is to be reported again next time."""
        for kind in KINDS:
            self._collect(kind)
        self._collect_commands()
        if any(problem.name == plugin.name for problem in self.left_out):
            return
        names = {
            kind: {e.name: summary(e.plugin) for e in entries.values() if e.origin.module == plugin.name}
            for kind, entries in self._entries.items()
        }
        names["command"] = {n: text for n, (origin, _, text) in self._commands.items() if origin.module == plugin.name}
        contents = PluginContents(self._loader.hooks(plugin.name), names)
        self._loader.cache.put(plugin, contents, self._loader.installed)

    def _collect(self, kind: str) -> dict[str, PluginEntry[Any]]:
        hook, base = KINDS[kind]
        for owner, origin in list(self.origins.items()):
            if (kind, owner) in self._collected:
                continue
            self._collected.add((kind, owner))
            for plugin, problem in self._loader.call_hook(owner, hook, {}, partial(_checked, base)) or ():
                if problem is None:
                    self._register(kind, plugin, origin)
                else:
                    self._loader.leave_out(owner, origin.distribution, f"{hook} returned {problem}")
        return self._entries[kind]

    def _register(self, kind: str, plugin: Any, owner: Origin) -> None:
        origin = replace(owner, digest=file_digest(type(plugin)) or owner.digest)
        if plugin.name in self._entries[kind]:
            self._report_conflict(kind, plugin.name, self._entries[kind][plugin.name].origin, origin)
        else:
            self._entries[kind][plugin.name] = PluginEntry(plugin.name, plugin, origin)

    def _collect_commands(self) -> None:
        import click

        from harness.command_list import COMMANDS

        for owner, origin in list(self.origins.items()):
            if ("command", owner) in self._collected:
                continue
            self._collected.add(("command", owner))
            group = click.Group()
            convert = partial(_described, group)
            for name, command, text in self._loader.call_hook(owner, COMMANDS_HOOK, {"cli": group}, convert) or ():
                if command is None:
                    self._loader.leave_out(owner, origin.distribution, f"{COMMANDS_HOOK} added {text}")
                elif name in COMMANDS:
                    self._report_conflict("command", name, None, origin)
                elif name in self._commands:
                    self._report_conflict("command", name, self._commands[name][0], origin)
                else:
                    self._commands[name] = (origin, command, text)

    def _report_conflict(self, kind: str, name: str, first: Origin | None, second: Origin) -> None:
        """A name that is taken: by a built-in (`first` is None or ours), or by another third party."""
        if first is None or first.distribution == OURS:
            reason = f"takes the name of the built-in {kind} {name!r}"
        else:
            both = f"{first.distribution} and {second.distribution}"
            reason = f"two plugins provide the {kind} {name!r}: {both}; uninstall one, or choose with {SWITCH}"
            self._conflicts[kind, name] = reason
        self._loader.leave_out(second.module, second.distribution, reason)


def summary(plugin: object) -> str:
    """The first line of a plugin's docstring."""
    return (str(type(plugin).__doc__ or "").strip().splitlines() or [""])[0]


def _described(group: click.Group, _: Any) -> list[tuple[str, click.Command | None, str]]:
    """Each command of a group with its line of help; an object that is no command as None, with what it is."""
    import click

    return [
        (name, one, one.get_short_help_str())
        if isinstance(one, click.Command)
        else (name, None, f"an object of the type {type(one).__name__}, which is no click command")
        for name, one in group.commands.items()
    ]


def _checked(base: type, plugins: Any) -> list[tuple[Any, str | None]]:
    return [(plugin, _problem(plugin, base)) for plugin in plugins or ()]


def _problem(plugin: Any, base: type) -> str | None:
    """What is wrong with an object that a hook returned; None when it can be used."""
    if isinstance(plugin, type):
        return f"the class {plugin.__name__}; return an instance, {plugin.__name__}()"
    if not isinstance(plugin, base):
        return f"an object of the type {type(plugin).__name__}, which is no {base.__name__}"
    name = getattr(plugin, "name", None)
    if not isinstance(name, str) or not name or set(name) & set("+,=.:/ "):
        return f"a {base.__name__} whose name is {name!r}; a name is a text without spaces and any of + , = . : /"
    if not (isinstance(plugin.Config, type) and is_dataclass(plugin.Config)):  # type: ignore[attr-defined]
        return f"the {base.__name__} {name!r} whose Config is no dataclass"
    options = fields(plugin.Config)  # type: ignore[attr-defined]
    if without := [f.name for f in options if f.default is MISSING and f.default_factory is MISSING]:
        return f"the {base.__name__} {name!r} whose options {', '.join(without)} have no default"
    return None

"""From a name to a plugin: every method, task, metric, backend and command, and who offers it.

Built-ins are registered from one explicit tuple and use nothing a third party could not. Third parties come through
the entry point group `harness` and are imported when a command needs what they offer: `harness.discovery` knows that
without an import, `harness.loading` imports them and keeps what is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.discovery import COMMANDS_HOOK, SWITCH, Entry, Offered
from harness.errors import UsageError, unknown
from harness.loading import OURS, Loader, Origin, Quarantined, file_digest
from harness.plugin import Backend, Method, Metric, Task

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
    "harness.plugins.metrics.exact_match",
    "harness.plugins.metrics.codebleu",
    "harness.plugins.metrics.pass_at_k",
    "harness.plugins.metrics.tests_passed",
    "harness.plugins.metrics.bleu",
    "harness.plugins.metrics.chrf",
    "harness.plugins.metrics.edit_similarity",
    "harness.plugins.metrics.parse_rate",
)

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Offer(Generic[P]):
    """A plugin object under the name it is asked for."""

    name: str
    plugin: P
    origin: Origin


KINDS: Mapping[str, tuple[str, type]] = {
    "method": ("harness_methods", Method),
    "task": ("harness_tasks", Task),
    "metric": ("harness_metrics", Metric),
    "backend": ("harness_backends", Backend),
}


def _stderr(line: str) -> None:
    print(line, file=sys.stderr)


class Registry:
    """All plugins of this environment; a third party is imported when it may have what is asked for."""

    def __init__(self, *, warn: Callable[[str], None] = _stderr) -> None:
        self._loader = Loader(BUILT_IN, warn)
        self._offers: dict[str, dict[str, Offer[Any]]] = {kind: {} for kind in KINDS}
        self._commands: dict[str, tuple[Origin, click.Command, str]] = {}
        self._clashes: dict[tuple[str, str], str] = {}
        self._asked: set[tuple[str, str]] = set()

    @property
    def quarantined(self) -> Sequence[Quarantined]:
        """Third-party plugins, or parts of them, that cannot be used, and why."""
        return self._loader.quarantined

    @property
    def remarks(self) -> Sequence[Quarantined]:
        """Third-party plugins that work, and what is wrong with their manners."""
        return self._loader.remarks

    def hooks(self, plugin: str) -> list[str]:
        """The hooks that a loaded plugin implements."""
        return self._loader.hooks(plugin)

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Every plugin that is loaded, by the name of its entry point or module."""
        return self._loader.origins

    def method(self, name: str) -> Offer[Method]:
        """The method `name`; `family:member` asks a family for one of its members."""
        family, colon, member = name.partition(":")
        if not colon:
            single: Offer[Method] = self._one("method", name)
            if type(single.plugin).variants is not Method.variants:
                raise UsageError(
                    f"{name} is a family of methods; name one of them, like {name}:{single.plugin.variants()[0]}"
                )
            return single
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

    def find(self, name: str) -> tuple[str, Offer[Any]]:
        """The kind of the plugin `name`, and the plugin.

        Raises:
            UsageError: there is none, of any kind.
        """
        family = name.partition(":")[0]
        for _ in self._reach(tuple(KINDS), family):
            for kind in KINDS:
                if family in self._gather(kind):
                    return kind, self.method(name) if kind == "method" else self._one(kind, name)
        known = [one for kind in KINDS for one in self._offers[kind]]
        raise unknown("plugin or run folder", name, known, f"See: harness plugins{self._hurt()}")

    def known(self, name: str) -> str | None:
        """The kind of the plugin or third-party command `name`, built in or not; None when the name is free."""
        for kind in KINDS:
            if name in self.offers(kind):
                return kind
        return "command" if self.command(name) is not None else None

    def offers(self, kind: str) -> Mapping[str, Offer[Any]]:
        """Every plugin of a kind ("method", "task", "metric", "backend") by name, built-ins first."""
        self._load(lambda entry: self._loader.memory.may_implement(entry, KINDS[kind][0]))
        return self._gather(kind)

    def members(self, offer: Offer[Method]) -> Mapping[str, str]:
        """What is said of each member of a family of methods; empty for a single method."""
        return self._loader.ask(offer.origin.module, f"remarks of {offer.name!r}", offer.plugin.remarks) or {}

    def commands(self) -> list[tuple[str, Origin, str]]:
        """The commands of third parties: name, who offers it, a line of help."""
        self._load(lambda entry: self._loader.memory.may_implement(entry, COMMANDS_HOOK))
        self._gather_commands()
        return [(name, origin, words) for name, (origin, _, words) in sorted(self._commands.items())]

    def command(self, name: str) -> click.Command | None:
        """The third-party command `name`; None when there is none.

        Raises:
            UsageError: two plugins offer it.
        """
        for _ in self._reach(("command",), name):
            self._gather_commands()
            if ("command", name) in self._clashes:
                raise UsageError(self._clashes["command", name])
            if name in self._commands:
                return self._commands[name][1]
        return None

    def tell(self, hook: str, **arguments: Any) -> None:
        """Call a notification hook of every plugin; one that raises is warned about and does not stop the run."""
        self._load(lambda entry: self._loader.memory.may_implement(entry, hook))
        for owner in list(self.origins):
            self._loader.call(owner, hook, arguments)

    def load_everything(self) -> None:
        """Import every third party that is let in, whatever it offers, and ask it for all that it has."""
        self._load(lambda _: True)
        for kind in KINDS:
            self._gather(kind)
        self._gather_commands()

    def _one(self, kind: str, name: str) -> Offer[Any]:
        for _ in self._reach((kind,), name):
            offers = self._gather(kind)
            if (kind, name) in self._clashes:
                raise UsageError(self._clashes[kind, name])
            if name in offers:
                return offers[name]
        raise unknown(kind, name, self._offers[kind], f"See: harness plugins{self._hurt()}")

    def _hurt(self) -> str:
        """What else a name that does not exist may have been meant to come from."""
        left = list(dict.fromkeys(q.name for q in self.quarantined))
        return f" (left out, for reasons given there: {', '.join(left)})" if left else ""

    def _reach(self, kinds: Sequence[str], name: str) -> Iterator[None]:
        """Yields before any import, then with the plugins that may offer `name`, then with those that have the hook at
        all, then with everyone."""
        memory = self._loader.memory
        hooks = {kind: KINDS[kind][0] if kind in KINDS else COMMANDS_HOOK for kind in kinds}
        yield
        self._load(lambda entry: any(memory.may_offer(entry, kind, hook, name) for kind, hook in hooks.items()))
        yield
        self._load(lambda entry: any(memory.may_implement(entry, hook) for hook in hooks.values()))
        yield
        self._load(lambda _: True)
        yield

    def _load(self, wanted: Callable[[Entry], bool]) -> None:
        for entry in self._loader.load(wanted):
            if self._loader.memory.recall(entry) is None:
                self._learn(entry)

    def _learn(self, entry: Entry) -> None:
        """Remember what a plugin offers, unless a part of it is broken: that is looked at again next time."""
        for kind in KINDS:
            self._gather(kind)
        self._gather_commands()
        if any(q.name == entry.name for q in self.quarantined):
            return
        names = {
            kind: {o.name: summary(o.plugin) for o in offers.values() if o.origin.module == entry.name}
            for kind, offers in self._offers.items()
        }
        names["command"] = {
            name: words for name, (origin, _, words) in self._commands.items() if origin.module == entry.name
        }
        self._loader.memory.learn(entry, Offered(self._loader.hooks(entry.name), names), self._loader.installed)

    def _gather(self, kind: str) -> dict[str, Offer[Any]]:
        hook, base = KINDS[kind]
        for owner, origin in list(self.origins.items()):
            if (kind, owner) in self._asked:
                continue
            self._asked.add((kind, owner))
            for plugin, wrong in self._loader.call(owner, hook, {}, partial(_checked, base)) or ():
                if wrong is None:
                    self._take(kind, plugin, origin)
                else:
                    self._loader.quarantine(owner, origin.distribution, f"{hook} returned {wrong}")
        return self._offers[kind]

    def _take(self, kind: str, plugin: Any, owner: Origin) -> None:
        origin = replace(owner, digest=file_digest(type(plugin)) or owner.digest)
        if plugin.name in self._offers[kind]:
            self._clash(kind, plugin.name, self._offers[kind][plugin.name].origin, origin)
        else:
            self._offers[kind][plugin.name] = Offer(plugin.name, plugin, origin)

    def _gather_commands(self) -> None:
        import click

        from harness.cli import COMMANDS

        for owner, origin in list(self.origins.items()):
            if ("command", owner) in self._asked:
                continue
            self._asked.add(("command", owner))
            group = click.Group()
            look = partial(_described, group)
            for name, command, words in self._loader.call(owner, COMMANDS_HOOK, {"cli": group}, look) or ():
                if command is None:
                    self._loader.quarantine(owner, origin.distribution, f"{COMMANDS_HOOK} added {words}")
                elif name in COMMANDS:
                    self._clash("command", name, None, origin)
                elif name in self._commands:
                    self._clash("command", name, self._commands[name][0], origin)
                else:
                    self._commands[name] = (origin, command, words)

    def _clash(self, kind: str, name: str, first: Origin | None, second: Origin) -> None:
        """A name that is taken: by a built-in (`first` is None or ours), or by another third party."""
        if first is None or first.distribution == OURS:
            reason = f"takes the name of the built-in {kind} {name!r}"
        else:
            both = f"{first.distribution} and {second.distribution}"
            reason = f"two plugins offer the {kind} {name!r}: {both}; uninstall one, or choose with {SWITCH}"
            self._clashes[kind, name] = reason
        self._loader.quarantine(second.module, second.distribution, reason)


def summary(plugin: object) -> str:
    """The first line of a plugin's docstring."""
    return (str(type(plugin).__doc__ or "").strip().splitlines() or [""])[0]


def _described(group: click.Group, _: Any) -> list[tuple[str, click.Command | None, str]]:
    """The commands of a group by name with their line of help; None with what it is where one is no command."""
    import click

    found: list[tuple[str, click.Command | None, str]] = []
    for name, one in group.commands.items():
        wrong = f"an object of the type {type(one).__name__}, which is no click command"
        sound = isinstance(one, click.Command)
        found.append((name, one, one.get_short_help_str()) if sound else (name, None, wrong))
    return found


def _checked(base: type, offered: Any) -> list[tuple[Any, str | None]]:
    return [(plugin, _wrong(plugin, base)) for plugin in offered or ()]


def _wrong(plugin: Any, base: type) -> str | None:
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

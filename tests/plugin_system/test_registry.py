"""Whatever is wrong with a third party is one line, and everything that does not need it works.

The broken plugins are what unpacked wheels look like: a module and its `dist-info` with the entry point.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import PluginError, UsageError
from harness.plugin_system import discovery
from harness.plugin_system.loading import HOOKS, Loader
from harness.plugin_system.registry import BUILT_IN, Registry
from tests import warm

START = "from harness import hookimpl\nfrom harness.plugin import Backend, Method, Metric, Task\n"


def hook(name: str, body: str, arguments: str = "") -> str:
    return f"@hookimpl\ndef {name}({arguments}):\n    {body}\n"


def method(name: str) -> str:
    return f"class M(Method):\n    '''Does nothing.'''\n    name = {name!r}\n" + hook("harness_methods", "return [M()]")


RUN_HOOKS = {
    "harness_run_started": "run",
    "harness_tuning_validated": "run, progress",
    "harness_record_written": "run, record",
    "harness_run_finished": "run, rows",
}

# name -> (source, what `harness plugins` says of it)
BROKEN = {
    "import-error": ("import a_library_that_is_not_there", "ModuleNotFoundError: No module named 'a_library_that_is"),
    "raises": ("1 / 0", "its import raised ZeroDivisionError: division by zero"),
    "exits": ("import sys; sys.exit('bye')", "its import raised SystemExit: bye"),
    "syntax": ("def (:", "its import raised SyntaxError"),
    "own-exception": ("class E(BaseException): pass\nraise E('odd')", "its import raised E: odd"),
    "wrong-type": (START + hook("harness_methods", "return [object()]"), "harness_methods returned an object of the"),
    "a-class": (
        START + "class M(Method):\n    name = 'aclass'\n" + hook("harness_methods", "return [M]"),
        "harness_methods returned the class M; return an instance, M()",
    ),
    "no-list": (START + hook("harness_metrics", "return 7"), "harness_metrics raised TypeError: 'int' object is not"),
    "no-name": (START + hook("harness_tasks", "return [Task()]"), "a Task whose name is None"),
    "bad-config": (
        START + "class M(Method):\n    name = 'bc'\n    Config = dict\n" + hook("harness_methods", "return [M()]"),
        "the Method 'bc' whose Config is no dataclass",
    ),
    "bad-property": (
        START + "class M(Method):\n    name = property(lambda s: 1 / 0)\n" + hook("harness_methods", "return [M()]"),
        "harness_methods raised ZeroDivisionError",
    ),
    "no-default": (
        START
        + "from dataclasses import make_dataclass\nclass M(Method):\n    name = 'nd'\n"
        + "    Config = make_dataclass('C', ['depth'])\n"
        + hook("harness_methods", "return [M()]"),
        "the Method 'nd' whose options depth have no default",
    ),
    "bad-family": (
        START
        + "class M(Method):\n    name = 'fam'\n    def variants(self): return ['a']\n"
        + "    def variant_summaries(self): raise ValueError('none')\n"
        + hook("harness_methods", "return [M()]"),
        "variant_summaries of 'fam' raised ValueError: none",
    ),
    "odd-docstring": (
        START + "class M(Method):\n    __doc__ = 7\n    name = 'odd-doc'\n" + hook("harness_methods", "return [M()]"),
        None,  # nothing is wrong with it that anybody needs
    ),
    "no-command": (
        START + hook("harness_commands", "cli.commands['nocommand'] = 7", "cli"),
        "harness_commands added an object of the type int, which is no click command",
    ),
    "mute-command": (
        START
        + "import click\nclass C(click.Command):\n"
        + "    def get_short_help_str(self, limit=45): raise ValueError('mute')\n"
        + hook("harness_commands", "cli.add_command(C('mute'))", "cli"),
        "harness_commands raised ValueError: mute",
    ),
    "misspelt": (START + hook("harness_metods", "return []"), "no hook harness_metods; did you mean harness_methods?"),
    "unmarked": ("def harness_tasks():\n    return []\n", "harness_tasks lacks the mark @hookimpl"),
    "bad-arguments": (START + hook("harness_run_started", "pass", "walk"), "can not be found in the hookspec"),
    "no-hook": ("x = 1", "implements no hook of harness"),
    "twin": (START + method("lora"), "takes the name of the built-in method 'lora'"),
    "pair-one": (START + method("pair"), None),
    "pair-two": (START + method("pair"), "two plugins provide the method 'pair': pair-one and pair-two"),
    "takes-eval": (
        START + hook("harness_commands", "import click; cli.add_command(click.Command('eval'))", "cli"),
        "takes the name of the built-in command 'eval'",
    ),
    "slow": (
        START
        + "import time\nend = time.process_time() + 1.2\nwhile time.process_time() < end: pass\n"
        + method("slowly"),
        "s to import; heavy libraries belong inside",
    ),
    "prints": (START + "print('look at me')\n" + method("loud"), "its import prints on stdout, which is kept for data"),
    **{
        f"raises-in-{name.removeprefix('harness_').replace('_', '-')}": (
            START + hook(name, "raise RuntimeError('in ' + 'the hook')", {"harness_commands": "cli"}.get(name, "")),
            f"{name} raised RuntimeError: in the hook",
        )
        for name in HOOKS
        if name not in RUN_HOOKS
    },
    **{
        f"raises-in-{name.removeprefix('harness_').replace('_', '-')}": (
            START + hook(name, "raise RuntimeError('in ' + 'the hook')", arguments),
            None,  # only a run calls these
        )
        for name, arguments in RUN_HOOKS.items()
    },
}


def unpack(folder: Path, name: str, source: str, value: str | None = None, point: str | None = None) -> None:
    module = "plugin_" + name.replace("-", "_")
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / f"{module}.py").write_text(source, "utf-8")
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    (about / "entry_points.txt").write_text(f"[harness]\n{point or name} = {value or module}\n", "utf-8")


def harness(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), **environ}
    return warm.harness(*words, cwd=folder, environ=surroundings)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the path in which every plugin of `BROKEN` is installed."""
    folder = tmp_path_factory.mktemp("broken")
    for name, (source, _) in BROKEN.items():
        unpack(folder, name, source)
    return folder


@pytest.fixture(scope="module")
def listing(broken: Path) -> str:
    done = harness(broken, "plugins")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", [name for name, (_, reason) in BROKEN.items() if reason])
def test_a_broken_plugin_is_one_clear_line(listing: str, name: str) -> None:
    lines = [line for line in listing.splitlines() if f"({name})" in line]
    assert len(lines) == 1, lines
    assert lines[0].startswith((f"left out: {name} ({name}): ", f"note: {name} ({name}): "))
    assert BROKEN[name][1] in lines[0]


def test_there_are_more_than_twenty_broken_plugins_and_the_sound_parts_are_listed(listing: str) -> None:
    assert len(BROKEN) > 20
    for kind, name in (("method", "lora"), ("task", "conala"), ("metric", "exact_match"), ("method", "slowly")):
        assert any(line.split()[:2] == [kind, name] for line in listing.splitlines()), name
    assert "look at me" in listing  # quoted in its line
    assert not any(line.startswith("look at me") for line in listing.splitlines())


def test_help_lists_every_command_and_names_who_is_broken(broken: Path) -> None:
    done = harness(broken, "--help")
    assert done.returncode == 0
    assert "eval" in done.stdout
    assert "Traceback" not in done.stderr
    assert all(line.startswith("warning: plugin ") for line in done.stderr.splitlines()), done.stderr
    assert "raises-in-commands" in done.stderr
    assert "plugin import-error (import-error) is left out" in done.stderr  # it may have had a command


def test_an_unrelated_run_goes_to_its_end_and_calls_those_that_implement_its_hooks(broken: Path) -> None:
    words = ["--method", "lora", "--task", "conala", "--limit", "1", "--set", "lora.epochs=1", "--candidates", "1"]
    done = harness(broken, "--trace-plugins", "eval", *words, "--max-new-tokens", "2", "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)[0]
    lines = done.stderr.splitlines()
    for name in RUN_HOOKS:
        owner = f"raises-in-{name.removeprefix('harness_').replace('_', '-')}"
        assert [line for line in lines if f"({owner}) is left out: {name} raised RuntimeError" in line], name
    about = json.loads((broken / "runs" / row["run_id"] / "run.json").read_text("utf-8"))
    assert {"lora", "conala", "exact_match"} <= set(about["plugins"])


def test_a_name_of_a_broken_plugin_is_refused_with_what_is_broken(broken: Path) -> None:
    done = harness(broken, "eval", "--method", "pair", "--task", "conala")
    assert done.returncode == 2
    assert "two plugins provide the method 'pair': pair-one and pair-two; uninstall one" in done.stderr
    chosen = harness(broken, "show", "pair", HARNESS_PLUGINS="pair-two")
    assert chosen.returncode == 0
    assert chosen.stderr == ""
    assert chosen.stdout.startswith("method pair (pair-two 1.0)")
    unknown = harness(broken, "show", "nothing-like-it")
    assert unknown.returncode == 2
    assert "warning: plugin import-error (import-error) is left out: its import raised" in unknown.stderr
    assert "no plugin or run folder 'nothing-like-it'" in unknown.stderr.splitlines()[-1]


# ---- what is imported when


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on this process's path for plugins, with a cache of its own."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(discovery.SWITCH, raising=False)
    yield folder
    for module in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[module]


def loaded(registry: Registry) -> set[str]:
    return {name for name in registry.origins if not name.startswith("harness.")}


def forget() -> None:
    for module in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[module]


def test_only_the_plugin_that_is_asked_for_is_imported_once_names_are_known(place: Path) -> None:
    for name in ("one", "two", "three"):
        unpack(place, name, START + method(f"method-{name}"))
    first = Registry()
    assert first.method("method-two").origin.distribution == "two"
    assert loaded(first) == {"one", "two", "three"}  # nothing was known of them
    forget()
    second = Registry()
    assert second.method("method-two").plugin.name == "method-two"
    assert loaded(second) == {"two"}
    assert Registry().method("lora").origin.distribution == "codetune-harness"


def test_a_built_in_name_imports_nobody(place: Path) -> None:
    unpack(place, "one", START + method("method-one"))
    registry = Registry()
    registry.method("lora"), registry.task("conala"), registry.metric("exact_match")
    assert loaded(registry) == set()


def test_a_notification_imports_only_plugins_that_are_new_or_implement_its_hook(place: Path) -> None:
    unpack(place, "one", START + method("method-one"))
    unpack(place, "two", START + hook("harness_run_started", "pass", "run"))
    new = Registry()
    new.notify("harness_run_started", run=None)
    assert loaded(new) == {"one", "two"}
    forget()
    known = Registry()
    known.notify("harness_run_started", run=None)
    assert loaded(known) == {"two"}


def test_a_plugin_that_changed_is_looked_at_again(place: Path) -> None:
    unpack(place, "one", START + method("before"))
    assert Registry().method("before")
    forget()
    (place / "plugin_one.py").write_text(START + method("afterwards"), "utf-8")
    assert Registry().method("afterwards")
    with pytest.raises(UsageError, match="no method 'before'"):
        Registry().method("before")


def test_a_new_name_in_a_file_beside_the_plugin_is_found_though_the_cache_does_not_know_it(place: Path) -> None:
    unpack(place, "one", "from helper_of_one import *\n")
    (place / "helper_of_one.py").write_text(START + method("early"), "utf-8")
    assert Registry().method("early")
    forget()
    del sys.modules["helper_of_one"]
    (place / "helper_of_one.py").write_text(START + method("a-later-name"), "utf-8")
    assert Registry().method("a-later-name")
    del sys.modules["helper_of_one"]


def test_nothing_is_remembered_of_a_plugin_that_was_uninstalled(place: Path) -> None:
    unpack(place, "one", START + method("method-one"))
    unpack(place, "two", START + method("method-two"))
    assert Registry().method("method-one") and Registry().method("method-two")
    path = discovery.PluginCache().path
    assert path is not None and "method-one" in path.read_text("utf-8")
    shutil.rmtree(next(place.glob("*one*.dist-info")))
    Registry()
    assert "method-two" in path.read_text("utf-8") and "method-one" not in path.read_text("utf-8")
    shutil.rmtree(next(place.glob("*two*.dist-info")))
    Registry()
    assert not path.exists() or "method-two" not in path.read_text("utf-8")


def test_plugins_work_where_the_cache_cannot_be_written_or_is_torn(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(place, "one", START + method("method-one"))
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert Registry().method("method-one")
    torn = discovery.PluginCache(tmp_path / "torn.json")
    torn.path.write_text('{"a": ', "utf-8")
    assert discovery.PluginCache(torn.path).get(discovery.installed()[0][0]) is None


def test_an_entry_point_may_name_an_object_and_not_a_class(place: Path) -> None:
    source = START + "class Plugin:\n    @hookimpl\n    def harness_methods(self):\n        return [M()]\n"
    source += "class M(Method):\n    name = 'of-object'\nplugin = Plugin()\n"
    unpack(place, "an-object", source, value="plugin_an_object:plugin")
    unpack(place, "the-class", source, value="plugin_the_class:Plugin")
    registry = Registry(warn=lambda _: None)
    assert registry.method("of-object").origin.distribution == "an-object"
    assert [problem.reason for problem in registry.left_out if problem.name == "the-class"] == [
        "the entry point names the class Plugin; name a module or an instance"
    ]


def test_two_distributions_with_one_entry_point_are_told_apart(place: Path) -> None:
    unpack(place, "first", START + method("a"), point="same")
    unpack(place, "second", START + method("b"), point="same")
    registry = Registry(warn=lambda _: None)
    assert [(problem.distribution, problem.reason) for problem in registry.left_out] == [
        ("second", "first already has an entry point called 'same'")
    ]


def test_a_hook_that_prints_leaves_stdout_alone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unpack(place, "chatty", START + hook("harness_run_started", "print('noise')", "run"))
    Registry().notify("harness_run_started", run=None)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "harness_run_started prints on stdout, which is kept for data: 'noise'" in captured.err


@pytest.mark.parametrize(
    ("text", "why"), [(b"[harness]\ngarbage\n", "TypeError"), (b"\xff\xfe\x00", "UnicodeDecodeError")]
)
def test_a_distribution_whose_entry_points_cannot_be_read_stops_nobody(place: Path, text: bytes, why: str) -> None:
    unpack(place, "sound", START + method("sound"))
    unpack(place, "torn", "")
    (place / "torn-1.0.dist-info" / "entry_points.txt").write_bytes(text)
    for words in (["--help"], ["show", "lora"], ["show", "sound"], ["plugins"]):
        done = harness(place, *words)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert f"left out: torn (torn): its entry points cannot be read: {why}" in done.stdout
    assert re.search(r"^method +sound ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("about", ["", "Metadata-Version: 2.1\n"])
def test_a_distribution_without_a_name_is_called_unknown(place: Path, about: str) -> None:
    unpack(place, "nameless", START + method("nameless"))
    file = place / "nameless-1.0.dist-info" / "METADATA"
    file.write_text(about) if about else file.unlink()
    assert harness(place, "show", "nameless").stdout.startswith("method nameless (unknown )")
    assert re.search(r"^method +nameless ", harness(place, "plugins").stdout, re.MULTILINE)


def test_an_interrupt_during_an_import_is_an_interrupt(place: Path) -> None:
    unpack(place, "interrupted", "raise KeyboardInterrupt  # where harness_methods would be")
    with pytest.raises(KeyboardInterrupt):
        Registry().entries("method")


def test_the_digest_is_of_the_file_that_the_plugin_lives_in(place: Path) -> None:
    (place / "plugin_elsewhere.py").write_text(START + "class M(Method):\n    name = 'far'\n", "utf-8")
    unpack(place, "far", START + "from plugin_elsewhere import M\n" + hook("harness_methods", "return [M()]"))
    found = Registry().method("far").origin.digest
    assert found == hashlib.sha256((place / "plugin_elsewhere.py").read_bytes()).hexdigest()


def test_built_ins_pass_the_same_checks_and_a_failure_of_theirs_is_no_quarantine() -> None:
    with pytest.raises(PluginError, match="implements no hook"):
        Loader(["harness.records"])
    assert len(BUILT_IN) == len(set(BUILT_IN))


def test_a_plugin_that_is_not_used_costs_less_than_its_import(place: Path) -> None:
    """It is imported once when it is new, and not again; its commands are listed all the same."""
    command = hook("harness_commands", "import click; cli.add_command(click.Command('heavily', help='Lift.'))", "cli")
    witness = "import pathlib; pathlib.Path(__file__).with_suffix('.imported').touch()\n"
    unpack(place, "heavy", START + witness + method("heavy"))
    unpack(place, "heavy-command", START + witness + command)

    def imported(*words: str) -> set[str]:
        done = harness(place, *words)
        assert done.returncode == 0, done.stderr
        assert ("Lift." in done.stdout) == (words[0] in ("--help", "plugins"))
        found = list(place.glob("*.imported"))
        for file in found:
            file.unlink()
        return {file.stem.removeprefix("plugin_") for file in found}

    assert imported("show", "lora") == set()
    assert imported("--help") == {"heavy", "heavy_command"}  # both are new
    assert imported("--help") == set()
    assert imported("show", "heavy") == {"heavy"}
    assert imported("plugins") == {"heavy", "heavy_command"}

"""Studies of installed packages: found by name, told apart, and a broken one hides no other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.errors import PluginError, UsageError
from harness.plugin_system import discovery
from harness.plugin_system.registry import Registry
from harness.report.exhibits import find_maker
from harness.studies import study

SOURCE = '''
from harness import hookimpl
from harness.plugin import Study
class Mine(Study):
    """A study of another paper."""
    name = "{name}"
    def text(self):
        return {text}
    def exhibits(self):
        return {{"table3": other_table3, "{name}-table": other_table3}}
def other_table3(results):
    raise NotImplementedError
@hookimpl
def harness_studies():
    return [Mine()]
'''
FILE = repr('title = "Mine"\nshows = ["table3"]\n[[builtin]]\ntask = ["conala"]\nmethod = ["icl"]\n')


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on this process's path, with the package `other`."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(discovery.SWITCH, raising=False)
    install(folder, "other", FILE)
    yield folder
    for module in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[module]


def install(folder: Path, name: str, text: str) -> None:
    """What an unpacked wheel looks like."""
    (folder / f"plugin_{name}.py").write_text(SOURCE.format(name=name, text=text), "utf-8")
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[harness]\n{name} = plugin_{name}\n")


def user_file(tmp_path: Path, shows: str) -> study.StudyFile:
    path = tmp_path / "mine.toml"
    path.write_text(f"shows = [{shows!r}]\n[[builtin]]\ntask = ['conala']\nmethod = ['icl']\n")
    return study.load(str(path))


def test_a_study_shows_its_own_table_where_two_packages_have_one_of_that_name(place: Path) -> None:
    registry = Registry()
    entry, make = find_maker("table3", study.load("other", registry), registry)
    assert (entry.origin.distribution, make.__name__) == ("other", "other_table3")
    entry, make = find_maker("table3", study.load("rq2", registry), registry)
    assert (entry.origin.distribution, make.__name__) == ("codetune-harness", "table3")


def test_a_file_of_the_user_says_whose_table_it_means(place: Path, tmp_path: Path) -> None:
    registry = Registry()
    with pytest.raises(UsageError, match=r"codetune-harness and other both have 'table3'; write .*other:table3"):
        find_maker("table3", user_file(tmp_path, "table3"), registry)
    assert find_maker("rq2:table3", user_file(tmp_path, "rq2:table3"), registry)[1].__name__ == "table3"
    assert find_maker("other:table3", user_file(tmp_path, "other:table3"), registry)[1].__name__ == "other_table3"
    with pytest.raises(UsageError, match="Did you mean 'other-table'"):
        find_maker("other-tabel", user_file(tmp_path, "other-tabel"), registry)


def test_a_file_of_the_user_that_is_called_like_an_installed_study_is_the_users(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text("[[builtin]]\ntask = ['apps']\nmethod = ['icl']\n")
    mine = study.load(str(path))
    assert (mine.name, mine.installed) == ("other", False)
    assert study.load("other").installed


@pytest.mark.parametrize("text", ["open('not-there.toml').read()", "7", "'grid = 1 ='", "'[[gird]]'"])
def test_a_study_whose_file_is_broken_is_named_and_hides_no_other(place: Path, text: str) -> None:
    install(place, "broken", text)
    result = CliRunner().invoke(cli, ["study", "list"], catch_exceptions=False)
    names = [line.split()[0] for line in result.stdout.splitlines()]
    assert names == ["fair", "fig2", "other", "rq1", "rq2", "rq3", "rq4"]
    assert "left out: " in result.stderr and "broken" in result.stderr
    with pytest.raises((PluginError, UsageError), match="broken"):
        study.load("broken")

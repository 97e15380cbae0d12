"""What is installed is what is in the folders, and nothing heavy is imported for nothing."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def _folders(top: str, package: str) -> set[str]:
    return {
        ".".join([package, *path.parent.relative_to(ROOT / top).parts])
        for path in (ROOT / top).rglob("__init__.py")
        if "builtin/model" not in str(path)
    }


def test_the_packages_of_setup_cfg_are_the_folders() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    folders = (
        _folders("harness", "harness") | _folders("plugins", "harness.plugins") | _folders("sandbox", "harness.sandbox")
    )
    assert listed == folders | {"harness.manual"}  # the pages in docs/, which are no modules


def test_everything_that_an_installation_pulls_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert all("==" in line for line in lines)
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines}
    pulled: set[tuple[str, str]] = set()
    waiting = [("codetune-harness", extra) for extra in ("", "plots", "ray", "test")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in pulled:
            continue
        pulled.add((name, extra))
        for requirement in map(Requirement, importlib.metadata.requires(name) or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(requirement.name), one) for one in ("", *requirement.extras)]
    assert {name for name, _ in pulled} - pinned == {"codetune-harness"}


def test_listing_and_resolving_import_no_heavy_library() -> None:
    program = """
import sys
from click.testing import CliRunner
from harness.cli import cli
for words in (["--help"], ["plugins"], ["eval", "--help"], ["show", "lora"], ["leaderboard", "--help"]):
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, (words, result.output, result.exception)
heavy = {"torch", "transformers", "datasets", "peft", "sentence_transformers", "bitsandbytes", "ray"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_readme_tree_names_the_folders() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    tree = readme.split("```text", 1)[1].split("```", 1)[0]
    named = {
        line.split()[0].rstrip("/") for line in tree.strip().splitlines() if line.strip() and not line.startswith(" ")
    }
    assert {"harness", "plugins/methods", "plugins/tasks", "plugins/metrics", "sandbox", "tests"} <= named
    assert not [name for name in named if not (ROOT / name).exists()]


def _built(tmp_path: Path, kind: str) -> Path:
    """What setuptools builds from a copy of the tracked files."""
    copy, out = tmp_path / "copy", tmp_path / "out"
    copy.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "cf", str(tmp_path / "t.tar"), "--null", "-T", "-"], cwd=ROOT, input=files, check=True)
    subprocess.run(["tar", "xf", str(tmp_path / "t.tar"), "-C", str(copy)], check=True)
    program = f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})"
    out.mkdir()
    subprocess.run([sys.executable, "-c", program], cwd=copy, capture_output=True, check=True)
    (made,) = out.iterdir()
    return made


@pytest.mark.slow
def test_a_source_distribution_is_whole(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: what is tracked is not known")
    with tarfile.open(_built(tmp_path, "sdist")) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(set(listed.stdout.splitlines()) - inside) == []


@pytest.mark.slow
def test_the_wheel_works_where_it_is_installed(tmp_path: Path) -> None:
    """In an environment of its own, away from the checkout; libraries are those of this environment."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: what is tracked is not known")
    place = tmp_path / "place"
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    wheel = _built(tmp_path, "wheel")
    pip = [sys.executable, "-m", "pip", f"--python={place / 'bin' / 'python'}", "install", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--quiet", str(wheel)], check=True, cwd=tmp_path)
    # Behind the installed package, and without the links that an editable installation leaves.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")

    def harness(*arguments: str) -> str:
        done = subprocess.run(
            [place / "bin" / "harness", *arguments],
            cwd=tmp_path,
            env={**os.environ, "HARNESS_PLUGINS": "", "XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    version = importlib.metadata.version("codetune-harness")
    assert harness("--version").split()[-1] == version
    listed = {tuple(line.split()[:2]) for line in harness("plugins").splitlines()}
    assert {("method", "lora"), ("task", "apps"), ("metric", "pass_at_k")} <= listed
    assert "built-in sample" in harness("eval", "--method", "lora", "--task", "apps", "--dry-run")
    where = subprocess.run(
        [place / "bin" / "python", "-c", "import harness; print(harness.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(place)


def _interpreter(version: str) -> str:
    """A Python of this version: on the path, or among those that pyenv has installed."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for candidate in (shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python")):
        if candidate is not None and _version(candidate) == version:
            return str(candidate)
    pytest.skip(f"no Python {version}: not on the path as python{version}, and pyenv has none")


def _version(python: str | Path) -> str:
    program = "import sys; print(*sys.version_info[:2], sep='.')"
    # A pyenv shim of a version that is not chosen here ends with an error.
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=False).stdout.strip()


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_every_module_compiles_without_a_warning_on_each_supported_python(version: str) -> None:
    program = """
import pathlib, sys
for top in ("harness", "plugins", "sandbox", "examples"):
    for path in pathlib.Path(top).rglob("*.py"):
        compile(path.read_bytes(), str(path), "exec")
"""
    done = subprocess.run(
        [_interpreter(version), "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

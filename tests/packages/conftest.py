"""An environment to install plugin packages into, and to throw away."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
"""Where real data is looked for when HARNESS_TEST_DATA does not say; tests that need it skip without it."""

OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}
"""pip builds with what is there and fetches nothing. (Of the second, 0 means yes.)"""


class Environment:
    """A virtual environment that has what this one has, and beside it only what is installed into it."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "venv", with_pip=False)
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        ours = sysconfig.get_paths()["purelib"]
        line = f"import site; site.addsitedir({ours!r})\n"
        (folder / "venv" / "lib" / version / "site-packages" / "ours.pth").write_text(line, "utf-8")

    def run(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "HARNESS_PLUGINS")}
        return subprocess.run(
            [str(self.python), *words],
            capture_output=True,
            text=True,
            cwd=cwd or self.folder,
            env={"HARNESS_TEST_DATA": str(DATA), **environ, **OFFLINE, "XDG_CACHE_HOME": str(self.folder / "cache")},
            check=False,
        )

    def install(self, *packages: Path) -> None:
        """Build and install packages as pip does, without what they depend on: it is there."""
        self.pip("install", "--no-deps", *map(str, packages))

    def pip(self, *words: str) -> None:
        done = self.run("-m", "pip", *words)
        assert done.returncode == 0, done.stderr

    def harness(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.run("-m", "harness", *words)
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One for all tests of packages; each takes away again what it installs."""
    return Environment(tmp_path_factory.mktemp("environment"))

"""Where a module lies in the repository, which tests mirror it, and the copy of the repository that mutants go into."""

from __future__ import annotations

import compileall
import os
import py_compile
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOPS = {"harness.plugins": "plugins", "harness.sandbox": "sandbox", "harness": "harness"}
"""The folders of the installed package, the longest name first; `package_dir` in setup.cfg says the same."""


def source_of(module: str) -> str:
    """The file of a module, from the repository's root: `harness.plugins.tasks.apps` is plugins/tasks/apps.py.

    Raises:
        SystemExit: there is no such module.
    """
    for name, folder in TOPS.items():
        if module == name or module.startswith(name + "."):
            path = folder + module.removeprefix(name).replace(".", "/")
            for found in (f"{path}.py", f"{path}/__init__.py"):
                if (ROOT / found).is_file():
                    return found
    raise SystemExit(f"{module}: no such module; name it as it is imported, harness.stats.pairs")


def tests_of(module: str, source: str) -> tuple[str, ...]:
    """The test files of the folder that mirrors a source file's, those that name the module, its own first.

    A module of the root has only those of its own name: the folder `tests/` itself tries whole commands.
    """
    path = Path(source)
    parts = path.parts[1:-1] if path.parts[0] == "harness" else path.parts[:-1]
    package, _, leaf = module.rpartition(".")
    named = re.compile(rf"\b{re.escape(module)}\b|from {re.escape(package)} import .*\b{leaf}\b")
    files = sorted(ROOT.joinpath("tests", *parts).glob("test_*.py"))
    own = [file for file in files if file.stem == f"test_{leaf}"]
    others = [file for file in files if parts and file not in own and named.search(file.read_text("utf-8"))]
    return tuple(str(file.relative_to(ROOT)) for file in (*own, *others))


def copy_to(folder: Path) -> Path:
    """The repository's files below `folder`, with the installed shape of the package; the latter's place.

    `lib/harness` holds links, so that a file has one text by either way. Bytecode is kept with the source's hash: of a
    changed file no old one is taken, whatever the clock says.
    """
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    package = folder / "lib" / "harness"
    package.mkdir(parents=True)
    for path in (folder / "harness").iterdir():
        (package / path.name).symlink_to(path)
    for top in ("plugins", "sandbox"):
        (package / top).symlink_to(folder / top)
    for top in TOPS.values():
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(str(folder / top), quiet=2, invalidation_mode=mode)
    return folder / "lib"


def data() -> str:
    """The folder of the real data sets for the tests in the copy."""
    return os.environ.get("HARNESS_TEST_DATA", str(ROOT.parent / "shared" / "data"))

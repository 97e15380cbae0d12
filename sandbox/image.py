"""What of this machine a jail shows: the interpreter, its standard library, the C library, numpy. Nothing else."""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_GUEST = (
    *("boot", "guest", "preload", "runner", "answers", "asserts", "wrap", "values", "protocol"),
    *("probes", "kernel", "landlock", "seccomp", "hugepages"),
)


@dataclass(frozen=True, slots=True)
class Image:
    """Host paths: `trees` are shown read-only at their own places, `masked` folders inside them are shown empty.

    `guest` are the source files of the guest, `packages` what is shown in `/packages`.
    """

    python: str
    trees: tuple[str, ...]
    masked: tuple[str, ...]
    guest: tuple[str, ...]
    packages: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


@cache
def image() -> Image:
    """The image for the interpreter that runs this."""
    python = getattr(sys, "_base_executable", sys.executable)
    variables = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    stdlib = [sysconfig.get_path(name, vars=variables) for name in ("stdlib", "platstdlib")]
    stdlib = [path.replace(sys.prefix, sys.base_prefix, 1) for path in stdlib]
    real = os.path.realpath(python)
    trees = dict.fromkeys([python, real, *stdlib, *_shared_libraries(), *_system_libraries()])
    masked = [f"{os.path.realpath(folder)}/{name}" for folder in stdlib for name in ("site-packages", "test")]
    environment = {
        "PATH": "",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR") or "",
    }
    return Image(
        python=python,
        trees=tuple(path for path in trees if Path(path).exists()),
        masked=tuple(dict.fromkeys(path for path in masked if Path(path).is_dir())),
        guest=tuple(str(_HERE / f"{name}.py") for name in _GUEST),
        packages=tuple(_numpy()),
        environment=tuple(environment.items()),
    )


@cache
def modules() -> bytes:
    """The guest's modules as the marshalled files of `/guest`; compiled once here instead of in every jail.

    Compiled without docstrings, so that the guest is small, and forks of it are cheap.
    """
    files = {}
    for path in map(Path, image().guest):
        code = compile(path.read_bytes(), f"/guest/{path.name}", "exec", dont_inherit=True, optimize=2)
        files[f"{path.stem}.pyc"] = importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)
    return marshal.dumps(files)


def _numpy() -> list[str]:
    """numpy's folders, where it is installed: the APPS checker gives it to every program."""
    found = importlib.util.find_spec("numpy")
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent
    return [str(path) for path in (folder, folder.with_name("numpy.libs")) if path.is_dir()]


def _shared_libraries() -> list[str]:
    """libpython, where the interpreter is linked with it."""
    folder = Path(sysconfig.get_config_var("LIBDIR") or "/nonexistent")
    return [str(path) for path in folder.glob("libpython*.so*")] if folder.is_dir() else []


def _system_libraries() -> list[str]:
    triplet = sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu"
    narrow = [f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64"]
    found = [path for path in narrow if Path(path).is_dir()]
    return found or [path for path in ("/lib", "/usr/lib") if Path(path).is_dir()]

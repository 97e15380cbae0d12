"""What of this machine a jail shows: the interpreter, its standard library, the C library, numpy. Nothing else."""

from __future__ import annotations

import importlib.util
import marshal
import os
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SANDBOX = Path(__file__).parents[1]
MOVED = "/host-tmp"
"""Where a jail shows what the host has below `/tmp`."""
_WORLD = ("/usr/lib/locale", "/usr/share/zoneinfo")
"""What the C library and the standard one know of languages and times of day."""
_ELF_64 = b"\x7fELF\x02"
_PT_INTERP = 3
_LOAD_ALL = """
import os, sys
for folder in sys.path:
    for name in os.listdir(folder) if folder.endswith("lib-dynload") else ():
        if not name.startswith(("_test", "_xx", "xx")):
            try:
                __import__(name.partition(".")[0])
            except ImportError:
                pass
with open("/proc/self/maps") as maps:
    for path in dict.fromkeys(line[73:].strip() for line in maps if ".so" in line):
        print(path)
"""
_GUEST = (
    "wire",
    "comparison",
    "linux",
    "interpreter",
    "test_support",
    "remote_calls",
    "static_analysis",
    "assertions",
    "guest",
)
"""The rooms whose modules process 1 and its children may import."""


@dataclass(frozen=True, slots=True)
class Image:
    """Host paths: `trees` are shown read-only at their own places, `masked` folders inside them are shown empty.

    `guest` are the source files of the guest, by their path in the sandbox's folder, `packages` what is shown in
    `/packages`. What lies below `/tmp`, where a jail has its scratch folder, is shown below `/host-tmp`; see `place`.
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
    if place(real := os.path.realpath(python)) != real:
        python = real  # a link to it would lead into the scratch folder
    variables = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    stdlib = [sysconfig.get_path(name, vars=variables) for name in ("stdlib", "platstdlib")]
    stdlib = [path.replace(sys.prefix, sys.base_prefix, 1) for path in stdlib]
    libpython = _libpython()
    trees = dict.fromkeys([python, real, *stdlib, *libpython, *_system_libraries(), *_loader(real), *_WORLD])
    trees |= dict.fromkeys(_own_libraries(python, stdlib[-1]))
    masked = [f"{os.path.realpath(folder)}/{name}" for folder in stdlib for name in ("site-packages", "test")]
    environment = {
        "PATH": "",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "LD_LIBRARY_PATH": ":".join(dict.fromkeys(str(Path(path).parent) for path in libpython)),
    }
    return Image(
        python=python,
        trees=tuple(path for path in trees if os.path.exists(path)),  # noqa: PTH110 - False where nobody may look
        masked=tuple(dict.fromkeys(path for path in masked if Path(path).is_dir())),
        guest=(
            "boot.py",
            *(str(Path(room, path.name)) for room in _GUEST for path in _SANDBOX.joinpath(room).glob("*.py")),
        ),
        packages=tuple(_numpy()),
        environment=tuple(environment.items()),
    )


@cache
def modules() -> bytes:
    """The guest's modules as the marshalled files of `/guest`; compiled once here instead of in every jail.

    Compiled without docstrings, so that the guest is small, and forks of it are cheap.
    """
    files = {}
    for name in image().guest:
        code = compile((_SANDBOX / name).read_bytes(), f"/guest/{name}", "exec", dont_inherit=True, optimize=2)
        files[f"{name}c"] = importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)
    return marshal.dumps(files)


def _numpy() -> list[str]:
    """numpy's folders, where it is installed: the APPS checker gives it to every program."""
    found = importlib.util.find_spec("numpy")
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent
    return [str(path) for path in (folder, folder.with_name("numpy.libs")) if path.is_dir()]


def place(path: str) -> str:
    """Where a jail on the full level shows `path`, a path without links."""
    return MOVED + path.removeprefix("/tmp") if path.startswith("/tmp/") else path


def _libpython() -> list[str]:
    """libpython, where the interpreter is linked with it: the one that this process has loaded.

    Where the interpreter was built for may be another place, which this user may not even look at.
    """
    found = [path for path in _mapped() if Path(path).name.startswith("libpython")]
    # the name that the interpreter asks for may be a link to it
    return [str(link) for path in found for link in Path(path).parent.glob("libpython*.so*")]


def _mapped() -> list[str]:
    """The shared libraries that this process has loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return list(dict.fromkeys(path for line in lines if ".so" in (path := line[73:])))


def _loader(program: str) -> list[str]:
    """The dynamic loader that the file of a program names; its place differs between architectures and C libraries."""
    with Path(program).open("rb") as file:
        head = file.read(64)
        if head[:5] != _ELF_64:
            return []
        start, size, count = *struct.unpack_from("<Q", head, 32), *struct.unpack_from("<HH", head, 54)
        for number in range(count):
            file.seek(start + number * size)
            kind, _, offset, _, _, length = struct.unpack("<IIQQQQ", file.read(40))
            if kind == _PT_INTERP:
                file.seek(offset)
                return [file.read(length).rstrip(b"\0").decode()]
    return []


def _own_libraries(python: str, stdlib: str) -> list[str]:
    """Libraries that an interpreter brings along for its standard library, as conda's does.

    Which they are, and where, is known when they have been loaded.
    """
    folder = Path(stdlib).parent
    if str(folder).startswith(("/usr/lib", "/lib")) or not any(_beside(folder)):
        return []
    command = [python, "-I", "-S", "-B", "-W", "ignore", "-c", _LOAD_ALL]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)  # noqa: S603
    loaded = done.stdout.decode("utf-8", "surrogateescape").splitlines()
    wanted = [path for path in loaded if not path.startswith(("/usr/lib", "/lib", f"{stdlib}/"))]
    return [str(link) for path in wanted for link in _links_to(Path(path))]


def _beside(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*.so*") if not path.name.startswith("libpython"))


def _links_to(library: Path) -> Iterator[Path]:
    """A library, and the names beside it that lead to it; one of them is what others ask for."""
    yield library
    stem = library.name.partition(".so")[0]
    yield from (path for path in library.parent.glob(f"{stem}.so*") if path.is_symlink() and path.samefile(library))


def _system_libraries() -> list[str]:
    triplet = sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu"
    narrow = [f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64"]
    found = [path for path in narrow if Path(path).is_dir()]
    return found or [path for path in ("/lib", "/usr/lib") if Path(path).is_dir()]

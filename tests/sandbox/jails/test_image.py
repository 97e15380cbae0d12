"""Interpreters that are installed in unusual places, and libraries that they bring along."""

import os
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from harness.records import Limits
from harness.sandbox import JailFailed
from harness.sandbox.jails.image import _loader, image, place
from harness.sandbox.jails.jail import Jail
from harness.sandbox.linux import kernel

ROOT = Path(__file__).parents[3]
PROGRAM = """
import os, sys
uid = int(sys.argv[1])
if uid:
    os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
from harness.records import Limits, StdinTests
from harness.sandbox import execute, run, isolation_level
code = "import ctypes, hashlib, os, sqlite3\\n" + sys.argv[2] + "\\nprint(int(input()) ** 2, os.listdir('/tmp'))"
(execution,) = run([(code, StdinTests((("7\\n", "49 []"),)))], Limits(), workers=1)
started = execute([os.path.realpath(sys._base_executable), "-c", "print(1)"])
print(isolation_level().name, execution.outcome.value, execution.error, started.stdout, started.error)
"""
PLAIN = 64_321
"""A user that exists nowhere."""


def installed(home: Path, mode: int = 0o755, owner: int = 0) -> Path:
    """The interpreter of this process, as if it had been installed below `home`."""
    prefix = home / "python"
    prefix.mkdir(parents=True)
    kernel.mount(sys.base_prefix, str(prefix), "", kernel.MS_BIND)
    if owner:
        os.chown(home, owner, owner)
    home.chmod(mode)
    return prefix


def verdict(prefix: Path, uid: int = 0, more: str = "") -> str:
    """What the interpreter at `prefix` says of one right program."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    paths = os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])
    done = subprocess.run(
        [str(prefix / "bin" / version), "-B", "-c", PROGRAM, str(uid), more],
        env={"PYTHONPATH": paths, "LD_LIBRARY_PATH": str(prefix / "lib")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr[-1500:]


@pytest.fixture
def as_root():
    if os.getuid() != 0:
        pytest.skip("only root installs an interpreter for another user")


def readable_by_all(*paths: str) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for path in paths for folder in [Path(path), *Path(path).parents])


@pytest.mark.usefixtures("as_root")
def test_an_interpreter_below_the_scratch_folder_is_shown_elsewhere():
    prefix = installed(Path("/tmp/somewhere"))
    assert verdict(prefix) == "full passed  b'1\\n'"


@pytest.mark.usefixtures("as_root")
def test_an_interpreter_in_a_home_that_nobody_else_may_enter():
    assert verdict(installed(Path("/tmp/home"), 0o700)) == "full passed  b'1\\n'"
    if not readable_by_all(str(ROOT), sysconfig.get_paths()["purelib"]):
        pytest.skip("another user may not read this checkout")
    assert verdict(installed(Path("/tmp/plain"), 0o700, PLAIN), PLAIN) == "full passed  b'1\\n'"


@pytest.mark.usefixtures("as_root")
def test_an_interpreter_was_moved_out_of_a_folder_that_its_user_may_not_read():
    """What it was built for (LIBDIR) is such a folder: nobody looks for its libraries there."""
    libdir = Path(sysconfig.get_config_var("LIBDIR"))
    if readable_by_all(str(libdir)) or not readable_by_all(str(ROOT), sysconfig.get_paths()["purelib"]):
        pytest.skip("this interpreter's own folder is not private, or this checkout is")
    assert verdict(installed(Path("/tmp/moved")), PLAIN) == "full passed  b'1\\n'"


@pytest.mark.usefixtures("as_root")
def test_a_user_who_may_not_start_the_interpreter_is_told_what_to_do():
    folder = Path(os.path.realpath(sys._base_executable)).parent
    if readable_by_all(str(folder)):
        pytest.skip("everybody may start this interpreter")
    image()
    os.setgroups([])
    os.setresuid(PLAIN, PLAIN, PLAIN)
    with pytest.raises(JailFailed, match=r"could not be started \(Permission denied\): install Python where this user"):
        Jail(Limits())


@pytest.mark.usefixtures("as_root")
def test_libraries_that_an_interpreter_brings_along_are_shown():
    """As conda's: the modules of the standard library need libraries of the prefix, which no system folder has."""
    if shutil.which("gcc") is None:
        pytest.skip("no compiler here")
    prefix, version = Path("/tmp/conda"), f"python{sys.version_info[0]}.{sys.version_info[1]}"
    dynload = Path(sysconfig.get_path("platstdlib")) / "lib-dynload"
    for folder in ("bin", f"lib/{version}"):
        (prefix / folder).mkdir(parents=True)
    shutil.copy(os.path.realpath(sys._base_executable), prefix / "bin" / version)
    for library in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
        shutil.copy(library, prefix / "lib", follow_symlinks=False)
    stdlib = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix}))
    kernel.mount(str(stdlib), str(prefix / "lib" / version), "", kernel.MS_BIND)
    mine = Path("/tmp/dynload")
    shutil.copytree(dynload if dynload.is_dir() else stdlib / "lib-dynload", mine)
    (prefix / "lib" / "only.c").write_text("int only(void) { return 42; }")
    (mine / "_only.c").write_text(
        "#include <Python.h>\nextern int only(void);\n"
        'static struct PyModuleDef m = {PyModuleDef_HEAD_INIT, "_only", NULL, -1, NULL};\n'
        "PyMODINIT_FUNC PyInit__only(void) { PyObject *x = PyModule_Create(&m);"
        ' PyModule_AddIntConstant(x, "value", only()); return x; }'
    )
    library = prefix / "lib" / "libonly.so.1"
    bases = {"base": sys.base_prefix, "installed_base": sys.base_prefix}
    include = sysconfig.get_path("include", vars=bases)
    for words in (
        ["-o", str(library), "-Wl,-soname,libonly.so.1", str(prefix / "lib" / "only.c")],
        ["-o", str(mine / "_only.so"), "-I", include, str(mine / "_only.c"), str(library), "-Wl,-rpath,$ORIGIN/../.."],
    ):
        done = subprocess.run(["gcc", "-shared", "-fPIC", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing can be compiled here: {done.stderr[:200]}")
    kernel.mount(str(mine), str(prefix / "lib" / version / "lib-dynload"), "", kernel.MS_BIND)
    assert verdict(prefix, more="import _only; assert _only.value == 42") == "full passed  b'1\\n'"


def program_with_loader(loader: bytes, machine: int) -> bytes:
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    tables = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 0, 0, 0)
    tables += struct.pack("<IIQQQQQQ", 3, 4, 64 + 2 * 56, 0, 0, len(loader) + 1, len(loader) + 1, 1)
    return head + tables + loader + b"\0"


@pytest.mark.parametrize(
    ("loader", "machine"),
    [("/lib/ld-linux-aarch64.so.1", 183), ("/lib/ld-musl-x86_64.so.1", 62), ("/lib64/ld-linux-x86-64.so.2", 62)],
)
def test_the_loader_is_the_one_that_the_interpreters_file_names(loader, machine):
    file = Path("/tmp/program")
    file.write_bytes(program_with_loader(loader.encode(), machine))
    assert _loader(str(file)) == [loader]
    file.write_text("#!/bin/sh\n")
    assert _loader(str(file)) == []


def test_this_interpreters_loader_is_shown():
    (loader,) = _loader(os.path.realpath(sys._base_executable))
    assert any(loader == tree or loader.startswith(f"{tree}/") for tree in image().trees)


def test_only_what_is_below_the_scratch_folder_is_shown_elsewhere():
    paths = ["/tmp/a/b", "/tmpfs/a", "/usr/tmp/a", "/tmp"]
    assert [place(path) for path in paths] == ["/host-tmp/a/b", "/tmpfs/a", "/usr/tmp/a", "/tmp"]

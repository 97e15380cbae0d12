"""In a container of Docker, as root and as a plain user: the reduced level, with right verdicts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAM = """
import dataclasses, json, sys
sys.path.insert(0, sys.argv[1])
import docker
from harness.records import AssertTests, CallTests, Limits, PytestTests, StdinTests
from harness.sandbox import execute, release, run, isolation_level
docker.confine(int(sys.argv[2]))
limits = Limits(cpu_seconds=1.0, wall_seconds=3.0)
square = StdinTests((("7\\n", "49"), ("8\\n", "64")))
jobs = [
    ("print(int(input()) ** 2)", square),
    ("print(int(input()) * 7)", square),
    ("while True: pass", square),
    ("open('/etc/passwd').read()", square),
    ("import socket; socket.socket()", square),
    ("import os\\nif os.fork() == 0: os._exit(0)\\nos.wait()\\nprint(int(input()) ** 2)", square),
    ("x = [0] * 10**9", square),
    ("import os\\nos.chmod(os.__file__, os.stat(os.__file__).st_mode)\\nprint(int(input()) ** 2)", square),
    ("import os\\nat = os.stat(os.__file__)\\nos.utime(os.__file__, ns=(at.st_atime_ns, at.st_mtime_ns))", square),
    ("def f(n): return n + 1", CallTests("f", (("[1]", "2"),))),
    ("def f(n): return n + 1", AssertTests("f", "assert f(1) == 2\\nassert max(f(1), f(2)) == 3")),
    ("def f(n): return n + 1", PytestTests("def test_f(): assert f(1) == 2\\ndef test_g(): assert f(1) == 3")),
]
verdicts = [(e.outcome, e.passed) for e in run(jobs, limits, workers=2)]
code = "import os\\nprint(open('a/in').read(), sorted(os.listdir('.')))\\nopen('out', 'w').write('o')"
done = execute(code, files={"a/in": "I"}, wanted=["out", "unused"], limits=limits)
again = execute("import os; print(os.listdir('.')); os.chmod('.', 0)", limits=limits)
last = execute("open('mine', 'w')", files={"x": "y"}, limits=limits)
execute("import os; os.chmod('a', 0); os.chmod('.', 0)", files={"a/b": "c"}, limits=limits)
release()
print(json.dumps({
    "level": isolation_level().name,
    "verdicts": verdicts,
    "done": [done.outcome, done.stdout.decode(), sorted(done.files), done.files["out"].decode()],
    "again": again.stdout.decode(),
    "last": last.error,
}))
"""


PATHS = os.pathsep.join([str(HERE.parents[1]), *(path for path in sys.path if path.endswith("site-packages"))])


def _starts(python: str, uid: int) -> bool:
    """Whether `uid` may run this checkout with an interpreter."""
    words = [python, "-B", "-c", "import sys, harness; assert sys.version_info >= (3, 11)"]
    try:
        done = subprocess.run(words, user=uid, env={"PYTHONPATH": PATHS}, capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def said_by(uid: int, python: str) -> dict:
    done = subprocess.run(
        [python, "-B", "-c", PROGRAM, str(HERE), str(uid)],
        env={"PYTHONPATH": PATHS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("uid", [0, 64_321])
def test_verdicts_are_right_under_dockers_default_profile(uid):
    if os.uname().machine != "x86_64" or os.getuid() != 0:
        pytest.skip("the profile is put on by root, and written down for x86-64")
    python = next((one for one in (sys.executable, "/usr/bin/python3") if _starts(one, uid)), None)
    if python is None:
        pytest.skip("no interpreter here that another user may start with this checkout")
    said = said_by(uid, python)
    assert said["level"] == "reduced"
    assert said["verdicts"] == [
        ["passed", 2],
        ["failed", 1],
        ["timed-out", 0],
        ["raised", 0],
        ["raised", 0],
        ["passed", 2] if uid else ["raised", 0],  # of the host's root nothing counts processes: none is started
        ["out-of-memory", 0],
        ["raised", 0],  # Landlock would let the owner of a file do it
        ["raised", 0],
        ["passed", 1],
        ["passed", 1],
        ["failed", 1],
    ]
    assert said["done"] == ["passed", "I ['a', 'out', 'unused']\n", ["out"], "o"]
    assert said["again"] == "[]\n"
    assert said["last"].startswith("PermissionError")
    assert not list(Path("/tmp").glob("harness-*"))

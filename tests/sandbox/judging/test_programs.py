"""One program with files of its own, through the public entry."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.records import Limits, Outcome
from harness.sandbox import Finished, JailFailed, execute, map_jobs, release
from harness.sandbox.judging.programs import _idle
from harness.sandbox.linux import cgroup, kernel
from harness.sandbox.selftest.leftovers import EXECUTED

BRIEF = Limits(cpu_seconds=0.5, wall_seconds=1.5, output_bytes=1 << 20, scratch_bytes=4 << 20)
PYTHON = os.path.realpath(sys.executable)


def one(program, **options) -> Finished:
    try:
        return execute(program, limits=options.pop("limits", BRIEF), **options)
    finally:
        release()


def test_a_program_reads_its_input_its_arguments_and_its_files_and_leaves_what_is_wanted():
    program = (
        "import sys\nfrom helper import twice\n"
        "print(twice(int(input())), sys.argv, open('data/in.txt').read())\n"
        "print('aside', file=sys.stderr)\nopen('out.bin', 'wb').write(bytes(range(256)))"
    )
    files = {"helper.py": "def twice(n): return 2 * n", "data/in.txt": "text ä"}
    done = one(program, arguments=["a", "b c"], files=files, stdin="21\n", wanted=["out.bin", "missing"])
    assert (done.outcome, done.code, done.signal, done.error) == (Outcome.PASSED, 0, None, "")
    assert done.stdout.decode() == "42 ['main.py', 'a', 'b c'] text ä\n"
    assert done.stderr == b"aside\n"
    assert done.files == {"out.bin": bytes(range(256))}
    assert done.seconds > 0


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("", 0),
        ("import sys; sys.exit()", 0),
        ("exit(7)", 7),
        ("raise SystemExit('why')", 1),
        ("import os; os._exit(9)", 9),
        ("1 / 0", 1),
        ("def", 1),
        ("ceil(1)", 1),
        ("import atexit, sys; atexit.register(print, 'end'); sys.exit(4)", 4),
        ("import threading, time; threading.Thread(target=lambda: (time.sleep(.1), print('end'))).start()", 0),
    ],
)
def test_the_exit_code_is_what_the_interpreter_gives(program, code):
    done = one(program)
    assert (done.code, done.outcome) == (code, Outcome.RAISED if code else Outcome.PASSED)
    assert done.stdout == (b"end\n" if "end" in program else b"")


ENDS = {
    "names at the end of an object": "import math\nclass A:\n def __del__(self): print(math.pi)\na = A()",
    "names at the end of a generator": "def f():\n try: yield\n finally: print(X)\nX = 3\ng = f()\nnext(g)",
    "a detached output": "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach())\nprint(3)",
    "a lost output": "import sys\nsys.stdout.detach().write(b'x')",
    "a flush that fails": "import sys\nclass W:\n def flush(s): raise ValueError\nsys.stdout = W()\nsys.exit(3)",
    "a function of C": "import ctypes\nctypes.CDLL(None).printf(b'%d', 7)\nprint('before')",
    "a code that is too large": "raise SystemExit(2**70)",
    "a negative code": "raise SystemExit(-2)",
    "a message without a text": "class X:\n def __str__(s): raise ValueError\nraise SystemExit(X())",
    "a message without standard error": "import sys\ndel sys.stderr\nsys.exit('x')",
    "a hook": "import sys\nsys.excepthook = lambda *a: print('hook')\n1 / 0",
    "a hook that leaves": "import sys\nsys.excepthook = lambda *a: sys.exit(5)\n1 / 0",
    "a hook that fails": "import sys\nsys.excepthook = 3\n1 / 0",
    "no hook": "import sys\ndel sys.excepthook\n1 / 0",
    "something at the end that fails": "import atexit\natexit.register(lambda: 1 / 0)\nprint(1)",
    "a byte order mark": "\ufeffprint(1)",
    "its own text": "import inspect\ndef f(): pass\nprint(open(__file__).read(), inspect.getsource(f))",
    "itself as a module": "x = 3\nif __name__ == '__main__':\n import main\n print(main.x)",
    "builtins by name": "print(__builtins__.len('a'))",
    "recursion": "def f(n):\n try: return f(n + 1)\n except RecursionError: return n\nprint(f(0))",
    "recursion in a function": "def f(n):\n try: return f(n + 1)\n except RecursionError: return n\n"
    "def main(): print(f(0))\nmain()",
    "a limit on recursion": "import sys\nsys.setrecursionlimit(150)\ndef f(n): return f(n - 1) if n else 0\nf(140)\n"
    "print(sys.getrecursionlimit())",
}


@pytest.mark.parametrize("name", ENDS)
def test_a_program_begins_and_ends_as_under_the_interpreter_alone(name):
    Path("main.py").write_text(ENDS[name])
    alone = subprocess.run([sys._base_executable, "main.py"], capture_output=True, check=False, env={})
    done = one(ENDS[name])
    assert (done.code, done.stdout) == (alone.returncode, alone.stdout)


def test_an_exception_is_shown_as_the_interpreter_shows_it():
    done = one("def f():\n    raise ValueError('here')\nf()")
    assert done.stderr.startswith(b'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\n')
    assert done.error == "ValueError: here"
    assert b"guest" not in done.stderr


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("while True: pass", Outcome.TIMED_OUT),
        ("import time; time.sleep(99)", Outcome.TIMED_OUT),
        ("x = [0] * 10**9", Outcome.OUT_OF_MEMORY),
        ("while True: print('x' * 10**5)", Outcome.OUTPUT_LIMIT),
        ("import sys\nwhile True: sys.stderr.write('x' * 10**5)", Outcome.OUTPUT_LIMIT),
        ("f = open('out', 'w')\nwhile True: f.write('x' * 10**5)", Outcome.OUTPUT_LIMIT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Outcome.RAISED),
    ],
)
def test_every_limit_has_its_outcome(program, outcome):
    done = one(program, wanted=["out"])
    assert done.outcome is outcome
    assert max(len(done.stdout), len(done.stderr), *map(len, done.files.values()), 0) <= BRIEF.output_bytes


@pytest.mark.parametrize(
    "program",
    [
        "f = open('out', 'w')\nf.write('x')",
        "import weakref\nf = open('out', 'w')\nclass F: pass\nF.x = F()\nweakref.finalize(F.x, f.write, 'x')",
        "import sys\nsys.stdout = open('out', 'w')\nprint('x', end='')",
        "import sys\nf = open('out', 'w')\nf.write('x')\nsys.exit(0)",
    ],
)
def test_what_nobody_closed_is_written_at_the_end(program):
    assert one(program, wanted=["out"]).files == {"out": b"x"}


def test_what_was_printed_before_standard_output_was_replaced_is_there():
    program = "import sys\nkept, sys.stdout = sys.stdout, sys.stderr\nprint('x', file=kept)"
    assert one(program).stdout == b"x\n"


def test_a_signal_is_named():
    assert one("import os; os.kill(os.getpid(), 11)").signal == 11


def test_nothing_of_one_execution_is_there_in_the_next():
    spoil = (
        "import os, builtins, sys\nbuiltins.mark = 1\nopen('left', 'w').write(open('answer').read())\n"
        "os.makedirs('deep/er'); os.chmod('deep', 0)\n"
        "if os.fork() == 0:\n    import time\n    time.sleep(99)\nprint('done', flush=True)"
    )
    look = "import os, builtins\nassert not hasattr(builtins, 'mark')\nprint(os.listdir('.'), os.listdir('/tmp'))"
    try:
        assert execute(spoil, files={"answer": "42"}, limits=BRIEF).stdout == b"done\n"
        (kept,) = [jail for jails in _idle.values() for jail in jails]
        assert execute(look, limits=BRIEF).stdout == b"[] []\n"
        assert [jail for jails in _idle.values() for jail in jails] == [kept]
    finally:
        release()


def test_a_program_has_nothing_open_but_its_streams():
    program = (
        "import os\nfound = []\nfor n in range(64):\n    try: os.fstat(n); found.append(n)\n    except OSError: pass"
    )
    assert one(f"{program}\nprint(found)", files={"secret": "x"}).stdout == b"[0, 1, 2]\n"


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.symlink('/guest/guest.pyc', 'out')",
        "import os; os.mkdir('out')",
        "import os; os.symlink('/guest', 'folder'); os.mkdir('x')",
        "open('out', 'w').write('x'); import os; os.chmod('out', 0)",
    ],
)
def test_only_regular_files_of_its_own_are_taken(program):
    done = one(program, wanted=["out", "folder/guest.pyc"])
    assert (done.outcome, done.files) == (Outcome.PASSED, {})


def test_what_it_was_given_and_has_changed_comes_back_changed():
    done = one("open('a', 'a').write('!')", files={"a": "x", "b": "y"}, wanted=["a", "b"])
    assert done.files == {"a": b"x!", "b": b"y"}


@pytest.mark.parametrize("name", ["", "/etc/x", "../x", "a/../../x", "a//b", "./a", "a\0b", "x" * 300])
def test_a_file_name_that_leads_out_is_refused(name):
    for options in ({"files": {name: "x"}}, {"wanted": [name]}):
        with pytest.raises(UsageError, match="no path inside the working folder"):
            one("", **options)


def test_files_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="scratch_bytes"):
        one("", files={"a": b"x" * (5 << 20)})


def test_a_command_is_started_in_the_jail_and_nowhere_else():
    words = [PYTHON, "-I", "-c", "import os, sys; print(sys.argv[1:], os.getpid() < 9, open('x').read())", "word"]
    done = one(words, files={"x": "X"})
    assert (done.outcome, done.stdout) == (Outcome.PASSED, b"['word'] True X\n")
    host = one([PYTHON, "-c", "open('/etc/passwd')"])
    assert (host.outcome, host.code) == (Outcome.RAISED, 1)
    assert (
        one([PYTHON, "-c", "import socket; socket.socket()"]).error
        == "PermissionError: [Errno 1] Operation not permitted"
    )
    assert one([PYTHON, "-c", "while True: pass"]).outcome is Outcome.TIMED_OUT


def test_python_text_starts_no_program():
    assert one(f"import os; os.execv({PYTHON!r}, ['python', '-c', ''])").error.startswith("PermissionError")


def test_a_command_cannot_start_what_it_wrote_itself():
    program = f"import os, shutil\nshutil.copy({PYTHON!r}, 'mine'); os.chmod('mine', 0o700); os.execv('mine', ['mine'])"
    limits = Limits(output_bytes=64 << 20)
    assert one([PYTHON, "-c", program], limits=limits).error.startswith("PermissionError")


def test_another_language_is_shown_and_runs():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    limits = Limits(memory_bytes=8 << 30, cpu_seconds=4.0)
    program = "console.log(require('fs').readFileSync(0, 'utf8').length, require('./m.js'))"
    done = one([os.path.realpath(node), "main.js"], files={"main.js": program, "m.js": "module.exports = 6 * 7"},
               stdin="abc", limits=limits)  # fmt: skip
    assert (done.stdout, done.stderr, done.code) == (b"3 42\n", b"", 0)


HOG = "const held = []; while (true) held.push(new Array(1000000).fill(7))"


def test_a_command_that_reserves_many_addresses_runs_where_a_group_holds_its_memory(monkeypatch):
    node = shutil.which("node")
    root = Path("/tmp/groups")
    try:
        (root / "memory").mkdir(parents=True)
        kernel.mount("cgroup", str(root / "memory"), "cgroup", 0, "memory")
    except OSError as problem:
        pytest.skip(f"no control group of version 1 for memory here: {problem}")
    if node is None:
        pytest.skip("no node here")
    monkeypatch.setattr(cgroup, "_ROOT", root)
    command = [os.path.realpath(node), "main.js"]
    done = one(command, files={"main.js": "console.log(6 * 7)"}, limits=Limits(cpu_seconds=4.0))
    assert (done.outcome, done.stdout) == (Outcome.PASSED, b"42\n")
    done = one(command, files={"main.js": HOG}, limits=Limits(cpu_seconds=8.0, memory_bytes=256 << 20))
    assert done.outcome is Outcome.OUT_OF_MEMORY


def test_a_program_that_is_not_there_cannot_be_run():
    with pytest.raises(JailFailed, match="/no/such/program"):
        one(["/no/such/program"])


def test_a_jail_that_breaks_twice_is_a_sandbox_error(monkeypatch):
    def ask(*_):
        raise OSError("gone")

    monkeypatch.setattr("harness.sandbox.judging.programs._ask", ask)
    done = one("print(1)")
    assert (done.outcome, done.stdout) == (Outcome.SANDBOX_ERROR, b"")
    assert done.error == "it could not be run: gone"


def test_an_interrupt_leaves_no_jail_behind(monkeypatch):
    def receive(*_):
        raise KeyboardInterrupt

    execute("print(1)", limits=BRIEF)
    monkeypatch.setattr("harness.sandbox.judging.programs.protocol.receive", receive)
    with pytest.raises(KeyboardInterrupt):
        execute("import time; time.sleep(99)", limits=BRIEF)
    assert not any(_idle.values())
    assert {folder.name for folder in Path("/proc").glob("[0-9]*")} == {str(os.getpid())}


def test_no_word_passes_through_the_memory_that_is_shared_with_process_1():
    find = "import sys\nf = sys._getframe()\nwhile 'guest' not in f.f_locals: f = f.f_back\n"
    find += "report = f.f_locals['guest'].report\n"
    try:
        said = execute(find + "report[-9:] = b'a message'\nprint(report[-9:])", limits=BRIEF)
        heard = execute(find + "print(report[-9:].strip(bytes(1)))", limits=BRIEF)
    finally:
        release()
    assert said.stdout == b"b'a message'\n", said.stderr
    assert heard.stdout == b"b''\n"


@pytest.mark.parametrize("name", EXECUTED)
def test_no_word_of_a_program_is_in_the_memory_that_the_next_one_inherits(name):
    before, find = EXECUTED[name]
    try:
        execute(before, limits=BRIEF)
        assert execute(find, limits=BRIEF).code == 0
    finally:
        release()


def test_jobs_run_side_by_side_and_come_in_order():
    seen = set()

    def job(number):
        seen.add(threading.get_ident())
        return int(
            execute(f"import time; time.sleep({0.1 if number % 2 else 0}); print({number})", limits=BRIEF).stdout
        )

    assert list(map_jobs(job, range(12), workers=2)) == list(range(12))
    assert len(seen) == 2
    assert not any(_idle.values())


def test_jobs_are_taken_as_workers_become_free():
    taken = []

    def numbers():
        for number in range(100):
            taken.append(number)
            yield number

    jobs = map_jobs(str, numbers(), workers=2)
    next(jobs)
    jobs.close()
    assert len(taken) < 10


def test_released_jails_leave_nothing():
    one("print(1)")
    assert {folder.name for folder in Path("/proc").glob("[0-9]*")} == {str(os.getpid())}


def test_what_a_program_writes_into_the_report_makes_it_not_unmeasured():
    program = """
import sys
frame = sys._getframe()
while "guest" not in frame.f_locals:
    frame = frame.f_back
report = frame.f_locals["guest"].report
report[:] = b"\\x01" * len(report)
print("written", flush=True)
while True:
    pass
"""
    done = execute(program, limits=Limits(cpu_seconds=0.3, wall_seconds=2.0))
    assert (done.outcome, done.stdout) == (Outcome.TIMED_OUT, b"written\n")


def test_what_a_forked_child_of_a_program_works_counts():
    program = """
import os, time
for _ in range(2):
    if os.fork() == 0:
        while time.process_time() < 0.35: pass
        os._exit(0)
    os.wait()
"""
    done = execute(program, limits=Limits(cpu_seconds=0.4, wall_seconds=5.0))
    assert done.outcome is Outcome.TIMED_OUT
    assert done.seconds >= 0.4

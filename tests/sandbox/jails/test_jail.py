"""A jail from outside: proved, cleaned, ended, and nothing left of it."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness.records import Limits, Outcome, StdinTests
from harness.sandbox import isolation_level, run
from harness.sandbox.guest.warmup import WARM_UPS
from harness.sandbox.jails.isolation import IsolationLevel, Refused, required
from harness.sandbox.jails.jail import Answer, Jail, JailFailed, unproved
from harness.sandbox.linux import cgroup, kernel
from harness.sandbox.wire import notes

SQUARE = StdinTests((("7\n", "49"),))
RIGHT = "print(int(input()) ** 2)"
BRIEF = Limits(cpu_seconds=0.5, wall_seconds=1.0)


def answer(jail: Jail, program: str, tests: int = 1) -> Answer:
    jail.ask(program, [(0, tests)], False, 60.0)
    return jail.answer()


def ask(jail: Jail, program: str, tests: int = 1) -> list[int]:
    return [row[1] for row in answer(jail, program, tests).rows]


def others() -> set[str]:
    return {folder.name for folder in Path("/proc").glob("[0-9]*")} - {str(os.getpid())}


def test_a_process_of_the_host_is_no_jail():
    assert "process 1" in unproved(os.getpid(), "full", {"x": "refused"})
    assert "a candidate could: mount" in unproved(os.getpid(), "full", {"mount": "allowed"})
    assert "nothing was tried" in unproved(os.getpid(), "reduced", {})


def test_the_guest_runs_nothing_before_it_was_proved(monkeypatch):
    monkeypatch.setattr("harness.sandbox.jails.jail.protocol.send", lambda *_: None)
    jail = Jail(BRIEF)
    monkeypatch.undo()
    jail.load({"kind": "stdin"}, [b"7\n"])
    jail.ask(RIGHT, [(0, 1)], False, 60.0)
    with pytest.raises(JailFailed):
        jail.answer()
    jail.close()


def test_a_jail_that_fails_a_probe_is_not_used(monkeypatch):
    monkeypatch.setattr("harness.sandbox.jails.jail.unproved", lambda *_: "it shares the net namespace")
    with pytest.raises(JailFailed, match="not isolated: it shares the net namespace"):
        Jail(BRIEF)
    assert not others()


def test_nothing_is_left_of_a_closed_jail():
    before = len(list(Path("/proc/self/fd").iterdir())), Path("/proc/self/mounts").read_text()
    jail = Jail(BRIEF)
    jail.load({"kind": "stdin"}, [b"7\n"])
    ask(jail, "import os, time\nfor _ in range(3):\n    if os.fork() == 0: time.sleep(99)")
    jail.close()
    assert not others()
    assert (len(list(Path("/proc/self/fd").iterdir())), Path("/proc/self/mounts").read_text()) == before


def test_a_jail_ends_with_its_supervisor():
    program = """
import time
from harness.records import Limits
from harness.sandbox.jails.jail import Jail
jail = Jail(Limits())
jail.load({'kind': 'stdin'}, [b''])
jail.ask('import time; time.sleep(99)', [(0, 1)], False, 9.0)
time.sleep(0.3)
print('up', flush=True)
time.sleep(99)
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
    assert child.stdout.readline() == b"up\n"
    assert len(others()) >= 4
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 5
    while others() and time.monotonic() < deadline:
        time.sleep(0.02)
        reap()
    assert not others()


def test_an_interrupt_in_the_middle_of_a_run_leaves_nothing():
    program = """
import signal
from harness.records import Limits, StdinTests
from harness.sandbox import run
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
print("up", flush=True)
list(run([("import os, time\\nfor _ in range(3): os.fork()\\ntime.sleep(99)", StdinTests((("", ""),)))] * 9, workers=2))
"""
    folder = Path(__file__).parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, text=True
    )
    assert child.stdout.readline() == "up\n"
    deadline = time.monotonic() + 30
    while len(others()) < 9 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(others()) >= 9
    child.send_signal(signal.SIGINT)
    _, said = child.communicate()
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert child.returncode == -signal.SIGINT
    assert not others()


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def test_the_scratch_folder_is_empty_for_every_candidate():
    leave = "import os\nos.makedirs('/tmp/a/b/c'); open('/tmp/a/b/f', 'w').write('x'); os.symlink('/', '/tmp/a/l')"
    leave += "\nos.chmod('/tmp/a/b', 0); os.chmod('/tmp/a', 0)"
    look = "import os\nassert os.listdir('/tmp') == [], os.listdir('/tmp')\nopen('/tmp/mine', 'w')"
    with Jail(BRIEF) as jail:
        jail.load({"kind": "stdin"}, [b""])
        assert [ask(jail, leave), ask(jail, look), ask(jail, look)] == [[1], [1], [1]]


def test_no_name_in_the_scratch_folder_stops_its_emptying():
    block = "import os\nfor n in range(50): os.makedirs(f'/tmp/.1.{n}.wipe/a')\nos.makedirs('/tmp/a/b/c')"
    with Jail(BRIEF) as jail:
        jail.load({"kind": "stdin"}, [b""])
        assert [ask(jail, block), ask(jail, "import os\nassert os.listdir('/tmp') == []")] == [[1], [1]]


def test_what_a_candidate_leaves_in_times_and_in_the_report_is_gone_for_the_next():
    find = """
import os, sys
frame = sys._getframe()
while not hasattr(frame.f_locals.get('self'), 'report'):
    frame = frame.f_back
report = frame.f_locals['self'].report
"""
    leave = f"{find}os.utime('/tmp', (1234, 5678))\nreport[5000:5006] = b'canary'"
    look = f"{find}now = os.stat('/tmp')\nassert 1234 not in (now.st_atime, now.st_mtime)\n"
    look += "assert b'canary' not in report[:]"
    with Jail(BRIEF) as jail:
        jail.load({"kind": "stdin"}, [b""])
        assert [ask(jail, leave), ask(jail, look)] == [[1], [1]]


def test_a_candidate_cannot_seal_or_shrink_what_the_next_one_needs():
    spoil = """
import fcntl, os
for n in range(64):
    for act in (lambda: fcntl.fcntl(n, 1033, 8), lambda: os.ftruncate(n, 0), lambda: os.set_blocking(n, False)):
        try: act()
        except OSError: pass
"""
    jobs = [(program, SQUARE) for program in (spoil, RIGHT, spoil, RIGHT)]
    outcomes = [execution.outcome for execution in run(jobs, BRIEF, workers=1)]
    assert outcomes[1] == outcomes[3] == Outcome.PASSED


def test_inputs_are_sealed():
    with Jail(BRIEF) as jail:
        jail.load({"kind": "stdin"}, [b"7\n"])
        code = "import fcntl\nassert fcntl.fcntl(0, 1034) == 15"
        assert fcntl.F_GET_SEALS == 1034
        assert ask(jail, code) == [1]


def test_a_broken_jail_is_replaced_and_is_nobodys_fault(monkeypatch):
    answers = []
    real = Jail.answer

    def answer(self, go=False):
        answers.append(1)
        if len(answers) == 2:
            raise JailFailed("test")
        return real(self, go)

    monkeypatch.setattr(Jail, "answer", answer)
    outcomes = [e.outcome for e in run([(RIGHT, SQUARE)] * 3, BRIEF, workers=1)]
    assert outcomes == [Outcome.PASSED] * 3


def test_a_jail_that_breaks_twice_is_a_sandbox_error(monkeypatch):
    def answer(self, go=False):
        raise JailFailed("gone")

    monkeypatch.setattr(Jail, "answer", answer)
    (execution,) = run([(RIGHT, SQUARE)], BRIEF, workers=1)
    assert (execution.outcome, execution.error, execution.complete) == (Outcome.SANDBOX_ERROR, "gone", False)


@pytest.mark.slow
def test_a_forged_row_breaks_the_jail_and_not_the_supervisor(monkeypatch):
    monkeypatch.setattr(notes, "received", lambda _: notes.Noted(rows, "", 0.0))
    for rows in ([[0, 1, 0, 1 << 60, 0, 1]], [[1, 1, 0, 3, 0, 1]], [[0, 1, 3, 0, 0, 1]], [[0, 1]]):
        (execution,) = run([(RIGHT, SQUARE)], BRIEF, workers=1)
        assert execution.outcome is Outcome.SANDBOX_ERROR, rows


def test_abandoning_the_iterator_ends_the_jails():
    executions = run([(RIGHT, SQUARE)] * 50, BRIEF, workers=2)
    next(executions)
    executions.close()
    assert not others()


def test_the_ladder_proves_every_layer():
    found = isolation_level()
    assert found.name == "full"
    assert all(layer.proof for layer in found.layers)
    assert all(layer.holds for layer in found.layers if layer.name.startswith("a candidate cannot"))
    assert str(found).startswith("isolation: full\n  yes a candidate cannot")


def test_without_isolation_nothing_runs(monkeypatch):
    monkeypatch.setattr(
        "harness.sandbox.jails.isolation.isolation_level",
        lambda _=False: IsolationLevel("refused", (), "no such kernel"),
    )
    with pytest.raises(Refused, match="no such kernel"):
        required(False)


def test_the_reduced_rung_keeps_the_tree_together_and_the_host_out():
    filtering = "import ctypes\nassert ctypes.CDLL(None, use_errno=True).syscall(317, 0, 0, 0) == 0"
    filtering += " or ctypes.get_errno() != 1"
    programs = {
        RIGHT: [1],
        filtering: [2],
        "import os\nos.setsid()": [2],
        "import os\nos.setpgid(0, 0)": [2],
        "import os\nos.kill(os.getppid(), 9)": [2],
        "open('/etc/passwd')": [2],
        "open('/tmp/x', 'w')": [2],
        "import os\nos.listdir('/proc')": [2],
        "import socket\nsocket.socket()": [2],
        "import os, time\nfor _ in range(3):\n    if os.fork() == 0: time.sleep(99)": [1],
        "while True: pass": [10],
    }
    with Jail(BRIEF, "reduced") as jail:
        if jail.alone:
            programs |= {program: [2] for program in programs if "fork" in program}
        jail.load({"kind": "stdin"}, [b"7\n"])
        assert {program: ask(jail, program) for program in programs} == programs
        assert len(others()) == 1
    assert not others()


def test_a_reduced_jail_ends_what_runs_when_it_is_closed():
    jail = Jail(Limits(), "reduced")
    jail.load({"kind": "stdin"}, [b""])
    jail.ask("import os, time\nfor _ in range(3): os.fork()\ntime.sleep(99)", [(0, 1)], False, 60.0)
    time.sleep(0.3)
    jail.close()
    reap()
    assert not others()


def test_a_jail_starts_without_roots_powers():
    program = """
from pathlib import Path
from harness.records import Limits, StdinTests
from harness.sandbox import run; from harness.sandbox.linux import cgroup, kernel
import os
uid, gid = os.getuid(), os.getgid()
kernel.unshare(kernel.CLONE_NEWUSER)
Path("/proc/self/setgroups").write_text("deny")
Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
tests = StdinTests((("7\\n", "49"),))
for execution in run([("print(int(input()) ** 2)", tests), ("open('/etc/passwd')", tests)], Limits(), workers=1):
    print(execution.outcome.value)
"""
    folder = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False)
    assert (done.stdout.split(), done.stderr) == (["passed", "raised"], "")


FORKS = """
import os
made = 0
for _ in range(60):
    try:
        if os.fork() == 0:
            import time
            time.sleep(99)
        made += 1
    except OSError:
        pass
print(made)
"""


def test_the_number_of_processes_is_limited_by_the_user_where_no_control_group_is():
    with Jail(BRIEF) as jail:
        assert (jail.group.limits(), jail.alone) == ([], False)
        jail.load({"kind": "stdin"}, [b""])
        assert 0 < int(answer(jail, FORKS).output) <= BRIEF.processes


def test_where_nothing_counts_processes_a_candidate_starts_none_but_threads():
    program = f"""
from pathlib import Path
from harness.records import Limits
from harness.sandbox.linux import kernel
from harness.sandbox.jails.jail import Jail
kernel.unshare(kernel.CLONE_NEWUSER)
Path("/proc/self/setgroups").write_text("deny")
Path("/proc/self/uid_map").write_text("0 0 1")
Path("/proc/self/gid_map").write_text("0 0 1")
threads = "import threading\\nfor n in range(3): threading.Thread(target=print, args=(n,)).start()"
for level in ("full", "reduced"):
    with Jail(Limits(), level) as jail:
        jail.load({{"kind": "stdin"}}, [b""])
        for code in ({FORKS!r}, threads):
            jail.ask(code, [(0, 1)], False, 60.0)
            print(jail.alone, jail.answer().output.split())
"""
    if os.getuid() != 0:
        pytest.skip("only root's processes are not counted")
    folder = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False)
    lines = ["True [b'0']", "True [b'0', b'1', b'2']"] * 2
    assert (done.stdout.splitlines(), done.stderr) == (lines, "")


def test_a_jail_without_user_namespaces_is_in_its_control_group(monkeypatch):
    root = Path(tempfile.mkdtemp())
    (root / "cgroup.controllers").write_text("memory pids")
    monkeypatch.setattr(cgroup, "_ROOT", root)
    with Jail(BRIEF, "reduced") as jail:
        assert (jail.group.folders[0] / "cgroup.procs").read_text() == str(jail.pid)
        (jail.group.folders[0] / "cgroup.procs").unlink()


def test_an_unsafe_run_still_uses_what_there_is():
    with Jail(BRIEF, "unsafe") as jail:
        jail.load({"kind": "stdin"}, [b"7\n"])
        assert [ask(jail, RIGHT), ask(jail, "open('/etc/passwd')")] == [[1], [2]]
    assert not others()


def test_capabilities_cannot_come_back():
    with Jail(BRIEF) as jail:
        jail.load({"kind": "stdin"}, [b""])
        raised = "import ctypes\nassert ctypes.CDLL(None).prctl(47, 2, 1, 0, 0) == 0"
        assert ask(jail, raised) == [2]
        assert kernel.CLONE_NEWUSER


def test_many_runs_leave_nothing_and_grow_nothing():
    programs = [
        RIGHT,
        "import os\nfor _ in range(2): os.fork()",
        "open('/tmp/left', 'w').write('x' * 10**4)",
        "raise ValueError",
        "import threading\nthreading.Thread(target=print).start()",
    ]
    jobs = ((programs[number % len(programs)], SQUARE) for number in range(600))
    sizes = []
    for number, _ in enumerate(run(jobs, BRIEF, workers=2)):
        if number % 200 == 199:
            sizes.append(int(Path("/proc/self/statm").read_text().split()[1]))
            assert len(list(Path("/proc/self/fd").iterdir())) < 40
    assert max(sizes) <= sizes[0] * 1.1
    assert not others()


@pytest.mark.parametrize("kind", WARM_UPS)
def test_what_process_1_rehearses_runs_to_its_end(kind):
    program, given = WARM_UPS[kind]
    with Jail(BRIEF) as jail:
        jail.load({"kind": kind, "entry_point": "answer"}, [given])
        said = answer(jail, program)
        assert [row[1] for row in said.rows] == [1]
        assert said.output
        assert b"raised" not in said.output


def test_a_process_that_a_candidate_forks_draws_other_random_numbers():
    program = (
        "import os, random\nr, w = os.pipe()\nif os.fork() == 0:\n os.write(w, str(random.random()).encode())\n"
        " os._exit(0)\nos.wait()\nprint(os.read(r, 99).decode() != str(random.random()))"
    )
    (execution,) = run([(program, StdinTests((("", "True"),)))])
    assert execution.outcome is Outcome.PASSED


def test_a_candidate_finds_no_trace_of_the_rehearsal():
    look = "import sys\nassert '__main__' in sys.modules and 'solution' not in sys.modules and not sys.stdin.closed"
    with Jail(BRIEF) as jail:
        jail.load({"kind": "stdin"}, [b"7\n"])
        said = answer(jail, f"{look}\nassert not {{'seen', 'answer'}} & set(globals())\n{RIGHT}")
        assert ([row[1] for row in said.rows], said.output) == ([1], b"49\n")


def test_a_candidate_that_lowers_its_output_limit_loses_nothing_but_its_own_output():
    lower = "import resource\nprint(int(input()) ** 2, flush=True)\nresource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))"
    with Jail(BRIEF) as jail:
        jail.load({"kind": "stdin"}, [b"7\n", b"8\n"])
        said = answer(jail, lower, 2)
        assert ([row[1] for row in said.rows], said.output) == ([1, 1], b"49\n64\n")


def test_a_jail_says_whether_it_ended_by_itself_or_from_outside():
    with Jail(BRIEF) as jail:
        assert jail.failure_cause() is None  # it lives
        os.kill(jail.pid, signal.SIGKILL)
        assert jail.failure_cause() is None
    with Jail(BRIEF) as jail:
        jail.socket.sendall(b"\xff\xff\xff\xff")  # no message: process 1 ends with an error
        assert jail.failure_cause() is Outcome.RAISED

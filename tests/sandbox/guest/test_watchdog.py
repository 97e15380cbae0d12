"""Time limits on the calls of an assertion test that is run beside the candidate, and who counts the calls."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

import time
from types import SimpleNamespace

import pytest

from benchmarks.faults.stops import StopJails
from harness.records import AssertTests, Execution, Limits, Outcome, StdinTests
from harness.sandbox import run
from harness.sandbox.guest.watchdog import CpuUsage, Watchdog
from harness.sandbox.wire.notes import Notes

LIMITS = Limits(cpu_seconds=0.6, wall_seconds=2.0)
BURN = """\
import os, time
def burn(seconds):
    began = time.process_time()
    while time.process_time() - began < seconds: pass
"""


def one(program: str, test: str) -> Execution:
    (execution,) = run([(BURN + program, AssertTests("answer", test))], LIMITS, workers=1)
    return execution


def test_each_call_has_the_limits_of_a_test():
    execution = one("def answer(n):\n burn(0.3)\n return n", "for n in range(4): assert answer(n) == n")
    assert (execution.outcome, execution.trust) == (Outcome.PASSED, "isolated")
    assert execution.seconds > LIMITS.cpu_seconds


def test_so_has_each_call_of_a_method():
    program = "class C:\n def __init__(s): s.n = 0\n def more(s):\n  burn(0.3)\n  s.n += 1\n  return s.n\nanswer = C"
    assert one(program, "c = answer()\nfor n in range(4): assert c.more() == n + 1").passed == 1


def test_a_call_that_takes_longer_is_ended():
    assert one("def answer(n):\n burn(0.9)\n return n", "x = answer(2)\nassert x == 2").outcome is Outcome.TIMED_OUT


def test_what_a_call_returns_is_computed_within_the_limits_of_that_call():
    programs = {
        "x = answer()\nfor _ in range(20): x.more": "class X:\n more = property(lambda s: burn(0.1))\ndef answer(): return X()",
        "x = answer()\nassert [next(x) for _ in range(20)] == [*range(20)]": "def answer():\n for n in range(20):\n  burn(0.1)\n  yield n",
        "assert [n for n in answer()][:2] == [0, 1]": "class X:\n def __getitem__(s, n):\n  burn(0.1)\n  if n > 19: raise IndexError\n  return n\ndef answer(): return X()",
        "assert len(list(answer())) == 20": "def answer():\n for n in range(20):\n  burn(0.1)\n  yield n",
    }
    for test, program in programs.items():
        assert one(program, test).outcome is Outcome.TIMED_OUT, test


def test_a_call_of_what_the_test_has_lent_gives_no_more_time():
    program = "def answer(g):\n for n in range(20):\n  burn(0.1)\n  g(n)\n return 20"
    execution = one(program, "seen = []\nassert answer(lambda n: seen.append(n)) == 20 and len(seen) == 20")
    assert execution.outcome is Outcome.TIMED_OUT


def test_what_the_test_computes_itself_is_limited():
    assert one("def answer(): return 1", "x = answer()\nwhile x: pass").outcome is Outcome.TIMED_OUT


@pytest.mark.parametrize(
    "attempt",
    [
        "[o for o in gc.get_objects() if isinstance(o, mmap) and not closed(o)]",
        "reach(lambda pid: os.open(f'/proc/{pid}/mem', os.O_RDWR))",
        "reach(lambda pid: os.open(f'/proc/{pid}/fd/3', os.O_RDWR))",
        "reach(lambda pid: os.sched_setaffinity(pid, {0}))",
        "reach(lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19))",
        "reach(lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1)))",
        "reach(lambda pid: signal.pidfd_send_signal(os.pidfd_open(pid), 0))",
        "files()",
    ],
)
def test_the_candidates_process_has_no_way_to_the_one_that_counts(attempt):
    program = f"""
import gc, resource, signal
from mmap import mmap
def closed(o):
    try: o[:1]
    except ValueError: return True
def reach(act):
    found = []
    for pid in range(1, 200):
        if pid != os.getpid():
            try: act(pid)
            except OSError: continue
            found.append(pid)
    return found
def files():
    found = []
    for number in range(64):
        try: found.append(os.pread(number, 1 << 20, 0))
        except OSError: pass
    return [text for text in found if bytes(reversed(b")(rewsna = dnuof")) in text]
def answer(): return len({attempt})
"""
    execution = one(program, "found = answer()\nassert found == 0")
    assert execution.outcome is Outcome.PASSED, execution


def test_stopping_the_one_that_counts_gains_no_verdict_and_no_time():
    program = """
import signal
def answer(n):
    for pid in range(2, 200):
        if pid != os.getpid():
            try: os.kill(pid, signal.SIGSTOP)
            except OSError: pass
    burn(9)
    return n
"""
    execution = one(program, "x = answer(2)\nassert x == 2")
    assert execution.outcome is Outcome.TIMED_OUT
    assert execution.seconds < 3 * LIMITS.cpu_seconds


@pytest.mark.parametrize("count", [1, 2])  # of a single test process 1 first waits for as long as it may take
def test_a_jail_that_is_stopped_for_longer_than_the_limits_changes_no_verdict(count):
    brief = Limits(cpu_seconds=2.0, wall_seconds=0.4)
    tests = StdinTests((("7\n", "49"),) * count)
    stopping = StopJails(seconds=2.0)
    stopping.start()
    (execution,) = run([(BURN + "burn(0.25)\nprint(int(input()) ** 2)", tests)], brief, workers=1)
    stopping.join()
    assert stopping.done
    assert execution.outcome is Outcome.PASSED


def test_a_program_that_stops_itself_has_no_more_time():
    program = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nprint(49)"
    (execution,) = run([(program, StdinTests((("", "49"),)))], Limits(cpu_seconds=0.6, wall_seconds=0.5), workers=1)
    assert execution.outcome is Outcome.TIMED_OUT


def test_lines_that_a_sleeper_writes_in_place_of_answers_give_it_no_time():
    sleep = "import os, time\ndef answer(n):\n while True:\n  time.sleep(0.05)\n  {}"
    write = "for d in range(3, 64):\n   try: os.write(d, b'{}\\n')\n   except OSError: pass"
    taken = []
    for program in (sleep.format("pass"), sleep.format(write)):
        began = time.monotonic()
        assert one(program, "assert answer(1) == 1").outcome is Outcome.TIMED_OUT
        taken.append(time.monotonic() - began)
    assert taken[1] < 2 * taken[0]


def test_time_in_which_process_1_is_stopped_again_and_again_counts_in_the_end():
    progress = SimpleNamespace(by_calls=False, tests=[0])
    watching = Watchdog({"cpu_seconds": 1.0, "wall_seconds": 1.0}, 1.0, CpuUsage(), progress, Notes())
    ran = []
    for _ in range(20):
        watching.looked -= 9.0
        watching._tick(500)
        ran.append(watching.ran)
    assert ran[0] == 0.0
    assert ran[-1] - ran[-2] == 0.5
    assert ran[-1] < 20 * 0.5


def test_the_time_that_messages_cost_is_given_to_a_test_up_to_three_limits():
    progress = SimpleNamespace(by_calls=True, first=True, over=False, tests=[0], at=0, messages=0, earlier=0)
    watching = Watchdog({"cpu_seconds": 1.0, "wall_seconds": 10.0}, 1.0, CpuUsage(), progress, Notes())
    assert watching._broken(1.1, 1.1)
    progress.messages = 10_000
    assert not watching._broken(1.1, 1.1)
    assert watching._broken(1.3, 1.3)
    progress.earlier = 9_000  # of the calls before this one
    assert watching._broken(1.1, 1.1)
    progress.messages = 10**9
    assert not watching._broken(3.9, 3.9)
    assert watching._broken(4.1, 4.1)


@pytest.mark.slow
def test_a_candidate_that_calls_back_for_ever_is_ended():
    test = "assert answer(lambda n: n) == 1"
    execution = one("def answer(back):\n while True: back(1)", test)
    assert (execution.outcome, execution.trust) == (Outcome.TIMED_OUT, "isolated")

"""What one process of a candidate can hand to the next, and when a test has ended."""

import pytest

from harness.records import AssertTests, CallTests, Limits, Outcome, StdinTests
from harness.sandbox import run
from harness.sandbox.selftest.leftovers import SCAN

SQUARES = StdinTests(tuple((f"{n}\n", str(n * n)) for n in range(4)))
BRIEF = Limits(cpu_seconds=0.4, wall_seconds=0.8)
BATCH = """\
import fcntl, gc, os, struct, sys, time
batch = [o for o in gc.get_objects() if hasattr(o, "report") and hasattr(o, "output_bytes")][0]
"""


def judged(program, tests=SQUARES, limits=BRIEF):
    (execution,) = run([(program, tests)], limits, workers=1)
    return execution


@pytest.mark.parametrize(
    "find",
    [
        "found = os.pread(batch.output, 99, 0)",
        "found = batch.report[900:905] if n else b''\nbatch.report[900:905] = b'state'",
        "found = b''\ntry: found = b'written'[: os.pwrite(batch.code, b'state', 0)]\nexcept OSError: pass",
        "found = b''\ntry: os.ftruncate(batch.code, 9); found = b'cut'\nexcept OSError: pass",
        "found = b'state' if os.path.exists('/tmp/state') else b''\nopen('/tmp/state', 'w')",
        "found = b'state' if os.path.exists('/dev/shm/state') else b''\nopen('/dev/shm/state', 'w')",
    ],
)
def test_a_process_of_a_candidate_finds_nothing_of_the_one_before(find):
    program = f"{BATCH}n = int(input())\n{find}\nassert not found.strip(bytes(1)), found\n"
    execution = judged(program + "print(n * n, flush=True)\nos._exit(0)")
    assert (execution.outcome, execution.error) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    "change",
    [
        "fcntl.fcntl(1, fcntl.F_SETFL, 0); os.pwrite(1, b'0', 0)",
        "os.ftruncate(1, 0)",
        "os.ftruncate(1, 0); os.write(1, b'0\\n1\\n')",
    ],
)
def test_no_process_changes_what_the_one_before_it_has_printed(change):
    wrong_first = f"{BATCH}n = int(input())\nprint(n * n or 5, flush=True)\nif n == 1: {change}\nos._exit(0)"
    execution = judged(wrong_first)
    assert execution.outcome is Outcome.FAILED
    right_first = f"{BATCH}n = int(input())\nprint(n * n, flush=True)\nif n == 1: {change}\nos._exit(0)"
    assert judged(right_first).outcome is not Outcome.SANDBOX_ERROR


def test_the_error_of_the_first_process_that_failed_is_said():
    program = (
        "import os\nn = int(input())\nif n == 1: raise ValueError(n)\nprint(n * n, flush=True)\nif n == 0: os._exit(0)"
    )
    execution = judged(program)
    assert (execution.outcome, execution.passed, execution.error) == (Outcome.RAISED, 3, "ValueError: 1")


@pytest.mark.parametrize("then", ["while True: pass", "time.sleep(99)"])
@pytest.mark.parametrize("more", [1, 4])
@pytest.mark.slow
def test_a_program_that_only_says_that_it_has_ended_has_not(then, more):
    program = f"""{BATCH}
n = int(input())
print(n * n, flush=True)
for k in range(n, min(n + {more}, 4)):
    struct.pack_into("<IIQQ", batch.report, 1024 + 24 * k, 1, 0, os.lseek(batch.output, 0, 2), 0)
{then}"""
    execution = judged(program)
    assert execution.outcome is Outcome.TIMED_OUT
    assert execution.passed < 2


@pytest.mark.parametrize(
    "tests", [CallTests("f", (("[1]", "1"), ("[2]", "2"))), AssertTests("f", "assert f(1) == 1\nassert f(2) == 2")]
)
def test_nor_has_a_function_whose_process_goes_on(tests):
    program = (
        "import harness.sandbox.guest.runner as r\nnote = r.Batch._note\ndef end(*a):\n note(*a)\n while True: pass\n"
    )
    execution = judged(program + "r.Batch._note = end\ndef f(n): return n", tests)
    assert (execution.outcome, execution.passed) == (Outcome.TIMED_OUT, 0)


def test_nor_has_a_program_beside_whose_process_its_test_has_ended():
    program = "import harness.sandbox.remote_calls.connection as c\nreceive = c.Endpoint.receive\n"
    program += "def end(*a):\n try: return receive(*a)\n except BaseException:\n  while True: pass\n"
    program += "c.Endpoint.receive = end\ndef f(n): return n"
    execution = judged(program, AssertTests("f", "for n in [1]: assert f(n) == n"))
    assert (execution.outcome, execution.passed) == (Outcome.TIMED_OUT, 0)


def test_tests_that_share_a_process_have_together_the_time_of_one():
    program = """
import builtins, time
n, began = int(input()), time.process_time()
ready = getattr(builtins, "ready", 0)
while time.process_time() - began < (0.12 if n < 19 else 2.2 - 0.12 * ready): pass
builtins.ready = ready + 1
print(n * n)"""
    tests = StdinTests(tuple((f"{n}\n", str(n * n)) for n in range(20)))
    execution = judged(program, tests, Limits(cpu_seconds=1.5, wall_seconds=30.0))
    assert (execution.outcome, execution.passed) == (Outcome.TIMED_OUT, 19)


CHOSEN = """\
import gc, os, sys
frame, held = sys._getframe(), []
while frame:
    held += frame.f_locals.items()
    frame = frame.f_back
ours = [o for o in gc.get_objects() if type(o).__module__.startswith("harness")]
held += [pair for o in ours for pair in getattr(o, "__dict__", {}).items()]
held += [pair for name, o in held if isinstance(o, dict) for pair in o.items()]
held += [(name, item) for name, o in held if isinstance(o, list) for item in o]
held += [(name, item) for name, o in held if isinstance(o, list) for item in o]
"""
"""Finds what is in the frames and objects that a process inherits."""


def test_the_signal_that_ended_a_candidate_is_in_no_object_that_the_next_one_can_read():
    killed = ("import os\nos.kill(os.getpid(), 47)", SQUARES)
    reads = (CHOSEN + "assert not [name for name, o in held if type(o) is int and o == 47]", StdinTests((("", ""),)))
    _, execution = run([killed, reads], BRIEF, workers=1)
    assert (execution.outcome, execution.error) == (Outcome.PASSED, "")


def test_the_size_of_an_output_is_in_no_object_that_the_next_process_can_read():
    program = CHOSEN + (
        "n = int(input())\nprint(n * n, ' ' * 7000, flush=True)\n"
        "assert not [name for name, o in held if type(o) is int and o > 99 and o % 7003 in (0, 1)]\nos._exit(0)"
    )
    execution = judged(program)
    assert (execution.outcome, execution.error) == (Outcome.PASSED, "")


def test_a_process_does_not_see_how_much_the_one_before_it_has_printed():
    program = (
        f"{BATCH}assert os.lseek(batch.output, 0, 2) == 0\nn = int(input())\n"
        "print(n * n, ' ' * 9000, flush=True)\nos._exit(0)"
    )
    execution = judged(program)
    assert (execution.outcome, execution.passed, execution.error) == (Outcome.PASSED, 4, "")


def test_what_a_process_does_to_a_descriptor_is_taken_back_before_the_next_one():
    program = (
        f"{BATCH}n = int(input())\nfound = []\nfor fd in range(3, 64):\n try:\n"
        "  found.append((os.lseek(fd, 0, 1) == 777, os.fstat(fd).st_mtime == 7))\n"
        "  os.lseek(fd, 777, 0)\n  os.utime(fd, (7, 7))\n except OSError: pass\n"
        "assert not any(map(any, found)), found\nprint(n * n, flush=True)\nos._exit(0)"
    )
    execution = judged(program)
    assert (execution.outcome, execution.passed, execution.error) == (Outcome.PASSED, 4, "")


def test_what_process_1_has_said_of_one_candidate_is_nowhere_in_the_memory_of_the_next():
    count, size = 12, 31415
    before = f"import sys\nsys.stdout.write('x' * {size})"
    look = f"import os\n{SCAN}words = [str({size} * n).encode() for n in (3, 5, 7)]\n"
    look += "print(sum(word in page for word in words for page in pages.values()))"
    jobs = [(before, StdinTests((("", "x" * size),) * count)), (look, StdinTests((("", "0"),)))]
    first, second = run(jobs, workers=1)
    assert (first.passed, second.outcome) == (count, Outcome.PASSED)

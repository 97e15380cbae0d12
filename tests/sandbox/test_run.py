"""What one execution says, through the public entry."""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import sysconfig
import tracemalloc
from pathlib import Path

import pytest

from harness.records import AssertTests, CallTests, Execution, Limits, Outcome, StdinTests
from harness.sandbox import run
from harness.sandbox.jails.jail import Jail
from harness.sandbox.selftest.honest import HONEST, SQUARE
from harness.sandbox.selftest.hostile_answers import ANSWERS, TRIES, UNMEASURED

SQUARES = StdinTests((("3\n", "9"), ("4\n", "16"), ("5\n", "25")))
ADD = CallTests("add", (("[1, 2]", "3"), ("[2, 2]", "[4]")))
BRIEF = Limits(cpu_seconds=0.5, wall_seconds=1.5)


def one(program: str, tests=SQUARES, limits: Limits = BRIEF, **options) -> Execution:
    (execution,) = run([(program, tests)], limits, workers=1, **options)
    return execution


def test_a_right_program_passes_every_test():
    execution = one("print(int(input()) ** 2)")
    assert (execution.outcome, execution.passed, execution.total) == (Outcome.PASSED, 3, 3)
    assert execution.strict_passed == 3
    assert execution.complete
    assert execution.trust == "isolated"
    assert execution.error == ""


def test_a_wrong_program_fails_where_it_is_wrong():
    execution = one("print(int(input()) * 3)")
    assert (execution.outcome, execution.passed, execution.total) == (Outcome.FAILED, 1, 3)


def test_an_exception_is_named_with_its_last_line():
    execution = one("raise ValueError('first\\nlast')")
    assert (execution.outcome, execution.error) == (Outcome.RAISED, "ValueError: last")


def test_an_empty_program_is_no_code():
    execution = one(" \n")
    assert (execution.outcome, execution.passed, execution.total) == (Outcome.NO_CODE, 0, 3)


def test_executions_come_in_the_order_of_the_jobs():
    programs = ["import time; time.sleep(0.3); print(int(input()) ** 2)", "", "print(1)", "print(int(input()) ** 2)"]
    executions = list(run([(program, SQUARES) for program in programs], BRIEF, workers=2))
    assert [e.outcome for e in executions] == [Outcome.PASSED, Outcome.NO_CODE, Outcome.FAILED, Outcome.PASSED]


def test_jobs_are_taken_lazily():
    taken = []

    def jobs():
        for number in range(1000):
            taken.append(number)
            yield "print(int(input()) ** 2)", SQUARES

    executions = run(jobs(), BRIEF, workers=1)
    next(executions)
    executions.close()
    assert len(taken) < 10


def test_a_call_returns_its_value_for_comparison():
    assert one("def add(a, b):\n    return a + b", ADD).outcome is Outcome.PASSED
    assert one("class Solution:\n    def add(self, a, b):\n        return a + b", ADD).passed == 2
    helper = "class Solution:\n    def help(self, a, b): return a + b\ndef add(a, b): return Solution().help(a, b)"
    assert one(helper, ADD).passed == 2
    assert one("def add(a, b):\n    return a - b", ADD).passed == 0
    assert one("def other(a, b):\n    return a + b", ADD).outcome is Outcome.RAISED


def test_an_object_that_equals_everything_equals_nothing():
    program = "class E:\n    def __eq__(self, other):\n        return True\ndef add(a, b):\n    return E()"
    assert one(program, ADD).passed == 0
    program = "class E(int):\n    def __eq__(self, other):\n        return True\ndef add(a, b):\n    return E(77)"
    assert one(program, ADD).passed == 0


def test_a_loop_ends_at_the_cpu_limit_and_a_sleeper_at_the_wall_limit():
    loop = one("while True: pass", stop_at_first_failure=True)
    assert (loop.outcome, loop.complete) == (Outcome.TIMED_OUT, False)
    assert 0.4 < loop.seconds < 1.0
    assert one("import time; time.sleep(99)", stop_at_first_failure=True).outcome is Outcome.TIMED_OUT


def test_a_loop_in_a_later_test_costs_little_more_than_its_limit():
    tests = StdinTests(tuple((f"{n}\n", str(n * n)) for n in range(9)))
    loop = one("n = int(input())\nwhile n > 3: pass\nprint(n * n)", tests, stop_at_first_failure=True)
    assert (loop.outcome, loop.passed) == (Outcome.TIMED_OUT, 4)
    assert loop.seconds < 1.5 * BRIEF.cpu_seconds


def test_memory_and_output_have_their_own_outcomes():
    assert one("x = [0] * 10**9").outcome is Outcome.OUT_OF_MEMORY
    assert one("while True: print('x' * 10**6)").outcome is Outcome.OUTPUT_LIMIT


def test_a_program_that_leaves_state_behind_is_judged_as_if_it_had_not():
    program = "import builtins\nif hasattr(builtins, 'seen'): raise ValueError\nbuiltins.seen = 1\n"
    assert one(program + "print(int(input()) ** 2)").passed == 3


def test_fresh_isolation_gives_every_test_a_process():
    program = "import builtins\nprint(int(input()) ** 2 if not hasattr(builtins, 'seen') else 0)\nbuiltins.seen = 1"
    assert one(program, isolation="fresh").passed == 3


def test_code_that_is_only_legal_in_a_function_runs():
    assert one("n = int(input())\nprint(n * n)\nreturn").passed == 3
    assert one("n = 0\ndef f():\n    nonlocal n\n    n = int(input())\nf()\nprint(n * n)").passed == 3


def test_a_main_guard_runs():
    assert one("def main():\n    print(int(input()) ** 2)\nif __name__ == '__main__':\n    main()").passed == 3


def test_a_process_that_the_candidate_forks_does_not_go_on_with_the_tests():
    program = "import os\nn = int(input())\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\nprint(n * n)"
    assert one(program).passed == 3
    assert one("import os\nn = int(input())\nif os.fork():\n    os.wait()\n    print(n * n)").passed == 3


def test_more_tests_than_one_request_holds():
    tests = StdinTests(tuple((f"{n}\n", str(n * n)) for n in range(1500)))
    execution = one("print(int(input()) ** 2)", tests)
    assert (execution.passed, execution.total) == (1500, 1500)
    half = one("n = int(input())\nprint(n * n if n < 1200 else 0)", tests)
    assert (half.outcome, half.passed) == (Outcome.FAILED, 1200)


def test_a_strict_comparison_decides_when_it_is_asked_for():
    tests = StdinTests((("", "1 2 3"),))
    unordered = "print('3 2 1')"
    assert one(unordered, tests).outcome is Outcome.PASSED
    assert one(unordered, tests).strict_passed == 0
    assert one(unordered, tests, comparison="strict").outcome is Outcome.FAILED


NOT_ALONE = {
    "return at the top",
    "numpy, where it is installed",
    "recursion to 10^5",
    "its own text",
    "itself as a module",
}
"""Honest programs that pass by what the APPS checker gives, a larger stack, their first line or their folder."""


def alone(program: str, given: str) -> str:
    """What `program` prints under the interpreter alone."""
    path = Path.cwd() / "main.py"
    text = program.removeprefix("\ufeff")
    mark = program[: len(program) - len(text)]  # it is one only at the file's start
    path.write_text(f"{mark}exec('from math import *; from collections import *; import math')\n{text}")
    command = [sys._base_executable, "-P", "-W", "ignore", "-X", "int_max_str_digits=0", str(path)]
    path.with_name("given").write_text(given)
    with path.with_name("given").open() as source:
        bare = {"PYTHONPATH": sysconfig.get_path("purelib")}  # starts in a third of an environment's time
        done = subprocess.run(command, stdin=source, capture_output=True, text=True, check=False, env=bare)
        return done.stdout.strip()


@pytest.mark.slow
def test_an_honest_program_prints_what_it_does_under_the_interpreter_alone():
    jobs = {name: job for name, job in HONEST.items() if job[1] is SQUARE and name not in NOT_ALONE}
    executions = run(list(jobs.values()), BRIEF, workers=2)
    for (name, (program, tests)), execution in zip(jobs.items(), executions, strict=True):
        assert [alone(program, given) for given, _ in tests.cases] == [wanted for _, wanted in tests.cases], name
        assert (name, execution.outcome, execution.error) == (name, Outcome.PASSED, "")


@pytest.mark.long  # the self-test runs each of them, with narrower limits
@pytest.mark.parametrize("name", TRIES)
def test_a_program_that_knows_no_answer_gains_nothing_from_a_second_try(name):
    program, tests = TRIES[name]
    execution = one(program, tests)
    assert execution.outcome is not Outcome.PASSED
    assert execution.passed < execution.total


@pytest.mark.parametrize("stop", [False, True])
def test_where_a_repeated_test_gives_another_verdict_each_test_alone_decides(stop):
    program, tests = TRIES["NO when it is the first"]
    shared = one(program, tests, stop_at_first_failure=stop)
    fresh = one(program, tests, isolation="fresh")
    assert shared.unstable
    assert not fresh.unstable
    assert shared.outcome is fresh.outcome is Outcome.FAILED
    assert shared.passed == fresh.passed or stop


def test_a_program_that_leaves_state_behind_is_told_apart_from_one_that_does_not():
    program = "import builtins\nassert not hasattr(builtins, 'seen')\nbuiltins.seen = 1\nprint(int(input()) ** 2)"
    execution = one(program)
    assert (execution.outcome, execution.unstable) == (Outcome.PASSED, True)
    assert not one("print(int(input()) ** 2)").unstable


@pytest.mark.slow
def test_answers_that_are_meant_to_harm_the_comparison_cost_their_candidate_alone():
    right = ("print(int(input()) ** 2)", SQUARES)
    jobs = [job for attack in ANSWERS.values() for job in (attack, right)]
    executions = list(run(jobs, BRIEF, workers=2))
    assert all(e.outcome is Outcome.PASSED for e in executions[1::2])
    bad = (Outcome.PASSED, Outcome.SANDBOX_ERROR)
    assert [name for name, e in zip(ANSWERS, executions[::2], strict=True) if e.outcome in bad] == []


@pytest.mark.parametrize("name", UNMEASURED)
def test_no_candidate_chooses_not_to_be_measured(name):
    execution = one(UNMEASURED[name])
    assert execution.outcome not in (Outcome.PASSED, Outcome.SANDBOX_ERROR), execution.error


def test_line_ends_are_read_as_they_come():
    program = "import sys\nprint(repr(input()), repr(sys.stdin.read()))"
    tests = StdinTests((("a\rb\ncd\r\nef\r\n", r"'a\rb' 'cd\r\nef\r\n'"),))
    assert one(program, tests).outcome is Outcome.PASSED


def test_decimals_that_cannot_be_ordered_fail_their_candidate_alone():
    answer = '{"value": [{"decimal": "NaN"}, {"decimal": "1"}]}'
    forged = f"import json\njson.dumps = lambda *a, **k: {answer!r}\ndef f(n): return 1"
    tests = AssertTests("f", "assert sorted(f(7)) == [1, 2]")
    found = list(run([(forged, tests), ("def f(n): return [2, 1]", tests)], BRIEF))
    assert [one.outcome is Outcome.PASSED for one in found] == [False, True]


def test_a_large_right_answer_is_right_in_whatever_form():
    text = "".join(f"{number} {number * 3}\n" for number in range(50_000))
    tests = StdinTests((("", text),))
    program = "for n in range(50000): print(n, n * 3{})"
    for end in ("", ", end='\\n'", ", '', end=' \\r\\n'", ", end='   \\n\\n'"):
        assert one(program.format(end), tests).outcome is Outcome.PASSED
    assert one("for n in reversed(range(50000)): print(n * 3, n)", tests).outcome is Outcome.PASSED
    assert one("for n in reversed(range(50000)): print(n * 3, n)", tests).strict_passed == 0
    assert one("for n in range(50000): print(n, n * 3 + (n == 49999))", tests).outcome is Outcome.FAILED


SEES_INPUTS = """
import os
found = set()
for descriptor in range(64):
    try: found.add(os.pread(descriptor, 99, 0))
    except OSError: pass
print(sum(text.startswith(b'input ') for text in found))
"""


def test_a_process_for_each_test_finds_the_input_of_its_own_test_alone():
    inputs = [f"input {n}" for n in range(5)]
    alone = StdinTests(tuple((given, "1") for given in inputs))
    assert one(SEES_INPUTS, alone, isolation="fresh").passed == 5
    assert one(SEES_INPUTS, StdinTests(tuple((given, "5") for given in inputs))).passed == 5


def test_a_large_right_value_is_right():
    wanted = [[n, str(n), n / 2] for n in range(9000)]
    tests = CallTests("f", (("[0]", json.dumps(wanted)), ("[1]", json.dumps([wanted]))))
    program = "def f(k): return [({}, str(n), n / 2) for n in range(9000)]"
    assert one(program.format("n"), tests, comparison="strict").outcome is Outcome.PASSED
    assert one(program.format("n + (n == 8999)"), tests, comparison="strict").passed == 0


@pytest.mark.parametrize("digits", [3000, 6000])
def test_a_long_number_is_compared_where_its_size_sends_it(digits):
    wanted = f"[1{'0' * digits}]"
    tests = CallTests("f", (("[0]", wanted),))
    assert one(f"def f(k): return [10 ** {digits}]", tests, comparison="strict").outcome is Outcome.PASSED
    assert one(f"def f(k): return [10 ** {digits} + 1]", tests, comparison="strict").outcome is Outcome.FAILED


def test_a_large_value_that_is_passed_on_in_an_assertion_is_right():
    program = "def f(n): return list(range(n)) if isinstance(n, int) else sum(n)"
    assert one(program, AssertTests("f", f"assert f(f(30000)) == {sum(range(30000))}")).outcome is Outcome.PASSED
    assert one(program, AssertTests("f", f"assert f(f(30000)) == {sum(range(30001))}")).outcome is Outcome.FAILED


def test_a_comparison_that_takes_too_long_is_a_failure_once_and_not_an_error(monkeypatch):
    monkeypatch.setattr("harness.sandbox.judging.judge.COMPARISON_SECONDS", 0.02)
    tests = StdinTests((("1\n", "0"), ("2\n", "0"), ("3\n", "3"), ("4\n", "0")))
    limits = Limits(cpu_seconds=0.02, wall_seconds=5.0)
    program = "import os\nn = int(input())\nos.write(1, b'3' if n == 3 else b'0\\n' * 2000000 + b'1')"
    execution = one(program, tests, limits)
    assert (execution.outcome, execution.passed, execution.total) == (Outcome.FAILED, 1, 4)
    assert execution.complete


BURN = """\
import os, time
def burn(seconds):
    began = time.process_time()
    while time.process_time() - began < seconds: pass
"""
CHILD = BURN + "def fork(seconds):\n if os.fork() == 0: burn(seconds); os._exit(0)\n"


def test_what_a_forked_child_works_counts():
    tests = StdinTests((("3\n", "9"),))
    within = one(CHILD + "fork(0.2); os.wait()\nprint(int(input()) ** 2)", tests)
    assert within.outcome is Outcome.PASSED
    assert within.seconds >= 0.2
    beyond = one(CHILD + "fork(0.35); os.wait(); fork(0.35); os.wait()\nprint(int(input()) ** 2)", tests)
    assert beyond.outcome is Outcome.TIMED_OUT
    orphan = CHILD + (
        "r, w = os.pipe()\nif os.fork() == 0: fork(0.7); os._exit(0)\n"
        "os.close(w); os.wait(); os.read(r, 1)\nprint(int(input()) ** 2)"
    )
    assert one(orphan, tests).outcome is Outcome.TIMED_OUT


def test_what_forked_children_work_is_counted_for_the_test_that_forked_them():
    program = CHILD + "n = int(input())\nfork(0.3 if n == 4 else 0); os.wait()\nprint(n * n)"
    assert one(program).passed == 3
    program = CHILD + "n = int(input())\nfork(0.7 if n == 4 else 0); os.wait()\nprint(n * n)"
    execution = one(program)
    assert (execution.outcome, execution.passed) == (Outcome.TIMED_OUT, 2)


def test_each_call_of_an_assertion_test_has_the_limit_and_all_together_a_wider_one():
    program = BURN + "def f(n):\n burn(n / 100)\n return n"
    asserted = "\n".join(f"assert f({n}) == {n}" for n in [20] * 5)
    many = AssertTests("f", asserted)
    assert one(program, many).outcome is Outcome.PASSED
    assert (
        one(program, AssertTests("f", asserted.replace("f(20) == 20", "f(99) == 99", 1))).outcome is Outcome.TIMED_OUT
    )
    loop = AssertTests("f", "for n in [20] * 5:\n    assert f(n) == n")
    assert one(program, loop).outcome is Outcome.PASSED
    few = Limits(cpu_seconds=0.1, wall_seconds=1.0)
    every = AssertTests("f", "\n".join(["assert f(8) == 8"] * 40))
    assert one(program, every, few).outcome is Outcome.TIMED_OUT


def test_lines_that_are_no_answers_give_a_call_no_more_time():
    say = """\
def f(n):
    for k in range(20):
        burn(0.1)
        for number in range(3, 64):
            try: os.write(number, {!r})
            except OSError: pass
    return 1
"""
    for line in (b" ", b"\n", b'{"value": 1}\n'):
        execution = one(BURN + say.format(line), AssertTests("f", "assert f(1) == 1\nassert f(2) == 2"))
        assert execution.outcome is not Outcome.PASSED


def test_a_program_of_more_letters_than_can_be_compiled_is_a_failure():
    assert one("print(int(input()) ** 2)\n#" + "x" * (5 << 20)).outcome is Outcome.OUT_OF_MEMORY


def test_a_jail_that_ends_by_itself_twice_is_its_candidates_failure_and_one_that_is_ended_is_not(monkeypatch):
    real = Jail.prepare

    def prepare(self, program, *more):
        real(self, program, *more)
        if program == "breaks":
            self.socket.sendall(b"\xff\xff\xff\xff")  # in place of the word to begin: process 1 ends with an error
        if program == "is broken":
            os.kill(self.pid, signal.SIGKILL)

    def go(self, begin=Jail.go):
        if not select.select([self.socket], [], [], 0.3)[0]:  # it has not ended
            begin(self)

    monkeypatch.setattr(Jail, "prepare", prepare)
    monkeypatch.setattr(Jail, "go", go)
    assert one("breaks").outcome is Outcome.RAISED
    assert one("is broken").outcome is Outcome.SANDBOX_ERROR
    assert one("print(int(input()) ** 2)").outcome is Outcome.PASSED


@pytest.mark.slow
def test_no_answer_costs_the_supervisor_memory_of_its_size():
    size = 7 << 20
    answers = {
        "print": (f"print('[]' * {size // 2})", StdinTests((("", "1"),))),
        "return": (f"def f(n): return [[]] * {size // 4}", CallTests("f", (("[1]", "[1]"),))),
        "assert": (f"def f(n): return [[]] * {size // 4}", AssertTests("f", "assert f(1) == [1]")),
    }
    limits = Limits(cpu_seconds=10.0, wall_seconds=60.0)
    tracemalloc.start()
    executions = list(run(list(answers.values()), limits, workers=1))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not any(execution.passed for execution in executions)
    assert most < size / 2


@pytest.mark.slow
def test_a_process_that_may_have_few_files_judges_many_tests_and_many_large_answers():
    resource.setrlimit(resource.RLIMIT_NOFILE, (700, 700))
    many = StdinTests(tuple((f"{n}\n", str(n * n)) for n in range(700)))
    assert one("print(int(input()) ** 2)", many).passed == 700
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, 700))
    large = StdinTests(tuple((f"{n}\n", f"{n} " + "x " * 33_000) for n in range(330)))
    execution = one("print('y ' * 4500)", large)
    assert (execution.outcome, execution.passed, execution.total) == (Outcome.FAILED, 0, 330)

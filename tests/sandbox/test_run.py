"""What one execution says, through the public entry."""

from harness.records import CallTests, Execution, Limits, Outcome, StdinTests
from harness.sandbox import run

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

"""The queue between jobs and jails."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.records import Limits, Outcome, StdinTests
from harness.sandbox import run
from harness.sandbox.jails.jail import Jail, JailFailed
from harness.sandbox.judging.work import CaseWork

SQUARE = StdinTests((("7\n", "49"),))
RIGHT = "print(int(input()) ** 2)"
BRIEF = Limits(cpu_seconds=0.5, wall_seconds=1.5)
CORES = sorted(os.sched_getaffinity(0))


def allowed(workers: int, monkeypatch) -> list[list[int]]:
    """The cores on which candidates may run, for each jail of a run."""
    found = []
    real = Jail.answer

    def answer(self, go=False):
        said = real(self, go)
        found.append(json.loads(said.output))
        return said

    monkeypatch.setattr(Jail, "answer", answer)
    list(run([("import os\nprint(sorted(os.sched_getaffinity(0)))", SQUARE)] * 8 * workers, BRIEF, workers=workers))
    return found


def test_with_a_worker_for_each_core_each_jail_stays_on_its_own(monkeypatch):
    found = allowed(len(CORES), monkeypatch)
    assert {tuple(cores) for cores in found} == {(core,) for core in CORES}
    assert sorted(os.sched_getaffinity(0)) == CORES


@pytest.mark.parametrize("workers", {1, len(CORES) + 1} - {len(CORES)})
def test_with_fewer_or_more_workers_the_kernel_places_the_jails(workers, monkeypatch):
    found = allowed(workers, monkeypatch)
    assert found == [CORES] * 8 * workers


def test_a_core_that_was_taken_away_only_costs_time():
    with Jail(BRIEF, core=1 << 14) as jail:
        jail.load({"kind": "stdin"}, [b"7\n"])
        jail.ask(RIGHT, [(0, 1)], False, 60.0)
        assert jail.answer().output == b"49\n"


def test_a_jail_begins_its_next_program_before_its_answer_is_judged(monkeypatch):
    events = []
    go, take = Jail.go, CaseWork.take
    monkeypatch.setattr(Jail, "go", lambda *given: (events.append("go"), go(*given)))
    monkeypatch.setattr(CaseWork, "take", lambda *given: (events.append("judge"), take(*given)))
    outcomes = [execution.outcome for execution in run([(RIGHT, SQUARE)] * 3, BRIEF, workers=1)]
    assert outcomes == [Outcome.PASSED] * 3
    assert events == ["go", "go", "judge", "go", "judge", "judge"]


LONG, SHORT = (f"import time\ntime.sleep({seconds})\n{RIGHT}" for seconds in (1.2, 0.3))


def test_what_waits_in_a_busy_jail_is_taken_back_for_an_idle_one(monkeypatch):
    taken_back = []
    forget = Jail.forget
    monkeypatch.setattr(Jail, "forget", lambda jail: (taken_back.append(jail), forget(jail)))
    jobs = [(program, SQUARE) for program in (LONG, SHORT, RIGHT, RIGHT)]  # the last two wait in a jail each
    executions = list(run(jobs, BRIEF, workers=2))
    assert [execution.outcome for execution in executions] == [Outcome.PASSED] * 4
    assert len(taken_back) == 1


def test_a_jail_goes_on_after_it_was_told_to_forget():
    with Jail(BRIEF) as jail:
        jail.load({"kind": "stdin"}, [b"7\n"])
        jail.ask(RIGHT, [(0, 1)], False, 60.0)
        jail.load({"kind": "stdin"}, [b"8\n"])
        jail.prepare("print(1)", [(0, 1)], False, 60.0)
        jail.forget()
        assert jail.answer().output == b"49\n"
        jail.prepare(RIGHT, [(0, 1)], False, 60.0)
        assert not select.select([jail.socket], [], [], 0.2)[0]
        jail.go()
        assert jail.answer().output == b"64\n"


def test_more_than_the_kernel_carries_is_not_sent_ahead(monkeypatch):
    sent = []
    prepare = Jail.prepare
    monkeypatch.setattr(
        Jail, "prepare", lambda jail, program, *more: (sent.append(len(program)), prepare(jail, program, *more))
    )
    monkeypatch.setattr(Jail, "answer", lambda jail, go=False, real=Jail.answer: (sent.append(go), real(jail, go))[1])
    long = f"{RIGHT} # " + "\U0001f40d" * 20_000  # 240 KB on the way
    executions = list(run([(long, SQUARE)] * 2, BRIEF, workers=1))
    assert [execution.outcome for execution in executions] == [Outcome.PASSED] * 2
    assert sent == [len(long), False, len(long), False]


def test_an_output_is_judged_as_it_was_though_the_next_program_writes_already():
    tests = StdinTests(tuple((f"{number}\n", str(number)) for number in range(40)))
    jobs = [(f"print(int(input()) + {number % 3})", tests) for number in range(60)]
    passed = [execution.passed for execution in run(jobs, BRIEF, workers=2)]
    assert passed == [40, 0, 0] * 20


def test_what_cannot_be_sent_ahead_costs_the_running_program_nothing(monkeypatch):
    real, sent = Jail.prepare, []

    def prepare(self, program, *more):
        sent.append(program)
        if program == "second":
            raise OSError("cannot be sent")
        real(self, program, *more)

    monkeypatch.setattr(Jail, "prepare", prepare)
    executions = list(run([(RIGHT, SQUARE), ("second", SQUARE), (RIGHT, SQUARE)], BRIEF, workers=1))
    assert [execution.outcome for execution in executions] == [Outcome.PASSED, Outcome.SANDBOX_ERROR, Outcome.PASSED]
    assert executions[1].error == "cannot be sent"
    assert sent == [RIGHT, "second", "second", "second", RIGHT]


def test_a_jail_that_breaks_costs_what_was_sent_ahead_nothing(monkeypatch):
    real, answers = Jail.answer, []

    def answer(self, go=False):
        answers.append(go)
        if go and answers.count(True) < 3:
            raise JailFailed("test")
        return real(self, go)

    monkeypatch.setattr(Jail, "answer", answer)
    executions = list(run([(RIGHT, SQUARE)] * 3, BRIEF, workers=1))
    assert [execution.outcome for execution in executions] == [Outcome.SANDBOX_ERROR, Outcome.PASSED, Outcome.PASSED]


def test_where_no_jail_can_be_started_the_run_ends(monkeypatch):
    def fail(*_):
        raise JailFailed("none left")

    list(run([(RIGHT, SQUARE)], BRIEF, workers=1))
    monkeypatch.setattr("harness.sandbox.judging.pool.Jail", fail)
    with pytest.raises(JailFailed, match="none left"):
        list(run([(RIGHT, SQUARE)], BRIEF, workers=2))


def test_a_jail_is_replaced_while_the_others_work(monkeypatch):
    """Starting one takes as long as many programs do, and a run replaces many."""
    list(run([(RIGHT, SQUARE)], BRIEF, workers=1))
    began = []
    answered_meanwhile = threading.Event()
    start, answer = Jail.__init__, Jail.answer

    def slow_start(self, *given):
        began.append(self)
        if len(began) == 3:
            assert answered_meanwhile.wait(30)
        start(self, *given)

    def counted_answer(self, go=False):
        said = answer(self, go)
        if len(began) == 3:
            answered_meanwhile.set()
        return said

    monkeypatch.setattr("harness.sandbox.judging.pool._RUNS_PER_JAIL", 4)
    monkeypatch.setattr(Jail, "__init__", slow_start)
    monkeypatch.setattr(Jail, "answer", counted_answer)
    executions = list(run([(RIGHT, SQUARE)] * 12, BRIEF, workers=2))
    assert [execution.outcome for execution in executions] == [Outcome.PASSED] * 12
    assert len(began) >= 3


def test_a_jail_that_cannot_be_ended_ends_the_run(monkeypatch):
    real = Jail.close

    def close(self):
        real(self)
        raise JailFailed("a jail could not be ended")

    list(run([(RIGHT, SQUARE)], BRIEF, workers=1))
    monkeypatch.setattr(Jail, "close", close)
    with pytest.raises(JailFailed, match="could not be ended"):
        list(run([(RIGHT, SQUARE)], BRIEF, workers=1))


def test_a_jail_that_was_still_starting_when_a_run_was_given_up_is_ended(monkeypatch):
    list(run([(RIGHT, SQUARE)], BRIEF, workers=1))
    started, closed = [], []
    start, close = Jail.__init__, Jail.close

    def slow_start(self, *given):
        if started:
            time.sleep(0.3)
        started.append(self)
        start(self, *given)

    monkeypatch.setattr(Jail, "__init__", slow_start)
    monkeypatch.setattr(Jail, "close", lambda self: (closed.append(self), close(self)))
    executions = run([(RIGHT, SQUARE)] * 2, BRIEF, workers=2)
    assert next(executions).outcome is Outcome.PASSED
    executions.close()
    assert len(started) == 2
    assert set(started) == set(closed)


def test_an_interpreter_that_ends_in_the_middle_of_a_run_ends_the_jails_without_a_word():
    script = (
        "from harness.records import StdinTests\n"
        "from harness.sandbox import run\n"
        f"executions = run([({RIGHT!r}, StdinTests(((chr(55), '49'),)))] * 9, workers=2)\n"
        "print(next(executions).outcome.value, flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "passed\n", "")
    assert [path for path in Path("/proc").glob("[0-9]*") if b"\0guest\0" in (path / "cmdline").read_bytes()] == []

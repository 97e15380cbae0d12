"""Honest programs on standard input, over what plain Python gives a script: the sandbox says what plain Python says.

`stdin_cases.txt` has a name, a program and its input, separated by "--" lines.
"""

import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from harness.records import Limits, Outcome, StdinTests
from harness.sandbox import run

HERE = Path(__file__).parent


def cases():
    for block in (HERE / "stdin_cases.txt").read_text().split("====\n"):
        head, given = block.split("--\n")
        name, _, program = head.partition("\n")
        yield name, program, given


def interruptible():
    """What a shell starts in the background ignores interrupts, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def natively(program, given):
    Path("main.py").write_text(program)
    words = [sys._base_executable, "-W", "ignore", "main.py"]
    bare = {"PYTHONPATH": sysconfig.get_path("purelib")}  # starts in a third of an environment's time
    done = subprocess.run(
        words, input=given, capture_output=True, text=True, check=False, env=bare, preexec_fn=interruptible
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_honest_program_prints_what_it_prints_in_plain_python():
    every = list(cases())
    limits = Limits(cpu_seconds=20.0, wall_seconds=60.0)
    tests = [StdinTests(((given, natively(program, given)),) * 2) for _, program, given in every]
    jobs = [(program, wanted) for (_, program, _), wanted in zip(every, tests, strict=True)]
    found = [(name, e) for (name, _, _), e in zip(every, run(jobs, limits, comparison="strict"), strict=True)]
    assert [(name, e.outcome, e.error) for name, e in found if e.outcome is not Outcome.PASSED] == []
    assert len(every) >= 50

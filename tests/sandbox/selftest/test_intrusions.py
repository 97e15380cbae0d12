"""No code of the candidate's runs in the process that runs its test; what a test imports of the candidate is there."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

import pytest

from harness.records import AssertTests, Limits, Outcome, PytestTests
from harness.sandbox import run
from harness.sandbox.selftest.intrusions import INTRUSIONS

BRIEF = Limits(cpu_seconds=1.0, wall_seconds=3.0)
REFUSED = (Outcome.FAILED, Outcome.RAISED)


def test_no_candidate_has_its_code_run_beside_the_test():
    found = {name: one.outcome for name, one in zip(INTRUSIONS, run(INTRUSIONS.values(), BRIEF), strict=True)}
    assert {name: outcome for name, outcome in found.items() if outcome not in REFUSED} == {}


RIGHT = "def f(x): return x + 1\nclass Box:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return self.n == o.n\n"


@pytest.mark.parametrize("module", ["solution", "main"])
@pytest.mark.parametrize(
    "code",
    [
        "from {m} import f\nx = 1\nassert f(x) == 2",
        "import {m}\nx = 1\nassert {m}.f(x) == 2",
        "from {m} import *\nx = 1\nassert f(x) == 2",
        "from {m} import Box\nassert Box(1) == Box(1) and not Box(1) == Box(2)",
    ],
)
def test_a_block_may_import_the_candidate(module, code):
    wrong = RIGHT.replace("x + 1", "x").replace("self.n == o.n", "True")
    tests = AssertTests("f", code.format(m=module))
    right, other = run([(RIGHT, tests), (wrong, tests)], BRIEF)
    assert (right.outcome, right.error) == (Outcome.PASSED, "")
    assert other.outcome is Outcome.FAILED


def test_a_name_that_the_candidate_has_not_cannot_be_imported():
    (execution,) = run([(RIGHT, AssertTests("f", "from solution import g\nassert g(1) == 2"))], BRIEF)
    assert execution.outcome is Outcome.RAISED
    assert execution.error.startswith("ImportError")


def test_a_test_file_may_import_the_candidate_by_either_name():
    file = "try:\n    from solution import f\nexcept ImportError:\n    from main import f\ndef test_f():\n    from main import f as g\n    assert f(1) == g(1) == 2\n"
    right, wrong = run([(RIGHT, PytestTests(file)), ("def f(x): return x", PytestTests(file))], BRIEF)
    assert (right.outcome, wrong.outcome) == (Outcome.PASSED, Outcome.FAILED)


RARE_ERRORS = {
    "imported by the test": "import zipfile\ntry:\n    f(1)\nexcept zipfile.BadZipFile as e:\n    assert type(e) is zipfile.BadZipFile and e.args == ('x',)\nelse:\n    assert False",
    "by its base": "try:\n    f(1)\nexcept Exception as e:\n    x = type(e).__name__\nassert x == 'BadZipFile'",
    "of a function that the test has given": "import queue\ndef g(): raise queue.Empty('q')\ntry:\n    f(1, g)\nexcept queue.Empty as e:\n    x = str(e)\nassert x == 'q'",
    "given as a class": "import queue\nassert f(1, None, queue.Empty) == 'Empty'",
}


def test_exceptions_of_modules_that_one_process_alone_has_are_the_librarys():
    program = "import zipfile\ndef f(x, g=None, kind=None):\n    if g: g()\n    if kind: return kind.__name__\n    raise zipfile.BadZipFile('x')\n"
    executions = run([(program, AssertTests("f", code)) for code in RARE_ERRORS.values()], BRIEF)
    found = {name: (one.outcome, one.error) for name, one in zip(RARE_ERRORS, executions, strict=True)}
    assert found == dict.fromkeys(RARE_ERRORS, (Outcome.PASSED, ""))


FILES = {
    "written by the test": ("def f(p): return open(p).read()", "with open('a.txt', 'w') as o: n = o.write('ab')\nassert f('a.txt') == 'ab'"),
    "written by the candidate": ("def f(p): open(p, 'w').write('ab')", "f('a.txt')\nassert open('a.txt').read() == 'ab'"),
    "a path of the candidate's": (
        "from pathlib import Path\ndef f():\n    p = Path('a.txt')\n    p.write_text('ab')\n    return p",
        "p = f()\nassert p.read_text() == 'ab' and p.exists()",
    ),
    "by os": ("def f(p): open(p, 'w').write('ab')", "import os\nf('a.txt')\nassert os.path.exists('a.txt')"),
}  # fmt: skip


def test_files_are_shared_with_a_test_that_is_about_files():
    executions = run([(program, AssertTests("f", code)) for program, code in FILES.values()], BRIEF)
    found = {name: (one.outcome, one.error) for name, one in zip(FILES, executions, strict=True)}
    assert found == dict.fromkeys(FILES, (Outcome.PASSED, ""))


def test_a_file_that_ends_the_process_which_imports_it_is_told():
    (execution,) = run([(RIGHT, PytestTests("import os\nos._exit(0)\ndef test_f(): pass\n"))], BRIEF)
    assert execution.outcome is Outcome.SANDBOX_ERROR
    assert "cannot be collected" in execution.error

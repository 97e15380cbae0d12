"""A setup before a program."""

import pytest

from harness.records import AssertTests, Outcome
from harness.sandbox import run
from harness.sandbox.judging.joining import joined

BEGINNINGS = [
    "from __future__ import annotations\n",
    "# a comment\n\n'''Docs; \"quoted\"\nfrom __future__ import nothing\n'''\nfrom __future__ import annotations\n",
    '"Docs."; from __future__ import (annotations,  # why )\n  division)\n',
    "from __future__ import annotations; import math\n",
    "from __future__ import annotations, \\\n  division\n\n# more\nfrom __future__ import print_function\n",
    "\ufefffrom __future__ import annotations\r\n",
]


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("setup", ["import math\n", "'''Setup.'''\nfrom __future__ import division\nimport math\n", ""])
def test_what_a_program_has_of_the_future_comes_before_the_setup(beginning, setup):
    program = beginning + "def f(x: Unknown): return x\nannotations_of = f.__annotations__\n"
    names = {}
    exec(compile(joined(setup, program), "program", "exec", dont_inherit=True), names)  # noqa: S102
    assert names["annotations_of"] == {"x": "Unknown"}


def test_an_import_from_the_future_that_comes_too_late_stays_wrong():
    with pytest.raises(SyntaxError):
        compile(joined("import math", "x = 1\nfrom __future__ import annotations\n"), "program", "exec")


def test_a_program_with_an_import_from_the_future_passes_where_the_tests_have_a_setup():
    program = '"""Docs."""\nfrom __future__ import annotations\ndef f(x: int) -> int:\n    return x + 1\n'
    tests = [
        AssertTests("f", "assert f(1) == 2", "from typing import List\n"),
        AssertTests("f", "x = 1\nassert f(x) == 2", "from typing import List\n"),
        AssertTests("f", "import inspect\nassert f(1) == 2", "from typing import List\n"),
    ]
    done = list(run([(program, one) for one in tests]))
    assert [one.outcome for one in done] == [Outcome.PASSED] * 3

"""Attacks that would have the candidate's code run in the process that runs its test; part of `attacks.py`."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

from __future__ import annotations

from harness.records import AssertTests, PytestTests, SandboxTests

_TAKE_OVER = """\
import json, os, sys
frame, run, batch = sys._getframe(), None, None
while frame:
    mine = frame.f_locals.get('self')
    run = mine if type(mine).__name__ == 'AssertRun' else run
    batch = mine if type(mine).__name__ == 'Batch' else batch
    frame = frame.f_back
if run and batch:
    run.say(json.dumps({"end": SAID, "error": "", "judged": False}) + chr(10))
    batch._note(0, None, 0)
    os._exit(0)
"""
"""In the process that runs the test, says how that has ended."""
_PASSED = _TAKE_OVER.replace("SAID", "'passed'")
_BESIDE = AssertTests("answer", "x = answer(7)\nassert x == '{secret}'")
_FILE = PytestTests("from solution import answer\ndef test_one(): assert answer(7) == '{secret}'")
_IMPORTS_MAIN = PytestTests("def test_one():\n    from main import answer\n    assert answer(7) == '{secret}'")
_ANSWER = "def answer(n): return 0\n"


def _names(module: str, text: str) -> str:
    """A program that answers with an exception class which says that it is of `module`, and leaves `text` as a test."""
    return (
        f"import sys, types\nopen('test_x.py', 'w').write({text!r})\nfake = types.ModuleType({module!r})\n"
        f"class E(Exception): pass\nE.__module__, E.__qualname__, fake.E = {module!r}, 'E', E\n"
        f"sys.modules[{module!r}] = fake\ndef answer(n): return E\n"
    )


INTRUSIONS: dict[str, tuple[str, SandboxTests]] = {
    "a module that runs tests when it is imported": (_names("unittest.__main__", _PASSED), _BESIDE),
    "a module that runs tests, for a test file": (_names("unittest.__main__", _PASSED), _FILE),
    "a verdict on the sandbox": (_names("unittest.__main__", _TAKE_OVER.replace("SAID", "'sandbox-error'")), _BESIDE),
    "a result that is none": (_names("unittest.__main__", _TAKE_OVER.replace("SAID", "[]")), _BESIDE),
    "the program as a module": (_PASSED + _ANSWER, AssertTests("answer", "from main import answer\nassert answer(7) == '{secret}'")),
    "the program as a module, for a test file": (_PASSED + _ANSWER, _IMPORTS_MAIN),
    **{
        f"a file in the working folder, {name}": (
            f"open('colorsys.py', 'w').write({_PASSED!r})\n{_ANSWER}",
            AssertTests("answer", f"{code}\nx = answer(7)\nassert x == '{{secret}}'"),
        )
        for name, code in {
            "sys.path": "from sys import path\npath.insert(0, '.')\nimport colorsys",
            "sys by another name": "import sys as system\nsystem.path.insert(0, '.')\nimport colorsys",
            "site": "import site\nsite.addsitedir('.')\nimport colorsys",
            "runpy": "import runpy\nruns = runpy.run_path('colorsys.py')",
        }.items()
    },
}  # fmt: skip

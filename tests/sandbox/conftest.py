"""Every test of the sandbox runs in an outer, throw-away namespace (rule R3).

A sandbox that is being worked on can have any fault, and a fault of this program ends processes and deletes files.
So each test body is run by a forked child that is alone in a private pid namespace and sees the file system read-only.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

import pytest

from harness.sandbox.linux.outer import UNAVAILABLE, throw_away

_HERE = Path(__file__).parent
_SKIPPED, _FAILED = 3, 4


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs the test's body in a namespace of its own; fixtures have been made outside."""
    if _HERE not in pyfuncitem.path.parents:
        return None
    if Path("/tmp") in _HERE.parents:
        pytest.fail(f"{_HERE} is hidden by the namespace's own /tmp: move the checkout out of /tmp", pytrace=False)
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with tempfile.TemporaryFile() as said:
        code = throw_away(lambda: _run(pyfuncitem.obj, arguments, said.fileno()), said.fileno())
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    if code == UNAVAILABLE:
        pytest.skip(f"no throw-away namespace here: {text}")
    if code == _SKIPPED:
        pytest.skip(text)
    if code:
        pytest.fail(text or f"the test's process ended with status {code}", pytrace=False)
    return True


def _run(test, arguments, said: int) -> int:
    try:
        test(**arguments)
    except pytest.skip.Exception as skipped:
        os.write(said, str(skipped).encode())
        return _SKIPPED
    except BaseException:  # noqa: BLE001 - whatever a test raises is its failure
        os.write(said, traceback.format_exc().encode())
        return _FAILED
    return 0

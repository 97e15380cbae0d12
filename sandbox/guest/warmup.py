"""Fixed programs that process 1 runs before it forks any child, to warm up the interpreter."""

from __future__ import annotations

import builtins
import fcntl
import gc
import os
import sys
from mmap import mmap
from typing import Any

from harness.sandbox.guest import runner

WARM_UPS = {
    "stdin": (
        "import sys\nfrom collections import defaultdict\nn = int(input())\na = list(map(int, input().split()))\n"
        "seen = defaultdict(list)\nfor i, x in enumerate(sorted(a)):\n    seen[x].append(i)\n"
        "print(n, len(seen), ' '.join(str(x) for x in a), max(a), sum(a))\nprint(f'{n:.2f}', *[x + 1 for x in a])\n",
        b"3\n3 1 2\n",
    ),
    "call": (
        "class Solution:\n    def answer(self, n, a):\n        return [n, sorted(a), {n: str(n)}]\n",
        b'["[3, [3, 1, 2]]"]',
    ),
    "answers": (
        "from typing import List\ndef answer(a: List[int]) -> int:\n    return len(a)\n",
        b'[["answer", [[1, 1.0]], []]]',
    ),
}
"""By kind of request, with the input."""
WARM_UP_ROUNDS = 20
"""The interpreter specialises a function after eight calls (CPython 3.11), and a loop's body later."""


def warm_up(report: mmap) -> None:
    """Runs programs of our own right here, with all that a child does around a candidate's.

    The interpreter fills its caches, specialises its code and binds its libraries' symbols on the way. Done once
    in process 1, none of it is done again in every child, each time on pages that have to be copied first.
    """
    main = sys.modules["__main__"]
    gc.freeze()  # a program's end collects what is garbage, and nothing here is
    output = os.memfd_create("output", os.MFD_CLOEXEC)
    fcntl.fcntl(output, fcntl.F_SETFL, os.O_APPEND)
    for kind, (program, given) in WARM_UPS.items():
        code = os.memfd_create("code", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.pwrite(code, program.encode(), 0)
        source = os.memfd_create("warm-up", os.MFD_CLOEXEC)
        os.write(source, given)
        batch = runner.Batch(_request(kind, program), [source], output, code, report, opened=False)
        for _ in range(WARM_UP_ROUNDS):
            os.ftruncate(output, 0)
            batch.warm_up()
        os.close(source)
        os.close(code)
    os.close(output)
    for descriptor in (0, 1):
        os.dup2(2, descriptor)
    sys.modules["__main__"] = main
    sys.modules.pop("solution")
    sys.modules["builtins"] = builtins


def _request(kind: str, program: str) -> dict[str, Any]:
    """A request such as the supervisor's."""
    limits = {"output_bytes": 1 << 60, "stop": False, "until": 0.0}
    return {"kind": kind, "bytes": len(program), "entry_point": "answer", **limits}

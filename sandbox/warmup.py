"""Fixed programs that process 1 runs before it forks any child, to warm up the interpreter."""

from __future__ import annotations

from typing import Any

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
        b'[["answer", [[1, {"float": "0x1p+0"}]], []]]',
    ),
}
"""By kind of request, with the input."""
WARM_UP_ROUNDS = 20
"""The interpreter specialises a function after eight calls (CPython 3.11), and a loop's body later."""


def request(kind: str, program: str) -> dict[str, Any]:
    """A request such as the supervisor's."""
    limits = {"output_bytes": 1 << 60, "stop": False, "until": 0.0}
    return {"kind": kind, "bytes": len(program), "entry_point": "answer", **limits}

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped
"""Honest programs that must not suffer: every way to read, to print, to end; `selftest.py` runs them."""

from __future__ import annotations

from harness.records import AssertTests, CallTests, StdinTests, Tests

SQUARE = StdinTests((("7\n", "49"), ("12\n", "144")))
SQUARE_CALL = CallTests("answer", (("[7]", "49"), ("[12]", "144")))

HONEST: dict[str, tuple[str, Tests]] = {
    "input()": ("print(int(input()) ** 2)", SQUARE),
    "sys.stdin.read": ("import sys\nprint(int(sys.stdin.read()) ** 2)", SQUARE),
    "sys.stdin.readline": ("import sys\nprint(int(sys.stdin.readline()) ** 2)", SQUARE),
    "sys.stdin.readlines": ("import sys\nprint(int(sys.stdin.readlines()[0]) ** 2)", SQUARE),
    "for line in sys.stdin": ("import sys\nfor line in sys.stdin: print(int(line) ** 2)", SQUARE),
    "sys.stdin.buffer": ("import sys\nprint(int(sys.stdin.buffer.readline()) ** 2)", SQUARE),
    "open(0)": ("print(int(open(0).read()) ** 2)", SQUARE),
    "os.read": ("import os\nprint(int(os.read(0, os.fstat(0).st_size)) ** 2)", SQUARE),
    "fileinput": ("import fileinput\nfor line in fileinput.input(): print(int(line) ** 2)", SQUARE),
    "until the end of the input": ("while True:\n try: print(int(input()) ** 2)\n except EOFError: break", SQUARE),
    "input replaced by readline": ("import sys\ninput = sys.stdin.readline\nprint(int(input()) ** 2)", SQUARE),
    "sys.stdout.write": ("import sys\nsys.stdout.write(str(int(input()) ** 2))", SQUARE),
    "sys.stdout.buffer": ("import sys\nsys.stdout.buffer.write(b'%d' % int(input()) ** 2)", SQUARE),
    "os.write": ("import os\nos.write(1, str(int(input()) ** 2).encode())", SQUARE),
    "a replaced sys.stdout": ("import io, os, sys\nsys.stdout = io.StringIO()\nprint(int(input()) ** 2)\nos.write(1, sys.stdout.getvalue().encode())", SQUARE),
    "written in atexit": ("import atexit, io, os, sys\nsys.stdout = io.BytesIO()\natexit.register(lambda: os.write(1, sys.stdout.getvalue()))\nsys.stdout.write(str(int(input()) ** 2).encode())", SQUARE),
    "threads": ("import threading\nt = threading.Thread(target=lambda: print(int(input()) ** 2))\nt.start(); t.join()", SQUARE),
    "a thread that is not joined": ("import threading\nthreading.Thread(target=lambda: print(int(input()) ** 2)).start()", SQUARE),
    "a thread with a large stack": ("import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 27)\nt = threading.Thread(target=lambda: print(int(input()) ** 2))\nt.start(); t.join()", SQUARE),
    "a pool of threads": ("from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as p: print(sum(p.map(lambda n: n * n, [int(input())])))", SQUARE),
    "asyncio": ("import asyncio\nasync def main():\n await asyncio.sleep(0)\n print(int(input()) ** 2)\nasyncio.run(main())", SQUARE),
    "a forked child": ("import os\nn = int(input())\nif os.fork() == 0: os._exit(0)\nos.wait()\nprint(n * n)", SQUARE),
    "recursion to 10^5": ("import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return f(n - 1) if n else 0\nf(10**5)\nprint(int(input()) ** 2)", SQUARE),
    "5 MB of output": ("n = int(input())\nfor _ in range(5 * 10**4): print('x' * 99)", StdinTests((("7\n", ("x" * 99 + "\n") * 50000),))),
    "sys.exit after the answer": ("import sys\nprint(int(input()) ** 2)\nsys.exit()", SQUARE),
    "exit() after the answer": ("print(int(input()) ** 2)\nexit()", SQUARE),
    "os._exit after the answer": ("import os\nprint(int(input()) ** 2, flush=True)\nos._exit(0)", SQUARE),
    "a temporary file": ("import tempfile\nwith tempfile.TemporaryFile('w+') as f:\n f.write(input()); f.seek(0)\n print(int(f.read()) ** 2)", SQUARE),
    "a named temporary file": ("import os, tempfile\nn = int(input())\nwith tempfile.NamedTemporaryFile() as f: assert os.path.exists(f.name)\nprint(n * n)", SQUARE),
    "decimals": ("from decimal import *\ngetcontext().prec = 50\nprint(int(Decimal(input()) ** 2))", SQUARE),
    "generators": ("def squares():\n yield int(input()) ** 2\nprint(*squares())", SQUARE),
    "a main guard": ("def main():\n print(int(input()) ** 2)\nif __name__ == '__main__': main()", SQUARE),
    "trailing whitespace": ("print(int(input()) ** 2, end='  \\n\\n')", SQUARE),
    "names without their import": ("n = int(input())\nprint(Counter([n]) and int(sqrt(n ** 4)) and math.gcd(n ** 2, n ** 2))", SQUARE),
    "numbers of 5,000 digits": ("n = int(input())\nassert len(str(10 ** 5000)) == 5001\nprint(n * n)", SQUARE),
    "pickling a class of its own": ("import pickle\nclass A: pass\npickle.loads(pickle.dumps(A()))\nprint(int(input()) ** 2)", SQUARE),
    "a dataclass": ("from dataclasses import dataclass\n@dataclass\nclass A:\n n: int\nprint(A(int(input())).n ** 2)", SQUARE),
    "random and time": ("import random, time, datetime\nrandom.seed(1); time.time(); datetime.datetime.now()\nprint(int(input()) ** 2)", SQUARE),
    "numpy, where it is installed": ("try:\n import numpy\nexcept ImportError: print(int(input()) ** 2)\nelse: print(int(np.sum(numpy.array([int(input())]) ** 2)))", SQUARE),
    "return at the top": ("print(int(input()) ** 2)\nreturn", SQUARE),
    "a function": ("def answer(n): return n * n", SQUARE_CALL),
    "a method of Solution": ("class Solution:\n def answer(self, n: int) -> int: return n * n", SQUARE_CALL),
    "annotations without their import": ("class Solution:\n def answer(self, n: Optional[List[int]]) -> int: return n * n", SQUARE_CALL),
    "a function that prints": ("def answer(n):\n print('debugging')\n return n * n", SQUARE_CALL),
    "assertions": ("def answer(n): return n * n", AssertTests("answer", "assert answer(7) == 49\nassert answer(answer(2)) == 16")),
    "an expected exception": ("def answer(n): raise ValueError(n)", AssertTests("answer", "try:\n answer(1)\nexcept ValueError: pass\nelse: assert False")),
    "a changed argument": ("def answer(n): n.sort()", AssertTests("answer", "a = [3, 1]\nanswer(a)\nassert a == [1, 3]")),
    "classes in the test": ("class P:\n def __init__(s, n): s.n = n\ndef answer(p): return p.n", AssertTests("answer", "assert answer(P(3)) == 3")),
}  # fmt: skip

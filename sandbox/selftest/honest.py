# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped
"""Honest programs that must pass: every way to read, to print and to exit; `selftest.py` runs them."""

from __future__ import annotations

import json

from harness.records import AssertTests, CallTests, PytestTests, SandboxTests, StdinTests

SQUARE = StdinTests((("7\n", "49"), ("12\n", "144")))
SQUARE_CALL = CallTests("answer", (("[7]", "49"), ("[12]", "144")))

_LINES = StdinTests((("7\n", "49\n" + "".join(f"{number}\n" for number in range(3000))),))
_FAST = """\
import os, sys
from io import BytesIO, IOBase
class FastIO(IOBase):
    newlines = 0
    def __init__(self, file):
        self._fd = file.fileno()
        self.buffer = BytesIO()
        self.writable = "x" in file.mode or "r" not in file.mode
        self.write = self.buffer.write if self.writable else None
    def readline(self):
        while self.newlines == 0:
            b = os.read(self._fd, max(os.fstat(self._fd).st_size, 8192))
            self.newlines = b.count(b"\\n") + (not b)
            at = self.buffer.tell()
            self.buffer.seek(0, 2), self.buffer.write(b), self.buffer.seek(at)
        self.newlines -= 1
        return self.buffer.readline()
    def flush(self):
        if self.writable:
            os.write(self._fd, self.buffer.getvalue())
            self.buffer.truncate(0), self.buffer.seek(0)
class Wrapped(IOBase):
    def __init__(self, file):
        self.buffer = FastIO(file)
        self.flush = self.buffer.flush
        self.writable = self.buffer.writable
        self.write = lambda text: self.buffer.write(text.encode("ascii"))
        self.readline = lambda: self.buffer.readline().decode("ascii")
sys.stdin, sys.stdout = Wrapped(sys.stdin), Wrapped(sys.stdout)
input = lambda: sys.stdin.readline().rstrip()
"""

HONEST: dict[str, tuple[str, SandboxTests]] = {
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
    "a pool of processes": ("from multiprocessing import Pool\ndef f(n): return n * n\nif __name__ == '__main__':\n with Pool(2) as p: print(*p.map(f, [int(input())]))", SQUARE),
    "a pool of threads of multiprocessing's": ("from multiprocessing.pool import ThreadPool\nwith ThreadPool(2) as p: print(*p.map(lambda n: n * n, [int(input())]))", SQUARE),
    "a value that processes share": ("from multiprocessing import Lock, Process, Value\ndef f(v, lock):\n with lock: v.value *= v.value\nv = Value('i', int(input()))\np = Process(target=f, args=(v, Lock())); p.start(); p.join()\nprint(v.value)", SQUARE),
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
    "a class for fast input and output": (_FAST + "print(int(input()) ** 2)", SQUARE),
    "a pool of threads that is not shut down": ("from concurrent.futures import ThreadPoolExecutor\np = ThreadPoolExecutor(2)\np.submit(lambda: print(int(input()) ** 2))", SQUARE),
    "a thread that starts another at its end": ("import threading, time\ndef later():\n time.sleep(.02); print(int(input()) ** 2)\nthreading.Thread(target=lambda: (time.sleep(.02), threading.Thread(target=later).start())).start()", SQUARE),
    "a timer": ("import threading\nthreading.Timer(.02, lambda: print(int(input()) ** 2)).start()", SQUARE),
    "a daemon that still prints": ("import threading, time\ndef f():\n while True: time.sleep(.3); print('late')\nthreading.Thread(target=f, daemon=True).start()\nprint(int(input()) ** 2)", SQUARE),
    "a thread of _thread's": ("import _thread, time\ndone = []\n_thread.start_new_thread(lambda: done.append(print(int(input()) ** 2)), ())\nwhile not done: time.sleep(.001)", SQUARE),
    "printed in atexit": ("import atexit\n@atexit.register\ndef end(): print(int(input()) ** 2)", SQUARE),
    "printed at the end of an object": ("import math\nclass A:\n def __init__(self, n): self.n = n\n def __del__(self): print(int(math.pow(self.n, 2)))\na = A(int(input()))\nb = [a]", SQUARE),
    "printed at the end of an object in a cycle": ("class A:\n def __init__(self, n): self.n, self.me = n, self\n def __del__(self): print(self.n ** 2)\nA(int(input()))", SQUARE),
    "printed at the end of a generator": ("def f():\n try: yield\n finally: print(int(input()) ** 2)\ng = f()\nnext(g)", SQUARE),
    "printed by a finalizer": ("import weakref\nclass A: pass\na = A()\nweakref.finalize(a, lambda: print(int(input()) ** 2))", SQUARE),
    "a writer that is not closed": ("f = open(1, 'w')\nf.write(str(int(input()) ** 2))", SQUARE),
    "a buffered writer that is not closed": ("import io\nf = io.BufferedWriter(io.FileIO(1, 'w'), 1 << 20)\nf.write(b'%d' % int(input()) ** 2)", SQUARE),
    "a writer over os.dup": ("import os\nf = os.fdopen(os.dup(1), 'w', 1 << 16)\nprint(int(input()) ** 2, file=f)", SQUARE),
    "a writer that is not closed, beside a function": ("def f(n): return n * n\nout = open(1, 'w')\nout.write(str(f(int(input()))))", SQUARE),
    "a binary writer that is not closed, beside a function": ("import os\nout = os.fdopen(1, 'wb')\ndef main(): out.write(b'%d' % int(input()) ** 2)\nmain()", SQUARE),
    "a stack without limit": ("import resource\nresource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\nprint(int(input()) ** 2)", SQUARE),
    "files beside many tests": ("files = [open('/dev/null') for _ in range(40)]\nprint(int(input()) ** 2)", StdinTests(tuple((f"{n}\n", str(n * n)) for n in range(90)))),
    "a writer that is not closed, beside a handler of signals": ("import signal\ndef f(*_): pass\nsignal.signal(signal.SIGALRM, f)\nout = open(1, 'w')\nout.write(str(int(input()) ** 2))", SQUARE),
    "a writer that is not closed, below a replaced print": ("import builtins\nout = open(1, 'w')\ndef p(text): out.write(str(text))\nbuiltins.print = p\nprint(int(input()) ** 2)", SQUARE),
    "a wrapper around sys.stdout.buffer": ("import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, write_through=False)\nprint(int(input()) ** 2)", SQUARE),
    "a detached sys.stdout": ("import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach())\nprint(int(input()) ** 2)", SQUARE),
    "a standard output of its own class": ("import sys\nclass W:\n def __init__(self): self.old, self.kept = sys.stdout, []\n def write(self, text): self.kept.append(text)\n def flush(self): self.old.write(''.join(self.kept)); self.kept = []\nsys.stdout = W()\nprint(int(input()) ** 2)", SQUARE),
    "logging to standard output": ("import logging, sys\nlogging.basicConfig(stream=sys.stdout, format='%(message)s', level=20)\nlogging.info(int(input()) ** 2)", SQUARE),
    "a flush that fails": ("import sys\nprint(int(input()) ** 2, flush=True)\nclass W:\n def write(self, text): pass\n def flush(self): raise ValueError\nsys.stdout = W()", SQUARE),
    "printed by a function of C": ("import ctypes\nctypes.CDLL(None).printf(b'%d\\n', int(input()) ** 2)", SQUARE),
    "no sys.stdout": ("import sys\nprint(int(input()) ** 2)\ndel sys.stdout", SQUARE),
    "a collector that is replaced": ("import gc\ngc.collect = gc.get_count = None\nprint(int(input()) ** 2)", SQUARE),
    "a closed sys.stdout": ("import sys\nprint(int(input()) ** 2)\nsys.stdout.close()", SQUARE),
    "work in a forked child": ("import os\nn = int(input())\nr, w = os.pipe()\nif os.fork() == 0:\n os.write(w, b'%d' % sum(n for _ in range(n))); os._exit(0)\nos.wait()\nprint(os.read(r, 99).decode())", SQUARE),
    "a forked child that prints": ("import os\nn = int(input())\nif os.fork(): os.wait()\nelse: print(n * n)", SQUARE),
    "a mark that makes a second test fail": ("import builtins\nassert not hasattr(builtins, 'mark')\nbuiltins.mark = 1\nprint(int(input()) ** 2)", SQUARE),
    "descriptors closed": ("import os\nn = int(input())\nos.closerange(3, 64)\nprint(n * n)", SQUARE),
    "spaces at line ends": ("print(int(input()) ** 2, ' ')\nfor n in range(3000): print(n, end=' \\n')", _LINES),
    "a large answer in another order": ("print(int(input()) ** 2)\nfor n in reversed(range(3000)): print(n)", _LINES),
    "a large value": ("def answer(n): return tuple(range(n * 1000))", CallTests("answer", (("[3]", json.dumps([list(range(3000))])),))),
    "large values in assertions": ("def answer(n): return 'x' * n", AssertTests("answer", f"assert answer(9000) == '{'x' * 9000}'\nassert answer(0) == ''")),
    "/dev/stdin": ("print(int(open('/dev/stdin').read()) ** 2)", SQUARE),
    "standard streams by name": ("import sys\nsys.stdin = open('/dev/fd/0')\nprint('x', file=open('/dev/stderr', 'w'))\nwith open('/dev/stdout', 'w') as out: out.write(str(int(input()) ** 2))", SQUARE),
    "its own text": ("import inspect\ndef f(n): return n * n\nassert 'inspect' in open(__file__).readline() and 'n * n' in inspect.getsource(f)\nprint(f(int(input())))", SQUARE),
    "files that it has by name": ("import os, pathlib\nassert os.path.isfile(__file__) and 'pathlib' in pathlib.Path(__file__).read_text() and os.path.exists('/dev/stdin')\nprint(int(input()) ** 2)", SQUARE),
    "itself as a module": ("x = 3\nif __name__ == '__main__':\n    import main\n    assert main.x == 3 and main.__name__ == 'main'\n    print(int(input()) ** 2)", SQUARE),
    "a named pipe": ("import os\nos.mkfifo('/tmp/p')\nif os.fork() == 0:\n open('/tmp/p', 'w').write(input()); os._exit(0)\nprint(int(open('/tmp/p').read()) ** 2)\nos.wait(); os.unlink('/tmp/p')", SQUARE),
    "locks of files": ("import fcntl\nwith open('/tmp/x', 'w') as f:\n fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB); fcntl.flock(f, fcntl.LOCK_UN)\nprint(int(input()) ** 2)", SQUARE),
    "a lower priority": ("import os\nassert os.nice(0) + 2 == os.nice(2)\nprint(int(input()) ** 2)", SQUARE),
    "advice on memory and files": ("import mmap, os\nmmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).madvise(mmap.MADV_FREE)\nf = os.open(os.__file__, 0)\nfor n in range(6): os.posix_fadvise(f, 0, 0, n)\nprint(int(input()) ** 2)", SQUARE),
    "recursion as deep as plain Python's": ("def f(n):\n try: return f(n + 1)\n except RecursionError: return n\nassert f(0) == 998\nprint(int(input()) ** 2)", SQUARE),
    "a limit on recursion of its own": ("import sys\nsys.setrecursionlimit(150)\ndef f(n): return f(n - 1) if n else 0\nf(140)\nassert sys.getrecursionlimit() == 150\nprint(int(input()) ** 2)", SQUARE),
    "the environment's language": ("import locale\nlocale.setlocale(locale.LC_ALL, '')\nprint(int(input()) ** 2)", SQUARE),
    "return at the top": ("print(int(input()) ** 2)\nreturn", SQUARE),
    "a byte order mark": ("\ufeffprint(int(input()) ** 2)", SQUARE),
    "a function": ("def answer(n): return n * n", SQUARE_CALL),
    "Solution in a comment alone": ("# no class Solution here\ndef answer(n): return n * n", SQUARE_CALL),
    "a method of Solution": ("class Solution:\n def answer(self, n: int) -> int: return n * n", SQUARE_CALL),
    "annotations without their import": ("class Solution:\n def answer(self, n: Optional[List[int]]) -> int: return n * n", SQUARE_CALL),
    "a function that prints": ("def answer(n):\n print('debugging')\n return n * n", SQUARE_CALL),
    "assertions": ("def answer(n): return n * n", AssertTests("answer", "assert answer(7) == 49\nassert answer(answer(2)) == 16")),
    "an expected exception": ("def answer(n): raise ValueError(n)", AssertTests("answer", "try:\n answer(1)\nexcept ValueError: pass\nelse: assert False")),
    "a changed argument": ("def answer(n): n.sort()", AssertTests("answer", "a = [3, 1]\nanswer(a)\nassert a == [1, 3]")),
    "a test file": ("def answer(n): return n * n", PytestTests("import pytest\nfrom solution import answer\n@pytest.mark.parametrize('n', [7, 8])\ndef test_it(n): assert answer(n) == n ** 2\ndef test_type():\n with pytest.raises(TypeError): answer('x')")),
    "a unittest": ("def answer(n): return n * n", PytestTests("import unittest\nfrom solution import answer\nclass T(unittest.TestCase):\n def test_it(self): self.assertEqual(answer(7), 49)")),
    "a test file that needs its process": ("def answer(n): print(n * n)", PytestTests("import solution\ndef test_it(capsys):\n solution.answer(7)\n assert capsys.readouterr().out == '49\\n'")),
    "classes in the test": ("class P:\n def __init__(s, n): s.n = n\ndef answer(p): return p.n", AssertTests("answer", "assert answer(P(3)) == 3")),
    **{name: (program, AssertTests("answer", test)) for name, (program, test) in {
        "calls that take long together": ("import time\ndef answer(n):\n began = time.process_time()\n while time.process_time() - began < .2: pass\n return n", "for n in range(4): assert answer(n) == n"),
        "an infinite generator": ("def answer():\n n = 0\n while True:\n  yield n\n  n += 1", "import itertools\nassert list(itertools.islice(answer(), 3)) == [0, 1, 2]"),
        "a namedtuple": ("from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef answer(a): return P(a, a)", "p = answer(1)\nassert p.x == 1 and p == (1, 1)"),
        "a Counter": ("from collections import Counter\ndef answer(s): return Counter(s)", "assert answer('aab')['z'] == 0 and answer('aab').most_common(1) == [('a', 2)]"),
        "a match": ("import re\ndef answer(s): return re.search('b', s)", "assert answer('ab') and not answer('a')"),
        "dates": ("import datetime\ndef answer(y): return datetime.date(y, 1, 2)", "import datetime\nassert answer(2020) == datetime.date(2020, 1, 2)"),
        "an exception of its own": ("class E(ValueError):\n code = 3\ndef answer(): raise E('x')", "try: answer()\nexcept E as e: assert e.code == 3 and str(e) == 'x'\nelse: assert False"),
        "an object without items": ("class Disc:\n def __init__(s, r): s.r = r\n def __contains__(s, p): return p < s.r", "assert 3 in Disc(4) and 5 not in Disc(4)"),
        "a list with items of its own": ("class OneBased(list):\n def __getitem__(s, i): return super().__getitem__(i - 1)", "a = OneBased('ab')\nassert a[1] == 'a'"),
        "a metaclass": ("class Meta(type): pass\nclass Base(metaclass=Meta): pass", "assert type(Base) is Meta"),
        "identity": ("def answer(a):\n a.sort()\n return a", "a = [2, 1]\nassert answer(a) is a and a == [1, 2]"),
        "an object with operators": ("class V:\n def __init__(s, x): s.x = x\n def __add__(s, o): return V(s.x + o.x)\n def __eq__(s, o): return s.x == o.x\n def __len__(s): return s.x", "assert V(1) + V(2) == V(3) and len(V(4)) == 4"),
        "functions of the test": ("def answer(g): return g(2)", "assert answer(lambda n: n + 1) == 3"),
        "what is printed": ("def answer(a): print(a)", "import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b): answer(3)\nassert b.getvalue() == '3\\n'"),
        "a file of the test": ("def answer(p): return open(p).read()", "open('a.txt', 'w').write('hi')\nassert answer('a.txt') == 'hi'"),
        "a long chain of answers": ("def answer(n): return n + 1", "x = 0\nfor _ in range(60): x = int(answer(x))\nassert x == 60"),
        "a global that it changes": ("count = 0\ndef answer():\n global count\n count += 1", "answer(); answer()\nassert count == 2"),
        "a global that the test sets": ("LIMIT = 5\ndef answer(n): return n > LIMIT", "assert answer(6)\nLIMIT = 9\nassert not answer(6)"),
        "an exception's context": ("def answer():\n try: {}['a']\n except KeyError: raise ValueError", "try: answer()\nexcept ValueError as e: assert isinstance(e.__context__, KeyError)\nelse: assert False"),
        "what is printed on standard error": ("import sys\ndef answer(): print('x', file=sys.stderr)", "import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stderr(b): answer()\nassert b.getvalue() == 'x\\n'"),
        "a namespace with a function": ("import types\ndef answer(n): return types.SimpleNamespace(n=n, more=lambda k: n + k)", "x = answer(3)\nassert x.more(x.n) == 6"),
        "a zone of its own": ("from datetime import *\nclass Z(tzinfo): utcoffset = lambda s, d: timedelta(hours=5)\ndef answer(): return datetime(2020, 1, 1, tzinfo=Z())", "x = answer()\nassert x.isoformat() == '2020-01-01T00:00:00+05:00'"),
        "a live view": ("def answer(d): return d.keys()", "d = {}\nv = answer(d)\nd['a'] = 1\nassert v == {'a'} and 'a' in v and v | {'b'} == {'a', 'b'}"),
        "a protocol": ("from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass S(Protocol):\n def area(self): ...\nclass Q:\n def area(self): return 4\ndef answer(): return Q()", "assert isinstance(answer(), S) and not isinstance(3, S)"),
        "calls back from threads": ("from concurrent.futures import ThreadPoolExecutor\ndef answer(g):\n with ThreadPoolExecutor(3) as p: return list(p.map(g, range(9)))", "assert answer(lambda n: n * n) == [n * n for n in range(9)]"),
        "a signature": ("def answer(a, b=2): return a", "import inspect\nassert list(inspect.signature(answer).parameters) == ['a', 'b']"),
        "patched input": ("def answer(): return input()", "from unittest import mock\nwith mock.patch('builtins.input', lambda: 'x'): assert answer() == 'x'"),
        "coroutines": ("async def answer(n): return n", "import asyncio\nassert asyncio.run(answer(3)) == 3"),
    }.items()},
}  # fmt: skip

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped
"""Attacks by answers: values that exhaust the comparison, and programs that answer differently when they are retried."""

from __future__ import annotations

from harness.records import AssertTests, CallTests, SandboxTests, StdinTests

_STDIN = StdinTests((("7\n", "49"),))
_FLOAT = CallTests("answer", (("[7]", "49.5"), ("[8]", "[[49.5]]")))
_PAIRS = CallTests("answer", (("[7]", "[[[], [0, 1, 2]]]"),))
_ASSERT = AssertTests("answer", "assert answer(7) == 49.5\nassert answer(8) == [49.5]")
_LOOP = AssertTests("answer", "for n in range(3):\n    assert answer(n) == [n + 0.5]")
_NESTED = AssertTests("answer", "assert answer(answer(7)) == 49.5\nassert answer([answer(8)]) == 9")
_MANY = StdinTests(tuple((f"{n}\n", "YES" if n % 3 else "NO") for n in range(12)))
_MANY_CALLS = CallTests("answer", tuple((f"[{n}]", "true" if n % 3 else "false") for n in range(12)))

_ODD = {
    "a signalling NaN": "from decimal import Decimal\ndef answer(n): return Decimal('sNaN')",
    "a signalling NaN in a list": "from decimal import Decimal\ndef answer(n): return [Decimal('sNaN')]",
    "a signalling NaN deep inside": "from decimal import Decimal\ndef answer(n): return [(Decimal('sNaN'),)]",
    "NaN as a key": "def answer(n): return {float('nan'): 1, float('nan'): 2}",
    "a range without end": "def answer(n): return [(), range(10**10), range(10**30)]",
    "a fraction of huge parts": "from fractions import Fraction\ndef answer(n): return [Fraction(7**9**6, 3**9**6)]",
    "a huge exponent": "from decimal import Decimal\ndef answer(n): return Decimal('1E+999999999999')",
    "a number of a million digits": "def answer(n): return [1 << 4 * 10**6]",
    "numbers with one hash": "def answer(n): return {(2**61 - 1) * i for i in range(3000)}",
    "keys with one hash": "def answer(n): return {(2**61 - 1) * i: i for i in range(3000)}",
    "tuples with one hash": "import itertools\ndef answer(n): return list({t: 1 for t in itertools.product((-1, -2), repeat=10)})",
    "a million lists": "def answer(n): return [[]] * 10**6",
    "a deep list": "def answer(n):\n a = []\n for _ in range(190): a = [a]\n return a",
    "a deep tuple": "def answer(n):\n a = ()\n for _ in range(190): a = (a,)\n return a",
    "lone surrogates": "def answer(n): return ['\\ud800' * 9999]",
    "bytes": "def answer(n): return [bytes(999999)]",
    "a long string": "def answer(n): return 'x' * 10**6",
}  # fmt: skip
_WRITTEN = {
    "an answer of blanks": "def answer(n): SAY(b'\\n' * 10**6)",
    "an answer of brackets": "def answer(n): SAY(b'[' * 10**6)",
    "an answer that is no value": "def answer(n): SAY(b'{\"fraction\": []}\\n' * 4)",
    "a long integer without its tag": "def answer(n): SAY(b'9' * 10**6)",
    "an answer that is no text": "def answer(n): SAY(b'\\xff\\x00' * 999)",
    "an answer with two keys": "def answer(n): SAY(b'{\"value\": 1, \"raised\": {\"a\": [[]]}}\\n')",
    "a forged exception": "def answer(n): SAY(b'{\"raised\": 5}\\n')",
}  # fmt: skip
_SAY = "import os\ndef SAY(data):\n for n in range(3, 64):\n  try: os.write(n, data)\n  except OSError: pass\n os._exit(0)\n"
_SAID = {
    "decimals without an order": '{"value": [{"decimal": "NaN"}, {"decimal": "1"}]}',
    "decimals that signal": '{"value": [{"decimal": "sNaN"}, {"decimal": "1"}]}',
    "a fraction of nothing": '{"value": {"fraction": [1, 0]}}',
    "brackets that do not end": "[" * 3000,
    "a value of another kind": '{"value": {"set": 5}}',
    "an exception that is a number": '{"raised": 5}',
}
"""Texts in place of what the answer to an assertion is written as; the supervisor reads them."""
_SAYS = "import json\njson.dumps = lambda *a, **k: {text!r}\ndef answer(n): return 1"
_SORTED = AssertTests("answer", "assert sorted(answer(7)) == [1, 2]")
_PRINTED = {
    "distinct lines": "for n in range(10**6): print(n)",
    "distinct numbers on one line": "print(*range(10**6))",
    "lines of numbers that are nearly right": "for n in range(10**6): print('49.01')",
    "empty lines": "print('\\n' * 6 * 10**6)",
    "blanks": "print(' ' * 7 * 10**6)",
    "blanks before line ends": "print(' \\n' * 3 * 10**6)",
    "one long number": "print('9' * 7 * 10**6)",
    "one long word": "print('x' * 7 * 10**6)",
    "bytes that are no text": "import os; os.write(1, b'\\xff' * 7 * 10**6)",
    "line ends of all kinds": "import os; os.write(1, '\\x0b\\x0c\\x1c\\x85\\u2028\\r'.encode() * 10**6)",
    "a shuffled answer of many lines": "print(50)\nfor n in range(10**5): print(' '.join(map(str, (n, n + 1, n + 2))))",
}  # fmt: skip

ANSWERS: dict[str, tuple[str, SandboxTests]] = {
    **{f"{name}, printed": (program, _STDIN) for name, program in _PRINTED.items()},
    **{f"{name}, returned": (program, _FLOAT) for name, program in _ODD.items()},
    **{f"{name}, as pairs": (program, _PAIRS) for name, program in _ODD.items()},
    **{f"{name}, asserted": (program, _ASSERT) for name, program in _ODD.items()},
    **{f"{name}, asserted in a loop": (program, _LOOP) for name, program in _ODD.items()},
    **{f"{name}, passed on": (program, _NESTED) for name, program in _ODD.items()},
    **{f"{name}, written for a call": (_SAY + program, _FLOAT) for name, program in _WRITTEN.items()},
    **{f"{name}, written for an assertion": (_SAY + program, _ASSERT) for name, program in _WRITTEN.items()},
    **{f"{name}, said for an assertion": (_SAYS.format(text=text), _SORTED) for name, text in _SAID.items()},
}

_MARKED = "import builtins\nfirst = not hasattr(builtins, 'mark')\nbuiltins.mark = 1\n"
_FORKS = "import os, gc\nseen = [o for o in gc.get_objects() if hasattr(o, 'output_bytes')]\nfirst = seen[0].output_bytes and os.lseek(seen[0].output, 0, 2) == 0\n"
_FORGED = """\
import gc, os, struct, time
for o in gc.get_objects():
    if hasattr(o, 'report') and hasattr(o, 'output_bytes'): report = o.report
n = int(input())
k, began = 1, time.process_time()
while n == 0 and time.process_time() - began < 0.75:
    if time.process_time() - began > 0.42 + 0.035 * k:
        k += 1
        struct.pack_into('<IIQ', report, 0, min(k, 11), 0, time.process_time_ns())
print('YES' if n % 3 else 'NO')
"""
_BURN = "import time\ndef burn(seconds):\n began = time.process_time()\n while time.process_time() - began < seconds: pass\n"
_CHILD = "import os, time\nif os.fork() == 0:\n began = time.process_time()\n while time.process_time() - began < 0.7: pass\n os._exit(0)\nos.wait()\n"
_ENDED = """\
import gc, os, struct, sys, time
batch = [o for o in gc.get_objects() if hasattr(o, 'report') and hasattr(o, 'output_bytes')][0]
n = int(input())
print('YES' if n % 3 else 'NO', flush=True)
for k in range(n, n + 1 if {one} else 12):
    struct.pack_into('<IIQQ', batch.report, 1024 + 24 * k, 1, 0, os.lseek(batch.output, 0, 2), 0)
"""
"""Prints the right answer and says that its test, or all of them, have ended."""
_SHARED = """\
import os, time
n, began, found = int(input()), time.process_time(), b''
def all_files(do):
    for fd in range(3, 64):
        try: yield do(fd)
        except OSError: pass
for text in all_files(lambda fd: os.pread(fd, 1 << 20, 0)):
    found = max(found, text[text.rfind(b'<') : text.rfind(b'<') + 2])
known = found[1:] and found[1] or 0
while time.process_time() - began < (.35 if n < 6 else 1.2 - .2 * known): pass
list(all_files(lambda fd: os.write(fd, b'<%c' % (known + 1))))
print('YES' if n % 3 else 'NO', flush=True)
os._exit(0)
"""
"""Leaves in every file what it has computed in earlier tests, each in a process of its own, for a later one."""
_SIZES = """\
import gc, os, time
n, began = int(input()), time.process_time()
known = [os.lseek(o.output, 0, 2) // 100 for o in gc.get_objects() if hasattr(o, 'output_bytes')][0]
while time.process_time() - began < (.35 if n < 11 else 1.2 - .08 * known): pass
print(('YES' if n % 3 else 'NO') + '\\n' * (98 - (n % 3 > 0)), flush=True)
os._exit(0)
"""
"""Says with the size of its output how much it has computed, each test in a process of its own."""
_ADDED = """\
import builtins, time
n, began = int(input()), time.process_time()
done = getattr(builtins, 'done', 0)
while time.process_time() - began < (.045 if n < 11 else .9 - .045 * done): pass
builtins.done = done + 1
print('YES' if n % 3 else 'NO')
"""
"""Computes what its last test needs in all that come before it, in one process with them."""
_FEW = StdinTests(tuple((f"{n}\n", answer) for n, answer in enumerate(("NO", "YES", "NO", "YES", "YES", "NO"))))
_REPEATED = """\
import os, sys, time
frame, slot = sys._getframe(), .03
while frame:
    names = frame.f_locals
    if 'message' in names and 'batch' in names: groups, code = names['message']['groups'], names['batch'].code
    frame = frame.f_back
alone, n = [start for start, end in groups if end - start == 1], int(input())
known = 0 if groups == [[0, 6]] else 63
if len(alone) >= 5:
    size = os.fstat(code).st_size
    if os.pread(code, 1, size - 2) != b'K': os.pwrite(code, b'K%c' % int(time.time() / slot % 64), size); size += 2
    known = os.pread(code, 1, size - 1)[0]
print('YES' if known >> n & 1 else 'NO', flush=True)
if groups != [[0, 6]] and len(alone) < 5:
    time.sleep((sum(1 << at for at in alone) + .3) * slot - time.time() % (64 * slot) + 64 * slot)
"""
"""Says NO; then it sees which tests are repeated, and begins its last try at the time that says which they are."""
TRIES: dict[str, tuple[str, SandboxTests]] = {
    "YES when it is the first": (_MARKED + "print('YES' if first else 'NO')", _MANY),
    "NO when it is the first": (_MARKED + "print('NO' if first else 'YES')", _MANY),
    "true when it is the first": ("calls = []\ndef answer(n):\n calls.append(n)\n return len(calls) == 1", _MANY_CALLS),
    "false when it is the first": ("calls = []\ndef answer(n):\n calls.append(n)\n return len(calls) > 1", _MANY_CALLS),
    "by a mark in the scratch folder": ("import os\nfirst = not os.path.exists('/tmp/m')\nopen('/tmp/m', 'w')\nprint('YES' if first else 'NO')", _MANY),
    "by what was printed before": (_FORKS + "print('YES' if first else 'NO')", _MANY),
    "by the number of its process": ("import os\nprint('YES' if os.getpid() % 2 else 'NO')", _MANY),
    "by its CPU time": ("import time\nprint('YES' if time.process_time() < .004 else 'NO')", _MANY),
    "by the memory it has": ("import resource\nprint('YES' if resource.getrusage(0).ru_minflt % 2 else 'NO')", _MANY),
    "by which tests are repeated": (_REPEATED, _FEW),
    "by chance": ("import os\nprint('YES' if os.urandom(1)[0] % 2 else 'NO')", _MANY),
    "more time than a test has, by a forged report": (_FORGED, _MANY),
    "more time than a call has, by calling back": (_BURN + "def answer(g):\n for n in range(20):\n  burn(.1)\n  g(n)\n return 7", AssertTests("answer", "assert answer(lambda n: n) == 7")),
    "more time than a call has, in what it returns": (_BURN + "class X: more = property(lambda s: burn(.1))\ndef answer(): return X()", AssertTests("answer", "x = answer()\nfor _ in range(20): x.more")),
    "more time than a call has, step by step": (_BURN + "def answer():\n for n in range(20):\n  burn(.1)\n  yield n", AssertTests("answer", "steps = answer()\nassert [next(steps) for _ in range(20)] == [*range(20)]")),
    "its ending said, and then a loop": (_ENDED.format(one=1) + "while True: pass", _MANY),
    "its ending said, and then sleep": (_ENDED.format(one=1) + "time.sleep(99)", _MANY),
    "all endings said, and then a loop": (_ENDED.format(one=0) + "while True: pass", _MANY),
    "an ending said for a call, and then a loop": ("import gc, struct\ndef answer(n):\n import harness.sandbox.guest.runner as r\n note = r.Batch._note\n def end(*a):\n  note(*a)\n  while True: pass\n r.Batch._note = end\n return n % 3 > 0", _MANY_CALLS),
    "an ending said for an assertion, and then a loop": ("import harness.sandbox.guest.runner as r\nnote = r.Batch._note\ndef end(*a):\n note(*a)\n while True: pass\nr.Batch._note = end\ndef answer(n): return n", AssertTests("answer", "assert answer(7) == 7")),
    "more time than a test has, by files that its forks share": (_SHARED, _MANY),
    "more time than a test has, by the size of the output": (_SIZES, _MANY),
    "more time than a test has, by what the tests before it have computed": (_ADDED, _MANY),
    "more time than a test has, in a child": (_CHILD + "print('YES' if int(input()) % 3 else 'NO')", _MANY),
}  # fmt: skip
"""Programs that know no answer, or that take more time than they may."""

UNMEASURED: dict[str, str] = {
    "names such as a cleaner would give": "import os\nfor i in range(99):\n for p in (1, os.getpid()):\n  os.makedirs(f'/tmp/.{p}.{i}.wipe/x/y', exist_ok=True); open(f'/tmp/.{p}.{i}.wipe/z', 'w')",
    "files where a cleaner would put folders": "import os\nfor i in range(999): open(f'/tmp/.1.{i}.wipe', 'w')\nfor i in range(99): os.makedirs(f'/tmp/a{i}/b/c')",
    "names of full length": "import os\nfor i in range(9):\n os.makedirs(f'/tmp/{i}' + 'x' * 254 + '/' + 'y' * 255 + '/' + 'z' * 255)",
    "folders inside one another": "import os\nfor i in range(999): os.mkdir('d'); os.chdir('d')",
    "links": "import os\nfor i in range(99): os.symlink('/', f'/tmp/{i}'); os.symlink(f'/tmp/{i}', f'/tmp/l{i}')",
    "lone surrogates in the program": "print('\ud800')",
    "all descriptors closed": "import os; os.closerange(0, 64)",
    "all memory in pipes": "import fcntl, os\nfor _ in range(28):\n if os.fork() == 0: break\nfor _ in range(28):\n r, w = os.pipe(); os.set_blocking(w, False)\n try:\n  while True: os.write(w, bytes(65536))\n except OSError: pass",
    "a report of ones": "import gc\nfor o in gc.get_objects():\n if hasattr(o, 'report') and hasattr(o, 'output_bytes'): o.report[:] = b'\\xff' * len(o.report)",
    "a report that goes back": "import gc, os\nfor o in gc.get_objects():\n if hasattr(o, 'report') and hasattr(o, 'output_bytes'): o.report[:] = bytes(len(o.report))\nos._exit(0)",
    "a closed output": "import gc, os\nfor o in gc.get_objects():\n if hasattr(o, 'output_bytes'): os.close(o.output)",
    "output and code cut": "import os\nfor n in range(64):\n try: os.ftruncate(n, 0)\n except OSError: pass",
}  # fmt: skip

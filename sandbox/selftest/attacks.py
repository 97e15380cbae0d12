"""Attacks on the sandbox: forged verdicts, escapes and denial of service; and honest programs that must pass.

All are harmless: an escape would leave at most an empty marker or print a planted canary. `selftest.py` runs them.
`{secret}` in a program or a test is replaced by a random word that is nowhere but in the tests' expected outputs.
"""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

from __future__ import annotations

from dataclasses import dataclass

from harness.records import AssertTests, CallTests, Outcome, PytestTests, SandboxTests, StdinTests
from harness.sandbox.selftest.forgeries import ALWAYS_EQUAL as _ALWAYS_EQUAL
from harness.sandbox.selftest.forgeries import ON_ASSERTIONS
from harness.sandbox.selftest.forgeries import SEARCH as _SEARCH
from harness.sandbox.selftest.honest import HONEST, SQUARE
from harness.sandbox.selftest.hostile_answers import ANSWERS, TRIES, UNMEASURED
from harness.sandbox.selftest.intrusions import INTRUSIONS
from harness.sandbox.selftest.leftovers import LEFTOVERS

_STDIN = StdinTests((("7\n", "{secret}"),))
_CALL = CallTests("answer", (("[7]", '"{secret}"'),))
_ASSERT = AssertTests("answer", "assert answer(7) == '{secret}'\nassert answer(8) == '{secret}8'")
_FILE = PytestTests(
    "import pytest\nfrom solution import answer\ndef test_one(): assert answer(7) == '{secret}'\n"
    "@pytest.mark.parametrize('n', [8, 9])\ndef test_more(n): assert answer(n) == f'{secret}{n}'"
)
_SAFE = StdinTests((("7\n", "SAFE"),))


@dataclass(frozen=True, slots=True)
class Attack:
    """One program, its tests, and the outcomes that mean the promise holds.

    `before`: a program that runs before it in the same jail.
    """

    promise: str
    name: str
    program: str
    tests: SandboxTests
    holds: tuple[Outcome, ...]
    before: str = ""


_NOT_PASSED = tuple(outcome for outcome in Outcome if outcome not in (Outcome.PASSED, Outcome.SANDBOX_ERROR))
_ENDED = tuple(outcome for outcome in Outcome if outcome is not Outcome.SANDBOX_ERROR)

# Each is a statement; it is an escape when it raises nothing. `call(number)` makes a raw system call and raises OSError.
_FORBIDDEN: dict[str, dict[str, str]] = {
    "no network": {
        "tcp": "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "udp": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "ipv6": "import socket; socket.socket(socket.AF_INET6, socket.SOCK_STREAM)",
        "unix socket": "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
        "netlink": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "packet": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "vsock": "import socket; socket.socket(40, socket.SOCK_STREAM)",
        "socketpair of another family": "import _socket; _socket.socketpair(2, 1)",
        "name resolution": "import socket; socket.getaddrinfo('example.org', 80)",
        "url": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/', timeout=1)",
    },
    "nothing is written outside the scratch folder": {
        "root folder": "open('/canary', 'w')",
        "interpreter": "import os; open(os.__file__, 'a')",
        "library folder": "import os; os.mkdir(os.path.dirname(os.__file__) + '/canary')",
        "guest program": "open('/guest/boot.pyc', 'a')",
        "a device": "import os; os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0))",
        "rename out of the scratch folder": "import os; open('/tmp/a', 'w'); os.rename('/tmp/a', '/a')",
        "link out of the scratch folder": "import os; os.link(os.__file__, '/tmp/link')",
        "through a symbolic link": "import os; os.symlink('/canary', '/tmp/s'); open('/tmp/s', 'w')",
        "mode of a file": "import os; os.chmod(os.__file__, os.stat(os.__file__).st_mode)",
        "times of a file": "import os; s = os.stat(os.__file__); os.utime(os.__file__, ns=(s.st_atime_ns, s.st_mtime_ns))",
        "mode of a folder": "import os; os.chmod('/', os.stat('/').st_mode)",
        "extended attributes": "import os; os.setxattr('/tmp', 'user.canary', b'1')",
        "change an owner": "import os; os.chown('/tmp', 1, 1)",
        "zero device is no disk": "import os; os.truncate('/dev/zero', 1)",
    },
    "no file of the host is read": {
        "passwords": "open('/etc/passwd')",
        "shadow": "open('/etc/shadow')",
        "home folder": "import os, sys; assert set(os.listdir('/root')) - set(sys.base_prefix.split('/'))",
        "environment of process 1": "open('/proc/1/environ')",
        "own memory map": "open('/proc/self/maps')",
        "mounts": "open('/proc/mounts')",
        "sys": "import os; os.listdir('/sys')",
        "control groups": "import os; os.listdir('/sys/fs/cgroup')",
        "shared memory folder": "import os; assert os.listdir('/dev/shm')",
        "kernel messages": "open('/dev/kmsg')",
        "disk": "open('/dev/vda', 'rb')",
        "memory": "open('/dev/mem', 'rb')",
        "terminal": "open('/dev/tty')",
        "climb out of the root": "open('/../../../../etc/hostname')",
        "working folder of the harness": "import os; os.stat('/work') or os.stat('/home')",
        "installed packages": "import numpy, torch",
        "old root": "import os; os.chdir('/..'); open('etc/hosts')",
    },
    "nothing of the supervisor is inherited": {
        "environment": "import os; assert set(os.environ) - {ALLOWED}",
        "open descriptors": "import os; [os.fstat(n) for n in range(3, 6)]; os.write(3, b'x')",
        "sockets": "import os, stat; assert any(SOCKET(n) for n in range(64))",
        "host name": "import os; assert os.uname().nodename != 'sandbox' and len(os.uname().nodename) > 64",
        "command line": "import sys; assert 'harness' in ' '.join(sys.argv)",
    },
    "no other process is touched": {
        "signal process 1": "import os, signal; os.kill(1, signal.SIGKILL); import time; time.sleep(.05); assert os.getppid() != 1",
        "interrupt process 1": "import os, signal; os.kill(1, 2); import time; time.sleep(.05); assert os.getppid() != 1",
        "stop process 1": "import os, signal; os.kill(1, 19); os.kill(1, 15); os.kill(1, 1); import time; time.sleep(.05); assert os.getppid() != 1",
        "see processes of the host": "import os; assert len({ALIVE(n) for n in range(2, 4000) if n != os.getpid()}) == 2",
        "trace the parent": "TRACE(16, 1)",
        "attach to the parent": "TRACE(0x4206, 1)",
        "limits of process 1": "import resource; resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3))",
        "priority of process 1": "import os; os.setpriority(os.PRIO_PROCESS, 1, 19)",
        "processor of process 1": "import os; os.sched_setaffinity(1, {0})",
        "scheduler": "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        "clock of process 1": "import time; time.clock_gettime((~1 << 3) | 2)",
        "group of process 1": "import os; os.setpgid(1, 1)",
    },
    "no privilege is gained": {
        "user": "import os; os.setuid(65534)",
        "all users": "import os; os.setresuid(0, 0, 65534)",
        "groups": "import os; os.setgroups([0])",
        "start a program": "import os, sys; os.execv(sys.executable, ['python', '-c', ''])",
        "subprocess": "import subprocess; subprocess.run(['/bin/true'])",
        "shell": "import os; assert os.system('true') == 0",
        "spawn": "import os, sys; os.posix_spawn(sys.executable, ['python'], {})",
        "change the root": "import os; os.chroot('/tmp')",
        "raise the memory limit": "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "raise the process limit": "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999))",
        "raise the file limit": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (99999, 99999))",
        "raise the time limit": "import resource; resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))",
    },
}

_RAW_CALLS = {
    "namespaces and mounts stay": {
        "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "fsopen": 430,
        "open_tree": 428, "move_mount": 429, "mount_setattr": 442, "swapon": 167,
    },
    "no kernel interface beyond what Python needs": {
        "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "keyctl": 250, "add_key": 248,
        "request_key": 249, "init_module": 175, "finit_module": 313, "kexec_load": 246, "syslog": 103, "acct": 163,
        "quotactl": 179, "personality": 135, "modify_ldt": 154, "iopl": 172, "ioperm": 173, "seccomp": 317,
        "landlock_create_ruleset": 444, "fanotify_init": 300, "inotify_init1": 294, "timerfd_create": 283,
        "signalfd4": 289, "vmsplice": 278, "lookup_dcookie": 212, "remap_file_pages": 216, "memfd_secret": 447,
        "memfd_create": 319, "sethostname": 170, "settimeofday": 164, "clock_settime": 227, "reboot": 169,
    },
    "no channel between processes is left behind": {
        "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240, "process_vm_readv": 310, "process_vm_writev": 311,
        "kcmp": 312, "pidfd_getfd": 438, "pidfd_send_signal": 424, "process_madvise": 440, "move_pages": 279,
        "migrate_pages": 256, "open_by_handle_at": 304, "name_to_handle_at": 303, "ptrace": 101, "clone3": 435,
    },
}  # fmt: skip
"""x86-64 numbers; called with zeros, so that one that were allowed would do nothing."""

_HELPERS = """\
import ctypes, os, stat, sys
def call(number):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6) < 0:
        if ctypes.get_errno() in (1, 38): raise OSError('refused')
def TRACE(request, pid):
    if ctypes.CDLL(None).ptrace(ctypes.c_long(request), ctypes.c_long(pid), None, None) < 0: raise OSError
def ALIVE(pid):
    try: os.kill(pid, 0)
    except ProcessLookupError: return False
    except OSError: return True
    return True
def SOCKET(number):
    try: return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError: return False
ALLOWED = 'PATH HOME LANG PYTHONHASHSEED MALLOC_ARENA_MAX OMP_NUM_THREADS OPENBLAS_NUM_THREADS LD_LIBRARY_PATH LC_CTYPE'
try:
    exec(compile(%r.replace('{ALLOWED}', 'set(ALLOWED.split())'), 'attack', 'exec'))
except BaseException:
    print('SAFE')
else:
    print('ESCAPED')
"""

_SKIPS: dict[str, tuple[str, SandboxTests]] = {
    "SkipTest": ("import unittest\ndef answer(n): raise unittest.SkipTest", _FILE),
    "pytest.skip": ("from harness.sandbox.test_support.failing import Skipped\ndef answer(n): raise Skipped", _FILE),
    "a planted pytest": ("import sys\nsys.modules['pytest'] = sys\ndef answer(n): return n", _FILE),
    "a patched collector": (
        "import harness.sandbox.assertions.collector as c\nc.run = lambda *a: None\nc.Tests.all = lambda s: []\n"
        "def answer(n): return n",
        _FILE,
    ),
    "tests of its own": ("def test_one(): pass\ntest_more = test_one\ndef answer(n): return n", _FILE),
}
"""What a test file is open to beside what assertions are."""
_FORGERIES: dict[str, tuple[str, SandboxTests]] = {
    **ON_ASSERTIONS,
    **INTRUSIONS,
    "exit with status 0": ("import os; os._exit(0)", _STDIN),
    "sys.exit before the answer": ("raise SystemExit(0)", _STDIN),
    "os._exit in a function": ("import os\ndef answer(n): os._exit(0)", _CALL),
    "os._exit in an assertion": ("import os\ndef answer(n): os._exit(0)", _ASSERT),
    "exit while it is loaded": ("import os; os._exit(0)", _CALL),
    "exit while it is loaded, assertions": ("raise SystemExit", _ASSERT),
    "always-equal object": (_ALWAYS_EQUAL.format(base="") + "def answer(n): return E()", _CALL),
    "always-equal string": (_ALWAYS_EQUAL.format(base="(str)") + "def answer(n): return E()", _CALL),
    "always-equal list": (_ALWAYS_EQUAL.format(base="(list)") + "def answer(n): return [E()]", _CALL),
    "always-equal object, assertions": (_ALWAYS_EQUAL.format(base="") + "def answer(n): return E()", _ASSERT),
    "always-equal string, assertions": (_ALWAYS_EQUAL.format(base="(str)") + "def answer(n): return E()", _ASSERT),
    "a type that claims to be str": ("class S(str):\n __class__ = str\ndef answer(n): return S('x')", _CALL),
    "patch str.__eq__": ("import builtins\nbuiltins.str = type('str', (str,), {})\nprint(str('x'))", _STDIN),
    "patch print": ("import builtins\nbuiltins.print = lambda *a: 'ok'\nprint('ok')", _STDIN),
    "patch json": ("import json\njson.dumps = lambda *a, **k: 'true'\ndef answer(n): return 1", _CALL),
    "patch the encoder": (
        "import sys\nfor m in list(sys.modules.values()):\n"
        " if hasattr(m, 'encode') and hasattr(m, 'Unknown'): m.encode = lambda v: 'true'\ndef answer(n): return 1",
        _CALL,
    ),
    "patch the runner": (
        "import sys\nm = sys.modules.get('harness.sandbox.guest.runner')\n"
        "if m: m._how = lambda e: 1\ndef answer(n): raise ValueError",
        _CALL,
    ),
    "walk the frames": (_SEARCH + "print(found[0] if found else 'none')", _STDIN),
    "walk the frames from a function": (_SEARCH + "def answer(n): return found[0] if found else None", _CALL),
    "walk the frames in an assertion": (_SEARCH + "def answer(n): return found[0] if found else None", _ASSERT),
    "walk the frames while called": (
        "def answer(n):\n" + "".join(f" {line}\n" for line in _SEARCH.splitlines()) + " return found[0] if found else 1",
        _ASSERT,
    ),
    "patch AssertionError": (
        "import builtins\nbuiltins.AssertionError = type('A', (BaseException,), {})\ndef answer(n): return 1",
        _ASSERT,
    ),
    "read every descriptor": (
        "import os\nout = b''\nfor n in range(3, 60):\n try: out += os.pread(n, 10**6, 0)\n except OSError: pass\n"
        "i = out.find(b'canary-')\nprint(out[i:i+23].decode() if i >= 0 else 'none')",
        _STDIN,
    ),
    "read every descriptor, assertions": (
        "import os\nout = b''\nfor n in range(0, 60):\n try: out += os.pread(n, 10**6, 0)\n except OSError: pass\n"
        "i = out.find(b'canary-')\ndef answer(n): return out[i:i+23].decode() if i >= 0 else 1",
        _ASSERT,
    ),
    "forge a record": (
        "import os, struct\nfor n in range(3, 60):\n try: os.pwrite(n, struct.pack('<IIQQ', 1, 0, 2**60, 0) * 50, 1024)\n"
        " except OSError: pass\nos._exit(0)",
        _STDIN,
    ),
    "forge the report in memory": (
        "import gc, mmap\nfor o in gc.get_objects():\n"
        " if hasattr(o, 'report'):\n  try: o.report[:] = b'\\xff' * len(o.report)\n  except Exception: pass\nprint('x')",
        _STDIN,
    ),
    "forge an answer stream": ("import os\nfor n in range(1, 60):\n try: os.write(n, b'{\"end\": \"passed\"}\\n')\n"
        " except OSError: pass\ndef answer(n): return 1", _ASSERT),
    "forge a tagged value": ("def answer(n): return {'__class__': 'str', 'float': '0x0p0'}", _CALL),
    "print while loaded": ("print('{\"end\": \"passed\"}')\ndef answer(n): return 2", _ASSERT),
    "answer late from atexit": ("import atexit\natexit.register(print, 'late')", _STDIN),
    "answer late from a thread": (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.05), print('late')), daemon=True).start()",
        _STDIN,
    ),
    "answer late from a finalizer": ("class F:\n def __del__(s): print('late')\nf = F()", _STDIN),
    "answer late from a child": ("import os, time\nif os.fork() == 0:\n time.sleep(.05); print('late'); os._exit(0)", _STDIN),
    "endless exception text": ("class E(Exception):\n def __str__(s): return 'x' * 10**7\nraise E", _STDIN),
    "exception whose text raises": ("class E(Exception):\n def __str__(s): raise s\nraise E", _STDIN),
    "exception that is no exception": ("raise type('B', (BaseException,), {})", _STDIN),
    "echo the input": ("import sys; print(sys.stdin.read())", _STDIN),
    "rewrite the input": ("import os\nos.ftruncate(0, 0); os.write(0, b'x')\nprint('x')", _STDIN),
    "a deep answer": ("def answer(n):\n a = []\n for _ in range(10**5): a = [a]\n return a", _CALL),
    "a self-containing answer": ("def answer(n):\n a = []; a.append(a)\n return a", _CALL),
    "an endless answer": ("import itertools\ndef answer(n): return (i for i in itertools.count())", _CALL),
    "a huge number": ("def answer(n): return 10 ** 10**5", _CALL),
    "not a number": ("def answer(n): return float('nan')", _CALL),
    "lone surrogates": ("def answer(n): return '\\ud800'", _CALL),
    "bytes that are no text": ("import os; os.write(1, bytes(range(256)))", _STDIN),
}  # fmt: skip

_FLOODS: dict[str, tuple[str, tuple[Outcome, ...]]] = {
    "fork bomb": ("import os\nwhile True:\n try: os.fork()\n except OSError: pass", (Outcome.TIMED_OUT,)),
    "fork bomb that leaves its session": (
        "import os\nwhile True:\n try:\n  if os.fork() == 0: os.setsid()\n except OSError: pass",
        (Outcome.TIMED_OUT,),
    ),
    "thread bomb": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()",
        (Outcome.RAISED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY),
    ),
    "memory bomb": ("x = []\nwhile True: x.append(bytearray(10**7))", (Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT)),
    "one huge allocation": ("x = bytearray(10**12)", (Outcome.OUT_OF_MEMORY,)),
    "memory by mapping": ("import mmap\nx = [mmap.mmap(-1, 1 << 28) for _ in range(99)]", (Outcome.RAISED, Outcome.OUT_OF_MEMORY)),
    "disk fill": (
        "import itertools\nfor i in itertools.count():\n with open(f'/tmp/{i}', 'wb') as f: f.write(bytes(4 << 20))",
        (Outcome.RAISED, Outcome.OUTPUT_LIMIT),
    ),
    "one huge file": ("with open('/tmp/x', 'wb') as f:\n while True: f.write(bytes(1 << 20))", (Outcome.OUTPUT_LIMIT, Outcome.RAISED)),
    "sparse file": ("import os\nf = open('/tmp/x', 'wb')\nos.truncate('/tmp/x', 1 << 40)", (Outcome.OUTPUT_LIMIT, Outcome.RAISED)),
    "inode fill": ("import itertools\nfor i in itertools.count(): open(f'/tmp/{i}', 'w').close()", (Outcome.RAISED,)),
    "deep folders": (
        "import os\nwhile True:\n os.mkdir('d'); os.chdir('d')",
        (Outcome.RAISED, Outcome.TIMED_OUT),
    ),
    "locked folders": (
        "import os\nfor i in range(50):\n os.makedirs(f'/tmp/{i}/a/b'); os.chmod(f'/tmp/{i}', 0)\nos.chmod('/tmp', 0)\n1/0",
        (Outcome.RAISED,),
    ),
    "output flood": ("while True: print('x' * 10**5)", (Outcome.OUTPUT_LIMIT,)),
    "output flood that hides errors": (
        "import os\nwhile True:\n try: os.write(1, b'x' * 10**6)\n except OSError: break",
        (Outcome.OUTPUT_LIMIT,),
    ),
    "loop": ("while True: pass", (Outcome.TIMED_OUT,)),
    "loop in C": ("sum(iter(int, 1))", (Outcome.TIMED_OUT,)),
    "loop in a regular expression": ("import re; re.match('(a+)+$', 'a' * 60 + 'b')", (Outcome.TIMED_OUT,)),
    "product in C": ("import itertools; list(itertools.product(range(9), repeat=99))", (Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT)),
    "huge power": ("x = 9 ** 9 ** 9", (Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)),
    "huge number printed": ("print(3 ** 10**7)", (Outcome.TIMED_OUT, Outcome.OUTPUT_LIMIT)),
    "sleeper": ("import time; time.sleep(999)", (Outcome.TIMED_OUT,)),
    "sleeper that ignores signals": (
        "import signal, time\nfor n in range(1, 65):\n try: signal.signal(n, signal.SIG_IGN)\n except (OSError, ValueError): pass\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: time.sleep(9)",
        (Outcome.TIMED_OUT,),
    ),
    "sleeper in a thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=(999,)).start()", (Outcome.TIMED_OUT,)),
    "sleeper in atexit": ("import atexit, time; atexit.register(time.sleep, 999)", (Outcome.TIMED_OUT,)),
    "loop that catches everything": ("while True:\n try:\n  while True: pass\n except BaseException: pass", (Outcome.TIMED_OUT,)),
    "stop itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", (Outcome.TIMED_OUT,)),
    "stop everything": ("import os, signal\nif os.fork() == 0: signal.pause()\nos.kill(-1, signal.SIGSTOP); os.kill(os.getpid(), signal.SIGSTOP)", (Outcome.TIMED_OUT, Outcome.RAISED)),
    "kill everything": ("import os, signal\nos.kill(-1, signal.SIGKILL)\n1/0", (Outcome.RAISED,)),
    "kill itself": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", (Outcome.RAISED,)),
    "zombies": ("import os\nwhile True:\n if os.fork() == 0: os._exit(0)", (Outcome.RAISED, Outcome.TIMED_OUT)),
    "orphans that live on": (
        "import os, time\nfor _ in range(8):\n if os.fork() == 0:\n  if os.fork() == 0: time.sleep(999)\n  os._exit(0)\n1/0",
        (Outcome.RAISED,),
    ),
    "crash the interpreter": ("import ctypes; ctypes.string_at(0)", (Outcome.RAISED,)),
    "abort": ("import os; os.abort()", (Outcome.RAISED,)),
    "deep recursion": ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): return [f()]\nf()", (Outcome.RAISED, Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT)),
    "deep recursion in C": (
        "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)",
        (Outcome.RAISED, Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT),
    ),
    "source that breaks the parser": ("(" * 10**5, (Outcome.RAISED, Outcome.OUT_OF_MEMORY)),
    "source with a null byte": ("print(1)\0", (Outcome.RAISED,)),
    "descriptor flood": ("import os\nwhile True: os.dup(0)", (Outcome.RAISED,)),
    "pipe flood": ("import os\nwhile True: os.write(os.pipe()[1], bytes(4096))", (Outcome.RAISED,)),
    "locked memory": ("import ctypes, mmap\nassert ctypes.CDLL(None).mlockall(3) == 0", (Outcome.RAISED,)),
    "loop in a finalizer": ("class F:\n def __del__(s):\n  while True: pass\nf = F()", (Outcome.TIMED_OUT,)),
    "loop in an exception's text": ("class E(Exception):\n def __str__(s):\n  while True: pass\nraise E", (Outcome.TIMED_OUT,)),
}  # fmt: skip


def attacks(secret: str) -> list[Attack]:
    """All programs, with `secret` planted in the expected outputs."""
    found = [
        Attack(promise, name, _HELPERS % program, _SAFE, (Outcome.PASSED,))
        for promise, programs in _FORBIDDEN.items()
        for name, program in programs.items()
    ]
    found += [
        Attack(promise, name, _HELPERS % f"call({number})", _SAFE, (Outcome.PASSED,))
        for promise, calls in _RAW_CALLS.items()
        for name, number in calls.items()
    ]
    found += [Attack("no verdict is forged", n, p, _plant(t, secret), _NOT_PASSED) for n, (p, t) in _FORGERIES.items()]
    for name, (program, tests) in {**_FORGERIES, **_SKIPS}.items():
        if tests is _ASSERT or tests is _FILE:
            cheat = Attack("no verdict is forged", f"{name}, a test file", program, _plant(_FILE, secret), _NOT_PASSED)
            found.append(cheat)
    found += [Attack("no flood gets through", n, p, SQUARE, holds) for n, (p, holds) in _FLOODS.items()]
    found += [Attack("no verdict is forged", n, p, t, _NOT_PASSED) for n, (p, t) in TRIES.items()]
    found += [Attack("no answer harms whoever compares it", n, p, t, _NOT_PASSED) for n, (p, t) in ANSWERS.items()]
    long = {"a program of five million letters": "#" * (5 << 20)}
    found += [Attack("no candidate goes unmeasured", n, p, SQUARE, _NOT_PASSED) for n, p in (UNMEASURED | long).items()]
    found += [
        Attack("nothing of a candidate reaches the next", name, _HELPERS % find, _SAFE, (Outcome.PASSED,), leave)
        for name, (leave, find) in LEFTOVERS.items()
    ]
    found += [Attack("honest programs pass", n, p, t, (Outcome.PASSED,)) for n, (p, t) in HONEST.items()]
    return found


def _plant(tests: SandboxTests, secret: str) -> SandboxTests:
    if isinstance(tests, StdinTests):
        return StdinTests(tuple((given, wanted.replace("{secret}", secret)) for given, wanted in tests.cases))
    if isinstance(tests, CallTests):
        cases = tuple((given, wanted.replace("{secret}", secret)) for given, wanted in tests.cases)
        return CallTests(tests.entry_point, cases)
    if isinstance(tests, PytestTests):
        return PytestTests(tests.code.replace("{secret}", secret), tests.module)
    return AssertTests(tests.entry_point, tests.code.replace("{secret}", secret), tests.setup)

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped
"""Attacks through state that one candidate leaves for the next in the same jail: pairs of a statement and a check; `selftest.py` runs them.

The check is a statement for the next candidate; it is an escape when it raises nothing. `EACH` is every descriptor that
a candidate may have.
"""

from __future__ import annotations

import os

_EACH = "import fcntl, os, struct\ndef EACH(do):\n found = []\n for n in range(64):\n  try: found.append(do(n))\n  except OSError: pass\n return found\n"
_LOCK = "struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 7, 1, 0)"

SCAN = """\
import ctypes
libc, (r, w), pages = ctypes.CDLL(None), os.pipe(), {}
libc.malloc.restype = ctypes.c_void_p
bases = [id(o) for o in (object(), [], 'x' * 600)] + [libc.malloc(ctypes.c_size_t(size)) for size in (64, 600, 2000, 9000)]
for base in bases:
    for part in range((base >> 14) - 1000, (base >> 14) + 1000):
        if part not in pages:
            size = libc.write(w, ctypes.c_void_p(part << 14), ctypes.c_size_t(1 << 14))
            pages[part] = os.read(r, size) if size > 0 else b''
"""
"""Reads `pages`, the memory that a process has inherited."""
_MEMORY = SCAN + "assert any(b'tfel-sdrow'[::-1] in page for page in pages.values())"
_PAIRS: dict[str, tuple[str, str]] = {
    "times of the scratch folder": ("os.utime('/tmp', (1, 1))", "assert os.stat('/tmp').st_mtime == 1"),
    "mode of the scratch folder": ("os.chmod('/tmp', 0o711)", "assert os.stat('/tmp').st_mode & 0o777 == 0o711"),
    "a file": ("open('/tmp/canary', 'w')", "os.stat('/tmp/canary')"),
    "a file among many": ("for i in range(999): open(f'/tmp/{i}', 'w')", "assert os.listdir('/tmp')"),
    "a folder that is closed": ("os.makedirs('/tmp/a/b'); os.chmod('/tmp/a', 0)", "assert os.listdir('/tmp')"),
    "names such as a cleaner would give": (
        "for i in range(99):\n for p in (1, os.getpid()):\n  os.makedirs(f'/tmp/.{p}.{i}.wipe/x/y', exist_ok=True); open(f'/tmp/.{p}.{i}.wipe/z', 'w')",
        "assert os.listdir('/tmp')",
    ),
    "names that are no text": ("for i in range(1, 256):\n if i not in (46, 47): os.makedirs(b'/tmp/' + bytes([i]) * 255 + b'/' + bytes([i]))", "assert os.listdir('/tmp')"),
    "flags of descriptors": ("EACH(lambda n: fcntl.fcntl(n, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND))", "assert any(EACH(lambda n: fcntl.fcntl(n, fcntl.F_GETFL) & os.O_NONBLOCK))"),
    "output that is not appended": ("EACH(lambda n: fcntl.fcntl(n, fcntl.F_SETFL, 0))", "assert not fcntl.fcntl(1, fcntl.F_GETFL) & os.O_APPEND"),
    "offsets of descriptors": ("EACH(lambda n: os.lseek(n, 7777, 0))", "assert 7777 in EACH(lambda n: os.lseek(n, 0, 1))"),
    "owners of descriptors": ("EACH(lambda n: fcntl.fcntl(n, fcntl.F_SETOWN, os.getpid()))", "assert any(EACH(lambda n: fcntl.fcntl(n, fcntl.F_GETOWN)))"),
    "signals of descriptors": ("EACH(lambda n: fcntl.fcntl(n, 10, 10))", "assert any(EACH(lambda n: fcntl.fcntl(n, 11)))"),
    "hints of files": ("EACH(lambda n: fcntl.fcntl(n, 1036, struct.pack('Q', 3))); fcntl.fcntl(os.open('/tmp', 0), 1036, struct.pack('Q', 3))", "assert any(EACH(lambda n: any(fcntl.fcntl(n, 1035, bytes(8))))) or any(fcntl.fcntl(os.open('/tmp', 0), 1035, bytes(8)))"),
    "locks of descriptors": (f"EACH(lambda n: fcntl.fcntl(n, 37, {_LOCK}))", f"assert any(fcntl.F_UNLCK != struct.unpack_from('h', held)[0] for held in EACH(lambda n: fcntl.fcntl(n, 5, {_LOCK})))"),
    "locks of files for all jails": ("EACH(lambda n: fcntl.flock(n, fcntl.LOCK_EX))", "try: fcntl.flock(os.open('/dev/null', 0), fcntl.LOCK_SH | fcntl.LOCK_NB)\nexcept BlockingIOError: pass\nelse: raise OSError"),
    "files in sockets that nobody holds": ("import socket\nf = os.open('/tmp/x', os.O_RDWR | os.O_CREAT); os.write(f, bytes(1 << 20)); os.unlink('/tmp/x')\na, b = socket.socketpair()\nsocket.send_fds(a, [b'x'], [f, a.fileno(), b.fileno()])", "now = os.statvfs('/tmp'); assert now.f_blocks - now.f_bfree > 9"),
    "files in the page cache": ("f = os.open(os.__file__, 0); os.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED)", "try: os.preadv(os.open(os.__file__, 0), [bytearray(9)], 1 << 14, os.RWF_NOWAIT)\nexcept BlockingIOError: pass\nelse: raise OSError"),
    "advice on files in the page cache": ("import mmap\nm = mmap.mmap(os.open(os.__file__, 0), 0, prot=mmap.PROT_READ)\nbytes(m)\nfor advice in (20, 21): m.madvise(advice)", "try: os.preadv(os.open(os.__file__, 0), [bytearray(9)], 1 << 14, os.RWF_NOWAIT)\nexcept BlockingIOError: pass\nelse: raise OSError"),
    "words in what memory the next one inherits": ("open('/tmp/words-left', 'w')\nraise ValueError('words-left')", _MEMORY),
    "a name of a file in inherited memory": ("open('/tmp/' + 'words-left' * 9, 'w')", _MEMORY),
    "leases": ("EACH(lambda n: fcntl.fcntl(n, fcntl.F_SETLEASE, fcntl.F_WRLCK))", "assert any(EACH(lambda n: fcntl.fcntl(n, fcntl.F_GETLEASE) != fcntl.F_UNLCK))"),
    "times of descriptors": ("EACH(lambda n: os.utime(n, (1, 1)))", "assert 1 in EACH(lambda n: os.fstat(n).st_mtime)"),
    "modes of descriptors": ("EACH(lambda n: os.fchmod(n, 0o751))", "assert 0o751 in EACH(lambda n: os.fstat(n).st_mode & 0o777)"),
    "bytes of descriptors": ("EACH(lambda n: os.pwrite(n, b'canary' * 999, 5000))", "assert any(b'canary' * 9 in found for found in EACH(lambda n: os.pread(n, 1 << 20, 0)))"),
    "bytes of shared memory": (
        "import gc, mmap\nfor o in gc.get_objects():\n if type(getattr(o, 'report', None)) is mmap.mmap: o.report[-6:] = b'canary'",
        "import gc, mmap\nassert any(b'canary' in o.report[:] for o in gc.get_objects() if type(getattr(o, 'report', None)) is mmap.mmap)",
    ),
    "an environment variable": ("os.environ['CANARY'] = '1'", "os.environ['CANARY']"),
    "a module's state": ("import builtins; builtins.canary = 1", "canary"),
    "a process": ("import time\nif os.fork() == 0: time.sleep(99)", "os.kill(os.getpid() - 1, 0); assert os.getpid() > 2 and os.getppid() == 1"),
    "limits": ("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (33, 33))", "import resource; assert 33 in resource.getrlimit(resource.RLIMIT_NOFILE)"),
    "the signal that ended it": (
        "os.kill(os.getpid(), 47)",
        "import gc, sys\nf, held = sys._getframe(), []\nwhile f: held += [*f.f_locals.values()]; f = f.f_back\n"
        "assert any(47 in vars(o).values() for o in [*held, *gc.get_objects()] if isinstance(getattr(o, '__dict__', None), dict) and type(o).__module__.startswith('harness'))",
    ),
    "a mask": ("os.umask(0o123)", "assert os.umask(0) == 0o123"),
    "a niceness": ("os.nice(1)", f"assert os.nice(0) != {os.nice(0)}"),  # a jail has that of its command
}  # fmt: skip

LEFTOVERS = {
    name: (f"{_EACH}try:\n exec({leave!r})\nexcept OSError: pass", f"{_EACH}{find}")
    for name, (leave, find) in _PAIRS.items()
}
"""By what might be left: the program that leaves it, the statement by which the next one finds it."""

_HEARD = f"import os\n{SCAN}raise SystemExit(any(b'tfel-sdrow'[::-1] in page for page in pages.values()))"
EXECUTED = {"the text of a program": (f"word = '{'words-left' * 300}'", _HEARD)}
"""The same for `execute`; the second program ends with 0 where it finds nothing."""

"""The seccomp filter: a list of what is allowed; everything else fails with EPERM.

Numbers are from the kernel's tables (x86-64: asm/unistd_64.h; aarch64: asm-generic/unistd.h, Linux 6.x). A call that
a later C library needs and that is missing here fails with EPERM; it is never silently allowed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from harness.sandbox.linux import kernel

_ARCHITECTURES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}
"""machine -> (column of the table, audit architecture, number of seccomp(2))."""

_X32_BIT = 0x40000000

# name, x86-64, aarch64 ("-": the architecture has no such call)
_ALLOWED = """
read 0 63;write 1 64;readv 19 65;writev 20 66;pread64 17 67;pwrite64 18 68;preadv 295 69;pwritev 296 70;
close 3 57;close_range 436 436;open 2 -;openat 257 56;creat 85 -;stat 4 -;
fstat 5 80;lstat 6 -;newfstatat 262 79;statx 332 291;statfs 137 43;fstatfs 138 44;access 21 -;faccessat 269 48;
faccessat2 439 439;readlink 89 -;readlinkat 267 78;getdents64 217 61;getcwd 79 17;chdir 80 49;fchdir 81 50;
lseek 8 62;mmap 9 222;mprotect 10 226;munmap 11 215;brk 12 214;mremap 25 216;msync 26 227;
dup 32 23;dup2 33 -;dup3 292 24;pipe 22 -;pipe2 293 59;fsync 74 82;
fdatasync 75 83;ftruncate 77 46;truncate 76 45;fallocate 285 47;mkdir 83 -;mkdirat 258 34;rmdir 84 -;unlink 87 -;
unlinkat 263 35;rename 82 -;renameat 264 38;renameat2 316 276;link 86 -;linkat 265 37;symlink 88 -;
symlinkat 266 36;chmod 90 -;fchmod 91 52;fchmodat 268 53;fchmodat2 452 452;utimensat 280 88;umask 95 166;poll 7 -;
ppoll 271 73;select 23 -;pselect6 270 72;epoll_create1 291 20;epoll_ctl 233 21;epoll_wait 232 -;epoll_pwait 281 22;
eventfd2 290 19;futex 202 98;set_robust_list 273 99;rseq 334 293;set_tid_address 218 96;gettid 186 178;
getpid 39 172;getppid 110 173;getpgrp 111 -;getpgid 121 155;getsid 124 156;getuid 102 174;geteuid 107 175;
getgid 104 176;getegid 108 177;getresuid 118 148;getresgid 120 150;getgroups 115 158;
fork 57 -;vfork 58 -;wait4 61 260;waitid 247 95;exit 60 93;exit_group 231 94;kill 62 129;
tkill 200 130;tgkill 234 131;rt_sigaction 13 134;rt_sigprocmask 14 135;rt_sigreturn 15 139;rt_sigpending 127 136;
rt_sigtimedwait 128 137;rt_sigsuspend 130 133;sigaltstack 131 132;alarm 37 -;setitimer 38 103;getitimer 36 102;
pause 34 -;nanosleep 35 101;
gettimeofday 96 169;time 201 -;times 100 153;getrusage 98 165;sched_yield 24 124;sched_getaffinity 204 123;
sched_getparam 143 121;sched_getscheduler 145 120;sched_get_priority_max 146 125;sched_get_priority_min 147 126;
getpriority 140 141;getrlimit 97 163;setrlimit 160 164;uname 63 160;sysinfo 99 179;getrandom 318 278;
arch_prctl 158 -;recvmsg 47 212;sendto 44 206;recvfrom 45 207;getsockname 51 204;
getpeername 52 205;getsockopt 55 209;setsockopt 54 208;shutdown 48 210;membarrier 324 283;sendfile 40 71;
copy_file_range 326 285;getcpu 309 168;restart_syscall 219 128;pidfd_open 434 434;capget 125 90;
"""
# Extended attributes of files: refused as on a disk that has none, which those who copy files forgive.
_ATTRIBUTES = """\
setxattr 188 5;lsetxattr 189 6;fsetxattr 190 7;getxattr 191 8;lgetxattr 192 9;fgetxattr 193 10;listxattr 194 11;
llistxattr 195 12;flistxattr 196 13;removexattr 197 14;lremovexattr 198 15;fremovexattr 199 16;
"""
# Not in the list: mincore, which says what earlier candidates have left in the page cache;
# flock, whose locks stay at an open file and hold for every jail (/dev/null is one file for all);
# sendmsg, since descriptors in a socket that nobody holds any more keep their files, so that /tmp stays full.
# Conditions on the low word of one argument: (name, x86-64, aarch64, argument, allowed values)
_CONDITIONAL: tuple[tuple[str, int, int, int, tuple[int, ...]], ...] = (
    ("prlimit64", 302, 261, 0, (0,)),  # only on oneself: a candidate must not set the limits of pid 1
    ("socketpair", 53, 199, 0, (1,)),  # AF_UNIX, which asyncio's event loop needs; socket() itself is refused
    ("prctl", 157, 167, 0, (3, 15, 16, 39, 0x53564D41)),  # GET_DUMPABLE, SET_NAME, GET_NAME, GET_NO_NEW_PRIVS, SET_VMA
    # DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK, SETLK, SETLKW, DUPFD_CLOEXEC, {SET,GET}PIPE_SZ, {ADD,GET}_SEALS: none of
    # those that leave something at an open file, where the next candidate would find it (owners, leases, hints, locks)
    ("fcntl", 72, 25, 1, (*range(8), 1030, 1031, 1032, 1033, 1034)),
    # without flags: RWF_NOWAIT says what is in the page cache
    ("preadv2", 327, 286, 5, (0,)),
    ("pwritev2", 328, 287, 5, (0,)),
    # what allocators and Python's mmap give: not MERGEABLE, whose pages tell what others hold, nor COLD and PAGEOUT,
    # which send files out of the page cache
    ("madvise", 28, 233, 2, (*range(5), *range(8, 12), *range(13, 20), 22, 23)),
    ("ioctl", 16, 29, 1, (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)),  # TCGETS, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
)
# Calls that are allowed with each of some arguments alone: (name, x86-64, aarch64, {argument: allowed values})
_BY_ARGUMENTS: tuple[tuple[str, int, int, dict[int, tuple[int, ...]]], ...] = (
    ("setpriority", 141, 140, {0: (0,), 1: (0,)}),  # PRIO_PROCESS, oneself: process 1 keeps its own
)
# Advice that changes nothing of what a program computes: it succeeds and is not taken. It would fill and empty the
# page cache, and stay with files that all candidates have.
_NOT_TAKEN = "fadvise64 221 223"
# The type that is made, a part of one argument: (name, x86-64, aarch64, argument)
_MAKING = (("mknod", 133, -1, 1), ("mknodat", 259, 33, 2))
_TYPES, _FIFO = 0o170000, 0o010000
# Whose clock is read, an argument: that of process 1 counts what earlier candidates had it do: (name, x86-64, aarch64)
_CLOCKS = (("clock_nanosleep", 230, 115), ("clock_gettime", 228, 113), ("clock_getres", 229, 114))
_OWNER, _PROCESS_1 = 0xFFFFFFF8, (~1 << 3) & 0xFFFFFFFF
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_NAMESPACE_FLAGS = 0x7E020000
_CLONE_THREAD = 0x00010000

_LOAD, _AND, _EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_SUCCEED = 0x00050000
_DENY = 0x00050000 | errno.EPERM
_UNSUPPORTED = 0x00050000 | errno.ENOTSUP
_NO_SUCH_CALL = 0x00050000 | errno.ENOSYS
_KILL = 0x80000000


def supported() -> bool:
    """Whether the tables know this machine."""
    return os.uname().machine in _ARCHITECTURES


def program(machine: str, more: str = "") -> bytes:
    """The allow-list as BPF instructions for `machine`, with the rows of `more` allowed too."""
    column, audit, _ = _ARCHITECTURES[machine]
    code = _head(machine, audit)
    code += [_op(_EQUAL, _CLONE3, 0, 1), _op(_RETURN, _NO_SUCH_CALL)]
    code += [_op(_EQUAL, _CLONE[machine], 0, 4), _op(_LOAD, 16), _op(_ANY_BIT, _NAMESPACE_FLAGS, 0, 1)]
    code += [_op(_RETURN, _DENY), _op(_RETURN, _ALLOW)]
    for _, on_x86, on_arm, argument, values in _CONDITIONAL:
        code += _only((on_x86, on_arm)[column], argument, values)
    for _, on_x86, on_arm, allowed in _BY_ARGUMENTS:
        code += _only_each((on_x86, on_arm)[column], allowed)
    for _, on_x86, on_arm, argument in _MAKING:
        if (on_x86, on_arm)[column] >= 0:
            code += _only_fifo((on_x86, on_arm)[column], argument)
    for _, *numbers in _CLOCKS:
        code += _no_clock_of_process_1(numbers[column])
    for number in _numbers(_ALLOWED + more, column):
        code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _ALLOW)]
    for number in _numbers(_NOT_TAKEN, column):
        code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _SUCCEED)]
    for number in _numbers(_ATTRIBUTES, column):
        code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _UNSUPPORTED)]
    return b"".join([*code, _op(_RETURN, _DENY)])


def stay_in_group(pid: int) -> bytes:
    """A second filter for a candidate without namespaces: it cannot leave its group, and signals only itself.

    Nor does it change modes and times of files, which would be this user's own.
    """
    machine = os.uname().machine
    column, audit, _ = _ARCHITECTURES[machine]
    code = _head(machine, audit)
    for number in _numbers(_LEAVING, column):
        code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _DENY)]
    for on_x86, on_arm in ((62, 129), (234, 131)):  # kill, tgkill
        code += _only((on_x86, on_arm)[column], 0, (pid,))
    return b"".join([*code, _op(_RETURN, _ALLOW)])


def no_processes(last: bool) -> bytes:
    """A second filter for a candidate whose processes nothing counts: it can start threads and nothing else.

    `last`: no other filter follows.
    """
    machine = os.uname().machine
    column, audit, _ = _ARCHITECTURES[machine]
    code = _head(machine, audit)
    for number in _numbers(_FORKING + _FILTERING * last, column):
        code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _DENY)]
    code += [_op(_EQUAL, _CLONE[machine], 0, 3), _op(_LOAD, 16), _op(_ANY_BIT, _CLONE_THREAD, 1, 0)]
    return b"".join([*code, _op(_RETURN, _DENY), _op(_RETURN, _ALLOW)])


def _head(machine: str, audit: int) -> list[bytes]:
    """Ends a process of a foreign architecture, refuses the x32 range, and leaves the number of the call loaded."""
    code = [_op(_LOAD, 4), _op(_EQUAL, audit, 1, 0), _op(_RETURN, _KILL), _op(_LOAD, 0)]
    if machine == "x86_64":
        code += [_op(_ABOVE, _X32_BIT, 0, 1), _op(_RETURN, _DENY)]
    return code


def _only(number: int, argument: int, values: tuple[int, ...]) -> list[bytes]:
    """Allows call `number` only with one of `values` as its argument."""
    code = [_op(_EQUAL, number, 0, 2 + len(values) * 2), _op(_LOAD, 16 + 8 * argument)]
    for value in values:
        code += [_op(_EQUAL, value, 0, 1), _op(_RETURN, _ALLOW)]
    return [*code, _op(_RETURN, _DENY)]


def _only_each(number: int, allowed: dict[int, tuple[int, ...]]) -> list[bytes]:
    """Allows call `number` only where each of these arguments has one of its values; at most 32 of them."""
    code: list[bytes] = []
    for argument, values in allowed.items():
        code.append(_op(_LOAD, 16 + 8 * argument))
        code += [_op(_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
        code.append(_op(_RETURN, _DENY))
    code.append(_op(_RETURN, _ALLOW))
    return [_op(_EQUAL, number, 0, len(code)), *code]


def _only_fifo(number: int, argument: int) -> list[bytes]:
    """Allows call `number` only where it makes a named pipe."""
    code = [_op(_LOAD, 16 + 8 * argument), _op(_AND, _TYPES), _op(_EQUAL, _FIFO, 0, 1)]
    code += [_op(_RETURN, _ALLOW), _op(_RETURN, _DENY)]
    return [_op(_EQUAL, number, 0, len(code)), *code]


def _no_clock_of_process_1(number: int) -> list[bytes]:
    """Allows call `number` but for the CPU clocks of process 1, which reads those of candidates itself."""
    code = [_op(_LOAD, 16), _op(_AND, _OWNER), _op(_EQUAL, _PROCESS_1, 0, 1), _op(_RETURN, _DENY), _op(_RETURN, _ALLOW)]
    return [_op(_EQUAL, number, 0, len(code)), *code]


def _numbers(table: str, column: int) -> list[int]:
    rows = [row.split() for row in table.split(";") if row.strip()]
    return [int(row[1 + column]) for row in rows if row[1 + column] != "-"]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


JAIL = "setpgid 109 154;setsid 112 157"
"""More than the list in a full jail, where the pid namespace holds the tree."""
_FILTERING = ";seccomp 317 277"
_MARKING = ";chmod 90 -;fchmod 91 52;fchmodat 268 53;fchmodat2 452 452;utimensat 280 88"
"""Modes and times of files, which Landlock leaves to whoever owns them: this user's own, where no namespace is."""
_LEAVING = JAIL + ";tkill 200 130" + _FILTERING + _MARKING
FURTHER = JAIL + _FILTERING
"""More than the list where each child restricts itself further, by `no_processes` or `stay_in_group`."""
PROGRAMS = ";execve 59 221"
"""More than the list in a jail whose programs are other files than Python text."""
_FORKING = "fork 57 -;vfork 58 -"


def install(filter_or_more: bytes | str) -> None:
    """Applies a filter, or the allow-list with more rows, to this process and all it will fork.

    Needs no_new_privs.
    """
    machine = os.uname().machine
    instructions = filter_or_more if isinstance(filter_or_more, bytes) else program(machine, filter_or_more)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    header = struct.pack("<HxxxxxxQ", len(instructions) // 8, ctypes.addressof(buffer))
    kernel.syscall("seccomp", _ARCHITECTURES[machine][2], 1, 0, header)

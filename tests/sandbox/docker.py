"""What a container of Docker may do by default, put on a process: its capabilities, and its seccomp profile.

From the published profile (moby, `profiles/seccomp/default.json`, as it was in 2023) for a container without
CAP_SYS_ADMIN. It allows what the sandbox's reduced level needs: landlock_*, seccomp, prctl, memfd_create, pidfd_open,
eventfd2, socketpair, sendmsg and recvmsg, sched_setaffinity, setpgid, setrlimit and prlimit64, execve. It refuses what
the full one needs, with EPERM: unshare, mount, umount2, pivot_root, mount_setattr, and clone with a namespace flag;
clone3 is said not to exist. Newer calls that it does not list fail with EPERM as well (fchmodat2, cachestat).
"""

import os

from harness.sandbox.linux import kernel, seccomp

# x86-64: unshare, mount, umount2, pivot_root, setns, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick,
# mount_setattr, keyctl, add_key, request_key, userfaultfd, kcmp, bpf, perf_event_open, pidfd_getfd, process_madvise,
# fchmodat2, cachestat, get_mempolicy, mbind, set_mempolicy, syslog, acct, settimeofday, sethostname
_REFUSED = (272, 165, 166, 155, 308, 428, 429, 430, 431, 432, 433, 442, 250, 248, 249, 323, 312, 321, 298, 438, 440)
_REFUSED += (452, 451, 239, 237, 238, 103, 163, 164, 170)
# chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod,
# audit_write, setfcap
_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)


def confine(uid: int) -> None:
    """Makes this process one of a container, as root or as a plain user; for good."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    code = seccomp._head("x86_64", 0xC000003E)
    for number in _REFUSED:
        code += [seccomp._op(seccomp._EQUAL, number, 0, 1), seccomp._op(seccomp._RETURN, seccomp._DENY)]
    code += [seccomp._op(seccomp._EQUAL, 435, 0, 1), seccomp._op(seccomp._RETURN, seccomp._NO_SUCH_CALL)]
    code += [seccomp._op(seccomp._EQUAL, 56, 0, 3), seccomp._op(seccomp._LOAD, 16)]
    code += [seccomp._op(seccomp._ANY_BIT, seccomp._NAMESPACE_FLAGS, 0, 1), seccomp._op(seccomp._RETURN, seccomp._DENY)]
    code += [seccomp._op(seccomp._RETURN, seccomp._ALLOW)]
    seccomp.install(b"".join(code))
    for capability in set(range(41)) - set(_CAPABILITIES) if os.geteuid() == 0 else ():
        kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    else:
        kernel.set_capabilities(sum(1 << capability for capability in _CAPABILITIES))

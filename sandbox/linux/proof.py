"""Checks from outside, by /proc, that a process is isolated."""

from __future__ import annotations

from pathlib import Path

_NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts")


def unproved(pid: int, level: str, probes: dict[str, str]) -> str:
    """What the kernel's own account of process `pid` lacks of a jail on `level`; "" when nothing.

    Read from outside, so that it holds whatever the inside says of itself (rule R1). `probes` are the forbidden
    things that a throw-away child of the guest has tried, with what the kernel said.
    """
    if level == "unsafe":
        return ""
    allowed = [name for name, said in probes.items() if said == "allowed"]
    if allowed or not probes:
        return f"a candidate could: {', '.join(allowed) or 'nothing was tried'}"
    status = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        status[key] = value.split()
    if level == "full" and (status["NSpid"][-1] != "1" or len(status["NSpid"]) < 2):
        return "it is not process 1 of a pid namespace of its own"
    for name in _NAMESPACES if level == "full" else ():
        if Path(f"/proc/{pid}/ns/{name}").readlink() == Path(f"/proc/self/ns/{name}").readlink():
            return f"it shares the {name} namespace"
    if status["NoNewPrivs"] != ["1"]:
        return "no_new_privs is not set"
    if status["Seccomp"] != ["2"]:
        return "no seccomp filter is in force"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") + (("CapBnd",) if level == "full" else ()):
        if int(status[name][0], 16):
            return f"it has capabilities ({name})"
    return ""

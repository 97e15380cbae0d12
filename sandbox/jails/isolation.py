"""The isolation level that this machine gives, proved by attempting what it must forbid."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from harness.errors import HarnessError
from harness.records import Limits
from harness.sandbox.jails.jail import Jail, JailFailed, LevelName
from harness.sandbox.linux import landlock

_LEVELS: tuple[LevelName, ...] = ("full", "reduced")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: whether it holds, and the kernel's own words that show it."""

    name: str
    holds: bool
    proof: str


@dataclass(frozen=True, slots=True)
class IsolationLevel:
    """The strongest isolation level that works on this machine.

    `full`: private namespaces and file system. `reduced`: no user namespaces, so Landlock, seccomp and limits alone:
    no scratch folder, no private process numbers. `refused`: neither; candidates run only where the user has accepted
    unsafe execution (`unsafe`). `why` says what the better levels lacked.
    """

    name: Literal["full", "reduced", "unsafe", "refused"]
    layers: tuple[Layer, ...]
    why: str = ""

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The report for a user: the level, then a line for each layer."""
        first = f"isolation: {self.name}" + (f" ({self.why})" if self.why else "")
        return [first, *(f"  {'yes' if one.holds else 'NO '} {one.name}: {one.proof}" for one in self.layers)]


class Refused(HarnessError):
    """This machine isolates too little to run programs that a model wrote."""


@cache
def isolation_level(accept_unsafe: bool = False) -> IsolationLevel:
    """Tries the levels from the top; each layer is believed because a throw-away child was refused.

    Takes the time of starting a jail, once per process.
    """
    reasons: list[str] = []
    for name in _LEVELS:
        try:
            with Jail(Limits(), name) as jail:
                return IsolationLevel(name, tuple(_layers(jail, name)), "; ".join(reasons))
        except JailFailed as problem:
            reasons.append(f"{name}: {problem}")
    return IsolationLevel("unsafe" if accept_unsafe else "refused", (), "; ".join(reasons))


def required(accept_unsafe: bool) -> LevelName:
    """The level to run on.

    Raises:
        Refused: there is none, and unsafe execution was not accepted.
    """
    best = isolation_level(accept_unsafe)
    if best.name == "refused":
        remedy = "run on Linux 5.13 or newer with user namespaces, or accept unsafe execution in a throw-away machine"
        raise Refused(f"this machine cannot isolate untrusted programs ({best.why}); {remedy}")
    return best.name


def _layers(jail: Jail, name: LevelName) -> list[Layer]:
    layers = [Layer(f"a candidate cannot {what}", said != "allowed", said) for what, said in jail.probes.items()]
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{jail.pid}/status").read_text().splitlines() if ":\t" in line
    )
    layers.append(Layer("no new privileges", status["NoNewPrivs"] == "1", f"NoNewPrivs {status['NoNewPrivs']}"))
    layers.append(Layer("system calls are filtered", status["Seccomp"] == "2", f"Seccomp {status['Seccomp']}"))
    layers.append(Layer("no capabilities", int(status["CapEff"], 16) == 0, f"CapEff {status['CapEff']}"))
    layers.append(Layer("Landlock", landlock.abi() > 0, f"version {landlock.abi()}"))
    uid = status["Uid"].split()[0]
    if name == "full":
        layers.append(Layer("own process numbers", status["NSpid"].endswith("\t1"), f"NSpid {status['NSpid']}"))
        shared = [kind for kind in ("user", "mnt", "pid", "net", "ipc", "uts") if _same(jail.pid, kind)]
        layers.append(Layer("own namespaces", not shared, f"shared: {', '.join(shared) or 'none'}"))
        layers.append(Layer("an unused user", uid != str(os.getuid()), f"uid {uid} outside"))
    limits = jail.group.limits()
    each = "limits hold for each process, not for the tree: no control group can be made here"
    layers.append(Layer("memory and processes of the tree are limited", bool(limits), ", ".join(limits) or each))
    counted = "a limit is in force" if not jail.alone else "none can be started: nothing would count them here"
    layers.append(Layer("the number of a candidate's processes is limited", True, counted))
    return layers


def _same(pid: int, kind: str) -> bool:
    return Path(f"/proc/{pid}/ns/{kind}").readlink() == Path(f"/proc/self/ns/{kind}").readlink()

"""Tries every command on runs of which one file was altered.

A command passes where it shows what it shows of an untouched run, or where it names the altered file: it then ends
with status 1, or leaves that run out and shows the others.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import ChildEnded, Ground, Said, copy_of, in_child, invoke, run
from benchmarks.faults.mutations import Mutation

READERS, WRITERS = (
    ("leaderboard", "json", "compare", "verify", "show", "facts", "runs", "report"),
    ("score", "eval", "clean"),
)
EXPORTS = ("csv", "html")
"""The leaderboard for other programs and as a page; it is read as for the others."""


MOST_SECONDS = 300
"""Longer than all commands on one altered run take on a loaded machine."""


@dataclass(frozen=True)
class Base:
    """Finished runs, an unfinished one, the names of the two that are compared, and what commands show of them."""

    ground: Ground
    finished: Path
    unfinished: Path
    run: str
    other: str
    wanted: dict[str, str] = field(default_factory=dict)

    def words(self, command: str, root: Path) -> list[str]:
        """The words of a command on the runs in `root`."""
        one, other, data = str(root / self.run), str(root / self.other), str(self.ground.data)
        return {
            "leaderboard": ["leaderboard", str(root)],
            "json": ["leaderboard", "--json", str(root)],
            "csv": ["leaderboard", "--format", "csv", str(root)],
            "html": ["leaderboard", "--format", "html", str(root)],
            "compare": ["compare", one, other],
            "verify": ["verify", one, "--data", data],
            "show": ["show", one],
            "facts": ["show", one, "--json"],
            "runs": ["runs", "--runs", str(root), "--json"],
            "report": ["study", "report", str(self.ground.study), "--runs", str(root), "--data", f"apps={data}"],
            "score": ["score", one, "--metric", "parse_rate", "--data", data, "--json"],
            "eval": self.ground.words("lora", root),
            "clean": ["clean", "--runs", str(root), "--yes"],
        }[command]


def make_base(ground: Ground, folder: Path) -> Base:
    """Make the runs once: lora, zero-shot and completions from elsewhere; and a lora run whose writing broke off."""
    finished, unfinished = folder / "finished", folder / "unfinished"
    for words in (ground.words("lora", finished), ground.words("zero-shot", finished), ground.scoring(finished)):
        said = run(words)
        if said.status:
            raise RuntimeError(said.err)
    (one,) = finished.glob("apps-lora-*")
    (other,) = finished.glob("apps-zero-shot-*")
    in_child(lambda: _broken_off(ground, unfinished))
    base = Base(ground, finished, unfinished, one.name, other.name)
    for command in (*READERS, *EXPORTS, *WRITERS):
        with copy_of(finished, folder / "runs") as root:
            base.wanted.update(in_child(lambda c=command, r=root: _shown(base, c, r)))
    with copy_of(unfinished, folder / "runs") as root:
        said = run(base.words("eval", root))
        base.wanted["continued"] = _without_times(said.out)
    return base


def _broken_off(ground: Ground, root: Path) -> None:
    """A run that ended in the middle of judging: its completions, some executions, its tuning."""
    from harness.evaluation import judge

    class _Stop(BaseException):
        pass

    append, count = judge.files.append, 0

    def counting(path: Path, value: Any) -> None:
        nonlocal count
        count += path.name == "executions.jsonl"
        if count > 3:
            raise KeyboardInterrupt
        append(path, value)

    judge.files.append = counting  # type: ignore[assignment]
    invoke(ground.words("lora", root))


def _shown(base: Base, command: str, root: Path) -> dict[str, str]:
    said = invoke(base.words(command, root))
    if said.status:
        raise RuntimeError(f"{command}: {said.err}")
    found = {command: normalised(command, said, root)}
    if command in WRITERS:
        found[f"after {command}"] = invoke(base.words("json", root)).out
    return found


def normalised(command: str, said: Said, root: Path) -> str:
    """What a command shows, without sizes and ages."""
    if command == "runs":
        try:
            return json.dumps(sorted((one["run"], one["state"]) for one in json.loads(said.out)))
        except ValueError:
            return said.out
    if command == "report":
        report = root / "studies" / "both" / "report" / "report.md"
        return report.read_text("utf-8") if report.is_file() else ""
    return "" if command == "clean" else said.out.replace(str(root), "runs")


def _without_times(out: str) -> str:
    try:
        rows = json.loads(out)
    except ValueError:
        return out
    for row in rows:
        row.pop("costs", None)
    return re.sub(r'"records_sha256": "\w+"', "", json.dumps(rows, sort_keys=True))


@dataclass(frozen=True)
class Finding:
    """What a command did with an altered file that it should not: a traceback, accepted, unnamed, or others lost."""

    mutation: Mutation
    done: str
    command: str
    fault: str
    said: str


def try_finished(base: Base, mutation: Mutation, place: Path, commands: Sequence[str]) -> tuple[list[Finding], int]:
    """The findings of `commands` on the finished runs with one file altered, and how many commands were tried."""
    found: list[Finding] = []
    with copy_of(base.finished, place) as root:
        done = mutation.apply(root)
        for command in (c for c in (*READERS, *EXPORTS) if c in commands):
            found += _judged(base, mutation, done, command, invoke(base.words(command, root)), root)
            shutil.rmtree(root / "studies", ignore_errors=True)
    for command in (c for c in WRITERS if c in commands):
        with copy_of(base.finished, place) as root:
            mutation.apply(root)
            said = invoke(base.words(command, root))
            found += _judged(base, mutation, done, command, said, root)
            after = invoke(base.words("json", root))
            if _changed(base.wanted["json"], base.wanted[f"after {command}"], after.out):
                found.append(Finding(mutation, done, command, "laundered", _last(said)))
    return found, len(commands)


def _changed(before: str, after: str, now: str) -> bool:
    """Whether a row of the leaderboard is neither the one before a command nor the one after it.

    Places are left aside: they depend on the other rows.
    """
    known = _rows(before) | _rows(after)
    return not _rows(now) <= known


def _rows(board: str) -> set[str]:
    """The rows of a leaderboard in JSON, each as the text of what does not depend on other rows."""
    keys = ("run_id", "estimates", "outcomes", "costs", "trainable_parameters")
    return {json.dumps([row.get(key) for key in keys]) for row in json.loads(board or "[]")}


def _judged(base: Base, mutation: Mutation, done: str, command: str, said: Said, root: Path) -> list[Finding]:
    text = said.err + said.out
    named = Path(mutation.file).name in text or str(Path(mutation.file).parent) + ":" in text
    faults = []
    if said.traceback:
        faults.append("traceback")
    elif said.status:
        faults += [] if named else ["unnamed"]
    elif (shown := normalised(command, said, root)) != base.wanted[command]:
        named = named or Path(mutation.file).name in shown
        faults += [] if named else ["accepted"]
    if command in ("leaderboard", "json", *EXPORTS) and not said.traceback and not _others_listed(said):
        faults.append("others lost")
    return [Finding(mutation, done, command, fault, _last(said)) for fault in faults]


def _others_listed(said: Said) -> bool:
    return "zero-shot" in said.out and "mine" in said.out


def _last(said: Said) -> str:
    return (said.err.strip().splitlines() or [""])[-1][:300]


def try_unfinished(base: Base, mutation: Mutation, place: Path) -> tuple[list[Finding], int]:
    """The same for the command that continues an unfinished run: an equal result, or the file named."""
    found = []
    with copy_of(base.unfinished, place) as root:
        done = mutation.apply(root)
        for command in ("runs", "clean", "eval"):
            said = invoke(base.words(command, root))
            if said.traceback:
                found.append(Finding(mutation, done, command, "traceback", _last(said)))
            elif command == "eval":
                named = Path(mutation.file).name in said.err or "adapter" in said.err
                wrong = _without_times(said.out) != base.wanted["continued"] if not said.status else not named
                fault = "unnamed" if said.status else "accepted"
                found += [Finding(mutation, done, command, fault, _last(said))] if wrong else []
    return found, 3


def try_all(
    base: Base,
    chosen: Sequence[Mutation],
    place: Path,
    commands: Sequence[str],
    report: Callable[[Mutation, list[Any]], None] = lambda *_: None,
    *,
    finished: bool,
) -> tuple[list[Finding], Counter[str]]:
    """The findings of every mutation, each tried in a fork of its own, and counts of what was tried and found."""
    findings: list[Finding] = []
    counts: Counter[str] = Counter()
    for mutation in chosen:

        def work(one: Mutation = mutation) -> list[Any]:
            _drop_rights()
            signal.alarm(MOST_SECONDS)
            if finished:
                found, tried = try_finished(base, one, place, commands)
            else:
                found, tried = try_unfinished(base, one, place)
            return [[[f.done, f.command, f.fault, f.said] for f in found], tried]

        try:
            found, tried = in_child(work)
        except ChildEnded as error:
            found, tried = [[mutation.kind, "all", "hang" if error.signal == signal.SIGALRM else "crash", ""]], 1
        report(mutation, found)
        findings += [Finding(mutation, *facts) for facts in found]
        counts["mutations"] += 1
        counts["tried"] += tried
        counts.update(f.fault for f in findings[len(findings) - len(found) :])
    return findings, counts


def _drop_rights() -> None:
    """Take root's right to read everything from this process, so that a file's mode holds for it too."""
    if os.geteuid():
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # capabilities(7), version 3
    words = (ctypes.c_uint32 * 6)()
    overriding = 0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if libc.capget(header, words) == 0:
        words[0] &= ~overriding
        libc.capset(header, words)

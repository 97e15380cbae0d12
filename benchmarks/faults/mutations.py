"""Alterations of a file: what a disk, a crash, an editor or an attacker may leave in its place."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JsonPath = tuple[Any, ...]


@dataclass(frozen=True)
class Mutation:
    """One alteration of one file; `file` is relative to the folder of runs."""

    file: str
    kind: str
    seed: int

    def apply(self, root: Path) -> str:
        """Alter the file below `root`; what was done, in words."""
        return KINDS[self.kind](root / self.file, random.Random(self.seed)) or self.kind


def mutations(files: list[str], each: int, seed: int) -> list[Mutation]:
    """Every kind that fits, `each` times for each file, in a shuffled order."""
    rng = random.Random(seed)
    found = [
        Mutation(file, kind, rng.randrange(1 << 30))
        for file in files
        for kind in KINDS
        if kind not in JSON_KINDS or file.endswith((".json", ".jsonl"))
        for _ in range(each if kind in RANDOM_KINDS else 1)
    ]
    rng.shuffle(found)
    return found


def _empty(path: Path, _: random.Random) -> None:
    path.write_bytes(b"")


def _cut(path: Path, rng: random.Random) -> str:
    data = path.read_bytes()
    at = rng.randrange(1, max(2, len(data)))
    path.write_bytes(data[:at])
    return f"cut at byte {at} of {len(data)}"


def _flip(path: Path, rng: random.Random) -> str:
    data = bytearray(path.read_bytes())
    at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
    data[at] ^= bit
    path.write_bytes(bytes(data))
    return f"byte {at} with bit {bit} turned: {bytes(data[max(0, at - 12) : at + 12])!r}"


def _not_utf8(path: Path, rng: random.Random) -> str:
    data = path.read_bytes()
    at = rng.randrange(len(data))
    path.write_bytes(data[:at] + b"\xff\xfe" + data[at:])
    return f"not UTF-8 at byte {at}"


def _deep(path: Path, _: random.Random) -> None:
    path.write_bytes(b"[" * 200_000 + b"\n")


def _folder(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _removed(path: Path, _: random.Random) -> None:
    path.unlink()


def _circle(path: Path, _: random.Random) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _pipe(path: Path, _: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _unreadable(path: Path, _: random.Random) -> None:
    path.chmod(0)


def _line_gone(path: Path, rng: random.Random) -> str:
    lines = path.read_bytes().splitlines(keepends=True)
    at = rng.randrange(len(lines))
    path.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    return f"without line {at + 1} of {len(lines)}"


def _line_twice(path: Path, rng: random.Random) -> str:
    lines = path.read_bytes().splitlines(keepends=True)
    at = rng.randrange(len(lines))
    path.write_bytes(b"".join(lines[: at + 1] + lines[at:]))
    return f"line {at + 1} twice"


def _value(choose: Callable[[Any, random.Random], Any]) -> Callable[[Path, random.Random], str]:
    def alter(path: Path, rng: random.Random) -> str:
        lines = path.suffix == ".jsonl"
        values = (
            [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
            if lines
            else [json.loads(path.read_text("utf-8"))]
        )
        spots = [(value, spot) for value in values for spot in _spots(value)]
        value, spot = rng.choice(spots)
        parent = value
        for key in spot[:-1]:
            parent = parent[key]
        new = choose(parent[spot[-1]], rng)
        what = f"{spot}: {parent[spot[-1]]!r:.60} -> {'missing' if new is MISSING else repr(new)[:60]}"
        if new is MISSING:
            del parent[spot[-1]]
        else:
            parent[spot[-1]] = new
        path.write_text("".join(json.dumps(v) + "\n" for v in values) if lines else json.dumps(values[0], indent=2))
        return what

    return alter


MISSING = object()


def _spots(value: Any, path: JsonPath = ()) -> Iterator[JsonPath]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _spots(inner, (*path, key))


def _other_type(value: Any, rng: random.Random) -> Any:
    return rng.choice(
        [one for one in (None, "text", 7, 0.5, True, [], {}, [[]], {"a": 1}) if type(one) is not type(value)]
    )


def _other_value(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}?"
    return _other_type(value, rng)


def _huge(_: Any, rng: random.Random) -> Any:
    return rng.choice([10**400, 10**4000, float("inf"), float("nan"), -1e308])


def _nested(_: Any, rng: random.Random) -> Any:
    deep: Any = 1
    for _ in range(rng.choice([100, 400, 900])):
        deep = [deep] if rng.random() < 0.5 else {"a": deep}
    return deep


KINDS: dict[str, Callable[[Path, random.Random], str | None]] = {
    "empty": _empty,
    "cut": _cut,
    "flip": _flip,
    "not UTF-8": _not_utf8,
    "deep": _deep,
    "folder": _folder,
    "removed": _removed,
    "circle": _circle,
    "pipe": _pipe,
    "unreadable": _unreadable,
    "other type": _value(_other_type),
    "other value": _value(_other_value),
    "missing key": _value(lambda _, __: MISSING),
    "huge number": _value(_huge),
    "nested": _value(_nested),
    "line gone": _line_gone,
    "line twice": _line_twice,
}
RANDOM_KINDS = ("cut", "flip", "not UTF-8", "other type", "other value", "missing key", "huge number", "nested")
JSON_KINDS = ("other type", "other value", "missing key", "huge number", "nested", "line gone", "line twice", "deep")


def without_seals(folder: Path) -> None:
    """Make the files of `folder` those of a version that wrote no digests."""
    for path in [*folder.rglob("*.json"), *folder.rglob("*.jsonl")]:
        values = (
            [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
            if (path.suffix == ".jsonl")
            else [json.loads(path.read_text("utf-8"))]
        )
        for value in values:
            if isinstance(value, dict):
                for key in SEALS:
                    value.pop(key, None)
        if path.name != "records.jsonl" and "adapter" not in path.parts:
            path.write_text(
                "".join(json.dumps(v) + "\n" for v in values) if path.suffix == ".jsonl" else json.dumps(values[0])
            )


SEALS = ("sha256", "inputs", "adapter_files")
"""Keys that later versions add to a file."""


def remove(path: Path) -> None:
    """Take away a file, a folder, or whatever a mutation has put there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

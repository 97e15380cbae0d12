"""Rows of data files, each with the place it came from.

A `Source` is what `--data` names (a file or a folder), the built-in sample, or files of a hub data set at a pinned
revision. JSON arrays, JSON lines and parquet are read, `.gz` or plain. A broken row is an error that names the file,
the line and the field; nothing is dropped silently.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import DataError, remembered
from harness.records import Problem

SPLITS = ("train", "validation", "test")
_SPLIT_WORDS = {
    "train": "train",
    "dev": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
_ENDINGS = (".json", ".jsonl", ".parquet")

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class HubFiles:
    """A data set on the Hugging Face hub: the commit that is read, and the file of each split."""

    repository: str
    revision: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DataRow:
    """One row and where it stands ("train.jsonl, line 17")."""

    values: Mapping[str, Any]
    where: str

    def get(self, field: str, kind: type[V], default: V | None = None) -> V:
        """The value of `field`; `default`, when given, stands in for a missing or null one.

        Raises:
            DataError: the field is missing or of another type.
        """
        value = self.values.get(field)
        if value is None and default is not None:
            return default
        if value is None:
            raise DataError(f"{self.where}: no field {field!r} (it has {', '.join(sorted(self.values)) or 'none'})")
        if not isinstance(value, kind):
            raise DataError(f"{self.where}: field {field!r} is {type(value).__name__}, not {kind.__name__}")
        return value

    def json(self, field: str) -> Any:
        """The value of a field that holds JSON text."""
        text = self.get(field, str)
        try:
            return json.loads(text)
        except ValueError as error:
            raise DataError(f"{self.where}: field {field!r} is not JSON: {error}") from None


@dataclass(frozen=True)
class Source:
    """Where problems come from. `label` is shown to the user: a path, `owner/name@revision`, or "built-in sample"."""

    root: Path
    label: str
    builtin: bool = False
    named: Mapping[str, str] | None = None
    """For a hub data set: the file of each split below `root`."""

    @cached_property
    def digest(self) -> str:
        """sha256 over the names and bytes of all data files."""
        sha = hashlib.sha256()
        for file in self.files:
            name = file.name if self.root.is_file() else file.relative_to(self.root).as_posix()
            sha.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
        return sha.hexdigest()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file that the digest covers, sorted by path."""
        if self.root.is_file():
            return (self.root,)
        if self.named is not None:
            return tuple(self.root / name for name in sorted(self.named.values()))
        found = sorted(p for p in self.root.rglob("*") if p.is_file() and not p.name.startswith("."))
        if not found:
            raise DataError(f"{self.root}: the folder is empty")
        return tuple(found)

    def splits(self) -> dict[str, list[Path]]:
        """The data files of each split, told by their names; a single file without a split's name is under ""."""
        if self.named is not None:
            return {split: [self.root / name] for split, name in self.named.items()}
        if self.root.is_file():
            split = _split_of(self.root)
            return {"test" if split == "test" else "": [self.root]}
        found: dict[str, list[Path]] = {}
        for file in self.files:
            if _is_data(file) and (split := _split_of(file)):
                found.setdefault(split, []).append(file)
        if not found:
            names = ", ".join(f"{split}.json" for split in SPLITS)
            raise DataError(
                f"{self.root}: no file is named after a split; expected names like {names} (or .jsonl, .gz)"
            )
        return found


def _is_data(file: Path) -> bool:
    return file.name.removesuffix(".gz").endswith(_ENDINGS)


def _split_of(file: Path) -> str | None:
    words = "".join(c if c.isalpha() else " " for c in file.name.lower()).split()
    return next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), None)


def open_path(path: Path) -> Source:
    """The source for `--data PATH`."""
    if not path.exists():
        raise DataError(f"--data {path}: no such file or folder")
    return Source(path, str(path))


def open_builtin(task: str) -> Source:
    """The sample of a built-in task that ships in the package."""
    root = Path(__file__).parent / "builtin" / "sample" / task
    if not root.is_dir():
        raise DataError(f"the task {task!r} has no built-in sample; give its files with --data PATH")
    return Source(root, "built-in sample", builtin=True)


@remembered
def open_hub(hub: HubFiles) -> Source:
    """Files of a hub data set at a pinned revision, downloaded once into the hub's own cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    label = f"{hub.repository}@{hub.revision}"
    print(f"note: reading {label} from the Hugging Face hub, or from what was read before", file=sys.stderr)
    try:
        root = snapshot_download(
            hub.repository, repo_type="dataset", revision=hub.revision, allow_patterns=sorted(hub.files.values())
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = (str(error).splitlines() or [""])[0]
        remedy = "check the connection, or give the files with --data PATH"
        raise DataError(f"{label}: cannot be fetched from the hub ({reason}); {remedy}") from None
    missing = [name for name in hub.files.values() if not (Path(root) / name).is_file()]
    if missing:
        raise DataError(f"{label}: has no file {missing[0]!r}; give the files with --data PATH")
    return Source(Path(root), label, named=hub.files)


def rows(file: Path) -> Iterator[DataRow]:
    """The rows of one JSON, JSON-lines or parquet file, `.gz` or plain."""
    name = file.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        yield from _parquet_rows(file)
        return
    text = _text(file)
    if text.lstrip()[:1] == "[":
        yield from _array_rows(file, text)
    else:
        yield from _line_rows(file, text)


def _text(file: Path) -> str:
    try:
        data = gzip.decompress(file.read_bytes()) if file.name.endswith(".gz") else file.read_bytes()
        return data.decode("utf-8")
    except FileNotFoundError:
        raise DataError(f"{file}: no such file") from None
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{file}: broken gzip file ({error}); fetch it again") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 at byte {error.start}") from None


def _line_rows(file: Path, text: str) -> Iterator[DataRow]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        try:
            value = json.loads(line)
        except ValueError as error:
            raise DataError(f"{where}: not JSON ({error}); is the file cut off?") from None
        yield _row(value, where)


def _array_rows(file: Path, text: str) -> Iterator[DataRow]:
    decoder = json.JSONDecoder()
    at, line, seen = text.index("[") + 1, 1, 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        line += text.count("\n", seen, at)
        seen = at
        if text[at : at + 1] == "]":
            return
        where = f"{file}, line {line}"
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError as error:
            raise DataError(f"{where}: not JSON ({error}); is the file cut off?") from None
        yield _row(value, where)


def _parquet_rows(file: Path) -> Iterator[DataRow]:
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{file}: not a parquet file ({error})") from None
    for number, value in enumerate(table.to_pylist(), 1):
        yield _row(value, f"{file}, row {number}")


def _row(value: Any, where: str) -> DataRow:
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected an object, found {type(value).__name__}")
    return DataRow(value, where)


def divide(problems: Sequence[V], shares: Mapping[str, float], seed: int) -> dict[str, list[V]]:
    """`problems` shuffled with `seed` and cut into named shares (they add up to 1); order within a share is kept."""
    order = list(range(len(problems)))
    random.Random(seed).shuffle(order)
    found: dict[str, list[V]] = {}
    start, total = 0, 0.0
    for name, share in shares.items():
        total += share
        end = round(total * len(problems))
        found[name] = [problems[i] for i in sorted(order[start:end])]
        start = end
    return found


def check_ids(splits: Mapping[str, Sequence[Problem]], label: str) -> None:
    """Refuse two problems with one id inside a split, which would share a record."""
    for split, problems in splits.items():
        seen: set[str] = set()
        for problem in problems:
            if problem.id in seen:
                raise DataError(f"{label}: two {split} problems have the id {problem.id!r}")
            seen.add(problem.id)


def first_of_slices(problems: Sequence[Problem], limit: int | None) -> list[Problem]:
    """At most `limit` problems, taken in turn from each slice so that each is there, in the order of the data."""
    if limit is None or limit >= len(problems):
        return list(problems)
    slices: dict[str | None, list[int]] = {}
    for index, problem in enumerate(problems):
        slices.setdefault(problem.slice, []).append(index)
    turns = sorted((turn, index) for members in slices.values() for turn, index in enumerate(members))
    return [problems[index] for index in sorted(index for _, index in turns[:limit])]

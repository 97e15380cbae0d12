"""Where problems come from: the data files of each split.

A `Source` is what `--data` names (a file or a folder), the built-in sample, or files of a hub data set at a pinned
revision. `rows` (see `harness.data.rows`) gives the rows of one of its files; nothing is dropped silently.
"""

from __future__ import annotations

import hashlib
import random
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from harness.data.dataset_card import README, split_patterns
from harness.data.hub import data_set_named, download, read_before
from harness.data.rows import COMPRESSED, ENDINGS, DataRow, is_data, is_saved, rows
from harness.disk import file_errors
from harness.errors import DataError, nearest
from harness.records import Problem

__all__ = [
    "DataRow",
    "HubFiles",
    "Source",
    "check_ids",
    "divide",
    "first_of_slices",
    "open_builtin",
    "open_data",
    "open_hub",
    "open_path",
    "rows",
    "split_named",
]
SPLITS = ("train", "validation", "test")
_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "dev": "validation",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class HubFiles:
    """A data set on the Hugging Face hub: the commit that is read, and the file of each split."""

    repository: str
    revision: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Source:
    """Where problems come from. `label` is shown to the user: a path, `owner/name@revision`, or "built-in sample"."""

    root: Path
    label: str
    builtin: bool = False
    named: Mapping[str, str] | None = None
    """For a hub data set: the file of each split below `root`."""
    whole: bool = False
    """One file whose name has no split is the test split; it is cut into three otherwise."""
    hub: bool = False
    """All data files of a hub data set. Many have one file or training files alone, which are then cut into three."""
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The files of each split below `root`, where the data set itself says which they are."""

    @cached_property
    def digest(self) -> str:
        """sha256 over the names and bytes of all data files."""
        sha = hashlib.sha256()
        for file in self.files:
            name = file.name if self.root.is_file() else file.relative_to(self.root).as_posix()
            with file_errors(file):
                sha.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
        return sha.hexdigest()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file that the digest covers, sorted by path."""
        if self.root.is_file():
            return (self.root,)
        if self.named is not None:
            return tuple(self.root / name for name in sorted(self.named.values()))
        if self.told:
            return tuple(self.root / name for name in sorted({name for some in self.told.values() for name in some}))
        files = sorted(p for p in self.root.rglob("*") if p.is_file() and not self._hidden(p))
        if self.hub:  # what else lies in the hub's cache depends on who has read the data set before
            return tuple(filter(is_data, files))
        if not files:
            raise DataError(f"{self.root}: the folder is empty; name the one with the files")
        return tuple(files)

    def _hidden(self, path: Path) -> bool:
        # A download from the hub leaves a folder .cache behind, with the time of each file in it.
        return any(part.startswith(".") for part in path.relative_to(self.root).parts)

    def splits(self) -> dict[str, list[Path]]:
        """The data files of each split, told by their names or by their folders'; for `harness.data.rows.rows`.

        A single file without a split's name is under "", and under "test" where it is asked for as a whole.

        Raises:
            DataError: no file has a split's name, or one split lies in the folders of two data sets.
        """
        if self.named is not None:
            return {split: [self.root / name] for split, name in self.named.items()}
        if is_lone(self.root):
            return {"test" if self.whole or split_of_lone(self.root) == "test" else "": [self.root]}
        if self.told:
            told = {split: [self.root / name for name in names] for split, names in self.told.items()}
            return {"": told["train"]} if set(told) == {"train"} else told
        splits: dict[str, list[Path]] = {}
        sets: dict[str, set[str]] = {}
        units = self._units()
        for unit in units:
            if (place := _place(unit, self.root)) is not None:
                split, data_set = place
                splits.setdefault(split, []).append(unit)
                sets.setdefault(split, set()).add(data_set)
        if not splits and self.hub and len(units) == 1:
            return {"test" if self.whole else "": units}
        if not splits:
            raise self._no_splits()
        for split, names_of in sets.items():
            if len(names_of) > 1:
                one, other = sorted(names_of)[-2:]
                raise DataError(
                    f"{self.label}: {split} files of two data sets, {one or 'this folder'} and {other}; "
                    f"name one folder, like --data {self.root / other}"
                )
        return {"": splits["train"]} if self.hub and set(splits) == {"train"} else splits

    def _no_splits(self) -> DataError:
        """That no file says which split it is, with both remedies: such names, or one file named itself."""
        names = ", ".join(f"{split}.json" for split in SPLITS)
        expected = f"names like {names} (or .jsonl, .csv, .parquet, .gz), or folders like train and test"
        if not self._units():
            return DataError(f"{self.label}: no file here is read as data; expected {expected}")
        return DataError(f"{self.label}: no file is named after a split; expected {expected}{self.one_file()}")

    def one_file(self) -> str:
        """What to type for one file of a folder, which may be named itself; "" where one is."""
        if is_lone(self.root) or self.named is not None or not (units := self._units()):
            return ""
        which = "the one file" if len(units) == 1 else "one of the files"
        return f"; or name {which} itself: --data {shlex.quote(str(units[0]))}"

    def _units(self) -> list[Path]:
        """What `harness.data.rows.rows` reads: data files, and folders that `datasets` saved in place of theirs."""
        saved = {file.parent for file in self.files if file.name == "state.json" and is_saved(file.parent)}
        units = (file.parent if file.parent in saved else file for file in self.files)
        return [unit for unit in dict.fromkeys(units) if unit in saved or (is_data(unit) and unit.name not in _ABOUT)]


_ABOUT = frozenset({"dataset_dict.json", "dataset_infos.json"})
"""Files in which `datasets` tells about others."""


def is_lone(root: Path) -> bool:
    """Whether `root` is one set of rows: a file, or a folder that `datasets` saved without splits."""
    return root.is_file() or is_saved(root)


def split_of_lone(root: Path) -> str | None:
    """The split of one set of rows, told by its name; a name without words (`0000.parquet`) is told by its folder."""
    if split := _split_of(root.name):
        return split
    stem = root.name.partition(".")[0]
    return None if any(c.isalpha() for c in stem) else _SPLIT_WORDS.get(root.absolute().parent.name.lower())


def _place(unit: Path, root: Path) -> tuple[str, str] | None:
    """The split of a data file and the folder of its data set below `root` ("" for `root` itself); None without one.

    The hub lays files out as `data/train-00000-of-00001.parquet`, `NAME/train-…` and `NAME/train/0000.parquet`.
    """
    folders = unit.relative_to(root).parts[:-1]
    split, above = _split_of(unit.name), folders
    if split is None:
        at = next((i for i, name in enumerate(folders) if name.lower() in _SPLIT_WORDS), None)
        if at is None:
            return None
        split, above = _SPLIT_WORDS[folders[at].lower()], folders[:at]
    return split, "/".join(name for name in above if name != "data")


def split_named(text: str) -> str | None:
    """The split that a text is the name of; None for any other text."""
    return _SPLIT_WORDS.get(text.strip().lower())


def _split_of(name: str) -> str | None:
    words = "".join(c if c.isalpha() else " " for c in name.lower()).split()
    return next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), None)


def open_data(path: Path, *, whole: bool = False, fetch: bool = True) -> Source:
    """The source for `--data`: a file or folder, else a data set on the hub, OWNER/NAME or OWNER/NAME@REVISION.

    The label of a data set has the commit that was read, so that it names the same files tomorrow. Without `fetch` the
    hub is not asked: only what was read before is there.
    """
    if (named := data_set_named(path)) is None:
        return open_path(path, whole=whole)
    endings = tuple(f"*{ending}{packed}" for ending in ENDINGS for packed in ("", COMPRESSED))
    root = (download if fetch else read_before)(*named, (*endings, README))
    label = f"{named[0]}@{root.name}"
    return Source(root, label, hub=True, whole=whole, told=_told_files(root, label))


def _told_files(root: Path, label: str) -> dict[str, list[str]]:
    """The data files of each split that a data set's README names; none where it names none that can be read."""
    found: dict[str, list[str]] = {}
    for name, patterns in split_patterns(root, label).items():
        files = {path for pattern in patterns for path in root.glob(pattern) if path.is_file() and is_data(path)}
        if files and (split := split_named(name)):
            found.setdefault(split, []).extend(sorted(path.relative_to(root).as_posix() for path in files))
    return found


def open_path(path: Path, *, whole: bool = False) -> Source:
    """The source for `--data PATH`; `whole` as in `Source`, where the name has no split."""
    if not path.exists():
        raise DataError(f"--data {path}: no such file or folder{_instead(path)}")
    return Source(path, str(path), whole=whole and is_lone(path) and split_of_lone(path) is None)


def _instead(path: Path) -> str:
    """What may be meant by a path where there is nothing."""
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent}"
    if close := nearest(path.name, [one.name for one in path.parent.iterdir()]):
        return f". Did you mean {str(path.parent / close)!r}?"
    return "; a data set on the hub is named OWNER/NAME" if path.name == str(path) else ""


def open_builtin(task: str) -> Source:
    """The sample of a built-in task that ships in the package."""
    root = Path(__file__).parents[1] / "builtin" / "sample" / task
    if not root.is_dir():
        raise DataError(f"the task {task!r} has no built-in sample; give its files with --data PATH")
    return Source(root, "built-in sample", builtin=True)


def open_hub(hub: HubFiles, *, fetch: bool = True) -> Source:
    """Files of a hub data set at a pinned revision, downloaded once into the hub's own cache; `fetch` as above."""
    label = f"{hub.repository}@{hub.revision}"
    files = tuple(sorted(hub.files.values()))
    root = (download if fetch else read_before)(hub.repository, hub.revision, files)
    missing = [name for name in hub.files.values() if not (root / name).is_file()]
    if missing:
        raise DataError(f"{label}: has no file {missing[0]!r}; give the files with --data PATH")
    return Source(root, label, named=hub.files)


def divide(problems: Sequence[V], shares: Mapping[str, float], seed: int) -> dict[str, list[V]]:
    """`problems` shuffled with `seed` and cut into named shares (they add up to 1); order within a share is kept.

    The last share has at least one of them: what is left out of few problems is what they are measured on.
    """
    order = list(range(len(problems)))
    random.Random(seed).shuffle(order)
    parts: dict[str, list[V]] = {}
    start, total = 0, 0.0
    for name, share in shares.items():
        total += share
        end = round(total * len(problems))
        if len(parts) < len(shares) - 1:
            end = min(end, max(0, len(problems) - 1))
        parts[name] = [problems[i] for i in sorted(order[start:end])]
        start = end
    return parts


def check_ids(splits: Mapping[str, Sequence[Problem]], label: str) -> None:
    """Refuse two problems with one id inside a split, which would share a record."""
    for split, problems in splits.items():
        seen: set[str] = set()
        for problem in problems:
            if problem.id in seen:
                raise DataError(f"{label}: two {split} problems have the id {problem.id!r}; give each its own")
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

"""Which fields of the rows a task reads, and which nothing reads: a slip in a name is to be seen before a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness.config import Setting
from harness.data.rows import rows
from harness.data.sources import Source
from harness.plugin import Task

LOOKED_AT = 100
"""Rows of each file that are looked at."""
SHOWN = 8
"""Names of fields that a note has at the most."""


@dataclass(frozen=True)
class Fields:
    """The fields of the first rows: those that are read, by the option that names them, and the others."""

    used: Mapping[str, Sequence[str]]
    unused: Sequence[str]

    def settings(self, task: str, options: Mapping[str, Setting]) -> dict[str, Setting]:
        """The options of `task` that nobody gave, with the fields that were found for them."""
        found = {f"{task}.{option}": ",".join(fields) for option, fields in self.used.items()}
        return {
            name: Setting(value, "default: found in the rows")
            for name, value in found.items()
            if name in options and not options[name].given
        }

    def notes(self, label: str) -> Iterator[str]:
        """That some fields are not read."""
        if self.unused:
            more = f" and {len(self.unused) - SHOWN} more" if len(self.unused) > SHOWN else ""
            yield f"{label}: fields that are not used: {', '.join(self.unused[:SHOWN])}{more}"


def fields_of(task: Task, source: Source, config: Any) -> Fields:
    """The fields of the rows of `source`; none at all for a task that does not say what it reads."""
    if type(task).fields_used is Task.fields_used:
        return Fields({}, ())
    used: dict[str, dict[str, None]] = {}
    seen: dict[str, None] = {}
    for file in (file for files in source.splits().values() for file in files):
        for row in islice(rows(file), LOOKED_AT):
            seen |= dict.fromkeys(map(str, row.values))
            for option, field in task.fields_used(row, config):
                used.setdefault(option, {})[field] = None
    read = {field for fields in used.values() for field in fields}
    return Fields({option: tuple(fields) for option, fields in used.items()}, [one for one in seen if one not in read])

"""Run folders: their names, files and readers.

    runs/<task>-<method>-<model>-<digest8>/
        run.json            what was asked and with what: resolved spec, versions, hardware, plugins
        adapter             the tuned weights: hard links to those in tunings/, so that the folder is complete
        sandbox.json        the isolation of the candidates, each layer with its evidence, and their limits
        tuning.json         how it was tuned: losses, parameters, costs
        completions.jsonl   one line per problem, appended as generated      (until records.jsonl is there)
        executions.jsonl    one line per problem, appended as executed       (until records.jsonl is there)
        costs.jsonl         one line per phase and attempt
        batch.json          the batch size, why transformers' `generate` was used, if it was, and the runs that were
                            written at once with this one; lowered.jsonl has a line for each reduction of the batch
                            size when memory ran out
        leakage.json        the test problems that are duplicates, or near-duplicates, of data that the run learnt from
        records.jsonl       one line per problem: prompt digest, completions, executions, scores
        result.json         estimates with intervals, costs, counts of outcomes; written last

    runs/validations/<name>/        the same on validation problems: a sweep chooses its setting by it

`harness.files` writes them such that every write survives SIGKILL.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from harness import files
from harness.errors import RunError, nearest
from harness.records import SCHEMA, Record, Row, Run, Score, digest, from_json

T = TypeVar("T")

COMPLETIONS, EXECUTIONS, COSTS = "completions.jsonl", "executions.jsonl", "costs.jsonl"
RECORDS, RESULT, RUN, TUNING = "records.jsonl", "result.json", "run.json", "tuning.json"
SANDBOX, BATCH = "sandbox.json", "batch.json"
TUNINGS, CHECKPOINTS = "tunings", "checkpoints"
"""The folder of tunings beside the runs, and that of a tuning's checkpoints in its own."""
VALIDATIONS = "validations"
"""The folder of runs on validation problems."""
LEAKAGE = "leakage.json"
DIGEST, ANNOUNCED, INPUTS = "records_sha256", "rescored_sha256", "inputs"
"""Keys in RESULT: the digest of its records, the one that they get while they are scored again, and the stamps of the
other files from which it was computed."""
_INPUTS = (TUNING, COSTS, LEAKAGE, BATCH)
WHY_NOT_SLOTS = "why_not_slots"
"""Key in BATCH: why transformers' `generate` was used; "" where harness' own decoding was."""
TOGETHER = "together"
"""Key in BATCH: the ids of the runs that were written at once."""


def run_id(run: Run) -> str:
    """The name of a run's folder: readable parts and eight digits of the digest of all that its completions depend on.

    Metrics are not part of it: they can be added to a finished run. A run on validation problems is in `VALIDATIONS`,
    where nothing looks for results.
    """
    options = {name: value for name, value in run.options.items() if name not in run.metrics}
    key = replace(run, metrics=(), ks=(), options=options)
    name = f"{run.task}-{run.method}-{run.model.name}{'-sample' if run.builtin_data else ''}"
    safe = _file_name(name)
    short = safe.encode()[: _LONGEST_NAME - 9].decode(errors="ignore")
    beside = f"{VALIDATIONS}/" if run.split == "validation" else ""
    return f"{beside}{short}-{digest(key)[:8]}"


_LONGEST_NAME = 255
"""Limit of a file name in bytes (Linux)."""


def _file_name(name: str) -> str:
    """`name` as the name of one file in this folder and in no other."""
    return "".join(c if c.isalnum() or c in "-+._" else "_" for c in name)


def read_records(folder: Path) -> list[Record]:
    """The records of a finished run.

    Raises:
        RunError: a record does not fit its type; names file and line.
    """
    return typed_lines(folder / RECORDS, Record)


def typed_lines(path: Path, kind: type[T], *, repair: bool = False) -> list[T]:
    """The lines of a file, each as `kind`; none where there is no file. `repair` as in `files.lines`.

    Raises:
        RunError: the file cannot be read, or a line does not fit; names file and line.
    """
    values = []
    for number, value in enumerate(files.lines(path, repair=repair), 1):
        try:
            values.append(from_json(kind, value))
        except ValueError as error:
            raise RunError(f"{path}, line {number}: {error}; delete that line to do it again") from None
    return values


def read_scores(folder: Path) -> list[tuple[str, str | None, tuple[Score, ...]]]:
    """(problem id, slice, scores) of each record of a finished run; completions are not decoded, which is faster.

    Raises:
        RunError: a line is torn or does not fit; names file and line.
    """
    scored, path = [], folder / RECORDS
    for number, value in enumerate(files.lines(path), 1):
        try:
            scores = tuple(from_json(Score, score) for score in value["scores"])
            scored.append((str(value["id"]), value["slice"], scores))
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}, line {number}: {error}") from None
    return scored


def read_row(folder: Path) -> Row:
    """The leaderboard row of a finished run folder.

    Raises:
        RunError: it is not finished, torn, or of another schema.
    """
    return read_result(folder)[0]


def finished_row(folder: Path) -> Row | None:
    """The row of a run folder; None where the run is not finished.

    Raises:
        RunError: the row is torn, or of another schema.
    """
    return read_row(folder) if os.path.lexists(folder / RESULT) else None


def read_result(folder: Path) -> tuple[Row, Any]:
    """The row of a finished run folder, and the JSON of its `result.json`.

    Raises:
        RunError: it is not finished, torn, or of another schema.
    """
    path = folder / RESULT
    if not os.path.lexists(path):
        raise _no_result(folder)
    data = files.read_json(path)
    if not isinstance(data, dict) or type(data.get("schema")) is not int or data["schema"] != SCHEMA:
        schema = data.get("schema") if isinstance(data, dict) else None
        raise RunError(f"{path}: schema {schema}, this harness reads {SCHEMA}")
    try:
        row = from_json(Row, data["row"])
    except (ValueError, KeyError) as error:
        raise RunError(f"{path}: {error}") from None
    if not all(math.isfinite(number) for number in _numbers(row)):
        raise RunError(f"{path}: a number in it is infinite or none; delete the folder to run it again")
    if row.run_id in ("", ".", "..") or row.run_id != _file_name(row.run_id):
        raise RunError(f"{path}: {row.run_id!r} is no name of a run, so this folder is not one that harness wrote")
    return row, data


def _no_result(folder: Path) -> RunError:
    """That a folder is none of a finished run, with what may be meant."""
    if os.path.lexists(folder / RUN):
        return RunError(f"{folder}: not finished; the command that began it continues it: harness show {folder}")
    beside = finished(folder.parent) if folder.parent.is_dir() else []
    close = nearest(folder.name, [one.name for one in beside])
    hint = f"did you mean {str(folder.parent / close)!r}?" if close else "see: harness runs"
    return RunError(f"{folder}: {'no run' if folder.exists() else 'no such folder'}; {hint}")


def check_records(folder: Path, result: Any = None) -> None:
    """Check that the records are the ones from which `result` (the JSON of `result.json`) was computed.

    Raises:
        RunError: they were changed, torn or lost.
    """
    if not records_are_current(folder, result):
        raise RunError(f"{folder / RECORDS}: being scored again, or that broke off; run the same command again")


def records_are_current(folder: Path, result: Any = None) -> bool:
    """Whether the records are those of the result; False while they are scored again, and where that broke off.

    Raises:
        RunError: they were changed, torn or lost.
    """
    result = read_result(folder)[1] if result is None else result
    wanted, announced = result.get(DIGEST), result.get(ANNOUNCED)
    if wanted is None:
        return True  # an earlier version wrote it
    found = files.file_digest(folder / RECORDS)
    if found not in (wanted, announced):
        raise RunError(
            f"{folder / RECORDS}: not what {RESULT} was computed from: changed or torn; "
            "delete the folder to run it again"
        )
    return bool(found == wanted)


def announce_records(folder: Path, text: str) -> None:
    """Say in the result of a finished run that its records will be `text`, so that a kill is told from a change."""
    if os.path.lexists(folder / RESULT):
        result = read_result(folder)[1]
        announced = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        files.write_sealed(folder / RESULT, {**result, ANNOUNCED: announced})


def input_stamps(folder: Path) -> dict[str, Any]:
    """The stamp (`files.stamp`) of each file, beside the records, from which a result is computed."""
    return {name: files.stamp(folder / name) for name in _INPUTS if (folder / name).is_file()}


def check_inputs(folder: Path, result: Any = None) -> None:
    """Check that these files are still the ones from which the result was computed; lines may have been added to costs.

    Raises:
        RunError: one was changed, torn or lost; names it.
    """
    result = read_result(folder)[1] if result is None else result
    stamps = result.get(INPUTS, {})
    for name in _INPUTS:
        if not isinstance(stamps, dict) or not isinstance(stamp := stamps.get(name), dict):
            continue
        path, count = folder / name, stamp.get("bytes")
        found = files.file_digest(path, count if name == COSTS and isinstance(count, int) else None)
        if found != stamp.get("sha256"):
            raise RunError(f"{path}: not what {RESULT} was computed from: changed or torn; delete the folder")


def _numbers(row: Row) -> Iterator[float]:
    for e in row.estimates:
        yield from (number for number in (e.value, e.low, e.high) if number is not None)
    for cost in row.costs:
        yield from (cost.seconds, cost.energy_joules or 0.0)
    yield row.examples


def finished(root: Path) -> list[Path]:
    """The folders below `root` (or `root` itself) that hold a result, whole or not, sorted by name."""
    if os.path.lexists(root / RESULT):
        return [root]
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if os.path.lexists(f"{entry.path}/{RESULT}"))
    return [root / name for name in names]

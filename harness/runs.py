"""Run folders: append, resume, read, digest.

    runs/<task>-<method>-<model>-<digest8>/
        run.json            what was asked and with what: resolved spec, versions, hardware, plugins
        adapter -> ../tunings/<digest>/adapter
        sandbox.json        what isolated the candidates, each layer with its proof, and their limits
        tuning.json         how it was tuned: losses, parameters, costs
        completions.jsonl   one line per problem as soon as it is written   (until records.jsonl is there)
        executions.jsonl    one line per problem as soon as it is judged    (until records.jsonl is there)
        costs.jsonl         one line per phase and attempt
        batch.json          how many problems were written at once; lowered.jsonl says when memory ran out
        records.jsonl       one line per problem: prompt digest, completions, executions, scores
        result.json         estimates with intervals, costs, counts of outcomes; written last

Every write survives SIGKILL: whole files are written beside their place, synced and renamed; lines are appended with
one write and synced. A torn last line is cut off and said so; the problem it belonged to is done again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import RunError
from harness.records import SCHEMA, Record, Row, Run, digest, from_json, to_json

COMPLETIONS, EXECUTIONS, COSTS = "completions.jsonl", "executions.jsonl", "costs.jsonl"
RECORDS, RESULT, RUN, TUNING = "records.jsonl", "result.json", "run.json", "tuning.json"
SANDBOX = "sandbox.json"


def run_id(run: Run) -> str:
    """The name of a run's folder: readable parts and eight digits of the digest of all that decides its completions.

    Metrics are not among them: they can be added to a run that is there.
    """
    options = {name: value for name, value in run.options.items() if name not in run.metrics}
    key = replace(run, metrics=(), ks=(), options=options)
    name = f"{run.task}-{run.method}-{run.model.name}{'-sample' if run.builtin_data else ''}"
    safe = "".join(c if c.isalnum() or c in "-+._" else "_" for c in name)
    return f"{safe}-{digest(key)[:8]}"


def write_json(path: Path, value: Any) -> None:
    """Replace `path` with the JSON of `value`, all or nothing."""
    write_text(path, json.dumps(to_json(value), indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Replace `path` with `text`, all or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(path)
    _sync_folder(path.parent)


def read_json(path: Path) -> Any:
    """The JSON of `path`.

    Raises:
        RunError: it is missing or torn.
    """
    try:
        return json.loads(path.read_bytes())  # UTF-8, lone surrogates included
    except FileNotFoundError:
        raise RunError(f"{path}: no such file") from None
    except ValueError as error:
        raise RunError(f"{path}: not JSON ({error}); delete the folder to run it again") from None


def line(value: Any) -> str:
    """`value` as one JSON line."""
    return json.dumps(to_json(value), ensure_ascii=False) + "\n"


def append(path: Path, value: Any) -> None:
    """Add one JSON line to `path`, in one write, synced."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line(value).encode("utf-8", "surrogatepass"))
        os.fsync(handle)
    finally:
        os.close(handle)


def lines(path: Path, *, repair: bool = False) -> Iterator[Any]:
    """The JSON lines of `path`; nothing when it does not exist.

    A last line without its end was torn by a crash: with `repair` it is cut off the file, else it is an error.

    Raises:
        RunError: a line is not JSON; names file and line.
    """
    if not path.exists():
        return
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        if not repair:
            raise RunError(f"{path}: the last line is torn; run the same command again to mend it")
        print(f"note: {path}: a torn last line was cut off; that problem is done again", file=sys.stderr)
        with path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
    for number, text in enumerate(data[:end].decode("utf-8", "surrogatepass").split("\n")[:-1], 1):
        try:
            yield json.loads(text)
        except ValueError as error:
            raise RunError(f"{path}, line {number}: not JSON ({error}); delete that line to do it again") from None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; two commands never write one run at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{folder}: another process is writing this run") from None
        yield


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_records(folder: Path) -> list[Record]:
    """The records of a finished run.

    Raises:
        RunError: a record does not fit its type; names file and line.
    """
    records = []
    path = folder / "records.jsonl"
    for number, value in enumerate(lines(path), 1):
        try:
            records.append(from_json(Record, value))
        except ValueError as error:
            raise RunError(f"{path}, line {number}: {error}") from None
    return records


def read_row(folder: Path) -> Row:
    """The leaderboard row of a finished run folder.

    Raises:
        RunError: it is not finished, torn, or of another schema.
    """
    return read_result(folder)[0]


def read_result(folder: Path) -> tuple[Row, Any]:
    """The row of a finished run folder, and the JSON of its `result.json`.

    Raises:
        RunError: it is not finished, torn, or of another schema.
    """
    path = folder / "result.json"
    data = read_json(path)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else None
        raise RunError(f"{path}: schema {found}, this harness reads {SCHEMA}")
    try:
        return from_json(Row, data["row"]), data
    except (ValueError, KeyError) as error:
        raise RunError(f"{path}: {error}") from None


def check_records(folder: Path, result: Any = None) -> None:
    """Refuse records that are not those from which `result` (the JSON of `result.json`) was computed.

    Raises:
        RunError: they were changed, torn or lost.
    """
    result = read_json(folder / RESULT) if result is None else result
    wanted = result.get("records_sha256")
    if wanted is not None and wanted != file_digest(folder / RECORDS):
        raise RunError(
            f"{folder / RECORDS}: not what {RESULT} was computed from: changed, torn or being scored again; "
            "if it was broken off run the same command again, else delete the folder"
        )


def file_digest(path: Path) -> str:
    """sha256 (hex) of the bytes of `path`.

    Raises:
        RunError: it is missing.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise RunError(f"{path}: no such file") from None


def finished(root: Path) -> list[Path]:
    """The folders below `root` (or `root` itself) that hold a result, sorted by name."""
    if (root / "result.json").is_file():
        return [root]
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if os.path.isfile(f"{entry.path}/{RESULT}"))  # noqa: PTH113
    return [root / name for name in names]

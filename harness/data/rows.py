"""The rows of one data file, each with the place it came from.

Read are JSON arrays, JSON lines, CSV and TSV with a header, parquet and Arrow files, text forms plain or as `.gz`, and
folders that `datasets` saved (`save_to_disk`). A broken row is an error that names the file, the line (or, where there
are no lines, the row) and the field.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness import integers
from harness.disk import describe_os_error
from harness.errors import DataError

ENDINGS = (".json", ".jsonl", ".csv", ".tsv", ".parquet", ".arrow")
COMPRESSED = ".gz"
_IN_WORDS = {
    str: "as text",
    list: "as a list",
    dict: "as an object",
    int: "as a whole number",
    bool: "as true or false",
}

V = TypeVar("V")


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
            raise self._missing(field)
        if not isinstance(value, kind):
            remedy = f"; write it {_IN_WORDS[kind]}" if kind in _IN_WORDS else ""
            raise DataError(f"{self.where}: field {field!r} is {type(value).__name__}, not {kind.__name__}{remedy}")
        return value

    def id(self, *fields: str) -> str:
        """The id of the row, text or a whole number: the first of `fields` that it has.

        Raises:
            DataError: it has none of them, or another type stands there.
        """
        field = next((name for name in fields if self.values.get(name) is not None), fields[0])
        value = self.values.get(field)
        if value is None:
            raise self._missing(field)
        if isinstance(value, bool) or not isinstance(value, int | str):
            remedy = "write it as text or as a whole number"
            raise DataError(f"{self.where}: field {field!r} is {type(value).__name__}, no id; {remedy}")
        return str(value)

    def json(self, field: str) -> Any:
        """The value of a field that holds JSON text, or what such a text would say."""
        value = self.values.get(field)
        if isinstance(value, dict | list):
            return value
        text = self.get(field, str)
        try:
            return integers.loads(text.removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            remedy = "mend it or take the row out"
            raise DataError(f"{self.where}: field {field!r} is not JSON ({_what(error)}); {remedy}") from None

    def _missing(self, field: str) -> DataError:
        if field in self.values:
            return DataError(f"{self.where}: field {field!r} is empty; fill it or take the row out")
        has = ", ".join(sorted(map(str, self.values))) or "none"
        return DataError(f"{self.where}: no field {field!r} (it has {has}); add it or take the row out")


def is_data(file: Path) -> bool:
    """Whether the name of `file` is one that `rows` reads."""
    return file.name.lower().removesuffix(COMPRESSED).endswith(ENDINGS)


def is_saved(folder: Path) -> bool:
    """Whether `folder` is a data set that `datasets` saved, without splits (`Dataset.save_to_disk`)."""
    return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()


def rows(file: Path) -> Iterator[DataRow]:
    """The rows of one data file, or of one folder that `datasets` saved."""
    name = file.name.lower().removesuffix(COMPRESSED)
    if file.is_dir():
        yield from _saved_rows(file)
    elif name.endswith(".arrow"):
        yield from _arrow_rows(file)
    elif name.endswith(".parquet"):
        yield from _parquet_rows(file)
    elif name.endswith((".csv", ".tsv")):
        yield from _table_rows(file, text(file), "\t" if name.endswith(".tsv") else ",")
    else:
        yield from _json_rows(file, text(file))


def text(file: Path) -> str:
    """The text of `file`, plain or `.gz`: UTF-8, with or without a byte order mark.

    Raises:
        DataError: it is missing, torn or not UTF-8.
    """
    try:
        data = file.read_bytes()
        if file.name.lower().endswith(COMPRESSED):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{file}: no such file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{file}: broken gzip file ({error}); fetch it again") from None
    except OSError as error:  # Python does not say which file a read has failed in
        raise DataError(describe_os_error(error, file)) from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None


def _json_rows(file: Path, content: str) -> Iterator[DataRow]:
    if content.lstrip()[:1] == "[":
        yield from _array_rows(file, content)
    else:
        yield from _line_rows(file, content)


def _line_rows(file: Path, content: str) -> Iterator[DataRow]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        try:
            value = integers.loads(line)
        except (ValueError, RecursionError) as error:
            raise _not_json(where, error) from None
        yield _row(value, where)


def _not_json(where: str, error: Exception) -> DataError:
    """What is wrong, and where in the line: an error of `json` counts lines of its own."""
    return DataError(f"{where}: not JSON ({_what(error)}); is the file cut off?")


def _what(error: Exception) -> str:
    return f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)


def _array_rows(file: Path, content: str) -> Iterator[DataRow]:
    decoder = json.JSONDecoder(parse_int=integers.parse_int)
    at, line, seen = content.index("[") + 1, 1, 0
    while True:
        while at < len(content) and content[at] in " \t\r\n,":
            at += 1
        line += content.count("\n", seen, at)
        seen = at
        if content[at : at + 1] == "]":
            return
        where = f"{file}, line {line}"
        try:
            value, at = decoder.raw_decode(content, at)
        except (ValueError, RecursionError) as error:
            raise _not_json(where, error) from None
        yield _row(value, where)


def _table_rows(file: Path, content: str, delimiter: str) -> Iterator[DataRow]:
    """An empty cell is a missing value: the format cannot tell the two apart."""
    # A cell holds whole programs and their tests; the limit is for strangers' files.
    csv.field_size_limit(max(csv.field_size_limit(), len(content) + 1))
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            where, line = f"{file}, line {line}", reader.line_num + 1
            if not cells:
                continue
            if header is None:
                header = _header(cells, where)
            elif len(cells) != len(header):
                remedy = "is a cell with a comma or a line's end not in quotes?"
                raise DataError(f"{where}: {len(cells)} cells under {len(header)} column names; {remedy}")
            else:
                yield DataRow({name: cell or None for name, cell in zip(header, cells, strict=True)}, where)
    except csv.Error as error:
        raise DataError(f"{file}, line {line}: broken table ({error}); is a quote not closed?") from None


def _header(cells: list[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{where}: two columns are called {twice!r}; rename one")
    return names


def _parquet_rows(file: Path) -> Iterator[DataRow]:
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(file).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file}: not a parquet file ({_error_text(error)}); fetch it again") from None
    for number, value in enumerate(table.to_pylist(), 1):
        yield _row(value, f"{file}, row {number}")


def _arrow_rows(file: Path) -> Iterator[DataRow]:
    import datasets
    import pyarrow

    try:
        dataset = datasets.Dataset.from_file(str(file))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{file}: not an Arrow file ({_error_text(error)}); save it again with datasets") from None
    for number, value in enumerate(dataset, 1):
        yield _row(value, f"{file}, row {number}")


def _saved_rows(folder: Path) -> Iterator[DataRow]:
    import datasets
    import pyarrow

    try:
        dataset = datasets.Dataset.load_from_disk(str(folder))
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: not whole ({_error_text(error)}); save it again with datasets") from None
    for number, value in enumerate(dataset, 1):
        yield _row(value, f"{folder}, row {number}")


def _error_text(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _row(value: Any, where: str) -> DataRow:
    if not isinstance(value, dict):
        raise DataError(f'{where}: expected an object, found {type(value).__name__}; write {{"field": …}}')
    return DataRow(value, where)

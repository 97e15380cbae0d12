"""Data sets on the Hugging Face hub: which text names one, and a copy of its files in the hub's own cache."""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path

from harness.errors import DataError, cache_errors

_ID = re.compile(r"(?P<repository>[A-Za-z0-9][\w.-]*/[\w.-]+)(@(?P<revision>[\w./-]+))?", re.ASCII)
REMEDY = "check the connection, or give the files with --data PATH"


def data_set_named(path: Path) -> tuple[str, str | None] | None:
    """The data set OWNER/NAME and the revision that `OWNER/NAME@REVISION` asks for; None where `path` is no such name.

    `rows/mine` below a folder `rows` that exists is a mistyped path.
    """
    found = _ID.fullmatch(str(path))
    if found is None or path.exists() or Path(path.parts[0]).exists():
        return None
    return found["repository"], found["revision"]


@cache_errors
@functools.cache
def download(repository: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    """The folder with the files of a data set that fit `patterns`; its name is the commit that `revision` stands for.

    Read once a process, so that all runs of a command see one commit; without a connection what was read before does.

    Raises:
        DataError: there is no such data set or revision, it may not be read, or the hub cannot be reached.
    """
    from huggingface_hub import errors, snapshot_download
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # what a proxy raises that refuses

    label = f"{repository}@{revision}" if revision else repository
    print(f"note: reading {label} from the Hugging Face hub, or from what was read before", file=sys.stderr)
    try:
        root = snapshot_download(repository, repo_type="dataset", revision=revision, allow_patterns=list(patterns))
    except errors.GatedRepoError:
        page = f"https://huggingface.co/datasets/{repository}"
        raise DataError(f"{label}: its owner wants your consent; give it at {page}, then: hf auth login") from None
    except errors.RepositoryNotFoundError:
        raise DataError(
            f"{label}: no file or folder here, and no data set on the hub that you may read; mend the name, "
            "or log in with: hf auth login"
        ) from None
    except errors.RevisionNotFoundError:
        raise DataError(f"{label}: the data set has no such revision; name a branch, a tag or a commit") from None
    except errors.HFValidationError as error:
        raise DataError(f"{label}: no name of a data set ({_first_line(error)}); mend it") from None
    except (OSError, HTTPError) as error:
        raise DataError(f"{label}: cannot be fetched from the hub ({_first_line(error)}); {REMEDY}") from None
    return Path(root)


def read_before(repository: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    """As `download`, of what was read before alone: the hub is not asked.

    Raises:
        DataError: the data set is not in the hub's cache on this machine, or not all of it.
    """
    from huggingface_hub import errors, snapshot_download

    label = f"{repository}@{revision}" if revision else repository
    try:
        root = snapshot_download(
            repository, repo_type="dataset", revision=revision, allow_patterns=list(patterns), local_files_only=True
        )
    except (errors.LocalEntryNotFoundError, errors.HFValidationError):
        raise DataError(f"{label}: this data set of the hub was not read here before") from None
    return Path(root)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0].rstrip(".")

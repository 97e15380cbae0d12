"""What the README of a data set on the hub says of its files: which belong to which split.

Its metadata may hold `configs`: named selections of files, one of which is the default
(https://huggingface.co/docs/hub/datasets-manual-configuration). Without them the names of files tell their splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import DataError

README = "README.md"


def split_patterns(root: Path, label: str) -> Mapping[str, Sequence[str]]:
    """The patterns of the files of each split of the default selection; none where the README names no default.

    Raises:
        DataError: the metadata cannot be read, or name files outside the data set.
    """
    import yaml
    from huggingface_hub import repocard

    path = root / README
    if not path.is_file():
        return {}
    try:
        configs = (repocard.metadata_load(path) or {}).get("configs") or ()
        patterns = _patterns(_default(configs))
    except (ValueError, TypeError, AttributeError, yaml.YAMLError):
        raise DataError(
            f"{label}: the metadata of its {README} cannot be read; give its files with --data PATH"
        ) from None
    for pattern in (one for some in patterns.values() for one in some):
        if pattern.startswith("/") or ".." in Path(pattern).parts:
            raise DataError(f"{label}: its {README} names files outside of it ({pattern}); give files with --data PATH")
    return patterns


def _default(configs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The selection that is read by default; nothing where there are several and none is marked or named so."""
    chosen = [one for one in configs if one.get("default")] or [
        one for one in configs if one.get("config_name") == "default"
    ]
    return chosen[0] if chosen else configs[0] if len(configs) == 1 else {}


def _patterns(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Split to patterns; files without a split are for training, as for `datasets`."""
    files = config.get("data_files") or []
    if isinstance(files, Mapping):
        return {split: _texts(paths) for split, paths in files.items()}
    found: dict[str, list[str]] = {}
    for one in [files] if isinstance(files, str) else files:
        split, paths = ("train", one) if isinstance(one, str) else (one["split"], one["path"])
        found.setdefault(split, []).extend(_texts(paths))
    return found


def _texts(paths: Any) -> list[str]:
    found = [paths] if isinstance(paths, str) else list(paths)
    if not all(isinstance(one, str) for one in found):
        raise ValueError("a path that is no text")
    return found

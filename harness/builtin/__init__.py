"""The model and the sample problems that ship in the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent


def facts() -> dict[str, Any]:
    """Whether the parts are there, and their sizes in bytes."""
    return {name: sum(_sizes(ROOT / name)) for name in ("model", "sample")}


def _sizes(folder: Path) -> Iterator[int]:
    return (file.stat().st_size for file in folder.rglob("*") if file.is_file())


def lines() -> list[str]:
    """`facts` in words."""
    return [f"built-in {name}: {f'{size / 1e6:.1f} MB' if size else 'missing'}" for name, size in facts().items()]

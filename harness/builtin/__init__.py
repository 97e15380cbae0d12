"""The model and the sample problems that ship in the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent


def facts() -> dict[str, Any]:
    """Whether the parts are there, and their sizes in bytes."""
    return {name: sum(f.stat().st_size for f in (ROOT / name).rglob("*") if f.is_file()) for name in ("model", "sample")}


def lines() -> list[str]:
    """`facts` in words."""
    return [f"built-in {name}: {f'{size / 1e6:.1f} MB' if size else 'missing'}" for name, size in facts().items()]

"""How long `harness leaderboard` takes on many runs, against the floor: reading and parsing the same files.

python benchmarks/leaderboard.py [rows]      prints processor seconds, the ratio to the floor, and the size of the page
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from synthetic import many


def floor(root: Path) -> float:
    """Seconds to read and parse every result and run file, and nothing else, in a fresh interpreter."""
    code = "import json, pathlib, sys\nfor f in pathlib.Path(sys.argv[1]).glob('*/*.json'): json.loads(f.read_text())\n"
    return seconds([sys.executable, "-c", code, str(root)])


def seconds(command: list[str]) -> float:
    """Processor seconds, the best of three: on a machine that others use too, the clock says little."""
    found = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def main() -> None:
    """Print one line for each form."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "runs"
        many(root, count)
        least = floor(root)
        print(f"{count} rows; floor (read and parse): {least:.2f} s")
        for form in ("json", "table", "html"):
            out = Path(folder) / f"out.{form}"
            words = ["leaderboard", str(root), "--format", form, "--output", str(out)]
            spent = seconds([sys.executable, "-m", "harness", *words])
            print(f"{form:6} {spent:6.2f} s  {spent / least:5.1f} x floor  {out.stat().st_size / 1e6:6.1f} MB")


if __name__ == "__main__":
    main()

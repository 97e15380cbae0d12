"""Keep test problems out of the corpus: the same pair, or nearly the same, as one of a test set.

A pair is nearly the same as a test problem where the normalised instructions are equal, or where at least half of the
test problem's runs of eight tokens (instruction and code together) occur in the pair.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

RUN = 8
SHARE = 0.5
TOKEN = re.compile(r"\w+|[^\w\s]")


def normalised(text: str) -> list[str]:
    """The text's words and signs in lower case, quotes and back-quotes left out."""
    return [t for t in TOKEN.findall(text.lower()) if t not in "`'\""]


def runs(tokens: Sequence[str]) -> set[str]:
    """All runs of eight tokens (the whole, where it is shorter)."""
    return {" ".join(tokens[i : i + RUN]) for i in range(max(1, len(tokens) - RUN + 1))}


@dataclass(slots=True)
class Blocklist:
    """Test problems: their instructions, and runs of eight tokens with the problems they come from."""

    intents: set[str] = field(default_factory=set)
    sizes: list[int] = field(default_factory=list)
    owners: dict[str, list[int]] = field(default_factory=dict)
    checked: int = 0
    dropped: int = 0

    def add(self, intent: str, code: str) -> None:
        """Block one test problem."""
        tokens = normalised(intent)
        self.intents.add(" ".join(tokens))
        found = runs(tokens + normalised(code))
        for run in found:
            self.owners.setdefault(run, []).append(len(self.sizes))
        self.sizes.append(len(found))

    def contains(self, intent: str, code: str) -> bool:
        """Whether the pair is a test problem or nearly one.  Counts what it is asked and what it finds."""
        self.checked += 1
        tokens = normalised(intent)
        if " ".join(tokens) in self.intents:
            self.dropped += 1
            return True
        shared: dict[int, int] = {}
        for run in runs(tokens + normalised(code)):
            for owner in self.owners.get(run, ()):
                shared[owner] = shared.get(owner, 0) + 1
        found = any(n >= SHARE * self.sizes[owner] for owner, n in shared.items())
        self.dropped += found
        return found

    def save(self, path: Path) -> None:
        """Write the list as JSON."""
        path.write_text(json.dumps({"intents": sorted(self.intents), "sizes": self.sizes, "owners": self.owners}))

    @classmethod
    def load(cls, path: Path) -> Blocklist:
        """Read what `save` wrote."""
        data = json.loads(path.read_text())
        return cls(set(data["intents"]), data["sizes"], data["owners"])

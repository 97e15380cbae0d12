"""Look for test problems in the corpus, after the fact: generated pairs, docstring pairs and source files.

    python -m recipe.model.check OUT.json --folder SITE_PACKAGES ... --test FILE ... --documents 4000

Generated documents are drawn again from the training seeds, the first `--documents` of each process, and counted
before and after the filter; of a source file it is asked whether it holds half of a test problem's runs of eight tokens.
"""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from recipe.model import functions, idioms, prepare
from recipe.model.contamination import RUN, SHARE, Blocklist, normalised

SEEDS = [seed * 1_000 + process for seed in (1, 2) for process in range(16)]


def generated(blocked: Blocklist, pairs: int) -> dict[str, int]:
    """How many generated pairs the filter sees and drops, *pairs* one-liners and as many programs a seed."""
    before = blocked.checked, blocked.dropped
    for seed in SEEDS:
        rng = random.Random(seed)
        for source in (idioms.pairs(rng), functions.pairs(rng)):
            for _ in range(pairs):
                pair = next(source)
                blocked.contains(pair.intent, pair.code)
    return {"seeds": len(SEEDS), "pairs": blocked.checked - before[0], "dropped": blocked.dropped - before[1]}


def in_sources(blocked: Blocklist, texts: list[str]) -> dict[str, int]:
    """How many test problems have at least half of their runs in one source file."""
    found: set[int] = set()
    for text in texts:
        tokens = normalised(text)
        shared: dict[int, int] = {}
        for run in {" ".join(tokens[i : i + RUN]) for i in range(max(1, len(tokens) - RUN + 1))}:
            for owner in blocked.owners.get(run, ()):
                shared[owner] = shared.get(owner, 0) + 1
        found |= {owner for owner, n in shared.items() if n >= SHARE * blocked.sizes[owner]}
    return {"files": len(texts), "problems_found": len(found)}


def main() -> None:
    """Check everything and write the counts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", action="append", default=[])
    parser.add_argument("--test", action="append", default=[], type=Path)
    parser.add_argument("--documents", type=int, default=1_000)
    args = parser.parse_args()
    blocked = prepare.blocklist(args.test)
    files, _ = prepare.sources(args.folder)
    described = [p for _, text in files for p in prepare.docstring_pairs(text)]
    dropped = sum(blocked.contains(p.intent, p.code) for p in described)
    result = {
        "test_problems": len(blocked.sizes),
        "generated": generated(blocked, args.documents),
        "docstrings": {"pairs": len(described), "dropped": dropped},
        "sources": in_sources(blocked, [text for _, text in files]),
    }
    args.out.write_text(json.dumps(result, indent=1))
    print(json.dumps(result))


if __name__ == "__main__":
    main()

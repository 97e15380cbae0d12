"""Build what pretraining needs from what is installed here: tokenizer, source tokens, docstring pairs, blocklist.

    python -m recipe.model.prepare OUT --folder SITE_PACKAGES ... [--test FILE ...]

writes OUT/tokenizer/, OUT/sources.xz and OUT/docstrings.xz (uint16 tokens, documents end with the end token),
OUT/blocklist.json and OUT/prepare.json (distributions, licences, counts).
"""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import argparse
import ast
import json
import lzma
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from recipe.model import corpus, documents, tokenizer
from recipe.model.contamination import Blocklist
from recipe.model.idioms import Pair

SEED = 20261123
# The distributions nearest to what people ask about are taken whole, the large others in part (characters).
WHOLE = {"python (standard library)", "pandas", "numpy", "matplotlib", "requests"}
SHARE = 5_000_000
TOKENIZER_SHARE = 24_000_000


def sources(folders: list[str]) -> tuple[list[tuple[str, str]], list[dict[str, object]]]:
    """The usable source files as (distribution, text), shuffled, and one row about each distribution."""
    rng = random.Random(SEED)
    by_name: dict[str, list[str]] = {}
    about: dict[str, corpus.Source] = {}
    for source, text in corpus.files_of([corpus.standard_library(), *corpus.distributions(folders)]):
        by_name.setdefault(source.name, []).append(text)
        about[source.name] = source
    files, rows = [], []
    for name, texts in by_name.items():
        rng.shuffle(texts)
        size = 0
        taken = 0
        for text in texts:
            if name not in WHOLE and size > SHARE:
                break
            size += len(text)
            taken += 1
            files.append((name, text))
        rows.append(
            {
                "name": name,
                "version": about[name].version,
                "licence": about[name].licence,
                "files": taken,
                "characters": size,
            }
        )
    rng.shuffle(files)
    return files, rows


def docstring_pairs(text: str) -> Iterator[Pair]:
    """First sentence of a docstring with the function it describes, docstring removed; one-line returns as expressions."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or len(node.body) < 2:
            continue
        described = ast.get_docstring(node)
        if not described or not len(described) >= 12:
            continue
        sentence = described.split("\n\n")[0].replace("\n", " ").strip()
        if len(sentence) > 240 or ">>>" in sentence:
            continue
        node.body = node.body[1:]
        if len(node.body) == 1 and isinstance(node.body[0], ast.Return) and node.body[0].value is not None:
            expression = ast.unparse(node.body[0].value)
            if 4 < len(expression) < 160:
                yield Pair(sentence, expression)
        node.decorator_list = []
        code = ast.unparse(node)
        if len(code) < 1_200:
            yield Pair(sentence, code)


def docstring_documents(files: list[tuple[str, str]], blocked: Blocklist) -> Iterator[str]:
    """Documents of docstring pairs in the layouts of `documents`, each pair once."""
    rng = random.Random(SEED)
    pairs = [p for _, text in files for p in docstring_pairs(text) if not blocked.contains(p.intent, p.code)]
    pairs = list(dict.fromkeys(pairs))
    rng.shuffle(pairs)
    while pairs:
        layout = rng.choice(documents.SHORT)
        many = [pairs.pop() for _ in range(min(len(pairs), rng.randrange(1, 6)))]
        yield "\n".join(layout(p, i + 1) for i, p in enumerate(many)).strip("\n")


def blocklist(tests: list[Path]) -> Blocklist:
    """The test problems in *tests*: JSON lists or JSON lines, in the shapes of the three tasks."""
    blocked = Blocklist()
    for path in tests:
        text = path.read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
        for row in rows:
            intent = row.get("nl") or row.get("instruction") or row["question"]
            codes = json.loads(row["solutions"]) if "solutions" in row else [row.get("cmd") or row["output"]]
            for code in codes:
                blocked.add(intent, code)
    return blocked


def encode(tok: Tokenizer, texts: list[str]) -> np.ndarray:
    """All texts as one row of uint16 tokens, each followed by the end token."""
    end: Any = tok.token_to_id(tokenizer.EOS)
    parts: list[int] = []
    for start in range(0, len(texts), 1_000):
        for encoding in tok.encode_batch_fast(texts[start : start + 1_000], add_special_tokens=False):
            parts += encoding.ids
            parts.append(end)
    return np.asarray(parts, dtype=np.uint16)


def main() -> None:
    """Build everything."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--folder", action="append", default=[], help="a site-packages folder to take distributions from"
    )
    parser.add_argument("--test", action="append", default=[], type=Path, help="a file of test problems to keep out")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    blocked = blocklist(args.test)
    blocked.save(args.out / "blocklist.json")
    files, rows = sources(args.folder)
    rng = random.Random(SEED)
    sample, size = [], 0
    for _, text in files:
        if size < TOKENIZER_SHARE:
            sample.append(text)
            size += len(text)
    made = documents.documents(SEED, blocked)
    sample += [next(made) for _ in range(24_000)]
    rng.shuffle(sample)
    tok = tokenizer.train(sample)
    tokenizer.save(tok, args.out / "tokenizer")
    counts = {"blocked": len(blocked.sizes)}
    for name, texts in (("docstrings", list(docstring_documents(files, blocked))), ("sources", [t for _, t in files])):
        tokens = encode(tok, texts)
        counts[name] = len(tokens)
        (args.out / f"{name}.xz").write_bytes(lzma.compress(tokens.tobytes(), preset=3))
    (args.out / "prepare.json").write_text(
        json.dumps({"seed": SEED, "counts": counts, "distributions": rows}, indent=1)
    )
    print(counts)


if __name__ == "__main__":
    main()

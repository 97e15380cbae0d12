"""Random names and literals: what the slots of an instruction and its code are filled with.

Names and literals vary without end on purpose: copying them from the instruction into the code is the skill to learn.
"""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

LEXICON: dict[str, Any] = json.loads((Path(__file__).parent / "lexicon.json").read_text(encoding="utf-8"))
NOUNS: list[str] = LEXICON["nouns"]
ADJECTIVES: list[str] = LEXICON["adjectives"]
LETTERS: list[str] = LEXICON["letters"]
WORDS: list[str] = LEXICON["words"]
COLUMNS: list[str] = LEXICON["columns"]
FILES: list[str] = LEXICON["files"]
EXTENSIONS: list[str] = LEXICON["extensions"]
DELIMITERS: list[str] = LEXICON["delimiters"]
DATE_FORMATS: list[str] = LEXICON["date_formats"]
PATTERNS: list[str] = LEXICON["patterns"]
FUNCTIONS: list[str] = LEXICON["functions"]
VERBS: list[str] = LEXICON["verbs"]
CLASSES: list[str] = LEXICON["classes"]
MODULES: list[str] = LEXICON["modules"]
EXCEPTIONS: list[str] = LEXICON["exceptions"]
ENVIRONMENT: list[str] = LEXICON["environment"]
COMMANDS: list[str] = LEXICON["commands"]
SITES: list[str] = LEXICON["sites"]
TAGS: list[str] = LEXICON["tags"]
XPATHS: list[str] = LEXICON["xpaths"]
ENCODINGS: list[str] = LEXICON["encodings"]
COMMON: dict[str, list[str]] = LEXICON["common"]


def name(rng: random.Random, kind: str) -> str:
    """A variable name of the kind of thing that *kind* stands for (a list, a dictionary, a loop variable ...)."""
    usual = COMMON[kind]
    if kind in ("i", "fh", "df") or rng.random() < 0.45:
        return rng.choice(usual) if kind != "df" or rng.random() < 0.8 else f"df_{rng.choice(NOUNS)}"
    noun = rng.choice(NOUNS)
    plural = noun + "s" if kind in ("l", "d", "a", "st") else noun
    form = rng.randrange(8)
    if form == 0:
        return f"{rng.choice(ADJECTIVES)}_{plural}"
    if form == 1:
        return f"{noun}_{rng.choice(usual)}"
    if form == 2:
        return f"{rng.choice(ADJECTIVES)}{plural.capitalize()}"
    if form == 3:
        return rng.choice(usual) + str(rng.randrange(1, 4))
    if form == 4:
        return rng.choice(LETTERS) if rng.random() < 0.7 else rng.choice(LETTERS).upper()
    if form == 5:
        return f"{noun}{rng.choice(NOUNS).capitalize()}s"
    if form == 6:
        return f"{noun}_{rng.choice(NOUNS)}"
    return plural


def identifier(rng: random.Random, usual: list[str]) -> str:
    """A function or class name: one of the usual, or made of verbs and nouns in the style of the usual ones."""
    pick = rng.choice(usual)
    if rng.random() < 0.3:
        return pick
    if not pick[0].isupper() and rng.random() < 0.5:
        verb = rng.choice(VERBS)
        return verb if rng.random() < 0.5 else f"{verb}_{rng.choice(NOUNS)}{rng.choice(['', 's'])}"
    first, second = rng.choice(NOUNS), rng.choice(NOUNS)
    if pick[0].isupper():
        return first.capitalize() + (second.capitalize() if rng.random() < 0.5 else "")
    return f"{first}_{second}" if rng.random() < 0.7 else f"get_{first}"


def number(rng: random.Random) -> int:
    """A small integer, as people write them in examples: low ones often, round ones sometimes."""
    form = rng.random()
    if form < 0.6:
        return rng.randrange(2, 11)
    if form < 0.85:
        return rng.randrange(2, 100)
    return rng.choice([0, 1, 50, 100, 200, 255, 500, 1000, rng.randrange(100, 5000)])


def word(rng: random.Random) -> str:
    """A literal word: common, capitalised, with digits, two words, or a few random letters."""
    form = rng.random()
    pick = rng.choice(WORDS)
    if form < 0.55:
        return pick
    if form < 0.65:
        return pick.capitalize()
    if form < 0.72:
        return pick.upper()
    if form < 0.80:
        return pick + str(rng.randrange(1, 100))
    if form < 0.90:
        return f"{pick}{rng.choice(' _-.')}{rng.choice(WORDS)}"
    return "".join(rng.choices(LETTERS, k=rng.randrange(1, 7)))


def phrase(rng: random.Random) -> str:
    """A literal of a few words, sometimes with end punctuation."""
    text = " ".join(rng.choices(WORDS, k=rng.randrange(2, 6)))
    text = text.capitalize() if rng.random() < 0.6 else text
    return text + rng.choice(["", "", "", "!", ".", "?", ": ", "...", " "])


def file_name(rng: random.Random) -> str:
    """A file name or path with an extension."""
    stem = rng.choice(FILES) if rng.random() < 0.7 else rng.choice(NOUNS) + rng.choice(["", "s", "_1", "2"])
    folder = rng.choice(["", "", "", "", "/tmp/", "data/", "./", "C:/", "/path/to/", "../"])
    return f"{folder}{stem}.{rng.choice(EXTENSIONS)}"


def folder(rng: random.Random) -> str:
    """A path of a folder."""
    return rng.choice(
        [
            "/tmp",
            "/home/user",
            "data",
            "./data",
            "/path/to/dir",
            "/mydir",
            "C:/Users",
            "/var/log",
            "src",
            "images",
            "/path/to/" + rng.choice(NOUNS),
            rng.choice(NOUNS) + "s",
            "/home/" + rng.choice(WORDS),
            "../" + rng.choice(NOUNS),
        ]
    )


def url(rng: random.Random) -> str:
    """A web address on a reserved or well-known host."""
    return f"http{rng.choice(['', 's'])}://{rng.choice(['', 'www.'])}{rng.choice(SITES)}{rng.choice(['', '/', '/' + rng.choice(NOUNS), '/api/' + rng.choice(NOUNS), '/' + rng.choice(FILES) + '.html'])}"


def literal(rng: random.Random, kind: str) -> str | None:
    """A literal that can stand for a variable of *kind* in instruction and code, or None where none fits."""
    length = rng.randrange(2, 6)
    ints = [rng.randrange(0, 60) if rng.random() < 0.8 else rng.randrange(-20, 500) for _ in range(length)]
    words = [word(rng) for _ in range(length)]
    if kind == "li":
        return repr(ints)
    if kind == "ls":
        return repr([str(i) for i in ints]) if rng.random() < 0.3 else repr(words)
    if kind == "l":
        return repr(rng.choice([ints, words, list("abcdef"[:length])]))
    if kind == "ll":
        return repr([[rng.randrange(10) for _ in range(2)] for _ in range(length - 1)])
    if kind == "lt":
        return repr([(rng.choice(words), rng.randrange(20)) for _ in range(length - 1)])
    if kind == "d":
        return repr(dict(zip(words, ints, strict=True)))
    if kind == "s":
        return repr(phrase(rng).strip() if rng.random() < 0.6 else word(rng))
    if kind == "x":
        return str(number(rng))
    return None

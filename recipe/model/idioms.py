"""Instruction/code pairs of one idiom each, unfolded from the families in `idioms/*.txt`.

A family is a block of lines: first the wordings people use, then the ways to write it in Python (`> `, continued by
`| `).  `$kind` is a slot: `$l` a list's name, `$S` a string literal, `$n` a number ...; `<a|b>` is a choice of words, `!u`
after it makes the choice a slot.  The first way to write it is the usual one and comes up most often.
"""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from recipe.model import values

NAMES = (
    "li",
    "ls",
    "ll",
    "lt",
    "ld",
    "l",
    "df",
    "dt",
    "d",
    "s",
    "a",
    "st",
    "t",
    "x",
    "y",
    "z",
    "o",
    "v",
    "fh",
    "ser",
    "i",
    "j",
    "k",
)
TEXTS = (
    "Sx",
    "S",
    "P",
    "C",
    "K",
    "E",
    "col",
    "f",
    "dir",
    "ext",
    "url",
    "rx",
    "fmt",
    "enc",
    "cmd",
    "tag",
    "xp",
    "tbl",
    "datestr",
    "datefmt",
)
NUMBERS = ("n", "m", "year", "port")
BARE = ("fn", "cls", "attr", "mod", "exc")
PHRASES = ("p", "mp", "sp", "sm", "nth", "nordth", "nord", "u")
KINDS = sorted(NAMES + TEXTS + NUMBERS + BARE + PHRASES, key=len, reverse=True)
SLOT = re.compile(r"\$(" + "|".join(KINDS) + r")(raw|rx)?(\d?)(?:(?<=p|m):([a-z]))?")
CHOICE = re.compile(r"<([^<>]*\|[^<>]*)>(?:!u)?")
MUTATES = re.compile(
    r"\$\w+\.(append|extend|sort|insert|pop|remove|update|clear|reverse|add|discard)\(|\$\w+\[[^\]]*\] [+*]?= |^del |^global |\$x\.|^(\$\w+(, )?)+ [+]?= "
)
ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "6th", 7: "7th", 8: "8th", 10: "10th"}
FIRST_WORD: dict[str, list[str]] = values.LEXICON["first_word"]
NTH: list[tuple[str, str]] = [(a, b) for a, b in values.LEXICON["nth"]]
PREDICATES: list[tuple[str, str]] = [(a, b) for a, b in values.LEXICON["predicates"]]
MAPS: list[tuple[str, str]] = [(a, b) for a, b in values.LEXICON["maps"]]
STRING_PREDICATES: list[tuple[str, str]] = [(a, b) for a, b in values.LEXICON["string_predicates"]]
STRING_MAPS: list[tuple[str, str]] = [(a, b) for a, b in values.LEXICON["string_maps"]]
PHRASE_LISTS = {"p": PREDICATES, "mp": MAPS, "sp": STRING_PREDICATES, "sm": STRING_MAPS}


@dataclass(frozen=True, slots=True)
class Pair:
    """One instruction and the code that answers it."""

    intent: str
    code: str


@dataclass(frozen=True, slots=True)
class Family:
    """One idiom: how people ask for it and how it is written."""

    wordings: tuple[str, ...]
    codes: tuple[str, ...]


@cache
def families() -> tuple[Family, ...]:
    """All families, in the order of the files' names."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "idioms").glob("*.txt"))]
    return tuple(_parse(block) for text in texts for block in text.strip().split("\n\n"))


def _parse(block: str) -> Family:
    wordings, codes = [], []
    for line in block.split("\n"):
        if line.startswith("> "):
            codes.append(line[2:])
        elif line.startswith("|"):
            codes[-1] += "\n" + line[2:]
        else:
            wordings.append(line.strip())
    return Family(tuple(wordings), tuple(codes))


@dataclass(slots=True)
class _Value:
    """A slot's value: as shown in the instruction, as written in code, and bare (inside a longer literal)."""

    shown: str
    written: str
    bare: str = ""


class _Slots:
    """The slot values of one pair, drawn when first asked for, names all different."""

    def __init__(self, rng: random.Random, asked: set[str], *, literals: bool) -> None:
        self.rng, self.asked, self.literals = rng, asked, literals
        self.drawn: dict[str, _Value] = {}
        self.names: set[str] = set()
        self.date_format = ""
        self.quotes = rng.choices(["``", "", "''", '""'], [78, 10, 6, 6])[0]
        self.text_quotes = rng.choices(["''", '""', "``", ""], [52, 20, 23, 5])[0]

    def get(self, kind: str, index: str) -> _Value:
        key = ("nord" if kind == "nordth" else kind) + index
        if key not in self.drawn:
            self.drawn[key] = self._draw(kind, key)
        value = self.drawn[key]
        return _Value(ORDINALS[int(value.written)], value.written) if kind == "nordth" else value

    def _draw(self, kind: str, key: str) -> _Value:
        rng = self.rng
        if kind in NAMES:
            return self._name(kind, key)
        if kind in TEXTS:
            return self._text(kind)
        if kind in NUMBERS:
            number = _NUMBER[kind](rng)
            return _Value(f"`{number}`" if rng.random() < 0.12 else str(number), str(number), str(number))
        if kind in BARE:
            return self._bare(kind)
        if kind == "nth":
            return _Value(*rng.choice(NTH))
        if kind in ("nord", "nordth"):
            number = rng.choice(list(ORDINALS))
            return _Value(str(number), str(number))
        return self._phrase(kind)

    def _name(self, kind: str, key: str) -> _Value:
        rng = self.rng
        loop = key not in self.asked
        if not loop and self.literals and rng.random() < 0.16:
            text = values.literal(rng, kind)
            if text is not None:
                quoted = text if kind == "s" and rng.random() < 0.6 else f"`{text}`"
                return _Value(quoted, text, text)
        for _ in range(20):
            name = (
                self._loop_name(kind, key)
                if loop
                else values.name(
                    rng,
                    {"li": "l", "ls": "l", "ll": "l", "lt": "l", "ld": "l", "y": "x", "z": "x", "j": "i", "k": "x"}.get(
                        kind, kind
                    ),
                )
            )
            if name not in self.names:
                break
        self.names.add(name)
        shown = f"{self.quotes[:1]}{name}{self.quotes[1:]}"
        return _Value(shown, name, name)

    def _loop_name(self, kind: str, key: str) -> str:
        usual = {
            "k": ["k", "k", "k", "key"],
            "v": ["v", "v", "v", "value", "val"],
            "x": ["x", "a", "i"],
            "y": ["y", "b", "j"],
            "j": ["j", "idx"],
            "i": ["x", "x", "i", "i", "item", "e", "elem", "s", "t", "a", "el"],
        }
        return (
            self.rng.choice(usual.get(kind, ["y", "j", "sub", "d", "data", "args"]))
            if key[-1] not in "23"
            else self.rng.choice(["y", "sub", "sublist", "row", "l", "inner"])
        )

    def _bare(self, kind: str) -> _Value:
        rng = self.rng
        name = {
            "fn": lambda: values.identifier(rng, values.FUNCTIONS),
            "cls": lambda: values.identifier(rng, values.CLASSES),
            "attr": lambda: (
                rng.choice(values.NOUNS)
                if rng.random() < 0.7
                else rng.choice(["name", "id", "age", "price", "date", "count", "title"])
            ),
            "mod": lambda: rng.choice(values.MODULES),
            "exc": lambda: rng.choice(values.EXCEPTIONS),
        }[kind]()
        return _Value(f"{self.quotes[:1]}{name}{self.quotes[1:]}", name, name)

    def _text(self, kind: str) -> _Value:
        rng = self.rng
        if kind == "datefmt":
            text = self.date_format
        elif kind == "datestr":
            import datetime

            self.date_format = rng.choice(values.DATE_FORMATS)
            text = (datetime.datetime(2000, 1, 1) + datetime.timedelta(minutes=rng.randrange(15_000_000))).strftime(
                self.date_format
            )
        else:
            text = _TEXT[kind](rng)
        if kind == "C":
            quotes = rng.choice(["''", "''", '""'])
        else:
            quotes = self.text_quotes if self.text_quotes or (text.isidentifier() and kind not in ("S", "P")) else "''"
        if "'" in text and quotes == "''":
            quotes = "``"
        shown = repr(text)[1:-1] if kind == "C" else text
        return _Value(f"{quotes[:1]}{shown}{quotes[1:]}", repr(text), text)

    def _phrase(self, kind: str) -> _Value:
        rng = self.rng
        text, code = rng.choice(PHRASE_LISTS[kind])
        low = rng.randrange(2, 12) if rng.random() < 0.8 else rng.randrange(10, 100)
        for mark, value in (
            ("#2", str(low + rng.randrange(1, 30))),
            ("#", str(low)),
            ("~", rng.choice(values.LETTERS) if rng.random() < 0.5 else rng.choice(values.WORDS)),
        ):
            text, code = text.replace(mark, value), code.replace(mark, value)
        return _Value(text, code)


_NUMBER: dict[str, Callable[[random.Random], int]] = {
    "n": values.number,
    "m": values.number,
    "year": lambda r: r.randrange(1990, 2030),
    "port": lambda r: r.choice([80, 8000, 8080, 5000, r.randrange(1000, 9999)]),
}
_TEXT: dict[str, Callable[[random.Random], str]] = {
    "S": values.word, "Sx": lambda r: "".join(r.choices(values.LETTERS, k=r.randrange(1, 4))), "P": values.phrase, "C": lambda r: r.choice(values.DELIMITERS if r.random() < 0.6 else [",", " ", "-", ";", "_"]),
    "K": lambda r: values.word(r) if r.random() < 0.4 else r.choice(values.COLUMNS) if r.random() < 0.5 else r.choice(values.NOUNS), "E": lambda r: r.choice(values.ENVIRONMENT),
    "col": lambda r: r.choice(values.COLUMNS) if r.random() < 0.6 else values.name(r, "x"), "f": values.file_name, "dir": values.folder, "ext": lambda r: "." + r.choice(values.EXTENSIONS), "url": values.url,
    "rx": lambda r: r.choice(values.PATTERNS), "fmt": lambda r: r.choice(values.DATE_FORMATS), "enc": lambda r: r.choice(values.ENCODINGS), "cmd": lambda r: r.choice(values.COMMANDS),
    "tag": lambda r: r.choice(values.TAGS), "xp": lambda r: r.choice(values.XPATHS), "tbl": lambda r: r.choice(values.NOUNS) + "s",
}  # fmt: skip


def unfold(family: Family, rng: random.Random) -> Pair:
    """One pair of *family* with random names and literals."""
    wording = rng.choice(family.wordings)
    weights = [3.0] + [1.0] * (len(family.codes) - 1)
    code = rng.choices(family.codes, weights)[0]
    chosen = ""

    def choose(match: re.Match[str]) -> str:
        nonlocal chosen
        word: str = rng.choice(match[1].split("|"))
        if match[0].endswith("!u"):
            chosen = word
        return word

    wording = CHOICE.sub(choose, wording)
    asked = {m[1] + m[3] for m in SLOT.finditer(wording)}
    literals = not MUTATES.search(code) and "\n" not in code
    slots = _Slots(rng, asked, literals=literals)

    def show(match: re.Match[str]) -> str:
        if match[1] == "u":
            return chosen
        value = slots.get(match[1], match[3])
        before = wording[match.start() - 1 : match.start()]
        if match[2] or (before in ("'", "-", "(", "/", "{") and before):
            return value.bare or value.written
        return value.shown

    def write(match: re.Match[str]) -> str:
        if match[1] == "u":
            return chosen
        value = slots.get(match[1], match[3])
        if match[4]:
            return value.written.replace("@", slots.get(match[4], "").written)
        if match[2] == "raw":
            return (
                (value.bare or value.written)
                .replace("\\", "\\\\")
                .replace("'", "\\'")
                .replace("\n", "\\n")
                .replace("\t", "\\t")
            )
        if match[2] == "rx":
            return re.escape(value.bare).replace("\\", "\\\\").replace("\n", "n").replace("\t", "t")
        return value.written

    intent = SLOT.sub(show, wording)
    return Pair(intent, SLOT.sub(write, code))


def _reword(intent: str, rng: random.Random) -> str:
    first, _, rest = intent.partition(" ")
    if first in FIRST_WORD and rng.random() < 0.6:
        intent = f"{rng.choice(FIRST_WORD[first])} {rest}"
    form = rng.random()
    if form < 0.55:
        return intent
    if form < 0.75:
        return intent[0].upper() + intent[1:]
    if form < 0.80:
        return f"{intent} in python"
    if form < 0.83:
        return f"python: {intent}" if rng.random() < 0.5 else f"Python {intent}"
    if form < 0.90:
        return f"How to {intent}{rng.choice(['?', '', ' in Python?'])}"
    if form < 0.93:
        return f"How do I {intent}{rng.choice(['?', ' in Python?'])}"
    if form < 0.96:
        return intent[0].upper() + intent[1:] + "."
    gerund = {
        "get": "getting",
        "sort": "sorting",
        "convert": "converting",
        "remove": "removing",
        "find": "finding",
        "check": "checking",
        "split": "splitting",
        "replace": "replacing",
        "create": "creating",
    }
    first, _, rest = intent.partition(" ")
    return f"{gerund.get(first, first)} {rest}"


def _wrap(pair: Pair, rng: random.Random) -> Pair:
    """Now and then the value is kept in a variable or printed, asked for or not."""
    code = pair.code
    simple = "\n" not in code and not re.match(
        r"(for|if|while|with|import|from|def|class|raise|return|del|assert|global|except|try|print|@)\b", code
    )
    if not simple or re.search(r"(^|[^=!<>])=[^=]", re.sub(r"\(.*\)", "", code)):
        return pair
    form = rng.random()
    if form < 0.05:
        target = values.name(rng, rng.choice(["v", "l", "x"]))
        ask = rng.choice(
            [
                " and store it in `{}`",
                " and assign it to `{}`",
                " and save the result in variable `{}`",
                " as `{}`",
                " into `{}`",
            ]
        )
        return Pair(pair.intent + ask.format(target), f"{target} = {code}")
    if form < 0.07:
        return Pair(
            rng.choice(["{} and print it", "{} and print the result", "print the result: {}"]).format(pair.intent),
            f"print({code})",
        )
    if form < 0.09:
        return Pair(pair.intent, f"print({code})")
    if form < 0.12:
        return Pair(pair.intent, f"{values.name(rng, 'v')} = {code}")
    return pair


def _restyle(code: str, rng: random.Random) -> str:
    """Spellings that code printers use: triple quotes before a method call, brackets around a negative index."""
    if rng.random() < 0.5:
        code = re.sub(
            r"(^|(?<=[\s(\[=]))'([^'\\\n]*)'(?=\.(join|split|format|replace|strip|lower|upper|encode|decode|count|startswith|endswith|zfill|rjust|ljust|find|index)\()",
            r'"""\2"""',
            code,
        )
    if rng.random() < 0.3:
        code = re.sub(r"\[-(\d+)\]", r"[(-\1)]", code)
    if rng.random() < 0.1:
        code = re.sub(r"(?<![\w\])])in ([a-z_]+)\.items\(\)", r"in list(\1.items())", code)
    return code


def pairs(rng: random.Random) -> Iterator[Pair]:
    """Pairs without end: each draws a family, its wording, names, literals and style."""
    known = families()
    while True:
        pair = _wrap(unfold(rng.choice(known), rng), rng)
        yield Pair(_reword(pair.intent, rng), _restyle(pair.code, rng))

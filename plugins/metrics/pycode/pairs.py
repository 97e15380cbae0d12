"""What a prediction shares with its references, as whole numbers that add up over problems.

`Judge.sums` is the only place that knows how the profiles of CodeBLEU differ; see docs/metrics.md.
"""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from functools import lru_cache

from harness.plugins.metrics.pycode.bags import ORDERS, Bag, among, bag, grams
from harness.plugins.metrics.pycode.comments import without_java_comments, without_python_comments
from harness.plugins.metrics.pycode.dataflow import Lost, compile_flow, follow, normalised
from harness.plugins.metrics.pycode.tree import Grammar, Reader, Reading, Shapes

PAPER, PYPI, FIXED = range(3)
PROFILES = ("paper", "pypi", "fixed")

SUMS = (
    "profile", "length", "reference_length", "weighted_reference_length",
    "ngram_match_1", "ngram_match_2", "ngram_match_3", "ngram_match_4",
    "ngram_total_1", "ngram_total_2", "ngram_total_3", "ngram_total_4",
    "weighted_match_1", "weighted_match_2", "weighted_match_3", "weighted_match_4",
    "weighted_total_1", "weighted_total_2", "weighted_total_3", "weighted_total_4",
    "syntax_match", "syntax_total", "dataflow_match", "dataflow_total", "unparsable", "with_dataflow",
)  # fmt: skip
"""What `Judge.sums` counts. Weighted 1-grams count in fifths: 5 for a keyword, 1 for another token."""

Sums = tuple[int, ...]

_KEYWORDS = frozenset(keyword.kwlist)  # the same 35 in Python 3.11, 3.12 and 3.13
_SOFT_KEYWORDS = frozenset({"match", "case", "type"})
_KEYWORD_WEIGHT = 5
_PUBLISHED_REFERENCE_LENGTH = 2
"""The published weighted part takes len([tokens, weights]) for every reference's length."""

_CACHED_LENGTH = 1 << 15
_CACHED_TEXTS = 1 << 13
_KNOWN_SHAPES = 1 << 20


class Text:
    """One text, read once: everything that a comparison needs of it, computed when it is first asked for."""

    __slots__ = ("_flow", "_grams", "_keys", "_keywords", "_number", "_reading", "broken", "length", "mended",
                 "shape_bag", "shapes", "tokens", "totals")  # fmt: skip

    def __init__(
        self, tokens: Sequence[str], reading: Reading, shapes: Shapes, keywords: frozenset[str], mended: bool
    ) -> None:
        self.tokens, self.mended = tokens, mended
        self.length = len(tokens)
        self.totals = tuple([max(0, self.length - n + 1) for n in ORDERS])
        self._grams: dict[int, Bag] = {}
        self._keywords = keywords
        self._keys: Bag | None = None
        self.shapes = reading.shapes
        self.shape_bag: Bag = bag(reading.shapes) if mended else frozenset(reading.shapes)
        self.broken = reading.broken
        self._reading: Reading | None = reading
        self._number = shapes.number
        self._flow: tuple[Bag, int] = (frozenset(), 0)

    def grams(self, order: int) -> Bag:
        """The bag of n-grams of one order."""
        bag_of_order = self._grams.get(order)
        if bag_of_order is None:
            bag_of_order = self._grams[order] = grams(self.tokens, order)
        return bag_of_order

    def keys(self) -> Bag:
        """The bag of keywords."""
        if self._keys is None:
            self._keys = among(self.grams(1), self._keywords)
        return self._keys

    def shared(self, other: Text) -> list[Bag]:
        """For each order the n-grams that both have."""
        common: list[Bag] = []
        for order in ORDERS:
            common.append(self.grams(order) & other.grams(order))
            if not common[-1]:  # without a common n-gram there is no longer one
                return common + [frozenset()] * (len(ORDERS) - order)
        return common

    def flow(self) -> tuple[Bag, int]:
        """The bag of data-flow items and their number."""
        if self._reading is not None:
            try:
                steps = compile_flow(self._reading, mended=self.mended)
            except Lost:
                steps = []
            edges, taking_part = follow(self._reading, steps)
            items = normalised(edges, taking_part, self._reading.names, self._number)
            self._flow, self._reading = (bag(items), len(items)), None
        return self._flow


class Judge:
    """Compares predictions with references under one profile. Not for use by several threads at once."""

    def __init__(self, profile: str, flatten: bool) -> None:
        self.profile = PROFILES.index(profile)
        self.mended = self.profile == FIXED
        self.flatten = flatten
        self.keywords = _KEYWORDS | _SOFT_KEYWORDS if self.profile == PYPI else _KEYWORDS
        self.grammar = _grammar()
        self._forget()

    def _forget(self) -> None:
        self.shapes = Shapes()
        self.reader = Reader(self.grammar, self.shapes, mended=self.mended, unnamed_shapes=self.profile != PYPI)
        self.texts: dict[str, Text] = {}
        self.pairs: dict[tuple[Sequence[str], str], Sums] = {}

    def sums(self, references: Sequence[str], prediction: str) -> Sums:
        """The numbers named by `SUMS` for one problem.

        `fixed` compares with one reference, the nearest; the published definitions add up all references.
        """
        key = (tuple(references), prediction)
        cached = self.pairs.get(key)
        if cached is None:
            if len(self.texts) > _CACHED_TEXTS or len(self.shapes.known) > _KNOWN_SHAPES:
                self._forget()
            cached = self._compare(references, prediction)
            if len(prediction) < _CACHED_LENGTH:
                self.pairs[key] = cached
        return cached

    def _compare(self, references: Sequence[str], prediction: str) -> Sums:
        texts = [self._reference(reference) for reference in references]
        here = dict(zip(references, texts, strict=True))
        candidate = here.get(prediction) or self.texts.get(prediction) or self._read(prediction)
        if not self.mended or len(texts) == 1:
            return self._count(texts, candidate)
        options = [self._count([text], candidate) for text in texts]
        return max(options, key=_nearness)

    def _reference(self, source: str) -> Text:
        """The reading of `source`, kept for the next candidate unless it is long; of candidates the sums are kept."""
        text = self.texts.get(source)
        if text is None:
            text = self._read(source)
            if len(source) < _CACHED_LENGTH:
                self.texts[source] = text
        return text

    def _read(self, source: str) -> Text:
        if not source.isascii():
            # a lone surrogate cannot be encoded: pairs become their character, the rest the replacement character
            source = source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if self.flatten:
            source = source.replace("\n", " ").replace("\t", " ")
        source = source.strip()
        if self.mended:
            reading = self.reader.read(source)
            tokens = reading.tokens or source.split()  # a text of nothing but comments is its comments
            return Text(tokens, reading, self.shapes, self.keywords, mended=True)
        rule = without_python_comments if self.profile == PYPI else without_java_comments
        return Text(source.split(), self.reader.read(rule(source)), self.shapes, self.keywords, mended=False)

    def _count(self, references: Sequence[Text], prediction: Text) -> Sums:
        if len(references) == 1 and references[0] is prediction:  # all is shared, and long n-grams need not be made
            keys, recalled, matched = len(prediction.keys()), [*prediction.totals], [*prediction.totals]
        else:
            keys, recalled, matched = _shared(references, prediction)
        wanted = [sum(column) for column in zip(*[text.totals for text in references], strict=True)]
        recalled[0] += (_KEYWORD_WEIGHT - 1) * keys
        wanted[0] += (_KEYWORD_WEIGHT - 1) * sum([len(text.keys()) for text in references])
        totals = list(prediction.totals)
        nearest = min((text.length for text in references), key=lambda n: (abs(n - prediction.length), n))
        weighted_length = nearest
        if not self.mended:
            totals = [max(1, total) for total in totals]
            wanted = [max(_KEYWORD_WEIGHT, wanted[0]), *(max(1, total) for total in wanted[1:])]
            weighted_length = _PUBLISHED_REFERENCE_LENGTH
        return (
            self.profile, prediction.length, nearest, weighted_length,
            *matched, *totals, *recalled, *wanted,
            *self._trees(references, prediction), int(prediction.broken),
            int(any(text.flow()[1] for text in references)),
        )  # fmt: skip

    def _trees(self, references: Sequence[Text], prediction: Text) -> Sums:
        """Matches and totals of syntax and data-flow."""
        syntax = flow = flows = 0
        for text in references:
            if self.mended:
                syntax += len(text.shape_bag & prediction.shape_bag)
            elif text is prediction:
                syntax += len(text.shapes)
            else:
                syntax += sum(map(prediction.shape_bag.__contains__, text.shapes))
            items, total = text.flow()
            if total:
                flow += len(items & prediction.flow()[0])
                flows += total
        return syntax, sum(len(text.shapes) for text in references), flow, flows


def _shared(references: Sequence[Text], prediction: Text) -> tuple[int, list[int], list[int]]:
    """Keywords that the references share with the prediction; n-grams, of each reference and of their union."""
    if len(references) == 1:
        (text,) = references
        bags = prediction.shared(text)
        lengths = [*map(len, bags)]
        return len(bags[0] & text.keys()), lengths, [*lengths]
    shared = [prediction.shared(text) for text in references]
    keys = sum([len(each[0] & text.keys()) for each, text in zip(shared, references, strict=True)])
    recalled = [sum(map(len, column)) for column in zip(*shared, strict=True)]
    matched = [len(frozenset().union(*column)) for column in zip(*shared, strict=True)]
    return keys, recalled, matched


def _nearness(sums: Sums) -> float:
    """How much of a reference a prediction has: the mean of the shares, for choosing among references."""
    by_name = dict(zip(SUMS, sums, strict=True))
    parts = (
        ("ngram_match_1", "weighted_total_1"),
        ("syntax_match", "syntax_total"),
        ("dataflow_match", "dataflow_total"),
    )
    shares = [by_name[match] / by_name[total] for match, total in parts if by_name[total]]
    return sum(shares) / len(shares) if shares else 0.0


@lru_cache(maxsize=1)
def _grammar() -> Grammar:
    return Grammar()

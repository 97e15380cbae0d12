"""Values that many families share: variable names, conditions, transformations, positions."""

from __future__ import annotations

NUMBERS = ("nums", "values", "numbers", "data", "scores", "prices", "sizes", "readings")
STRINGS = ("words", "names", "labels", "tags", "cities", "lines", "tokens", "fruits")
TEXTS = ("s", "text", "line", "title", "message", "sentence", "phrase", "note")
DICTS = ("d", "counts", "ages", "stock", "settings", "totals", "lookup", "votes")
TUPLES = ("pairs", "rows", "records", "points", "entries", "results")
TABLES = ("matrix", "grid", "table", "board", "rows")
DICT_LISTS = ("users", "people", "records", "books", "players", "orders")

# One fixed list to try number conditions on. Then: the condition after "is", before a noun, after
# a noun; the code; what it keeps of that list.
SAMPLE = "[-7, -4, 0, 3, 8, 15, 22, 3]"
KEPT = (
    ("even", "even ", "", "x % 2 == 0", "[-4, 0, 8, 22]"),
    ("odd", "odd ", "", "x % 2 == 1", "[-7, 3, 15, 3]"),
    ("positive", "positive ", "", "x > 0", "[3, 8, 15, 22, 3]"),
    ("negative", "negative ", "", "x < 0", "[-7, -4]"),
    ("non-zero", "non-zero ", "", "x != 0", "[-7, -4, 3, 8, 15, 22, 3]"),
    ("divisible by 3", "", " divisible by 3", "x % 3 == 0", "[0, 3, 15, 3]"),
    ("divisible by 4", "", " divisible by 4", "x % 4 == 0", "[-4, 0, 8]"),
    ("greater than 5", "", " greater than 5", "x > 5", "[8, 15, 22]"),
    ("greater than 10", "", " greater than 10", "x > 10", "[15, 22]"),
    ("less than 4", "", " less than 4", "x < 4", "[-7, -4, 0, 3, 3]"),
    ("at least 3", "", " at least 3", "x >= 3", "[3, 8, 15, 22, 3]"),
    ("at most 8", "", " at most 8", "x <= 8", "[-7, -4, 0, 3, 8, 3]"),
    ("equal to 3", "", " equal to 3", "x == 3", "[3, 3]"),
    ("between 0 and 10", "", " between 0 and 10", "0 <= x <= 10", "[0, 3, 8, 3]"),
)
# wording of "each one ...", code, the same as a function of v written otherwise
MAPPED = (
    ("squared", "x ** 2", "v * v"),
    ("cubed", "x ** 3", "v * v * v"),
    ("doubled", "x * 2", "v + v"),
    ("tripled", "x * 3", "v + v + v"),
    ("increased by 1", "x + 1", "v - -1"),
    ("increased by 5", "x + 5", "v - -5"),
    ("decreased by 1", "x - 1", "v + -1"),
    ("multiplied by 10", "x * 10", "v * 5 + v * 5"),
    ("with the sign flipped", "-x", "0 - v"),
    ("taken as absolute value", "abs(x)", "max(v, -v)"),
)
NTH = (("first", "0"), ("second", "1"), ("third", "2"), ("last", "-1"))
ROWS = "[(3, 'b', 9), (1, 'c', 7), (2, 'a', 8)]"
WORD_SAMPLE = "['Banana', 'fig', 'apple', 'Kiwi', 'plum tree', '']"

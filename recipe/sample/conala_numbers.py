"""One-liners over lists of numbers."""

from __future__ import annotations

from recipe.sample.families import Snippet
from recipe.sample.words import KEPT, MAPPED, NUMBERS, SAMPLE

FAMILIES = (
    Snippet(
        "filter",
        (
            "keep only the numbers in `$a` that are $what",
            "get a list of all ${pre}elements$post of list `$a`",
            "filter list `$a` down to the values that are $what",
            "remove everything from `$a` that is not $what",
            "select the items of `$a` which are $what",
        ),
        "[x for x in $a if $c]",
        {"a": NUMBERS, "what pre post c kept": KEPT},
        "result == $kept",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "count-if",
        (
            "count how many numbers in `$a` are $what",
            "get the number of ${pre}elements$post in list `$a`",
            "how many values of `$a` are $what",
            "count the ${pre}items$post in `$a`",
        ),
        "sum(1 for x in $a if $c)",
        {"a": NUMBERS, "what pre post c kept": KEPT},
        "result == len($kept)",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "sum-if",
        (
            "sum the numbers in `$a` that are $what",
            "add up all ${pre}elements$post of list `$a`",
            "get the total of the values in `$a` which are $what",
            "calculate the sum of the ${pre}numbers$post in `$a`",
        ),
        "sum(x for x in $a if $c)",
        {"a": NUMBERS, "what pre post c kept": KEPT},
        "result == sum($kept)",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "best-if",
        (
            "get the $best number in `$a` that is $what",
            "find the $best of the ${pre}elements$post of list `$a`",
            "what is the $best value in `$a` which is $what",
        ),
        "$f(x for x in $a if $c)",
        {
            "a": NUMBERS,
            "best f at": (("largest", "max", "-1"), ("smallest", "min", "0")),
            "what pre post c kept": KEPT,
        },
        "result == sorted($kept)[$at]",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "any-all",
        (
            "check if $any number in `$a` is $what",
            "test whether $any element of list `$a` is $what",
            "see if $any value in `$a` is $what",
            "return True if $any item of `$a` is $what",
        ),
        "$f($c for x in $a)",
        {
            "a": NUMBERS,
            "any f low": (("any", "any", "1"), ("every", "all", "len($a)")),
            "what pre post c kept": KEPT,
        },
        "result == (len($kept) >= (1 if '$f' == 'any' else len($a)))",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "map",
        (
            "get a list of the numbers in `$a`, each $how",
            "create a list with every element of `$a` $how",
            "return list `$a` with each value $how",
            "list each item of `$a` $how",
        ),
        "[$e for x in $a]",
        {"a": NUMBERS, "how e other": MAPPED},
        "result == list(map(lambda v: $other, $a))",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "map-if",
        (
            "get the ${pre}numbers$post of `$a`, each $how",
            "create a list of every ${pre}element$post in `$a` $how",
            "take the values of `$a` that are $what and return them $how",
        ),
        "[$e for x in $a if $c]",
        {"a": NUMBERS, "how e other": MAPPED, "what pre post c kept": KEPT},
        "result == [$other for v in $kept]",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "where",
        (
            "get the indices of the ${pre}numbers$post in `$a`",
            "find the positions in list `$a` where the value is $what",
            "list the index of every element of `$a` that is $what",
            "at which indexes is `$a` $what",
        ),
        "[i for i, x in enumerate($a) if $c]",
        {"a": NUMBERS, "what pre post c kept": KEPT},
        "[$a[j] for j in result] == $kept",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "first-if",
        (
            "get the first ${pre}number$post in `$a` or None",
            "find the first element of `$a` that is $what, None if there is none",
            "return the first value in list `$a` which is $what, defaulting to None",
        ),
        "next((x for x in $a if $c), None)",
        {"a": NUMBERS, "what pre post c kept": KEPT},
        "result == $kept[0]",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "sort-numbers",
        (
            "sort list `$a` $how",
            "get the numbers in `$a` sorted $how",
            "return a copy of `$a` ordered $how",
            "sort the values of `$a` $how",
        ),
        "sorted($a$key)",
        {
            "a": NUMBERS,
            "how key want": (
                ("in ascending order", "", "[-7, -4, 0, 3, 3, 8, 15, 22]"),
                ("in descending order", ", reverse=True", "[22, 15, 8, 3, 3, 0, -4, -7]"),
                ("by absolute value", ", key=abs", "[0, 3, 3, -4, -7, 8, 15, 22]"),
                (
                    "by absolute value in descending order",
                    ", key=abs, reverse=True",
                    "[22, 15, 8, -7, -4, 3, 3, 0]",
                ),
                (
                    "by last digit",
                    ", key=lambda x: x % 10",
                    "[0, 22, -7, 3, 3, 15, -4, 8]",
                ),
            ),
        },
        "result == $want",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "n-best",
        (
            "get the $n $best numbers in `$a`",
            "find the $n $best elements of list `$a`",
            "list the $n $best values of `$a`",
        ),
        "sorted($a$key)[:$n]",
        {
            "a": NUMBERS,
            "best key order": (
                ("largest", ", reverse=True", "[22, 15, 8, 3, 3, 0, -4, -7]"),
                ("smallest", "", "[-7, -4, 0, 3, 3, 8, 15, 22]"),
            ),
            "n": ("2", "3", "4", "5", "10"),
        },
        "result == $order[:$n]",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "slice",
        (
            "get $part of list `$a`",
            "return $part of `$a`",
            "take $part from `$a`",
            "slice `$a` to get $part",
        ),
        "$a[$cut]",
        {
            "a": NUMBERS,
            "part cut want": (
                ("the first 2 elements", ":2", "[-7, -4]"),
                ("the first 3 elements", ":3", "[-7, -4, 0]"),
                ("the first 5 elements", ":5", "[-7, -4, 0, 3, 8]"),
                ("the last 2 elements", "-2:", "[22, 3]"),
                ("the last 3 elements", "-3:", "[15, 22, 3]"),
                ("the last 4 elements", "-4:", "[8, 15, 22, 3]"),
                ("everything but the first element", "1:", "[-4, 0, 3, 8, 15, 22, 3]"),
                ("everything but the last element", ":-1", "[-7, -4, 0, 3, 8, 15, 22]"),
                ("everything but the last 2 elements", ":-2", "[-7, -4, 0, 3, 8, 15]"),
                ("every second element", "::2", "[-7, 0, 8, 22]"),
                ("every third element", "::3", "[-7, 3, 22]"),
                ("every fourth element", "::4", "[-7, 8]"),
                ("the elements in reverse order", "::-1", "[3, 22, 15, 8, 3, 0, -4, -7]"),
            ),
        },
        "result == $want",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "index-of",
        (
            "get the index of $which in `$a`",
            "find the position of $which of list `$a`",
            "at which index of `$a` is $which",
        ),
        "$a.index($v)",
        {
            "a": NUMBERS,
            "which v want": (
                ("the largest number", "max($a)", "6"),
                ("the smallest number", "min($a)", "0"),
                ("the value 8", "8", "4"),
                ("the value 15", "15", "5"),
                ("the value 0", "0", "2"),
            ),
        },
        "result == $want",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "chunks",
        (
            "split list `$a` into chunks of $n",
            "break `$a` into sublists of length $n",
            "divide list `$a` into groups of $n elements",
            "get consecutive slices of size $n from `$a`",
        ),
        "[$a[i:i + $n] for i in range(0, len($a), $n)]",
        {"a": NUMBERS, "n": ("2", "3", "4", "5", "10")},
        "sum(result, []) == $a and all(len(part) == $n for part in result[:-1])",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "zip-with",
        (
            "get the element-wise $op of lists `$a` and `$b`",
            "combine `$a` and `$b` into a list holding the $op at each position",
            "compute the $op of the corresponding items in `$a` and `$b`",
        ),
        "[$e for x, y in zip($a, $b)]",
        {
            "a": NUMBERS[:5],
            "b": ("weights", "others", "limits"),
            "op e want": (
                ("sum", "x + y", "[9, 6, 7, 6]"),
                ("difference", "x - y", "[3, -2, 5, -4]"),
                ("product", "x * y", "[18, 8, 6, 5]"),
                ("maximum", "max(x, y)", "[6, 4, 6, 5]"),
                ("minimum", "min(x, y)", "[3, 2, 1, 1]"),
            ),
        },
        "result == $want",
        "$a = [6, 2, 6, 1]\n$b = [3, 4, 1, 5]",
    ),
    Snippet(
        "neighbours",
        (
            "get the $op of consecutive elements in `$a`",
            "list the $op of each pair of neighbours in list `$a`",
            "compute the $op between every number of `$a` and the next one",
        ),
        "[$e for x, y in zip($a, $a[1:])]",
        {
            "a": NUMBERS,
            "op e other": (
                ("difference", "y - x", "$a[j + 1] - $a[j]"),
                ("sum", "x + y", "sum($a[j:j + 2])"),
                ("product", "x * y", "$a[j + 1] * $a[j]"),
                ("absolute difference", "abs(y - x)", "max($a[j:j + 2]) - min($a[j:j + 2])"),
            ),
        },
        "result == [(lambda: $other)() for j in range(len($a) - 1)]",
        f"$a = {SAMPLE}",
    ),
    Snippet(
        "range-list",
        (
            "create a list of the ${pre}numbers$post from $lo to $hi",
            "get all ${pre}numbers$post between $lo and $hi inclusive",
            "make a list with the ${pre}integers$post from $lo to $hi",
        ),
        "[x for x in range($lo, $stop) if $c]",
        {
            "lo": ("1", "5", "10"),
            "hi stop": (("20", "21"), ("50", "51"), ("100", "101")),
            "what pre post c": tuple(row[:4] for row in KEPT if row[0] in ("even", "odd") or "by" in row[0]),
        },
        "all($c for x in result) and $hi - $lo >= len(result) > 0 and min(result) - $lo < 4",
    ),
    Snippet(
        "add-to",
        (
            "$verb $n $where list `$a`",
            "$verb the value $n $where `$a`",
            "$verb number $n $where `$a` in place",
        ),
        "$a.$f",
        {
            "a": NUMBERS,
            "verb where f at": (
                ("append", "to the end of", "append($n)", "-1"),
                ("insert", "at the start of", "insert(0, $n)", "0"),
                ("insert", "at index 2 of", "insert(2, $n)", "2"),
                ("insert", "at position 1 of", "insert(1, $n)", "1"),
            ),
            "n": ("5", "7", "42", "99"),
        },
        "$a[$at] == $n and len($a) == 9",
        f"$a = {SAMPLE}",
    ),
)

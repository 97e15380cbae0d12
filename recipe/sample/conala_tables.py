"""One-liners over dictionaries, tuples, tables and sets."""

from __future__ import annotations

from recipe.sample.families import Snippet
from recipe.sample.words import DICT_LISTS, DICTS, NTH, NUMBERS, ROWS, TABLES, TUPLES

VALUE_IS = (
    ("greater than 5", "v > 5", "['b', 'd']"),
    ("greater than 2", "v > 2", "['a', 'b', 'd']"),
    ("less than 4", "v < 4", "['a', 'c']"),
    ("even", "v % 2 == 0", "['b', 'c']"),
    ("odd", "v % 2 == 1", "['a', 'd']"),
    ("positive", "v > 0", "['a', 'b', 'd']"),
    ("zero", "v == 0", "['c']"),
    ("not zero", "v != 0", "['a', 'b', 'd']"),
    ("equal to 8", "v == 8", "['b']"),
    ("at least 8", "v >= 8", "['b', 'd']"),
)
COUNTS = "{'a': 3, 'b': 8, 'c': 0, 'd': 9}"
PEOPLE = "[{'name': 'Bo', 'age': 7, 'city': 'Rome'}, {'name': 'Al', 'age': 30, 'city': 'Bonn'}]"
FIELDS = ("name", "age", "city")

FAMILIES = (
    Snippet(
        "sort-tuples",
        (
            "sort list `$a` by the $nth item of each tuple",
            "sort the tuples in `$a` by their $nth element",
            "order list of tuples `$a` by the $nth value",
            "get `$a` sorted by the $nth entry of every tuple",
        ),
        "sorted($a, key=lambda t: t[$i])",
        {"a": TUPLES, "nth i": NTH},
        "[t[$i] for t in result] == sorted(t[$i] for t in $a)",
        f"$a = {ROWS}",
    ),
    Snippet(
        "sort-tuples-down",
        (
            "sort list `$a` by the $nth item of each tuple in descending order",
            "sort the tuples in `$a` by their $nth element, largest first",
            "reverse sort list of tuples `$a` by the $nth value",
        ),
        "sorted($a, key=lambda t: t[$i], reverse=True)",
        {"a": TUPLES, "nth i": NTH},
        "[t[$i] for t in result][::-1] == sorted(t[$i] for t in $a)",
        f"$a = {ROWS}",
    ),
    Snippet(
        "pluck",
        (
            "get a list of the $nth item of each tuple in `$a`",
            "extract the $nth element from every tuple of list `$a`",
            "collect the $nth value of all tuples in `$a`",
        ),
        "[t[$i] for t in $a]",
        {"a": TUPLES, "nth i": NTH},
        "result == list(list(zip(*$a))[$i])",
        f"$a = {ROWS}",
    ),
    Snippet(
        "table",
        (
            "get $what of 2d list `$m`",
            "compute $what of matrix `$m`",
            "return $what of list of lists `$m`",
            "find $what of nested list `$m`",
        ),
        "$e",
        {
            "m": TABLES,
            "what e want": (
                ("the transpose", "list(map(list, zip(*$m)))", "[[4, 0], [1, 5], [3, 6]]"),
                ("the sum of each row", "[sum(row) for row in $m]", "[8, 11]"),
                ("the maximum of each row", "[max(row) for row in $m]", "[4, 6]"),
                ("the minimum of each row", "[min(row) for row in $m]", "[1, 0]"),
                ("the length of each row", "[len(row) for row in $m]", "[3, 3]"),
                ("the sum of each column", "[sum(col) for col in zip(*$m)]", "[4, 6, 9]"),
                ("the maximum of each column", "[max(col) for col in zip(*$m)]", "[4, 5, 6]"),
                ("the minimum of each column", "[min(col) for col in zip(*$m)]", "[0, 1, 3]"),
                ("the first column", "[row[0] for row in $m]", "[4, 0]"),
                ("the second column", "[row[1] for row in $m]", "[1, 5]"),
                ("the last column", "[row[-1] for row in $m]", "[3, 6]"),
                ("all elements in one flat list", "[x for row in $m for x in row]", "[4, 1, 3, 0, 5, 6]"),
                ("the sum of all elements", "sum(sum(row) for row in $m)", "19"),
                ("the largest element", "max(max(row) for row in $m)", "6"),
                ("the smallest element", "min(min(row) for row in $m)", "0"),
                ("the rows sorted by their sum", "sorted($m, key=sum)", "$m"),
                ("the rows in reverse order", "$m[::-1]", "[[0, 5, 6], [4, 1, 3]]"),
                ("a copy with each row reversed", "[row[::-1] for row in $m]", "[[3, 1, 4], [6, 5, 0]]"),
                ("a copy with each row sorted", "[sorted(row) for row in $m]", "[[1, 3, 4], [0, 5, 6]]"),
            ),
        },
        "result == $want",
        "$m = [[4, 1, 3], [0, 5, 6]]",
    ),
    Snippet(
        "make-table",
        (
            "create a 2d list with $n rows and $k columns filled with $v",
            "make a matrix of $n rows by $k columns holding $v everywhere",
            "initialize a list of $n lists with $k times $v",
        ),
        "[[$v] * $k for _ in range($n)]",
        {"n": ("2", "3", "4", "5", "8", "10"), "k": ("3", "5", "7", "10"), "v": ("0", "1", "None", "-1")},
        "len(result) == $n and all(row == [$v] * $k for row in result) and len(set(map(id, result))) == $n",
    ),
    Snippet(
        "sort-dict",
        (
            "sort dictionary `$d` by $what$how",
            "get the items of dict `$d` sorted by $what$how",
            "order the entries of `$d` by $what$how",
        ),
        "sorted($d.items(), key=lambda kv: $e$r)",
        {
            "d": DICTS,
            "what e order": (
                ("value", "kv[1]", "'cabd'"),
                ("key", "kv[0]", "'abcd'"),
                ("key length", "len(kv[0])", "'abcd'"),
            ),
            "how r step": (
                ("", "", "1"),
                (" in descending order", ", reverse=True", "-1"),
            ),
        },
        "[k for k, v in result] == list($order[::$step]) or ('len' in '$e' and [k for k, v in result] == list('abcd'))",
        f"$d = {COUNTS}",
    ),
    Snippet(
        "filter-dict",
        (
            "keep the items of dict `$d` whose value is $what",
            "filter dictionary `$d` to the entries with a value that is $what",
            "create a dict with the items in `$d` whose values are $what",
        ),
        "{k: v for k, v in $d.items() if $c}",
        {"d": DICTS, "what c kept": VALUE_IS},
        "list(result) == $kept and all($d[k] == result[k] for k in result)",
        f"$d = {COUNTS}",
    ),
    Snippet(
        "keys-if",
        (
            "get the keys of dict `$d` whose value is $what",
            "list all keys in dictionary `$d` with a value that is $what",
            "find the keys of `$d` that map to values which are $what",
        ),
        "[k for k, v in $d.items() if $c]",
        {"d": DICTS, "what c kept": VALUE_IS},
        "result == $kept",
        f"$d = {COUNTS}",
    ),
    Snippet(
        "remap",
        (
            "create a dict from `$d` with $what",
            "get a copy of dictionary `$d` with $what",
            "transform `$d` into a dict with $what",
        ),
        "{$e for k, v in $d.items()}",
        {
            "d": DICTS,
            "what e want": (
                ("keys and values swapped", "v: k", "{3: 'a', 8: 'B'}"),
                ("every value doubled", "k: v * 2", "{'a': 6, 'B': 16}"),
                ("every value squared", "k: v ** 2", "{'a': 9, 'B': 64}"),
                ("every value increased by 1", "k: v + 1", "{'a': 4, 'B': 9}"),
                ("all values as strings", "k: str(v)", "{'a': '3', 'B': '8'}"),
                ("all keys in upper case", "k.upper(): v", "{'A': 3, 'B': 8}"),
                ("all keys in lower case", "k.lower(): v", "{'a': 3, 'b': 8}"),
                ("each value in a list", "k: [v]", "{'a': [3], 'B': [8]}"),
            ),
        },
        "result == $want",
        "$d = {'a': 3, 'B': 8}",
    ),
    Snippet(
        "best-key",
        (
            "get the key with the $best value in dict `$d`",
            "find the key of dictionary `$d` that has the $best value",
            "which key in `$d` has the $best value",
        ),
        "$f($d, key=$d.get)",
        {
            "d": DICTS,
            "best f want": (
                ("largest", "max", "'d'"),
                ("highest", "max", "'d'"),
                ("smallest", "min", "'c'"),
                ("lowest", "min", "'c'"),
            ),
        },
        "result == $want",
        f"$d = {COUNTS}",
    ),
    Snippet(
        "dicts-sort",
        (
            "sort list of dicts `$a` by key '$k'$how",
            "sort the dictionaries in `$a` by their '$k'$how",
            "order `$a` by the value of '$k' in each dict$how",
        ),
        "sorted($a, key=lambda r: r['$k']$r)",
        {"a": DICT_LISTS, "k": FIELDS, "how r step": (("", "", "1"), (" in descending order", ", reverse=True", "-1"))},
        "[r['$k'] for r in result] == sorted(r['$k'] for r in $a)[::$step]",
        f"$a = {PEOPLE}",
    ),
    Snippet(
        "dicts-pluck",
        (
            "get a list of the '$k' values from list of dicts `$a`",
            "extract '$k' from every dictionary in `$a`",
            "collect the value of key '$k' of each dict in list `$a`",
        ),
        "[r['$k'] for r in $a]",
        {"a": DICT_LISTS, "k": (*FIELDS, "email", "title", "price")},
        "result == [4, 1]",
        "$a = [{'$k': 4}, {'$k': 1}]",
    ),
    Snippet(
        "dicts-filter",
        (
            "get the dicts in `$a` where '$k' is $what",
            "filter list of dictionaries `$a` by '$k' being $what",
            "find all dictionaries of `$a` whose '$k' is $what",
        ),
        "[r for r in $a if r['$k'] $c]",
        {
            "a": DICT_LISTS,
            "k": ("age", "price", "year", "rank"),
            "what c kept": (
                ("greater than 18", "> 18", "[19, 30]"),
                ("less than 10", "< 10", "[5]"),
                ("equal to 30", "== 30", "[30]"),
                ("at least 19", ">= 19", "[19, 30]"),
                ("at most 18", "<= 18", "[5, 18]"),
                ("not 18", "!= 18", "[5, 19, 30]"),
            ),
        },
        "[r['$k'] for r in result] == $kept",
        "$a = [{'$k': n} for n in (5, 18, 19, 30)]",
    ),
    Snippet(
        "set-op",
        (
            "get the sorted list of elements $what lists `$a` and `$b`",
            "find the values $what `$a` and `$b` and sort them",
            "return a sorted list of the items $what list `$a` and list `$b`",
        ),
        "sorted(set($a) $op set($b))",
        {
            "a": NUMBERS[:6],
            "b": ("others", "seen", "allowed"),
            "what op want": (
                ("common to both", "&", "[2, 5]"),
                ("in either of", "|", "[1, 2, 5, 9]"),
                ("in only one of", "^", "[1, 9]"),
            ),
        },
        "result == $want",
        "$a = [5, 1, 2, 2]\n$b = [9, 2, 5]",
    ),
    Snippet(
        "unique",
        (
            "remove duplicates from list `$a`$how",
            "get the unique elements of `$a`$how",
            "get the distinct values in list `$a`$how",
        ),
        "$e",
        {
            "a": (*NUMBERS, "names", "words"),
            "how e want": (
                (", keeping their order", "list(dict.fromkeys($a))", "[5, 1, 2]"),
                (" without changing the order", "list(dict.fromkeys($a))", "[5, 1, 2]"),
                (" in sorted order", "sorted(set($a))", "[1, 2, 5]"),
                (", sorted in descending order", "sorted(set($a), reverse=True)", "[5, 2, 1]"),
            ),
        },
        "result == $want",
        "$a = [5, 1, 2, 2, 1]",
    ),
    Snippet(
        "most-common",
        (
            "get the $n most common elements in `$a` with their counts",
            "find the $n most frequent items of list `$a` and how often they occur",
            "count the elements of `$a` and return the top $n",
        ),
        "Counter($a).most_common($n)",
        {"a": (*NUMBERS[:4], "names", "words"), "n": ("2", "3", "5", "10")},
        "result == [(2, 3), (5, 2), (1, 1)][:$n]",
        "from collections import Counter\n$a = [5, 1, 2, 2, 5, 2]",
    ),
)

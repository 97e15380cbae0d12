"""One-liners over strings and lists of strings."""

from __future__ import annotations

from recipe.sample.families import Snippet
from recipe.sample.words import STRINGS, TEXTS, WORD_SAMPLE

WORD_IS = (
    ("start with 'a'", "w.startswith('a')", "['apple']"),
    ("start with 'B'", "w.startswith('B')", "['Banana']"),
    ("end with 'e'", "w.endswith('e')", "['apple', 'plum tree']"),
    ("end with 'g'", "w.endswith('g')", "['fig']"),
    ("contain 'an'", "'an' in w", "['Banana']"),
    ("contain 'p'", "'p' in w", "['apple', 'plum tree']"),
    ("contain a space", "' ' in w", "['plum tree']"),
    ("are longer than 4 characters", "len(w) > 4", "['Banana', 'apple', 'plum tree']"),
    ("are longer than 5 characters", "len(w) > 5", "['Banana', 'plum tree']"),
    ("are shorter than 4 characters", "len(w) < 4", "['fig', '']"),
    ("are exactly 4 characters long", "len(w) == 4", "['Kiwi']"),
    ("are not empty", "w", "['Banana', 'fig', 'apple', 'Kiwi', 'plum tree']"),
)
WORD_TO = (
    ("in upper case", "w.upper()", "['BANANA', 'FIG', 'APPLE', 'KIWI', 'PLUM TREE', '']"),
    ("in lower case", "w.lower()", "['banana', 'fig', 'apple', 'kiwi', 'plum tree', '']"),
    ("in title case", "w.title()", "['Banana', 'Fig', 'Apple', 'Kiwi', 'Plum Tree', '']"),
    ("capitalized", "w.capitalize()", "['Banana', 'Fig', 'Apple', 'Kiwi', 'Plum tree', '']"),
    ("reversed", "w[::-1]", "['ananaB', 'gif', 'elppa', 'iwiK', 'eert mulp', '']"),
    ("replaced by its length", "len(w)", "[6, 3, 5, 4, 9, 0]"),
    ("cut to its first 3 characters", "w[:3]", "['Ban', 'fig', 'app', 'Kiw', 'plu', '']"),
    ("without its last character", "w[:-1]", "['Banan', 'fi', 'appl', 'Kiw', 'plum tre', '']"),
    ("followed by '!'", "w + '!'", "['Banana!', 'fig!', 'apple!', 'Kiwi!', 'plum tree!', '!']"),
)
KINDS = (
    ("digits", "isdigit", "0123456789"),
    ("letters", "isalpha", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("upper case letters", "isupper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("lower case letters", "islower", "abcdefghijklmnopqrstuvwxyz"),
    ("letters and digits", "isalnum", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("whitespace characters", "isspace", " \\t\\n"),
)
MIXED = "'Room 12, Floor 3: a_B c'"
SEPARATORS = (
    ("comma", ","),
    ("space", " "),
    ("dash", "-"),
    ("semicolon", ";"),
    ("colon", ":"),
    ("pipe", "|"),
    ("slash", "/"),
)
REPLACED = tuple((*one, *other) for one in SEPARATORS for other in SEPARATORS if one != other)

FAMILIES = (
    Snippet(
        "words-if",
        (
            "get the strings in `$a` that $what",
            "keep only the elements of list `$a` which $what",
            "filter `$a` to the words that $what",
            "find all entries of `$a` that $what",
        ),
        "[w for w in $a if $c]",
        {"a": STRINGS, "what c kept": WORD_IS},
        "result == $kept",
        f"$a = {WORD_SAMPLE}",
    ),
    Snippet(
        "map-words",
        (
            "get the strings of `$a`, each $how",
            "create a list with every word of `$a` $how",
            "return list `$a` with each string $how",
            "list each element of `$a` $how",
        ),
        "[$e for w in $a]",
        {"a": STRINGS, "how e want": WORD_TO},
        "result == $want",
        f"$a = {WORD_SAMPLE}",
    ),
    Snippet(
        "map-words-if",
        (
            "get the strings of `$a` that $what, each $how",
            "take the words in `$a` which $what and list each $how",
            "list every element of `$a` $how, keeping only those that $what",
        ),
        "[$e for w in $a if $c]",
        {"a": STRINGS, "how e want": WORD_TO, "what c kept": WORD_IS},
        f"result == [$want[{WORD_SAMPLE}.index(v)] for v in $kept]",
        f"$a = {WORD_SAMPLE}",
    ),
    Snippet(
        "sort-words",
        (
            "sort list of strings `$a` $how",
            "sort the words in `$a` $how",
            "get `$a` ordered $how",
            "return the strings of `$a` sorted $how",
        ),
        "sorted($a, key=$key)",
        {
            "a": STRINGS,
            "how key want": (
                ("by length", "len", "['', 'fig', 'Kiwi', 'apple', 'Banana', 'plum tree']"),
                (
                    "by length, longest first",
                    "len, reverse=True",
                    "['plum tree', 'Banana', 'apple', 'Kiwi', 'fig', '']",
                ),
                (
                    "ignoring case",
                    "str.lower",
                    "['', 'apple', 'Banana', 'fig', 'Kiwi', 'plum tree']",
                ),
                (
                    "ignoring case in reverse order",
                    "str.lower, reverse=True",
                    "['plum tree', 'Kiwi', 'fig', 'Banana', 'apple', '']",
                ),
                (
                    "by last character",
                    "lambda w: w[-1:]",
                    "['', 'Banana', 'apple', 'plum tree', 'fig', 'Kiwi']",
                ),
                (
                    "by length and then alphabetically",
                    "lambda w: (len(w), w)",
                    "['', 'fig', 'Kiwi', 'apple', 'Banana', 'plum tree']",
                ),
            ),
        },
        "result == $want",
        f"$a = {WORD_SAMPLE}",
    ),
    Snippet(
        "best-word",
        (
            "get the $best string in `$a`",
            "find the $best word of list `$a`",
            "which element of `$a` is the $best one",
        ),
        "$f($a, key=$key)",
        {
            "a": STRINGS,
            "best f key want": (
                ("longest", "max", "len", "'plum tree'"),
                ("shortest", "min", "len", "''"),
                ("alphabetically first, ignoring case,", "min", "str.lower", "''"),
                ("alphabetically last, ignoring case,", "max", "str.lower", "'plum tree'"),
            ),
        },
        "result == $want",
        f"$a = {WORD_SAMPLE}",
    ),
    Snippet(
        "join",
        (
            "join the strings in `$a` with a $name",
            "concatenate the elements of list `$a`, separated by a $name",
            "make one string of `$a` with a $name between the words",
        ),
        "'$sep'.join($a)",
        {"a": STRINGS, "name sep": SEPARATORS},
        f"result.split('$sep') == {WORD_SAMPLE} or ' ' == '$sep'",
        f"$a = {WORD_SAMPLE}",
    ),
    Snippet(
        "join-numbers",
        (
            "join the integers in `$a` with a $name",
            "make a string of the numbers in list `$a` separated by a $name",
            "convert list of integers `$a` to one string with a $name between them",
        ),
        "'$sep'.join(map(str, $a))",
        {"a": ("nums", "ids", "numbers", "digits", "codes"), "name sep": SEPARATORS},
        "result == '4$sep' + '15$sep' + '0'",
        "$a = [4, 15, 0]",
    ),
    Snippet(
        "split",
        (
            "split string `$s` on every $name",
            "break `$s` into a list at each $name",
            "get the parts of string `$s` separated by a $name",
        ),
        "$s.split('$sep')",
        {"s": TEXTS, "name sep": SEPARATORS},
        "result == ['ab', 'c', '', 'd']",
        "$s = 'ab$sep' + 'c$sep$sep' + 'd'",
    ),
    Snippet(
        "split-numbers",
        (
            "convert string `$s` of numbers separated by a $name to a list of integers",
            "parse the integers in `$s` separated by a $name into a list",
            "split `$s` on each $name and make every part an integer",
        ),
        "[int(x) for x in $s.split('$sep')]",
        {"s": TEXTS, "name sep": SEPARATORS},
        "result == [3, 14, 0]",
        "$s = '3$sep' + '14$sep' + '0'",
    ),
    Snippet(
        "case",
        (
            "convert string `$s` to $how",
            "get `$s` in $how",
            "change the text in `$s` to $how",
        ),
        "$s.$f()",
        {
            "s": TEXTS,
            "how f want": (
                ("upper case", "upper", "'MIXED CASE TEXT'"),
                ("lower case", "lower", "'mixed case text'"),
                ("title case", "title", "'Mixed Case Text'"),
                ("swapped case", "swapcase", "'MIXeD cASE tEXT'"),
            ),
        },
        "result == $want",
        "$s = 'mixEd Case Text'",
    ),
    Snippet(
        "strip",
        (
            "remove $what $at of string `$s`",
            "strip $what $at of `$s`",
            "get string `$s` with $what removed $at",
        ),
        "$s.$f($arg)",
        {
            "s": TEXTS,
            "what arg": (
                ("whitespace", ""),
                ("dots", "'.'"),
                ("zeros", "'0'"),
                ("dashes", "'-'"),
                ("commas", "','"),
            ),
            "at f": (
                ("from the start", "lstrip"),
                ("from the end", "rstrip"),
                ("from both ends", "strip"),
            ),
        },
        "result == $s.removeprefix(pad if '$f' != 'rstrip' else '').removesuffix(pad if '$f' != 'lstrip' else '')",
        "pad = ''.join([$arg]) * 2 or '  '\n$s = pad + 'a b' + pad",
    ),
    Snippet(
        "replace",
        (
            "replace every $one in string `$s` with a $other",
            "change each $one to a $other in `$s`",
            "substitute a $other for every $one in string `$s`",
        ),
        "$s.replace('$x', '$y')",
        {"s": TEXTS, "one x other y": REPLACED},
        "result == '$y'.join(['p', 'q', '', 'r'])",
        "$s = 'p$x' + 'q$x$x' + 'r'",
    ),
    Snippet(
        "keep-chars",
        (
            "keep only the $kind of string `$s`",
            "remove all characters from `$s` except $kind",
            "get a string with just the $kind in `$s`",
        ),
        "''.join(c for c in $s if c.$f())",
        {"s": TEXTS, "kind f all": KINDS},
        "result == ''.join(c for c in $s if c in '$all') and result != $s",
        f"$s = {MIXED}",
    ),
    Snippet(
        "count-chars",
        (
            "count the $kind in string `$s`",
            "how many $kind are in `$s`",
            "get the number of $kind in string `$s`",
        ),
        "sum(c.$f() for c in $s)",
        {"s": TEXTS, "kind f all": KINDS},
        "result == len([c for c in $s if c in '$all']) > 0",
        f"$s = {MIXED}",
    ),
    Snippet(
        "pad",
        (
            "pad string `$s` with $what on $side to a width of $n",
            "fill `$s` up to $n characters with $what on $side",
            "make `$s` $n characters wide by adding $what on $side",
        ),
        "$s.$f($n, '$fill')",
        {
            "s": TEXTS,
            "what fill": (("zeros", "0"), ("spaces", " "), ("dots", "."), ("stars", "*")),
            "side f": (("the left", "rjust"), ("the right", "ljust"), ("both sides", "center")),
            "n": ("8", "10", "12", "20"),
        },
        "len(result) == $n and result.strip('$fill') == 'ab' and (result[0] == 'a') == ('$f' == "
        "'ljust') and (result[-1] == 'b') == ('$f' == 'rjust')",
        "$s = 'ab'",
    ),
    Snippet(
        "regex",
        (
            "find all $what in string `$s` using regex",
            "extract every occurrence of $what from `$s` with a regular expression",
            "get a list of the $what in `$s` with re",
        ),
        "re.findall(r'$pattern', $s)",
        {
            "s": TEXTS,
            "what pattern want": (
                ("numbers", r"\d+", "['12', '3', '2024']"),
                ("words", r"\w+", "['Room', '12', 'a', 'Floor', '3', '2024']"),
                ("capitalized words", r"[A-Z]\w*", "['Room', 'Floor']"),
                ("single digits", r"\d", "['1', '2', '3', '2', '0', '2', '4']"),
                ("four digit numbers", r"\d{4}", "['2024']"),
                ("vowels", r"[aeiou]", "['o', 'o', 'a', 'o', 'o']"),
                ("upper case letters", r"[A-Z]", "['R', 'F']"),
            ),
        },
        "result == $want",
        "import re\n$s = 'Room 12 a, Floor 3: 2024'",
    ),
    Snippet(
        "regex-remove",
        (
            "remove all $what from string `$s` using regex",
            "delete every occurrence of $what in `$s` with a regular expression",
            "strip $what out of `$s` with re",
        ),
        "re.sub(r'$pattern', '', $s)",
        {
            "s": TEXTS,
            "what pattern want": (
                ("numbers", r"\d+", "'Room a, Floor:(b) <i>x</i>'"),
                ("html tags", r"<[^>]*>", "'Room12 a, Floor3:(b) x'"),
                ("text in parentheses", r"\([^)]*\)", "'Room12 a, Floor3: <i>x</i>'"),
                ("whitespace", r"\s+", "'Room12a,Floor3:(b)<i>x</i>'"),
                ("non-word characters", r"\W+", "'Room12aFloor3bixi'"),
                ("vowels", r"[aeiou]", "'Rm12 , Flr3:(b) <>x</>'"),
            ),
        },
        "result == $want",
        "import re\n$s = 'Room12 a, Floor3:(b) <i>x</i>'",
    ),
    Snippet(
        "rework-words",
        (
            "get string `$s` with its words $how",
            "return the sentence in `$s` with the words $how",
            "rewrite `$s` so that its words are $how",
        ),
        "' '.join($e)",
        {
            "s": TEXTS,
            "how e want": (
                ("in reverse order", "$s.split()[::-1]", "'cab B ad'"),
                ("sorted alphabetically", "sorted($s.split())", "'B ad cab'"),
                ("sorted by length", "sorted($s.split(), key=len)", "'B ad cab'"),
                ("capitalized", "w.capitalize() for w in $s.split()", "'Ad B Cab'"),
                ("spelled backwards", "w[::-1] for w in $s.split()", "'da B bac'"),
                ("separated by single spaces", "$s.split()", "'ad B cab'"),
            ),
        },
        "result == $want",
        "$s = ' ad  B cab '",
    ),
)

"""Small functions and scripts about text."""

from __future__ import annotations

from recipe.sample.families import Snippet

LETTERS = (
    ("vowels", "c in 'aeiou'", "['e', 'o']"),
    ("digits", "c.isdigit()", "['1', '2', '9']"),
    ("letters", "c.isalpha()", "['H', 'e', 'y', 'Y', 'o', 'B']"),
    ("upper case letters", "c.isupper()", "['H', 'Y', 'B']"),
    ("lower case letters", "c.islower()", "['e', 'y', 'o']"),
    ("spaces", "c == ' '", "[' ', ' ', ' ']"),
    ("commas", "c == ','", "[',']"),
    ("letters and digits", "c.isalnum()", "['H', 'e', 'y', '1', '2', 'Y', 'o', 'B', '9']"),
)
HEY = "'Hey, 12 Yo B9'"
WORD_KINDS = (
    ("longer than 4 characters", "len(w) > 4", "['Berlin', 'apple']"),
    ("longer than 3 characters", "len(w) > 3", "['Berlin', 'apple', 'node']"),
    ("shorter than 4 characters", "len(w) < 4", "['ant', 'No']"),
    ("exactly 3 characters long", "len(w) == 3", "['ant']"),
    ("starting with 'a'", "w.startswith('a')", "['ant', 'apple']"),
    ("starting with 'n'", "w.startswith('n')", "['node']"),
    ("ending with 'e'", "w.endswith('e')", "['apple', 'node']"),
    ("ending with 't'", "w.endswith('t')", "['ant']"),
    ("containing 'p'", "'p' in w", "['apple']"),
    ("starting with an upper case letter", "w[0].isupper()", "['Berlin', 'No']"),
    ("written in lower case", "w.islower()", "['ant', 'apple', 'node']"),
)
FIVE = "['ant', 'Berlin', 'apple', 'No', 'node']"
GIVEN = (
    ("text", "hello world"),
    ("name", "Ada Lovelace"),
    ("title", "the old man and the sea"),
    ("message", "See you at noon"),
    ("word", "Python"),
    ("city", "New York"),
)

FAMILIES = (
    Snippet(
        "fn-count-chars",
        (
            "Write a Python function to count the $what in a string.",
            "Create a function that returns the number of $what in a text.",
            "Define a function counting how many $what a string contains.",
        ),
        "def count_$name(text):\n    return sum(1 for c in text if $c)",
        {"what name c kept": tuple((w, w.replace(" ", "_"), c, k) for w, c, k in LETTERS)},
        f"count_$name({HEY}) == len($kept)",
    ),
    Snippet(
        "fn-remove-chars",
        (
            "Write a Python function to remove all $what from a string.",
            "Create a function that returns a text without its $what.",
            "Define a function which deletes the $what in a string.",
        ),
        "def remove_$name(text):\n    return ''.join(c for c in text if not $c)",
        {"what name c kept": tuple((w, w.replace(" ", "_"), c, k) for w, c, k in LETTERS if "==" not in c)},
        f"remove_$name({HEY}) == ''.join(c for c in {HEY} if c not in $kept)",
    ),
    Snippet(
        "fn-keep-chars",
        (
            "Write a function `$f` that keeps only the $what of a string.",
            "Create `$f(text)`, a function returning just the $what in a text.",
            "Define a function `$f` to extract the $what from a string.",
        ),
        "def $f(text):\n    return ''.join(c for c in text if $c)",
        {"f": ("extract", "keep", "clean"), "what c kept": LETTERS},
        f"$f({HEY}) == ''.join($kept)",
    ),
    Snippet(
        "fn-words",
        (
            "Write a function `$f` that returns the words of a list $what.",
            "Create a function `$f(words)` to find all words $what.",
            "Define `$f`, which takes a list of words and keeps those $what.",
        ),
        "def $f(words):\n    return [w for w in words if $c]",
        {"f": ("find_words", "select_words", "filter_words"), "what c kept": WORD_KINDS},
        f"$f({FIVE}) == $kept",
    ),
    Snippet(
        "fn-count-words",
        (
            "Write a function `$f` that counts the words $what in a sentence.",
            "Create `$f(sentence)` returning how many words $what a sentence has.",
            "Define a function `$f` for the number of words $what in a text.",
        ),
        "def $f(sentence):\n    return sum(1 for w in sentence.split() if $c)",
        {"f": ("count_words", "word_count", "number_of_words"), "what c kept": WORD_KINDS},
        f"$f(' '.join({FIVE})) == len($kept)",
    ),
    Snippet(
        "fn-text",
        (
            "Write a Python function `$f` that returns $what.",
            "Create a function called `$f` to get $what.",
            "Define a function `$f` returning $what.",
            "Implement `$f(text)` so that it gives $what.",
        ),
        "def $f(text):\n    return $e",
        {
            "f": ("convert", "change", "rework"),
            "what e want": (
                ("a string in upper case", "text.upper()", "'ABC DE F'"),
                ("a string in lower case", "text.lower()", "'abc de f'"),
                ("a string in title case", "text.title()", "'Abc De F'"),
                ("a string with swapped case", "text.swapcase()", "'AbC dE F'"),
                ("a string reversed", "text[::-1]", "'f eD cBa'"),
                ("a string without spaces", "text.replace(' ', '')", "'aBcDef'"),
                ("a string with dashes instead of spaces", "text.replace(' ', '-')", "'aBc-De-f'"),
                ("a string with underscores instead of spaces", "text.replace(' ', '_')", "'aBc_De_f'"),
                ("the words of a string in reverse order", "' '.join(text.split()[::-1])", "'f De aBc'"),
                ("the words of a string in sorted order", "' '.join(sorted(text.split()))", "'De aBc f'"),
                ("the longest word of a string", "max(text.split(), key=len)", "'aBc'"),
                ("the shortest word of a string", "min(text.split(), key=len)", "'f'"),
                ("the number of words in a string", "len(text.split())", "3"),
                ("the first word of a string", "text.split()[0]", "'aBc'"),
                ("the last word of a string", "text.split()[-1]", "'f'"),
                ("the initials of the words in a string", "''.join(w[0] for w in text.split())", "'aDf'"),
                ("the lengths of the words in a string", "[len(w) for w in text.split()]", "[3, 2, 1]"),
                ("the set of characters of a string, sorted", "sorted(set(text))", "sorted(set('aBcDef '))"),
            ),
        },
        "$f('aBc De f') == $want",
    ),
    Snippet(
        "fn-check-text",
        (
            "Write a Python function to check if a string $what.",
            "Create a function that returns True if a text $what.",
            "Define a function telling whether a string $what.",
        ),
        "def $f(text):\n    return $e",
        {
            "what f e yes": (
                ("is a palindrome", "is_palindrome", "text == text[::-1]", "'abba'"),
                ("is empty", "is_empty", "text == ''", "''"),
                ("is in upper case", "is_upper", "text.isupper()", "'AB C'"),
                ("contains only digits", "is_number", "text.isdigit()", "'120'"),
                ("contains only letters", "is_alphabetic", "text.isalpha()", "'aB'"),
                ("contains a digit", "has_digit", "any(c.isdigit() for c in text)", "'a1-'"),
                ("contains an upper case letter", "has_upper", "any(c.isupper() for c in text)", "'a-B'"),
                ("contains a space", "has_space", "' ' in text", "'a B'"),
                ("has only distinct characters", "is_unique", "len(set(text)) == len(text)", "'aB'"),
                ("starts with a capital letter", "is_capitalized", "text[0].isupper()", "'Ba'"),
                ("starts and ends with the same character", "same_ends", "text[0] == text[-1]", "'abca'"),
            ),
        },
        "$f($yes) is True and $f('aa-b') is False",
    ),
    Snippet(
        "greet",
        (
            "Write a function `$f` that takes a name and returns '$hi, <name>$end'.",
            "Create `$f(name)`: it returns the string '$hi, ' followed by the name and '$end'.",
            "Define a greeting function `$f` which answers '$hi, <name>$end' for a given name.",
        ),
        "def $f(name):\n    return f'$hi, {name}$end'",
        {
            "f": ("greet", "welcome", "address"),
            "hi": ("Hello", "Hi", "Good morning", "Welcome", "Goodbye", "Thank you"),
            "end": ("!", ".", "?"),
        },
        "$f('Bo') == '$hi, Bo$end'",
    ),
    Snippet(
        "given-text",
        (
            "Print the given string $how.",
            "Take the text below and print it $how.",
            "Write code to print this string $how.",
        ),
        "$a = '$v'\nprint($e)",
        {
            "a v": GIVEN,
            "how e": (
                ("in upper case", "$a.upper()"),
                ("in lower case", "$a.lower()"),
                ("in title case", "$a.title()"),
                ("backwards", "$a[::-1]"),
                ("without spaces", "$a.replace(' ', '')"),
                ("as a list of words", "$a.split()"),
                ("as a sorted list of characters", "sorted($a)"),
                ("three times", "$a * 3"),
                ("without its first character", "$a[1:]"),
                ("without its last character", "$a[:-1]"),
            ),
        },
        "printed == str($e) + '\\n' and $a == '$v'",
        given="$a = '$v'",
    ),
    Snippet(
        "given-text-number",
        (
            "Print $what in the given string.",
            "Determine $what in the text below and print it.",
            "Output $what in this string.",
        ),
        "$a = '$v'\nprint($e)",
        {
            "a v": GIVEN,
            "what e": (
                ("the number of characters", "len($a)"),
                ("the number of words", "len($a.split())"),
                ("how often the letter 'e' occurs", "$a.count('e')"),
                ("how often the letter 'o' occurs", "$a.count('o')"),
                ("the number of vowels", "sum(1 for c in $a if c in 'aeiou')"),
                ("the number of upper case letters", "sum(1 for c in $a if c.isupper())"),
                ("the position of the first 'o'", "$a.find('o')"),
                ("the number of different characters", "len(set($a))"),
            ),
        },
        "printed == str($e) + '\\n' and $a == '$v'",
        given="$a = '$v'",
    ),
    Snippet(
        "shift",
        (
            "Write a function `$f` that shifts every lower case letter of a text $n places $way.",
            "Create a Caesar cipher `$f(text)` moving letters $way by $n.",
            "Implement `$f`, which replaces each lower case letter with the one $n steps $way.",
        ),
        "def $f(text):\n    return ''.join(chr((ord(c) - 97 $op $n) % 26 + 97) for c in text)",
        {
            "f": ("encrypt", "shift", "caesar"),
            "n": ("1", "2", "3", "5", "7", "10", "13"),
            "way op": (("forward", "+"), ("back", "-")),
        },
        "[(ord(p) - ord(q)) % 26 for p, q in zip($f('amz'), 'amz')] == [(0 $op $n) % 26] * 3",
    ),
    Snippet(
        "frequency",
        (
            "Write a function `$f` that returns a dictionary with the count of each $what$case.",
            "Create `$f(text)` to count how often each $what occurs in a text$case.",
            "Define a function `$f` building a dict of the $what frequencies of a string$case.",
        ),
        "def $f(text):\n    counts = {}\n    for x in $e:\n        counts[x] = counts.get(x, 0) + 1\n    return counts",
        {
            "f": ("frequencies", "count_all", "tally", "histogram"),
            "what case e want": (
                ("character", "", "text", "{'a': 2, ' ': 2, 'A': 1}"),
                ("word", "", "text.split()", "{'a': 2, 'A': 1}"),
                ("character", ", ignoring case", "text.lower()", "{'a': 3, ' ': 2}"),
                ("word", ", ignoring case", "text.lower().split()", "{'a': 3}"),
                ("line", "", "text.splitlines()", "{'a A a': 1}"),
            ),
        },
        "$f('a A a') == $want",
    ),
    Snippet(
        "validate",
        (
            "Write a function `$f` that uses a regular expression to check if a string is $what.",
            "Create `$f(text)`, which validates with re that a text is $what.",
            "Use regex in a function `$f` to test whether a string is $what.",
        ),
        "import re\n\ndef $f(text):\n    return bool(re.fullmatch(r'$pattern', text))",
        {
            "f": ("is_valid", "validate", "matches"),
            "what pattern yes": (
                ("a number", r"\d+", "120"),
                ("a word", r"\w+", "ab_1"),
                ("a 4 digit year", r"\d{4}", "2024"),
                ("a 5 digit zip code", r"\d{5}", "10115"),
                ("a date like 2024-01-31", r"\d{4}-\d{2}-\d{2}", "2023-04-05"),
                ("a time like 09:30", r"\d{2}:\d{2}", "10:45"),
                ("a phone number like 555-1234", r"\d{3}-\d{4}", "123-4567"),
                ("a hex color like #ff8800", r"#[0-9a-f]{6}", "#00ff99"),
                ("an email address", r"[\w.]+@[\w.]+", "a.b@c.org"),
                ("made of lower case letters", r"[a-z]+", "abc"),
                ("made of upper case letters", r"[A-Z]+", "ABC"),
            ),
        },
        "$f('$yes') is True and $f('$yes!') is False and $f('') is False and $f('- -') is False",
    ),
    Snippet(
        "repeat-print",
        (
            "Write a program that prints '$w' $n times.",
            "Print the string '$w' $n times using a loop.",
            "Use a for loop to output '$w' $n times.",
        ),
        "for _ in range($n):\n    print('$w')",
        {"w": ("hello", "Python", "ok", "Hello, World!", "again", "done"), "n": ("2", "3", "4", "5", "7", "10", "20")},
        "printed == '$w\\n' * $n",
    ),
    Snippet(
        "letter-count",
        (
            "Write a function `$f` that counts how often the letter '$k' occurs in a string, ignoring case.",
            "Create `$f(text)` returning the number of times '$k' appears in a text in either case.",
            "Define a function `$f` to count the character '$k', ignoring case.",
        ),
        "def $f(text):\n    return text.lower().count('$k')",
        {"f": ("count_letter", "occurrences", "how_often"), "k": tuple("aestxyz")},
        "$f('$k-$k') == 2 and $f('- ') == 0",
    ),
)

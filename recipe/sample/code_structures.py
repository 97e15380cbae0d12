"""Small functions about lists, dictionaries, tables and files."""

from __future__ import annotations

from recipe.sample.families import Snippet

PEOPLE = "[{'name': 'Bo', 'age': 7}, {'name': 'Al', 'age': 30}, {'name': 'Cy', 'age': 18}]"


# Stands in for the file system: what was opened lands in `files`.
ON_DISK = (
    "import io\nfiles = []\ndef open(name, mode='r'):\n    files.append(name)\n    return io.StringIO('b 1\\na c\\n')\n"
)


FAMILIES = (
    Snippet(
        "fn-sort",
        (
            "Write a function `$f` that sorts $what.",
            "Create `$f(items)` to sort $what.",
            "Define a function `$f` for sorting $what.",
        ),
        "def $f(items):\n    return sorted(items$key)",
        {
            "f": ("sort_items", "arrange", "order"),
            "what key case want": (
                ("a list of words by length", ", key=len", "['bb', 'a', 'ccc']", "['a', 'bb', 'ccc']"),
                (
                    "a list of words by length in descending order",
                    ", key=len, reverse=True",
                    "['bb', 'a', 'ccc']",
                    "['ccc', 'bb', 'a']",
                ),
                ("a list of words ignoring case", ", key=str.lower", "['b', 'A', 'C']", "['A', 'b', 'C']"),
                ("a list of numbers in descending order", ", reverse=True", "[2, 9, 4]", "[9, 4, 2]"),
                ("a list of numbers by absolute value", ", key=abs", "[2, -9, -4]", "[2, -4, -9]"),
                ("a list of tuples by the first item", ", key=lambda t: t[0]", "[(2, 1), (1, 2)]", "[(1, 2), (2, 1)]"),
                ("a list of tuples by the second item", ", key=lambda t: t[1]", "[(1, 2), (2, 1)]", "[(2, 1), (1, 2)]"),
                (
                    "a list of tuples by the last item",
                    ", key=lambda t: t[-1]",
                    "[(1, 0, 2), (2, 3, 1)]",
                    "[(2, 3, 1), (1, 0, 2)]",
                ),
                ("a list of words by the last letter", ", key=lambda w: w[-1]", "['ab', 'ba']", "['ba', 'ab']"),
                ("a list of lists by their sum", ", key=sum", "[[4], [1, 2]]", "[[1, 2], [4]]"),
            ),
        },
        "$f($case) == $want",
    ),
    Snippet(
        "fn-dict",
        (
            "Write a Python function `$f` that returns $what.",
            "Create `$f(data)`: given a dictionary, it returns $what.",
            "Define a function `$f` to get $what.",
        ),
        "def $f(data):\n    return $e",
        {
            "f": ("process", "extract", "derive"),
            "what e want": (
                (
                    "a dictionary with keys and values swapped",
                    "{v: k for k, v in data.items()}",
                    "{3: 'b', 8: 'a', 5: 'cc'}",
                ),
                ("the key with the largest value of a dictionary", "max(data, key=data.get)", "'a'"),
                ("the key with the smallest value of a dictionary", "min(data, key=data.get)", "'b'"),
                ("the sum of the values of a dictionary", "sum(data.values())", "16"),
                ("the largest value of a dictionary", "max(data.values())", "8"),
                ("the sorted keys of a dictionary", "sorted(data)", "['a', 'b', 'cc']"),
                ("the sorted values of a dictionary", "sorted(data.values())", "[3, 5, 8]"),
                ("the longest key of a dictionary", "max(data, key=len)", "'cc'"),
                (
                    "the items of a dictionary sorted by value",
                    "sorted(data.items(), key=lambda kv: kv[1])",
                    "[('b', 3), ('cc', 5), ('a', 8)]",
                ),
                (
                    "the items of a dictionary sorted by value in descending order",
                    "sorted(data.items(), key=lambda kv: kv[1], reverse=True)",
                    "[('a', 8), ('cc', 5), ('b', 3)]",
                ),
                (
                    "a dictionary with every value doubled",
                    "{k: v * 2 for k, v in data.items()}",
                    "{'b': 6, 'a': 16, 'cc': 10}",
                ),
                (
                    "a dictionary with all keys in upper case",
                    "{k.upper(): v for k, v in data.items()}",
                    "{'B': 3, 'A': 8, 'CC': 5}",
                ),
            ),
        },
        "$f({'b': 3, 'a': 8, 'cc': 5}) == $want",
    ),
    Snippet(
        "fn-dict-filter",
        (
            "Write a function `$f` that keeps the entries of a dictionary whose value is $what.",
            "Create `$f(data)` to filter a dictionary by values being $what.",
            "Define a function `$f` which returns the items of a dict with a value $what.",
        ),
        "def $f(data):\n    return {k: v for k, v in data.items() if $c}",
        {
            "f": ("filter_dict", "keep_items", "select_items"),
            "what c kept": (
                ("greater than 5", "v > 5", "['b', 'd']"),
                ("greater than 0", "v > 0", "['a', 'b', 'd']"),
                ("less than 5", "v < 5", "['a', 'c']"),
                ("at least 8", "v >= 8", "['b', 'd']"),
                ("at most 3", "v <= 3", "['a', 'c']"),
                ("equal to 8", "v == 8", "['b']"),
                ("not equal to 0", "v != 0", "['a', 'b', 'd']"),
                ("that is even", "v % 2 == 0", "['b', 'c']"),
                ("that is odd", "v % 2 == 1", "['a', 'd']"),
            ),
        },
        "list($f({'a': 3, 'b': 8, 'c': 0, 'd': 9})) == $kept",
    ),
    Snippet(
        "fn-records",
        (
            "Write a function `$f` that returns the names of all people $what.",
            "Create `$f(people)`: from a list of dicts it returns every name of someone $what.",
            "Given dicts with name and age, define `$f` to list the names of people $what.",
        ),
        "def $f(people):\n    return [p['name'] for p in people if p['age'] $c]",
        {
            "f": ("get_names", "names_of", "find_people"),
            "what c kept": (
                ("older than 18", "> 18", "['Al']"),
                ("older than 6", "> 6", "['Bo', 'Al', 'Cy']"),
                ("younger than 18", "< 18", "['Bo']"),
                ("younger than 30", "< 30", "['Bo', 'Cy']"),
                ("aged 18 or more", ">= 18", "['Al', 'Cy']"),
                ("aged 18 or less", "<= 18", "['Bo', 'Cy']"),
                ("aged exactly 30", "== 30", "['Al']"),
            ),
        },
        f"$f({PEOPLE}) == $kept",
    ),
    Snippet(
        "fn-two-lists",
        (
            "Write a function `$f` that returns $what.",
            "Create `$f(a, b)` to compute $what.",
            "Define a Python function `$f` for $what.",
        ),
        "def $f(a, b):\n    return $e",
        {
            "f": ("combine", "merge", "join_lists"),
            "what e want": (
                ("the common elements of two lists", "[x for x in a if x in b]", "[2, 5]"),
                ("the elements of the first list that are not in the second", "[x for x in a if x not in b]", "[1]"),
                ("the element-wise sum of two lists", "[x + y for x, y in zip(a, b)]", "[3, 11, 10]"),
                ("the element-wise product of two lists", "[x * y for x, y in zip(a, b)]", "[2, 18, 25]"),
                ("the dot product of two lists", "sum(x * y for x, y in zip(a, b))", "45"),
                ("two lists merged and sorted", "sorted(a + b)", "[1, 2, 2, 5, 5, 9]"),
                ("a dictionary from a list of keys and a list of values", "dict(zip(a, b))", "{1: 2, 2: 9, 5: 5}"),
                ("a list of pairs from two lists", "list(zip(a, b))", "[(1, 2), (2, 9), (5, 5)]"),
                ("the sorted union of two lists", "sorted(set(a) | set(b))", "[1, 2, 5, 9]"),
            ),
        },
        "$f([1, 2, 5], [2, 9, 5]) == $want",
    ),
    Snippet(
        "fn-matrix",
        (
            "Write a function `$f` that returns $what of a matrix.",
            "Create `$f(matrix)` to compute $what of a 2D list.",
            "Define a function `$f` for $what of a list of lists.",
        ),
        "def $f(matrix):\n    return $e",
        {
            "f": ("solve", "compute", "matrix_info"),
            "what e want": (
                ("the transpose", "[list(col) for col in zip(*matrix)]", "[[4, 0], [1, 5]]"),
                ("the sum of every row", "[sum(row) for row in matrix]", "[5, 5]"),
                ("the sum of every column", "[sum(col) for col in zip(*matrix)]", "[4, 6]"),
                ("the largest element", "max(max(row) for row in matrix)", "5"),
                ("the smallest element", "min(min(row) for row in matrix)", "0"),
                ("the sum of all elements", "sum(sum(row) for row in matrix)", "10"),
                ("a flat list", "[x for row in matrix for x in row]", "[4, 1, 0, 5]"),
                ("the main diagonal", "[matrix[i][i] for i in range(len(matrix))]", "[4, 5]"),
                ("the trace", "sum(matrix[i][i] for i in range(len(matrix)))", "9"),
                ("the maximum of every row", "[max(row) for row in matrix]", "[4, 5]"),
                ("the mirror image", "[row[::-1] for row in matrix]", "[[1, 4], [5, 0]]"),
            ),
        },
        "$f([[4, 1], [0, 5]]) == $want",
    ),
    Snippet(
        "make-dict",
        (
            "Create a dictionary `$d` that maps the numbers from $lo to $hi to their $what.",
            "Build a dict `$d` with the keys $lo to $hi and their $what as values.",
            "Generate a dictionary named `$d` of the $what of all numbers from $lo to $hi.",
        ),
        "$d = {x: $e for x in range($lo, $stop)}",
        {
            "d": ("result", "table", "mapping"),
            "lo": ("0", "1", "2"),
            "hi stop": (("5", "6"), ("10", "11"), ("20", "21")),
            "what e": (
                ("squares", "x ** 2"),
                ("cubes", "x ** 3"),
                ("doubles", "x * 2"),
                ("negatives", "-x"),
                ("string forms", "str(x)"),
                ("halves", "x / 2"),
            ),
        },
        "list($d) == list(range($lo, $hi + 1)) and all(y == $e for x, y in $d.items())",
    ),
    Snippet(
        "read-file",
        (
            "Write a function `$f` that reads a file and returns $what.",
            "Create `$f(path)` to open a text file and return $what.",
            "Define a function `$f` that takes the path of a file and gives back $what.",
        ),
        "def $f(path):\n    with open(path) as file:\n        return $e",
        {
            "f": ("read_file", "load", "scan"),
            "what e want": (
                ("its text", "file.read()", "'b 1\\na c\\n'"),
                ("the list of its lines", "file.read().splitlines()", "['b 1', 'a c']"),
                ("the number of its lines", "len(file.readlines())", "2"),
                ("the number of its words", "len(file.read().split())", "4"),
                ("the number of its characters", "len(file.read())", "8"),
                ("its first line", "file.readline()", "'b 1\\n'"),
                ("its words", "file.read().split()", "['b', '1', 'a', 'c']"),
                ("its text in upper case", "file.read().upper()", "'B 1\\nA C\\n'"),
                ("its sorted lines", "sorted(file.read().splitlines())", "['a c', 'b 1']"),
            ),
        },
        "$f('some.txt') == $want and files[0] == 'some.txt'",
        ON_DISK,
    ),
    Snippet(
        "write-file",
        (
            "Write a function `$f` that writes $what to a file.",
            "Create `$f(path, data)` to save $what in a file.",
            "Define a function `$f` for storing $what in a text file.",
        ),
        "def $f(path, data):\n    with open(path, 'w') as file:\n        file.write($e)",
        {
            "f": ("save", "store", "write_file"),
            "what e case want": (
                ("a string", "data", "'ab'", "'ab'"),
                ("a list of lines", "'\\n'.join(data)", "['a', 'b']", "'a\\nb'"),
                ("a list of words separated by spaces", "' '.join(data)", "['a', 'b']", "'a b'"),
                ("a list of numbers separated by commas", "','.join(map(str, data))", "[1, 2]", "'1,2'"),
                ("a number", "str(data)", "12", "'12'"),
                ("a string in upper case", "data.upper()", "'ab'", "'AB'"),
                ("a string followed by a newline", "data + '\\n'", "'ab'", "'ab\\n'"),
            ),
        },
        "$f('some.txt', $case) is None and files == ['some.txt', 'w', $want]",
        "import io\nfiles = []\nclass _F(io.StringIO):\n    def __exit__(self, *_):\n"
        "        files.append(self.getvalue())\n"
        "def open(name, mode='r'):\n    files.extend([name, mode])\n    return _F()\n",
    ),
    Snippet(
        "safe",
        (
            "Write a function `$f` that $what and returns $v on a $err.",
            "Create `$f`, which $what; if there is a $err it returns $v.",
            "Define a function `$f` with try and except: it $what, or returns $v for a $err.",
        ),
        "def $f($args):\n    try:\n        return $e\n    except $err:\n        return $v",
        {
            "what f args e err good want bad": (
                ("divides a by b", "divide", "a, b", "a / b", "ZeroDivisionError", "(6, 3)", "2", "(6, 0)"),
                ("converts text to an integer", "to_int", "text", "int(text)", "ValueError", "('12')", "12", "('x')"),
                (
                    "converts text to a float",
                    "to_float",
                    "text",
                    "float(text)",
                    "ValueError",
                    "('1.5')",
                    "1.5",
                    "('x')",
                ),
                (
                    "gets an item of a list by index",
                    "get_item",
                    "items, index",
                    "items[index]",
                    "IndexError",
                    "([7, 9], 1)",
                    "9",
                    "([7, 9], 2)",
                ),
                (
                    "looks up a key in a dictionary",
                    "look_up",
                    "data, key",
                    "data[key]",
                    "KeyError",
                    "({'k': 3}, 'k')",
                    "3",
                    "({}, 'k')",
                ),
                (
                    "finds the position of an item in a list",
                    "position",
                    "items, item",
                    "items.index(item)",
                    "ValueError",
                    "([7, 9], 9)",
                    "1",
                    "([7], 9)",
                ),
                (
                    "computes the remainder of a and b",
                    "remainder",
                    "a, b",
                    "a % b",
                    "ZeroDivisionError",
                    "(7, 4)",
                    "3",
                    "(7, 0)",
                ),
            ),
            "v": ("None", "0", "-1", "False"),
        },
        "$f$good == $want and repr($f$bad) == '$v'",
    ),
)

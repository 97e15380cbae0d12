"""Small scripts and functions with loops and branches."""

from __future__ import annotations

from recipe.sample.families import Snippet
from recipe.sample.words import KEPT, MAPPED

GIVEN = (
    ("numbers", "[4, 8, 1, 9]"),
    ("values", "[12, 5, 7]"),
    ("scores", "[70, 85, 60, 95]"),
    ("prices", "[3, 19, 11, 2, 8]"),
    ("data", "[6, 6, 2, 10]"),
    ("temps", "[21, 17, 25]"),
)


KINDS = (
    ("even", "is_even", "n % 2 == 0", "[0, 2, 6, 12, 30]"),
    ("odd", "is_odd", "n % 2 == 1", "[-1, 1, 5, 7, 9, 15]"),
    ("positive", "is_positive", "n > 0", "[1, 2, 5, 6, 7, 9, 12, 15, 30]"),
    ("negative", "is_negative", "n < 0", "[-1]"),
    ("divisible by 3", "is_divisible_by_3", "n % 3 == 0", "[0, 6, 9, 12, 15, 30]"),
    ("divisible by 5", "is_divisible_by_5", "n % 5 == 0", "[0, 5, 15, 30]"),
    ("divisible by 7", "is_divisible_by_7", "n % 7 == 0", "[0, 7]"),
    ("a multiple of 6", "is_multiple_of_6", "n % 6 == 0", "[0, 6, 12, 30]"),
    ("a multiple of 10", "is_multiple_of_10", "n % 10 == 0", "[0, 30]"),
    ("a single digit", "is_single_digit", "0 <= n <= 9", "[0, 1, 2, 5, 6, 7, 9]"),
    ("greater than 10", "is_greater_than_10", "n > 10", "[12, 15, 30]"),
    ("less than 5", "is_less_than_5", "n < 5", "[-1, 0, 1, 2]"),
    ("a perfect square", "is_perfect_square", "n >= 0 and int(n ** 0.5) ** 2 == n", "[0, 1, 9]"),
)


FAMILIES = (
    Snippet(
        "discount",
        (
            "Write a function `$f` that $does $n percent $where a price.",
            "Create a Python function called `$f` which $does $n% $where the price.",
            "Define `$f(price)`: it $does $n percent $where the price and returns the result.",
        ),
        "def $f(price):\n    return price * (100 $op $n) / 100",
        {
            "does where f op": (
                ("adds", "to", "add_tax", "+"),
                ("takes", "off", "discount", "-"),
                ("adds", "on top of", "with_tip", "+"),
                ("deducts", "from", "reduced", "-"),
            ),
            "n": ("5", "10", "15", "19", "20", "25", "30", "50"),
        },
        "abs($f(100) - (100 $op $n)) < 1e-9",
    ),
    Snippet(
        "loop-print",
        (
            "Write a for loop that prints the ${pre}numbers$post from $lo to $hi.",
            "Print all ${pre}numbers$post between $lo and $hi.",
            "Create a program to print every number from $lo to $hi that is $what.",
        ),
        "for x in range($lo, $stop):\n    if $c:\n        print(x)",
        {
            "lo": ("1", "2", "5", "10"),
            "hi stop": (("20", "21"), ("30", "31"), ("50", "51"), ("100", "101")),
            "what pre post c": (
                *(row[:4] for row in KEPT if row[0] in ("even", "odd") or "by" in row[0]),
                ("divisible by 5", "", " divisible by 5", "x % 5 == 0"),
                ("divisible by 7", "", " divisible by 7", "x % 7 == 0"),
            ),
        },
        "[int(n) for n in printed.split()] == list(filter(lambda x: $c, range($lo, $hi + 1)))",
    ),
    Snippet(
        "count-down",
        (
            "Write a while loop that counts $how from $lo to $hi.",
            "Use a while loop to print the numbers $how from $lo to $hi.",
            "Count $how from $lo to $hi with a while loop.",
        ),
        "n = $lo\nwhile n $cmp $hi:\n    print(n)\n    n $op 1",
        {
            "how cmp op lo hi": (
                ("down", ">=", "-=", "10", "1"),
                ("down", ">=", "-=", "5", "0"),
                ("down", ">=", "-=", "20", "10"),
                ("down", ">=", "-=", "100", "50"),
                ("up", "<=", "+=", "1", "10"),
                ("up", "<=", "+=", "0", "5"),
                ("up", "<=", "+=", "10", "20"),
                ("up", "<=", "+=", "50", "100"),
            ),
        },
        "printed.split() == [str(n) for n in range($lo, $hi + (1 if $hi > $lo else -1), 1 if $hi > $lo else -1)]",
    ),
    Snippet(
        "given-stat",
        (
            "Print $what of the given list.",
            "Find $what of the list below and print it.",
            "Write code that prints $what of this list.",
        ),
        "$a = $v\nprint($e)",
        {
            "a v": GIVEN,
            "what e": (
                ("the largest number", "max($a)"),
                ("the smallest number", "min($a)"),
                ("the sum", "sum($a)"),
                ("the average", "sum($a) / len($a)"),
                ("the length", "len($a)"),
                ("the elements in sorted order", "sorted($a)"),
                ("the elements in descending order", "sorted($a, reverse=True)"),
                ("the elements in reverse order", "$a[::-1]"),
                ("the first element", "$a[0]"),
                ("the last element", "$a[-1]"),
                ("the first two elements", "$a[:2]"),
                ("the difference between maximum and minimum", "max($a) - min($a)"),
            ),
        },
        "printed == str($e) + '\\n' and $a == $v",
        given="$a = $v",
    ),
    Snippet(
        "given-loop",
        (
            "Loop over the given list and print each number $how.",
            "Print every number of the list below $how.",
            "Use a for loop to print the items of this list $how.",
        ),
        "$a = $v\nfor x in $a:\n    print($e)",
        {"a v": GIVEN, "how e other": MAPPED},
        "printed.split() == [str($other) for v in $v]",
        given="$a = $v",
    ),
    Snippet(
        "fizz",
        (
            "Print the numbers from 1 to $n, but '$w' for multiples of $k.",
            "Write a loop over 1 to $n that prints '$w' instead of every multiple of $k.",
            "For each number up to $n print '$w' if it is divisible by $k, else the number.",
        ),
        "for x in range(1, $stop):\n    if x % $k == 0:\n        print('$w')\n    else:\n        print(x)",
        {
            "n stop": (("15", "16"), ("20", "21"), ("30", "31"), ("50", "51"), ("100", "101")),
            "k": ("3", "4", "5", "7"),
            "w": ("Fizz", "Buzz", "Beep", "Clap"),
        },
        "printed.split()[:8] == ['$w' if n in range(0, 9, $k) else str(n) for n in range(1, 9)]"
        " and len(printed.split()) == $n",
    ),
    Snippet(
        "times-table",
        (
            "Print the multiplication table of $n up to $k.",
            "Write a program that prints the first $k multiples of $n.",
            "Use a loop to print $n times 1 up to $n times $k.",
        ),
        "for i in range(1, $stop):\n    print($n * i)",
        {
            "n": ("2", "3", "4", "5", "6", "7", "8", "9", "12"),
            "k stop": (("5", "6"), ("10", "11"), ("12", "13"), ("20", "21")),
        },
        "printed.split() == [str(n) for n in range($n, $n * $k + 1, $n)]",
    ),
    Snippet(
        "compare",
        (
            "Write a function `$f` that returns '$p' if a number is $what and '$q' otherwise.",
            "Create a function `$f` returning '$p' for a number that is $what, else '$q'.",
            "Define `$f(n)`. It gives '$p' when n is $what, and '$q' when not.",
        ),
        "def $f(n):\n    if $c:\n        return '$p'\n    return '$q'",
        {
            "f": ("classify", "label", "describe"),
            "p q": (("yes", "no"), ("good", "bad"), ("in", "out"), ("accepted", "rejected")),
            "what same c kept": KINDS,
        },
        "[n for n in (-1, 0, 1, 2, 5, 6, 7, 9, 12, 15, 30) if $f(n) == '$p'] == $kept and "
        "$f(1) in ('$p', '$q') and $f(0) in ('$p', '$q')",
    ),
    Snippet(
        "threshold",
        (
            "Write a function `$f` that returns '$p' from $hi points on, '$q' from $lo on and '$r' below that.",
            "Create `$f(points)`: '$p' for at least $hi, '$q' for at least $lo, otherwise '$r'.",
            "Grade points with a function `$f`: $hi or more is '$p', $lo or more '$q', the rest '$r'.",
        ),
        "def $f(points):\n    if points >= $hi:\n        return '$p'\n    if points >= $lo:\n"
        "        return '$q'\n    return '$r'",
        {
            "f": ("grade", "rate", "level"),
            "hi lo": (("90", "50"), ("80", "60"), ("70", "40"), ("100", "20")),
            "p q r": (("A", "B", "C"), ("high", "medium", "low"), ("gold", "silver", "bronze")),
        },
        "[$f($hi), $f($hi - 1), $f($lo), $f($lo - 1)] == ['$p', '$q', '$q', '$r']",
    ),
    Snippet(
        "lambda",
        (
            "Write a lambda `$f` that returns $what.",
            "Create a lambda function named `$f` which gives $what.",
            "Define `$f` as a lambda for $what.",
        ),
        "$f = lambda $args: $e",
        {
            "what f args e case want": (
                ("the square of x", "square", "x", "x ** 2", "(5)", "25"),
                ("the cube of x", "cube", "x", "x ** 3", "(2)", "8"),
                ("x doubled", "double", "x", "x * 2", "(5)", "10"),
                ("half of x", "half", "x", "x / 2", "(5)", "2.5"),
                ("x plus 1", "increment", "x", "x + 1", "(5)", "6"),
                ("the sum of x and y", "add", "x, y", "x + y", "(5, 2)", "7"),
                ("the product of x and y", "multiply", "x, y", "x * y", "(5, 2)", "10"),
                ("the difference of x and y", "subtract", "x, y", "x - y", "(5, 2)", "3"),
                ("x to the power of y", "power", "x, y", "x ** y", "(5, 2)", "25"),
                ("the larger of x and y", "larger", "x, y", "max(x, y)", "(5, 2)", "5"),
                ("the last digit of x", "last_digit", "x", "x % 10", "(52)", "2"),
                ("the absolute value of x", "magnitude", "x", "abs(x)", "(-5)", "5"),
            ),
        },
        "$f$case == $want",
    ),
    Snippet(
        "generator",
        (
            "Write a generator function `$f` that yields $what up to n.",
            "Create a generator `$f(n)` producing $what from 1 to n.",
            "Implement a Python generator named `$f` for $what not greater than n.",
        ),
        "def $f(n):\n    for x in range(1, n + 1):\n        if $c:\n            yield x",
        {
            "what f c": (
                ("the even numbers", "evens", "x % 2 == 0"),
                ("the odd numbers", "odds", "x % 2 == 1"),
                ("the multiples of 3", "threes", "x % 3 == 0"),
                ("the multiples of 4", "fours", "x % 4 == 0"),
                ("the multiples of 5", "fives", "x % 5 == 0"),
                ("the multiples of 10", "tens", "x % 10 == 0"),
                ("the numbers ending in 7", "sevens", "x % 10 == 7"),
                ("the divisors of n", "divisors", "n % x == 0"),
                ("the numbers not divisible by 3", "not_threes", "x % 3 != 0"),
            ),
        },
        "list($f(27)) == [x for n in [27] for x in range(1, 28) if $c] and list($f(0)) == []",
    ),
    Snippet(
        "accumulate",
        (
            "Write a function `$f` that computes $what with a loop.",
            "Using a for loop, create a function `$f(n)` returning $what.",
            "Implement `$f` to get $what iteratively.",
        ),
        "def $f(n):\n    result = $start\n    for i in range(1, n + 1):\n        result $op\n    return result",
        {
            "what f start op want": (
                ("the factorial of n", "factorial", "1", "*= i", "120"),
                ("the sum of the numbers 1 to n", "sum_to", "0", "+= i", "15"),
                ("the sum of the squares of 1 to n", "sum_squares", "0", "+= i ** 2", "55"),
                ("the sum of the cubes of 1 to n", "sum_cubes", "0", "+= i ** 3", "225"),
                ("2 to the power of n", "two_to", "1", "*= 2", "32"),
                ("3 to the power of n", "three_to", "1", "*= 3", "243"),
                ("the nth harmonic number", "harmonic", "0", "+= 1 / i", "137 / 60"),
                ("the product of the squares of 1 to n", "product_squares", "1", "*= i ** 2", "14400"),
            ),
        },
        "abs($f(5) - $want) < 1e-9",
    ),
)

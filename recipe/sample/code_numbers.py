"""Small functions and scripts about numbers."""

from __future__ import annotations

from recipe.sample.families import Snippet
from recipe.sample.words import KEPT, MAPPED, SAMPLE

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
RECURSIVE = (
    ("the factorial of n", "factorial", "n <= 1", "1", "n * factorial(n - 1)", "[1, 1, 2, 6, 24]"),
    ("the sum of the numbers from 1 to n", "sum_to", "n == 0", "0", "n + sum_to(n - 1)",
     "[0, 1, 3, 6, 10]"),
    ("the nth Fibonacci number", "fibonacci", "n < 2", "n", "fibonacci(n - 1) + fibonacci(n - 2)",
     "[0, 1, 1, 2, 3]"),
    ("2 to the power of n", "power_of_two", "n == 0", "1", "2 * power_of_two(n - 1)",
     "[1, 2, 4, 8, 16]"),
    ("3 to the power of n", "power_of_three", "n == 0", "1", "3 * power_of_three(n - 1)",
     "[1, 3, 9, 27, 81]"),
    ("the sum of the squares from 1 to n", "sum_of_squares", "n == 0", "0",
     "n ** 2 + sum_of_squares(n - 1)", "[0, 1, 5, 14, 30]"),
    ("the sum of the digits of n", "digit_sum", "n < 10", "n", "n % 10 + digit_sum(n // 10)",
     "[0, 1, 2, 3, 4]"),
    ("the number of digits of n", "count_digits", "n < 10", "1", "1 + count_digits(n // 10)",
     "[1, 1, 1, 1, 1]"),
)
FORMULAS = (
    ("the area of a rectangle", "rectangle_area", "width, height", "width * height", "(3, 4)", "12"),
    ("the perimeter of a rectangle", "rectangle_perimeter", "width, height",
     "2 * (width + height)", "(3, 4)", "14"),
    ("the area of a triangle", "triangle_area", "base, height", "base * height / 2", "(3, 4)", "6"),
    ("the area of a circle", "circle_area", "radius", "3.14159 * radius ** 2", "(10)", "314.159"),
    ("the circumference of a circle", "circle_circumference", "radius", "2 * 3.14159 * radius",
     "(10)", "62.8318"),
    ("the area of a square", "square_area", "side", "side ** 2", "(5)", "25"),
    ("the perimeter of a square", "square_perimeter", "side", "4 * side", "(5)", "20"),
    ("the volume of a cube", "cube_volume", "side", "side ** 3", "(5)", "125"),
    ("the volume of a box", "box_volume", "width, height, depth", "width * height * depth",
     "(2, 3, 4)", "24"),
    ("the average of two numbers", "average", "a, b", "(a + b) / 2", "(3, 4)", "3.5"),
    ("the distance between two numbers", "distance", "a, b", "abs(a - b)", "(3, 7)", "4"),
    ("the simple interest", "simple_interest", "principal, rate, years",
     "principal * rate * years", "(200, 0.5, 3)", "300"),
    ("the speed of a car", "speed", "distance, time", "distance / time", "(90, 2)", "45"),
    ("the body mass index", "bmi", "weight, height", "weight / height ** 2", "(90, 3)", "10"),
    ("the larger of two numbers", "larger", "a, b", "max(a, b)", "(3, 7)", "7"),
    ("the smaller of two numbers", "smaller", "a, b", "min(a, b)", "(3, 7)", "3"),
)
UNITS = (
    ("Celsius to Fahrenheit", "celsius_to_fahrenheit", "celsius", "celsius * 9 / 5 + 32", "50"),
    ("Fahrenheit to Celsius", "fahrenheit_to_celsius", "fahrenheit", "(fahrenheit - 32) * 5 / 9",
     "-110 / 9"),
    ("Celsius to Kelvin", "celsius_to_kelvin", "celsius", "celsius + 273.15", "283.15"),
    ("kilometers to miles", "kilometers_to_miles", "kilometers", "kilometers * 0.621371",
     "6.21371"),
    ("miles to kilometers", "miles_to_kilometers", "miles", "miles * 1.609344", "16.09344"),
    ("meters to feet", "meters_to_feet", "meters", "meters * 3.28084", "32.8084"),
    ("inches to centimeters", "inches_to_centimeters", "inches", "inches * 2.54", "25.4"),
    ("kilograms to pounds", "kilograms_to_pounds", "kilograms", "kilograms * 2.20462", "22.0462"),
    ("pounds to kilograms", "pounds_to_kilograms", "pounds", "pounds * 0.453592", "4.53592"),
    ("hours to minutes", "hours_to_minutes", "hours", "hours * 60", "600"),
    ("minutes to seconds", "minutes_to_seconds", "minutes", "minutes * 60", "600"),
    ("days to hours", "days_to_hours", "days", "days * 24", "240"),
    ("weeks to days", "weeks_to_days", "weeks", "weeks * 7", "70"),
)
LIST_FN = (
    "Write a Python function `$f` that {}.",
    "Create a function called `$f` which {}.",
    "Implement `$f(numbers)` in Python: it {}.",
    "Define a function `$f` taking a list of numbers that {}.",
)


def _asks(*what: str) -> tuple[str, ...]:
    """The openings of LIST_FN, each with one of the wordings of what the function does."""
    return tuple(text.format(what[at % len(what)]) for at, text in enumerate(LIST_FN))


FAMILIES = (
    Snippet(
        "fn-sum-if",
        _asks("returns the sum of the ${pre}numbers$post in a list",
              "adds up all numbers in a list that are $what"),
        "def $f(numbers):\n    return sum(x for x in numbers if $c)",
        {"f": ("total", "sum_some", "add_up", "get_sum"), "what pre post c kept": KEPT},
        f"$f({SAMPLE}) == sum($kept)",
    ),
    Snippet(
        "fn-count-if",
        _asks("counts the ${pre}numbers$post in a list",
              "returns how many numbers in a list are $what"),
        "def $f(numbers):\n    return sum(1 for x in numbers if $c)",
        {"f": ("count", "how_many", "count_some", "get_count"), "what pre post c kept": KEPT},
        f"$f({SAMPLE}) == len($kept)",
    ),
    Snippet(
        "fn-filter",
        _asks("returns only the ${pre}numbers$post of a list",
              "removes all numbers that are not $what from a list"),
        "def $f(numbers):\n    return [x for x in numbers if $c]",
        {"f": ("keep", "select", "pick", "filter_numbers"), "what pre post c kept": KEPT},
        f"$f({SAMPLE}) == $kept",
    ),
    Snippet(
        "fn-any-all",
        _asks("checks if $any number in a list is $what",
              "returns True when $any number in a list is $what"),
        "def $f(numbers):\n    return $f2($c for x in numbers)",
        {"f": ("check", "test_numbers", "has_it"), "any f2": (("any", "any"), ("every", "all")), "what pre post c kept": KEPT},
        f"$f({SAMPLE}) == (len($kept) >= (1 if '$f2' == 'any' else 8))",
    ),
    Snippet(
        "fn-map",
        _asks("returns a list with each number $how",
              "gives back every number of a list $how"),
        "def $f(numbers):\n    return [$e for x in numbers]",
        {"f": ("convert", "transform", "apply", "change"), "how e other": MAPPED},
        f"$f({SAMPLE}) == [$other for v in {SAMPLE}]",
    ),
    Snippet(
        "fn-map-if",
        _asks("returns the ${pre}numbers$post of a list, each $how",
              "takes the numbers of a list that are $what and returns each $how"),
        "def $f(numbers):\n    return [$e for x in numbers if $c]",
        {"f": ("convert", "transform", "process"), "how e other": MAPPED, "what pre post c kept": KEPT},
        f"$f({SAMPLE}) == [$other for v in $kept]",
    ),
    Snippet(
        "fn-list-stat",
        _asks("returns $what of a list of numbers", "computes $what of the numbers in a list"),
        "def $f(numbers):\n    return $e",
        {
            "f": ("compute", "stat", "measure", "evaluate"),
            "what e want": (
                ("the average", "sum(numbers) / len(numbers)", "5.0"),
                ("the largest value", "max(numbers)", "22"),
                ("the smallest value", "min(numbers)", "-7"),
                ("the range", "max(numbers) - min(numbers)", "29"),
                ("the second largest value", "sorted(set(numbers))[-2]", "15"),
                ("the second smallest value", "sorted(set(numbers))[1]", "-4"),
                ("the most common value", "max(set(numbers), key=numbers.count)", "3"),
                ("the number of distinct values", "len(set(numbers))", "7"),
                ("the sum of the squares", "sum(x ** 2 for x in numbers)", "856"),
                ("the sum of the absolute values", "sum(abs(x) for x in numbers)", "62"),
                ("the last value", "numbers[-1]", "3"),
                ("the values in reverse order", "numbers[::-1]", "[3, 22, 15, 8, 3, 0, -4, -7]"),
                ("the distinct values in sorted order", "sorted(set(numbers))",
                 "[-7, -4, 0, 3, 8, 15, 22]"),
            ),
        },
        f"$f({SAMPLE}) == $want",
    ),
    Snippet(
        "is-kind",
        (
            "Write a Python function to check if a number is $what.",
            "Create a function that returns True if the given number is $what.",
            "Define a function which tells whether n is $what.",
            "Implement a check in Python for a number being $what.",
        ),
        "def $f(n):\n    return $c",
        {"what f c kept": KINDS},
        "[n for n in (-1, 0, 1, 2, 5, 6, 7, 9, 12, 15, 30) if $f(n)] == $kept",
    ),
    Snippet(
        "recursive",
        (
            "Write a recursive function to compute $what.",
            "Use recursion to find $what.",
            "Create a recursive Python function that returns $what.",
        ),
        "def $f(n):\n    if $stop:\n        return $base\n    return $step",
        {"what f stop base step want": RECURSIVE},
        "[$f(n) for n in range(5)] == $want",
    ),
    Snippet(
        "formula",
        (
            "Write a Python function to calculate $what.",
            "Create a function that returns $what.",
            "Define a function for $what.",
            "Implement a function computing $what.",
        ),
        "def $f($args):\n    return $e",
        {"what f args e case want": FORMULAS},
        "abs($f$case - $want) < 1e-6",
    ),
    Snippet(
        "units",
        (
            "Write a Python function to convert $what.",
            "Create a function that converts $what.",
            "Implement a conversion from $what in Python.",
        ),
        "def $f($arg):\n    return $e",
        {"what f arg e want": UNITS},
        "abs($f(10) - ($want)) < 1e-6",
    ),
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
            "what pre post c": tuple(row[:4] for row in KEPT if row[0] in ("even", "odd") or "by" in row[0])
            + (("divisible by 5", "", " divisible by 5", "x % 5 == 0"), ("divisible by 7", "", " divisible by 7", "x % 7 == 0")),
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
        "printed.split() == [str(n) for n in "
        "range($lo, $hi + (1 if $hi > $lo else -1), 1 if $hi > $lo else -1)]",
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
        "for x in range(1, $stop):\n    if x % $k == 0:\n        print('$w')\n    else:\n"
        "        print(x)",
        {"n stop": (("15", "16"), ("20", "21"), ("30", "31"), ("50", "51"), ("100", "101")), "k": ("3", "4", "5", "7"),
         "w": ("Fizz", "Buzz", "Beep", "Clap")},
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
        {"n": ("2", "3", "4", "5", "6", "7", "8", "9", "12"), "k stop": (("5", "6"), ("10", "11"), ("12", "13"), ("20", "21"))},
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
            "Write a function `$f` that returns '$p' from $hi points on, '$q' from $lo on and "
            "'$r' below that.",
            "Create `$f(points)`: '$p' for at least $hi, '$q' for at least $lo, otherwise '$r'.",
            "Grade points with a function `$f`: $hi or more is '$p', $lo or more '$q', the rest "
            "'$r'.",
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
        "def $f(n):\n    result = $start\n    for i in range(1, n + 1):\n        result $op\n"
        "    return result",
        {
            "what f start op want": (
                ("the factorial of n", "factorial", "1", "*= i", "120"),
                ("the sum of the numbers 1 to n", "sum_to", "0", "+= i", "15"),
                ("the sum of the squares of 1 to n", "sum_squares", "0", "+= i ** 2", "55"),
                ("the sum of the cubes of 1 to n", "sum_cubes", "0", "+= i ** 3", "225"),
                ("2 to the power of n", "two_to", "1", "*= 2", "32"),
                ("3 to the power of n", "three_to", "1", "*= 3", "243"),
                ("the nth harmonic number", "harmonic", "0", "+= 1 / i", "137 / 60"),
                ("the product of the squares of 1 to n", "product_squares", "1", "*= i ** 2",
                 "14400"),
            ),
        },
        "abs($f(5) - $want) < 1e-9",
    ),
)

"""Small functions about one number, and about all numbers of a list."""

from __future__ import annotations

from recipe.sample.families import Snippet
from recipe.sample.words import KEPT, MAPPED, SAMPLE

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
    ("the sum of the numbers from 1 to n", "sum_to", "n == 0", "0", "n + sum_to(n - 1)", "[0, 1, 3, 6, 10]"),
    ("the nth Fibonacci number", "fibonacci", "n < 2", "n", "fibonacci(n - 1) + fibonacci(n - 2)", "[0, 1, 1, 2, 3]"),
    ("2 to the power of n", "power_of_two", "n == 0", "1", "2 * power_of_two(n - 1)", "[1, 2, 4, 8, 16]"),
    ("3 to the power of n", "power_of_three", "n == 0", "1", "3 * power_of_three(n - 1)", "[1, 3, 9, 27, 81]"),
    (
        "the sum of the squares from 1 to n",
        "sum_of_squares",
        "n == 0",
        "0",
        "n ** 2 + sum_of_squares(n - 1)",
        "[0, 1, 5, 14, 30]",
    ),
    ("the sum of the digits of n", "digit_sum", "n < 10", "n", "n % 10 + digit_sum(n // 10)", "[0, 1, 2, 3, 4]"),
    ("the number of digits of n", "count_digits", "n < 10", "1", "1 + count_digits(n // 10)", "[1, 1, 1, 1, 1]"),
)


FORMULAS = (
    ("the area of a rectangle", "rectangle_area", "width, height", "width * height", "(3, 4)", "12"),
    ("the perimeter of a rectangle", "rectangle_perimeter", "width, height", "2 * (width + height)", "(3, 4)", "14"),
    ("the area of a triangle", "triangle_area", "base, height", "base * height / 2", "(3, 4)", "6"),
    ("the area of a circle", "circle_area", "radius", "3.14159 * radius ** 2", "(10)", "314.159"),
    ("the circumference of a circle", "circle_circumference", "radius", "2 * 3.14159 * radius", "(10)", "62.8318"),
    ("the area of a square", "square_area", "side", "side ** 2", "(5)", "25"),
    ("the perimeter of a square", "square_perimeter", "side", "4 * side", "(5)", "20"),
    ("the volume of a cube", "cube_volume", "side", "side ** 3", "(5)", "125"),
    ("the volume of a box", "box_volume", "width, height, depth", "width * height * depth", "(2, 3, 4)", "24"),
    ("the average of two numbers", "average", "a, b", "(a + b) / 2", "(3, 4)", "3.5"),
    ("the distance between two numbers", "distance", "a, b", "abs(a - b)", "(3, 7)", "4"),
    (
        "the simple interest",
        "simple_interest",
        "principal, rate, years",
        "principal * rate * years",
        "(200, 0.5, 3)",
        "300",
    ),
    ("the speed of a car", "speed", "distance, time", "distance / time", "(90, 2)", "45"),
    ("the body mass index", "bmi", "weight, height", "weight / height ** 2", "(90, 3)", "10"),
    ("the larger of two numbers", "larger", "a, b", "max(a, b)", "(3, 7)", "7"),
    ("the smaller of two numbers", "smaller", "a, b", "min(a, b)", "(3, 7)", "3"),
)


UNITS = (
    ("Celsius to Fahrenheit", "celsius_to_fahrenheit", "celsius", "celsius * 9 / 5 + 32", "50"),
    ("Fahrenheit to Celsius", "fahrenheit_to_celsius", "fahrenheit", "(fahrenheit - 32) * 5 / 9", "-110 / 9"),
    ("Celsius to Kelvin", "celsius_to_kelvin", "celsius", "celsius + 273.15", "283.15"),
    ("kilometers to miles", "kilometers_to_miles", "kilometers", "kilometers * 0.621371", "6.21371"),
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
        _asks("returns the sum of the ${pre}numbers$post in a list", "adds up all numbers in a list that are $what"),
        "def $f(numbers):\n    return sum(x for x in numbers if $c)",
        {"f": ("total", "sum_some", "add_up", "get_sum"), "what pre post c kept": KEPT},
        f"$f({SAMPLE}) == sum($kept)",
    ),
    Snippet(
        "fn-count-if",
        _asks("counts the ${pre}numbers$post in a list", "returns how many numbers in a list are $what"),
        "def $f(numbers):\n    return sum(1 for x in numbers if $c)",
        {"f": ("count", "how_many", "count_some", "get_count"), "what pre post c kept": KEPT},
        f"$f({SAMPLE}) == len($kept)",
    ),
    Snippet(
        "fn-filter",
        _asks("returns only the ${pre}numbers$post of a list", "removes all numbers that are not $what from a list"),
        "def $f(numbers):\n    return [x for x in numbers if $c]",
        {"f": ("keep", "select", "pick", "filter_numbers"), "what pre post c kept": KEPT},
        f"$f({SAMPLE}) == $kept",
    ),
    Snippet(
        "fn-any-all",
        _asks("checks if $any number in a list is $what", "returns True when $any number in a list is $what"),
        "def $f(numbers):\n    return $f2($c for x in numbers)",
        {
            "f": ("check", "test_numbers", "has_it"),
            "any f2": (("any", "any"), ("every", "all")),
            "what pre post c kept": KEPT,
        },
        f"$f({SAMPLE}) == (len($kept) >= (1 if '$f2' == 'any' else 8))",
    ),
    Snippet(
        "fn-map",
        _asks("returns a list with each number $how", "gives back every number of a list $how"),
        "def $f(numbers):\n    return [$e for x in numbers]",
        {"f": ("convert", "transform", "apply", "change"), "how e other": MAPPED},
        f"$f({SAMPLE}) == [$other for v in {SAMPLE}]",
    ),
    Snippet(
        "fn-map-if",
        _asks(
            "returns the ${pre}numbers$post of a list, each $how",
            "takes the numbers of a list that are $what and returns each $how",
        ),
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
                ("the distinct values in sorted order", "sorted(set(numbers))", "[-7, -4, 0, 3, 8, 15, 22]"),
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
)

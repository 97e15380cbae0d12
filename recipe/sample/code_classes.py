"""Small classes."""

from __future__ import annotations

from recipe.sample.families import Snippet

CLASSES = (
    ("Book", "title", "author"),
    ("Car", "brand", "year"),
    ("Person", "name", "age"),
    ("Point", "x", "y"),
    ("Product", "name", "price"),
    ("City", "name", "population"),
    ("Song", "title", "artist"),
    ("Student", "name", "grade"),
    ("Employee", "name", "salary"),
    ("Rectangle", "width", "height"),
    ("Movie", "title", "year"),
    ("Account", "owner", "balance"),
)


ANIMALS = (
    ("Dog", "Woof"),
    ("Cat", "Meow"),
    ("Cow", "Moo"),
    ("Duck", "Quack"),
    ("Sheep", "Baa"),
    ("Horse", "Neigh"),
    ("Pig", "Oink"),
    ("Owl", "Hoot"),
)


SHAPES = (
    ("Square", "side", "area", "self.side ** 2", "(3)", "9"),
    ("Square", "side", "perimeter", "4 * self.side", "(3)", "12"),
    ("Cube", "side", "volume", "self.side ** 3", "(3)", "27"),
    ("Cube", "side", "surface", "6 * self.side ** 2", "(3)", "54"),
    ("Circle", "radius", "area", "3.14159 * self.radius ** 2", "(10)", "314.159"),
    ("Circle", "radius", "circumference", "2 * 3.14159 * self.radius", "(10)", "62.8318"),
    ("Circle", "radius", "diameter", "2 * self.radius", "(10)", "20"),
    ("Temperature", "celsius", "fahrenheit", "self.celsius * 9 / 5 + 32", "(10)", "50"),
    ("Temperature", "celsius", "kelvin", "self.celsius + 273.15", "(10)", "283.15"),
    ("Duration", "hours", "minutes", "self.hours * 60", "(2)", "120"),
    ("Duration", "hours", "seconds", "self.hours * 3600", "(2)", "7200"),
    ("Duration", "hours", "days", "self.hours / 24", "(48)", "2"),
)


FAMILIES = (
    Snippet(
        "class-fields",
        (
            "Create a class `$n` with the attributes $p and $q.",
            "Write a Python class named `$n` that stores $p and $q.",
            "Define a class `$n` whose constructor takes $p and $q.",
            "Implement a `$n` class having two attributes, $p and $q.",
        ),
        "class $n:\n    def __init__(self, $p, $q):\n        self.$p = $p\n        self.$q = $q",
        {"n p q": CLASSES},
        "($n(1, 2).$p, $n(1, 2).$q) == (1, 2)",
    ),
    Snippet(
        "class-str",
        (
            "Create a class `$n` with $p and $q that prints as '<$p>$sep<$q>'.",
            "Write a class `$n` storing $p and $q, with a __str__ method returning '<$p>$sep<$q>'.",
            "Define `$n` with the attributes $p and $q; str() of it gives '<$p>$sep<$q>'.",
        ),
        "class $n:\n    def __init__(self, $p, $q):\n        self.$p = $p\n        self.$q = $q\n\n"
        "    def __str__(self):\n        return f'{self.$p}$sep{self.$q}'",
        {"n p q": CLASSES, "sep": (": ", ", ", " - ", "/", " by ")},
        "str($n(1, 2)) == '1$sep' + '2'",
    ),
    Snippet(
        "dataclass",
        (
            "Create a dataclass `$n` with the fields $p ($s) and $q ($t).",
            "Write a Python dataclass named `$n` with $p of type $s and $q of type $t.",
            "Define `$n` as a dataclass: $p is of type $s, $q of type $t.",
        ),
        "from dataclasses import dataclass\n\n@dataclass\nclass $n:\n    $p: $s\n    $q: $t",
        {"n p q": CLASSES, "s": ("str", "int"), "t": ("int", "float", "str")},
        "repr($n(1, 2)) == '$n($p=1, $q=2)' and $n.__annotations__ == {'$p': $s, '$q': $t}",
    ),
    Snippet(
        "subclass",
        (
            "Create a class `$n` that inherits from `$b` and has a method `$m` returning '$v'.",
            "Write a subclass `$n` of `$b` whose method `$m` returns '$v'.",
            "Define `$n` as a child class of `$b`; its `$m` method gives back '$v'.",
        ),
        "class $n($b):\n    def $m(self):\n        return '$v'",
        {"n v": ANIMALS, "b": ("Animal", "Pet", "Creature"), "m": ("speak", "sound", "call")},
        "$n().$m() == '$v' and isinstance($n(), $b)",
        "class $b:\n    pass",
    ),
    Snippet(
        "class-shape",
        (
            "Create a class `$n` with a $p and a method `$m` that returns the $m.",
            "Write a class `$n` taking a $p, with a method `$m()`.",
            "Define a Python class `$n` that has a $p and can compute its $m.",
            "Implement `$n`: it is built from a $p, and its method `$m` gives the $m.",
        ),
        "class $n:\n    def __init__(self, $p):\n        self.$p = $p\n\n    def $m(self):\n        return $e",
        {"n p m e case want": SHAPES},
        "abs($n$case.$m() - $want) < 1e-9",
    ),
    Snippet(
        "counter-class",
        (
            "Create a class `$n` that starts at $v and has a method `$m` which $does $k.",
            "Write a class `$n` with a value of $v at first; its method `$m` $does $k.",
            "Define `$n`: the value is $v in the beginning and each call of `$m` $does $k.",
        ),
        "class $n:\n    def __init__(self):\n        self.value = $v\n\n    def $m(self):\n        self.value $op $k",
        {
            "n": ("Counter", "Score", "Meter", "Clock"),
            "v": ("0", "1", "10", "100"),
            "does m op": (
                ("increases it by", "increase", "+="),
                ("decreases it by", "decrease", "-="),
                ("multiplies it by", "multiply", "*="),
                ("raises it by", "add", "+="),
                ("lowers it by", "subtract", "-="),
            ),
            "k": ("1", "2", "5", "10"),
        },
        "(lambda c: [c.value, c.$m(), c.value] == [$v, None, eval('$v ' + '$op'[0] + ' $k')])($n())",
    ),
    Snippet(
        "enum",
        (
            "Create an Enum `$n` with the members $list.",
            "Write an enumeration `$n` for $list, numbered from 1.",
            "Define a Python Enum called `$n` whose members are $list, starting at 1.",
        ),
        "from enum import Enum\n\nclass $n(Enum):\n    $p = 1\n    $q = 2\n    $r = 3",
        {
            "n list p q r": (
                ("Color", "red, green and blue", "RED", "GREEN", "BLUE"),
                ("Size", "small, medium and large", "SMALL", "MEDIUM", "LARGE"),
                ("Level", "low, middle and high", "LOW", "MIDDLE", "HIGH"),
                ("State", "new, open and closed", "NEW", "OPEN", "CLOSED"),
                ("Light", "green, yellow and red", "GREEN", "YELLOW", "RED"),
                ("Meal", "breakfast, lunch and dinner", "BREAKFAST", "LUNCH", "DINNER"),
                ("Metal", "gold, silver and bronze", "GOLD", "SILVER", "BRONZE"),
                ("Fruit", "apple, pear and plum", "APPLE", "PEAR", "PLUM"),
                ("Animal", "cat, dog and cow", "CAT", "DOG", "COW"),
                ("Shape", "circle, square and line", "CIRCLE", "SQUARE", "LINE"),
            ),
        },
        "[(m.name, m.value) for m in $n] == [('$p', 1), ('$q', 2), ('$r', 3)]",
    ),
)

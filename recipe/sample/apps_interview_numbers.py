"""Contest problems of medium size about single numbers."""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

import math

from recipe.sample.contest import PEOPLE
from recipe.sample.families import Contest


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if math.gcd(d, n) == d]


def _collatz(n: int) -> list[int]:
    return [n] if n == 1 else [n, *_collatz(n // 2 if n % 2 == 0 else 3 * n + 1)]


def _summed(n: int, times: int) -> int:
    return n if times == 0 else _summed(sum(map(int, str(n))), times - 1)


FAMILIES = (
    Contest(
        "function-number",
        "interview",
        (
            "Complete the function: for a positive integer n it returns $what.",
            "$_who studies numbers. Write a function that takes a positive integer n and returns $what.",
        ),
        "def $name(n):\n$body",
        {
            "_who": PEOPLE,
            "what name body do": (
                (
                    "the number of divisors of n",
                    "count_divisors",
                    "    return sum(1 for d in range(1, n + 1) if n % d == 0)",
                    lambda n: len(_divisors(n)),
                ),
                (
                    "the sum of the divisors of n",
                    "sum_divisors",
                    "    return sum(d for d in range(1, n + 1) if n % d == 0)",
                    lambda n: sum(_divisors(n)),
                ),
                (
                    "the list of the divisors of n in ascending order",
                    "divisors",
                    "    return [d for d in range(1, n + 1) if n % d == 0]",
                    _divisors,
                ),
                (
                    "whether n is prime",
                    "is_prime",
                    "    return n > 1 and all(n % d != 0 for d in range(2, n))",
                    lambda n: len(_divisors(n)) == 2,
                ),
                (
                    "whether n is equal to the sum of its smaller divisors",
                    "is_perfect",
                    "    return sum(d for d in range(1, n) if n % d == 0) == n",
                    lambda n: sum(_divisors(n)) == 2 * n,
                ),
                (
                    "how many steps of 'halve if even, else 3n + 1' lead to 1",
                    "collatz_steps",
                    "    steps = 0\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n"
                    "        steps += 1\n    return steps",
                    lambda n: len(_collatz(n)) - 1,
                ),
                (
                    "the largest number met when going from n to 1 by 'halve if even, else 3n + 1'",
                    "collatz_peak",
                    "    best = n\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n"
                    "        best = max(best, n)\n    return best",
                    lambda n: max(_collatz(n)),
                ),
                (
                    "the single digit left after adding up the digits again and again",
                    "digital_root",
                    "    while n > 9:\n        n = sum(int(c) for c in str(n))\n    return n",
                    lambda n: (n - 1) % 9 + 1,
                ),
                (
                    "how often the digits have to be added up until one digit is left",
                    "digit_steps",
                    "    steps = 0\n    while n > 9:\n        n = sum(int(c) for c in str(n))\n"
                    "        steps += 1\n    return steps",
                    lambda n: next(i for i in range(9) if _summed(n, i) < 10),
                ),
                ("the binary digits of n as a string", "to_binary", "    return bin(n)[2:]", lambda n: format(n, "b")),
                (
                    "the number of ones in the binary form of n",
                    "count_ones",
                    "    return bin(n).count('1')",
                    lambda n: sum(n >> i & 1 for i in range(20)),
                ),
                (
                    "the list of the prime factors of n in ascending order",
                    "prime_factors",
                    "    factors = []\n    d = 2\n    while n > 1:\n        while n % d == 0:\n"
                    "            factors.append(d)\n            n //= d\n        d += 1\n"
                    "    return factors",
                    lambda n: sorted(
                        p for p in _divisors(n) if len(_divisors(p)) == 2 for e in range(1, 9) if n % p**e == 0
                    ),
                ),
            ),
        },
        lambda rng, v: (rng.choice((rng.randint(1, 30), rng.randint(1, 300))),),
        lambda v, n: v["do"](n),
        fn="$name",
    ),
)

"""Light problems in the style of APPS for `sandbox.py`: 20 read standard input, 6 are functions; 20 tests each.

Each is a solution and a generator of inputs; expected outputs come from running the solution, which is ours, here.
"""

from __future__ import annotations

import inspect
import json
import random
import textwrap
from collections.abc import Callable
from typing import Any

TESTS = 20


def _numbers(rng: random.Random, most: int = 60) -> str:
    count = rng.randint(1, most)
    return f"{count}\n{' '.join(str(rng.randint(-999, 999)) for _ in range(count))}\n"


def _word(rng: random.Random) -> str:
    return "".join(rng.choice("abcde") for _ in range(rng.randint(3, 40))) + "\n"


def _number(rng: random.Random) -> str:
    return f"{rng.randint(2, 3000)}\n"


def _grid(rng: random.Random) -> str:
    rows, columns = rng.randint(2, 12), rng.randint(2, 12)
    lines = ["".join(rng.choice("..#") for _ in range(columns)) for _ in range(rows)]
    return f"{rows} {columns}\n" + "\n".join(lines) + "\n"


def _edges(rng: random.Random) -> str:
    nodes = rng.randint(2, 30)
    edges = [(rng.randint(1, nodes), rng.randint(1, nodes)) for _ in range(rng.randint(1, 50))]
    return f"{nodes} {len(edges)}\n" + "".join(f"{a} {b}\n" for a, b in edges)


def total(values: list[int]) -> int:
    return sum(values)


def largest_run(values: list[int]) -> int:
    best = here = values[0]
    for value in values[1:]:
        here = max(value, here + value)
        best = max(best, here)
    return best


def longest_rise(values: list[int]) -> int:
    import bisect

    tails: list[int] = []
    for value in values:
        at = bisect.bisect_left(tails, value)
        tails[at : at + 1] = [value]
    return len(tails)


def inversions(values: list[int]) -> int:
    return sum(a > b for i, a in enumerate(values) for b in values[i + 1 :])


def distinct_pairs(values: list[int]) -> int:
    seen = set(values)
    return sum(-value in seen for value in seen)


def ordered(values: list[int]) -> str:
    return " ".join(map(str, sorted(values)))


def medians(values: list[int]) -> str:
    import heapq

    low: list[int] = []
    high: list[int] = []
    said = []
    for value in values:
        heapq.heappush(high, -heapq.heappushpop(low, -value))
        if len(high) > len(low):
            heapq.heappush(low, -heapq.heappop(high))
        said.append(-low[0])
    return " ".join(map(str, said))


def coins(values: list[int]) -> int:
    ways = [1] + [0] * 200
    for coin in {abs(value) % 50 + 1 for value in values}:
        for amount in range(coin, 201):
            ways[amount] += ways[amount - coin]
    return ways[200] % 1_000_000_007


def palindromes(word: str) -> int:
    count = 0
    for centre in range(2 * len(word) - 1):
        left, right = centre // 2, (centre + 1) // 2
        while left >= 0 and right < len(word) and word[left] == word[right]:
            count, left, right = count + 1, left - 1, right + 1
    return count


def squeezed(word: str) -> str:
    import itertools

    return "".join(f"{letter}{len(list(group))}" for letter, group in itertools.groupby(word))


def commonest(word: str) -> str:
    import collections

    return " ".join(f"{letter}:{count}" for letter, count in sorted(collections.Counter(word).items()))


def borders(word: str) -> str:
    table = [0] * len(word)
    for i in range(1, len(word)):
        j = table[i - 1]
        while j and word[i] != word[j]:
            j = table[j - 1]
        table[i] = j + (word[i] == word[j])
    return " ".join(map(str, table))


def brackets(word: str) -> str:
    depth = 0
    for letter in word:
        depth += {"a": 1, "b": -1}.get(letter, 0)
        if depth < 0:
            return "NO"
    return "YES" if depth == 0 else "NO"


def primes(number: int) -> int:
    sieve = bytearray([1]) * (number + 1)
    for i in range(2, int(number**0.5) + 1):
        if sieve[i]:
            sieve[i * i :: i] = bytes(len(range(i * i, number + 1, i)))
    return sum(sieve[2:])


def factors(number: int) -> str:
    found = []
    divisor = 2
    while number > 1:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    return "*".join(map(str, found))


def collatz(number: int) -> int:
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


def harmonic(number: int) -> str:
    return f"{sum(1 / i for i in range(1, number + 1)):.6f}"


def digits(number: int) -> int:
    return sum(map(int, str(2**number)))


def islands(grid: list[str]) -> int:
    seen, count = set(), 0
    for r, row in enumerate(grid):
        for c, cell in enumerate(row):
            if cell == "#" and (r, c) not in seen:
                count += 1
                stack = [(r, c)]
                while stack:
                    a, b = stack.pop()
                    if 0 <= a < len(grid) and 0 <= b < len(row) and grid[a][b] == "#" and (a, b) not in seen:
                        seen.add((a, b))
                        stack += [(a + 1, b), (a - 1, b), (a, b + 1), (a, b - 1)]
    return count


def components(nodes: int, edges: list[list[int]]) -> int:
    parent = list(range(nodes + 1))

    def root(a: int) -> int:
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        return a

    for a, b in edges:
        parent[root(a)] = root(b)
    return len({root(a) for a in range(1, nodes + 1)})


_VALUES = "import sys\ninput()\nprint({name}(list(map(int, input().split()))))\n"
_TEXT = "print({name}(input()))\n"
_NUMBER = "print({name}(int(input())))\n"
_ROWS = "rows, _ = map(int, input().split())\nprint({name}([input() for _ in range(rows)]))\n"
_GRAPH = (
    "import sys\nnodes, _ = map(int, input().split())\n"
    "print({name}(nodes, [list(map(int, line.split())) for line in sys.stdin]))\n"
)

_STDIN: list[tuple[Callable[..., Any], str, Callable[[random.Random], str], Callable[[str], Any]]] = [
    *((f, _VALUES, _numbers, lambda text: ([int(x) for x in text.split()[1:]],)) for f in (
        total, largest_run, longest_rise, inversions, distinct_pairs, ordered, medians, coins)),
    *((f, _TEXT, _word, lambda text: (text.strip(),)) for f in (palindromes, squeezed, commonest, borders, brackets)),
    *((f, _NUMBER, _number, lambda text: (int(text),)) for f in (primes, factors, collatz, harmonic, digits)),
    (islands, _ROWS, _grid, lambda text: (text.split("\n")[1:-1],)),
    (components, _GRAPH, _edges, lambda text: (
        int(text.split()[0]), [list(map(int, line.split())) for line in text.split("\n")[1:-1]])),
]  # fmt: skip
_CALLS = (total, longest_rise, coins, medians, palindromes, primes)


def problems() -> list[dict[str, Any]]:
    """Each problem as {"program", "input_output"} in the shape of APPS; the same on every machine."""
    rng = random.Random(7)
    found = []
    for solve, reading, generate, parse in _STDIN:
        inputs = [generate(rng) for _ in range(TESTS)]
        outputs = [f"{solve(*parse(text))}\n" for text in inputs]
        program = textwrap.dedent(inspect.getsource(solve)) + reading.format(name=solve.__name__)
        found.append({"program": program, "input_output": {"inputs": inputs, "outputs": outputs}})
    for solve in _CALLS:
        _, _, generate, parse = next(row for row in _STDIN if row[0] is solve)
        arguments = [list(parse(generate(rng))) for _ in range(TESTS)]
        outputs = [[solve(*one)] for one in arguments]
        program = textwrap.dedent(inspect.getsource(solve))
        io = {"fn_name": solve.__name__, "inputs": arguments, "outputs": json.loads(json.dumps(outputs))}
        found.append({"program": program, "input_output": io})
    return found

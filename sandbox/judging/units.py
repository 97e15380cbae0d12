"""Single tests as blocks of assertions for the pool: of a file in the style of pytest or unittest, or of one block."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import json
import symtable
from collections.abc import Sequence
from dataclasses import dataclass

from harness.records import AssertTests, Limits, Outcome, PytestTests
from harness.sandbox.judging.programs import execute
from harness.sandbox.judging.work import short
from harness.sandbox.static_analysis.analysis import OF_THE_CANDIDATE, needs_the_process

_LIMITS = Limits(cpu_seconds=10.0, wall_seconds=30.0)
_COLLECT = """
import json, sys
from harness.sandbox.assertions.collector import collect
source, module, names = json.load(sys.stdin)
said, sys.stdout = sys.stdout, sys.stderr
print(json.dumps(collect(source, module, names)), file=said)
"""
_FRAMEWORKS = frozenset({"pytest", "unittest"})
_NAMES = """
mock redirect_stdout redirect_stderr stdin stdout stderr reload warns deprecated_call recwarn caplog capfd
assertLogs assertNoLogs assertWarns assertWarnsRegex
"""
_ON_THE_PROCESS = frozenset(_NAMES.split())
"""Names that say that a test changes or watches the process that the candidate runs in."""


@dataclass(frozen=True, slots=True)
class Units:
    """Single tests, of a block or of a file with the text `file`; they need the candidate's process where they `share`.

    `why` says what is wrong with the file where there is none.
    """

    tests: tuple[AssertTests, ...]
    why: str = ""
    file: str = ""
    share: bool = False


def units(tests: PytestTests | AssertTests, accept_unsafe: bool) -> Units:
    """Each test of a file, found by running it in a jail without a candidate; each assertion of a block."""
    if isinstance(tests, AssertTests):
        return Units(assertions(tests))
    try:
        names, share = used(ast.parse(tests.code), tests.module)
    except (SyntaxError, ValueError, RecursionError) as problem:
        return Units((), short(f"the tests are no Python: {problem}"))
    given = json.dumps([tests.code, tests.module, names])
    done = execute(_COLLECT, stdin=given, limits=_LIMITS, accept_unsafe=accept_unsafe)
    if done.outcome is not Outcome.PASSED:
        return Units((), short(f"the tests cannot be collected: {done.error or done.outcome.value}"))
    try:
        found = json.loads(done.stdout)
    except ValueError:  # it has ended the process, or printed into the answer
        return Units((), "the tests cannot be collected: the file ends the process that imports it")
    if not (isinstance(found, list) and all(isinstance(name, str) for name in found)):
        return Units((), "the tests cannot be collected: the file prints where its tests are listed")
    if not found:
        return Units((), "the test file has no test")
    return Units(tuple(_unit(tests, names, name) for name in found), file=tests.code, share=share)


def _unit(tests: PytestTests, names: Sequence[str], test: str) -> AssertTests:
    """One test as code that is run beside the candidate with proxies of `names`, or in its process with its own."""
    # it says no name that the candidate may have
    given = f"{tests.code!r}, {tests.module!r}, {list(names)!r}, {test!r}, (lambda: 0).__globals__"
    code = f"import harness.sandbox.assertions.collector as _collector\n_collector.run({given})"
    return AssertTests(" ".join(names), code)


def assertions(tests: AssertTests) -> tuple[AssertTests, ...]:
    """A block for each assertion at the top of `tests`; the block itself where there is only one, or none.

    What the assertions before it do is done as before, whether they hold or not, so that all hold by themselves exactly
    when the whole block passes.
    """
    try:
        body = ast.parse(tests.code).body
    except (SyntaxError, ValueError, RecursionError):
        return (tests,)
    places = [at for at, statement in enumerate(body) if isinstance(statement, ast.Assert)]
    if len(places) < 2:
        return (tests,)
    blocks = [[*map(_evaluated, body[:at]), body[at]] for at in places]
    blocks[-1] += body[places[-1] + 1 :]
    code = [ast.unparse(ast.fix_missing_locations(ast.Module(block, []))) for block in blocks]
    return tuple(dataclasses.replace(tests, code=one, each=False) for one in code)


def _evaluated(statement: ast.stmt) -> ast.stmt:
    """An assertion as what it does and not what it says; any other statement as it is."""
    if not isinstance(statement, ast.Assert):
        return statement
    attempt = ast.parse("try:\n    if value: pass\nexcept Exception: pass").body[0]
    assert isinstance(attempt, ast.Try)
    attempt.body = [ast.If(statement.test, [ast.Pass()], [])]
    return attempt


def used(tree: ast.Module, module: str) -> tuple[list[str], bool]:
    """The names that a test file uses of the candidate; whether it needs the candidate's process for certain."""
    found: dict[str, None] = {}
    aliases: set[str] = set()
    modules = {module, *OF_THE_CANDIDATE}
    share = needs_the_process(ast.unparse(tree), _FRAMEWORKS)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {one.asname or one.name for one in node.names if one.name in modules}
            share |= any(one.name.rpartition(".")[2] in _ON_THE_PROCESS for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            share |= node.module == "unittest.mock" or any(one.name in _ON_THE_PROCESS for one in node.names)
            if node.module in modules:
                found.update(dict.fromkeys(one.name for one in node.names if one.name != "*"))
        elif isinstance(node, ast.Attribute):
            share |= node.attr in _ON_THE_PROCESS
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            share |= node.value.startswith((f"{module}.", "builtins."))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            found[node.attr] = None
    whole = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    loads = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    share |= any(node.id in aliases and id(node) not in whole for node in loads)
    found.update(dict.fromkeys(name for name in sorted(_free(tree)) if not hasattr(builtins, name)))
    return list(found), share


def _free(tree: ast.Module) -> set[str]:
    """The names that the file looks for among its globals somewhere and does not give a meaning there."""
    tables = [symtable.symtable(ast.unparse(tree), "tests.py", "exec")]
    read: set[str] = set()
    bound: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            top = table.get_type() == "module"
            if symbol.is_referenced() and (top or symbol.is_global()):
                read.add(symbol.get_name())
            if (symbol.is_assigned() or symbol.is_imported()) and (top or symbol.is_declared_global()):
                bound.add(symbol.get_name())
    return {name for name in read - bound if not name.startswith("__")}

"""Static analysis of a test's text: how the test has to be judged. No candidate's text is read here."""

from __future__ import annotations

import ast
import builtins
import contextlib
import sys
from typing import Any

from harness.sandbox.remote_calls import codecs, overrides
from harness.sandbox.static_analysis.instances import Instances
from harness.sandbox.test_support import helpers

ABOUT = "METADATA"
"""The name under which HumanEval's tests say where they are from."""
OF_THE_CANDIDATE = frozenset({"solution", "main"})
"""Modules that a test may import to have the candidate's names."""
_MODULES = """
inspect asyncio pickle marshal dis gc weakref threading concurrent multiprocessing unittest pytest warnings logging
tracemalloc signal resource contextvars dataclasses enum abc doctest traceback importlib atexit shelve trio mock
subprocess faulthandler runpy site pkgutil zipimport code codeop imp trace pdb bdb
"""
_OF_THE_PROCESS = frozenset(_MODULES.split())
"""Modules that look into objects or change the process: a test that imports one is about its own process."""
_SYS = "maxsize float_info int_info version_info version maxunicode byteorder getsizeof stdout stderr"
_HARMLESS_OF_SYS = frozenset(_SYS.split())
_STATE = "seed setstate getcontext setcontext localcontext chdir environ putenv setlocale get_type_hints"
_GLOBAL_STATE = frozenset(_STATE.split())
"""Names of the library that read or change the state of a process or of an object."""


def described(code: str, entry_point: str, setup: str, file: str = "") -> dict[str, Any]:
    """The description of a test for the process that runs it: the text, the names it uses, and how it uses them.

    `file`: the text of the file that `code` runs a test of.
    """
    try:
        tree = ast.parse(file or code)
    except (SyntaxError, ValueError):
        tree = ast.Module([], [])
    used = free(tree)
    objects = Instances(tree)
    return {
        "code": code,
        "setup": setup,
        "entry_point": entry_point,
        "used": sorted(used | _imported(tree)),
        "settings": [] if file else sorted(settings(tree)),
        "classes": sorted(classes(tree, setup, objects)),
        "searched": sorted(objects.searched),
        # of a test file every name may be what is tested, also one that only the library can have meant
        "modules": sorted(_with_attributes(tree) - _explicit(tree) - set(() if file else entry_point.split())),
        "stopping": names(tree, "StopIteration", "StopAsyncIteration"),
        "said": sorted(said(tree)),
        "helpers": {} if file else helpers.applied(tree, used, entry_point),
        "handing": sorted(handing(tree)),
        "named": sorted(named(tree)),
    }


def _imported(tree: ast.Module) -> set[str]:
    """The names that the code imports of the candidate's module."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports if node.module in OF_THE_CANDIDATE for alias in node.names} - {"*"}


def _explicit(tree: ast.Module) -> set[str]:
    """The names that the code imports of modules which the library does not have: whatever these are, it means them."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports if not codecs.is_library(node.module or "") for alias in node.names}


def said(tree: ast.Module) -> set[str]:
    """Every name that the code says, of whatever; "generator" where it has one of its own."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom):
            found |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.GeneratorExp | ast.Yield | ast.YieldFrom):
            found.add("generator")
    return found


def named(tree: ast.AST) -> set[tuple[str, str]]:
    """The attributes that the code reads of a name, also of a module's: `Sets.contains`, `solution.Sets.contains`."""
    found = [(node.value, node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    names = [(one.id, attr) for one, attr in found if isinstance(one, ast.Name)]
    return {*names, *((one.attr, attr) for one, attr in found if isinstance(one, ast.Attribute))}


def handing(tree: ast.AST) -> set[str]:
    """The methods of plain types that the code calls with what they may answer: what it expects.

    One that it names and does not call, it may call so later.
    """
    calls = [(node.func.attr, node) for node in ast.walk(tree) if _is_method(node)]  # type: ignore[attr-defined]
    called = {id(call.func) for _, call in calls}  # type: ignore[attr-defined]
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and id(node) not in called}
    named |= {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    some = {name for name, call in calls if call.args}  # type: ignore[attr-defined]
    more = {name for name, call in calls if len(call.args) == 2 and not call.keywords}  # type: ignore[attr-defined]
    comparing = {name for name in some if any(part in name.lower() for part in helpers.COMPARING)}
    return ((some | named) & overrides.HANDING) | (more & overrides.HANDING_A_SECOND) | comparing


def _is_method(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


def classes(tree: ast.Module, setup: str, objects: Instances | None = None) -> frozenset[str]:
    """The names that a test uses as classes: those of the setup, and those whose objects it takes for objects.

    The latter have to begin with a capital: no function `f` becomes a class by what a candidate makes of it.
    """
    found: set[str] = set()
    with contextlib.suppress(SyntaxError, ValueError):  # a prompt may stop in the middle of a statement
        found |= {node.name for node in ast.walk(ast.parse(setup)) if isinstance(node, ast.ClassDef)}
    return frozenset(name for name in found if name[0].isupper()) | (objects or Instances(tree)).classes


def _with_attributes(tree: ast.Module) -> set[str]:
    """The names whose attributes the code uses, as it does with a module's."""
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.id for node in found if isinstance(node, ast.Name)}


def names(tree: ast.AST, *wanted: str) -> bool:
    """Whether the code says one of these names."""
    return any(isinstance(node, ast.Name) and node.id in wanted for node in ast.walk(tree))


def free(tree: ast.Module) -> set[str]:
    """The names that the code uses and does not bind itself."""
    used: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
    return (used - bound) | {node.id for node in _read_before_set(tree)}


def _read_before_set(tree: ast.Module) -> list[ast.Name]:
    """Where the top of the code reads a name that it sets only later, as `old = RATE` does before `RATE = 2`."""
    found: list[ast.Name] = []
    bound: set[str] = set()
    for statement in _simple(tree.body):
        nodes = list(ast.walk(statement))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        stored = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
        if isinstance(statement, ast.Assign | ast.Expr | ast.Assert):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            outer = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
            inner = (stored - outer) | {node.arg for node in nodes if isinstance(node, ast.arg)}
            found += [one for one in names if isinstance(one.ctx, ast.Load) and one.id not in bound | inner]
        bound |= stored | {str(node.name) for node in nodes if isinstance(node, _DEFINITIONS)}
        bound |= {(node.asname or node.name).partition(".")[0] for node in nodes if isinstance(node, ast.alias)}
    return found


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)


def _simple(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of `body`, with those that a `try` has in its place."""
    found: list[ast.stmt] = []
    for one in body:
        found += _simple([*one.body, *one.orelse, *one.finalbody]) if isinstance(one, ast.Try) else [one]
    return found


def settings(tree: ast.Module) -> set[str]:
    """The names that a test sets at its top and does not read from then on: they are set for the program it tests."""
    before = {id(node) for node in _read_before_set(tree)}
    top = [target for node in _simple(tree.body) if isinstance(node, ast.Assign) for target in node.targets]
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in before]
    read = {node.id for node in names if not isinstance(node.ctx, ast.Store)}
    return {node.id for node in top if isinstance(node, ast.Name)} - read - {ABOUT}


def needs_the_process(code: str, framework: frozenset[str] = frozenset()) -> bool:
    """Whether a test is about the state of the process that it runs in, or looks into functions and classes.

    To import a module of `framework`, in which the test is written, says nothing of that.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    unbound = free(tree) & {"globals", "locals", "vars", "id", "__builtins__", *_GLOBAL_STATE}
    systems = _names_of_sys(tree)
    if unbound or any(_about_the_process(node, framework, systems) for node in ast.walk(tree)):
        return True
    if _replaces(tree) or _evaluates(tree) or _asks_for_a_class_of_classes(tree) or _has_a_part_of_a_class(tree):
        return True
    return Instances(tree).deleted  # an object's end is seen only where it is


def _has_a_part_of_a_class(tree: ast.Module) -> bool:
    """Whether a class of the test's has a part that a program makes: a decorated method, a descriptor.

    The interpreter asks such a part for what it is in the class, and gives it the test's own objects. What a class of
    tests keeps in its body is only used there.
    """
    theirs = {name for name in free(tree) if not hasattr(builtins, name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not _known_module(node.module):
            theirs |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            theirs |= {one.asname or one.name for one in node.names if not _known_module(one.name)}
    owners = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return any(_root(part) in theirs for owner in owners for part in _parts(owner))


def _known_module(name: str | None) -> bool:
    root = (name or "").partition(".")[0]
    return root in sys.stdlib_module_names or root in ("numpy", "pytest")


def _parts(owner: ast.ClassDef) -> list[ast.expr]:
    """What decorates the methods of a class, and the calls that give its names their values."""
    found: list[ast.expr] = []
    tests = owner.name.startswith("Test") or any("TestCase" in ast.unparse(base) for base in owner.bases)
    for node in owner.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += node.decorator_list
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call) and not tests:
            found.append(node.value)
    return found


def _root(node: ast.expr) -> str:
    """The name that an expression begins with: `registry` of `registry.register("a")`."""
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _asks_for_a_class_of_classes(tree: ast.Module) -> bool:
    """Whether it looks at what made a class: `type(Base) is Meta`, `isinstance(Base, Meta)`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    looking = [call.args for call in calls if call.func.id in ("type", "isinstance")]  # type: ignore[attr-defined]
    names = {args[0].id for args in looking if args and isinstance(args[0], ast.Name)}
    return any(name[0].isupper() for name in names & free(tree))


def _names_of_sys(tree: ast.Module) -> set[str]:
    """`sys`, and the names that the code gives it: `import sys as system`, `system = sys`."""
    found = {"sys"}
    imports = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    found |= {alias.asname for alias in imports if alias.name == "sys" and alias.asname}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in found:
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _about_the_process(node: ast.AST, framework: frozenset[str], systems: set[str]) -> bool:
    if isinstance(node, ast.Import):
        modules = {alias.name.partition(".")[0] for alias in node.names}
        return not modules.isdisjoint(_OF_THE_PROCESS - framework)
    if isinstance(node, ast.ImportFrom):
        module = (node.module or "").partition(".")[0]
        if module in framework:
            return False
        if module == "sys" and any(alias.name not in _HARMLESS_OF_SYS for alias in node.names):
            return True
        return module in _OF_THE_PROCESS or module == "builtins" or _imports_state(node)
    if isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id in systems:
            return node.attr not in _HARMLESS_OF_SYS
        return node.attr in _GLOBAL_STATE or node.attr in ("__code__", "__globals__", "__closure__", "__dict__")
    return isinstance(node, ast.AsyncFunctionDef)


def _evaluates(tree: ast.Module) -> bool:
    """Whether it may evaluate what its text does not hold: what a candidate has made runs in its own process alone."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    known = {id(call.func) for call in calls if call.args and isinstance(call.args[0], ast.Constant)}
    evaluating = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in ("eval", "exec")]
    return any(id(node) not in known for node in evaluating)


def _imports_state(node: ast.ImportFrom) -> bool:
    return any(alias.name in _GLOBAL_STATE for alias in node.names)


def _replaces(tree: ast.Module) -> bool:
    """Whether it puts something of its own in place of a module's or a builtin name."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    for node in ast.walk(tree):
        target = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)
        if target and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in ("input", "print", "open"):
            return True
    return any(
        isinstance(node, ast.FunctionDef) and hasattr(builtins, node.name) and node.name in ("input", "print", "open")
        for node in tree.body
    )

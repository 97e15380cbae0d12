"""Finds and runs single tests of a file in the style of pytest or unittest, inside a jail.

It runs where the test examines answers from outside (`asserts.py`), and where a test has to share the candidate's
process. pytest itself is no help there: it needs the candidate's objects around it, and would report what a candidate
in its process likes. unittest is the real one.

A test runs alone: with its module, its fixtures and its `setup` functions made anew, and none of the other tests.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import itertools
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.sandbox.assertions import inprocess
from harness.sandbox.interpreter import ownfiles
from harness.sandbox.static_analysis.analysis import OF_THE_CANDIDATE
from harness.sandbox.test_support import finality, fixtures, parameters, pytestlike
from harness.sandbox.test_support.failing import Failed, Skipped
from harness.sandbox.test_support.fixtures import Call, arguments
from harness.sandbox.test_support.keywords import check as check_keywords
from harness.sandbox.test_support.pytestlike import Fixture, Mark


def collect(source: str, module: str, names: Sequence[str]) -> list[str]:
    """The names of the tests in `source`, found without a candidate: what it imports from `module` is a blank.

    Raises:
        ValueError: one of them is none that can be run, whatever the candidate is.
    """
    ownfiles.no_module()
    blank = types.ModuleType(module)
    sys.modules.update(dict.fromkeys(OF_THE_CANDIDATE, blank))
    vars(blank)["__getattr__"] = _blank
    vars(blank)["__all__"] = []
    tests = Tests(source, blank, dict.fromkeys(names, Blank()))
    found = [test.name for test in tests.all(check=True)]
    tests.check_named_fixtures(source)
    check_keywords(ast.parse(source))
    return found


def run(source: str, module: str, names: Sequence[str], test: str, scope: dict[str, Any]) -> None:
    """Runs one test with the candidate's `names`, found in `scope`: proxies, or the globals of the candidate itself.

    Raises:
        AssertionError: it failed, or skipped itself, which a candidate could bring about.
    """
    solution, share = sys.modules.get("solution"), scope.get("_needs_objects")
    ownfiles.modules.update((module, *OF_THE_CANDIDATE))
    given = {name: scope[name] if name in scope else Missing(name) for name in names if share or name in scope}
    given.pop("__name__", None)  # that of the program which a block of assertions is
    if solution is None or vars(solution) is not scope:
        solution = types.ModuleType(module)
        vars(solution).update(given, __all__=[name for name in given if not hasattr(builtins, name)])
    else:
        vars(solution)["__name__"] = module

    def rewritten(tree: ast.Module, names: dict[str, Any]) -> ast.Module:
        if share is None:
            return inprocess.rewritten(tree, names, tested=" ".join(given))
        names[finality.NAME] = scope[finality.NAME]
        return finality.rewritten(tree)

    tests = Tests(source, solution, given, share, module, rewritten)
    found = [one for one in tests.all() if one.name == test]
    assert found, f"{test} is not there any more"
    try:
        found[0].act()
    except (Failed, Skipped) as ended:
        raise AssertionError(str(ended)) from None
    except Exception as problem:
        if type(problem).__name__ == "SkipTest":
            raise AssertionError("the test skipped itself") from None
        raise
    if tests.names[finality.NAME].failed:
        raise AssertionError


class Found:
    """A test: its name, which no other has, and what runs it."""

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self.name, self.act = name, act


class Blank:
    """Stands for anything of a candidate's while tests are looked for."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        return Blank()

    def __getattr__(self, name: str) -> Any:
        return _blank(name)

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getitem__(self, _: Any) -> Any:
        return Blank()

    def __mro_entries__(self, _: Any) -> tuple[type, ...]:
        return ()  # a class of the test's that extends one of the candidate's

    def __len__(self) -> int:
        return 0

    __add__ = __radd__ = __sub__ = __mul__ = __truediv__ = __or__ = __and__ = __getitem__


class Missing:
    """Stands, beside a candidate, for a name that it does not have: only the tests that use it fail."""

    def __init__(self, name: str) -> None:
        vars(self)["name"] = name

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NameError(f"name {vars(self)['name']!r} is not defined")

    __call__ = __getattr__ = __setattr__ = __getitem__ = __iter__ = __len__ = __bool__ = __contains__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __str__ = __repr__ = __format__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __or__ = _refuse


def _blank(name: str) -> Blank:
    if name.startswith("__"):
        raise AttributeError(name)
    return Blank()


class Tests:
    """The tests of one file."""

    def __init__(
        self,
        source: str,
        solution: types.ModuleType,
        names: Mapping[str, Any],
        share: Callable[[], Any] | None = None,
        module: str = "solution",
        rewritten: Callable[[ast.Module, dict[str, Any]], ast.Module] | None = None,
    ) -> None:
        self.share = share or (lambda: None)
        self._checking = False
        self._within: dict[Any, Any] = {}
        """The class around a class."""
        sys.modules[solution.__name__] = sys.modules[module] = solution
        sys.modules["pytest"] = pytestlike.module()
        vars(sys.modules["pytest"]).update(fixtures.NAMES)
        self.module = types.ModuleType("tests")
        self.names = vars(self.module)
        # of each module are `__name__` and its like; a builtin name is the candidate's where the file imports it
        self.names |= {name: value for name, value in names.items() if name[:2] != "__" and not hasattr(builtins, name)}
        self.names["__file__"] = os.path.abspath("tests.py")  # noqa: PTH100 - light
        tree = ast.parse(source)
        if rewritten:
            tree = rewritten(tree, self.names)
        sys.modules["tests"] = self.module
        exec(compile(tree, "tests.py", "exec", dont_inherit=True), self.names)  # noqa: S102

    def all(self, check: bool = False) -> Iterator[Found]:
        """Every test that is not skipped by a mark, in the order of the file; `check`: whether each can be run."""
        self._checking = check
        marks = self.names.get("pytestmark", [])
        marks = list(marks) if isinstance(marks, list | tuple) else [marks]
        for name, thing in list(self.names.items()):
            if inspect.isclass(thing):
                yield from self._of_class(name, thing, marks)
            elif isinstance(thing, types.FunctionType | functools.partial) and name.startswith("test"):
                yield from self._of_function(name, thing, marks, None)

    def _of_class(self, name: str, owner: Any, marks: list[Mark]) -> Iterator[Found]:
        """The tests of a class, and of those in it."""
        if _is_unittest(owner):
            yield from self._of_case(name, owner, marks)
            return
        own = vars(owner)
        if not name.rpartition(".")[2].startswith("Test") or "__init__" in own or not own.get("__test__", True):
            return
        marks = [*marks, *(mark for base in owner.__mro__ for mark in vars(base).get("pytestmark", ()))]
        for inner in [*dict.fromkeys(key for base in reversed(owner.__mro__) for key in vars(base))]:
            found = getattr(owner, inner) if inner.startswith(("test", "Test")) else None
            if inspect.isclass(found):
                self._within[found] = owner
                yield from self._of_class(f"{name}.{inner}", found, marks)
            elif inner.startswith("test") and callable(found):
                yield from self._of_function(f"{name}.{inner}", found, marks, owner)

    def _of_function(self, name: str, function: Any, outer: list[Mark], owner: Any) -> Iterator[Found]:
        marks = [*outer, *getattr(function, "pytestmark", ())]
        if any(mark.skips() for mark in marks) or getattr(function, "__unittest_skip__", False):
            return
        used = self._used(marks, owner)
        given_by = [mark for mark in marks if mark.name == "parametrize"]
        axes = [parameters.sets(mark) for mark in given_by]
        # in place of what the fixture says of itself
        set_here = {name for mark in given_by for name in parameters.names(mark)}
        if self._checking:
            _check_runs(name, function)
            self._check_fixtures(name, function, used, owner, set_here)
        axes += [
            parameters.sets_of(one) for one in self._parametrised(function, used, owner) if one.name not in set_here
        ]
        for number, drawn in enumerate(itertools.product(*axes)):
            parts = [part for part in drawn if part is not None]
            if len(parts) < len(drawn):
                continue
            given = {key: value for part in parts for key, value in part.arguments.items()}
            params = {key: value for part in parts for key, value in part.through.items()}
            label = "-".join(part.label for part in (*parts[len(given_by) :], *parts[: len(given_by)]))
            act = functools.partial(self._run, function, owner, used, given, params, label)
            yield Found(f"{name}[{number}]" if axes else name, act)

    def _run(self, function: Any, owner: Any, used: Sequence[str], given: Any, params: Any, label: str) -> None:
        instance = owner() if owner is not None else None
        call = Call(self.fixtures(owner), self.share, instance, given, params, function, label)
        bound = function
        if owner is not None and not isinstance(inspect.getattr_static(owner, function.__name__), staticmethod):
            bound = getattr(instance, function.__name__)
        around: list[tuple[Any, str, Any]] = [(self.module, "module", self.module)]
        if owner is None:
            around.append((self.module, "function", bound))
        else:
            around += [(owner, "class", owner), (instance, "method", bound)]
        for holder, what, argument in around:
            if hasattr(holder, f"teardown_{what}"):
                call.after(functools.partial(_call_with, getattr(holder, f"teardown_{what}"), argument))
            if hasattr(holder, f"setup_{what}"):
                _call_with(getattr(holder, f"setup_{what}"), argument)
        call.run(bound, used)

    def _used(self, marks: list[Mark], owner: Any) -> list[str]:
        """The fixtures that a test has without naming them."""
        used = [name for mark in marks if mark.name == "usefixtures" for name in mark.args]
        return [*(one.name for one in self.fixtures(owner).values() if one.autouse), *used]

    def fixtures(self, owner: Any) -> dict[str, Fixture]:
        """The fixtures that a test of `owner` (a class, an object of it, None) may use, by name."""
        found = [thing for thing in self.names.values() if isinstance(thing, Fixture)]
        if owner is not None:
            kind: Any = owner if inspect.isclass(owner) else type(owner)
            kinds = [kind]
            while kind := self._within.get(kind):
                kinds.append(kind)
            bases = [base for one in reversed(kinds) for base in reversed(one.__mro__)]
            found += [thing for base in bases for thing in vars(base).values() if isinstance(thing, Fixture)]
        return {one.name: one for one in found}

    def _parametrised(self, function: Any, used: Sequence[str], owner: Any) -> list[Fixture]:
        """The fixtures with parameters that a test uses, directly or through others."""
        known, todo, seen = self.fixtures(owner), [*used, *arguments(function)], []
        while todo:
            one = known.get(todo.pop())
            if one is not None and one not in seen:
                seen.append(one)
                todo += arguments(one.function)
        return sorted((one for one in seen if one.params is not None), key=lambda one: one.name)

    def _check_fixtures(self, test: str, function: Any, used: Sequence[str], owner: Any, given: set[str]) -> None:
        """Refuses a test that wants a fixture, directly or through others, which the file and pytest do not have."""
        known, todo, seen = self.fixtures(owner), [*used, *arguments(function)], {*given, "self", "request"}
        while todo:
            name = todo.pop()
            if name in seen or (name in fixtures.BUILT_IN and name not in known):
                continue
            if name not in known:
                raise ValueError(f"fixture {name!r} of {test} is not known")
            seen.add(name)
            if inspect.isasyncgenfunction(known[name].function):
                raise ValueError(f"fixture {name!r} of {test} is an async generator, which is not offered")
            todo += arguments(known[name].function)

    def check_named_fixtures(self, source: str) -> None:
        """Refuses `getfixturevalue` of a name that no fixture has."""
        classes = [thing for thing in self.names.values() if inspect.isclass(thing)]
        known = {*fixtures.BUILT_IN, "request", *(name for one in (None, *classes) for name in self.fixtures(one))}
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "getfixturevalue" and node.args:
                name = getattr(node.args[0], "value", None)
                if isinstance(name, str) and name not in known:
                    raise ValueError(f"fixture {name!r} is not known")

    def _of_case(self, name: str, case: Any, outer: list[Mark]) -> Iterator[Found]:
        import unittest

        if case in (unittest.TestCase, unittest.IsolatedAsyncioTestCase) or getattr(case, "__unittest_skip__", False):
            return
        for inner in unittest.defaultTestLoader.getTestCaseNames(case):
            function = getattr(case, inner)
            own = [mark for thing in (case, function) for mark in getattr(thing, "pytestmark", ())]
            marks = [*outer, *own]
            unwanted = ("__unittest_skip__", "__unittest_expecting_failure__")
            if not (any(mark.skips() for mark in marks) or any(getattr(function, flag, False) for flag in unwanted)):
                used = self._used(marks, case)
                if self._checking:
                    _check_runs(f"{name}.{inner}", function)
                    self._check_fixtures(f"{name}.{inner}", lambda: None, used, case, set())
                    if inspect.iscoroutinefunction(function) and not issubclass(case, unittest.IsolatedAsyncioTestCase):
                        raise ValueError(f"{name}.{inner} is a coroutine, which a TestCase does not await")
                yield Found(f"{name}.{inner}", functools.partial(self._run_case, case, inner, used))

    def _run_case(self, case: Any, name: str, used: Sequence[str]) -> None:
        """One method, with `debug`, which raises what the method raises, and the fixtures that pytest gives it."""
        self.names.get("setUpModule", lambda: None)()
        case.setUpClass()
        test = case(name)
        if not inspect.iscoroutinefunction(method := getattr(test, name)):
            setattr(test, name, _whole(method))
        Call(self.fixtures(case), self.share, test, {}, {}, getattr(case, name)).run(test.debug, used)
        case.doClassCleanups()
        case.tearDownClass()
        self.names.get("tearDownModule", lambda: None)()


def _whole(method: Callable[[], Any]) -> Callable[[], None]:
    """A method of a TestCase, which may not return what is yet to be run: unittest would only warn."""

    @functools.wraps(method)
    def call() -> None:
        made = method()
        if type(made) in fixtures.LAZY:
            raise Failed("the test has returned what nobody runs")

    return call


def _check_runs(name: str, function: Any) -> None:
    """Refuses a test whose call would run nothing of it, as pytest does."""
    function = inspect.unwrap(function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ValueError(f"{name} yields: only fixtures may, a test that does is not run")


def _is_unittest(thing: Any) -> bool:
    unittest = sys.modules.get("unittest")
    return unittest is not None and issubclass(thing, unittest.TestCase)


def _call_with(function: Any, argument: Any) -> None:
    """Calls a `setup` function, some of which take what they are for: the module, the class or the test."""
    function(argument) if arguments(function) else function()

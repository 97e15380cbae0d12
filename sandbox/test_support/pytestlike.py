"""What a test imports as pytest: a small stand-in, since pytest itself needs the candidate's objects around it."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from harness.sandbox.test_support.failing import Failed, Skipped
from harness.sandbox.test_support.recording import Warns

FOREIGN = "harness.sandbox.remote_calls.rpc"
"""Where exceptions come from that are no business of the tests."""


class Mark:
    """`pytest.mark.name(…)`: remembered on what it decorates."""

    def __init__(self, name: str, arguments: tuple[Any, ...] = (), keywords: Mapping[str, Any] | None = None) -> None:
        self.name, self.args, self.kwargs = name, arguments, dict(keywords or {})

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if len(arguments) == 1 and not keywords and (inspect.isfunction(arguments[0]) or inspect.isclass(arguments[0])):
            (thing,) = arguments
            thing.pytestmark = [*vars(thing).get("pytestmark", ()), self]
            return thing
        return Mark(self.name, arguments, keywords)

    def skips(self) -> bool:
        """Whether the test is not to be counted: skipped, or expected to fail."""
        conditions = [*self.args, *([self.kwargs["condition"]] if "condition" in self.kwargs else [])]
        if self.name == "skipif" or (self.name == "xfail" and conditions):
            return any(map(_holds, conditions))
        return self.name in ("skip", "xfail")


def _holds(condition: Any) -> bool:
    """Whether the condition of a mark is true; a text is one of the test's that is yet to be evaluated."""
    if not isinstance(condition, str):
        return bool(condition)
    import os
    import platform

    return bool(eval(condition, {"sys": sys, "os": os, "platform": platform}))  # noqa: S307


class Marks:
    """`pytest.mark`."""

    def __getattr__(self, name: str) -> Mark:
        return Mark(name)


class Values:
    """One set of parameters, `pytest.param(…)`."""

    def __init__(self, *values: Any, marks: Any = (), id: str | None = None) -> None:  # noqa: A002
        self.values, self.id = values, id
        self.marks = list(marks) if isinstance(marks, list | tuple) else [marks]


class Fixture:
    """A function that makes an argument of tests."""

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self.function = function
        self.name = options.get("name") or function.__name__
        self.params = None if options.get("params") is None else list(options["params"])
        self.ids = options.get("ids")
        self.autouse = bool(options.get("autouse"))


def fixture(function: Any = None, **options: Any) -> Any:
    """`@pytest.fixture`, with or without options; of the scopes only one counts, since each test runs alone."""
    return Fixture(function, options) if callable(function) else lambda made: Fixture(made, options)


class Approx:
    """`pytest.approx` of numbers, sequences and mappings of them: within 1e-6 relative or 1e-12 absolute."""

    __array_ufunc__ = None
    __array_priority__ = 100

    def __init__(self, expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> None:  # noqa: A002
        self.expected, self.rel, self.abs, self.nan_ok = expected, rel, abs, nan_ok

    def __eq__(self, actual: object) -> Any:
        expected = self.expected
        if hasattr(expected, "tolist"):
            expected = expected.tolist()
        if hasattr(actual, "tolist"):
            actual = actual.tolist()
        if isinstance(expected, Mapping):
            if not isinstance(actual, Mapping):
                return NotImplemented
            found = {key: actual[key] for key in actual}  # once, whatever it says the next time
            return expected.keys() == found.keys() and self._all_near(
                expected.values(), [found[key] for key in expected]
            )
        if isinstance(expected, Sequence) and not isinstance(expected, str | bytes):
            if not isinstance(actual, Sequence):
                return NotImplemented
            return self._all_near(expected, list(actual))
        return self._near(expected, actual)

    def _all_near(self, expected: Collection[Any], actual: list[Any]) -> bool:
        """What has no answer of its own to give is not near; NotImplemented itself would count as true."""
        if len(expected) != len(actual):
            return False
        results = map(self._near, expected, actual)
        return all(result is not NotImplemented and bool(result) for result in results)

    __hash__ = None  # type: ignore[assignment]

    def _near(self, expected: Any, actual: Any) -> Any:
        if isinstance(expected, list | tuple) and isinstance(actual, list | tuple):  # rows of an array
            return self._all_near(expected, list(actual))
        if isinstance(expected, bool | str | bytes | None | types.NoneType) or not hasattr(expected, "__sub__"):
            return actual == expected
        if isinstance(actual, str | bytes | list | tuple | dict | set) or actual is None:
            return False
        if not hasattr(actual, "__sub__") or not hasattr(actual, "__abs__"):
            return NotImplemented
        if actual == expected:
            return True
        if expected != expected:  # noqa: PLR0124 - not a number
            return self.nan_ok and actual != actual  # noqa: PLR0124
        if _infinite(expected) or _infinite(actual):
            return False
        kind = type(expected) if type(expected).__name__ == "Decimal" else float
        return bool(abs(expected - actual) <= max(*self._tolerances(kind, expected)))

    def _tolerances(self, kind: Any, expected: Any = None) -> tuple[Any, Any]:
        """How far from `expected` a number may be: by its size, and at least."""
        relative = (kind("1e-6") if self.abs is None else kind(0)) if self.rel is None else kind(self.rel)
        size: Any = abs(self.expected if expected is None else expected)
        return relative * size, kind("1e-12") if self.abs is None else kind(self.abs)

    def __repr__(self) -> str:
        if isinstance(self.expected, int | float) and not isinstance(self.expected, bool):
            return f"{self.expected} \u00b1 {max(*self._tolerances(float)):.1e}"
        return f"approx({self.expected!r})"


def _infinite(number: Any) -> bool:
    return bool(abs(number) == float("inf"))


class Raises:
    """`pytest.raises`, as a context; it is what it gives, too: `value`, `type`, `match`."""

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        return types.GenericAlias(cls, item)

    def __init__(self, expected: Any = None, match: Any = None, check: Callable[[Any], Any] | None = None) -> None:
        if expected is None and match is None and check is None:
            raise ValueError("pytest.raises without an exception, a match or a check")
        self.expected, self.pattern, self.check = BaseException if expected is None else expected, match, check
        self.value: Any = None
        self.type: Any = None

    def __enter__(self) -> Raises:
        return self

    def __exit__(self, kind: Any, problem: Any, _: Any) -> bool:
        if problem is None:
            raise Failed(f"DID NOT RAISE {self.expected!r}")
        if type(problem).__module__.startswith(FOREIGN) or not isinstance(problem, self.expected):
            return False
        self.value, self.type = problem, kind
        if self.pattern is not None:
            self.match(self.pattern)
        if self.check is not None and not self.check(problem):
            raise AssertionError(f"the check did not hold for {problem!r}")
        return True

    @property
    def typename(self) -> str:
        """The name of the exception's class."""
        return str(self.type.__name__)

    @property
    def traceback(self) -> Any:
        """The places of the exception's traceback."""
        import traceback

        return traceback.extract_tb(self.tb)

    @property
    def tb(self) -> Any:
        """The exception's traceback."""
        return self.value.__traceback__

    def exconly(self, tryshort: bool = False) -> str:  # noqa: ARG002
        """The exception as the last line of a traceback."""
        import traceback

        return "".join(traceback.format_exception_only(self.type, self.value)).strip()

    def errisinstance(self, kind: Any) -> bool:
        """Whether the exception is one of these."""
        return isinstance(self.value, kind)

    def match(self, pattern: Any) -> bool:
        """Whether the exception's text matches; an assertion."""
        if not re.search(pattern, str(self.value)):
            raise AssertionError(f"Regex pattern did not match: {pattern!r} in {str(self.value)!r}")
        return True


def module() -> types.ModuleType:
    """The module."""
    made = types.ModuleType("pytest")

    def raises(expected_exception: Any = None, *call: Any, **keywords: Any) -> Raises:
        if not call:
            return Raises(expected_exception, **keywords)
        context = Raises(expected_exception)
        with context:
            call[0](*call[1:], **keywords)
        return context

    def warns(expected_warning: Any = Warning, *call: Any, **keywords: Any) -> Any:
        if not call:
            return Warns(expected_warning, **keywords)
        with Warns(expected_warning):
            return call[0](*call[1:], **keywords)

    def deprecated_call(*call: Any, **keywords: Any) -> Any:
        return warns((DeprecationWarning, PendingDeprecationWarning), *call, **keywords)

    def fail(reason: str = "", pytrace: bool = True) -> None:  # noqa: ARG001
        raise Failed(reason)

    def skip(reason: str = "", *, allow_module_level: bool = False) -> None:  # noqa: ARG001
        raise Skipped(f"the test skipped itself: {reason}")

    def importorskip(name: str, *_: Any, **__: Any) -> Any:
        try:
            __import__(name)
        except ImportError:
            raise Skipped(f"the test skipped itself: no {name}") from None
        return sys.modules[name]

    def unknown(name: str) -> Any:
        raise AttributeError(f"pytest.{name} is not offered to tests in the sandbox")

    vars(fail)["Exception"], vars(skip)["Exception"] = Failed, Skipped
    vars(made).update(raises=raises, fail=fail, skip=skip, xfail=fail, importorskip=importorskip, approx=Approx)
    vars(made).update(ExceptionInfo=Raises, warns=warns, deprecated_call=deprecated_call)
    vars(made).update(mark=Marks(), param=Values, fixture=fixture, __getattr__=unknown)
    return made

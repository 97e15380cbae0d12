"""Tests in the forms in which data sets hold them, as the sandbox runs them.

    "assert add(1, 2) == 3"                          Python: assertions, or test functions in the style of pytest
    ["assert add(1, 2) == 3", …]                     a list of them
    [{"input": "1 2\\n", "output": "3\\n"}, …]       what a program reads and prints; also as pairs ["1 2", "3"]
    [{"args": [1, 2], "expected": 3}, …]             calls of a function, which a field beside them names
    {"inputs": […], "outputs": […], "fn_name": …}    as in APPS, with or without a function

A text that begins like JSON is read as JSON, or as a list that Python prints: the cell of a table can hold any of them.
"""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterator
from typing import Any

from harness.data.rows import DataRow
from harness.errors import DataError
from harness.integers import dumps
from harness.records import AssertTests, CallTests, PytestTests, StdinTests, Tests

FIELDS = ("tests", "test", "test_list", "test_cases", "assertions", "asserts", "unit_tests", "input_output")
"""Names under which data sets have tests."""
ENTRY_POINTS = ("entry_point", "fn_name", "function_name")
SETUPS = ("test_setup_code", "test_imports", "setup")
_CASES = {
    "stdin": (("input", "stdin"), ("output", "stdout", "expected_output")),
    "call": (("args", "arguments"), ("expected", "result", "output")),
}
"""Names of what is given and what is expected, in the cases of programs and of calls."""
_REMEDY = "mend it or take the row out"


def read_tests(row: DataRow, field: str, entry_point: str = "", answer: str = "") -> Tests | None:
    """The tests in `field`; None where it is missing or empty.

    `entry_point` is the field that names the function under test (default: the usual names). Where there is none,
    assertions are about the functions that they call and that `answer` defines, or that nothing else defines.

    Raises:
        DataError: the field has none of the forms above, tests nothing, or no function is named.
    """
    value = row.values.get(field)
    if isinstance(value, str) and value.lstrip("\ufeff \t\r\n")[:1] in ("[", "{"):
        value = _written(row, field, value)
    if value is None or value in ("", [], {}):
        return None
    names = (entry_point,) if entry_point else ENTRY_POINTS
    function = next((row.get(name, str) for name in names if row.values.get(name) is not None), "")
    where = f"{row.where}: field {field!r}"
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and all(isinstance(one, str) for one in texts):
        return _python(texts, _setup(row), where, function, answer)
    if isinstance(value, dict):
        return inputs_and_outputs(value, where)
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return _cases(value, where, function)
    if isinstance(value, list) and all(isinstance(one, list) and len(one) == 2 for one in value):
        return StdinTests(tuple((lines(given), lines(wanted)) for given, wanted in value))
    forms = 'assertions, a list of them, or a list of {"input": …, "output": …}'
    raise DataError(f"{where} has no form of tests that is known; write {forms}")


def _written(row: DataRow, field: str, text: str) -> Any:
    """The value of a text: JSON, or a list as Python prints one, which is what tables saved with pandas hold."""
    try:
        return row.json(field)
    except DataError:
        if (value := _printed(text)) is None:
            raise
        return value


def _printed(text: str) -> Any:
    """The value that Python prints as `text`; None where it prints none that JSON has, too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in a string is no reason to warn the user
            value = ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return value if _is_plain(value) else None


def _is_plain(value: Any) -> bool:
    """Whether a value of Python is one that JSON has, too."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    return value is None or isinstance(value, str | int | float)


def inputs_and_outputs(value: Any, where: str) -> Tests | None:
    """The tests of a problem of APPS: two lists, and a function's name where it is called; None where there are none.

    Raises:
        DataError: there are no two lists of one length, or the name is no text; it begins with `where`.
    """
    value = value if isinstance(value, dict) else {}
    inputs, outputs, function = (value.get(name) for name in ("inputs", "outputs", "fn_name"))
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise DataError(f"{where} needs lists 'inputs' and 'outputs' of one length; mend it")
    pairs = list(zip(inputs, outputs, strict=True))
    if not pairs:
        return None
    if function:
        if not isinstance(function, str):
            raise DataError(f"{where} has a 'fn_name' that is no name; write it as text")
        return CallTests(function, tuple((dumps(given), dumps(_unwrapped(wanted))) for given, wanted in pairs))
    return StdinTests(tuple((lines(given), lines(wanted)) for given, wanted in pairs))


def lines(value: Any) -> str:
    """What a program reads or prints: a text, or a list of lines."""
    return "\n".join(map(_line, value)) if isinstance(value, list) else _line(value)


def _line(value: Any) -> str:
    return dumps(value) if type(value) is int else str(value)


def _setup(row: DataRow) -> str:
    parts = [row.values.get(name) for name in SETUPS]
    texts = ["\n".join(part) if isinstance(part, list) else part for part in parts if part]
    return "\n".join(text.strip() for text in texts if isinstance(text, str))


def _unwrapped(output: Any) -> Any:
    # The files wrap the expected value of a call in a list of one; the original checker accepts both readings.
    return output[0] if isinstance(output, list) and len(output) == 1 else output


def _cases(cases: list[dict[str, Any]], where: str, function: str) -> Tests:
    kind = "call" if any(name in cases[0] for name in _CASES["call"][0]) else "stdin"
    pairs = [tuple(_part(case, names, number, where) for names in _CASES[kind]) for number, case in enumerate(cases, 1)]
    if kind == "stdin":
        return StdinTests(tuple((lines(given), lines(wanted)) for given, wanted in pairs))
    if not function:
        raise DataError(f"{where} calls a function that no field names; add the field 'entry_point'")
    for number, (given, _) in enumerate(pairs, 1):
        if not isinstance(given, list):
            raise DataError(f"{where}, case {number}: the arguments are no list; write them as [first, second]")
    return CallTests(function, tuple((dumps(given), dumps(wanted)) for given, wanted in pairs))


def _part(case: dict[str, Any], names: tuple[str, ...], number: int, where: str) -> Any:
    name = next((name for name in names if name in case), None)
    if name is None:
        has = ", ".join(map(repr, sorted(case))) or "nothing"
        raise DataError(f"{where}, case {number}: no {names[0]!r} (it has {has}); add it")
    return case[name]


def _python(texts: list[str], setup: str, where: str, function: str, answer: str) -> Tests:
    """Assertions, each of which counts, or test functions."""
    code = "\n".join(text.replace("\r\n", "\n").strip("\n") for text in texts)
    tree = _parse(code, where)
    if any(_is_test(node) for node in tree.body):
        return PytestTests(f"{setup}\n{code}" if setup else code)
    if not any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
        raise DataError(f"{where} asserts nothing; write assertions like assert add(1, 2) == 3")
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Compare):
            shown = ast.unparse(node)
            raise DataError(f"{where}: {shown!r} compares and asserts nothing; write assert before it")
    code = f"{setup}\n{code}" if setup else code
    names = [function] if function else _functions(_parse(code, where), answer)
    if not names:
        raise DataError(f"{where} calls no function of the answer's; name the function in a field 'entry_point'")
    return AssertTests(" ".join(names), code, each=True)


def _is_test(node: ast.stmt) -> bool:
    functions = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    return functions or (isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or bool(node.bases)))


def _parse(code: str, where: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in a string is no reason to warn the user
            return ast.parse(code)
    except SyntaxError as error:
        raise DataError(f"{where} is no Python: {error.msg} in {(error.text or '').strip()!r}; {_REMEDY}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"{where} is no Python: {error}; {_REMEDY}") from None


def _functions(tests: ast.Module, answer: str) -> list[str]:
    """The names that `tests` use and do not define, those first that `answer` defines; all others only without one."""
    bound = {node.id for node in ast.walk(tests) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= set(_defined(tests)) | set(dir(builtins))
    used = [node.id for node in ast.walk(tests) if isinstance(node, ast.Name) and node.id not in bound]
    used = list(dict.fromkeys(used))
    try:
        own = set(_defined(_parse(answer, "")))
    except DataError:
        own = set()
    return [name for name in used if name in own] or used


def _defined(tree: ast.Module) -> Iterator[str]:
    """The functions, classes, arguments and modules that a program names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))

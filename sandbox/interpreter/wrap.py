"""Code that is only legal inside a function. A module of its own, since few programs need `ast`, and it is large."""

from __future__ import annotations

import ast
from types import CodeType


def in_function(text: str, file: str) -> CodeType | None:
    """`text` as the body of a function that is called; None where it does not parse.

    Imports stay outside, where `from x import *` is legal.

    Raises:
        SyntaxError: it is not legal inside a function either.
    """
    try:
        tree = ast.parse(text, file)
    except SyntaxError:
        return None
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    rest = [node for node in tree.body if node not in imports] or [ast.Pass()]
    wrapper = ast.parse("def code():\n    pass\ncode()", file)
    function = wrapper.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = rest
    wrapper.body[:0] = imports
    return compile(ast.fix_missing_locations(wrapper), file, "exec", dont_inherit=True)

"""The syntax tree of a function object, and messages that point at it."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from types import FunctionType
from typing import Any, NoReturn

from attrs import frozen

from racecheck.compiler.ir import Site
from racecheck.errors import ModelError


@frozen(eq=False)
class Source:
    """A function's syntax tree and where it stands."""

    function: FunctionType
    tree: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

    @property
    def file(self) -> str:
        """The file that it was read from."""
        return self.function.__code__.co_filename

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.__name__

    def site(self, node: ast.AST, text: str | None = None) -> Site:
        """Where the node stands, with its source text on one line."""
        line = getattr(node, "lineno", self.function.__code__.co_firstlineno)
        return Site(self.name, self.file, line, text or self.text(node))

    def text(self, node: ast.AST) -> str:
        """The node as it stands in the source, on one line."""
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", -1)
        if first != last:
            return text_of(node)
        line = linecache.getline(self.file, first).encode()
        return line[getattr(node, "col_offset", 0) : getattr(node, "end_col_offset", None)].decode()

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        """Raise the ModelError that says why this text is outside the language, and what to write."""
        raise ModelError(f"{shorten(_head(node))}: {why}", self.file, self.site(node, "...").line)


def shorten(text: str, width: int = 70) -> str:
    """The text, or its beginning if it is longer than ``width`` characters."""
    return text if len(text) <= width else text[: width - 3] + "..."


def text_of(node: ast.AST) -> str:
    """The node as Python source on one line."""
    return " ".join(ast.unparse(node).split())


def _head(node: ast.AST) -> str:
    """The node on one line; of a statement with others in it only its own line."""
    if not isinstance(node, ast.stmt):
        return text_of(node)
    return next(line for line in ast.unparse(node).split("\n") if not line.startswith("@")).rstrip(":")


def source_of(function: FunctionType) -> Source:
    """Find the syntax tree of a function or lambda; ModelError if its source cannot be read."""
    code = function.__code__
    linecache.checkcache(code.co_filename)  # in a long session the file may be a newer one
    defined, lambdas = _index("".join(linecache.getlines(code.co_filename)), code.co_filename)
    tree: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None
    if code.co_name == "<lambda>":
        tree = lambdas.get(_body_position(function))
    else:
        tree = defined.get((code.co_name, code.co_firstlineno))
    if tree is None:
        raise ModelError(
            f"cannot read the source of {function.__name__}(): define it in a file or notebook cell, "
            "with def or lambda",
            code.co_filename,
            code.co_firstlineno,
        )
    return Source(function, tree)


Position = tuple[int, int, int, int]


@lru_cache(maxsize=64)
def _index(
    text: str, file: str
) -> tuple[dict[tuple[str, int], ast.FunctionDef | ast.AsyncFunctionDef], dict[Position, ast.Lambda]]:
    """The functions by name and first line, the lambdas by the position of their body."""
    try:
        tree = ast.parse(text, file)
    except SyntaxError:
        return {}, {}
    defined, lambdas = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            defined[node.name, first] = node
        elif isinstance(node, ast.Lambda):
            lambdas[_span(node.body)] = node
    return defined, lambdas


def _span(node: ast.expr) -> Position:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _body_position(function: FunctionType) -> Position:
    """Where a lambda's body stands: the hull of its instructions, but for the empty prologue."""
    spans = [p for p in function.__code__.co_positions() if None not in p]
    starts: list[Any] = [(p[0], p[2]) for p in spans if (p[0], p[2]) != (p[1], p[3])]
    ends: list[Any] = [(p[1], p[3]) for p in spans if (p[0], p[2]) != (p[1], p[3])]
    return *min(starts), *max(ends)

"""Expressions of local code: pure, and over ints.

Registers are a process's locals; a bare word reads this state's value without a step.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen


@frozen
class Const:
    """An int that is known when compiling (a bool is 0 or 1)."""

    value: int


@frozen
class Reg:
    """A local of a process, by its index."""

    index: int


@frozen
class WordRef:
    """A shared slot, or ``length`` slots of which ``index`` picks one."""

    base: int
    length: int = 1
    index: Expr = Const(0)


@frozen
class Bare:
    """A word's value in this state."""

    word: WordRef


@frozen
class Op:
    """An operator over expressions: a Python symbol, or a function of ``OPERATORS``."""

    symbol: str
    args: tuple[Expr, ...]


Expr = Const | Reg | Bare | Op

FALLIBLE = ("//", "%", "<<", ">>", "index")
"""Operators that are a model error for some operands; each is a node of its own."""


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all in it."""
    yield expr
    if isinstance(expr, Op):
        for arg in expr.args:
            yield from walk(arg)
    elif isinstance(expr, Bare):
        yield from walk(expr.word.index)


def depth(expr: Expr) -> int:
    """How deep operators nest in the expression."""
    if isinstance(expr, Bare):
        return depth(expr.word.index)
    return 1 + max(map(depth, expr.args), default=0) if isinstance(expr, Op) else 0

"""The operators of local expressions, as Python functions: one table for folding and for running."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from racecheck.compiler.expr import FALLIBLE
from racecheck.errors import ModelError
from racecheck.operations import wrap

LARGEST_SHIFT: Final = 4096


def shift_problem(amount: int) -> str:
    """Why a shift by this amount is refused, or ""."""
    if amount < 0:
        return f"shift by {amount}: C leaves a negative shift undefined"
    return f"shift by {amount}: more than {LARGEST_SHIFT} bits" if amount > LARGEST_SHIFT else ""


def _division(divide: Callable[[int, int], int]) -> Callable[[int, int], int]:
    def run(left: int, right: int) -> int:
        if right == 0:
            raise ModelError("division by zero")
        return divide(left, right)

    return run


def _shift(shift: Callable[[int, int], int]) -> Callable[[int, int], int]:
    def run(left: int, right: int) -> int:
        if problem := shift_problem(right):
            raise ModelError(problem)
        return shift(left, right)

    return run


def _index(index: int, length: int) -> int:
    if not 0 <= index < length:
        raise ModelError(f"index {index} is outside 0 to {length - 1}")
    return index


OPERATORS: Final[dict[str, Callable[..., Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": _division(operator.floordiv),
    "%": _division(operator.mod),
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": _shift(operator.lshift),
    ">>": _shift(operator.rshift),
    "index": _index,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "neg": operator.neg,
    "invert": lambda value: ~int(value),
    "not": operator.not_,
    "and": lambda left, right: left and right,
    "or": lambda left, right: left or right,
    "if": lambda condition, yes, no: yes if condition else no,
    "abs": abs,
    "min": min,
    "max": max,
    "u32": lambda value: wrap(value, 32, signed=False),
    "s32": lambda value: wrap(value, 32),
    "u64": lambda value: wrap(value, 64, signed=False),
    "s64": lambda value: wrap(value, 64),
}

CONVERSIONS: Final = {"u32": (32, False), "s32": (32, True), "u64": (64, False), "s64": (64, True)}

assert all(symbol in OPERATORS for symbol in FALLIBLE)

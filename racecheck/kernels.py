"""Loops over arrays: plain Python where there is little to do, compiled by numba where there is much.

Loading numba takes longer than a small model does in all, and plain loops take a hundred times as long a
step as compiled ones. Both run the same function, on the same memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from functools import cached_property
from threading import Thread
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")
BARE: Any = {"nogil": True, "_nrt": False}
"""Options of numba's for code that makes no arrays: else it counts references to those that it is handed,
with two locked instructions at each use of one, and they can take longer than all the rest."""
FEW = 30_000
"""Items of the longest array for which a loop runs as plain Python."""

LONG = 1 << 24
"""Items of the longest array beyond which one loop over it may take a fifth of a second."""


class Kernel(Generic[P, R]):
    """A function of numbers, arrays and tuples of these, which calls no functions of ours but kernels."""

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __call__(self, *args: P.args, **_: P.kwargs) -> R:
        """What the function gives; it may write into its arrays."""
        longest = _longest(args)
        if longest < FEW:
            return self.plain(*map(_view, args))
        return aside(self.compiled, *args) if longest >= LONG else self.compiled(*args)

    @cached_property
    def plain(self) -> Callable[..., R]:
        """The function as it stands."""
        return self._calling({name: other.plain for name, other in self._called().items()})

    @cached_property
    def compiled(self) -> Callable[..., R]:
        """The function compiled."""
        function = self._calling({name: other.compiled for name, other in self._called().items()})
        return compiled(function, self.mark, **BARE)

    @cached_property
    def mark(self) -> str:
        """Tells apart what compiles to other code: numba looks at no kernels called or numbers named."""
        code, known = self.function.__code__, self._globals()
        numbers = [known[n] for n in code.co_names if isinstance(known.get(n), int | float)]
        called = [other.mark for other in self._called().values()]
        text = repr((code.co_code, code.co_consts, code.co_names, numbers, called, BARE))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _called(self) -> dict[str, Kernel[..., Any]]:
        known = self._globals()
        return {n: known[n] for n in self.function.__code__.co_names if isinstance(known.get(n), Kernel)}

    def _calling(self, others: dict[str, Callable[..., Any]]) -> Callable[..., R]:
        """The function with these in place of the kernels that it calls."""
        copy = FunctionType(self.function.__code__, self._globals() | others, self.function.__name__)
        copy.__module__ = self.function.__module__
        return copy

    def _globals(self) -> dict[str, Any]:
        return self.function.__globals__


def compiled(function: Callable[..., R], mark: str, *signature: Any, **options: Any) -> Callable[..., R]:
    """The function compiled by numba: kept on disk where there is a place for it, else for this process.

    ``mark`` tells apart what numba does not: it looks at the function and its own file only.
    """
    import numba

    njit: Any = numba.njit
    function.__qualname__ = f"{function.__name__}_{mark}"  # what numba keeps it by
    try:
        made: Callable[..., R] = njit(*signature, cache=True, **options)(function)
    except RuntimeError:  # it says that it finds no place that can be written
        made = njit(*signature, **options)(function)
    return made


def aside(work: Callable[..., R], *args: Any) -> R:
    """Do work that holds no lock in a thread of its own, so that Ctrl-C is heard meanwhile."""
    done: Future[R] = Future()

    def run() -> None:
        try:
            done.set_result(work(*args))
        except BaseException as problem:
            done.set_exception(problem)

    Thread(target=run, daemon=True).start()
    return done.result()


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """A function as a kernel: see ``Kernel``."""
    return Kernel(function)


def _longest(values: tuple[Any, ...]) -> int:
    """The length of the longest array among the values."""
    return max((_length(value) for value in values), default=0)


def _length(value: Any) -> int:
    if isinstance(value, tuple):
        return _longest(value)
    return len(value) if isinstance(value, np.ndarray) else 0


def _view(value: Any) -> Any:
    """An array's memory as plain Python reads it fastest, in Python's own numbers."""
    if isinstance(value, tuple):
        return type(value)(*map(_view, value)) if hasattr(value, "_fields") else tuple(map(_view, value))
    return value.data if isinstance(value, np.ndarray) else value

"""The shared words that processes work on, and the driver that runs them natively.

A word belongs to a Shared object. Its operations run as plain Python when a driver is installed (native
execution under a scheduler); the compiler reads the same calls from the source. Without a driver a use
is a model error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

from racecheck.blame import kind_of
from racecheck.errors import ModelError
from racecheck.operations import OPERATIONS, Operation, wrap


class Driver(Protocol):
    """What runs the vocabulary natively; see ``racecheck.native``."""

    def perform(self, word: Word, operation: Operation, args: tuple[int, ...]) -> int | bool | None:
        """One operation on a word, as one step."""

    def value(self, word: Word | GhostCell) -> int:
        """The value of a word or a ghost in this state; no step."""

    def set_ghost(self, cell: GhostCell, value: int) -> None:
        """Update a ghost; no step."""

    def together(self, words: tuple[Word, ...]) -> tuple[int, ...]:
        """Several adjacent words in one load, as one step."""

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait for the condition; passing it is one step."""

    def choose(self, options: tuple[int, ...]) -> int:
        """One of the options."""

    def rest(self) -> None:
        """A place where a hostile process may stay for ever."""

    def event(self, name: str) -> None:
        """Something that happened."""

    def enter(self) -> None:
        """Start of an atomic group."""

    def leave(self) -> None:
        """End of an atomic group."""


class _Context(threading.local):
    driver: Driver | None = None
    created: list[Any] | None = None


context = _Context()
"""Per thread: the driver that runs a process natively, and the objects of the model being built."""


def current_driver(what: str) -> Driver:
    """The driver of this thread; ModelError, naming what was used, if there is none."""
    if context.driver is None:
        raise ModelError(
            f"{what} is used outside a process: only a running process has values, steps and choices; "
            "move this into a process function, or a look at a value into a property's lambda"
        )
    return context.driver


def _binary(symbol: str) -> Callable[[Any, Any], Any]:
    return eval(f"lambda self, other: self._value() {symbol} other")  # type: ignore[no-any-return]


def _reflected(symbol: str) -> Callable[[Any, Any], Any]:
    return eval(f"lambda self, other: other {symbol} self._value()")  # type: ignore[no-any-return]


class Word:
    """A shared word: declared on a Shared class, bound to a name in an instance of it."""

    bits = 32

    def __init__(self, initial: int = 0) -> None:
        self.initial = initial
        self.label = type(self).__name__

    @property
    def kind(self) -> str:
        """The name of the table of operations that fit this word: Atomic, Flag or Lock."""
        return type(self).__name__

    def checked(self, initial: object) -> int:
        """The initial value as an int; ModelError if the word cannot hold it."""
        if not isinstance(initial, int):
            raise ModelError(f"{self.label} starts as {kind_of(initial)}: an initial value is an int")
        if wrap(int(initial), self.bits) != initial:
            raise ModelError(f"{self.label} starts as {initial}: not a signed {self.bits}-bit value")
        return int(initial)

    def bind(self, label: str, initial: object) -> Self:
        """A copy of this declaration with a name and an initial value."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__, label=label)
        copy.initial = copy.checked(initial)
        return copy

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{self.kind} has no {name!r}; it has {', '.join(OPERATIONS[self.kind])}")

    def _perform(self, operation: Operation, args: tuple[int, ...]) -> int | bool | None:
        return current_driver(f"{self.label}.{operation.name}()").perform(self, operation, args)

    def _value(self) -> int:
        return current_driver(self.label).value(self)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.label}>"

    def __bool__(self) -> bool:
        return bool(self._value())

    def __int__(self) -> int:
        return self._value()

    __index__ = __int__

    def __neg__(self) -> int:
        return -self._value()

    def __invert__(self) -> int:
        return ~self._value()


for _symbol, _name in {
    "+": "add", "-": "sub", "*": "mul", "//": "floordiv", "%": "mod",
    "&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift",
}.items():  # fmt: skip
    setattr(Word, f"__{_name}__", _binary(_symbol))
    setattr(Word, f"__r{_name}__", _reflected(_symbol))
for _symbol, _name in {
    "==": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
}.items():
    setattr(Word, f"__{_name}__", _binary(_symbol))


class Atomic(Word):
    """A C ``atomic_t``: 32-bit two's complement, wrapping; ``bits=64`` for an ``atomic64_t``.

    Its methods are the kernel's (include/linux/atomic/atomic-instrumented.h) without ``atomic_``: ``read
    set inc dec add sub inc_return ... try_cmpxchg xchg and_ or_``; each call is one step.
    ``try_cmpxchg(old, new)`` returns only whether it stored.
    """

    def __init__(self, initial: int = 0, bits: int = 32) -> None:
        super().__init__(initial)
        if bits not in (32, 64):
            raise ModelError(f"Atomic(bits={bits}): a word has 32 or 64 bits")
        self.bits = bits
        self.checked(initial)


class Flag(Word):
    """A bit that is set, cleared and tested, such as PG_lru: ``test set clear test_and_set``..."""

    def __init__(self, initial: bool = False) -> None:
        super().__init__(initial)
        self.initial = self.checked(initial)

    def checked(self, initial: object) -> int:
        """The initial value as 0 or 1."""
        if initial not in (0, 1):
            raise ModelError(f"{self.label} starts as {initial!r}: a flag is True or False")
        return int(bool(initial))


class Lock(Word):
    """A lock that only its holder releases: ``lock`` waits, ``trylock`` does not, ``unlock``.

    Which locks a process holds is part of its place; unlocking one that it does not hold fails as an
    assert does. A lock that another context releases (the folio lock under I/O) is a Flag.
    """

    def __init__(self) -> None:
        super().__init__(0)

    def checked(self, initial: object) -> int:
        """Zero: a lock starts free."""
        if initial != 0:
            raise ModelError(f"{self.label} starts as {initial!r}: a lock starts free")
        return 0


def _method(operation: Operation) -> Callable[..., Any]:
    def method(self: Word, *args: int) -> int | bool | None:
        if len(args) != operation.arity:
            raise ModelError(f"{operation.name}() takes {operation.arity} arguments, not {len(args)}")
        return self._perform(operation, args)

    method.__name__ = operation.name
    method.__doc__ = f"One step; {operation.ordering}."
    return method


for _class in (Atomic, Flag, Lock):
    for _operation in OPERATIONS[_class.__name__].values():
        setattr(_class, _operation.name, _method(_operation))


class Array:
    """``Array(Atomic(0), 4)``: words of one kind, indexed by any int expression.

    An index below 0 or past the end is a model error, never a Python negative index.
    """

    def __init__(self, element: Word, length: int) -> None:
        if not isinstance(element, Word):
            raise ModelError(
                f"Array({kind_of(element)}, ...): an array holds Atomic(), Flag() or Lock() words"
            )
        if not isinstance(length, int) or length < 1:
            raise ModelError(f"Array(..., {length!r}): the length is an int from 1 on")
        self.element = element
        self.words: tuple[Word, ...] = (element,) * length
        self.label = "Array"

    def bind(self, label: str, initial: object) -> Array:
        """A copy with a name; ``initial`` is one value for all, or one for each element."""
        values = initial if isinstance(initial, (list, tuple)) else [initial] * len(self)
        if len(values) != len(self):
            raise ModelError(f"{label} has {len(self)} elements, but {len(values)} initial values")
        copy = Array(self.element, len(self))
        copy.label = label
        copy.words = tuple(self.element.bind(f"{label}[{i}]", v) for i, v in enumerate(values))
        return copy

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[Word]:
        return iter(self.words)

    def __getitem__(self, index: int) -> Word:
        if not 0 <= index < len(self.words):
            raise ModelError(f"index {index} is outside {self.label}, which has {len(self)} elements")
        return self.words[index]


class GhostCell:
    """The value of one Ghost in one Shared object."""

    def __init__(self, label: str, initial: object) -> None:
        self.label = label
        self.initial = ghost_value(label, initial)


def ghost_value(label: str, initial: object) -> int:
    """The initial value of a ghost; ModelError if it is not an int."""
    if not isinstance(initial, int):
        raise ModelError(f"{label} starts as {kind_of(initial)}: a ghost is an int")
    return int(initial)

"""What a model is written with, beside the words: ghosts, shared objects, choices, events, fences.

Everything here runs as plain Python when a driver is installed, as the words do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from racecheck.blame import offer
from racecheck.errors import ModelError
from racecheck.operations import FENCES, wrap
from racecheck.words import Array, GhostCell, Word, context, current_driver, ghost_value


class Ghost:
    """A value that no kernel code can see: only properties, asserts and other ghosts read it.

    A mathematical integer, without wrap-around; an update belongs to the last step before it.
    """

    def __init__(self, initial: int = 0) -> None:
        self.initial = ghost_value("Ghost", initial)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Shared | None, owner: type) -> Any:
        if instance is None:
            return self
        cell = instance._ghosts[self.name]
        return current_driver(f"the ghost {cell.label}").value(cell)

    def __set__(self, instance: Shared, value: int) -> None:
        cell = instance._ghosts[self.name]
        current_driver(f"the ghost {cell.label}").set_ghost(cell, value)


class Shared:
    """Base of the objects that processes share: class attributes declare words, ghosts, constants.

    ``Folio(refcount=2, bias=1024, name="dst")`` overrides initial values and constants, and gives a
    name; the default is the class's in lower case, numbered from the second on. Create it in the model
    function. Raises ModelError for a name that the class does not declare.
    """

    _label: str
    _words: dict[str, Word | Array]
    _ghosts: dict[str, GhostCell]

    def __init__(self, name: str | None = None, **values: object) -> None:
        declared = _declarations(type(self))
        kind = type(self).__name__
        if not isinstance(name, str | None) or name == "":
            raise ModelError(f"{kind}({name!r}): values are given by name, and name= is a string")
        for unknown in values.keys() - declared.keys():
            raise ModelError(f"{kind} has no {unknown!r}; {offer(unknown, declared)}")
        self.__dict__.update(_words={}, _ghosts={}, _label=_register(self, name))
        for key, declaration in declared.items():
            self._bind(key, declaration, values)

    def _bind(self, key: str, declaration: object, values: dict[str, object]) -> None:
        label = f"{self._label}.{key}"
        if isinstance(declaration, Word):
            word = declaration.bind(label, values.get(key, declaration.initial))
            self._words[key] = self.__dict__[key] = word
        elif isinstance(declaration, Array):
            array = declaration.bind(label, values.get(key, declaration.element.initial))
            self._words[key] = self.__dict__[key] = array
        elif isinstance(declaration, Ghost):
            self._ghosts[key] = GhostCell(label, values.get(key, declaration.initial))
        elif key in values:
            self.__dict__[key] = values[key]
        elif isinstance(declaration, type) and issubclass(declaration, (Word, Array, Ghost)):
            raise ModelError(
                f"{label} is the class {declaration.__name__}: write {declaration.__name__}(...)"
            )

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(getattr(type(self), name, None), Ghost):
            object.__setattr__(self, name, value)
            return
        raise ModelError(
            f"{self._label}.{name} cannot be assigned: give initial values and constants when it is made, "
            f"{type(self).__name__}({name}=...); in a process a word changes by its methods"
        )

    def __getattr__(self, name: str) -> Any:
        known = _declarations(type(self)) if not name.startswith("_") else ()
        raise AttributeError(f"{type(self).__name__} has no {name!r}; {offer(name, known)}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._label}>"


def _declarations(cls: type[Shared]) -> dict[str, object]:
    """What the class and its bases declare, bases first, in the order of the source."""
    found: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        if base not in (object, Shared):
            found.update(
                (key, value)
                for key, value in vars(base).items()
                if not key.startswith("__") and not _is_code(value)
            )
    return found


def _is_code(value: object) -> bool:
    code = callable(value) or isinstance(value, (property, staticmethod, classmethod))
    return code and not isinstance(value, type)


def _register(shared: Shared, name: str | None) -> str:
    if context.created is None:
        raise ModelError(
            f"{type(shared).__name__}() is made outside a model: create it in the @model function"
        )
    taken = {other._label for other in context.created}
    base = type(shared).__name__.lower()
    count = 2
    label = name or base
    while name is None and label in taken:
        label, count = f"{base}{count}", count + 1
    if label in taken:
        raise ModelError(f"two shared objects are named {label!r}: give one another name=")
    context.created.append(shared)
    return label


def choose(*options: int) -> Any:
    """One of the options, or True or False: decided by the scheduler, with the step that follows."""
    return current_driver("choose()").choose(options or (False, True))


def rest() -> None:
    """Back in user mode: a hostile process may stay here for ever."""
    current_driver("rest()").rest()


def event(name: str) -> None:
    """Something that happened, for ``progress`` and for the list of what never happened."""
    current_driver("event()").event(name)


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition on one word (or one adjacent group) holds; the test is the step."""
    current_driver("wait_until()").wait_until(condition)


def read_together(*words: Word) -> tuple[int, ...]:
    """Read several words that are declared adjacent, in one load; their values in argument order."""
    return current_driver("read_together()").together(words)


class atomic:  # noqa: N801 - reads as a statement: ``with atomic():``
    """``with atomic():`` makes everything in it one step; only its first operation may wait."""

    def __enter__(self) -> None:
        current_driver("atomic()").enter()

    def __exit__(self, exc_type: object, *_: object) -> None:
        if exc_type is None:
            current_driver("atomic()").leave()


def u32(value: int) -> int:
    """The value converted to C ``unsigned int``."""
    return wrap(value, 32, signed=False)


def s32(value: int) -> int:
    """The value converted to C ``int``."""
    return wrap(value, 32)


def u64(value: int) -> int:
    """The value converted to C ``unsigned long`` of 64 bits."""
    return wrap(value, 64, signed=False)


def s64(value: int) -> int:
    """The value converted to C ``long`` of 64 bits."""
    return wrap(value, 64)


def _fence(name: str) -> Callable[[], None]:
    def fence() -> None:
        current_driver(f"{name}()")

    fence.__name__ = fence.__qualname__ = name
    fence.__doc__ = f"A {FENCES[name]}: orders, but is no step."
    return fence


smp_mb = _fence("smp_mb")
smp_rmb = _fence("smp_rmb")
smp_wmb = _fence("smp_wmb")
smp_mb__before_atomic = _fence("smp_mb__before_atomic")
smp_mb__after_atomic = _fence("smp_mb__after_atomic")

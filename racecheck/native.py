"""A model's processes as ordinary Python: a thread for each, of which exactly one runs at a time.

What a move is, ``racecheck.semantics`` says: the same choices give the same results here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from operator import index
from queue import SimpleQueue
from typing import NoReturn, Protocol, TypeVar

from attrs import define, field, frozen

from racecheck.errors import ModelError, UsageError
from racecheck.model import Condition, Model, Process, Property
from racecheck.operations import Operation, effect
from racecheck.words import Array, GhostCell, Word, context

Request = Callable[[], object]
Result = int | bool | tuple[int, ...] | None
T = TypeVar("T")


class NotEnabled(Exception):
    """The process cannot make this move now; ``str()`` says why."""


class NeedChoice(Exception):
    """The move comes to a ``choose()`` for which no choice was given: one of ``options``."""

    def __init__(self, options: tuple[int, ...]) -> None:
        super().__init__(f"no choice is given for choose(), of {', '.join(map(repr, options))}")
        self.options, self.width = options, len(options)


@frozen
class Observation:
    """What one move did; ``silent`` if it came to a rest() or to the end without a step.

    ``results`` has one item for each operation, also of an atomic group. ``failed`` is the message of the
    assert that failed ("" if it has none), or names the lock not held; ``ended``: the process returned.
    """

    results: tuple[Result, ...]
    events: tuple[str, ...]
    changed: dict[str, int]
    choices: tuple[int | bool, ...]
    silent: bool
    failed: str | None
    ended: bool


class Debugger(Protocol):
    """What may look at a process at the start of each of its moves."""

    def stop(self, process: str, ask: Callable[[Request], None]) -> None:
        """Run in the process's thread; ``ask`` runs a function in the scheduler's thread, and waits."""


class World(AbstractContextManager["World"]):
    """A run of a model, from its initial state on; a context manager that ends the threads.

    ``processes`` names the real processes, and ``values`` has what each word and ghost holds now. Raises
    what local code before the first places raises. Where asserts are off (``python -O``), none fails.
    """

    def __init__(self, model: Model, debugger: Debugger | None = None) -> None:
        self.debugger = debugger
        self.values = {cell.label: cell.initial for cell in _cells(model)}
        processes = [(name, process) for process in model.processes for name in process.instances()]
        self.processes = [name for name, _ in processes]
        self._runners = {name: _Runner(name, process, self) for name, process in processes}
        try:
            for runner in self._runners.values():
                runner.start()
        except BaseException:
            self.close()
            raise

    def step(self, process: str, choices: Sequence[int | bool] = ()) -> Observation:
        """Let a process make one move, with the value of each choice in it.

        NotEnabled if it must wait, has ended or has no such choice, NeedChoice if there are too few: values
        are as before, but the process is lost; use a fresh World. Raises what the process raises, too.
        """
        if process not in self._runners:
            raise UsageError(f"no process {process!r}; there are {', '.join(self._runners)}")
        runner, move, before = self._runners[process], _Move(list(choices)), dict(self.values)
        try:
            runner.run(move)
        except (NotEnabled, NeedChoice):
            self.values.update(before)  # a group may have begun
            raise
        changed = {label: new for label, new in self.values.items() if new != before[label]}
        done = tuple(move.results), tuple(move.events), changed, tuple(move.taken)
        return Observation(*done, not move.stepped, runner.failed, runner.ended)

    def holds(self, claim: Property) -> bool:
        """Whether the condition of an ``always`` or ``sometimes`` is true now."""
        assert claim.condition is not None, "progress is not a claim about one state"
        return bool(self.value_of(claim.condition))

    def value_of(self, condition: Condition) -> int:
        """The value of a property's lambda now."""
        return _Look(self.values).during(lambda: index(condition()))  # type: ignore[arg-type]

    def close(self) -> None:
        """End all threads; a second time does nothing."""
        for runner in self._runners.values():
            runner.stop()

    def __exit__(self, *_: object) -> None:
        self.close()


def _cells(model: Model) -> Iterator[Word | GhostCell]:
    """All words, those of one object in the order of its class; then all ghosts."""
    for declared in chain.from_iterable(shared._words.values() for shared in model.shared):
        yield from declared.words if isinstance(declared, Array) else (declared,)
    yield from chain.from_iterable(shared._ghosts.values() for shared in model.shared)


class _Unwind(BaseException):
    """Ends a process's thread from inside."""


@define
class _Move:
    """A move while it is made; ``given`` are the choices that are left."""

    given: list[int | bool] = field(factory=list)
    taken: list[int | bool] = field(factory=list)
    results: list[Result] = field(factory=list)
    events: list[str] = field(factory=list)
    stepped: bool = False


@define
class _Look:
    """The driver of conditions: words have their values, and all else is an error."""

    values: dict[str, int]

    def during(self, function: Callable[[], T]) -> T:
        """Call a function that looks at the state."""
        outer, context.driver = context.driver, _Look(self.values)
        try:
            return function()
        finally:
            context.driver = outer

    def value(self, word: Word | GhostCell) -> int:
        """The value now; ModelError for a word of another model."""
        if word.label not in self.values:
            raise ModelError(f"{word.label} belongs to another model: make it in this model function")
        return self.values[word.label]

    def _refuse(self, *_: object) -> NoReturn:
        raise ModelError("a condition looks at the state and takes no step; name the word alone")

    perform = set_ghost = together = wait_until = choose = rest = event = enter = leave = _refuse


class _Runner:
    """A process in its thread, and the driver of its steps."""

    def __init__(self, name: str, process: Process, world: World) -> None:
        self.name = name
        self.failed: str | None = None
        self.ended = False
        self._process, self._world, self._values = process, world, world.values
        self._look = _Look(world.values)
        self.value = self._look.value
        self._move = _Move(stepped=True)
        self._held: set[str] = set()
        self._depth, self._ready = 0, False  # of groups; at a place
        self._error: BaseException | None = None
        self._orders: SimpleQueue[bool] = SimpleQueue()
        self._reports: SimpleQueue[Request | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._listen()

    def run(self, move: _Move) -> None:
        """Let the process make the move, or raise what it raised."""
        if not self._ready:
            raise NotEnabled(f"{self.name} {'has ended' if self.ended else 'was stopped'}")
        self._move, self._ready = move, False
        self._orders.put(True)
        self._listen()

    def stop(self) -> None:
        self._ready = False
        self._orders.put(False)
        if self._thread.is_alive():
            self._thread.join(1.0)  # no longer: it may never come to a place

    def _listen(self) -> None:
        """Do what the process asks for, until it is at a place."""
        while (request := self._reports.get()) is not None:
            self._look.during(request)
            self._orders.put(True)
        if self._error is not None:
            raise self._error
        self._ready = not self.ended and self.failed is None

    def _main(self) -> None:  # this, and what it calls, runs in the process's thread
        context.driver = self
        try:
            self._process.function(*self._process.args, **dict(self._process.kwargs))
            self.ended = True
        except _Unwind:
            return
        except AssertionError as error:
            self.failed = str(error)
        except BaseException as error:
            self._error = error
        sys.settrace(None)  # no debugger follows the end of the thread
        self._reports.put(None)

    def _report(self, request: Request | None) -> None:
        """Let the scheduler go on, until it gives the order to."""
        self._reports.put(request)
        if not self._orders.get():
            sys.settrace(None)  # nor the unwinding
            raise _Unwind

    def rest(self) -> None:
        """Stand here until the next move."""
        self._report(None)
        if self._world.debugger is not None:
            self._world.debugger.stop(self.name, self._report)

    def _begin(self, stepped: bool = True) -> _Move:
        """Come to a step or a choice: a place, if this move has had its step. The move it belongs to."""
        if not self._depth:
            if self._move.stepped:
                self.rest()
            self._move.stepped = stepped
        return self._move

    def perform(self, word: Word, operation: Operation, args: tuple[int, ...]) -> int | bool | None:
        """One operation; AssertionError for the unlock of a lock that is not held."""
        a, b, *_ = *map(index, args), 0, 0
        move, is_lock = self._begin(), word.kind == "Lock"
        if is_lock and operation.name == "unlock" and word.label not in self._held:
            raise AssertionError(f"{word.label}.unlock() by its holder")
        stored, new, result = effect(operation)(self.value(word), a, b, word.bits)
        if operation.waits and not stored:
            raise NotEnabled(f"{self.name} waits: {word.label} is taken")
        self._values[word.label] = new
        if is_lock and stored:
            (self._held.add if new else self._held.remove)(word.label)
        move.results.append(result)
        return result

    def set_ghost(self, cell: GhostCell, value: int) -> None:
        self._values[cell.label] = index(value)

    def together(self, words: tuple[Word, ...]) -> tuple[int, ...]:
        """One load; ModelError if the words are not adjacent."""
        move, order = self._begin(), list(self._values)
        values = tuple(self.value(word) for word in words)
        numbers = sorted(order.index(word.label) for word in words)
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise ModelError(f"one load covers words declared next to each other, not {words}")
        move.results.append(values)
        return values

    def wait_until(self, condition: Condition) -> None:
        self._begin()
        if not self._look.during(lambda: bool(condition())):
            raise NotEnabled(f"{self.name} waits until its condition holds")

    def choose(self, options: tuple[int, ...]) -> int:
        move = self._begin(stepped=False)
        if not move.given:
            raise NeedChoice(options)
        wanted = move.given.pop(0)
        if wanted not in options:
            raise NotEnabled(f"{self.name} chooses from {options}, not {wanted!r}")
        move.taken.append(options[options.index(wanted)])
        return move.taken[-1]

    def event(self, name: str) -> None:
        self._move.events.append(name)

    def enter(self) -> None:
        self._begin()
        self._depth += 1

    def leave(self) -> None:
        self._depth -= 1

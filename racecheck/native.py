"""A model's processes as the ordinary Python that they are, under a scheduler.

Each real process has a thread, of which exactly one runs at a time; the others wait at their places.
What a move is, ``racecheck.semantics`` says: the same steps give the same results here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from operator import index
from queue import SimpleQueue
from typing import Any, NoReturn, Protocol, Self

from attrs import define, field, frozen

from racecheck.errors import ModelError, UsageError
from racecheck.model import Condition, Model, Process, Property
from racecheck.operations import Operation, effect
from racecheck.words import Array, Driver, GhostCell, Word, context

LONGEST_JOIN = 1.0
"""Seconds that closing a world waits for a process that does not come to a place."""

Request = Callable[[], object]


class NotEnabled(Exception):  # noqa: N818 - what the process is, not what went wrong
    """The process cannot make this move now; ``str()`` says why."""


class NeedChoice(Exception):  # noqa: N818
    """The move comes to a ``choose()`` for which no choice was given: one of ``options``."""

    def __init__(self, options: tuple[int, ...]) -> None:
        super().__init__(f"choose() has {len(options)} options: {', '.join(map(repr, options))}")
        self.options = options
        self.width = len(options)


@frozen
class Observation:
    """What one move did; ``silent`` if it came to a rest() or to the end without a step.

    ``results`` has one item for each operation, those in an atomic group included. ``failed`` is the
    message of the assert that failed ("" if it has none), or names the lock that was not held; ``ended``
    is whether the process returned.
    """

    results: tuple[int | bool | tuple[int, ...] | None, ...]
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


class World:
    """A run of a model, from its initial state on; a context manager that ends the threads.

    Raises what local code before the first places raises: ModelError for an index outside its array. Where
    asserts are off (``python -O``), none fails.
    """

    def __init__(self, model: Model, debugger: Debugger | None = None) -> None:
        self.debugger = debugger
        self.values = {cell.label: cell.initial for cell in _cells(model)}
        self.order = {label: number for number, label in enumerate(self.values)}
        self.reader = _Reader(self)
        self._runners = {
            name: _Runner(name, process, self)
            for process in model.processes
            for name in process.instances()
        }
        try:
            for runner in self._runners.values():
                runner.start()
        except BaseException:
            self.close()
            raise

    @property
    def processes(self) -> list[str]:
        """The names of the real processes, in the order of the entries."""
        return list(self._runners)

    @property
    def failures(self) -> dict[str, str]:
        """The messages of the asserts that have failed, by process."""
        return {r.name: r.failed for r in self._runners.values() if r.failed is not None}

    def step(self, process: str, choices: Sequence[int | bool] = ()) -> Observation:
        """Let a process make one move, with the value of each choice in it.

        NotEnabled if it must wait, has ended, or has no such choice; NeedChoice if there are too few.
        Values are then as before, but the process is lost: go on in a fresh World. What the process's own
        code raises comes out too.
        """
        if process not in self._runners:
            raise UsageError(f"no process {process!r}; there are {', '.join(self._runners)}")
        runner, move, before = self._runners[process], _Move(list(choices)), dict(self.values)
        try:
            runner.run(move)
        except (NotEnabled, NeedChoice):
            self.values.update(before)
            raise
        return Observation(
            tuple(move.results),
            tuple(move.events),
            {label: value for label, value in self.values.items() if value != before[label]},
            tuple(move.choices),
            not move.stepped,
            runner.failed,
            runner.ended,
        )

    def holds(self, claim: Property) -> bool:
        """Whether the condition of an ``always`` or ``sometimes`` is true now."""
        if claim.condition is None:
            raise UsageError(f"{claim.kind} {claim.name!r} has no condition that a state decides")
        return bool(self.value_of(claim.condition))

    def value_of(self, condition: Condition) -> int:
        """The value of a property's lambda now."""
        return self.read(lambda: _number(condition()))

    def read[T](self, look: Callable[[], T]) -> T:
        """Call a function in which words have their values and nothing steps."""
        return look()

    def close(self) -> None:
        """End all threads; a second time does nothing."""
        for runner in self._runners.values():
            runner.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

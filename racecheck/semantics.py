"""The one definition of a step: ``initial(program)`` and ``steps(program, state)``.

Written to be read; everything faster must agree with it. A process stands at a place: a node of its
graph (before a step or a choice, at a rest, at the end or behind a failed assert), its live locals, and
the locks it holds. A move is the choices and local code from there, one step, and local code up to the
next place. The memory model is sequential consistency: a step is seen by everybody at once.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

from attrs import frozen

from racecheck.compiler.ir import Attempt, Choose, End, Enter, Fail, Leave, Require, Rest, Step, Together
from racecheck.compiler.program import Entry, Graph, Program
from racecheck.interpreter import LONGEST_MOVE, Interpreter, Outcome, Place, too_long


class State(NamedTuple):
    """The shared values, and for each entry the places of its processes."""

    shared: tuple[int, ...]
    places: tuple[tuple[Place, ...], ...]


@frozen
class Move:
    """An outcome, and whose: the entry, the process's number in it, and the state it leads to."""

    entry: int
    number: int
    outcome: Outcome
    target: State


class Duty(enum.IntEnum):
    """What the place of a process obliges it to, under a fair scheduler."""

    STEP = 0
    """Its step can be taken in every state, so it is taken."""
    CHOICE = 1
    """Before a choice: it moves if some outcome is possible from some time on at every moment."""
    CONDITION = 2
    """At a ``wait_until``: it moves if the condition is true from some time on at every moment."""
    LOCK = 3
    """At a Lock, which queues its waiters: it moves if the lock is free again and again."""
    REST = 4
    """Nothing, and it may stay for ever."""
    ENDED = 5
    """Nothing: it has returned, or its assert has failed."""


def initial(program: Program) -> State:
    """The state in which every process has come to its first place."""
    shared = tuple(slot.initial for slot in program.slots)
    places = []
    for entry in program.entries:
        run = Interpreter(program, entry.graph, list(shared), [0] * len(entry.graph.names), 0, [])
        place = run.to_place(entry.graph.entry, stepped=True)
        places.append((place,) * entry.process.count)
    return State(shared, tuple(places))


def steps(program: Program, state: State, by_place: bool = False) -> Iterator[Move]:
    """Every move from the state, one for each outcome of its choices; none behind a failed assert.

    ``by_place`` takes one process of each place: the others would do the same.
    """
    if failed_assert(program, state):
        return
    for e, entry in enumerate(program.entries):
        for number, place in enumerate(state.places[e]):
            if by_place and place in state.places[e][:number]:
                continue
            for outcome in outcomes(program, entry, place, state.shared):
                yield Move(e, number, outcome, after(state, e, number, outcome))


def after(state: State, entry: int, number: int, outcome: Outcome) -> State:
    """The state that the outcome leads to when process ``number`` of ``entry`` takes it."""
    places = list(state.places)
    places[entry] = (*places[entry][:number], outcome.place, *places[entry][number + 1 :])
    return State(outcome.shared, tuple(places))


def outcomes(program: Program, entry: Entry, place: Place, shared: tuple[int, ...]) -> Iterator[Outcome]:
    """The outcomes of a process's next move; none if it cannot move. All choices are tried in turn."""
    if isinstance(entry.graph.nodes[place.node], (End, Fail)):
        return
    prefix: list[int] = []
    count = 0
    while True:
        run = Interpreter(
            program, entry.graph, list(shared), _locals(entry.graph, place), place.held, prefix
        )
        outcome = run.move(place, shared)
        if outcome is not None:
            yield outcome
        while run.taken and run.taken[-1] + 1 == run.widths[len(run.taken) - 1]:
            run.taken.pop()
        if not run.taken:
            return
        count += 1
        if count > LONGEST_MOVE:
            raise too_long(entry.graph.nodes[place.node], "outcomes of choices in one move")
        prefix = [*run.taken[:-1], run.taken[-1] + 1]


def attempt_begun(program: Program, entry: int) -> bool:
    """Whether a victim's first place is behind the head of the loop of its attempts."""
    graph = program.entries[entry].graph
    shared = [slot.initial for slot in program.slots]
    run = Interpreter(program, graph, shared, [0] * len(graph.names), 0, [])
    run.to_place(graph.entry, stepped=True)
    return any(isinstance(graph.nodes[at], Attempt) for at in run.passed)


def duty(program: Program, entry: Entry, place: Place) -> Duty:
    """What a process at a place owes, whatever the state."""
    node = entry.graph.nodes[place.node]
    if isinstance(node, (End, Fail)):
        return Duty.ENDED
    if isinstance(node, Rest):
        return Duty.REST
    if isinstance(node, Choose):
        return Duty.CHOICE
    if isinstance(node, Step):
        return Duty.LOCK if node.operation.waits else Duty.STEP
    return _first_wait(program, entry, place) if isinstance(node, Enter) and node.waits else Duty.STEP


def _first_wait(program: Program, entry: Entry, place: Place) -> Duty:
    """What the first operation of an atomic group waits for; which one that is, only locals decide."""
    shared = [slot.initial for slot in program.slots]
    run = Interpreter(program, entry.graph, shared, _locals(entry.graph, place), place.held, [])
    at = entry.graph.nodes[place.node].next
    while not isinstance(node := entry.graph.nodes[at], (Require, Step, Together, Choose, Leave)):
        at = run.execute(at, node)
    if isinstance(node, Require):
        return Duty.CONDITION
    return Duty.LOCK if isinstance(node, Step) and node.operation.waits else Duty.STEP


def holds(program: Program, condition: Graph, state: State) -> bool:
    """Whether a property's condition is true in the state."""
    return bool(value_of(program, condition, state))


def value_of(program: Program, condition: Graph, state: State) -> int:
    """The value of a property's condition in the state."""
    run = Interpreter(program, condition, list(state.shared), [0] * len(condition.names), 0, [])
    return run.result(condition.entry)


def failed_assert(program: Program, state: State) -> str | None:
    """The name of the assert that has failed in this state."""
    for entry, places in zip(program.entries, state.places, strict=True):
        for place in places:
            node = entry.graph.nodes[place.node]
            if isinstance(node, Fail):
                return node.name
    return None


def _locals(graph: Graph, place: Place) -> list[int]:
    values = [0] * len(graph.names)
    for register, value in zip(graph.live[place.node], place.locals, strict=True):
        values[register] = value
    return values

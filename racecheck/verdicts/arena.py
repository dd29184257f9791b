"""A searched space as arrays: what the questions about progress are asked of."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from racecheck.compiler.program import Claim, Graph
from racecheck.explore.engine import Goal, Key, Spot, Stand
from racecheck.explore.search import Space
from racecheck.model import HOSTILE, KERNEL, VICTIM
from racecheck.semantics import Duty, attempt_begun, duty

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
ROLES = (KERNEL, VICTIM, HOSTILE)
LOOK = 64
"""States between two looks at the limits."""
PATIENCE = 1.0
"""Seconds for which states are looked at even if the time is up: the shortest ways in come first."""


class GaveUp(Exception):
    """A limit was hit before the question was answered."""


@define(eq=False, slots=False)
class Arena:
    """States, the places occupied in each ("stands"), and the moves from these ("edges").

    States are numbered as they were reached, from the initial one, 0. ``outside`` are those that were not
    expanded or lie behind a failed assert. A stand is a state and a place; edges are sorted by stand.
    ``duty`` and ``role`` (a number in ROLES) are the places'. ``ways``, ``heads``, ``goal`` and ``renewed``
    are as ``Turn`` has them. ``begun`` tells whether an attempt is under way at the start.
    """

    excused: Bools
    outside: Bools
    stand_state: Ints
    stand_place: Ints
    processes: Ints
    edge_stand: Ints
    target: Ints
    ways: Ints
    heads: Ints
    goal: Bools
    renewed: Bools
    duty: Ints
    role: Ints
    event: Goal
    begun: bool = True
    costs: dict[str, Ints] = field(factory=dict)
    spots: list[Spot] = field(factory=list)
    """The engine's name for each place."""
    keys: list[Key] = field(factory=list)
    """The engine's name for each state."""

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self.excused)

    @cached_property
    def inside(self) -> Bools:
        """U: the states in which a block counts."""
        found: Bools = ~self.excused & ~self.outside
        return found

    @cached_property
    def source(self) -> Ints:
        """The state that an edge starts from."""
        return self.stand_state[self.edge_stand]

    @cached_property
    def place(self) -> Ints:
        """The place that an edge steps from."""
        return self.stand_place[self.edge_stand]

    @cached_property
    def hostile_stand(self) -> Bools:
        """Whether hostile processes stand there."""
        found: Bools = self.role[self.stand_place] == ROLES.index(HOSTILE)
        return found

    @cached_property
    def hostile(self) -> Bools:
        """Whether an edge is a hostile move."""
        return self.hostile_stand[self.edge_stand]

    @cached_property
    def victims(self) -> Bools:
        """Whether an edge is a move of a victim."""
        found: Bools = self.role[self.place] == ROLES.index(VICTIM)
        return found

    @cached_property
    def movable(self) -> Bools:
        """Whether a process can move from a stand."""
        found: Bools = np.bincount(self.edge_stand, minlength=len(self.stand_state)) > 0
        return found

    @cached_property
    def flying(self) -> Bools:
        """Stands of hostile processes in the middle of an operation."""
        return self.hostile_stand & (self.duty[self.stand_place] < Duty.REST)

    @cached_property
    def flights(self) -> Ints:
        """For each state, how many hostile processes are in flight."""
        counts = np.bincount(self.stand_state, self.processes * self.flying, self.states)
        return counts.astype(np.int64)

    @cached_property
    def _by_target(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.target, kind="stable")
        return order, np.searchsorted(self.target[order], np.arange(self.states + 1))

    def edges_into(self, states: Ints) -> Ints:
        """The edges that lead to any of the states."""
        order, first = self._by_target
        return order[ranges(first[states], first[states + 1])]

    def reached(self, start: Bools, edges: Bools) -> Bools:
        """The states that these edges lead to from any of the start states."""
        order = np.flatnonzero(edges)
        order = order[np.argsort(self.source[order], kind="stable")]
        first = np.searchsorted(self.source[order], np.arange(self.states + 1))
        found, new = start.copy(), np.flatnonzero(start)
        while new.size:
            targets = np.unique(self.target[order[ranges(first[new], first[new + 1])]])
            new = targets[~found[targets]]
            found[new] = True
        return found


def ranges(starts: Ints, ends: Ints) -> Ints:
    """``starts[0] .. ends[0] - 1``, then the same of each other pair, in one array."""
    counts = ends - starts
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(counts.sum())


STAND = ("stand_state", "stand_place", "processes")
EDGE = ("edge_stand", "target", "ways", "heads", "goal", "renewed")


@define(eq=False)
class _Columns:
    """The arrays of an arena as they grow."""

    places: dict[Spot, int] = field(factory=dict)
    stands: list[array[int]] = field(factory=lambda: [array("q") for _ in STAND])
    edges: list[array[int]] = field(factory=lambda: [array("q") for _ in EDGE])

    def add(self, number: int, stands: list[Stand], numbers: dict[Key, int]) -> None:
        """All stands and edges of one state."""
        states, places, counts = self.stands
        edge_stand, targets, ways, heads, goals, renewals = self.edges
        for spot, processes, turns in stands:
            for turn in turns:
                edge_stand.append(len(states))
                targets.append(numbers[turn.target])
                ways.append(turn.ways)
                heads.append(turn.heads)
                goals.append(turn.goal)
                renewals.append(turn.renewed)
            states.append(number)
            places.append(self.places.setdefault(spot, len(self.places)))
            counts.append(processes)

    def arrays(self, states: int) -> dict[str, Any]:
        """By the names that an arena has for them; targets beyond its states are one more."""
        columns = zip(STAND + EDGE, self.stands + self.edges, strict=True)
        found = {name: np.array(column, np.int64) for name, column in columns}
        found["target"] = np.minimum(found["target"], states)
        return found | {name: found[name].astype(bool) for name in ("goal", "renewed")}


def arena_of(space: Space, claim: Claim, goal: Goal, give_up: Callable[[], object]) -> Arena:
    """The arena of a progress property, or of the first states when told to give up: ``keys`` has those.

    The others are then one state outside. Costs some 10 microseconds a move.
    """
    program, engine = space.program, space.engine
    numbers = {key: i for i, key in enumerate(space.parents)}
    unseen, columns = set(space.frontier), _Columns()
    failed = 1 << len(program.claims) if program.failures() else 0
    outside, patience = bytearray(), time.monotonic() + PATIENCE
    for number, key in enumerate(numbers):
        if number % LOOK == 0 and time.monotonic() > patience and give_up():
            break
        outside.append(key in unseen or bool(failed and engine.check(key) & failed))
        if not outside[number]:
            columns.add(number, engine.stands(key, goal), numbers)
    keys = list(islice(numbers, len(outside)))
    outside += b"\1" * (len(keys) < space.states)
    entries = [program.entries[entry] for entry, _ in columns.places]
    duties = [duty(program, *pair) for pair in zip(entries, map(engine.place, columns.places), strict=True)]
    names = [name for name, _ in claim.property.cost]
    size = len(outside)
    return Arena(
        excused=_values(space, claim.unless, keys, size) != 0,
        outside=np.array(outside, bool),
        duty=np.array(duties, np.int64),
        role=np.array([ROLES.index(entry.process.role) for entry in entries], np.int64),
        event=goal,
        begun=attempt_begun(program, goal.entry),
        costs={n: _values(space, cost, keys, size) for n, cost in zip(names, claim.cost, strict=True)},
        spots=list(columns.places),
        keys=keys,
        **columns.arrays(len(keys)),
    )


def _values(space: Space, expression: Graph | None, keys: list[Key], size: int) -> Ints:
    """The value of an expression in each state; 0 without one, and outside."""
    values = np.zeros(size, np.int64)
    if expression is not None:
        evaluate = space.engine.evaluator(expression)
        values[: len(keys)] = np.fromiter(map(evaluate, keys), np.int64, len(keys))
    return values

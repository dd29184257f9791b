"""The arena of a space, of an engine that tells of one state at a time."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from attrs import define, field

from racecheck.compiler.program import Claim, Graph
from racecheck.explore.arrays import ArraySpace
from racecheck.explore.engine import Goal, Key, Spot, Stand
from racecheck.explore.search import Space
from racecheck.verdicts.arena import TYPES, Arena, Tale, arena_from
from racecheck.verdicts.walks import Ints

LOOK = 64
"""States between two looks at the limits."""
PATIENCE = 1.0
"""Seconds for which states are looked at even if the time is up: the shortest ways in come first."""


@define(eq=False)
class _Columns:
    """The arrays of an arena as they grow."""

    spots: dict[Spot, int] = field(factory=dict)
    tales: dict[Tale, int] = field(factory=dict)
    first_stand: array[int] = field(factory=lambda: array("i", [0]))
    stand_place: array[int] = field(factory=lambda: array("i"))
    processes: array[int] = field(factory=lambda: array("h"))
    first_edge: array[int] = field(factory=lambda: array("i", [0]))
    target: array[int] = field(factory=lambda: array("i"))
    told: array[int] = field(factory=lambda: array("H"))

    def add(self, stands: list[Stand], numbers: dict[Key, int]) -> None:
        """All stands and edges of the next state."""
        for spot, processes, turns in stands:
            self.stand_place.append(self.spots.setdefault(spot, len(self.spots)))
            self.processes.append(processes)
            for turn in turns:
                self.target.append(numbers[turn.target])
                self.told.append(self.tales.setdefault(Tale(*turn[1:]), len(self.tales)))
            self.first_edge.append(len(self.target))
        self.first_stand.append(len(self.stand_place))

    def arrays(self, states: int) -> dict[str, Any]:
        """By the names that an arena has for them; targets beyond these states are one more."""
        names = ("first_stand", "stand_place", "processes", "first_edge", "target", "told")
        found: dict[str, Any] = {name: np.array(getattr(self, name), TYPES[name]) for name in names}
        np.minimum(found["target"], states, out=found["target"])
        return found


def arena_of(space: Space, claim: Claim | None, goal: Goal | None, give_up: Callable[[], object]) -> Arena:
    """The arena of a progress property, or of the first states when told to give up: ``keys`` has those.

    The others are then one state outside. Without a claim nothing is excused. Costs some 10 microseconds a
    move, or 50 nanoseconds if the search was compiled.
    """
    if isinstance(space, ArraySpace):
        return _gathered(space, claim, goal, give_up)
    program, engine = space.program, space.engine
    numbers = {key: i for i, key in enumerate(space.parents)}
    expanded, columns = space.states - len(space.frontier), _Columns()
    failed = 1 << len(program.claims) if program.failures() else 0
    outside, patience = bytearray(), time.monotonic() + PATIENCE
    for number, key in enumerate(numbers):
        if number % LOOK == 0 and time.monotonic() > patience and give_up():
            break
        outside.append(number >= expanded or bool(failed and engine.check(key) & failed))
        columns.add([] if outside[number] else engine.stands(key, goal), numbers)
    keys = list(islice(numbers, len(outside)))
    if len(keys) < space.states:
        outside.append(True)
        columns.add([], numbers)
    named = dict(zip((n for n, _ in claim.property.cost), claim.cost, strict=True)) if claim else {}
    return arena_from(
        space,
        goal,
        list(columns.spots),
        columns.tales,
        excused=_values(space, claim.unless if claim else None, keys, len(outside)),
        outside=np.array(outside, bool),
        expanded=min(expanded, len(keys)),
        costs={name: _values(space, cost, keys, len(outside)) for name, cost in named.items()},
        keys=keys,
        **columns.arrays(len(keys)),
    )


def _gathered(
    space: ArraySpace, claim: Claim | None, goal: Goal | None, give_up: Callable[[], object]
) -> Arena:
    """The same of a compiled search."""
    from racecheck.explore.moves import moves_of, values_of
    from racecheck.explore.store import Numbered

    moves = moves_of(space, goal, give_up)
    looked = len(moves.outside)
    rest = int(looked < space.states)
    np.minimum(moves.target, looked, out=moves.target)

    def values(expression: Graph | None) -> Ints:
        found = np.zeros(looked + rest, np.int64)
        if expression is not None:
            found[:looked] = values_of(space, expression, looked)
        return found

    named = dict(zip((n for n, _ in claim.property.cost), claim.cost, strict=True)) if claim else {}
    tales = [Tale(ways, told >> 2, bool(told & 1), bool(told & 2)) for ways, told in moves.tales]
    if goal is None:
        tales = [Tale(tale.ways) for tale in tales]
    return arena_from(
        space,
        goal,
        moves.spots,
        tales,
        excused=values(claim.unless if claim else None),
        outside=np.append(moves.outside, [True] * rest),
        expanded=min(space.expanded, looked),
        costs={name: values(cost) for name, cost in named.items()},
        keys=Numbered(space.arrays, range(looked)),
        first_stand=np.append(moves.first_stand, moves.first_stand[-1:].repeat(rest)),
        stand_place=moves.stand_place,
        processes=moves.processes,
        first_edge=moves.first_edge,
        target=moves.target,
        told=moves.told,
    )


def _values(space: Space, expression: Graph | None, keys: Sequence[Key], size: int) -> Ints:
    """The value of an expression in each state; 0 without one, and outside."""
    values = np.zeros(size, np.int64)
    if expression is not None:
        evaluate = space.engine.evaluator(expression)
        values[: len(keys)] = np.fromiter(map(evaluate, keys), np.int64, len(keys))
    return values

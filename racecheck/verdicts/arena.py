"""A searched space as arrays: what the questions about progress are asked of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from racecheck.errors import RacecheckError
from racecheck.explore.engine import Goal, Key, Spot
from racecheck.explore.search import Space
from racecheck.model import HOSTILE, KERNEL, VICTIM
from racecheck.semantics import Duty, attempt_begun, duty

Bools = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]
ROLES = (KERNEL, VICTIM, HOSTILE)
MOST = 2**30
"""States, stands or edges of an arena, at most: 32 bits number them, and states with a bit beside each."""


class GaveUp(Exception):
    """A limit was hit before the question was answered."""


class Tale(NamedTuple):
    """What a move says of its choices and of the goal, as ``Turn`` has it."""

    ways: int = 1
    heads: int = 0
    goal: bool = False
    renewed: bool = False


@define(eq=False, slots=False)
class Arena:
    """States, the places occupied in each ("stands"), and the moves from these ("edges").

    States are numbered as they were reached, from the initial one, 0; they were expanded in that order,
    the first ``expanded`` of them. ``outside`` are the others, and those behind a failed assert: they have
    no stands. Stands are sorted by state, and edges by stand: state s has the stands from
    ``first_stand[s]`` to before ``first_stand[s + 1]``, and stand i the edges from ``first_edge[i]`` to
    before ``first_edge[i + 1]``, perhaps none. Of a stand: ``stand_place``, the number of its place, and
    how many ``processes`` are there. Of an edge: the state that is its ``target``, and ``told``, the
    number of its tale in ``tales``. Of a place: its ``duty``, its ``role`` (a number in ROLES), and the
    engine's name for it in ``spots``. ``keys[s]`` is the engine's name for a state. ``begun`` tells whether
    an attempt is under way at the start.

    Costs 10 bytes a state, 10 a stand and 6 an edge, of the types in TYPES, and what each cost takes.
    """

    excused: Bools
    outside: Bools
    first_stand: Ints
    stand_place: Ints
    processes: Ints
    first_edge: Ints
    target: Ints
    told: Ints
    tales: Sequence[Tale]
    duty: Ints
    role: Ints
    event: Goal | None = None
    begun: bool = True
    expanded: int = MOST
    costs: dict[str, Ints] = field(factory=dict)
    spots: Sequence[Spot] = ()
    keys: Sequence[Key] = ()

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self.excused)

    @property
    def stands(self) -> int:
        """How many stands there are."""
        return len(self.stand_place)

    @cached_property
    def inside(self) -> Bools:
        """U: the states in which a block counts."""
        found: Bools = ~self.excused & ~self.outside
        return found

    def is_told(self, tells: Callable[[Tale], bool]) -> Bools:
        """Whether each edge's tale is one of these."""
        found: Bools = np.array([tells(tale) for tale in self.tales], bool)[self.told]
        return found

    @cached_property
    def goal(self) -> Bools:
        """Whether an edge comes to the goal."""
        return self.is_told(lambda tale: tale.goal)

    @cached_property
    def stand_state(self) -> Ints:
        """The state that a stand is in."""
        return np.repeat(np.arange(self.states, dtype=np.int32), np.diff(self.first_stand))

    @cached_property
    def hostile_stand(self) -> Bools:
        """Whether hostile processes stand there."""
        found: Bools = (self.role == ROLES.index(HOSTILE))[self.stand_place]
        return found

    @cached_property
    def hostile(self) -> Bools:
        """Whether an edge is a hostile move."""
        return np.repeat(self.hostile_stand, np.diff(self.first_edge))

    @cached_property
    def movable(self) -> Bools:
        """Whether a process can move from a stand."""
        found: Bools = self.first_edge[1:] > self.first_edge[:-1]
        return found

    @cached_property
    def flying(self) -> Bools:
        """Stands of hostile processes in the middle of an operation."""
        found: Bools = ((self.role == ROLES.index(HOSTILE)) & (self.duty < Duty.REST))[self.stand_place]
        return found

    @cached_property
    def flights(self) -> Ints:
        """For each state, how many hostile processes are in flight."""
        return np.bincount(self.stand_state[self.flying], self.processes[self.flying], self.states).astype(
            np.int32
        )

    # What the analyses below still ask for.
    @cached_property
    def edge_stand(self) -> Ints:
        """The stand that an edge starts from."""
        return np.repeat(np.arange(self.stands, dtype=np.int32), np.diff(self.first_edge))

    @cached_property
    def source(self) -> Ints:
        """The state that an edge starts from."""
        return self.stand_state[self.edge_stand]

    @cached_property
    def place(self) -> Ints:
        """The place that an edge steps from."""
        return self.stand_place[self.edge_stand]

    @cached_property
    def victims(self) -> Bools:
        """Whether an edge is a move of a victim."""
        found: Bools = (self.role == ROLES.index(VICTIM))[self.place]
        return found

    @cached_property
    def heads(self) -> Ints:
        """Of each edge."""
        return np.array([tale.heads for tale in self.tales], np.int64)[self.told]

    @cached_property
    def renewed(self) -> Bools:
        """Of each edge."""
        return self.is_told(lambda tale: tale.renewed)

    @cached_property
    def ways(self) -> Ints:
        """Of each edge."""
        return np.array([tale.ways for tale in self.tales], np.int64)[self.told]

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
        order: Ints = np.flatnonzero(edges)
        order = order[np.argsort(self.source[order], kind="stable")]
        first = np.searchsorted(self.source[order], np.arange(self.states + 1))
        found = start.copy()
        new: Ints = np.flatnonzero(start)
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


TYPES = {
    "excused": np.bool_,
    "outside": np.bool_,
    "first_stand": np.int32,
    "stand_place": np.int32,
    "processes": np.int16,
    "first_edge": np.int32,
    "target": np.int32,
    "told": np.uint16,
    "duty": np.int8,
    "role": np.int8,
}
"""Of the arrays of an arena, whose compiled code knows no others."""
SIZES = ("outside", "stand_place", "target")


def arena_from(
    space: Space, goal: Goal | None, spots: Sequence[Spot], tales: Iterable[Tale], **columns: Any
) -> Arena:
    """The arena of these columns, named as an arena has them; duties and roles are those of the places."""
    program, engine = space.program, space.engine
    if (most := max(len(columns[name]) for name in SIZES)) > MOST:
        raise RacecheckError(
            f"{most:,} states or moves are too many to decide progress or deadlock; at most {MOST:,}"
        )
    entries = [program.entries[entry] for entry, _ in spots]
    columns["duty"] = [
        duty(program, entry, engine.place(s)) for entry, s in zip(entries, spots, strict=True)
    ]
    columns["role"] = [ROLES.index(entry.process.role) for entry in entries]
    for name, kind in TYPES.items():
        columns[name] = np.asarray(columns[name], kind)
    begun = goal is not None and attempt_begun(program, goal.entry)
    return Arena(event=goal, begun=begun, spots=spots, tales=tuple(tales), **columns)

"""A searched space as arrays: what the questions about progress are asked of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from attrs import define, field

from racecheck.errors import RacecheckError
from racecheck.explore.engine import Goal, Key, Spot
from racecheck.explore.search import Space
from racecheck.model import HOSTILE, KERNEL, VICTIM
from racecheck.semantics import Duty, attempt_begun, duty
from racecheck.verdicts.walks import Bools, Flow, Ints, sources_of, sum_up

ROLES = (KERNEL, VICTIM, HOSTILE)
MOST = 2**30
"""States, stands or edges of an arena, at most: 32 bits number them, and states with a bit beside each."""


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
    give_up: Callable[[], object] = lambda: None
    """Asked now and then while a question is answered; if it is true, ``GaveUp`` is raised."""

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

    def edges_from(self, state: int) -> range:
        """The edges that start from a state."""
        low, high = self.first_edge[self.first_stand[state : state + 2]].tolist()
        return range(low, high)

    def place_of(self, edge: int) -> int:
        """The place that an edge steps from."""
        return int(self.stand_place[np.searchsorted(self.first_edge, np.int32(edge), "right") - 1])

    @cached_property
    def flow(self) -> Flow:
        """Who moves where."""
        nothing = np.zeros(1, np.uint8), np.zeros(1, np.bool_)
        return Flow(self.first_stand, self.first_edge, self.target, self.told, *nothing, 0)

    @cached_property
    def sources(self) -> tuple[Ints, Ints]:
        """The sources of the edges into each state, and where those of a state begin."""
        return sources_of(self.flow)

    @cached_property
    def is_hostile(self) -> Bools:
        """Whether the processes at this place are hostile."""
        found: Bools = self.role == ROLES.index(HOSTILE)
        return found

    @cached_property
    def is_flying(self) -> Bools:
        """Whether a hostile process at this place is in the middle of an operation."""
        return self.is_hostile & (self.duty < Duty.REST)

    @cached_property
    def hostile(self) -> Bools:
        """Whether an edge is a hostile move."""
        return np.repeat(self.is_hostile[self.stand_place], np.diff(self.first_edge))

    @cached_property
    def flights(self) -> Ints:
        """For each state, how many hostile processes are in flight."""
        found = np.zeros(self.states, np.int16)
        sum_up(self.first_stand, self.stand_place, self.processes, self.is_flying, found)
        return found


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
    arena = Arena(event=goal, begun=begun, spots=spots, tales=tuple(tales), **columns)
    _check(arena)
    return arena


def _check(arena: Arena) -> None:
    """Compiled code does not look whether a number is too great: it would read, and write, elsewhere."""
    for numbers, size in (
        (arena.target, arena.states),
        (arena.told, len(arena.tales)),
        (arena.stand_place, len(arena.spots)),
    ):
        assert not numbers.size or 0 <= numbers.min() <= numbers.max() < size, (numbers, size)
    for first, owners, size in (
        (arena.first_stand, arena.states, arena.stands),
        (arena.first_edge, arena.stands, len(arena.target)),
    ):
        assert (len(first), first[0], first[-1]) == (owners + 1, 0, size), (first, owners, size)

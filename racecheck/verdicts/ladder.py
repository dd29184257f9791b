"""The ladder of progress: the least that an attacker needs, as sets of states from which it blocks.

Each set is the greatest of its kind within the states given, so it grows with them. Costs a few passes
over the edges; numbers of passes grow with the length of the longest way out of a set.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from racecheck.model import RUNGS
from racecheck.semantics import Duty
from racecheck.verdicts.arena import Arena, Bools, Ints

NEVER, BY_RACING, BY_STRATEGY, AT_REST = RUNGS
LADDER = (AT_REST, BY_STRATEGY, BY_RACING)
"""From the worst rung on; what is on none of them is "never"."""


def closed(arena: Arena, within: Bools, *, plays: bool = False) -> Bools:
    """The greatest set that no move of victim or kernel leaves, and in which none comes to the goal.

    With ``plays`` each hostile process in flight that can move has a move that stays, as well.
    """
    alive = within.copy()
    forced = ~arena.hostile
    staying = np.bincount(arena.edge_stand[alive[arena.target]], minlength=len(arena.movable))
    must_play = arena.flying & arena.movable & plays
    lost = alive & False
    lost[arena.source[forced & (arena.goal | ~alive[arena.target])]] = True
    lost[arena.stand_state[must_play & (staying == 0)]] = True
    new = np.flatnonzero(lost & alive)
    while new.size:
        alive[new] = False
        into = arena.edges_into(new)
        gone = arena.source[into[forced[into]]]
        played = arena.edge_stand[into[~forced[into]]]
        np.subtract.at(staying, played, 1)
        played = played[must_play[played] & (staying[played] == 0)]
        new = np.unique(np.concatenate([gone, arena.stand_state[played]]))
        new = new[alive[new]]
    return alive


def at_rest(arena: Arena, within: Bools) -> Bools:
    """R: no hostile process can move but from a rest, whatever victim and kernel do."""
    still = within.copy()
    still[arena.stand_state[arena.flying & arena.movable]] = False
    return closed(arena, still)


def by_strategy(arena: Arena, within: Bools) -> Bools:
    """X: whoever moves, the attacker has a move that stays."""
    return closed(arena, within, plays=True)


def by_racing(arena: Arena, within: Bools) -> Bools:
    """The union of the fair cycles that never come to the goal."""
    return fair_parts(arena, within, ~arena.goal) >= 0


SETS: dict[str, Callable[[Arena, Bools], Bools]] = {
    AT_REST: at_rest,
    BY_STRATEGY: by_strategy,
    BY_RACING: by_racing,
}


def worst_rung(arena: Arena, within: Bools) -> tuple[str, Bools]:
    """The worst rung that is not empty, and its set; "never" and no states if all are."""
    for rung in LADDER:
        if (found := SETS[rung](arena, within)).any():
            return rung, found
    return NEVER, np.zeros(arena.states, bool)


def strong_parts(arena: Arena, edges: Bools) -> Ints:
    """For each state, the number of its strongly connected part under these edges."""
    ends = arena.source[edges], arena.target[edges]
    matrix = csr_array((np.ones(len(ends[0]), np.int8), ends), shape=(arena.states, arena.states))
    parts: Ints = connected_components(matrix, connection="strong")[1].astype(np.int64)
    return parts


def fair_parts(arena: Arena, within: Bools, edges: Bools) -> Ints:
    """For each state the number of the greatest fair part it is in, or -1.

    A part is strongly connected by the edges, and has one. It is fair when every place that is occupied in
    it and owes a move is stepped from in it. A place that is not stepped from is occupied in all of the
    part, by the same number of processes; only at a Lock can a smaller part do: one in which that lock is
    never free.
    """
    alive = within.copy()
    while True:
        inner = edges & alive[arena.source] & alive[arena.target]
        parts = strong_parts(arena, inner)
        inner &= parts[arena.source] == parts[arena.target]
        cyclic = np.zeros(arena.states, bool)
        cyclic[parts[arena.source[inner]]] = True
        keep = alive & cyclic[parts]
        keep &= ~_unfair(arena, parts, inner, keep)
        if (keep == alive).all():
            return np.where(alive, parts, -1)
        alive = keep


def _unfair(arena: Arena, parts: Ints, inner: Bools, alive: Bools) -> Bools:
    """The states that cannot be in a fair part: all of a part's, or those where a lock is free."""
    duties = arena.duty[arena.stand_place]
    stands = np.flatnonzero(alive[arena.stand_state] & (duties < Duty.REST))
    width = len(arena.duty)
    stepped = np.unique(parts[arena.source[inner]] * width + arena.place[inner])
    pairs = parts[arena.stand_state[stands]] * width + arena.stand_place[stands]
    waiting = ~np.isin(pairs, stepped)
    stands, pairs = stands[waiting], pairs[waiting]
    duties, movable = duties[stands], arena.movable[stands]
    unfair = np.zeros(arena.states, bool)
    unfair[arena.stand_state[stands[(duties == Duty.LOCK) & movable]]] = True
    missed = np.unique(pairs[~movable])  # a wait_until that is false now and then may be passed over
    owing = (duties == Duty.STEP) | ((duties != Duty.LOCK) & ~np.isin(pairs, missed))
    rejected = np.zeros(arena.states, bool)
    rejected[pairs[owing] // width] = True
    return unfair | rejected[parts]

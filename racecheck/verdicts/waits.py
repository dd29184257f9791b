"""Places at which a process waits for ever: by one pass over the parts of an arena."""

from __future__ import annotations

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
import numpy as np

from racecheck.kernels import kernel
from racecheck.verdicts.arena import Arena
from racecheck.verdicts.parts import REST, strong_parts
from racecheck.verdicts.walks import Bools, Flow, GaveUp, Ints

LOT = 63
"""Places that are looked at together: a bit each."""


def first_stuck(arena: Arena) -> tuple[int, list[int]] | None:
    """The first state with a process at a place that can never be left, and these places; None if none.

    None, too, when told to give up. Costs a look at each edge for every 63 places that wait.
    """
    try:
        stuck = _stuck(arena)
    except GaveUp:
        return None
    first = min((state for state, _ in stuck), default=-1)
    places = [place for state, places in stuck if state == first for place in places]
    return (first, places) if stuck else None


def _stuck(arena: Arena) -> list[tuple[int, list[int]]]:
    """For each lot of places, the first state in which one can never be left, and which these are."""
    waits = np.zeros(len(arena.duty), np.bool_)
    find_waits(arena.flow, arena.stand_place, arena.duty, waits)
    places = np.flatnonzero(waits)
    if not places.size:
        return []
    everything = np.ones(arena.states, np.bool_), np.ones(len(arena.target), np.bool_)
    parts = strong_parts(arena.flow, *everything, arena.give_up)
    found, left = [], np.empty(arena.states, np.int64)
    for start in range(0, len(places), LOT):
        lot = places[start : start + LOT]
        bit = np.zeros(len(waits), np.int64)
        bit[lot] = 1 << np.arange(len(lot))
        find_left(arena.flow, arena.stand_place, bit, arena.expanded, *parts, left)
        state, stuck = find_kept(arena.first_stand, arena.stand_place, bit, left)
        if stuck:
            found.append((state, [int(place) for place in lot if bit[place] & stuck]))
        if arena.give_up():
            raise GaveUp
    return found


@kernel
def find_waits(flow: Flow, place: Ints, duty: Ints, waits: Bools) -> None:
    """Find the places that owe a move, and that a process cannot leave in some state."""
    for stand in range(len(place)):
        if duty[place[stand]] < REST and flow.first_edge[stand] == flow.first_edge[stand + 1]:
            waits[place[stand]] = True


@kernel
def find_left(
    flow: Flow, place: Ints, bit: Ints, expanded: int, part: Ints, order: Ints, left: Ints
) -> None:
    """Write for each state the bits of the places that are left in some state which can follow.

    All bits where a state was not expanded. Parts come in ``order`` after those that they lead to.
    """
    start = 0
    while start < len(order):
        name, bits, end = part[order[start]], 0, start
        while end < len(order) and part[order[end]] == name:
            state = order[end]
            if state >= expanded:
                bits = -1
            for stand in range(flow.first_stand[state], flow.first_stand[state + 1]):
                for edge in range(flow.first_edge[stand], flow.first_edge[stand + 1]):
                    bits |= bit[place[stand]]
                    if part[flow.target[edge]] != name:
                        bits |= left[flow.target[edge]]
            end += 1
        for i in range(start, end):
            left[order[i]] = bits
        start = end


@kernel
def find_kept(first_stand: Ints, place: Ints, bit: Ints, left: Ints) -> tuple[int, int]:
    """The first state with a place that is never left, and the bits of such places."""
    for state in range(len(left)):
        kept = 0
        for stand in range(first_stand[state], first_stand[state + 1]):
            kept |= bit[place[stand]] & ~left[state]
        if kept:
            return state, kept
    return 0, 0

"""Deadlock: a process that waits and that no continuation ever moves."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from racecheck.explore.engine import Key, Spot, can_wait
from racecheck.explore.search import Space


@frozen
class Stuck:
    """A state, and the places in it that nothing that can follow ever frees."""

    key: Key
    spots: frozenset[Spot]


def find_stuck(space: Space, give_up: Callable[[], object] = lambda: None) -> Stuck | None:
    """The first state in which some process waits at a place that it can never leave; None if none.

    A place is freed by any reachable state with a step out of it; states that were not expanded count as
    able to free every place. A state behind a failed assert is not stuck itself, and frees nothing.
    ``give_up`` is asked now and then whether to give up. Costs an arena, and a look at each edge for every
    63 places that wait.
    """
    if not can_wait(space.program):
        return None
    from racecheck.verdicts.filling import arena_of
    from racecheck.verdicts.waits import first_stuck

    arena = arena_of(space, None, None, give_up)
    arena.give_up = give_up
    found = first_stuck(arena)
    return found and Stuck(arena.keys[found[0]], frozenset(arena.spots[place] for place in found[1]))

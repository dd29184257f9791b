"""The ladder of progress: the least that an attacker needs, as sets of states from which it blocks.

Each set is the greatest of its kind within the states given, so it grows with them. Costs a few looks at
each edge.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from racecheck.model import RUNGS
from racecheck.verdicts.arena import Arena
from racecheck.verdicts.parts import fair_parts
from racecheck.verdicts.walks import FORCED, FREE, PLAYS, STILL, Bools, in_parts, look_over, peel

NEVER, BY_RACING, BY_STRATEGY, AT_REST = RUNGS
LADDER = (AT_REST, BY_STRATEGY, BY_RACING)
"""From the worst rung on; what is on none of them is "never"."""


def closed(arena: Arena, within: Bools, flying: int = FREE, *, past_goals: bool = False) -> Bools:
    """The greatest set that no move of victim or kernel leaves, and in which none comes to the goal.

    ``flying`` is the rule for hostile processes in flight; those that rest may do so. The block goes on
    ``past_goals`` or not.
    """
    rule = np.full(len(arena.role), FORCED, np.uint8)
    rule[arena.is_hostile] = FREE
    rule[arena.is_flying] = flying
    goal = np.array([tale.goal and not past_goals for tale in arena.tales], bool)
    rules = arena.flow, arena.stand_place, rule, goal
    alive, lost, at = within.copy(), np.empty(arena.states, np.int32), np.zeros(2, np.int64)
    in_parts(look_over, arena.give_up, *rules, alive, lost, at)
    in_parts(peel, arena.give_up, *rules, *arena.sources, alive, lost, at)
    return alive


def at_rest(arena: Arena, within: Bools) -> Bools:
    """R: no hostile process can move but from a rest, whatever victim and kernel do."""
    return closed(arena, within, STILL)


def by_strategy(arena: Arena, within: Bools) -> Bools:
    """X: whoever moves, the attacker has a move that stays."""
    return closed(arena, within, PLAYS)


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

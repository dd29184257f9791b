"""Progress: what an attacker needs to keep the victim from its goal for ever."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from attrs import evolve

from racecheck.explore.engine import Key
from racecheck.explore.search import Space
from racecheck.verdicts.answer import (
    AFTER_GOAL,
    COMES_AND_GOES,
    GAVE_UP,
    NO_ATTACKER,
    NO_GOAL,
    PART,
    STALL_ADDS_NOTHING,
    UNKNOWN,
    VICTIM_EXCUSES,
    Cheapest,
    Progress,
)
from racecheck.verdicts.arena import Arena, Bools, GaveUp
from racecheck.verdicts.attempts import attempts_needed, excuse_comes_and_goes, in_attempts
from racecheck.verdicts.chance import block_probability, expected_attempts
from racecheck.verdicts.filling import arena_of
from racecheck.verdicts.ladder import (
    AT_REST,
    BY_RACING,
    NEVER,
    SETS,
    by_strategy,
    closed,
    fair_parts,
    worst_rung,
)
from racecheck.verdicts.lasso import lasso_into
from racecheck.verdicts.witness import Lasso, fault, goal_of


def decide(space: Space, number: int, doubt: str, give_up: Callable[[], object]) -> Progress:
    """Climb the ladder for claim ``number``; with a ``doubt`` about the search nothing good is claimed."""
    claim = space.program.claims[number]
    goal = goal_of(space.program, claim)
    arena = arena_of(space, claim, goal, give_up)
    if len(arena.keys) < space.states:
        doubt = doubt or "the time is up"
    rung, block = worst_rung(arena, arena.inside)
    costs = {name: _cheapest(space, arena, rung, name) for name in arena.costs if rung != NEVER}
    found = Progress(
        rung if rung != NEVER or not doubt else None,
        at_least=bool(doubt) and rung != AT_REST,
        stall=stall(arena),
        costs=costs,
        tried_while_excused=bool((arena.goal & arena.excused[arena.source]).any()),
    )
    notes = _notes(arena, found, bool(doubt))
    if len(arena.keys) < space.states:
        notes.append(PART.format(len(arena.keys)))
    found = evolve(found, notes=tuple(notes))
    found = _counted(arena, found, bool(doubt), give_up)
    if rung == NEVER:
        return found
    if costs:
        name, cost = next(iter(costs.items()))
        block = SETS[rung](arena, arena.inside & (arena.costs[name] <= cost.least))
    lasso = _shown(space, arena, number, rung, block)
    if any(move.entry == goal.entry and goal.event in move.outcome.events for move in lasso.way().moves):
        found = evolve(found, notes=(*found.notes, AFTER_GOAL))
    return evolve(found, way=len(_way(space, arena, block)) - 1, lasso=lasso)


def _cheapest(space: Space, arena: Arena, rung: str, name: str) -> Cheapest:
    """By bisection: the sets grow with the states that they may use."""
    cost = arena.costs[name]
    values = np.unique(cost[arena.inside])
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if SETS[rung](arena, arena.inside & (cost <= values[middle])).any():
            high = middle
        else:
            low = middle + 1
    block = SETS[rung](arena, arena.inside & (cost <= values[low]))
    way = _way(space, arena, block)
    on_way = np.fromiter((key in way for key in arena.keys), bool, len(arena.keys))
    return Cheapest(int(values[low]), len(way) - 1, int(cost[: len(on_way)][on_way].max()))


def _way(space: Space, arena: Arena, block: Bools) -> set[Key]:
    """The states of a shortest way into the block."""
    return set(space.path(arena.keys[int(np.flatnonzero(block)[0])]))


def stall(arena: Arena) -> int | None:
    """The least number of hostile processes that block by standing still in flight; None if none do."""
    frozen_for_ever = closed(arena, arena.inside) & (arena.flights > 0)
    return int(arena.flights[frozen_for_ever].min()) if frozen_for_ever.any() else None


def needs_no_attacker(arena: Arena, rung: str) -> bool:
    """Whether the rung is found among states reached, and blocks made, without any hostile step."""
    start = np.arange(arena.states) == 0
    within = arena.inside & arena.reached(start, ~arena.hostile)
    if rung == BY_RACING:
        return bool((fair_parts(arena, within, ~arena.goal & ~arena.hostile) >= 0).any())
    return rung != NEVER and bool(SETS[AT_REST](arena, within).any())


def _notes(arena: Arena, found: Progress, doubt: bool) -> list[str]:
    victim_excuses = arena.victims & ~arena.excused[arena.source] & arena.excused[arena.target]
    notes = {
        NO_ATTACKER: found.rung is not None and needs_no_attacker(arena, found.rung),
        COMES_AND_GOES: excuse_comes_and_goes(arena),
        VICTIM_EXCUSES: victim_excuses.any(),
        NO_GOAL: not doubt and not arena.goal.any(),
        STALL_ADDS_NOTHING: found.stall is not None and found.rung == AT_REST,
    }
    return [note for note, applies in notes.items() if applies]


def _counted(arena: Arena, found: Progress, doubt: bool, give_up: Callable[[], object]) -> Progress:
    """Attempts and chance: of a complete search only."""
    if doubt:
        return evolve(found, notes=(*found.notes, UNKNOWN))
    plan, counting = by_strategy(arena, arena.inside), in_attempts(arena)
    try:
        probability = block_probability(arena, plan, give_up) if plan.any() else 0.0
        expected = None if plan.any() else expected_attempts(counting, give_up)
    except GaveUp:
        return evolve(found, notes=(*found.notes, GAVE_UP))
    return evolve(
        found,
        attempts=attempts_needed(counting),
        block_probability=probability,
        expected_attempts=expected,
    )


def _shown(space: Space, arena: Arena, number: int, rung: str, block: Bools) -> Lasso:
    """A lasso into the block, which the reference semantics has checked."""
    lasso = lasso_into(space, arena, rung, block)
    wrong = fault(space.program, space.program.claims[number], lasso, rung)
    if wrong:
        raise AssertionError(f"a lasso that is not one: {wrong}")
    return lasso

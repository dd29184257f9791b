"""Progress: what an attacker needs to keep the victim from its goal for ever."""

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from attrs import evolve, frozen

from racecheck.compiler.program import Claim
from racecheck.explore.engine import Key, goal_of
from racecheck.explore.search import Space
from racecheck.kernels import kernel
from racecheck.model import VICTIM
from racecheck.verdicts.answer import (
    AFTER_GOAL,
    BESIDE_GAVE_UP,
    COMES_AND_GOES,
    COSTS_GAVE_UP,
    GAVE_UP,
    NO_ATTACKER,
    NO_GOAL,
    NOT_ASKED,
    PART,
    RUNG_GAVE_UP,
    STALL_ADDS_NOTHING,
    UNKNOWN,
    VICTIM_EXCUSES,
    Cheapest,
    Progress,
)
from racecheck.verdicts.arena import ROLES, Arena
from racecheck.verdicts.attempts import attempts_needed, excuse_comes_and_goes, in_attempts
from racecheck.verdicts.chance import block_probability, expected_attempts
from racecheck.verdicts.filling import PATIENCE, arena_of
from racecheck.verdicts.ladder import (
    AT_REST,
    BY_RACING,
    BY_STRATEGY,
    NEVER,
    SETS,
    by_strategy,
    closed,
    worst_rung,
)
from racecheck.verdicts.lasso import lasso_into
from racecheck.verdicts.parts import fair_parts
from racecheck.verdicts.walks import Bools, Flow, GaveUp, Ints, reached
from racecheck.verdicts.witness import fault

ANSWER = 1e-7
"""Seconds an edge for which the ladder is climbed even if the time is up: some twice what it takes."""


@frozen
class _Case:
    """What the questions beside the rung are about: the rung, and all that blocks on it."""

    space: Space
    arena: Arena
    claim: Claim
    rung: str
    block: Bools
    doubt: bool
    give_up: Callable[[], object]


def decide(
    space: Space, number: int, doubt: str, give_up: Callable[[], object], beside: bool = True
) -> Progress:
    """Climb the ladder for claim ``number``; with a ``doubt`` about the search nothing good is claimed.

    When the time is up, the answers that are there by then are given, and notes say which are not. Without
    ``beside`` nothing but the rung, its costs and its lasso is asked for.
    """
    claim = space.program.claims[number]
    arena = arena_of(space, claim, goal_of(space.program, claim), give_up)
    looked_at = len(arena.keys)
    if looked_at < space.states:
        doubt = doubt or "the time is up"
    arena.give_up = _patient(give_up, PATIENCE + len(arena.target) * ANSWER)
    try:
        rung, block = worst_rung(arena, arena.inside)
    except GaveUp:
        return Progress(None, at_least=True, notes=(RUNG_GAVE_UP,))
    found = Progress(rung if rung != NEVER or not doubt else None, at_least=bool(doubt) and rung != AT_REST)
    case = _Case(space, arena, claim, rung, block, bool(doubt), give_up)
    for question, no_answer in (QUESTIONS if beside else FEWER).items():
        try:
            found = question(case, found)
        except GaveUp:
            found = _noted(found, no_answer)
    if looked_at < space.states:
        found = _noted(found, PART.format(looked_at))
    return found if rung == NEVER else _shown(case, found)


def _patient(give_up: Callable[[], object], seconds: float) -> Callable[[], object]:
    """Gives up when it is told to, but not for so many seconds."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end and give_up()


def _noted(found: Progress, *notes: str) -> Progress:
    return evolve(found, notes=(*found.notes, *notes))


def _costs(case: _Case, found: Progress) -> Progress:
    names = [name for name in case.arena.costs if case.rung != NEVER]
    return evolve(found, costs={name: _cheapest(case, name) for name in names})


def _cheapest(case: _Case, name: str) -> Cheapest:
    number = list(case.arena.costs).index(name)
    least, block = least_block(case.arena, case.rung, case.block, case.arena.costs[name])
    way = _way(case, block)
    evaluate = case.space.engine.evaluator(case.claim.cost[number])
    return Cheapest(least, len(way) - 1, max(map(evaluate, way)))


def least_block(arena: Arena, rung: str, block: Bools, cost: Ints) -> tuple[int, Bools]:
    """The least cost for which there is a block, and that, within a known one.

    By bisection: the sets grow with the states that they may use, so that each is in the last one found.
    """
    low, high = int(cost[block].min()), int(cost[block].max())
    while low < high:
        middle = (low + high) // 2
        smaller = SETS[rung](arena, block & (cost <= middle))
        if smaller.any():
            block, high = smaller, int(cost[smaller].max())
        else:
            low = middle + 1
    return high, block


def _way(case: _Case, block: Bools) -> list[Key]:
    """The states of a shortest way into the block."""
    return case.space.path(case.arena.keys[int(block.argmax())])


def stall(arena: Arena) -> int | None:
    """The least number of hostile processes that block by standing still in flight; None if none do."""
    frozen_for_ever = closed(arena, arena.inside) & (arena.flights > 0)
    return int(arena.flights[frozen_for_ever].min()) if frozen_for_ever.any() else None


def needs_no_attacker(arena: Arena, rung: str) -> bool:
    """Whether the rung is found among states reached, and blocks made, without any hostile step."""
    if rung == NEVER:
        return False
    within = arena.inside & reached(arena.flow, ~arena.hostile, 0, arena.give_up)
    if rung == BY_RACING:
        return bool((fair_parts(arena, within, ~arena.goal & ~arena.hostile) >= 0).any())
    return bool(SETS[AT_REST](arena, within).any())


def _beside(case: _Case, found: Progress) -> Progress:
    """What is said beside the rung."""
    arena = case.arena
    still, (tried, excuses) = stall(arena), excused_moves(arena)
    notes = {
        NO_ATTACKER: found.rung is not None and needs_no_attacker(arena, found.rung),
        COMES_AND_GOES: excuse_comes_and_goes(arena),
        VICTIM_EXCUSES: excuses,
        NO_GOAL: not case.doubt and not arena.goal.any(),
        STALL_ADDS_NOTHING: still is not None and found.rung == AT_REST,
    }
    found = _noted(found, *(note for note, applies in notes.items() if applies))
    return evolve(found, stall=still, tried_while_excused=tried)


def excused_moves(arena: Arena) -> tuple[bool, bool]:
    """Whether a goal is come to from an excused state, and whether a victim's step makes one."""
    found = np.zeros(2, np.bool_)
    if arena.excused.any():
        victim = arena.role == ROLES.index(VICTIM)
        look_for_excuses(arena.flow, arena.stand_place, victim, arena.goal, arena.excused, found)
    return bool(found[0]), bool(found[1])


@kernel
def look_for_excuses(
    flow: Flow, place: Ints, victim: Bools, goal: Bools, excused: Bools, found: Bools
) -> None:
    """Look for what ``excused_moves`` tells of."""
    for state in range(len(excused)):
        for stand in range(flow.first_stand[state], flow.first_stand[state + 1]):
            for edge in range(flow.first_edge[stand], flow.first_edge[stand + 1]):
                if excused[state]:
                    found[0] |= goal[edge]
                elif victim[place[stand]] and excused[flow.target[edge]]:
                    found[1] = True


def _counted(case: _Case, found: Progress) -> Progress:
    """Attempts and chance: of a complete search only, and only as long as there is time."""
    if case.doubt:
        return _noted(found, UNKNOWN)
    case.arena.give_up = case.give_up
    blocked = case.rung in (AT_REST, BY_STRATEGY)
    watched = in_attempts(case.arena)
    plan = by_strategy(case.arena, case.arena.inside) if blocked else case.block
    return evolve(
        found,
        attempts=attempts_needed(watched),
        block_probability=block_probability(case.arena, plan) if blocked else 0.0,
        expected_attempts=None if blocked else expected_attempts(watched),
    )


def _not_asked(_: _Case, found: Progress) -> Progress:
    return _noted(found, NOT_ASKED)


QUESTIONS = {_costs: COSTS_GAVE_UP, _beside: BESIDE_GAVE_UP, _counted: GAVE_UP}
"""What is asked beside the rung, and what is said where there is no time for it."""
FEWER = {_costs: COSTS_GAVE_UP, _not_asked: NOT_ASKED}
"""The same where only the costs are asked for; the rest takes most of the time."""


def _shown(case: _Case, found: Progress) -> Progress:
    """With a lasso into the cheapest block, which the reference semantics has checked."""
    space, arena, claim, block = case.space, case.arena, case.claim, case.block
    arena.give_up = lambda: None  # a rung is never claimed without it
    if found.costs:
        name, cost = next(iter(found.costs.items()))
        block = SETS[case.rung](arena, block & (arena.costs[name] <= cost.least))
    lasso = lasso_into(space, arena, case.rung, block)
    wrong = fault(space.program, claim, lasso, case.rung)
    if wrong:
        raise AssertionError(f"a lasso that is not one: {wrong}")
    goal = goal_of(space.program, claim)
    if any(move.entry == goal.entry and goal.event in move.outcome.events for move in lasso.way().moves):
        found = _noted(found, AFTER_GOAL)
    return evolve(found, way=len(_way(case, block)) - 1, lasso=lasso)

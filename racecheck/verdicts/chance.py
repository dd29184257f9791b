"""Chance: what the attacker can win at most under a random scheduler. See ``racecheck.verdicts.game``."""

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
from __future__ import annotations

import numpy as np

from racecheck import kernels
from racecheck.verdicts.arena import Arena
from racecheck.verdicts.attempts import Watched, heads_of
from racecheck.verdicts.game import Floats, Game
from racecheck.verdicts.ladder import closed
from racecheck.verdicts.policies import Moves
from racecheck.verdicts.rounds import settle
from racecheck.verdicts.walks import PLAYS, Bools, GaveUp, Ints

FAR = np.iinfo(np.int32).max
SOLVED = 20_000_000
"""Edges of a game that is solved by policies, at most: it takes 6 GB."""


def expected_attempts(watched: Watched) -> float:
    """The expected number of attempts, the last one counted, from the worst quiet state in U.

    Only for an empty X: then every attacker loses, and the number is finite. The run ends at the goal or
    on leaving U.
    """
    arena, inside = watched.arena, watched.inside
    game = Game(arena, watched.flow, inside, np.zeros(len(inside)), heads_of(arena), arena.goal)
    values = _settled(game)
    if values is None:
        moves = Moves(game)
        values = moves.best(moves.idle())
    return 1 + float(values[watched.quiet].max(initial=0))


def block_probability(arena: Arena, block: Bools) -> float:
    """The highest probability, over attackers, of ever coming to the block from the initial state."""
    sure = _surely(arena, block)
    if sure[0]:
        return 1.0
    far = _distances(arena, sure, np.ones(arena.states, np.bool_))
    if far[0] == FAR:
        return 0.0
    nothing = np.zeros(len(arena.tales), np.int32), np.zeros(len(arena.target), np.bool_)
    game = Game(arena, arena.flow, (far < FAR) & ~sure, sure.astype(np.float64), *nothing)
    values = _settled(game)
    if values is None:
        moves = Moves(game)
        values = moves.best(moves.nearest(far))
    return float(values[0])


def _settled(game: Game) -> Floats | None:
    """The values of a large game, if they settle; a small one is sooner solved by policies."""
    values = settle(game) if len(game.stop) >= kernels.FEW else None
    if values is None and len(game.stop) > SOLVED:
        raise GaveUp
    return values


def _surely(arena: Arena, block: Bools) -> Bools:
    """The states from which some attacker comes to the block with probability 1.

    Where it can stay for ever, each step of the way to it has a chance.
    """
    sure = np.ones(arena.states, np.bool_)
    while True:
        stays = closed(arena, sure, PLAYS, past_goals=True)
        found = _distances(arena, block, stays) < FAR
        if (found == sure).all():
            return sure
        sure = found


def _distances(arena: Arena, block: Bools, through: Bools) -> Ints:
    """The least number of moves to the block, by way of the states given; FAR if there is no way."""
    distances = np.where(block, np.int32(0), np.int32(FAR))
    todo = np.empty(arena.states, np.int32)
    size = int(block.sum())
    todo[:size] = np.flatnonzero(block)
    retrace(*arena.sources, through, distances, todo, size)
    return distances


@kernels.kernel
def retrace(into: Ints, first: Ints, through: Bools, distances: Ints, todo: Ints, size: int) -> None:
    """Go back from the first ``size`` states of ``todo``, the nearest first, and write how far each is."""
    done = 0
    while done < size:
        here = todo[done]
        done += 1
        for i in range(first[here], first[here + 1]):
            state = into[i]
            if through[state] and distances[state] == FAR:
                distances[state] = distances[here] + 1
                todo[size] = state
                size += 1

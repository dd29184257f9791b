"""Rounds over the nodes of a game until their values settle."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from racecheck.semantics import Duty
from racecheck.verdicts.game import IS_HOSTILE, RESTS, Floats, Game, go_round, room, write
from racecheck.verdicts.walks import GaveUp, Ints

ERROR = 1e-10
"""Of the values, relative, when they count as settled."""
ROUNDING = 1e-14
"""A change that is none, relative to the values."""
WINDOW = 10
"""Rounds from which the rate of convergence is told."""
PATIENCE, ROUNDS = 500, 5000
"""After so many rounds the values settle too slowly if they seem to take so many more."""


def settle(game: Game) -> Floats | None:
    """The values under the best policy, from below; None where they settle too slowly.

    The error is estimated by the rate at which the changes fall. Costs 12 bytes an edge, and 28 a node.
    """
    values, rows = game.settled.copy(), _written(game)
    most = int(np.diff(game.arena.first_stand).max(initial=0))
    scratch, changes = (np.zeros(most), np.zeros(most)), deque([math.inf], WINDOW)
    rounds = 0
    while True:
        at, change = np.array([len(rows[0])]), 0.0
        while at[0] > 0:
            change = max(change, go_round(*rows, values, *scratch, at))
            if game.arena.give_up():
                raise GaveUp
        changes.append(change)
        rounds += 1
        rate = _rate(changes)
        enough = max(ERROR * (1 - rate), ROUNDING) * max(1.0, float(values.max(initial=0)))
        if change <= enough:
            return values
        if rounds > PATIENCE and math.log(enough / change) < ROUNDS * math.log(rate):
            return None


def _rate(changes: deque[float]) -> float:
    """By how much the changes fall in a round; 1 while that is not known."""
    if len(changes) < WINDOW or not math.isfinite(changes[0]):
        return 1.0
    fall = changes[-1] / changes[0] if changes[0] else 0.0
    return float(min(1.0, fall ** (1 / (WINDOW - 1))))


def _written(game: Game) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """The nodes, and what they are worth, as ``write`` has it."""
    arena, size, entries = game.arena, int(game.open.sum()), room(game.flow, game.open)
    kind = (arena.duty == Duty.REST) * RESTS + arena.is_hostile * IS_HOSTILE
    share = np.array([1 / tale.ways for tale in arena.tales])
    rows = (
        np.empty(size, np.int32),
        np.zeros(size + 1, np.int64),
        np.empty(entries, np.int32),
        np.empty(entries),
        np.empty(size),
    )
    columns = arena.stand_place, kind.astype(np.uint8), arena.processes, share, game.heads
    write(game.flow, *columns, game.stop, game.open, *rows)
    return rows

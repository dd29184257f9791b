"""The attacker as the player of a Markov decision process, and rounds over it until the values settle.

A move is worth its reward, and the value of where it leads unless the run stops with it. At each moment
one of the processes that can move, or rest, is drawn uniformly. A hostile one takes the move that is best
for the attacker, or stays at its rest; others draw each choice uniformly.
"""

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from racecheck.kernels import kernel
from racecheck.semantics import Duty
from racecheck.verdicts.arena import Arena
from racecheck.verdicts.walks import BATCH, Bools, Flow, GaveUp, Ints, follow

Floats = NDArray[np.float64]
RESTS, IS_HOSTILE = 1, 2
"""Bits of a place in ``play``."""
ERROR = 1e-10
"""Of the values, relative, when they count as settled."""
WINDOW = 10
"""Rounds from which the rate of convergence is told."""
ROUNDS = 3000
"""To be expected, at most: else the values settle too slowly."""


@frozen
class Game:
    """``open`` are the nodes whose value is asked for, and ``settled`` has the value of every other.

    A reward is paid for each attempt that fails, where there are attempts; ``stop`` are the edges that
    end the run.
    """

    arena: Arena
    flow: Flow
    open: Bools
    settled: Floats
    heads: Ints
    stop: Bools


def settle(game: Game) -> Floats | None:
    """The values under the best policy, by rounds from below; None where they settle too slowly.

    The error is estimated by the slowest rate of the last rounds.
    """
    arena, values, changes = game.arena, game.settled.copy(), deque([np.inf], WINDOW)
    kind = (arena.duty == Duty.REST) * RESTS + arena.is_hostile * IS_HOSTILE
    share = np.array([1 / tale.ways for tale in arena.tales])
    most = int(np.diff(arena.first_stand).max(initial=0))
    columns = arena.stand_place, kind.astype(np.uint8), arena.processes, share, game.heads, game.stop
    scratch = np.zeros(most), np.zeros(most)
    while True:
        at, change = np.array([len(values)]), 0.0
        while at[0] > 0:
            change = max(change, play(game.flow, *columns, game.open, values, *scratch, at))
            if arena.give_up():
                raise GaveUp
        rate = _rate(changes, change)
        changes.append(change)
        enough = ERROR * (1 - rate) / max(rate, ERROR) * max(1.0, float(values.max(initial=0)))
        if change <= enough:
            return values
        if rate < 1 and np.log(enough / change) / np.log(rate) > ROUNDS:
            return None


def _rate(changes: deque[float], change: float) -> float:
    """By how much the changes of the last rounds fell, at least; 1 while there are too few."""
    if not change:
        return 0.0
    if len(changes) < WINDOW:
        return 1.0
    rounds = [*changes, change]
    return min(1.0, max(after / before for before, after in pairwise(rounds)))


@kernel
def of_those_who_go(worth: float, moving: float, best: Floats, number: Floats, options: int) -> float:
    """The value of a state: the mean of what is worth more than it, and of what must be; others stay."""
    value = worth / moving if moving > 0.0 else 0.0
    better = options > 0
    while better:
        total, drawn = worth, moving
        for i in range(options):
            if best[i] > value:
                total += number[i] * best[i]
                drawn += number[i]
        better = drawn > 0.0 and total / drawn > value
        if better:
            value = total / drawn
    return value


@kernel
def play(
    flow: Flow,
    place: Ints,
    kind: Ints,
    processes: Ints,
    share: Floats,
    heads: Ints,
    stop: Bools,
    is_open: Bools,
    values: Floats,
    best: Floats,
    number: Floats,
    at: Ints,
) -> float:
    """Renew the values of the nodes before ``at[0]``, from the last one on; the greatest change.

    Who stays where it is does not change the value: it is that of those who move. ``best`` and ``number``
    keep what the hostile processes gain that may stay, and how many there are.
    """
    looks, change = 0, 0.0
    while at[0] > 0 and looks < BATCH:
        at[0] -= 1
        node = at[0]
        if not is_open[node]:
            looks += 1
            continue
        state = node >> flow.shift
        worth, moving, options = 0.0, 0.0, 0
        for stand in range(flow.first_stand[state], flow.first_stand[state + 1]):
            low, high = flow.first_edge[stand], flow.first_edge[stand + 1]
            looks += high - low + 1
            what, many = kind[place[stand]], processes[stand]
            if low == high:
                continue
            if what & IS_HOSTILE:
                stays, most = (what & RESTS) != 0, 0.0
                for edge in range(low, high):
                    target = follow(flow, node, edge)
                    if target == node:
                        stays = True
                    elif not stop[edge]:
                        most = max(most, values[target])
                if not stays:
                    worth += many * most
                    moving += many
                elif most > 0.0:
                    best[options] = most
                    number[options] = many
                    options += 1
                continue
            total, gain, away = 0.0, 0.0, 0.0
            for edge in range(low, high):
                part = share[flow.told[edge]]
                failed = heads[flow.told[edge]]
                if failed > 0:
                    failed += (node & 1) - 1
                total += part
                gain += part * failed
                target = follow(flow, node, edge)
                if stop[edge]:
                    away += part
                elif target != node:
                    away += part
                    gain += part * values[target]
            worth += many * gain / total
            moving += many * away / total
        value = of_those_who_go(worth, moving, best, number, options)
        change = max(change, abs(value - values[node]))
        values[node] = value
    return change

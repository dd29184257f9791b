"""The attacker as the player of a Markov decision process: what its moves are worth.

A move is worth its reward, and the value of where it leads unless the run stops with it. At each moment
one of the processes that can move, or rest, is drawn uniformly. A hostile one takes the move that is best
for the attacker, or stays at its rest; others draw each choice uniformly.
"""

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from racecheck.kernels import kernel
from racecheck.verdicts.arena import Arena
from racecheck.verdicts.walks import BATCH, Bools, Flow, Ints, follow

Floats = NDArray[np.float64]
RESTS, IS_HOSTILE = 1, 2
"""Bits of a place in ``play``."""


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
def room(flow: Flow, is_open: Bools) -> int:
    """How many entries ``write`` may need."""
    size = 0
    for node in range(len(is_open)):
        if is_open[node]:
            low, high = flow.first_stand[node >> flow.shift], flow.first_stand[(node >> flow.shift) + 1]
            size += high - low + flow.first_edge[high] - flow.first_edge[low]
    return size


@kernel
def write(
    flow: Flow,
    place: Ints,
    kind: Ints,
    processes: Ints,
    share: Floats,
    heads: Ints,
    stop: Bools,
    is_open: Bools,
    nodes: Ints,
    first: Ints,
    target: Ints,
    weight: Floats,
    constant: Floats,
) -> None:
    """Write for each open node what it is worth: a constant, and entries from ``first`` of it on.

    An entry is a target with the weight of its value. Before entries of which the best one counts there is
    one whose target is ``~`` their number; its weight is below 0 where the attacker may stay instead.
    Weights are relative to those who must move; the constant is below 0 if nobody must.
    """
    size, row = 0, 0
    for node in range(len(is_open)):
        if not is_open[node]:
            continue
        begin, moving, gain, state = size, 0.0, 0.0, node >> flow.shift
        for stand in range(flow.first_stand[state], flow.first_stand[state + 1]):
            low, high = flow.first_edge[stand], flow.first_edge[stand + 1]
            what, many = kind[place[stand]], processes[stand]
            if what & IS_HOSTILE:
                at, stays = size, (what & RESTS) != 0
                size += 1
                for edge in range(low, high):
                    to = follow(flow, node, edge)
                    stays = stays or to == node
                    if to != node and not stop[edge]:
                        target[size], weight[size] = to, 0.0
                        size += 1
                target[at], weight[at] = ~(size - at - 1), -many if stays else many
                if low < high and not stays:
                    moving += many
                if size == at + 1:
                    size = at
                continue
            total = 0.0
            for edge in range(low, high):
                total += share[flow.told[edge]]
            for edge in range(low, high):
                part = many * share[flow.told[edge]] / total
                failed = heads[flow.told[edge]]
                if failed > 0:
                    failed += (node & 1) - 1
                gain += part * failed
                to = follow(flow, node, edge)
                if stop[edge] or to != node:
                    moving += part
                if not stop[edge] and to != node:
                    target[size], weight[size] = to, part
                    size += 1
        for i in range(begin, size):
            weight[i] /= moving if moving > 0.0 else 1.0
        constant[row] = gain / moving if moving > 0.0 else -1.0
        nodes[row] = node
        row += 1
        first[row] = size


@kernel
def go_round(
    nodes: Ints,
    first: Ints,
    target: Ints,
    weight: Floats,
    constant: Floats,
    values: Floats,
    best: Floats,
    number: Floats,
    at: Ints,
) -> float:
    """Renew the values of the nodes before number ``at[0]``, from the last one on; the greatest change.

    Who stays where it is does not change the value: it is that of those who move.
    """
    change, row, looks = 0.0, at[0], 0
    while row > 0 and looks < BATCH:
        row -= 1
        i, end, options = first[row], first[row + 1], 0
        moving = 1.0 if constant[row] >= 0.0 else 0.0
        value = constant[row] * moving
        looks += end - i + 1
        while i < end:
            if target[i] >= 0:
                value += weight[i] * values[target[i]]
                i += 1
                continue
            last, most = i + ~target[i], 0.0
            for j in range(i + 1, last + 1):
                most = max(most, values[target[j]])
            if weight[i] > 0.0:
                value += weight[i] * most
            elif most > 0.0:
                best[options], number[options] = most, -weight[i]
                options += 1
            i = last + 1
        if options:
            value = of_those_who_go(value, moving, best, number, options)
        change = max(change, abs(value - values[nodes[row]]))
        values[nodes[row]] = value
    at[0] = row
    return change

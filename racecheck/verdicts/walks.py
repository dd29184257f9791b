"""Walks over the graph of an arena: the compiled loops that know of nothing but states and edges.

Where the answer depends on more than the state, a bit is added to each: then the nodes are 2s without the
bit and 2s + 1 with it. Loops do a part of their work at a time, so that a user can stop them.
"""

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from racecheck.kernels import Kernel, kernel

Bools = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]
BATCH = 1 << 23
"""Edges that a loop looks at between two questions whether to give up: some 0.1 seconds."""
KEPT = 2
"""The bit after an edge is that before it."""


class GaveUp(Exception):
    """A limit was hit before the question was answered."""


class Flow(NamedTuple):
    """Who moves where, as ``Arena`` has it; of each tale, the bit ``after`` it: 0, 1 or KEPT.

    In states that are ``marked`` the bit is set in any case. ``shift`` is 1 if there is a bit.
    """

    first_stand: Ints
    first_edge: Ints
    target: Ints
    told: Ints
    after: Ints
    marked: Bools
    shift: int


def in_parts(loop: Kernel[..., bool], give_up: Callable[[], object], *args: Any) -> None:
    """Run a loop to its end; its last argument is where it goes on, and it is True while there is more."""
    while loop(*args):
        if give_up():
            raise GaveUp


@kernel
def follow(flow: Flow, node: int, edge: int) -> int:
    """The node that an edge leads to."""
    target = flow.target[edge]
    if flow.shift == 0:
        return int(target)
    bit = flow.after[flow.told[edge]]
    if bit == KEPT:
        bit = node & 1
    return int(2 * target + (bit | flow.marked[target]))


@kernel
def count_into(target: Ints, first: Ints) -> None:
    """Add to ``first[s + 2]`` how many edges lead to state s."""
    for edge in range(len(target)):
        first[target[edge] + 2] += 1


@kernel
def sort_into(flow: Flow, into: Ints, first: Ints) -> None:
    """Write the source of each edge to state s at ``first[s + 1]`` of ``into``, which moves on by one."""
    for state in range(len(flow.first_stand) - 1):
        low = flow.first_edge[flow.first_stand[state]]
        high = flow.first_edge[flow.first_stand[state + 1]]
        for edge in range(low, high):
            at = flow.target[edge] + 1
            into[first[at]] = state
            first[at] += 1


def sources_of(flow: Flow) -> tuple[Ints, Ints]:
    """The sources of the edges into each state, once for each edge, and where those of a state begin."""
    into = np.empty(len(flow.target), np.int32)
    first = np.zeros(len(flow.first_stand) + 1, np.int32)
    count_into(flow.target, first)
    np.cumsum(first, out=first)
    sort_into(flow, into, first)
    return into, first[:-1]


@kernel
def spread(flow: Flow, edges: Bools, found: Bools, todo: Ints, at: Ints) -> bool:
    """Find what these edges lead to from the first ``at[0]`` nodes of ``todo``, which are found."""
    looks = 0
    while at[0] > 0 and looks < BATCH:
        at[0] -= 1
        node = todo[at[0]]
        state = node >> flow.shift
        low = flow.first_edge[flow.first_stand[state]]
        high = flow.first_edge[flow.first_stand[state + 1]]
        looks += high - low
        for edge in range(low, high):
            if edges[edge]:
                target = follow(flow, node, edge)
                if not found[target]:
                    found[target] = True
                    todo[at[0]] = target
                    at[0] += 1
    return bool(at[0] > 0)


def reached(flow: Flow, edges: Bools, start: int, give_up: Callable[[], object]) -> Bools:
    """The nodes that these edges lead to from the start."""
    found = np.zeros((len(flow.first_stand) - 1) << flow.shift, np.bool_)
    found[start] = True
    todo = np.empty(len(found), np.int32)
    todo[0] = start
    in_parts(spread, give_up, flow, edges, found, todo, np.ones(1, np.int64))
    return found


@kernel
def sum_up(first_stand: Ints, place: Ints, processes: Ints, counts: Bools, found: Ints) -> None:
    """Add up the processes of each state that stand at places which count."""
    for state in range(len(found)):
        for stand in range(first_stand[state], first_stand[state + 1]):
            if counts[place[stand]]:
                found[state] += processes[stand]


FREE, FORCED, PLAYS, STILL = range(4)
"""The rule for a place: its moves do not count; each must stay; one of them must; there must be none."""


@kernel
def stays(flow: Flow, place: Ints, rule: Ints, goal: Bools, alive: Bools, state: int) -> bool:
    """Whether the moves from a state keep to the set as they must."""
    for stand in range(flow.first_stand[state], flow.first_stand[state + 1]):
        low, high = flow.first_edge[stand], flow.first_edge[stand + 1]
        must = rule[place[stand]]
        if must == FREE or low == high:
            continue
        if must == STILL:
            return False
        kept = must == FORCED
        for edge in range(low, high):
            stay = alive[flow.target[edge]] and not goal[flow.told[edge]]
            if stay != kept:
                kept = stay
                break
        if not kept:
            return False
    return True


@kernel
def look_over(flow: Flow, place: Ints, rule: Ints, goal: Bools, alive: Bools, lost: Ints, at: Ints) -> bool:
    """Take out the states from ``at[1]`` on whose moves do not stay; they are the first ``at[0]`` lost."""
    end = min(len(alive), at[1] + BATCH // 8)
    for state in range(at[1], end):
        if alive[state] and not stays(flow, place, rule, goal, alive, state):
            alive[state] = False
            lost[at[0]] = state
            at[0] += 1
    at[1] = end
    return bool(end < len(alive))


@kernel
def peel(
    flow: Flow,
    place: Ints,
    rule: Ints,
    goal: Bools,
    into: Ints,
    first: Ints,
    alive: Bools,
    lost: Ints,
    at: Ints,
) -> bool:
    """Take out the states that could only stay by way of those lost, which are then lost themselves."""
    looks = 0
    while at[0] > 0 and looks < BATCH:
        at[0] -= 1
        here = lost[at[0]]
        looks += first[here + 1] - first[here]
        for i in range(first[here], first[here + 1]):
            state = into[i]
            if alive[state] and not stays(flow, place, rule, goal, alive, state):
                alive[state] = False
                lost[at[0]] = state
                at[0] += 1
    return bool(at[0] > 0)

"""Strongly connected parts, and which of them are fair: in time and memory that grow with the edges."""

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from racecheck.kernels import kernel
from racecheck.semantics import Duty
from racecheck.verdicts.arena import Arena
from racecheck.verdicts.walks import BATCH, Bools, Flow, Ints, follow, in_parts

CHOICE, LOCK, REST = int(Duty.CHOICE), int(Duty.LOCK), int(Duty.REST)
ROOT, DEPTH, WAITING, INDEX, RANK = range(5)
"""Where ``strong`` is: the next node to start from, how many are on the path, how many wait, the next
index of a node, and the next number of a part."""


@kernel
def strong(
    flow: Flow, within: Bools, edges: Bools, part: Ints, path: Ints, position: Ints, rooted: Bools, at: Ints
) -> bool:
    """Pearce's algorithm: ``part`` becomes a number for each part, less than of those that it leads to.

    ``path`` holds the nodes that a walk has come by, and from its end those that wait for their part to be
    complete; ``position`` is the edge of each node on the path that is looked at.
    """
    size, looks = len(part), 0
    while looks < BATCH:
        if at[DEPTH] == 0:
            while at[ROOT] < size and (part[at[ROOT]] != 0 or not within[at[ROOT]]):
                at[ROOT] += 1
            if at[ROOT] == size:
                return False
            new = at[ROOT]
        else:
            here = at[DEPTH] - 1
            node, edge, new = path[here], position[here], -1
            end = flow.first_edge[flow.first_stand[(node >> flow.shift) + 1]]
            looks += end - edge + 1
            low = part[node]
            while edge < end:
                if edges[edge]:
                    target = follow(flow, node, edge)
                    if within[target]:
                        if part[target] == 0:
                            new = target
                            break
                        if part[target] < low:
                            low = part[target]
                            rooted[here] = False
                edge += 1
            part[node] = low
            position[here] = edge  # of a new node, it is looked at again when that is done
        if new >= 0:
            path[at[DEPTH]] = new
            position[at[DEPTH]] = flow.first_edge[flow.first_stand[new >> flow.shift]]
            rooted[at[DEPTH]] = True
            part[new] = at[INDEX]
            at[INDEX] += 1
            at[DEPTH] += 1
            continue
        at[DEPTH] -= 1
        at[WAITING] += 1
        path[size - at[WAITING]] = node
        if rooted[here]:
            index = part[node]
            while at[WAITING] > 0 and part[path[size - at[WAITING]]] >= index:
                node = path[size - at[WAITING]]
                part[node] = at[RANK]
                at[INDEX] -= 1
                at[WAITING] -= 1
            at[RANK] -= 1
    return True


@kernel
def sort_by_part(part: Ints, count: Ints, order: Ints) -> None:
    """Write the nodes in parts to ``order``, the last part first, each part's in ascending order."""
    size = len(part)
    for node in range(size):
        count[size - part[node]] += 1
    total = 0
    for i in range(size + 1):
        count[i], total = total, total + count[i]
    for node in range(size):
        if part[node] > 0:
            at = size - part[node]
            order[count[at]] = node
            count[at] += 1


def strong_parts(
    flow: Flow, within: Bools, edges: Bools, give_up: Callable[[], object]
) -> tuple[Ints, Ints]:
    """A number for each node's part under these edges, 0 outside; and the nodes by part.

    Each part comes after those that its edges lead to. Costs 17 bytes a node.
    """
    size = len(within)
    part, path, position = np.zeros(size, np.int32), np.empty(size + 1, np.int32), np.empty(size, np.int32)
    at = np.array([0, 0, 0, 1, size])
    in_parts(strong, give_up, flow, within, edges, part, path, position, np.empty(size, np.bool_), at)
    path[:] = 0
    sort_by_part(part, path, position)
    return part, position[: np.count_nonzero(within)]


@kernel
def judge(
    flow: Flow,
    place: Ints,
    duty: Ints,
    within: Bools,
    edges: Bools,
    part: Ints,
    order: Ints,
    stepped: Ints,
    missed: Ints,
    fair: Ints,
    at: Ints,
) -> bool:
    """Tell of each part whether it is fair, from ``order[at[0]]`` on.

    Nodes of a fair part get its first one in ``fair``. ``within`` is left to those of a part that may be
    fair without the nodes where a lock is free, which it has lost; ``at[1]`` counts such parts. In
    ``stepped`` and ``missed`` each place has the last part in which it is stepped from, or cannot move.
    """
    start, looks = at[0], 0
    while start < len(order) and looks < BATCH:
        name = part[order[start]]
        end, goes_round = start, False
        while end < len(order) and part[order[end]] == name:
            node = order[end]
            for stand in range(
                flow.first_stand[node >> flow.shift], flow.first_stand[(node >> flow.shift) + 1]
            ):
                low, high = flow.first_edge[stand], flow.first_edge[stand + 1]
                looks += high - low
                if low == high:
                    missed[place[stand]] = name
                for edge in range(low, high):
                    if edges[edge]:
                        target = follow(flow, node, edge)
                        if part[target] == name:
                            stepped[place[stand]] = name
                            goes_round = True
            end += 1
        is_fair, loses = goes_round, False
        for i in range(start, end if goes_round else start):
            node = order[i]
            for stand in range(
                flow.first_stand[node >> flow.shift], flow.first_stand[(node >> flow.shift) + 1]
            ):
                at_place = place[stand]
                owes = duty[at_place]
                if owes >= REST or stepped[at_place] == name:
                    continue
                if owes == LOCK:
                    if flow.first_edge[stand] < flow.first_edge[stand + 1]:
                        within[node] = False
                        loses = True
                elif owes < CHOICE or missed[at_place] != name:
                    is_fair = False
        for i in range(start, end):
            node = order[i]
            part[node] = 0
            if is_fair and not loses:
                fair[node] = order[start]
            if not (is_fair and loses):
                within[node] = False
        at[1] += is_fair and loses
        start = end
    at[0] = start
    return bool(start < len(order))


def fair_parts(arena: Arena, within: Bools, edges: Bools, flow: Flow | None = None) -> Ints:
    """For each node the first one of the greatest fair part it is in, or -1.

    A part is strongly connected by the edges, and has one. It is fair when every place that is occupied in
    it and owes a move is stepped from in it. A place that is not stepped from is occupied in all of the
    part, by the same number of processes; only at a Lock can a smaller part do: one in which that lock is
    never free. A ``wait_until`` that is false now and then may be passed over.
    """
    flow, within = flow or arena.flow, within.copy()
    fair = np.full(len(within), -1, np.int32)
    at = np.ones(2, np.int64)
    while at[1]:
        part, order = strong_parts(flow, within, edges, arena.give_up)
        stepped, missed = (np.zeros(len(arena.duty), np.int32) for _ in range(2))
        at[:] = 0
        columns = within, edges, part, order, stepped, missed, fair, at
        in_parts(judge, arena.give_up, flow, arena.stand_place, arena.duty, *columns)
    return fair

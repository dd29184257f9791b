"""Attempts: how many a victim needs, and those that fail unexcused while the excuse comes and goes.

An attempt goes from one passage of the head of the victim's loop to the next, or to the goal. Where that
depends on more than the state, a bit is added to each: see ``racecheck.verdicts.walks``.
"""

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
from __future__ import annotations

import numpy as np
from attrs import frozen

from racecheck.kernels import kernel
from racecheck.verdicts.arena import Arena, Tale
from racecheck.verdicts.parts import fair_parts, strong_parts
from racecheck.verdicts.walks import KEPT, Bools, Flow, Ints, follow, reached


@frozen
class Watched:
    """An arena, and a bit beside each state for "an attempt is under way"; the nodes that are reached."""

    arena: Arena
    flow: Flow
    reached: Bools

    @property
    def inside(self) -> Bools:
        """The nodes in U."""
        found: Bools = self.arena.inside.repeat(2) & self.reached
        return found

    @property
    def quiet(self) -> Bools:
        """The nodes in U with no hostile process in flight."""
        found: Bools = (self.arena.inside & (self.arena.flights == 0)).repeat(2) & self.reached
        return found


def in_attempts(arena: Arena) -> Watched:
    """The arena with the bit: no attempt is under way from the goal to the next head."""
    flow = _with_bit(arena, [_after(tale) for tale in arena.tales], np.zeros(arena.states, np.bool_))
    everything = np.ones(len(arena.target), np.bool_)
    return Watched(arena, flow, reached(flow, everything, int(arena.begun), arena.give_up))


def _after(tale: Tale) -> int:
    if tale.goal:
        return int(tale.renewed)
    return 1 if tale.heads else KEPT


def _with_bit(arena: Arena, after: list[int], marked: Bools) -> Flow:
    return arena.flow._replace(after=np.array(after, np.uint8), marked=marked, shift=1)


def heads_of(arena: Arena) -> Ints:
    """Of each tale, how often it passes the head of the victim's loop before the goal."""
    return np.array([tale.heads for tale in arena.tales], np.int32)


def attempts_needed(watched: Watched) -> int | None:
    """One more than the most attempts that fail from a quiet state, hostile resting; None if unbounded.

    Victim and kernel move in any order; the goal, or leaving U, ends the run.
    """
    arena, flow, calm = watched.arena, watched.flow, watched.quiet
    part, order = strong_parts(flow, calm, ~arena.hostile & ~arena.goal, arena.give_up)
    most = np.zeros(len(calm), np.int32)
    runs, goal = ~arena.hostile, arena.goal
    worst = most_failures(flow, runs, goal, heads_of(arena), part, order, most)
    return None if worst < 0 else 1 + worst


@kernel
def most_failures(
    flow: Flow, runs: Bools, goal: Bools, heads: Ints, part: Ints, order: Ints, most: Ints
) -> int:
    """The most attempts that fail on a way from any node by edges in ``runs``; -1 if there is no most.

    Parts come in ``order`` after those that they lead to. A goal ends the way, as a node of no part does.
    """
    start, worst = 0, 0
    while start < len(order):
        name, best, end = part[order[start]], 0, start
        while end < len(order) and part[order[end]] == name:
            node = order[end]
            low = flow.first_edge[flow.first_stand[node >> 1]]
            high = flow.first_edge[flow.first_stand[(node >> 1) + 1]]
            for edge in range(low, high):
                if runs[edge]:
                    failed = max(heads[flow.told[edge]] - 1 + (node & 1), 0)
                    target = follow(flow, node, edge)
                    if goal[edge] or part[target] == 0:
                        best = max(best, failed)
                    elif part[target] != name:
                        best = max(best, failed + most[target])
                    elif failed > 0:
                        return -1
            end += 1
        for i in range(start, end):
            most[order[i]] = best
        worst = max(worst, best)
        start = end
    return worst


def excuse_comes_and_goes(arena: Arena) -> bool:
    """Whether a fair run without the goal, excused now and then, has attempts that fail without an excuse.

    The bit is whether the present attempt has been excused at any time.
    """
    failing = np.array([tale.heads > 0 and not tale.goal for tale in arena.tales], bool)
    if not arena.excused.any() or not failing.any():
        return False
    flow = _with_bit(arena, [0 if tale.heads else KEPT for tale in arena.tales], arena.excused)
    fair = fair_parts(arena, (~arena.outside).repeat(2), ~arena.goal, flow)
    return bool(fails_unexcused(flow, fair, arena.excused, failing, np.zeros(len(fair), np.bool_)))


@kernel
def fails_unexcused(flow: Flow, fair: Ints, excused: Bools, failing: Bools, has_excuse: Bools) -> bool:
    """Whether a part with an excused state has an edge that fails an attempt which is not excused."""
    for node in range(len(fair)):
        if fair[node] >= 0 and excused[node >> 1]:
            has_excuse[fair[node]] = True
    for node in range(0, len(fair), 2):
        if fair[node] >= 0 and has_excuse[fair[node]]:
            low = flow.first_edge[flow.first_stand[node >> 1]]
            high = flow.first_edge[flow.first_stand[(node >> 1) + 1]]
            for edge in range(low, high):
                if failing[flow.told[edge]] and fair[follow(flow, node, edge)] == fair[node]:
                    return True
    return False

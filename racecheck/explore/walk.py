"""A search in machine code: breadth-first, by several workers in step.

Each round has two parts, and after each the workers wait for each other. First they expand states, one
worker the next few, another those after them, and enter targets that are not in the table. Then they number
those, in the order of the states that they were reached from, which is the order that one worker would have
found: numbers and parents do not depend on how many there are.
"""

from __future__ import annotations

from numba import njit, types

from racecheck.explore.machine import APART, OWN, SHARED, STATES, number, sift
from racecheck.explore.native import CHECK, EXPAND, KEPT, A, I, add, machine_code, seen

DONE, LEVEL, COUNT, TRANSITIONS, DEPTH = range(5)
"""What is in ``progress``: so many states are expanded, the first ones; the next depth begins after so
many; there are so many; the moves, and the depth."""
NOW, CODE, WRITTEN, ENTERED, NOTED = range(5)
"""What a worker says in ``told``, a line of the cache for each: the state that it came to, and its negative
code; targets, and those that it entered; states of note."""
ALL_DONE, FULL, PAUSED, NOTEWORTHY, EXPLAIN, CROWDED, LEFT = range(7)
"""Why ``walk`` came back: no state is left; more memory is needed; it is time to look at the limits;
something was noted; a step gave a negative code; one had no room for what is new, and all must go back to
where the round began; another worker was interrupted."""
PATIENCE = 1 << 12
"""Looks at whether the others are there, before the core is lent to who else may need it."""
sched_yield = types.ExternalFunction("sched_yield", types.intc())


@njit(inline="always")
def all_here(meeting, times, workers):  # type: ignore[no-untyped-def]
    """Wait until all workers have been here so often; False if one of them will not come."""
    add(meeting, 0)
    looks = 0
    while seen(meeting, 0) < times * workers:
        if seen(meeting, 1):
            return False
        looks += 1
        if looks > PATIENCE:
            sched_yield()
    return True


@machine_code(
    I, I, EXPAND, CHECK, STATES, I, I, I, A, A, A, OWN, I, I, I, I, SHARED, I, I, I, A,
    types.Tuple(KEPT),  # type: ignore[no-untyped-call]
)  # fmt: skip
def walk(  # type: ignore[no-untyped-def]
    words, expand, check, states, most_states, me, workers, progress, told, meeting, own, share, most, each,
    room, shared, budget, normal, pending, noted, kept_by_step,
):  # fmt: skip
    """Go on as one of the workers, which all do this at once, until there is something to do in Python.

    It expands up to ``share`` states in a round, and targets are written until there are ``most``. A state
    has ``each`` at most. There is ``room`` to keep those that are new; if that is not enough, others have
    gone on where it should have, and what they have entered must go.
    """
    keys, (out, ends, tales, _) = states[0], own
    digits, widths, scratch, happened = kept_by_step
    times, began = 0, progress[DONE]
    while True:
        done, level, count = progress[DONE], progress[LEVEL], progress[COUNT]
        deeper = done == level
        if deeper:
            level = count
        for p in range(workers):
            if told[p * APART + NOTED]:
                return NOTEWORTHY
        if done == level:
            return ALL_DONE
        if done - began > budget:
            return PAUSED
        if count + workers * room > most_states:
            return FULL
        few = min((level - done - 1) // workers + 1, share)
        now, last, written, kept = min(done + me * few, level), min(done + (me + 1) * few, level), 0, 0
        shared[3][me * APART] = scratch[1] = 0
        while now < last and scratch[1] == 0 and kept + most + each <= room:
            first = now
            now = expand(keys, first, last, out, most, ends, tales, digits, widths, scratch, happened)
            many = ends[now - first - 1] if now > first else 0
            # Loops over words are compiled away where a state is one.
            if words == 1:
                kept = sift(1, states, me, workers, count, first, many, own, kept, room, shared)
            else:
                kept = sift(words, states, me, workers, count, first, many, own, kept, room, shared)
            written += many
        line = me * APART
        told[line + NOW], told[line + CODE], told[line + WRITTEN] = now, scratch[1], written
        told[line + ENTERED] = kept
        times += 1
        if not all_here(meeting, times, workers):
            return LEFT
        before, total, moves = count, count, progress[TRANSITIONS]
        for p in range(workers):
            if told[p * APART + CODE]:
                return EXPLAIN
            if told[p * APART + NOW] < min(done + (p + 1) * few, level) and workers > 1:
                return CROWDED
            before += told[p * APART + ENTERED] - shared[3][p * APART] if p < me else 0
            total += told[p * APART + ENTERED] - shared[3][p * APART]
            moves += told[p * APART + WRITTEN]
        after = total
        if workers > 1:
            after = number(words, states, me, count, before, kept, room, shared)
        if pending:
            check(keys, before, after, normal, pending, noted)
        told[line + NOTED] = noted[0]
        if me == 0:
            progress[DONE], progress[LEVEL] = told[(workers - 1) * APART + NOW], level
            progress[COUNT], progress[TRANSITIONS] = total, moves
            progress[DEPTH] += deeper
        times += 1
        if not all_here(meeting, times, workers):
            return LEFT

"""Attempts: how many a victim needs, and those that fail unexcused while the excuse comes and goes.

An attempt goes from one passage of the head of the victim's loop to the next, or to the goal. Where that
depends on more than the state, a bit is added to each: state s is 2s without the bit, 2s + 1 with it.
"""

from __future__ import annotations

import numpy as np
from attrs import evolve

from racecheck.verdicts.arena import Arena, Bools, Ints, ranges
from racecheck.verdicts.ladder import fair_parts, strong_parts


def in_attempts(arena: Arena) -> Arena:
    """The arena with a bit for "an attempt is under way": none is from the goal to the next head."""
    passed = np.where(arena.goal, arena.renewed, arena.heads > 0)
    kept = np.where(arena.goal, arena.renewed, True)
    doubled = _with_bit(arena, passed, kept)
    start = np.arange(doubled.states) == int(arena.begun)
    unreached = ~doubled.reached(start, np.ones(len(doubled.target), bool))
    return evolve(doubled, outside=doubled.outside | unreached)


def failures(arena: Arena) -> Ints:
    """For each edge of an arena ``in_attempts``, the attempts that end with it before the goal."""
    under_way = arena.source % 2
    ended: Ints = np.maximum(arena.heads - 1 + under_way, 0)
    return ended


def quiet(arena: Arena) -> Bools:
    """The states in U with no hostile process in flight."""
    found: Bools = arena.inside & (arena.flights == 0)
    return found


def attempts_needed(arena: Arena) -> int | None:
    """One more than the most attempts that fail from a quiet state, hostile resting; None if unbounded.

    Of an arena ``in_attempts``. Victim and kernel move in any order; the goal, or leaving U, ends the run.
    """
    calm, failed = quiet(arena), failures(arena)
    runs = calm[arena.source] & ~arena.hostile
    onward = runs & ~arena.goal & calm[arena.target]
    parts = strong_parts(arena, onward)
    inner = onward & (parts[arena.source] == parts[arena.target])
    if (failed[inner] > 0).any():
        return None
    most = np.zeros(arena.states, np.int64)
    while True:
        rest = np.where(onward, most[arena.target], 0)
        better = most.copy()
        np.maximum.at(better, arena.source[runs], (failed + rest)[runs])
        if (better == most).all():
            return 1 + int(most[calm].max(initial=0))
        most = better


def excuse_comes_and_goes(arena: Arena) -> bool:
    """Whether a fair run without the goal, excused now and then, has attempts that fail without an excuse.

    The bit is whether the present attempt has been excused at any time.
    """
    after = arena.excused[arena.target]
    product = _with_bit(arena, after, (arena.heads == 0) | after)
    impossible = product.excused & (np.arange(product.states) % 2 == 0)
    product = evolve(product, outside=product.outside | impossible)
    parts = fair_parts(product, ~product.outside, ~product.goal)
    excused = np.zeros(parts.max(initial=-1) + 2, bool)
    excused[parts[product.excused]] = True
    failing = (product.heads > 0) & ~product.goal & (product.source % 2 == 0)
    failing &= (parts[product.source] == parts[product.target]) & (parts[product.source] >= 0)
    return bool(excused[parts[product.source[failing]]].any())


def _with_bit(arena: Arena, unset: Bools, kept: Bools) -> Arena:
    """Each state twice; ``unset`` and ``kept`` are an edge's bit after it."""
    stands = ranges(arena.first_stand[:-1].repeat(2), arena.first_stand[1:].repeat(2))
    edges = ranges(arena.first_edge[stands], arena.first_edge[stands + 1])
    counts, sizes = np.diff(arena.first_stand).repeat(2), np.diff(arena.first_edge)[stands]
    bit = np.arange(2 * arena.states).repeat(counts).repeat(sizes) % 2
    after = np.where(bit, kept[edges], unset[edges])
    return evolve(
        arena,
        excused=arena.excused.repeat(2),
        outside=arena.outside.repeat(2),
        first_stand=np.concatenate([[0], np.cumsum(counts)]),
        stand_place=arena.stand_place[stands],
        processes=arena.processes[stands],
        first_edge=np.concatenate([[0], np.cumsum(sizes)]),
        target=arena.target[edges] * 2 + after,
        told=arena.told[edges],
        costs={},
    )

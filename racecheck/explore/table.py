"""A hash table of states for machine code.

States are rows of ``keys``, ``words`` numbers each, in the order in which they were reached. The table has
their numbers: an entry of 32 bits is 0, or the number plus one in its low bits and a tag, some bits of the
hash, above. An entry is never taken out, and so always belongs to the same state.

A state is looked for from a place of its own on, around the line of the cache that this is in, and in the
next line only if that one is full: "walking the line" (Laarman, van de Pol, Weber: Boosting multi-core
reachability performance with shared hash tables, 2010). A line is compared at once, by vector instructions.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from racecheck.explore.native import LINE, alike, get, lowest, seen

BATCH = 512
"""Targets whose entries are fetched into the cache before they are looked at."""
LOW = (1 << 32) - 1
ALL = 1 << 62
"""More states than there can be."""
SPREAD = -7046029254386353131  # 2**64 divided by the golden ratio, odd: Knuth's multiplicative hashing


@njit(inline="always")
def mixed(keys, at, words):  # type: ignore[no-untyped-def]
    """A hash of a state, all bits as good as random."""
    found = get(keys, at) * SPREAD
    found ^= (found >> 32) & LOW
    for i in range(1, words):
        found = (found ^ get(keys, at + i)) * SPREAD
        found ^= (found >> 32) & LOW
    found *= SPREAD
    return found ^ ((found >> 29) & 0x7FFFFFFFF)


@njit(inline="always")
def bits_of(size):  # type: ignore[no-untyped-def]
    """The bits of an entry that a number takes."""
    bits = 0
    while size >> bits:
        bits += 1
    return bits


@njit(inline="always")
def place_of(found, size):  # type: ignore[no-untyped-def]
    """Where a hash belongs in a table of so many entries: by its high half."""
    return (((found >> 32) & LOW) * size) >> 32


@njit(inline="always")
def tag_of(found, bits):  # type: ignore[no-untyped-def]
    """The bits of a hash that its entry has: the lowest."""
    return (found & ((1 << (32 - bits)) - 1)) << bits


@njit(inline="always")
def turned(bits, start):  # type: ignore[no-untyped-def]
    """The bits of a line, from the one at ``start`` on and around its end."""
    return ((bits | bits << LINE) >> start) & ((1 << LINE) - 1)


@njit(inline="always")
def nearest(bits, line, start):  # type: ignore[no-untyped-def]
    """The place in the table of the first of these bits of a line, turned to ``start``."""
    return line + ((start + lowest(bits)) & (LINE - 1))


@njit(inline="always")
def line_after(line, size):  # type: ignore[no-untyped-def]
    """The next line: after the last one comes the first."""
    return line + LINE if line + LINE < size else 0


@njit(inline="always")
def equal(keys, place, out, at, words):  # type: ignore[no-untyped-def]
    """Whether ``keys[place]`` and ``out[at]`` are the same state."""
    same = get(keys, place) == get(out, at)
    for i in range(1, words):
        same = same and get(keys, place + i) == get(out, at + i)
    return same


@njit(inline="always")
def entry_of(table, bits, found, keys, count, fresh, out, at, words):  # type: ignore[no-untyped-def]
    """The place of the entry of the state ``out[at]`` with this hash; or ``~place`` of the free one for it.

    Numbers from ``count`` on are those of states that stand in ``fresh``. Other threads may enter states
    meanwhile: that place may no longer be free.
    """
    size, mask, tag = len(table), (1 << bits) - 1, tag_of(found, bits)
    start = place_of(found, size)
    line, start = start & -LINE, start & (LINE - 1)
    while True:
        free = turned(alike(table, line, -1, 0), start)
        same = turned(alike(table, line, ~mask, tag), start) & ~free & (free - 1)
        while same:
            place = nearest(same, line, start)
            number = (np.int64(seen(table, place)) & mask) - 1
            if number < count:
                known = equal(keys, number * words, out, at, words)
            else:
                known = equal(fresh, (number - count) * words, out, at, words)
            if known:
                return place
            same &= same - 1
        if free:
            return ~nearest(free, line, start)
        line = line_after(line, size)


@njit(inline="always")
def free_entry(table, found):  # type: ignore[no-untyped-def]
    """The free entry where a state belongs that is not in the table."""
    size = len(table)
    start = place_of(found, size)
    line, start = start & -LINE, start & (LINE - 1)
    while True:
        free = turned(alike(table, line, -1, 0), start)
        if free:
            return nearest(free, line, start)
        line = line_after(line, size)


@njit(inline="always")
def number_in(table, found, keys, out, at, words):  # type: ignore[no-untyped-def]
    """The number of the state ``out[at]`` with this hash, or -1."""
    bits = bits_of(len(table))
    place = entry_of(table, bits, found, keys, ALL, keys, out, at, words)
    return (np.int64(get(table, place)) & ((1 << bits) - 1)) - 1 if place >= 0 else -1

"""The loops of a search in machine code.

Those over a model's states are compiled with the model's step inside: to call it through a pointer, with
all that it is handed, takes as long as the step. The others take them as functions, and are compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types

from racecheck.explore.native import OPTIONS, A, I, U, add, fetch, get, machine_code, put, seen, swap
from racecheck.explore.table import (
    ALL,
    BATCH,
    bits_of,
    entry_of,
    free_entry,
    mixed,
    number_in,
    place_of,
    tag_of,
)


def expander(step: Callable[..., Any], words: int) -> Callable[..., Any]:
    """A loop over states, around the generated ``expand``."""

    def expand(keys, first, last, out, most, ends, tales, digits, widths, scratch, happened):  # type: ignore[no-untyped-def]
        """Write targets of states to ``out``, their tales, and how many there are after each to ``ends``.

        Returns the state after the last one done: it ends early when there are ``most`` targets, or at a
        state whose step gave a negative code, which is then in ``scratch[1]``.
        """
        n = 0
        scratch[1] = 0
        for i in range(first, last):
            if n >= most:
                return i
            code = step(keys, i * words, out, tales, n, digits, widths, scratch, happened)
            if code < 0:
                scratch[1] = code
                return i
            n = code
            put(ends, i - first, n)
        return last

    return expand


def checker(bits_of_state: Callable[..., Any], words: int) -> Callable[..., Any]:
    """A loop over new states, around the generated ``check``."""

    def check(keys, first, last, normal, pending, noted):  # type: ignore[no-untyped-def]
        """Note states in which something ``pending`` is not ``normal``; what is pending then.

        ``noted[0]`` numbers of states are in ``noted``.
        """
        for i in range(first, last):
            unusual = (bits_of_state(keys, i * words) ^ normal) & pending
            if unusual:
                noted[0] += 1
                noted[noted[0]] = i
                pending &= ~unusual
        return pending

    return check


STATES = types.Tuple((A, U, U))  # type: ignore[no-untyped-call]
"""The states, their parents, the table."""
OWN = types.Tuple((A, A, A, A))  # type: ignore[no-untyped-call]
"""What a worker expands states into: targets; how many there are after each state; tales; some hashes."""
SHARED = types.Tuple((A, U, A, A))  # type: ignore[no-untyped-call]
"""What workers keep for each other, each in a part of the same room: states that are new, the numbers of
those that they are from, the places of their entries. And how many of them each has lost to another."""
APART = 8
"""Numbers from one worker's to the next's: no two of them write to one line of the cache."""


@njit(forceinline=True, **OPTIONS)
def sift(words, states, me, workers, count, first, many, own, kept, room, shared):  # type: ignore[no-untyped-def]
    """Enter those of ``many`` targets that are not in the table; how many are ``kept`` then.

    ``first`` is the number of the state that the first one is of. One worker alone numbers what is new at
    once. Of several, each keeps it in its part, and enters for its number ``count`` and where it is kept.
    Of those who come to the same state, the first one in this order has it, whoever is faster.
    """
    (keys, parents, table), (out, ends, _, hashes) = states, own
    fresh, origins, places, lost = shared
    bits, state = bits_of(len(table)), 0
    mask = (1 << bits) - 1
    for low in range(0, many, BATCH):
        high = min(low + BATCH, many)
        for i in range(low, high):
            found = mixed(out, i * words, words)
            put(hashes, i - low, found)
            fetch(table, place_of(found, len(table)))
        for i in range(low, high):
            entry = np.int64(get(table, place_of(get(hashes, i - low), len(table))))
            fetch(keys, ((entry & mask) - 1) * words)
        for i in range(low, high):
            found, at = get(hashes, i - low), me * room + kept
            if workers == 1:
                place = entry_of(table, bits, found, keys, ALL, keys, out, i * words, words)
                if place < 0:
                    while get(ends, state) <= i:
                        state += 1
                    for k in range(words):
                        put(keys, (count + kept) * words + k, get(out, i * words + k))
                    put(parents, count + kept, first + state)
                    put(table, ~place, tag_of(found, bits) | (count + kept + 1))
                    kept += 1
                continue
            while True:
                entry = np.int64(0)
                place = entry_of(table, bits, found, keys, count, fresh, out, i * words, words)
                if place >= 0:
                    entry = np.int64(seen(table, place))
                    if (entry & mask) - 1 - count < at:
                        break
                while get(ends, state) <= i:
                    state += 1
                for k in range(words):
                    put(fresh, at * words + k, get(out, i * words + k))
                put(origins, at, first + state)
                put(places, at, max(place, ~place))
                if swap(table, max(place, ~place), entry, tag_of(found, bits) | (count + at + 1)):
                    if entry:
                        add(lost, ((entry & mask) - 1 - count) // room * APART)
                    kept += 1
                    break
    return kept


@njit(forceinline=True, **OPTIONS)
def number(words, states, me, count, base, kept, room, shared):  # type: ignore[no-untyped-def]
    """Number what a worker has kept, less what it has lost, from ``base`` on; the number after the last."""
    keys, parents, table = states
    fresh, origins, places, _ = shared
    mask = (1 << bits_of(len(table))) - 1
    for at in range(me * room, me * room + kept):
        place = get(places, at)
        entry = np.int64(get(table, place))
        if entry & mask == count + at + 1:
            for k in range(words):
                put(keys, base * words + k, get(fresh, at * words + k))
            put(parents, base, get(origins, at))
            base += 1
            put(table, place, (entry & ~mask) | base)
    return base


@machine_code(I, A, I, U, I, I, I, A)
def reenter(keys, words, table, first, last, workers, hashes):  # type: ignore[no-untyped-def]
    """Enter states, all different, into a table that they are not in, maybe at once with other threads."""
    bits = bits_of(len(table))
    for start in range(first, last, BATCH):
        end = min(start + BATCH, last)
        for i in range(start, end):
            put(hashes, i - start, mixed(keys, i * words, words))
            fetch(table, place_of(get(hashes, i - start), len(table)))
        for i in range(start, end):
            entry = tag_of(get(hashes, i - start), bits) | (i + 1)
            place = free_entry(table, get(hashes, i - start))
            if workers == 1:
                put(table, place, entry)
            else:
                while not swap(table, place, 0, entry):
                    place = free_entry(table, get(hashes, i - start))
    return last


@machine_code(I, A, I, U, A, I)
def find(keys, words, table, out, at):  # type: ignore[no-untyped-def]
    """The number of the state ``out[at]``, or -1."""
    return number_in(table, mixed(out, at, words), keys, out, at, words)

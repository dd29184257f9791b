"""The loops of a search in machine code.

Those over a model's states are compiled with the model's step inside: to call it through a pointer, with
all that it is handed, takes as long as the step. The others take them as functions, and are compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from racecheck.explore.table import (
    BATCH,
    BLOCK,
    CHECK,
    EXPAND,
    KEPT,
    LOW,
    A,
    I,
    U,
    bits_of,
    entry_of,
    fetch,
    free_entry,
    get,
    machine_code,
    mixed,
    number_in,
    number_of,
    put,
    slot_of,
    tag_of,
)


def expander(step: Callable[..., Any], words: int) -> Callable[..., Any]:
    """A loop over a worker's states, around the generated ``expand``."""

    def expand(  # type: ignore[no-untyped-def]
        keys, first, last, worker, workers, out, most, ends, tales, digits, widths, scratch, happened
    ):
        """Write targets of states to ``out``, their tales, and how many there are after each to ``ends``.

        Returns the state after the last one done: it ends early when there are ``most`` targets, or at a
        state whose step gave a negative code, which is then in ``scratch[1]``.
        """
        n = 0
        scratch[1] = 0
        for i in range(first, last):
            if n >= most:
                return i
            at = number_of(i, worker, workers) * words
            code = step(keys, at, out, tales, n, digits, widths, scratch, happened)
            if code < 0:
                scratch[1] = code
                return i
            n = code
            put(ends, i - first, n)
        return last

    return expand


def checker(bits_of_state: Callable[..., Any], words: int) -> Callable[..., Any]:
    """A loop over a worker's new states, around the generated ``check``."""

    def check(keys, first, last, worker, workers, normal, pending, noted):  # type: ignore[no-untyped-def]
        """Note states in which something ``pending`` is not ``normal``; what is pending then.

        ``noted[0]`` numbers of states are in ``noted``.
        """
        for i in range(first, last):
            number = number_of(i, worker, workers)
            unusual = (bits_of_state(keys, number * words) ^ normal) & pending
            if unusual:
                noted[0] += 1
                noted[noted[0]] = number
                pending &= ~unusual
        return pending

    return check


@machine_code(I, A, A, I, I, I, I, A, A, A, A)
def route(out, ends, states, words, first, workers, hashes, places, sources, many):  # type: ignore[no-untyped-def]
    """Hand the targets of a chunk to the workers whose they are; how many there are.

    A target is a hash, a place in ``out``, and which of its worker's states it is from. Those for worker p
    are ``many[p]``, in the p-th of equal parts of these arrays.
    """
    room, at = len(hashes) // workers, 0
    for worker in range(workers):
        put(many, worker, 0)
    for state in range(states):
        while at < get(ends, state):
            found = mixed(out, at * words, words)
            worker = ((found & LOW) * workers) >> 32
            n = get(many, worker)
            put(many, worker, n + 1)
            put(hashes, worker * room + n, found)
            put(places, worker * room + n, at * words)
            put(sources, worker * room + n, first + state)
            at += 1
    return at


@machine_code(I, CHECK, A, I, U, U, I, I, I, I, A, I, A, A, A, A, I, I, A)
def insert(  # type: ignore[no-untyped-def]
    check, keys, words, parents, table, size, worker, workers, count, out, source, hashes, places, sources,
    many, normal, pending, noted,
):  # fmt: skip
    """Add a worker's targets that are new, of those that are routed, and check them; its states then."""
    bits, before, room = bits_of(size), count, len(hashes) // workers
    last = worker * room + many[worker]
    for low in range(worker * room, last, BATCH):
        high = min(low + BATCH, last)
        for i in range(low, high):
            fetch(table, worker * size + slot_of(get(hashes, i), size))
        for i in range(low, high):
            entry = np.int64(get(table, worker * size + slot_of(get(hashes, i), size)))
            fetch(keys, number_of((entry & ((1 << bits) - 1)) - 1, worker, workers) * words)
        for i in range(low, high):
            place, tag = get(places, i), tag_of(get(hashes, i), bits)
            slot = slot_of(get(hashes, i), size)
            slot = entry_of(table, size, worker, workers, bits, slot, tag, keys, out, place, words)
            if get(table, slot) == 0:
                number = number_of(count, worker, workers)
                for k in range(words):
                    put(keys, number * words + k, get(out, place + k))
                put(parents, number, number_of(get(sources, i), source, workers))
                count += 1
                put(table, slot, tag | count)
    if pending:
        check(keys, before, count, worker, workers, normal, pending, noted)
    return count


@machine_code(I, A, I, U, I, I, I, I, I, A)
def reenter(keys, words, table, size, worker, workers, first, last, hashes):  # type: ignore[no-untyped-def]
    """Enter a worker's states, all different, into an empty share of a table; returns ``last``."""
    bits = bits_of(size)
    for start in range(first, last, BATCH):
        end = min(start + BATCH, last)
        for i in range(start, end):
            put(hashes, i - start, mixed(keys, number_of(i, worker, workers) * words, words))
            fetch(table, worker * size + slot_of(get(hashes, i - start), size))
        for i in range(start, end):
            found = get(hashes, i - start)
            slot = free_entry(table, size, worker, slot_of(found, size))
            put(table, slot, tag_of(found, bits) | (i + 1))
    return last


@machine_code(I, A, I, U, I, A, I)
def find(keys, words, table, size, out, at):  # type: ignore[no-untyped-def]
    """The number of the state ``out[at]`` in the table of one worker, or -1."""
    return number_in(table, size, bits_of(size), mixed(out, at, words), keys, out, at, words)


ALL_DONE, LARGE, FULL, PAUSED, TOLD, EXPLAIN = range(6)
"""Why ``walk`` came back: no state is left; a level is worth threads; more memory is needed; it is time to
look at the limits; something was noted; a step gave a negative code."""


@machine_code(
    I, EXPAND, CHECK, A, I, U, U, I, I, I, A, A, A, A, A, I, A, A, I, A, A, A, A, I, I, I, A, A, *KEPT
)  # fmt: skip
def walk(  # type: ignore[no-untyped-def]
    expand, check, keys, words, parents, table, size, most_states, workers, done, level, count, bounds, out,
    most, ends, totals, large, hashes, places, sources, many, budget, normal, pending, noted, tales,
    digits, widths, scratch, happened,
):  # fmt: skip
    """Go on breadth-first, by one thread for all workers.

    Of each worker, ``done`` states are expanded of the ``level`` that are to be before the next depth, and
    it has ``count``. Ends of levels are written to ``bounds``. ``totals`` are transitions, depth, levels in
    ``bounds``.
    """
    while True:
        left = 0
        for p in range(workers):
            left += level[p] - done[p]
        if left == 0:
            for p in range(workers):
                left += count[p] - done[p]
            if left == 0:
                return ALL_DONE
            if (totals[2] + 1) * workers > len(bounds):
                return PAUSED
            for p in range(workers):
                level[p] = count[p]
                bounds[totals[2] * workers + p] = count[p]
            totals[1] += 1
            totals[2] += 1
        if left > large:
            return LARGE
        if budget <= 0:
            return PAUSED
        for source in range(workers):
            states = count[0]
            for p in range(workers):
                states = max(states, count[p])
            if states + len(out) // words > most_states:
                return FULL
            first = done[source]
            last = expand(
                keys, first, level[source], source, workers, out, most, ends, tales,
                digits, widths, scratch, happened,
            )  # fmt: skip
            if scratch[1]:
                scratch[2] = number_of(last, source, workers)
                return EXPLAIN
            done[source] = last
            budget -= 1 + last - first
            totals[0] += route(
                out, ends, last - first, words, first, workers, hashes, places, sources, many
            )  # fmt: skip
            for p in range(workers):
                count[p] = insert(
                    check, keys, words, parents, table, size, p, workers, count[p], out, source,
                    hashes, places, sources, many, normal, pending, noted,
                )  # fmt: skip
        if noted[0]:
            return TOLD


@machine_code(I, A, U, I, I, A, A, A, A, A, U)
def arrange(keys, parents, words, workers, starts, ends, before, origin, new_keys, new_parents):  # type: ignore[no-untyped-def]
    """Copy all states into one row, part by part and worker by worker; how many there are.

    ``before[part * workers + worker]`` states come before those of a worker in a part; the parents of a
    part's states are in part ``origin[part]``.
    """
    n = 0
    for part in range(len(origin)):
        for worker in range(workers):
            for i in range(starts[part * workers + worker], ends[part * workers + worker]):
                at = number_of(i, worker, workers)
                for k in range(words):
                    new_keys[n * words + k] = keys[at * words + k]
                parent = np.int64(parents[at])
                owner, own = (parent >> BLOCK) % workers, parent >> BLOCK
                own = ((own // workers) << BLOCK) | (parent & ((1 << BLOCK) - 1))
                place = origin[part] * workers + owner
                new_parents[n] = before[place] + own - starts[place]
                n += 1
    return n

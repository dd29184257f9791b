"""The loops of a search in machine code: they take a model's step as a function, and are compiled once."""

from __future__ import annotations

import numpy as np

from racecheck.explore.table import (
    BATCH,
    BLOCK,
    CHECK,
    KEPT,
    LOW,
    STEP,
    A,
    I,
    U,
    bits_of,
    entry_of,
    fetch,
    machine_code,
    mixed,
    number_of,
    slot_of,
    tag_of,
)


@machine_code(I, STEP, A, I, I, I, I, I, A, I, A, A, A, A, *KEPT)
def expand(  # type: ignore[no-untyped-def]
    step, keys, words, first, last, worker, workers, out, most, ends, starts, ways, tales,
    digits, widths, scratch, happened,
):  # fmt: skip
    """Write the targets of a worker's states to ``out``, and how many there are after each to ``ends``.

    Returns the state after the last one done: it ends early when there are ``most`` targets, or at a state
    whose step gave a negative code, which is then in ``scratch[1]``.
    """
    n = 0
    scratch[1] = 0
    for i in range(first, last):
        if n >= most:
            return i
        at = number_of(i, worker, workers) * words
        code = step(keys, at, out, starts, ways, tales, n, digits, widths, scratch, happened)
        if code < 0:
            scratch[1] = code
            return i
        n = code
        ends[i - first] = n
    return last


@machine_code(I, CHECK, A, I, U, U, I, I, I, I, A, A, I, I, I, I, I, A)
def insert(  # type: ignore[no-untyped-def]
    check, keys, words, parents, table, size, worker, workers, count, out, ends, first, states, source,
    normal, pending, noted,
):  # fmt: skip
    """Add those targets of a chunk that are this worker's and new; how many states it has then.

    ``noted[0]`` numbers are in ``noted``: of states in which something ``pending`` is not ``normal``.
    """
    bits = bits_of(size)
    hashes, places, sources = (
        np.empty(BATCH, np.int64),
        np.empty(BATCH, np.int64),
        np.empty(BATCH, np.int64),
    )
    at, state, total = 0, 0, ends[states - 1] if states else 0
    while at < total:
        n = 0
        while at < total and n < BATCH:
            while at >= ends[state]:
                state += 1
            found = mixed(out, at * words, words)
            if workers == 1 or ((found & LOW) * workers) >> 32 == worker:
                hashes[n], places[n], sources[n] = found, at * words, first + state
                fetch(table, worker * size + slot_of(found, size))
                n += 1
            at += 1
        for i in range(n):
            entry = np.int64(table[worker * size + slot_of(hashes[i], size)])
            fetch(keys, number_of((entry & ((1 << bits) - 1)) - 1, worker, workers) * words)
        for i in range(n):
            tag = tag_of(hashes[i], bits)
            slot = slot_of(hashes[i], size)
            slot = entry_of(table, size, worker, workers, bits, slot, tag, keys, out, places[i], words)
            if table[slot] == 0:
                number = number_of(count, worker, workers)
                for k in range(words):
                    keys[number * words + k] = out[places[i] + k]
                parents[number] = number_of(sources[i], source, workers)
                count += 1
                table[slot] = tag | count
                if pending:
                    unusual = (check(keys, number * words) ^ normal) & pending
                    if unusual:
                        noted[0] += 1
                        noted[noted[0]] = number
                        pending &= ~unusual
    return count


@machine_code(I, A, I, U, I, I, I, I, I)
def reenter(keys, words, table, size, worker, workers, first, last):  # type: ignore[no-untyped-def]
    """Enter a worker's states, all different, into an empty share of a table; returns ``last``."""
    bits = bits_of(size)
    hashes = np.empty(BATCH, np.int64)
    for start in range(first, last, BATCH):
        end = min(start + BATCH, last)
        for i in range(start, end):
            hashes[i - start] = mixed(keys, number_of(i, worker, workers) * words, words)
            fetch(table, worker * size + slot_of(hashes[i - start], size))
        for i in range(start, end):
            found = hashes[i - start]
            slot = slot_of(found, size)
            while table[worker * size + slot] != 0:
                slot += 1
                if slot == size:
                    slot = 0
            table[worker * size + slot] = tag_of(found, bits) | (i + 1)
    return last


@machine_code(I, A, I, U, I, A, I)
def find(keys, words, table, size, out, at):  # type: ignore[no-untyped-def]
    """The number of the state ``out[at]`` in the table of one worker, or -1."""
    bits = bits_of(size)
    found = mixed(out, at, words)
    slot, tag = slot_of(found, size), tag_of(found, bits)
    slot = entry_of(table, size, 0, 1, bits, slot, tag, keys, out, at, words)
    return (np.int64(table[slot]) & ((1 << bits) - 1)) - 1


ALL_DONE, LARGE, FULL, PAUSED, TOLD, EXPLAIN = range(6)
"""Why ``walk`` came back: no state is left; a level is worth threads; more memory is needed; it is time to
look at the limits; something was noted; a step gave a negative code."""


@machine_code(
    I, STEP, CHECK, A, I, U, U, I, I, I, A, A, A, A, A, I, A, A, I, I, I, I, A, A, A, A, *KEPT
)  # fmt: skip
def walk(  # type: ignore[no-untyped-def]
    step, check, keys, words, parents, table, size, most_states, workers, done, level, count, bounds, out,
    most, ends, totals, large, budget, normal, pending, noted, starts, ways, tales,
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
                step, keys, words, first, level[source], source, workers, out, most, ends,
                starts, ways, tales, digits, widths, scratch, happened,
            )  # fmt: skip
            if scratch[1]:
                scratch[2] = number_of(last, source, workers)
                return EXPLAIN
            done[source] = last
            budget -= 1 + last - first
            if last > first:
                totals[0] += ends[last - first - 1]
            for p in range(workers):
                count[p] = insert(
                    check, keys, words, parents, table, size, p, workers, count[p], out, ends,
                    first, last - first, source, normal, pending, noted,
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

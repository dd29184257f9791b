"""The loops of a search in machine code: they take a model's step as a function, and are compiled once.

States are rows of ``keys``, ``words`` numbers each, in the order in which they were reached. A hash table
of 32-bit entries has their numbers: an entry is 0, or the number plus one in its low bits and a tag, some
bits of the hash, above. Each worker has a share of the table and of the numbers, by the hash: its states
stand in ``keys`` in blocks of 512, in turn with those of the others, so no two write to one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

I = types.int64  # noqa: E741 - as numba's own documents call it
A = types.Array(types.int64, 1, "C")
U = types.Array(types.uint32, 1, "C")
KEPT = (A, A, A, A)
STEP = types.FunctionType(I(A, I, A, I, *KEPT))
"""expand(keys, at, out, n, digits, widths, scratch, happened)"""
CHECK = types.FunctionType(I(A, I))
"""check(keys, at)"""
TRACKED = types.FunctionType(I(A, I, A, A, A, A, I, *KEPT))
"""expand(keys, at, out, starts, ways, tales, n, digits, widths, scratch, happened)"""
BLOCK = 9
"""The bits of a number within a worker's block of ``keys``."""
BATCH = 512
"""Targets whose entries are fetched into the cache before they are looked at."""
LOW = (1 << 32) - 1
SPREAD = -7046029254386353131  # 2**64 divided by the golden ratio, odd: Knuth's multiplicative hashing


def machine_code(*signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function for one signature; kept on disk where there is a place for it."""

    def compile_(function: Callable[..., Any]) -> Callable[..., Any]:
        wanted = signature[0](*signature[1:])
        try:
            made: Callable[..., Any] = njit(wanted, nogil=True, cache=True)(function)
        except RuntimeError:  # it says that it finds no place that can be written
            made = njit(wanted, nogil=True)(function)
        return made

    return compile_


def _fetch(context: Any, array: Any, at: Any) -> Any:
    """Ask for the memory of an element before it is needed."""
    del context

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.globals.get("llvm.prefetch.p0")
        function = function or ir.Function(builder.module, kind, "llvm.prefetch.p0")
        place = builder.bitcast(builder.gep(data, [args[1]]), byte)
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, at), code


fetch: Any = intrinsic(_fetch)


@njit(inline="always")
def mixed(keys, at, words):  # type: ignore[no-untyped-def]
    """A hash of a state, all bits as good as random."""
    found = 0
    for i in range(words):
        found = (found ^ keys[at + i]) * SPREAD
        found ^= (found >> 32) & LOW
    found *= SPREAD
    return found ^ ((found >> 29) & 0x7FFFFFFFF)


@njit(inline="always")
def number_of(index, worker, workers):  # type: ignore[no-untyped-def]
    """The number of the state that is a worker's own ``index``."""
    if workers == 1:
        return index
    return (((index >> BLOCK) * workers + worker) << BLOCK) | (index & ((1 << BLOCK) - 1))


@machine_code(I, STEP, A, I, I, I, I, I, A, I, A, *KEPT)
def expand(  # type: ignore[no-untyped-def]
    step, keys, words, first, last, worker, workers, out, most, ends, digits, widths, scratch, happened
):
    """Write the targets of a worker's states to ``out``, and how many there are after each to ``ends``.

    Returns the state after the last one done: it ends early when there are ``most`` targets, or at a state
    whose step gave a negative code, which is then in ``scratch[1]``.
    """
    n = 0
    scratch[1] = 0
    for i in range(first, last):
        if n >= most:
            return i
        code = step(keys, number_of(i, worker, workers) * words, out, n, digits, widths, scratch, happened)
        if code < 0:
            scratch[1] = code
            return i
        n = code
        ends[i - first] = n
    return last


@njit(inline="always")
def entry_of(table, size, worker, workers, bits, slot, tag, keys, out, at, words):  # type: ignore[no-untyped-def]
    """The entry of the state ``out[at]``, or the free one where it belongs: both as places in ``table``."""
    base, mask = worker * size, (1 << bits) - 1
    while True:
        entry = np.int64(table[base + slot])
        if entry == 0:
            return base + slot
        if entry & ~mask == tag:
            place = number_of((entry & mask) - 1, worker, workers) * words
            same = True
            for i in range(words):
                same = same and keys[place + i] == out[at + i]
            if same:
                return base + slot
        slot += 1
        if slot == size:
            slot = 0


@machine_code(I, CHECK, A, I, U, U, I, I, I, I, A, A, I, I, I, I, I, A)
def insert(  # type: ignore[no-untyped-def]
    check, keys, words, parents, table, size, worker, workers, count, out, ends, first, states, source,
    normal, pending, noted,
):  # fmt: skip
    """Add those targets of a chunk that are this worker's and new; how many states it has then.

    ``noted[0]`` numbers are in ``noted``: of states in which something ``pending`` is not ``normal``.
    """
    bits = 0
    while size >> bits:
        bits += 1
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
                fetch(table, worker * size + ((((found >> 32) & LOW) * size) >> 32))
                n += 1
            at += 1
        for i in range(n):
            entry = np.int64(table[worker * size + ((((hashes[i] >> 32) & LOW) * size) >> 32)])
            fetch(keys, number_of((entry & ((1 << bits) - 1)) - 1, worker, workers) * words)
        for i in range(n):
            tag = (hashes[i] & ((1 << (32 - bits)) - 1)) << bits
            slot = (((hashes[i] >> 32) & LOW) * size) >> 32
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
    bits = 0
    while size >> bits:
        bits += 1
    hashes = np.empty(BATCH, np.int64)
    for start in range(first, last, BATCH):
        end = min(start + BATCH, last)
        for i in range(start, end):
            hashes[i - start] = mixed(keys, number_of(i, worker, workers) * words, words)
            fetch(table, worker * size + ((((hashes[i - start] >> 32) & LOW) * size) >> 32))
        for i in range(start, end):
            found = hashes[i - start]
            slot = (((found >> 32) & LOW) * size) >> 32
            while table[worker * size + slot] != 0:
                slot += 1
                if slot == size:
                    slot = 0
            table[worker * size + slot] = ((found & ((1 << (32 - bits)) - 1)) << bits) | (i + 1)
    return last


@machine_code(I, A, I, U, I, A, I)
def find(keys, words, table, size, out, at):  # type: ignore[no-untyped-def]
    """The number of the state ``out[at]`` in the table of one worker, or -1."""
    bits = 0
    while size >> bits:
        bits += 1
    found = mixed(out, at, words)
    slot, tag = (((found >> 32) & LOW) * size) >> 32, (found & ((1 << (32 - bits)) - 1)) << bits
    slot = entry_of(table, size, 0, 1, bits, slot, tag, keys, out, at, words)
    return (np.int64(table[slot]) & ((1 << bits) - 1)) - 1


ALL_DONE, LARGE, FULL, PAUSED, TOLD, EXPLAIN = range(6)
"""Why ``walk`` came back: no state is left; a level is worth threads; more memory is needed; it is time to
look at the limits; something was noted; a step gave a negative code."""


@machine_code(
    I, STEP, CHECK, A, I, U, U, I, I, I, A, A, A, A, A, I, A, A, I, I, I, I, A, *KEPT
)  # fmt: skip
def walk(  # type: ignore[no-untyped-def]
    step, check, keys, words, parents, table, size, most_states, workers, done, level, count, bounds, out,
    most, ends, totals, large, budget, normal, pending, noted, digits, widths, scratch, happened,
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
                digits, widths, scratch, happened,
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

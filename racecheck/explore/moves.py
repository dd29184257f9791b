"""All moves of the states of a compiled search, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from racecheck.compiler.program import Graph
from racecheck.errors import RacecheckError
from racecheck.explore.arrays import ArraySpace
from racecheck.explore.compiled import CompiledEngine
from racecheck.explore.engine import Goal, Spot
from racecheck.explore.layout import WORD
from racecheck.explore.native import EXPAND, KEPT, VALUE, A, I, U, fetch, machine_code
from racecheck.explore.source import NO_VALUE
from racecheck.explore.table import mixed, number_in, place_of
from racecheck.explore.tales import PARTS, TOLD

CHUNK = 1 << 10
"""Moves that are looked up at a time."""
SLICE = 1 << 16
"""States between two questions whether to give up."""
MOST_SPOTS = 1 << 25
MOST_TALES = 1 << 16
WIDE, NARROW, SHORT = types.int32[::1], types.int16[::1], types.uint16[::1]


class Moves(NamedTuple):
    """The places occupied in each state ("stands"), and the moves from these ("edges").

    State s has the stands from ``first_stand[s]`` on, and stand i the edges from ``first_edge[i]`` on. A
    stand is of a place, a number in ``spots``, where so many ``processes`` are. An edge has a ``target``
    and a number in ``tales``: the ways of its choices, and what it tells of the goal as in generated code.
    States that are ``outside``, not expanded or behind a failed assert, have no stands.
    """

    first_stand: NDArray[np.int32]
    stand_place: NDArray[np.int32]
    processes: NDArray[np.int16]
    first_edge: NDArray[np.int32]
    target: NDArray[np.int32]
    told: NDArray[np.uint16]
    outside: NDArray[np.bool_]
    spots: list[Spot]
    tales: list[tuple[int, int]]


def moves_of(space: ArraySpace, goal: Goal | None, give_up: Callable[[], object]) -> Moves:
    """The moves of all states, or of the first ones when told to give up. Costs some 50 ns a move."""
    engine, layout, rows = space.compiled, space.compiled.layout, space.arrays.rows
    parts, step, room = _parts(engine), engine.teller(goal), CHUNK + engine.most_targets()
    many = len(parts[0])
    table = space.arrays.table
    spots = np.zeros(2 * min(MOST_SPOTS, space.states * many + 1), np.int64)
    spot_table = np.zeros(1 << (len(spots) + 1).bit_length(), np.int32)
    tales, counts = np.zeros(MOST_TALES, np.int64), np.zeros(4, np.int64)
    first_stand, outside = np.zeros(space.states + 1, np.int32), np.ones(space.states, np.bool_)
    stand_place, processes = np.zeros(0, np.int32), np.zeros(0, np.int16)
    first_edge = np.zeros(1, np.int32)
    target, told = np.empty(space.transitions, np.int32), np.empty(space.transitions, np.uint16)
    buffers = [np.empty(room * layout.words, np.int64), *(np.empty(room, np.int64) for _ in range(3))]
    done = 0
    for first in range(0, space.states, SLICE):
        if first and give_up():
            break
        done = min(first + SLICE, space.states)
        stands = int(counts[0]) + (done - first) * many
        for array, more in ((stand_place, 0), (processes, 0), (first_edge, 1)):
            if len(array) < stands + more:
                array.resize(stands * 9 // 8 + more, refcheck=False)
        _gather(
            step, rows, layout.words, first, min(done, space.expanded), table, *parts,
            layout.failed // WORD, layout.failed % WORD, *buffers, spots, spot_table, tales, counts,
            first_stand, stand_place, processes, first_edge, target, told, outside, *engine.kept(),
        )  # fmt: skip
        first_stand[max(first, min(done, space.expanded)) + 1 : done + 1] = counts[0]
        if counts[2] > len(spots) // 2 - 1 or counts[3] > MOST_TALES - 1:
            raise RacecheckError("the processes stand at more places than can be told apart: check less")
    for array, length in ((stand_place, counts[0]), (processes, counts[0]), (first_edge, counts[0] + 1)):
        array.resize(int(length), refcheck=False)
    target.resize(int(counts[1]), refcheck=False)
    told.resize(int(counts[1]), refcheck=False)
    pairs = spots[: 2 * int(counts[2])].reshape(-1, 2).tolist()
    return Moves(
        first_stand[: done + 1], stand_place, processes, first_edge, target, told, outside[:done],
        [(e, block) for e, block in pairs],
        [(tale >> TOLD + PARTS, tale & (1 << TOLD) - 1) for tale in tales[: int(counts[3])].tolist()],
    )  # fmt: skip


def values_of(space: ArraySpace, expression: Graph, states: int) -> NDArray[np.int64]:
    """The value of a property's expression in each of the first states; ModelError as it raises that."""
    values = np.empty(states, np.int64)
    _evaluate(space.compiled.values(expression), space.arrays.rows, space.arrays.words, values)
    wrong = np.flatnonzero(values == NO_VALUE)
    if wrong.size:
        evaluate = space.engine.evaluator(expression)
        values[wrong] = [evaluate(space.arrays.key(number)) for number in wrong.tolist()]
    return values


def _parts(engine: CompiledEngine) -> tuple[NDArray[np.int64], ...]:
    """Of each process, or place that is counted: word, shift, mask, entry, and the place or -1."""
    found = [(at // WORD, at % WORD, mask, e, -1 if p is None else p) for e, at, mask, p in engine.parts]
    return tuple(np.array(column, np.int64) for column in zip(*found, strict=True))


@machine_code(I, VALUE, A, I, A)
def _evaluate(value: Any, rows: Any, words: int, values: Any) -> int:
    """The value of each state."""
    for i in range(len(values)):
        values[i] = value(rows, i * words)
    return 0


@njit(inline="always")
def _named(entry, block, spots, table, counts):  # type: ignore[no-untyped-def]
    """The number of a place: a new one for a new place."""
    mask = len(table) - 1
    slot = (((block * 2654435761) ^ (entry * 40503)) * 11400714819323 >> 16) & mask
    while table[slot]:
        at = 2 * (np.int64(table[slot]) - 1)
        if spots[at] == entry and spots[at + 1] == block:
            return np.int64(table[slot]) - 1
        slot = (slot + 1) & mask
    number = counts[2]
    if 2 * number + 1 < len(spots):
        spots[2 * number], spots[2 * number + 1] = entry, block
        table[slot] = number + 1
        counts[2] += 1
    return number


@njit(inline="always")
def _tale(tale, tales, counts):  # type: ignore[no-untyped-def]
    """The number of what a move tells: a new one for what no move has told."""
    for i in range(counts[3]):
        if tales[i] == tale:
            return i
    number = counts[3]
    if number + 1 < len(tales):
        tales[number] = tale
        counts[3] += 1
    return number


@njit(inline="always")
def _block(rows, at, part, word, shift, mask):  # type: ignore[no-untyped-def]
    """A part of the state ``rows[at]``."""
    return (rows[at + word[part]] >> shift[part]) & mask[part]


@njit(inline="always")
def _processes(rows, at, part, word, shift, mask, owner, counted):  # type: ignore[no-untyped-def]
    """How many processes stand at the place of a part; 0 if an earlier part stands there, too."""
    block = _block(rows, at, part, word, shift, mask)
    if counted[part] >= 0:
        return block
    found, other = 1, part - 1
    while other >= 0 and owner[other] == owner[part]:
        if _block(rows, at, other, word, shift, mask) == block:
            return 0
        other -= 1
    other = part + 1
    while other < len(owner) and owner[other] == owner[part]:
        found += _block(rows, at, other, word, shift, mask) == block
        other += 1
    return found


@njit(inline="always")
def _stands_at(rows, at, mover, part, word, shift, mask, owner, counted):  # type: ignore[no-untyped-def]
    """Whether the process that moves stands at the place of a part."""
    if mover == part:
        return True
    if counted[part] >= 0 or owner[mover] != owner[part]:
        return False
    return _block(rows, at, mover, word, shift, mask) == _block(rows, at, part, word, shift, mask)


@machine_code(
    I, EXPAND, A, I, I, I, U, A, A, A, A, A, I, I, A, A, A, A, A, WIDE, A, A, WIDE, WIDE, NARROW,
    WIDE, WIDE, SHORT, types.boolean[::1], *KEPT,
)  # fmt: skip
def _gather(  # type: ignore[no-untyped-def]
    expand, rows, words, first, last, table, word, shift, mask, owner, counted, failed_word,
    failed_bit, out, ends, tells, hashes, spots, spot_table, tales, counts, first_stand, stand_place,
    processes, first_edge, target, told, outside, digits, widths, scratch, happened,
):  # fmt: skip
    """Stands and edges of the states from ``first`` to before ``last``.

    ``counts`` are stands, edges, places and tales so far.
    """
    done, ways = first, ~((1 << TOLD + PARTS) - 1 ^ (1 << TOLD) - 1)
    while done < last:
        start = done
        done = expand(rows, start, last, out, CHUNK, ends, tells, digits, widths, scratch, happened)
        for i in range(ends[done - start - 1]):
            hashes[i] = mixed(out, i * words, words)
            fetch(table, place_of(hashes[i], len(table)))
        low = 0
        for state in range(start, done):
            at, high = state * words, ends[state - start]
            outside[state] = (rows[at + failed_word] >> failed_bit) & 1
            for part in range(len(word)):
                here = 0
                if not outside[state]:
                    here = _processes(rows, at, part, word, shift, mask, owner, counted)
                if not here:
                    continue
                block = counted[part]
                if block < 0:
                    block = _block(rows, at, part, word, shift, mask)
                for i in range(low, high):
                    mover = (tells[i] >> TOLD) & ((1 << PARTS) - 1)
                    if _stands_at(rows, at, mover, part, word, shift, mask, owner, counted):
                        target[counts[1]] = number_in(table, hashes[i], rows, out, i * words, words)
                        told[counts[1]] = _tale(tells[i] & ways, tales, counts)
                        counts[1] += 1
                stand_place[counts[0]] = _named(owner[part], block, spots, spot_table, counts)
                processes[counts[0]] = here
                counts[0] += 1
                first_edge[counts[0]] = counts[1]
            first_stand[state + 1] = counts[0]
            low = high
    return last

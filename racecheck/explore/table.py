"""A hash table of states for machine code, and how functions become that.

States are rows of ``keys``, ``words`` numbers each, in the order in which they were reached. The table has
their numbers: an entry of 32 bits is 0, or the number plus one in its low bits and a tag, some bits of the
hash, above. Each worker has a share of the table and of the numbers, by the hash: its states stand in
``keys`` in blocks of 512, in turn with those of the others, so no two write to one place.

A state is looked for from a place of its own on, around the line of the cache that this is in, and in the
next line only if that one is full: "walking the line" (Laarman, van de Pol, Weber: Boosting multi-core
reachability performance with shared hash tables, 2010). A line is compared at once, by vector instructions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from racecheck.kernels import BARE, compiled

I = types.int64  # noqa: E741 - as numba's own documents call it
_ZERO = ir.Constant(ir.IntType(32), 0)
A = types.Array(types.int64, 1, "C")
U = types.Array(types.uint32, 1, "C")
KEPT = (A, A, A, A)
EXPAND = types.FunctionType(I(A, I, I, I, I, A, I, A, A, *KEPT))
"""See ``racecheck.explore.machine.expander``."""
CHECK = types.FunctionType(I(A, I, I, I, I, I, I, A))
"""See ``racecheck.explore.machine.checker``."""
VALUE = types.FunctionType(I(A, I))
"""value(keys, at)"""
BLOCK = 9
"""The bits of a number within a worker's block of ``keys``."""
LINE = 16
"""Entries of a line of the table, as many as one of the processor's cache has."""
BATCH = 512
"""Targets whose entries are fetched into the cache before they are looked at."""
LOW = (1 << 32) - 1
OPTIONS: Any = BARE | {"error_model": "numpy"}
"""Options of numba's: a model's division by zero is looked for by its own code."""
MARK = hashlib.sha256(Path(__file__).read_bytes() + repr(OPTIONS).encode()).hexdigest()[:16]
"""Tells apart code that was compiled with other versions of this file."""
SPREAD = -7046029254386353131  # 2**64 divided by the golden ratio, odd: Knuth's multiplicative hashing


def machine_code(*signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function for one signature: what it returns, and what it takes."""
    return lambda function: compiled(function, MARK, signature[0](*signature[1:]), **OPTIONS)


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


def _get(context: Any, array: Any, at: Any) -> Any:
    """An element: numba's own indexing looks whether the index is negative, and none is here."""
    del context

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.load(builder.gep(data, [args[1]]))

    return array.dtype(array, at), code


def _put(context: Any, array: Any, at: Any, value: Any) -> Any:
    """Set an element; see ``get``."""
    del context

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        value = context.cast(builder, args[2], signature.args[2], signature.args[0].dtype)
        builder.store(value, builder.gep(data, [args[1]]))
        return context.get_dummy_value()

    return types.void(array, at, value), code


get: Any = intrinsic(_get)
put: Any = intrinsic(_put)


def _alike(context: Any, array: Any, at: Any, mask: Any, value: Any) -> Any:
    """Which entries of a line are this value where the mask has bits: a bit for each, the first lowest."""
    del context

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        kind = ir.VectorType(ir.IntType(32), LINE)
        line = builder.load(builder.bitcast(builder.gep(data, [args[1]]), kind.as_pointer()), align=4)
        mask, value = (_all_of(builder, kind, arg) for arg in args[2:])
        found = builder.icmp_signed("==", builder.and_(line, mask), value)
        return builder.zext(builder.bitcast(found, ir.IntType(LINE)), ir.IntType(64))

    return types.int64(array, at, mask, value), code


def _all_of(builder: Any, kind: Any, value: Any) -> Any:
    """A vector with this value everywhere."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), builder.trunc(value, kind.element), _ZERO)
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), LINE), None))


def _lowest(context: Any, bits: Any) -> Any:
    """The place of the lowest bit that is set; one must be."""
    del context

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(bits), code


alike: Any = intrinsic(_alike)
lowest: Any = intrinsic(_lowest)


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
def number_of(index, worker, workers):  # type: ignore[no-untyped-def]
    """The number of the state that is a worker's own ``index``."""
    if workers == 1:
        return index
    return (((index >> BLOCK) * workers + worker) << BLOCK) | (index & ((1 << BLOCK) - 1))


@njit(inline="always")
def bits_of(size):  # type: ignore[no-untyped-def]
    """The bits of an entry that a number takes."""
    bits = 0
    while size >> bits:
        bits += 1
    return bits


@njit(inline="always")
def slot_of(found, size):  # type: ignore[no-untyped-def]
    """Where a hash belongs in a share of the table: by its high half."""
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
def entry_of(table, size, worker, workers, bits, slot, tag, keys, out, at, words):  # type: ignore[no-untyped-def]
    """The entry of the state ``out[at]``, or the free one where it belongs: both as places in ``table``."""
    start, mask = slot & (LINE - 1), (1 << bits) - 1
    line = slot - start
    while True:
        first = worker * size + line
        free = turned(alike(table, first, -1, 0), start)
        same = turned(alike(table, first, ~mask, tag), start) & ~free & (free - 1)
        while same:
            found = first + ((start + lowest(same)) & (LINE - 1))
            place = number_of((np.int64(get(table, found)) & mask) - 1, worker, workers) * words
            equal = get(keys, place) == get(out, at)
            for i in range(1, words):
                equal = equal and get(keys, place + i) == get(out, at + i)
            if equal:
                return found
            same &= same - 1
        if free:
            return first + ((start + lowest(free)) & (LINE - 1))
        line += LINE
        if line == size:
            line = 0


@njit(inline="always")
def free_entry(table, size, worker, slot):  # type: ignore[no-untyped-def]
    """The free entry where a state belongs that is not in the table."""
    start = slot & (LINE - 1)
    line = slot - start
    while True:
        free = turned(alike(table, worker * size + line, -1, 0), start)
        if free:
            return worker * size + line + ((start + lowest(free)) & (LINE - 1))
        line += LINE
        if line == size:
            line = 0


@njit(inline="always")
def number_in(table, size, bits, found, keys, out, at, words):  # type: ignore[no-untyped-def]
    """The number of the state ``out[at]``, of this hash, in the table of one worker; or -1."""
    slot, tag = slot_of(found, size), tag_of(found, bits)
    slot = entry_of(table, size, 0, 1, bits, slot, tag, keys, out, at, words)
    return (np.int64(get(table, slot)) & ((1 << bits) - 1)) - 1

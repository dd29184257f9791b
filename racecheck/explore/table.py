"""A hash table of states for machine code, and how functions become that.

States are rows of ``keys``, ``words`` numbers each, in the order in which they were reached. The table has
their numbers: an entry of 32 bits is 0, or the number plus one in its low bits and a tag, some bits of the
hash, above. Each worker has a share of the table and of the numbers, by the hash: its states stand in
``keys`` in blocks of 512, in turn with those of the others, so no two write to one place.
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
def entry_of(table, size, worker, workers, bits, slot, tag, keys, out, at, words):  # type: ignore[no-untyped-def]
    """The entry of the state ``out[at]``, or the free one where it belongs: both as places in ``table``."""
    base, mask = worker * size, (1 << bits) - 1
    while True:
        entry = np.int64(get(table, base + slot))
        if entry == 0:
            return base + slot
        if entry & ~mask == tag:
            place = number_of((entry & mask) - 1, worker, workers) * words
            same = get(keys, place) == get(out, at)
            for i in range(1, words):
                same = same and get(keys, place + i) == get(out, at + i)
            if same:
                return base + slot
        slot += 1
        if slot == size:
            slot = 0


@njit(inline="always")
def number_in(table, size, bits, found, keys, out, at, words):  # type: ignore[no-untyped-def]
    """The number of the state ``out[at]``, of this hash, in the table of one worker; or -1."""
    slot, tag = slot_of(found, size), tag_of(found, bits)
    slot = entry_of(table, size, 0, 1, bits, slot, tag, keys, out, at, words)
    return (np.int64(get(table, slot)) & ((1 << bits) - 1)) - 1

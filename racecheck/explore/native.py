"""What machine code is made of: its types, how a function becomes it, and what numba has no words for.

An intrinsic is written in the language of LLVM, which numba compiles to: a function of the builder that
gives the instructions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from racecheck.kernels import BARE, compiled

I = types.int64  # noqa: E741 - as numba's own documents call it
_ZERO = ir.Constant(ir.IntType(32), 0)
A = types.Array(types.int64, 1, "C")
U = types.Array(types.uint32, 1, "C")
KEPT = (A, A, A, A)
EXPAND = types.FunctionType(I(A, I, I, A, I, A, A, *KEPT))
"""See ``racecheck.explore.machine.expander``."""
CHECK = types.FunctionType(I(A, I, I, I, I, A))
"""See ``racecheck.explore.machine.checker``."""
VALUE = types.FunctionType(I(A, I))
"""value(keys, at)"""
LINE = 16
"""Entries of a line of the table, as many as one of the processor's cache has."""
OPTIONS: Any = BARE | {"error_model": "numpy"}
"""Options of numba's: a model's division by zero is looked for by its own code."""
SOURCES = [
    Path(__file__).with_name(f"{name}.py").read_text() for name in ("native", "table", "machine", "walk")
]
MARK = hashlib.sha256(repr((SOURCES, OPTIONS)).encode()).hexdigest()[:16]
"""Tells apart code that was compiled with other versions of these files."""


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


def _add(context: Any, array: Any, at: Any) -> Any:
    """Make an element that other threads see one more, after all that was written before."""
    del context

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        builder.atomic_rmw("add", builder.gep(data, [args[1]]), ir.Constant(ir.IntType(64), 1), "seq_cst")
        return context.get_dummy_value()

    return types.void(array, at), code


def _seen(context: Any, array: Any, at: Any) -> Any:
    """An element that other threads write."""
    del context

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.return_type
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.load_atomic(builder.gep(data, [args[1]]), "seq_cst", kind.bitwidth // 8)

    return array.dtype(array, at), code


def _swap(context: Any, array: Any, at: Any, old: Any, new: Any) -> Any:
    """Set an element that other threads write, if it is the old one still; whether it was."""
    del context

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        old, new = (
            context.cast(builder, arg, kind, signature.args[0].dtype)
            for arg, kind in zip(args[2:], signature.args[2:], strict=True)
        )
        done = builder.cmpxchg(builder.gep(data, [args[1]]), old, new, "seq_cst", "seq_cst")
        return builder.extract_value(done, 1)

    return types.boolean(array, at, old, new), code


add: Any = intrinsic(_add)
seen: Any = intrinsic(_seen)
swap: Any = intrinsic(_swap)
alike: Any = intrinsic(_alike)
lowest: Any = intrinsic(_lowest)

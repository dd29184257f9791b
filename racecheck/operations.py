"""What each operation on a shared word does: one table for every engine.

The expressions are over ``old`` (the word before), ``a`` and ``b`` (the arguments), and ``new`` (what
the operation would store, already converted to the word's C type). They are plain integer arithmetic,
so that the reference interpreter, native execution and generated code can all use the same text.
Semantics and orderings: Documentation/atomic_t.txt and include/linux/atomic/atomic-instrumented.h.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve, frozen

LOAD: Final = "unordered load"
STORE: Final = "unordered store"
UNORDERED: Final = "unordered RMW"
FULL: Final = "full"
ON_SUCCESS: Final = "full on success, unordered on failure"


@frozen
class Operation:
    """One atomic operation: its name, how many arguments, what it stores and returns.

    ``when`` guards the store ("" is always); ``boolean`` results are True or False to the user.
    A ``waits`` operation is not enabled unless ``when`` is true.
    """

    name: str
    arity: int
    new: str
    result: str
    ordering: str
    when: str = ""
    boolean: bool = False
    waits: bool = False


def _atomic() -> list[Operation]:
    plain = [
        Operation("read", 0, "", "old", LOAD),
        Operation("read_acquire", 0, "", "old", "acquire"),
        Operation("set", 1, "a", "", STORE),
        Operation("set_release", 1, "a", "", "release"),
        Operation("inc", 0, "old + 1", "", UNORDERED),
        Operation("dec", 0, "old - 1", "", UNORDERED),
        Operation("add", 1, "old + a", "", UNORDERED),
        Operation("sub", 1, "old - a", "", UNORDERED),
        Operation("and_", 1, "old & a", "", UNORDERED),
        Operation("or_", 1, "old | a", "", UNORDERED),
        Operation("xor", 1, "old ^ a", "", UNORDERED),
        Operation("andnot", 1, "old & ~a", "", UNORDERED),
        Operation("inc_and_test", 0, "old + 1", "new == 0", FULL, boolean=True),
        Operation("dec_and_test", 0, "old - 1", "new == 0", FULL, boolean=True),
        Operation("sub_and_test", 1, "old - a", "new == 0", FULL, boolean=True),
        Operation("add_unless", 2, "old + a", "old != b", ON_SUCCESS, "old != b", boolean=True),
        Operation("inc_not_zero", 0, "old + 1", "old != 0", ON_SUCCESS, "old != 0", boolean=True),
        Operation("dec_if_positive", 0, "old - 1", "new", ON_SUCCESS, "new >= 0"),
    ]
    return plain + [variant for base in _WITH_VARIANTS for variant in _variants(base)]


_WITH_VARIANTS = [
    Operation("inc_return", 0, "old + 1", "new", FULL),
    Operation("dec_return", 0, "old - 1", "new", FULL),
    Operation("add_return", 1, "old + a", "new", FULL),
    Operation("sub_return", 1, "old - a", "new", FULL),
    Operation("fetch_add", 1, "old + a", "old", FULL),
    Operation("fetch_sub", 1, "old - a", "old", FULL),
    Operation("fetch_and", 1, "old & a", "old", FULL),
    Operation("fetch_or", 1, "old | a", "old", FULL),
    Operation("add_negative", 1, "old + a", "new < 0", FULL, boolean=True),
    Operation("xchg", 1, "a", "old", FULL),
    Operation("cmpxchg", 2, "b", "old", ON_SUCCESS, "old == a"),
    Operation("try_cmpxchg", 2, "b", "old == a", ON_SUCCESS, "old == a", boolean=True),
]


def _variants(base: Operation) -> list[Operation]:
    """The operation and its weaker forms, with the kernel's suffixes."""
    on_success = " on success, unordered on failure" if base.when else ""
    weaker = [
        evolve(base, name=f"{base.name}_relaxed", ordering=UNORDERED),
        evolve(base, name=f"{base.name}_acquire", ordering="acquire" + on_success),
        evolve(base, name=f"{base.name}_release", ordering="release" + on_success),
    ]
    return [base, *weaker]


_FLAG = [
    Operation("test", 0, "", "old != 0", LOAD, boolean=True),
    Operation("set", 0, "1", "", UNORDERED),
    Operation("clear", 0, "0", "", UNORDERED),
    Operation("test_and_set", 0, "1", "old != 0", FULL, boolean=True),
    Operation("test_and_clear", 0, "0", "old != 0", FULL, boolean=True),
]

_LOCK = [
    Operation("lock", 0, "1", "", "acquire", "old == 0", waits=True),
    Operation("unlock", 0, "0", "", "release"),
    Operation("trylock", 0, "1", "old == 0", "acquire on success", "old == 0", boolean=True),
]

OPERATIONS: Final[dict[str, dict[str, Operation]]] = {
    kind: {operation.name: operation for operation in operations}
    for kind, operations in (("Atomic", _atomic()), ("Flag", _FLAG), ("Lock", _LOCK))
}
"""Operations by kind of word, then by name."""

# What a suffix weakens is in the table; the fences only order, which sequential consistency has no use for.
FENCES: Final = {
    "smp_mb": "full fence",
    "smp_rmb": "read fence",
    "smp_wmb": "write fence",
    "smp_mb__before_atomic": "full fence before the next RMW",
    "smp_mb__after_atomic": "full fence after the last RMW",
}

Effect = Callable[[int, int, int, int], tuple[bool, int, "int | bool | None"]]


def wrap(value: int, bits: int, signed: bool = True) -> int:
    """The value as a C integer of ``bits`` bits holds it (two's complement)."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def effect(operation: Operation) -> Effect:
    """A function of (old, a, b, bits) to (enabled or stored, the word afterwards, the result).

    The first item is False where ``when`` keeps the operation from storing.
    """
    run = _COMPILED.get(operation)
    if run is None:
        run = _COMPILED[operation] = _compile(operation)
    return run


_COMPILED: dict[Operation, Effect] = {}


def _compile(operation: Operation) -> Effect:
    new_of = eval(f"lambda old, a, b: {operation.new or 'old'}")
    when_of = eval(f"lambda old, new, a, b: {operation.when or 'True'}")
    result_of = eval(f"lambda old, new, a, b: {operation.result or 'None'}")

    def run(old: int, a: int, b: int, bits: int) -> tuple[bool, int, int | bool | None]:
        a, b = wrap(a, bits), wrap(b, bits)
        new = wrap(new_of(old, a, b), bits)
        stored = when_of(old, new, a, b)
        return stored, new if stored else old, result_of(old, new, a, b)

    return run

"""Each operation by hand: the word before, the arguments; the word after, the result.

From Documentation/atomic_t.txt and the fallbacks in include/linux/atomic/atomic-arch-fallback.h.
"""

import pytest

from racecheck.operations import OPERATIONS, effect

TOP, BOTTOM = 2**31 - 1, -(2**31)
ATOMIC = [
    ("read", 5, (), 5, 5),
    ("read_acquire", -1, (), -1, -1),
    ("set", 5, (7,), 7, None),
    ("set", 5, (2**32 - 1,), -1, None),
    ("set_release", 5, (-7,), -7, None),
    ("inc", TOP, (), BOTTOM, None),
    ("inc", 0, (), 1, None),
    ("dec", BOTTOM, (), TOP, None),
    ("dec", 0, (), -1, None),
    ("add", 5, (-7,), -2, None),
    ("add", TOP, (TOP,), -2, None),
    ("sub", 5, (7,), -2, None),
    ("sub", BOTTOM, (1,), TOP, None),
    ("and_", 6, (3,), 2, None),
    ("and_", -1, (2**31,), BOTTOM, None),
    ("or_", 6, (3,), 7, None),
    ("or_", 0, (2**31,), BOTTOM, None),
    ("xor", 6, (3,), 5, None),
    ("andnot", 6, (3,), 4, None),
    ("andnot", -1, (1,), -2, None),
    ("inc_return", TOP, (), BOTTOM, BOTTOM),
    ("inc_return", 0, (), 1, 1),
    ("dec_return", 0, (), -1, -1),
    ("add_return", 1, (4,), 5, 5),
    ("sub_return", 1, (4,), -3, -3),
    ("fetch_add", 1, (4,), 5, 1),
    ("fetch_sub", 1, (4,), -3, 1),
    ("fetch_and", 6, (3,), 2, 6),
    ("fetch_or", 6, (3,), 7, 6),
    ("inc_and_test", -1, (), 0, True),
    ("inc_and_test", 0, (), 1, False),
    ("dec_and_test", 1, (), 0, True),
    ("dec_and_test", 0, (), -1, False),
    ("sub_and_test", 3, (3,), 0, True),
    ("sub_and_test", 3, (2,), 1, False),
    ("add_negative", 0, (0,), 0, False),
    ("add_negative", 0, (-1,), -1, True),
    ("add_negative", TOP, (1,), BOTTOM, True),
    ("add_unless", 5, (1, 0), 6, True),
    ("add_unless", 0, (1, 0), 0, False),
    ("add_unless", -1, (1, 0), 0, True),
    ("inc_not_zero", 1, (), 2, True),
    ("inc_not_zero", 0, (), 0, False),
    ("inc_not_zero", -3, (), -2, True),
    ("dec_if_positive", 1, (), 0, 0),
    ("dec_if_positive", 0, (), 0, -1),
    ("dec_if_positive", -2, (), -2, -3),
    ("cmpxchg", 4, (4, 9), 9, 4),
    ("cmpxchg", 4, (5, 9), 4, 4),
    ("cmpxchg", -1, (2**32 - 1, 0), 0, -1),
    ("try_cmpxchg", 4, (4, 9), 9, True),
    ("try_cmpxchg", 4, (5, 9), 4, False),
    ("xchg", 4, (9,), 9, 4),
]
FLAG = [
    ("test", 0, (), 0, False),
    ("test", 1, (), 1, True),
    ("set", 0, (), 1, None),
    ("clear", 1, (), 0, None),
    ("test_and_set", 0, (), 1, False),
    ("test_and_set", 1, (), 1, True),
    ("test_and_clear", 1, (), 0, True),
    ("test_and_clear", 0, (), 0, False),
]
LOCK = [
    ("lock", 0, (), 1, None),
    ("trylock", 0, (), 1, True),
    ("trylock", 1, (), 1, False),
    ("unlock", 1, (), 0, None),
]
ROWS = [(kind, *row) for kind, rows in (("Atomic", ATOMIC), ("Flag", FLAG), ("Lock", LOCK)) for row in rows]
WEAKER = ("_relaxed", "_acquire", "_release")


@pytest.mark.parametrize(("kind", "name", "old", "args", "new", "result"), ROWS)
def test_operation(kind, name, old, args, new, result):
    """The operation, and its weaker forms where it has them, on a 32-bit word."""
    for form in [name, *(name + suffix for suffix in WEAKER)]:
        if form in OPERATIONS[kind]:
            a, b, *_ = (*args, 0, 0)
            _, after, returned = effect(OPERATIONS[kind][form])(old, a, b, 32)
            assert (after, returned, type(returned)) == (new, result, type(result))


def test_every_operation_has_a_row():
    """None is left out, but for the weaker forms of those that are here."""
    names = {(kind, name) for kind, name, *_ in ROWS}
    forms = {(kind, name + suffix) for kind, name in names for suffix in WEAKER}
    assert {(kind, name) for kind in OPERATIONS for name in OPERATIONS[kind]} <= names | forms


def test_64_bits_wrap_later():
    """The same operations on an atomic64_t."""
    assert effect(OPERATIONS["Atomic"]["inc_return"])(TOP, 0, 0, 64)[1:] == (TOP + 1, TOP + 1)
    assert effect(OPERATIONS["Atomic"]["inc"])(2**63 - 1, 0, 0, 64)[1] == -(2**63)


def test_orderings():
    """A value-returning operation is fully ordered, others are not; suffixes weaken (atomic_t.txt)."""
    atomic = OPERATIONS["Atomic"]
    assert {atomic[n].ordering for n in ("inc", "dec", "add", "sub", "or_", "andnot")} == {"unordered RMW"}
    assert {atomic[n].ordering for n in ("inc_return", "fetch_add", "xchg", "dec_and_test")} == {"full"}
    assert atomic["add_unless"].ordering == "full on success, unordered on failure"
    assert atomic["cmpxchg_acquire"].ordering == "acquire on success, unordered on failure"
    assert atomic["set_release"].ordering == "release"

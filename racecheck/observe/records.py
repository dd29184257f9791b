"""What a line of a page_ref log says: the change of one page's refcount, and what was read after it.

The events and their fields are those of include/trace/events/page_ref.h.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MOD, TEST, RETURN, UNLESS, FREEZE, UNFREEZE, SET = range(7)
KINDS: Final = {
    "page_ref_mod": MOD,
    "page_ref_mod_and_test": TEST,
    "page_ref_mod_and_return": RETURN,
    "page_ref_mod_unless": UNLESS,
    "page_ref_freeze": FREEZE,
    "page_ref_unfreeze": UNFREEZE,
    "page_ref_set": SET,
}
KIND_NAMES: Final = tuple(KINDS)
WITH_RESULT: Final = (TEST, RETURN, UNLESS, FREEZE)

LOCKED, REFERENCED, DIRTY, LRU, ACTIVE, PRIVATE, HEAD, SWAPBACKED, OWNER, EXCLUSIVE = (
    1 << bit for bit in range(10)
)
"""Flags of a page. ``OWNER`` is PG_swapcache on swapbacked pages, ``EXCLUSIVE`` is for anon ones."""
_NAMED: Final = {
    "locked": LOCKED,
    "referenced": REFERENCED,
    "dirty": DIRTY,
    "lru": LRU,
    "active": ACTIVE,
    "private": PRIVATE,
    "head": HEAD,
    "swapbacked": SWAPBACKED,
    "owner_priv_1": OWNER,
    "swapcache": OWNER,
    "mappedtodisk": EXCLUSIVE,
}
# Bit numbers of include/linux/page-flags.h, as `trace-cmd report` prints them. 6.12 has another order.
_BITS_6_1: Final = {
    0: LOCKED,
    1: REFERENCED,
    3: DIRTY,
    4: LRU,
    5: ACTIVE,
    10: OWNER,
    13: PRIVATE,
    16: HEAD,
    17: EXCLUSIVE,
    19: SWAPBACKED,
}


class Record(NamedTuple):
    """One change of a page's refcount.

    ``actor`` is who runs: a task, or what interrupts it on a CPU; its records are in program order.
    ``refcount`` and ``mapcount`` were read after the change, one after the other. ``ret`` is -1 for events
    without a result.
    """

    line: int
    actor: int
    cpu: int
    time: float
    kind: int
    pfn: int
    flags: int
    refcount: int
    mapcount: int
    mapping: str
    val: int
    ret: int


class Event(NamedTuple):
    """Another event of the log: its name, and the rest of the line."""

    line: int
    actor: int
    cpu: int
    time: float
    name: str
    text: str


def flag_bits(text: str) -> int:
    """The flags of a record, from names joined by ``|`` or from trace-cmd's hexadecimal number."""
    if text.startswith("0x"):
        bits = int(text, 16)
        return sum(flag for bit, flag in _BITS_6_1.items() if bits >> bit & 1)
    return sum({_NAMED.get(name, 0) for name in text.split("|")})


def actor_of(pid: int, cpu: int, context: str) -> int:
    """Who runs: a task by its pid, the idle task of a CPU, or an interrupt of either.

    The third character of the log's column of flags tells hard and soft interrupts from tasks
    (kernel/trace/trace_output.c:trace_print_lat_fmt).
    """
    level = context[2] if len(context) > 2 and context[2] in "sShHzZ" else ""
    who = pid if pid else -1 - cpu
    return who * 8 + (" sShHzZ".index(level) if level else 0)


def pid_of(actor: int) -> int:
    """The pid of an actor; 0 for the idle task."""
    return max(actor >> 3, 0)

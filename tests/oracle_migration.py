"""The processes of ``models/migration.py`` as step tables written by hand, like ``oracle_tables``.

An anon folio is compared; a file folio is frozen at two references, the page cache's and compaction's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from oracle_tables import Claim, Entry, System, Table, chain, go

Test = Callable[[Any], bool]


class Moved(NamedTuple):
    refs: int
    exclusive: int
    maps: int = 1
    entries: int = 0
    lru: int = 1
    ptl: int = 0
    locked: int = 0
    pins: int = 0


def free(s: Moved) -> bool:
    return s.ptl == 0


def unlocked(s: Moved) -> bool:
    return s.locked == 0


def negated(test: Test) -> Test:
    return lambda s: not test(s)


def compaction(policy: str, anon: bool, bias: int) -> Table:
    def left(s: Moved) -> bool:
        return s.maps > 0 and not (anon and s.exclusive and s.refs >= bias)

    first = "test" if policy == "maybe_dma_pinned" else "isolate"
    table: Table = {
        "get": [go(first, lambda s: s.refs != 0, refs=1), go("get", lambda s: s.refs == 0)],
        "test": [go("put", lambda s: s.refs >= bias), go("isolate", lambda s: s.refs < bias)],
        "isolate": [go("lock", lambda s: s.lru, lru=-1), go("put", lambda s: not s.lru)],
        "lock": [go("ptl", unlocked, locked=1)],
        "ptl": [go("unmap", free, ptl=1)],
        "unmap": [go("entry", left, maps=-1), go("all unmapped", negated(left))],
        "entry": [go("unmapped", refs=-1, entries=1)],
        "unmapped": [go("ptl", ptl=-1)],
        "all unmapped": [go("look", ptl=-1)],
        "look": [go("mapping", lambda s: s.maps == 0), go("ptl again", lambda s: s.maps > 0)],
        "mapping": [go("compare" if anon else "private")],
        "compare": [go("ptl again")],
        "private": [go("freeze")],
        "freeze": [
            go("unfreeze", lambda s: s.refs == 2, refs=-2),
            go("ptl again", lambda s: s.refs != 2),
        ],
        "unfreeze": [go("ptl again", refs=2)],
        "ptl again": [go("take", free, ptl=1)],
        "take": [
            go("ref", lambda s: s.entries > 0, entries=-1),
            go("all mapped", lambda s: s.entries == 0),
        ],
        "all mapped": [go("unlock", ptl=-1)],
    }
    table |= chain(("ref", {"refs": 1}), ("map", {"maps": 1}), ("mapped", {"ptl": -1}), then="ptl again")
    return table | chain(
        ("unlock", {"locked": -1}), ("put back", {"lru": 1}), ("put", {"refs": -1}), then="get"
    )


def fork(held: int, bias: int) -> Table:
    def pinned(s: Moved) -> bool:
        return bool(s.exclusive) and s.refs >= bias

    return {
        f"fork {held}": [
            go(f"fork get {held}", lambda s: s.maps > 0),
            go(f"fork entry {held}", lambda s: s.maps == 0),
        ],
        f"fork entry {held}": [go(f"forked {held}", entries=1)],
        f"fork get {held}": [go(f"fork map {held}", refs=1)],
        f"fork map {held}": [
            go(f"copy {held}", pinned),
            go(f"forked {held}", lambda s: s.exclusive and s.refs < bias, maps=1, exclusive=-1),
            go(f"forked {held}", lambda s: not s.exclusive, maps=1),
        ],
        f"copy {held}": [go(f"refused {held}", refs=-1)],
        f"refused {held}": [go(f"rest {held}", ptl=-1)],
        f"forked {held}": [go(f"rest {held + 1}", ptl=-1)],
    }


def fault(held: int) -> Table:
    return chain(
        (f"fault lock {held}", {"when": unlocked, "locked": 1}),
        (f"fault map {held}", {"maps": 1}),
        (f"fault unlock {held}", {"locked": -1}),
        then=f"rest {held + 1}",
    )


def zap(held: int) -> Table:
    entry = [
        go(f"zapped entry {held}", lambda s: s.entries > 0, entries=-1),
        go(f"zap page {held}", lambda s: s.entries == 0),
    ]
    page = go(f"zapped page {held}", maps=-1)
    return {
        f"zap {held}": [
            go(f"zap entry {held}", lambda s: s.maps == 0),
            go(f"zap either {held}", lambda s: s.maps > 0),
        ],
        f"zap entry {held}": entry,
        f"zap either {held}": [*entry, page],
        f"zap page {held}": [page],
        f"zapped entry {held}": [go(f"rest {held - 1}", ptl=-1)],
        f"zapped page {held}": [go(f"zap put {held}", ptl=-1)],
        f"zap put {held}": [go(f"rest {held - 1}", refs=-1)],
    }


def mapper(anon: bool, mappings: int, bias: int) -> Table:
    table: Table = {}
    for held in range(mappings + 1):
        up = [go(f"fork {held}", free, ptl=1)]
        if not anon:
            up = [
                go(f"fault lock {held}", lambda s: s.refs != 0, refs=1),
                go(f"rest {held}", lambda s: s.refs == 0),
            ]
        down = [go(f"zap {held}", free, ptl=1)] if held else []
        table[f"rest {held}"] = (up if held < mappings else []) + down
        table |= (fork(held, bias) if anon else fault(held)) | (zap(held) if held else {})
    return table


def pinner(anon: bool, bias: int) -> Table:
    allowed: Test = (lambda s: bool(s.exclusive)) if anon else (lambda _: True)
    return {
        "rest": [go("pte", free, ptl=1)],
        "pte": [go("grab", lambda s: s.maps > 0), go("not pinned", lambda s: s.maps == 0)],
        "grab": [go("grabbed", allowed, refs=bias, pins=1), go("not pinned", negated(allowed))],
        "grabbed": [go("pinned", ptl=-1)],
        "not pinned": [go("rest", ptl=-1)],
        "pinned": [go("rest", refs=-bias, pins=-1)],
    }


def migration(
    *,
    policy: str = "always_try",
    page: str = "anon",
    attackers: str = "mapper+pinner",
    mappers: int = 1,
    mappings: int = 2,
    pinners: int = 1,
    bias: int = 1024,
) -> System:
    anon, attacking = page == "anon", attackers.split("+")
    most = 1 + mappers * mappings * ("mapper" in attacking)
    pins = pinners * ("pinner" in attacking)
    scan = compaction(policy, anon, bias)
    holder: Table = {
        "rest": [go("held", lambda s: s.refs != 0, refs=1), go("rest", lambda s: s.refs == 0)],
        "held": [go("rest", refs=-1)],
    }
    entries = {
        "mapper": Entry("rest 0", mapper(anon, mappings, bias), mappers),
        "pinner": Entry("rest", pinner(anon, bias), pinners),
        "holder": Entry("rest", holder),
        "twin": Entry("get", scan),
    }
    claims: dict[str, Claim] = {
        "refcount covers mapcount": ("always", lambda s: s.refs >= s.maps),
        "migration entries are for a locked folio": ("always", lambda s: not s.entries or s.locked),
        "every mapping is made": ("sometimes", lambda s: s.maps == most),
        "every pin is taken": ("sometimes", lambda s: s.pins == pins),
    }
    others = [entries[name] for name in attacking if name != "none"]
    start = Moved(refs=1 + (not anon), exclusive=int(anon))
    return System(start, [Entry("get", scan), *others], claims)

"""The models' processes as step tables written by hand; racecheck has no part in it.

A table leads from each place to its moves. A place is the name of the step that comes next, with
the locals that are still needed; a move changes shared values (deltas, if ``when`` holds) and leads
to the next place. ``oracles`` counts the states.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

Move = Callable[[Any], "tuple[str, Any] | None"]
Table = dict[str, list[Move]]
Claim = tuple[str, Callable[[Any], object]]  # always or sometimes, and the condition


class Entry(NamedTuple):
    start: str
    table: Table
    count: int = 1


class System(NamedTuple):
    shared: Any
    entries: list[Entry]
    claims: dict[str, Claim]


def go(place: str, when: Callable[[Any], object] | None = None, **deltas: int) -> Move:
    """A move that is possible where ``when`` holds, and adds to shared values."""

    def move(s: Any) -> tuple[str, Any] | None:
        if when is not None and not when(s):
            return None
        return place, s._replace(**{name: getattr(s, name) + d for name, d in deltas.items()})

    return move


def chain(*steps: tuple[str, dict[str, Any]], then: str) -> Table:
    """A table for steps that follow each other, the last one leading to ``then``."""
    places = [place for place, _ in steps] + [then]
    return {place: [go(places[i + 1], **step)] for i, (place, step) in enumerate(steps)}


# bench/models/mapunmap.py


class Page(NamedTuple):
    refs: int = 1
    maps: int = 0


def mapunmap(n: int = 2) -> System:
    mapper = chain(
        ("refs up", {"refs": 1}),
        ("maps up", {"maps": 1}),
        ("maps down", {"maps": -1}),
        ("refs down", {"refs": -1}),
        then="refs up",
    )
    scanner: Table = {
        "get": [go("maps", refs=1)],
        "maps": [lambda s: (f"refs, saw {s.maps}", s)],
        "put": [go("get", refs=-1)],
    }
    scanner |= {f"refs, saw {maps}": [go("put")] for maps in range(n + 1)}
    claims: dict[str, Claim] = {"refcount >= mapcount": ("always", lambda s: s.refs >= s.maps)}
    return System(Page(), [Entry("refs up", mapper, n), Entry("get", scanner)], claims)


# models/snapshot.py


class Snapshot(NamedTuple):
    maps: int
    refs: int
    locked: int = 0
    surplus: int = 0


def unlocked(s: Snapshot) -> bool:
    return s.locked == 0


def snapshot_mapper(kernel: str, paths: str, cycles: int) -> Table:
    table: Table = {}
    for i in range(cycles or 1):
        after = "out 0" if cycles == 0 else f"out {i + 1}" if i + 1 < cycles else "done"
        fork = go(f"fork {i}", refs=1)
        fault = go(f"lock {i}", refs=1)
        table[f"out {i}"] = {"all": [fork, fault], "faults": [fault], "forks": [fork]}[paths]
        table[f"fork {i}"] = [go(f"mapped {i}", maps=1)]
        table[f"lock {i}"] = [go(f"fault {i}", unlocked, locked=1)]
        table |= chain(
            (f"fault {i}", {"maps": 1}),
            *([(f"refs {i}", {"refs": 1})] if kernel == "6.6" else []),
            (f"unlock {i}", {"locked": -1}),
            *([(f"put {i}", {"refs": -1})] if kernel == "6.6" else []),
            (f"mapped {i}", {"maps": -1}),
            (f"unmapped {i}", {"refs": -1}),
            then=after,
        )
    return table


def snapshot_reader(read_order: str, locked: str, others: int, maps: int) -> Table:
    def see(place: str, field: str) -> Move:
        return lambda s: (f"{place} {getattr(s, field)}", s)

    def shown(sign: int, field: str, first: int) -> Move:
        last = "unlock" if locked == "true" else "put"
        return lambda s: (last, s._replace(surplus=sign * (getattr(s, field) - first) - others))

    first = "lock" if locked == "true" else "read"
    table: Table = {"get": [go(first, refs=1)], "lock": [go("read", unlocked, locked=1)]}
    table |= {"unlock": [go("put", locked=-1)], "put": [go("done", refs=-1)]}
    if read_order == "together":
        last = "unlock" if locked == "true" else "put"
        table["read"] = [lambda s: (last, s._replace(surplus=s.refs - s.maps - others))]
    elif read_order == "mapcount_first":
        table["read"] = [see("refs", "maps")]
        table |= {f"refs {m}": [shown(1, "refs", m)] for m in range(maps + 2)}
    else:
        table["read"] = [see("maps", "refs")]
        table |= {f"maps {r}": [shown(-1, "maps", r)] for r in range(2 * maps + 5)}
    return table


def snapshot(
    *,
    read_order: str = "mapcount_first",
    locked: str = "false",
    page: str = "anon",
    kernel: str = "6.1",
    maps: int = 2,
    cycles: int = 1,
    paths: str = "all",
) -> System:
    anon = page == "anon"
    others = 1 if anon else 2
    mapper = snapshot_mapper(kernel, "forks" if anon else paths, cycles)
    reader = snapshot_reader(read_order, locked, others, maps)
    claims: dict[str, Claim] = {
        "no snapshot shows refcount below mapcount": ("always", lambda s: s.surplus + others >= 0),
        "no snapshot hides a held reference": ("always", lambda s: s.surplus >= 0),
        "no snapshot shows a reference that nobody holds": ("always", lambda s: s.surplus <= 0),
        "every mapper maps it at once": ("sometimes", lambda s: s.maps == 1 + maps),
    }
    entries = [Entry("out 0", mapper, maps), Entry("get", reader)]
    return System(Snapshot(maps=1, refs=others), entries, claims)


# models/compaction.py: the scanner's first counter is still needed when it loads the second


class Scanned(NamedTuple):
    maps: int
    refs: int = 1
    mapping: int = 0
    exclusive: int = 0
    pins: int = 0


LOADS = {
    "always_try": (),
    "mainline_check": ("mapping", "refs", "maps"),
    "mainline_check_mapcount_first": ("mapping", "maps", "refs"),
    "maybe_dma_pinned": ("refs",),
    "skip_pinned_or": ("refs", "limit"),
    "wilcox_difference": ("refs", "maps"),
    "wilcox_difference_mapcount_first": ("maps", "refs"),
    "one_load": ("both",),
}


def compaction_scanner(policy: str, bias: int, most: int) -> Table:
    loads = (*LOADS[policy], "put")
    table: Table = {
        "get": [go(loads[0], lambda s: s.refs != 0, refs=1), go("get", lambda s: s.refs == 0)],
        "put": [go("get", refs=-1)],
    }
    for place, following in pairwise(loads):
        if place == "mapping":
            table[place] = [go("put", lambda s: s.mapping), go(following, lambda s: not s.mapping)]
        elif following == "limit":
            table[place] = [go("limit", lambda s: s.refs >= bias), go("put", lambda s: s.refs < bias)]
        elif following == "put":
            table[place] = [go("put")]
        else:
            table[place] = [lambda s, f=following, p=place: (f"{f}, saw {getattr(s, p)}", s)]
            table |= {f"{following}, saw {value}": [go("put")] for value in range(most)}
    return table


def compaction_mapper(page: str, mappings: int, bias: int) -> Table:
    def pinned(s: Scanned) -> bool:
        return bool(s.exclusive) and s.refs >= bias

    table: Table = {}
    for held in range(mappings + 1):
        up = [go(f"map {held}", refs=1)] if held < mappings else []
        down = [go(f"put {held}", maps=-1)] if held > 0 else []
        table[f"rest {held}"] = up + down
        table[f"map {held}"] = [go(f"rest {held + 1}", maps=1)]
        table[f"put {held}"] = [go(f"rest {held - 1}", refs=-1)]
        table[f"copy {held}"] = [go(f"rest {held}", refs=-1)]
        if page == "anon":
            table[f"map {held}"] = [
                go(f"copy {held}", pinned),
                go(f"rest {held + 1}", lambda s: s.exclusive and s.refs < bias, maps=1, exclusive=-1),
                go(f"rest {held + 1}", lambda s: not s.exclusive, maps=1),
            ]
    return table


def compaction_pinner(page: str, bias: int) -> Table:
    allowed = (lambda s: s.exclusive) if page == "anon" else None
    rest = [go("pinned", allowed, refs=bias, pins=1)]
    if page == "anon":
        rest.append(go("rest", lambda s: not s.exclusive))
    return {"rest": rest, "pinned": [go("rest", refs=-bias, pins=-1)]}


def compaction_fast_pinner(page: str, bias: int) -> Table:
    last = go("check") if page == "anon" else go("pinned", pins=1)
    return {
        "rest": [go("add", refs=1)],
        "add": [lambda s: last(s._replace(refs=s.refs + bias - 1))],
        "check": [go("pinned", lambda s: s.exclusive, pins=1), go("drop", lambda s: not s.exclusive)],
        "drop": [go("rest", refs=-bias)],
        "pinned": [go("rest", refs=-bias, pins=-1)],
    }


def compaction(
    *,
    policy: str = "always_try",
    page: str = "anon",
    attackers: str = "mapper+pinner",
    mappers: int = 1,
    mappings: int = 1100,
    pinners: int = 1,
    bias: int = 1024,
) -> System:
    anon, attacking = page == "anon", attackers.split("+")
    maps = mappers * mappings if "mapper" in attacking else 0
    scanner = compaction_scanner(policy, bias, 4 + maps + mappers + bias * pinners)
    claims: dict[str, Claim] = {
        "refcount covers mapcount": ("always", lambda s: s.refs >= s.maps),
        "every mapping is made": ("sometimes", lambda s: s.maps == anon + maps),
        "every pin is taken": ("sometimes", lambda s: s.pins == pinners * ("pinner" in attackers)),
    }
    relay: Table = {
        "rest": [go("choose", refs=1)],
        "choose": [go("previous", refs=1), go("rest", refs=-1)],
        "previous": [go("choose", refs=-1)],
    }
    holder = chain(("rest", {"refs": 1}), ("held", {"refs": -1}), then="rest")
    entries = {
        "mapper": Entry("rest 0", compaction_mapper(page, mappings, bias), mappers),
        "pinner": Entry("rest", compaction_pinner(page, bias), pinners),
        "fast_pinner": Entry("rest", compaction_fast_pinner(page, bias), pinners),
        "relay": Entry("rest", relay),
        "holder": Entry("rest", holder),
        "twin": Entry("get", scanner),
    }
    start = Scanned(maps=int(anon), mapping=int(not anon), exclusive=int(anon))
    return System(start, [Entry("get", scanner), *(entries[name] for name in attacking)], claims)

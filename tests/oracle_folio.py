"""The processes of ``models/folio.py`` as step tables written by hand, like ``oracle_tables``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from oracle_tables import Claim, Entry, System, Table, chain, go, unlocked

Test = Callable[[Any], bool]


class Folio(NamedTuple):
    maps: int
    refs: int
    held: int
    pincount: int = 0
    locked: int = 0
    ptl: int = 0
    pte: int = 1
    lookups: int = 0
    grabbing: int = 0
    pins: int = 0
    away: int = 0


def present(s: Folio) -> bool:
    return s.pte == 1


def absent(s: Folio) -> bool:
    return s.pte == 0


def table_unlocked(s: Folio) -> bool:
    return s.ptl == 0


def folio_mapper(kernel: str, size: str, page: str, entries: int, seen: Test) -> Table:
    batch = 1 if kernel == "6.1" else entries
    rounds = entries // batch
    table: Table = {
        "out": [go("fork pte", table_unlocked, ptl=1)],
        "fork pte": [go("fork refs 0", present), go("fork absent", absent)],
        "fork absent": [go("out", ptl=-1)],
        "fork refuse": [go("fork refused", refs=-batch)],
        "fork refused": [go("out", ptl=-1)],
        "fork unlock": [go("mapped", ptl=-1)],
    }
    for i in range(rounds):
        following = f"fork refs {i + 1}" if i + 1 < rounds else "fork unlock"
        table[f"fork refs {i}"] = [go(f"fork {'test' if page == 'anon' else 'maps'} {i}", refs=batch)]
        table[f"fork test {i}"] = [
            go("fork refuse", seen),
            go(f"fork maps {i}", lambda s: not seen(s)),
        ]
        table[f"fork maps {i}"] = [go(following, maps=batch)]
    if page == "file":
        table["out"].append(go("fault lock", refs=1, lookups=1))
        table["fault lock"] = [go("fault maps", unlocked, locked=1)]
        table |= folio_fault(kernel, entries)
    unmap = [(f"zap maps {i}", {"maps": -batch}) for i in range(rounds)]
    unmap += [(f"zap refs {i}", {"refs": -batch}) for i in range(rounds)]
    unmap[0] = ("mapped", unmap[0][1])
    table |= chain(*unmap, then="out")
    if size == "order0":
        table["mapped"].append(go("copy maps", refs=1, held=1))
        table |= chain(
            ("copy maps", {"maps": -1}),
            ("copy put", {"refs": -1, "held": -1}),
            ("copy put again", {"refs": -1}),
            then="out",
        )
    return table


def folio_fault(kernel: str, entries: int) -> Table:
    if kernel == "6.6":
        return chain(
            ("fault maps", {"maps": entries}),
            ("fault refs", {"refs": entries}),
            ("fault unlock", {"locked": -1}),
            ("fault put", {"refs": -1, "lookups": -1}),
            then="mapped",
        )
    steps: list[tuple[str, dict[str, Any]]] = [("fault maps", {"maps": 1, "lookups": -1})]
    for i in range(entries - 1):
        steps += [(f"fault refs {i}", {"refs": 1}), (f"fault maps {i}", {"maps": 1})]
    return chain(*steps, ("fault unlock", {"locked": -1}), then="mapped")


def folio_pinner(size: str, swapped: str) -> Table:
    if size == "order0":
        first, second = (
            {"refs": 1, "held": 1, "grabbing": 1},
            {"refs": 1023, "held": 1023, "grabbing": -1},
        )
        slow, put = [{"refs": 1024, "held": 1024}], [{"refs": -1024, "held": -1024}]
    else:
        first, second = {"refs": 1, "held": 1, "grabbing": 1}, {"pincount": 1, "grabbing": -1}
        if swapped == "pin":
            first, second = {"pincount": 1}, {"refs": 1, "held": 1}
        slow = [first, second]
        put = [{"pincount": -1}, {"refs": -1, "held": -1}]
        if swapped == "unpin":
            put.reverse()
    table: Table = {
        "out": [
            go("fast 1", present),
            go("slow lock", absent),
            go("slow pte", table_unlocked, ptl=1),
        ],
        "fast pte": [go("pinned", present, pins=1), go("drop", absent)],
        "slow lock": [go("slow pte", table_unlocked, ptl=1)],
        "slow pte": [go("slow 1", present), go("slow absent", absent)],
        "slow absent": [go("out", ptl=-1)],
    }
    table |= chain(("fast 1", first), ("fast 2", second), then="fast pte")
    slow = [*slow[:-1], {**slow[-1], "pins": 1}]
    steps = [(f"slow {i}", step) for i, step in enumerate(slow, 1)]
    table |= chain(*steps, ("slow unlock", {"ptl": -1}), then="pinned")
    places = ["drop", "drop more"]
    table |= chain(*zip(places, put, strict=False), then="slow lock")
    places = ["pinned", "put more"]
    return table | chain(*zip(places, [{**put[0], "pins": -1}, *put[1:]], strict=False), then="out")


def folio_migration(seen: Test) -> Table:
    table = chain(
        ("get", {"refs": 1, "held": 1}),
        ("lock", {"when": unlocked, "locked": 1}),
        ("ptl", {"when": table_unlocked, "ptl": 1}),
        ("clear", {"pte": -1}),
        then="test",
    )
    table["test"] = [go("refuse", seen), go("unmap", lambda s: not seen(s), away=1)]
    table |= chain(("refuse", {"pte": 1}), ("refused", {"ptl": -1}), then="unlock")
    table |= chain(
        ("unmap", {"maps": -1}),
        ("drop", {"refs": -1}),
        ("unmapped", {"ptl": -1}),
        ("ptl again", {"when": table_unlocked, "ptl": 1}),
        ("take", {"refs": 1}),
        ("map", {"maps": 1}),
        ("set", {"pte": 1, "away": -1}),
        ("ptl done", {"ptl": -1}),
        then="unlock",
    )
    return table | chain(("unlock", {"locked": -1}), ("put", {"refs": -1, "held": -1}), then="get")


def folio(
    *,
    kernel: str = "6.1",
    size: str = "order0",
    page: str = "file",
    mappers: int = 2,
    getters: int = 1,
    pinners: int = 1,
    pages: int = 2,
    swapped: str = "none",
) -> System:
    large, file = size == "large", page == "file"
    cache = (pages if large else 1) if file else 0
    entries = cache or 1

    def seen(s: Folio) -> bool:
        return s.pincount > 0 if large else s.refs >= 1024

    getter = chain(("get", {"refs": 1, "held": 1}), ("put", {"refs": -1, "held": -1}), then="get")
    mapper = folio_mapper(kernel, size, page, entries, seen)
    claims: dict[str, Claim] = {
        "refcount covers mapcount": ("always", lambda s: s.refs >= s.maps),
        "refcount covers mappings and held references": (
            "always",
            lambda s: s.refs >= s.maps + s.held,
        ),
        "refcount covers the faults' lookups too": (
            "always",
            lambda s: s.refs >= s.maps + s.held + s.lookups,
        ),
        "the folio is never freed": ("always", lambda s: s.refs > 0),
        "pincount never exceeds refcount": ("always", lambda s: s.pincount <= s.refs),
        "a returned pin tests as pinned": ("always", lambda s: s.pins == 0 or seen(s)),
        "no pin is returned on a folio taken away": ("always", lambda s: not (s.pins and s.away)),
        "the pin test misses a pin in its two steps": (
            "sometimes",
            lambda s: s.grabbing > 0 and not seen(s),
        ),
        "everybody maps it": ("sometimes", lambda s: s.maps == (1 + mappers) * entries),
        "everybody pins it": ("sometimes", lambda s: s.pins == pinners),
    }
    processes = [
        Entry("out", mapper, mappers),
        Entry("get", getter, getters),
        Entry("out", folio_pinner(size, swapped), pinners),
        Entry("get", folio_migration(seen), int(not file)),
    ]
    return System(Folio(maps=entries, refs=cache + entries, held=cache), processes, claims)

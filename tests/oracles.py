"""State counts, verdicts and distances by brute force over hand-written tables, without racecheck.

Without ``symmetry`` a state is the shared values and the place of every process; with it, the
processes of one entry are interchangeable, so their places are sorted. ``python tests/oracles.py``
writes ``golden.json``: what ``explore`` finds for each of ``cases()``, in half a minute.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from oracle_folio import folio
from oracle_migration import migration
from oracle_tables import LOADS, System, Table, compaction, mapunmap, snapshot

Case = dict[str, Any]  # parameters of a model
Values = dict[str, tuple[str, ...]]


class Result(NamedTuple):
    states: int
    transitions: int
    depth: int
    verdicts: dict[str, str]
    shortest: dict[str, int]  # moves to the first state that breaks an always, or is a sometimes


def explore(system: System, symmetry: bool) -> Result:
    """Breadth-first over all states."""
    start = (system.shared, tuple((e.start,) * e.count for e in system.entries if e.count))
    tables = [entry.table for entry in system.entries if entry.count]
    known: dict[Any, int] = {start: 0}
    queue, found, edges = [start], {}, []
    for state in queue:
        shared, groups = state
        for name, (kind, condition) in system.claims.items():
            if name not in found and bool(condition(shared)) == (kind == "sometimes"):
                found[name] = known[state]
        for e, group in enumerate(groups):
            for i, place in enumerate(group):
                if symmetry and place in group[:i]:
                    continue
                for move in tables[e].get(place, ()):
                    if (after := move(shared)) is None:
                        continue
                    others = (*group[:i], after[0], *group[i + 1 :])
                    moved = tuple(sorted(others)) if symmetry else others
                    target = (after[1], (*groups[:e], moved, *groups[e + 1 :]))
                    if target not in known:
                        known[target] = known[state] + 1
                        queue.append(target)
                    edges.append((state, (e, place), target))
    verdicts = {
        name: "holds" if (name in found) == (kind == "sometimes") else "violated"
        for name, (kind, _) in system.claims.items()
    }
    verdicts["deadlock"] = "stuck" if stuck(queue, edges, tables) else "holds"
    return Result(len(queue), len(edges), max(known.values()), verdicts, found)


def stuck(states: list[Any], edges: list[Any], tables: list[Table]) -> bool:
    """Whether some process waits where no state that lets it move can be reached any more."""
    sources: dict[Any, list[Any]] = {}
    movers: dict[Any, set[Any]] = {}
    for source, where, target in edges:
        sources.setdefault(target, []).append(source)
        movers.setdefault(where, set()).add(source)
    for e, table in enumerate(tables):
        for place in table:
            free = set(movers.get((e, place), ()))
            waiting = [s for s in states if place in s[1][e] and s not in free]
            todo = list(free) if waiting and table[place] else []
            while todo:
                for source in sources.get(todo.pop(), ()):
                    if source not in free:
                        free.add(source)
                        todo.append(source)
            if table[place] and any(state not in free for state in waiting):
                return True
    return False


MODELS: dict[str, Callable[..., System]] = {
    "mapunmap": mapunmap,
    "snapshot": snapshot,
    "compaction": compaction,
    "migration": migration,
    "folio": folio,
}
READS: Values = {
    "read_order": ("mapcount_first", "refcount_first", "together"),
    "locked": ("false", "true"),
}
ANON: Values = {"page": ("anon",), "kernel": ("6.1", "6.6")}
FILE: Values = {"page": ("file",), "kernel": ("6.1", "6.6"), "paths": ("all", "faults")}
MAPPERS: list[Case] = [
    {"maps": m, "cycles": c} for m, c in ((1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (2, 0), (3, 0))
]
POLICIES: Values = {"policy": tuple(LOADS), "page": ("anon", "file")}
HOSTILE: list[Case] = [
    {"attackers": "mapper+pinner", "mappers": mappers, "mappings": mappings, "pinners": pinners}
    for mappers, mappings, pinners in ((0, 0, 1), (1, 7, 0), (2, 1, 1), (2, 3, 2))
]
HOSTILE += [
    {"attackers": attackers, "mappings": 4}
    for attackers in ("holder", "relay", "twin", "mapper+twin", "mapper+fast_pinner")
]
HOSTILE = [case | {"bias": 8} for case in HOSTILE] + [{"mappings": 3}]
MIGRATED: Values = {
    "policy": ("always_try", "maybe_dma_pinned"),
    "page": ("anon", "file"),
    "attackers": ("none", "mapper", "pinner", "mapper+pinner", "holder", "twin", "mapper+twin"),
}
FOLIOS: Values = {"kernel": ("6.1", "6.6"), "size": ("order0", "large"), "page": ("file", "anon")}
SWAPPED: Values = {"size": ("large",), "page": ("anon", "file"), "swapped": ("pin", "unpin")}
TASKS: list[Case] = [
    {"mappers": mappers, "getters": getters, "pinners": pinners}
    for mappers, getters, pinners in ((0, 2, 0), (1, 1, 1), (2, 0, 0), (2, 1, 1), (0, 0, 2))
]
PINNERS: list[Case] = [
    {"mappers": 1, "pinners": 1},
    {"mappers": 0, "pinners": 2},
    {"mappers": 0, "pinners": 3},
]


def grid(values: Values, sizes: list[Case]) -> Iterator[Case]:
    """Every combination of the values, in every size."""
    for chosen in product(*values.values()):
        for size in sizes:
            yield dict(zip(values, chosen, strict=True)) | size


def cases() -> Iterator[tuple[str, Case]]:
    """Names of models, with the parameters of each case."""
    found: list[tuple[str, Case]] = [("mapunmap", {"n": n}) for n in range(6)]
    found += [("snapshot", p) for p in grid(READS | ANON, MAPPERS)]
    found += [("snapshot", p) for p in grid(READS | FILE, MAPPERS)]
    found += [("compaction", p) for p in grid(POLICIES, HOSTILE)]
    found += [("migration", p) for p in grid(MIGRATED, [{"bias": 8}])]
    found += [("migration", {"mappers": 2, "mappings": 1, "pinners": 2})]
    found += [("folio", p) for p in grid(FOLIOS, TASKS)]
    found += [("folio", p | {"getters": 0}) for p in grid(SWAPPED, PINNERS)]
    found += [("folio", {"kernel": k, "size": "large", "pages": 3}) for k in FOLIOS["kernel"]]
    yield from found


def golden(model: str, parameters: Case) -> dict[str, Any]:
    """What ``golden.json`` holds for a case."""
    system = MODELS[model](**parameters)
    plain, symmetric = explore(system, symmetry=False), explore(system, symmetry=True)
    if plain[2:] != symmetric[2:]:
        raise AssertionError(f"{model} {parameters}: symmetry changes {plain} to {symmetric}")
    counts = {"states": plain.states, "transitions": plain.transitions}
    fewer = {"states": symmetric.states, "transitions": symmetric.transitions}
    common = {"depth": plain.depth, "verdicts": plain.verdicts, "shortest": plain.shortest}
    return {"model": model, "parameters": parameters, "plain": counts, "symmetric": fewer} | common


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(golden(*case)) for case in cases())
    Path(__file__).with_name("golden.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")

"""Deadlock: a process that waits and that no continuation ever moves."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from racecheck.compiler.ir import Enter, Step
from racecheck.compiler.program import Program
from racecheck.explore.engine import Key, Spot
from racecheck.explore.search import Space
from racecheck.semantics import Duty, duty


def can_wait(program: Program) -> bool:
    """Whether any process takes a Lock or waits for a condition."""
    return any(
        (isinstance(node, Enter) and node.waits) or (isinstance(node, Step) and node.operation.waits)
        for entry in program.entries
        for node in entry.graph.nodes
    )


@frozen
class Stuck:
    """A state, and the places in it that nothing that can follow ever frees."""

    key: Key
    spots: frozenset[Spot]


def find_stuck(space: Space, give_up: Callable[[], object] = lambda: None) -> Stuck | None:
    """The first state in which some process waits at a place that it can never leave; None if none.

    A place is freed by any reachable state with a step out of it; states that were not expanded count as
    able to free every place. A state behind a failed assert is not stuck itself, and frees nothing.
    ``give_up`` is asked now and then whether to give up. Costs a list of all edges.
    """
    if not can_wait(space.program):
        return None
    numbers = {key: i for i, key in enumerate(space.parents)}
    bits, occupied, movable = _places(space, numbers)
    if not bits:
        return None
    edges = _edges(space, numbers)
    while _spread(movable, edges):
        if give_up():
            return None
    for key, i in numbers.items():
        if stuck := occupied[i] & ~movable[i]:
            return Stuck(key, frozenset(spot for spot, bit in bits.items() if bit & stuck))
    return None


def _places(space: Space, numbers: dict[Key, int]) -> tuple[dict[Spot, int], list[int], list[int]]:
    """A bit for each place that waits; for each state those occupied, and those left by a step."""
    bits: dict[Spot, int] = {}
    duties: dict[Spot, Duty] = {}
    found: list[list[tuple[Spot, bool]] | None] = []
    unseen = set(space.frontier)
    claims = len(space.program.claims)
    for key in numbers:
        failed = space.engine.check(key) >> claims & 1
        found.append(None if key in unseen else [] if failed else _waiting(space, key, duties))
        for spot, moves in found[-1] or ():
            if not moves:
                bits.setdefault(spot, 1 << len(bits))
    everything = (1 << len(bits)) - 1
    occupied, movable = [], []
    for spots in found:
        here = [(bits[spot], moves) for spot, moves in spots or () if spot in bits]
        occupied.append(sum(bit for bit, _ in here))
        movable.append(everything if spots is None else sum(bit for bit, moves in here if moves))
    return bits, occupied, movable


def _waiting(space: Space, key: Key, duties: dict[Spot, Duty]) -> list[tuple[Spot, bool]]:
    """Each place that is neither a rest nor an end, and whether a process there can move."""
    found = []
    for stand in space.engine.stands(key):
        entry, place = space.program.entries[stand.spot[0]], space.engine.place
        if stand.spot not in duties:
            duties[stand.spot] = duty(space.program, entry, place(stand.spot))
        if duties[stand.spot] < Duty.REST:
            found.append((stand.spot, bool(stand.turns)))
    return found


def _edges(space: Space, numbers: dict[Key, int]) -> list[list[int]]:
    unseen = set(space.frontier)
    out: list[Key] = []
    edges = []
    for key in numbers:
        count = 0 if key in unseen else space.engine.expand(key, out)
        edges.append(list({numbers[target] for target in out[:count]}))
    return edges


def _spread(movable: list[int], edges: list[list[int]]) -> bool:
    """Add to each state what its successors can free; whether anything was new."""
    changed = False
    for i in range(len(edges) - 1, -1, -1):
        bits = movable[i]
        for target in edges[i]:
            bits |= movable[target]
        if bits != movable[i]:
            movable[i], changed = bits, True
    return changed

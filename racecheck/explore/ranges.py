"""Which values make a state space large: the ranges that locals and counters have taken."""

from __future__ import annotations

from itertools import islice

from racecheck.explore.search import Space

SAMPLE = 20_000
"""Places to look at: a state has one for each process."""


def largest_ranges(space: Space, count: int = 3) -> list[str]:
    """The words and locals with the most values between least and greatest, over the newest states."""
    ranges: dict[str, tuple[int, int]] = {}
    processes = sum(entry.process.count for entry in space.program.entries)
    for key in islice(reversed(space.parents), max(1, SAMPLE // max(1, processes))):
        state = space.engine.decode(key)
        for slot, value in zip(space.program.slots, state.shared, strict=True):
            if slot.kind in ("Atomic", "Ghost"):
                _include(ranges, slot.label, value)
        for entry, places in zip(space.program.entries, state.places, strict=True):
            for place in places:
                for register, value in zip(entry.graph.live[place.node], place.locals, strict=True):
                    name = entry.graph.names[register].rstrip("'")
                    _include(ranges, f"{entry.process.name}: {name or 'a value in use'}", value)
    widest = sorted(ranges.items(), key=lambda item: item[1][0] - item[1][1])
    return [f"{name} {low} to {high}" for name, (low, high) in widest[:count] if high > low]


def _include(ranges: dict[str, tuple[int, int]], name: str, value: int) -> None:
    low, high = ranges.get(name, (value, value))
    ranges[name] = (min(low, value), max(high, value))

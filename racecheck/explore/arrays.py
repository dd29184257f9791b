"""The states that a compiled search has reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from attrs import define

from racecheck.explore.search import Space

if TYPE_CHECKING:
    from racecheck.explore.compiled import CompiledEngine
    from racecheck.explore.store import Found


@define(eq=False)
class ArraySpace(Space):
    """A space whose parents are arrays, in the order in which states were reached, and expanded."""

    @property
    def compiled(self) -> CompiledEngine:
        """The engine."""
        return cast("CompiledEngine", self.engine)

    @property
    def arrays(self) -> Found:
        """The states and their parents."""
        return cast("Found", self.parents)

    @property
    def expanded(self) -> int:
        """How many were expanded: the first ones."""
        return self.states - len(self.frontier)

    def path(self, key: int) -> list[int]:
        """The states from the initial one to this, by first discovery: a shortest path."""
        return self.arrays.path(key)

"""The states that a compiled search has reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from racecheck.explore.search import Space

if TYPE_CHECKING:
    from racecheck.explore.compiled import CompiledEngine
    from racecheck.explore.store import Found


@define(eq=False)
class ArraySpace(Space):
    """A space whose states are in ``arrays``; the first ``expanded`` of them were expanded."""

    compiled: CompiledEngine = field(kw_only=True)
    arrays: Found = field(kw_only=True)
    expanded: int = field(kw_only=True)

    def path(self, key: int) -> list[int]:
        """The states from the initial one to this, by first discovery: a shortest path."""
        return self.arrays.path(key)

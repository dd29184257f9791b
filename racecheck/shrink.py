"""Make a schedule that breaks a property shorter.

One total order says which of two schedules is better, and one function tries a candidate. Hypothesis
shrinks what it has drawn, whole operations among it; this goes on with the single moves.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from racecheck.walk import Course, Pick, follow, places_along

MOST_STEPS = 100_000
"""Steps that shrinking one schedule may take."""

Process = tuple[int, int]


def sort_key(picks: Sequence[Pick]) -> tuple[int, int, Sequence[Pick]]:
    """Fewer moves are better; then, fewer turns; then, earlier processes first."""
    return len(picks), len(turns(picks)), picks


def turns(picks: Sequence[Pick]) -> list[tuple[int, int]]:
    """From where to where a process makes several moves in a row."""
    starts = [i for i, pick in enumerate(picks) if i == 0 or pick[:2] != picks[i - 1][:2]]
    return list(zip(starts, [*starts[1:], len(picks)], strict=True))


def shrink(course: Course, picks: Sequence[Pick]) -> list[Pick]:
    """The best schedule found that breaks the one property that the course looks for, as ``picks`` does."""
    shrinker = _Shrinker(course, list(picks), course.steps + MOST_STEPS)
    before = None
    while before != shrinker.best:
        before = shrinker.best
        shrinker.delete(None)
        for process in dict.fromkeys(pick[:2] for pick in before):
            shrinker.delete(process)
            shrinker.cut(process)
        shrinker.swap()
    return shrinker.best


@define
class _Shrinker:
    course: Course
    best: list[Pick]
    budget: int

    def consider(self, picks: Sequence[Pick]) -> bool:
        """Take what is possible of a schedule, if it breaks the property and is better."""
        if self.course.steps > self.budget:
            return False
        walk = follow(self.course, picks)
        better = walk.verdict() is not None and sort_key(walk.picks) < sort_key(self.best)
        if better:
            self.best = walk.picks
        return better

    def delete(self, process: Process | None) -> None:
        """Leave out some moves in a row, of one process or of all: half of them, a quarter, at last one."""
        size = len(self._moves(process))
        while size:
            at = 0
            while at < len(moves := self._moves(process)):
                if not self._without(moves[at : at + size]):
                    at += size
            size //= 2

    def cut(self, process: Process) -> None:
        """Leave out what brings a process back to a place where it was."""
        at, moves, places = 0, self._moves(process), places_along(self.course, self.best, *process)
        while at < len(moves):
            back = places.index(places[at], at + 1) if places[at] in places[at + 1 :] else None
            if back is not None and self._without(moves[at:back]):
                moves, places = self._moves(process), places_along(self.course, self.best, *process)
            else:
                at += 1

    def _without(self, moves: Sequence[int]) -> bool:
        gone = set(moves)
        return self.consider([pick for i, pick in enumerate(self.best) if i not in gone])

    def _moves(self, process: Process | None) -> list[int]:
        return [i for i, pick in enumerate(self.best) if process in (None, pick[:2])]

    def swap(self) -> None:
        """Let a process have its turn before the one before it."""
        at = 0
        while at + 1 < len(ranges := turns(self.best)):
            (start, middle), (_, end) = ranges[at : at + 2]
            best = self.best
            at += not self.consider([*best[:start], *best[middle:end], *best[start:middle], *best[end:]])

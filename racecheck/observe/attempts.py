"""Compaction's attempts on a page: what was there when the scanner came, and how it went."""

from __future__ import annotations

from attrs import define

from racecheck.observe import lexicon as names
from racecheck.observe.holdings import BIAS, Held, Holdings
from racecheck.observe.project import Projection
from racecheck.observe.records import FREEZE, HEAD, LOCKED, LRU, MOD, TEST, UNLESS, Record

SKIPPED, PUT_BACK, FAILED, MIGRATED, OPEN = "skipped", "put back", "failed", "migrated", "not ended"


@define(eq=False)
class Attempt:
    """One attempt of a scanner: its first record, and what it found.

    ``count`` is the refcount before its own reference; ``held`` the references that others had taken and
    not put, ``pinned`` those that took pins; ``unmapping`` mappings that were gone while their references
    were not yet.
    """

    record: Record
    count: int
    mapped: int
    held: list[Held]
    pinned: list[Record]
    pins: int
    unmapping: int
    cached: int = 0
    passes: int = 0
    outcome: str = OPEN
    end: int = 0

    @property
    def references(self) -> int:
        """How many others held the page, but for mappings and the page cache; a pin is one.

        What the count says beyond the operations was held when the log began.
        """
        taken = sum(held.record.val for held in self.held)
        early = self.count - self.mapped - self.unmapping - self.cached - BIAS * self.pins - taken
        return self.pins + sum(held.status == names.GET for held in self.held) + max(early, 0)

    @property
    def holders(self) -> list[Record]:
        """The records that took what others held, as far as they are in the log."""
        return sorted(self.pinned + [held.record for held in self.held if held.status == names.GET])


class Scan:
    """An attempt while it goes on; what the scanner does under the folio lock are passes of migration."""

    def __init__(self, record: Record, before: int, holdings: Holdings, one_pass: Projection) -> None:
        held = [held for held in holdings.open if held.record.line < record.line]
        pinned = holdings.pinned.copy()
        self.attempt = Attempt(
            record, before, record.mapcount, held, pinned, holdings.pins, holdings.fallen
        )
        self.holdings, self.one_pass, self.states = holdings, one_pass, one_pass.start
        self.passing: list[Record] = []
        self.moved: list[Record] = []
        self.over = self.swaps = False

    def take(self, record: Record) -> bool:
        """The scanner's next change; whether it belongs to the attempt, which may then be over.

        What is put into the swap cache is reclaimed, not migrated: it was no attempt (``swaps``).
        """
        if record.kind == MOD and record.val > 0 and not (self.passing or self.attempt.passes):
            self.over = self.swaps = True
            self.holdings.hold(self.attempt.record)
            return False
        if record.flags & LOCKED:
            self._pass(record)
            return True
        self._end_pass()
        if record.kind != TEST or record.val != -1:
            return False
        self._end(record)
        return True

    def reclaims(self) -> bool:
        """Whether it froze the page and never thawed it, so that it was reclaim, which is counted then."""
        if not (self.passing and self.passing[-1].kind == FREEZE and self.passing[-1].ret):
            return False
        self.holdings.count(names.RECLAIM, [self.attempt.record, *self.passing])
        return True

    def abandon(self) -> None:
        """The log ends before the attempt does."""
        self._end_pass()
        self.holdings.count(names.ISOLATE, [self.attempt.record])
        if self.moved:
            self.holdings.count(names.MIGRATED, self.moved)

    def _pass(self, record: Record) -> None:
        """The next change of this pass, or the first of another: the kernel tries up to ten times."""
        states = self.one_pass.after(self.states, record)
        if not states:
            self._end_pass()
            states = self.one_pass.after(self.states, record)
        if not states:
            self.holdings.explain_none(record)
            return
        self.states = states
        self.passing.append(record)
        if record.kind == FREEZE:
            self.holdings.frozen, self.holdings.anon = True, False
        elif record.kind == TEST:
            self.holdings.fall()
        elif record.kind == MOD:
            self.holdings.hold(record, silent=True)

    def _end_pass(self) -> None:
        """What the pass came to: page_ref_freeze tells, or that nothing was mapped again (anon)."""
        passing, self.passing, self.states = self.passing, [], self.one_pass.start
        if not passing:
            return
        self.attempt.passes += 1
        frozen = {record.ret for record in passing if record.kind == FREEZE}
        if frozen:
            self.attempt.outcome = MIGRATED if 1 in frozen else FAILED
            self.holdings.count(names.FROZEN if 1 in frozen else names.REFUSED, passing)
        elif all(record.kind == TEST for record in passing):
            self.attempt.outcome, self.moved = MIGRATED, passing
        else:
            self.attempt.outcome = FAILED
            self.holdings.count(names.FAILED, passing)

    def _end(self, record: Record) -> None:
        """The scanner drops its reference."""
        attempt, holdings, self.over = self.attempt, self.holdings, True
        attempt.end, attempt.cached = record.line, holdings.cached
        if attempt.passes == 0 and record.flags & LRU:
            attempt.outcome = SKIPPED
            holdings.count(names.SKIP, [attempt.record, record])
        else:
            holdings.count(names.ISOLATE, [attempt.record])
            if attempt.outcome == MIGRATED:
                holdings.count(names.MIGRATED, [*self.moved, record])
            else:
                attempt.outcome = FAILED if attempt.passes else PUT_BACK
                holdings.count(names.PUT, [record])
        if record.ret:
            holdings.end()
            holdings.next_life()


def isolates(first: Record, record: Record) -> bool:
    """Whether the record shows that the reference taken by the first one was for isolation."""
    if first.kind != UNLESS or not first.flags & LRU or first.flags & HEAD:
        return False
    return record.kind == FREEZE or bool(record.flags & LOCKED and not record.flags & LRU)

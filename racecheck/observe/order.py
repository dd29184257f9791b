"""The order of a page's changes: as near to the log's as explains every count that was read.

The log's order is that in which records were written, which under contention is not the order of the
changes. Where no order within the window explains the records, a gap stands for what is missing: records
were lost, the count was changed without a trace, or a record was written later than the window is wide.
Such a late one is a ``Stray``. A gap costs as much as moving one record by the whole window: without
that, a record that was lost would be papered over by moving one record after another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, cast

from racecheck.observe.records import MOD, TEST, UNLESS, Record
from racecheck.observe.reorder import (
    EARNED,
    Gap,
    Item,
    Placed,
    Purse,
    Stray,
    applied,
    before,
    beginning,
    explain,
    is_odd,
    shift_of,
)

EFFORT: Final = 2000
"""States that one search looks at: contention is explained by some tens."""
SMALL: Final = 8
"""Up to so many unexplained records, each new one is tried at once, and with those before them."""
PLACED: Final = 5
"""Fields of a record in its place; gaps and strays have fewer."""
REMEMBERED: Final = 64
"""Gaps that late records may close; with each, how much of it is open."""


class Order:
    """Puts one page's records in order, as they come; holds up to four windows of them back."""

    __slots__ = (
        "again", "beginning", "count", "gaps", "moved", "pending", "purse", "settled", "taken", "trusted",
        "window",
    )  # fmt: skip

    def __init__(self, window: int, purse: Purse | None = None) -> None:
        self.window, self.purse = window, purse or Purse()
        self.count: int | None = None
        self.settled: list[Item] = []
        self.pending: list[Record] = []
        self.again: list[Record] = []  # to be placed once more, after a gap: the next one last
        self.gaps: list[tuple[Gap, int]] = []
        self.moved = 0  # how far records were moved since the last doubt
        self.taken = self.trusted = 0  # records, and from how many on there may be doubt again
        self.beginning = True  # nothing was given out yet, so the first count is still a guess

    def add(self, record: Record) -> Sequence[Item]:
        """Take the next record; give out what nothing that follows can move any more."""
        count, settled = self.count, self.settled
        self.taken += 1
        if count and not self.pending:
            after = count + record.val
            if after == record.refcount:
                kind, ret = record.kind, record.ret
                if kind == MOD or (kind == UNLESS and ret) or (kind == TEST and ret == (not after)):
                    self.count = after
                    settled.append((record, count, after, 0, 0))
                    if not after:  # freed
                        return self.end()
                    return () if len(settled) < 4 * self.window else self._given_out()
        self.again.append(record)
        self.purse.left += EARNED
        self._place_again()
        return () if len(self.settled) < 4 * self.window else self._given_out()

    def _given_out(self) -> Sequence[Item]:
        given = self.settled[: -2 * self.window]
        self.settled = self.settled[-2 * self.window :]
        self.beginning = False
        return given

    def end(self) -> Sequence[Item]:
        """Give out all: nothing that follows moves them."""
        while self.pending:
            self._search(last=True)
            self._place_again()
        given, self.settled = self.settled, []
        self.beginning = self.beginning and not given
        return given

    def _place_again(self) -> None:
        while self.again:
            self._place(self.again.pop())

    def _place(self, record: Record) -> None:
        """Settle a record, or let it wait for those that explain it."""
        count = self.count
        if count and not self.pending and applied(record, count) == record.refcount:
            self.settled.append((record, count, record.refcount, 0, 0))
            self.count = record.refcount
            return
        if count is None:
            self.count = before(record)
        self.pending.append(record)
        number = len(self.pending)
        often = number <= SMALL or (number <= 8 * SMALL and number % SMALL == 0)
        if often or number >= self.window or not number & (number - 1):
            self._search(last=number >= self.window)

    def _search(self, last: bool) -> None:
        """Explain the pending records, or with the settled ones before them; a gap if there is no way."""
        assert self.count is not None
        if self._settle(explain(self.count, self.pending, self.window, EFFORT), 0):
            return
        movable, number = self._movable(), len(self.pending)
        for back in (1, 2, 4, 8):
            if number > SMALL or back > min(number, len(movable)):
                break
            first, count, block = self._block(movable, back)
            if self._settle(explain(count, block, self.window, EFFORT), len(movable) - first):
                return
        if last and not self._begin(movable):
            self._gap()

    def _block(self, movable: Sequence[Placed], back: int) -> tuple[int, int, list[Record]]:
        """The pending records and some settled ones: where these begin, the count there, and all."""
        assert self.count is not None
        if not back:
            return len(movable), self.count, self.pending
        first = _separate(movable, len(movable) - back)
        return first, movable[first][1], sorted([placed[0] for placed in movable[first:]] + self.pending)

    def _begin(self, movable: Sequence[Placed]) -> bool:
        """Whether the first of the pending records are explained, if not all."""
        if not self.count or self.purse.left <= 0:  # freed: what follows is another use of the page
            return False
        for back in sorted({0, min(self.window, len(movable))}):
            first, count, block = self._block(movable, back)
            least = len(block) - len(self.pending) // 2
            order = beginning(count, block, self.window, least, self.purse)
            if self._settle(order, len(movable) - first, block):
                return True
        return False

    def _movable(self) -> list[Placed]:
        """The settled records after the last gap or stray."""
        number = len(self.settled)
        while number and len(self.settled[number - 1]) == PLACED:
            number -= 1
        return cast(list[Placed], self.settled[number:])

    def _settle(self, order: list[Placed] | None, back: int, block: Sequence[Record] = ()) -> bool:
        """Settle records anew in this order, if it is one; those of the block that it lacks are pending."""
        if order is None:
            return False
        self.settled[len(self.settled) - back :] = order
        lines = {placed[0].line for placed in order}
        self.count, self.pending = order[-1][2], [record for record in block if record.line not in lines]
        self.moved += _cost(order, self.window)
        if self.moved > self.window and self.taken >= self.trusted:
            self._doubt()
            self.moved, self.trusted = 0, self.taken + self.window // 2
        return True

    def _doubt(self) -> None:
        """Put a gap before records that were moved far, if that explains the rest with less moving."""
        movable = self._movable()
        cost = _cost(movable, self.window)
        if cost <= self.window:
            return
        first = _separate(movable, next(number for number, placed in enumerate(movable) if placed[3]))
        other = _Trial(self, movable[first][1], sorted(placed[0] for placed in movable[first:]))
        if _cost(other.settled, self.window) < cost:
            place = len(self.settled) - len(movable) + first
            self.settled[place:] = other.settled[
                self.beginning and not place :
            ]  # the first count is a guess
            self.count, self.pending, self.gaps = other.count, [], other.gaps
            self.again += reversed(other.pending)

    def _gap(self) -> None:
        """Take a record to be late, or the count to be another from here on, as most records have it."""
        pending, self.pending = self._fitting(), []
        if not pending:
            return
        assert self.count is not None
        if self.settled and isinstance(self.settled[-1], Gap):
            self._force(pending.pop(0))
        elif self._begin_elsewhere(pending):
            return
        elif is_odd(self.count, pending) and (stray := self._stray(pending[0])):
            self.settled.append(stray)
            del pending[0]
        elif not self._last_was_late(shift := shift_of(self.count, pending)):
            gap = Gap(pending[0].line, self.count, self.count + shift)
            if self.count:  # a page that was free comes back by no change of these
                self.gaps = [*self.gaps[1 - REMEMBERED :], (gap, shift)]
            self.settled.append(gap)
            self.count += shift
        self.again += reversed(pending)

    def _fitting(self) -> list[Record]:
        """Settle the pending records that fit as they are; the others."""
        assert self.count is not None
        for number, record in enumerate(self.pending):
            if applied(record, self.count) != record.refcount:
                return self.pending[number:]
            self.settled.append((record, self.count, record.refcount, 0, 0))
            self.count = record.refcount
        return []

    def _stray(self, record: Record) -> Stray | None:
        """The record as a late one: it read an old count, or its change was missing at a gap."""
        stale = record.refcount != self.count
        gap = self._closed(record, stale, self._movable())
        return Stray(record, gap) if gap or stale else None

    def _last_was_late(self, shift: int) -> bool:
        """Whether the last settled record fits by accident: it is a late one, counted twice."""
        movable = self._movable()
        last = movable[-1] if movable else None
        if last is None or last[0].val != -shift or not (gap := self._closed(last[0], True, movable[:-1])):
            return False
        self.settled[-1], self.count = Stray(last[0], gap), last[1]
        return True

    def _closed(self, record: Record, stale: bool, movable: Sequence[Placed]) -> int:
        """The line of the gap at which the record's change was missing; 0 if there is none."""
        since = max((placed[0].line for placed in movable if placed[0].actor == record.actor), default=0)
        for number in range(len(self.gaps) - 1, -1, -1):
            gap, left = self.gaps[number]
            if gap.line < since:
                break
            fits = left * record.val > 0 and abs(record.val) <= abs(left)
            if fits and not (stale and not 0 <= (before(record) - gap.expected) / left < 1):
                self.gaps[number] = gap, left - record.val
                return gap.line
        return 0

    def _begin_elsewhere(self, pending: Sequence[Record]) -> bool:
        """Whether another first count, which the log does not tell, explains everything up to here."""
        movable = self._movable()
        if not self.beginning or len(movable) < len(self.settled):
            return False
        count = movable[0][1] if movable else self.count
        assert count is not None
        block = sorted([placed[0] for placed in movable] + list(pending))
        shifts = {0}
        for record in [*block[:4], pending[0]]:  # any of them may be in what the first one read
            shifts |= {shift - record.val for shift in shifts}
        for shift in sorted({shift_of(count, pending), *shifts}, key=abs):
            least = len(block) - len(pending) // 2
            order = beginning(count + shift, block, self.window, least, self.purse)
            if self._settle(order, len(movable), block):
                return True
        return False

    def _force(self, record: Record) -> None:
        """Take a record as it is, right after a gap."""
        gap, found = self.settled.pop(), before(record)
        self.settled.append(Gap(record.line, gap[1], found))
        after = applied(record, found)
        self.count = record.refcount if after is None else after
        self.settled.append((record, found, self.count, 0, 0))


class _Trial(Order):
    """What some records would be like after a gap, as far as they are explained."""

    __slots__ = ()

    def __init__(self, order: Order, count: int, records: list[Record]) -> None:
        super().__init__(order.window, order.purse)
        self.count, self.beginning, self.gaps = count, False, order.gaps.copy()
        self.pending = records
        self._gap()
        self._place_again()

    def _doubt(self) -> None:
        """Only the real order doubts."""


def _separate(movable: Sequence[Placed], first: int) -> int:
    """``first``, or the last place above it over which no record's read is late."""
    for number in range(first - 1, -1, -1):
        if number + movable[number][4] >= first:
            first = number
    return first


def _cost(items: Iterable[Item], window: int) -> int:
    """How far records were moved, and a window for each gap."""
    return sum(window if isinstance(item, (Gap, Stray)) else item[3] for item in items)

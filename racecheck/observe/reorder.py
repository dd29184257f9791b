"""The search for an order of a few changes that explains what each of them read.

A change and the read after it are two steps of the one who makes it, in this order, and both come before
its next change. Records are written later still. So a record explains itself where, at some time between,
the running count is what was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from racecheck.observe.records import FREEZE, MOD, RETURN, SET, TEST, UNFREEZE, UNLESS, Record
from racecheck.operations import wrap

FEW: Final = 64
"""Of more records fewer states are looked at."""
WIDTH: Final = 32
"""Orders that are followed at once where there are too many for all."""
SAVED: Final = 100_000
EARNED: Final = 2
"""States that a log may look at in this way, and how many more for each contended record."""
NEXT: Final = 8
"""So many records tell whether the one before them is odd."""
Placed = tuple[Record, int, int, int, int]
"""A change in its place: the record, the count before and after it, how many records that stand above it
in the log it comes before, and how many changes came between it and its read."""


class Gap(NamedTuple):
    """Before this line the count was ``expected``, and the record found ``found``."""

    line: int
    expected: int
    found: int


class Stray(NamedTuple):
    """A record that was written later than the window is wide; 0, or the line of the gap that it left."""

    record: Record
    gap: int


Item = Placed | Gap | Stray

State = tuple[int, int, int]
"""While searching: masks of the changes made and of those not yet read, and the running count."""


def applied(record: Record, count: int) -> int | None:
    """The count after the change, or None where it cannot have ended as the record says."""
    kind, val, ret = record.kind, record.val, record.ret
    if kind == MOD:
        return wrap(count + val, 32)
    if kind == TEST:
        after = wrap(count + val, 32)
        return after if ret == (after == 0) else None
    if kind == UNLESS:
        if ret:
            return wrap(count + val, 32) if count else None
        return None if count else 0
    if kind == FREEZE:
        if ret:
            return 0 if count == val else None
        return None if count == val else count
    if kind == RETURN:
        return ret if wrap(count + val, 32) == ret else None
    return val if kind == SET or count == 0 else None  # an unfreeze finds the count frozen


def before(record: Record) -> int:
    """The count that a change must have found if nobody else changed it before it was read."""
    kind, val = record.kind, record.val
    if kind == FREEZE and record.ret:
        return val
    if kind in (SET, UNFREEZE) or (kind == UNLESS and not record.ret):
        return 0
    if kind == RETURN:
        return wrap(record.ret - val, 32)
    if kind == TEST and record.ret:
        return wrap(-val, 32)
    found = record.refcount if kind == FREEZE else wrap(record.refcount - val, 32)
    return found + (applied(record, found) is None)  # off by one rather than impossible


class Puzzle:
    """Some records to be put in order: who made which before, and which read each count."""

    def __init__(self, records: Sequence[Record], window: int) -> None:
        self.records, self.window = records, window
        self.full = (1 << len(records)) - 1
        self.previous = _previous(records)
        self.reading: dict[int, int] = {}
        for index, record in enumerate(records):
            self.reading[record.refcount] = self.reading.get(record.refcount, 0) | 1 << index

    def moves(self, state: State) -> Iterator[tuple[int, State, int]]:
        """What each change that may be the next costs, where it leads, and its record."""
        placed, unread, now = state
        above = 0
        first = (~placed & (placed + 1)).bit_length() - 1
        for index in range(first, len(self.records)):
            bit = 1 << index
            if placed & bit:
                continue
            mine = self.previous[index]
            if mine & placed == mine and not mine & unread:
                after = applied(self.records[index], now)
                if after is not None:
                    left = (unread | bit) & ~self.reading.get(after, 0)
                    yield above + left.bit_count(), (placed | bit, left, after), index
            above += 1
            if above > self.window:
                return


def explain(count: int, records: Sequence[Record], window: int, effort: int) -> list[Placed] | None:
    """The order nearest to the given one in which every record is explained; None if none is found.

    No record comes before more than ``window`` of those above it. Looks at up to ``effort`` states,
    nearest first: in the worst case there are exponentially many.
    """
    if not _possible(count, records):
        return None
    effort = min(effort, effort * FEW // max(1, len(records)))  # a state of more takes longer to look at
    return _nearest(Puzzle(records, window), (0, 0, count), effort)


def _nearest(puzzle: Puzzle, start: State, effort: int) -> list[Placed] | None:
    came: dict[State, tuple[State, int]] = {}
    heap = [(0, 0, start, start, -1)]
    pushed = 0
    while heap and effort:
        cost, _, state, parent, last = heappop(heap)
        if state in came:
            continue
        came[state] = parent, last
        effort -= 1
        if state[0] == puzzle.full and not state[1]:
            return _path(came, state, puzzle.records)
        for more, found, index in puzzle.moves(state):
            if found not in came:
                pushed += 1
                heappush(heap, (cost + more, pushed, found, state, index))
    return None


class Purse:
    """States that may be looked at where the nearest order is not found: so many, and some more a record.

    All pages of a log have one, so that a log full of gaps takes not much longer than another.
    """

    __slots__ = ("left",)

    def __init__(self, left: int = SAVED) -> None:
        self.left = left


def beginning(
    count: int, records: Sequence[Record], window: int, least: int, purse: Purse
) -> list[Placed] | None:
    """An order that has at least so many of the first records, and that the others go on from.

    The last records may have read changes whose records are still to come. Of the orders of each length
    only the ``WIDTH`` nearest are followed, so that it may be not the nearest, nor be found; nor is it
    when nothing is left in the purse.
    """
    puzzle, start = Puzzle(records, window), (0, 0, count)
    came: dict[State, tuple[State, int]] = {start: (start, -1)}
    costs = {start: 0}
    state = start
    while costs:
        state = next(iter(costs))
        following: dict[State, int] = {}
        for before, cost in costs.items():
            for more, found, index in puzzle.moves(before):
                if cost + more < following.get(found, cost + more + 1):
                    following[found] = cost + more
                    came[found] = before, index
        purse.left -= len(costs)
        if purse.left < 0:
            return None
        best = sorted(following, key=following.__getitem__)[:WIDTH]
        costs = {found: following[found] for found in best}
    while state[1]:
        state = came[state][0]
    first = (1 << least) - 1
    return _path(came, state, records) if state[0] & first == first else None


def _possible(count: int, records: Sequence[Record]) -> bool:
    """False where a record read what no order of the changes comes to."""
    if any(record.kind in (SET, UNFREEZE, FREEZE) for record in records):
        return True
    least = count + sum(min(record.val, 0) for record in records)
    most = count + sum(max(record.val, 0) for record in records)
    return all(least <= record.refcount <= most for record in records)


def _previous(records: Sequence[Record]) -> list[int]:
    """For each record a mask of the record that its actor made before it."""
    latest: dict[int, int] = {}
    masks = []
    for index, record in enumerate(records):
        masks.append(latest.get(record.actor, 0))
        latest[record.actor] = 1 << index
    return masks


def _path(came: dict[State, tuple[State, int]], state: State, records: Sequence[Record]) -> list[Placed]:
    states, indices = [state], []
    while True:
        parent, last = came[state]
        if last < 0:
            break
        indices.append(last)
        states.append(parent)
        state = parent
    states.reverse()
    indices.reverse()
    late = [0] * len(records)
    for _, unread, _ in states[1:]:
        for index in range(unread.bit_length()):
            late[index] += unread >> index & 1
    order = []
    for (placed, _, now), (_, _, after), index in zip(states, states[1:], indices, strict=False):
        above = index - (placed & ((1 << index) - 1)).bit_count()
        order.append((records[index], now, after, above, late[index]))
    return order


def shifts_of(count: int, records: Iterable[Record]) -> list[int]:
    """By how much each record, one after the other as in the log, differs from what was expected."""
    shifts = []
    for record in records:
        after = applied(record, count)
        count = count + record.val if after is None else after
        shifts.append(record.refcount - count)
    return shifts


def shift_of(count: int, records: Sequence[Record]) -> int:
    """By how much most records differ, of those that do; what the first needs if none does."""
    shifts = Counter(shifts_of(count, records))
    del shifts[0]
    return max(shifts, key=shifts.__getitem__, default=before(records[0]) - count)


def is_odd(count: int, records: Sequence[Record]) -> bool:
    """Whether what follows the first record fits without it, on the count before or on another."""
    following = records[1 : 1 + NEXT]
    if not following or before(following[0]) == records[0].refcount != count:
        return False
    fitting, now = 0, before(following[0])
    for record in following:
        if applied(record, now) == record.refcount:
            now = record.refcount
            fitting += 1
    return 4 * fitting >= 3 * len(following)

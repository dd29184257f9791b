"""The timeline of one page, in bounded space: what happened, and the counts as they went."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

from attrs import define, field

from racecheck.observe import lexicon as names
from racecheck.observe.holdings import Holdings
from racecheck.observe.records import Record

QUIET: Final = {
    names.MAP,
    names.UNMAP,
    names.GET,
    names.PUT,
    names.MAP_OR_GET,
    names.UNMAP_OR_PUT,
    names.COPY,
}
"""Operations that are told together."""
ROWS: Final = 400
SPANS: Final = 400
POINTS: Final = 2000
WHO: Final = 4


@define(eq=False)
class Row:
    """Some operations, one after the other, or a note: from a line and time to a line and time.

    ``who`` has some of the actors. ``refs`` and ``maps`` are the lowest and highest counts that were read.
    ``gaps`` and ``late`` records are counted; ``detail`` is of the first of them.
    """

    line: int
    time: float
    end: int
    until: float
    operations: Counter[str] = field(factory=Counter)
    who: dict[int, None] = field(factory=dict)
    refs: tuple[int, int] | None = None
    maps: tuple[int, int] | None = None
    note: str = ""
    gaps: int = 0
    late: int = 0
    detail: str = ""

    @property
    def quiet(self) -> bool:
        """Whether it has only operations that are told together."""
        return not (self.note or self.detail) and self.operations.keys() <= QUIET

    def add(self, name: str, records: Sequence[Record]) -> None:
        """One more operation."""
        self.operations[name] += 1
        for record in records:
            if record.line > self.end:
                self.end, self.until = record.line, record.time
            elif record.line < self.line:
                self.line, self.time = record.line, record.time
            if self.refs is None or not self.refs[0] <= record.refcount <= self.refs[1]:
                self.refs = _wider(self.refs, record.refcount)
            if self.maps is None or not self.maps[0] <= record.mapcount <= self.maps[1]:
                self.maps = _wider(self.maps, record.mapcount)
            if len(self.who) <= WHO:
                self.who[record.actor] = None

    def merge(self, other: Row) -> None:
        """What the other row has, too."""
        self.end, self.until = max((self.end, self.until), (other.end, other.until))
        self.operations += other.operations
        self.who |= other.who
        self.note = "; ".join(filter(None, (self.note, other.note)))[:200]
        self.gaps, self.late = self.gaps + other.gaps, self.late + other.late
        self.detail = self.detail or other.detail
        for refs in other.refs or ():
            self.refs = _wider(self.refs, refs)
        for maps in other.maps or ():
            self.maps = _wider(self.maps, maps)


class Span(NamedTuple):
    """What was held, by whom, and the lines at which it was taken and given back; None is never."""

    what: str
    actor: int
    first: int
    last: int | None

    def length(self) -> float:
        """Over how many lines."""
        return inf if self.last is None else self.last - self.first


def _continues(row: Row, name: str, record: Record) -> bool:
    """Whether an operation belongs to the row of some: both are quiet, or the same by the same actor."""
    if name in QUIET:
        return next(iter(row.operations)) in QUIET  # of a row without a note all are or none is
    return list(row.operations) == [name] and list(row.who) == [record.actor]


@define(eq=False)
class Point:
    """Some changes: where they are in the log, and the lowest and highest counts; ``pins`` after them."""

    line: int
    time: float
    refs: tuple[int, int]
    maps: tuple[int, int]
    pins: int


class Chronicle:
    """Rows to be told and points to be drawn, of which neighbours are merged where there are too many."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.points: list[Point] = []
        self.held: list[Span] = []
        self.breaks: list[int] = []  # lines of notes
        self.latest: dict[int, Row] = {}  # the last row after each of them
        self.lacking: Row | None = None  # the last gap, until the record after it comes
        self._each = 1
        self._left = 0

    def told(self, name: str, records: Sequence[Record]) -> None:
        """An operation."""
        first = records[0]
        part = bisect_left(self.breaks, first.line)
        row = self.latest.get(part)
        if row is not None and _continues(row, name, first):
            row.add(name, records)
            return
        row = self.latest[part] = Row(first.line, first.time, first.line, first.time)
        row.add(name, records)
        self._append(row)

    def span(self, what: str, first: Record, last: Record | None) -> None:
        """A reference or a pin was held; of many, the longest are kept."""
        end = None if last is None else last.line
        self.held.append(Span(what, first.actor, first.line, end))
        if len(self.held) > 2 * SPANS:
            self.held.sort(key=Span.length, reverse=True)
            del self.held[SPANS:]

    def note(self, line: int, time: float, text: str) -> None:
        """Something beside the operations; it ends a row."""
        if len(self.rows) < 2 * ROWS:
            insort(self.breaks, line)
            self.latest.clear()
            self._append(Row(line, time, line, time, note=text))

    def gap(self, line: int, expected: int, found: int) -> None:
        """The log lacks something."""
        text = f"gap: refcount {expected} expected, {found} found"
        self.lacking = Row(line, 0.0, line, 0.0, gaps=1, detail=text)
        self._append(self.lacking)

    def stray(self, record: Record, gap: int) -> None:
        """A record was written late."""
        what = f"it was missing at line {gap}" if gap else "nothing tells when it was made"
        text = f"a change by {record.val:+} is written late: {what}"
        row = Row(record.line, record.time, record.line, record.time, late=1, detail=text)
        self._append(row)

    def _append(self, row: Row) -> None:
        self.rows.append(row)
        if row.detail:
            self.latest.clear()
        if len(self.rows) > 3 * ROWS:
            self.rows = merged(self.rows, ROWS)
            self.latest.clear()

    def change(self, record: Record, after: int, holdings: Holdings) -> None:
        """The counts after a change."""
        maps = max(record.mapcount, 0)
        if self.lacking is not None:
            self.lacking.time, self.lacking = record.time, None
        if self._left:
            point = self.points[-1]
            if not point.refs[0] <= after <= point.refs[1]:
                point.refs = _wider(point.refs, after)
            if not point.maps[0] <= maps <= point.maps[1]:
                point.maps = _wider(point.maps, maps)
            point.pins = holdings.pins
            self._left -= 1
            return
        self.points.append(Point(record.line, record.time, (after, after), (maps, maps), holdings.pins))
        self._left = self._each - 1
        if len(self.points) > 2 * POINTS:
            self._thin_out()

    def _thin_out(self) -> None:
        """Half as many points, each of twice as many changes."""
        for one, other in zip(self.points[::2], self.points[1::2], strict=False):
            for ends in other.refs:
                one.refs = _wider(one.refs, ends)
            for ends in other.maps:
                one.maps = _wider(one.maps, ends)
            one.pins = other.pins
        self.points = self.points[::2]
        self._each *= 2


def merged(rows: Sequence[Row], most: int) -> list[Row]:
    """At most so many rows, in the order of the log: quiet neighbours are told together first, then any."""
    rows = sorted(rows, key=lambda row: row.line)
    if len(rows) > most:
        kept = rows[:1]
        for row in rows[1:]:
            if kept[-1].quiet and row.quiet:
                kept[-1].merge(row)
            else:
                kept.append(row)
        rows = kept
    while len(rows) > most:
        for one, other in zip(rows[::2], rows[1::2], strict=False):
            one.merge(other)
        rows = rows[::2]
    return rows


def _wider(ends: tuple[int, int] | None, value: int) -> tuple[int, int]:
    return (value, value) if ends is None else (min(ends[0], value), max(ends[1], value))

"""The timeline of a page of a kernel log as a picture: counts, attempts, holders and operations."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import log2
from typing import Final

from attrs import frozen

from racecheck.observe import lexicon as names
from racecheck.observe.attempts import FAILED, MIGRATED, SKIPPED, Attempt
from racecheck.observe.chronicle import ROWS, Point, Row, Span, merged
from racecheck.observe.invariants import VIOLATION
from racecheck.observe.page import Page
from racecheck.observe.parse import Log
from racecheck.observe.watch import Observation
from racecheck.render.observed import row_text, time_text
from racecheck.render.svg import WORDS, Canvas

WIDTH, LEFT, RIGHT, TOP, HEIGHT, LANE = 1000, 110, 20, 60, 220, 26
LARGE: Final = 64
"""Counts from here on are drawn on a logarithmic scale: a pin is 1024 references."""
LOOKS: Final = {MIGRATED: ("disc", "goal"), SKIPPED: ("square", "at-rest"), FAILED: ("cross", "violated")}
LANES: Final = (
    (
        "mapping",
        (names.MAP, names.UNMAP, names.COPY, names.MAP_OR_GET, names.UNMAP_OR_PUT, names.PMD_SPLIT),
    ),
    ("references", (names.GET, names.PUT, names.BATCH, names.TRUNCATE, names.FREE, names.ALLOCATE)),
    ("pins", (names.FAST_PIN, names.SLOW_PIN, names.UNPIN, names.REFUSED_FORK)),
    (
        "migration",
        (
            names.SKIP,
            names.ISOLATE,
            names.FROZEN,
            names.REFUSED,
            names.FAILED,
            names.MIGRATED,
            names.SPLIT,
            names.RECLAIM,
        ),
    ),
    ("unexplained", ("unexplained",)),
    ("notes", ()),
)
TRACKS: Final = 4
"""Holders that are drawn one below the other; more share the last of them."""


@frozen
class Scale:
    """Lines of the log and counts to coordinates; lines where something happens are equally far apart."""

    lines: Sequence[int]
    most: int

    def x(self, line: int) -> float:
        """Where a line of the log is."""
        return LEFT + (WIDTH - LEFT - RIGHT) * bisect_left(self.lines, line) / max(1, len(self.lines) - 1)

    def y(self, count: int) -> float:
        """Where a count is; none is drawn below 0."""
        count = max(count, 0)
        part = log2(1 + count) / log2(1 + self.most) if self.most >= LARGE else count / max(1, self.most)
        return TOP + HEIGHT * (1 - part)

    def ticks(self) -> list[int]:
        """Counts to be labelled."""
        if self.most >= LARGE:
            return [0, *(4**power for power in range(16) if 4**power <= self.most)]
        step = max(1, self.most // 5)
        return list(range(0, self.most + 1, step))


def timeline_svg(seen: Observation, page: Page) -> str:
    """The picture: the counts over the lines of the log, and a lane for each sort of operation."""
    assert page.chronicle is not None
    points, rows = page.chronicle.points, merged(page.chronicle.rows, ROWS)
    lines = sorted({point.line for point in points}.union(*((row.line, row.end) for row in rows))) or [0]
    most = max([1, *(point.refs[1] for point in points), *(point.maps[1] for point in points)])
    scale = Scale(lines, most)
    canvas = Canvas()
    title = f"page {page.pfn:#x}: {page.records:,} records, lines {lines[0]:,} to {lines[-1]:,}"
    canvas.text(LEFT, 22, title, "ink title")
    _axes(canvas, scale, points)
    _band(canvas, scale, [(point.line, point.maps) for point in points], "hostile")
    _band(canvas, scale, [(point.line, point.refs) for point in points], "victim")
    _legend(canvas)
    y = float(TOP + HEIGHT + 40)
    _named(canvas, "attempts", y)
    _attempts(canvas, scale, page.attempts, y)
    _named(canvas, "held by", y + LANE)
    y += _holders(canvas, scale, seen.log, page.chronicle.held, y + LANE) + 2 * LANE
    for name, operations in LANES:
        chosen = [(row, row_text(seen.log, row)) for row in rows if _in_lane(row, operations)]
        if chosen or name not in {"unexplained", "notes"}:
            _named(canvas, name, y)
            _lane(canvas, scale, chosen, y, "kernel-fill" if operations else "hostile-fill")
            y += LANE
    if page.missing or page.findings:
        _named(canvas, "gaps, rules", y)
        _odd(canvas, scale, page, y)
        y += LANE
    height = y
    return canvas.document(WIDTH, height, title, "; ".join(_told(seen, rows[:50])))


def _named(canvas: Canvas, name: str, y: float) -> None:
    canvas.text(LEFT - 8, y + 4, name, "ink", "end")
    canvas.line([(LEFT, y), (WIDTH - RIGHT, y)], "line faint")


def _holders(canvas: Canvas, scale: Scale, log: Log, spans: Iterable[Span], y: float) -> float:
    """Who held references and pins from when to when; returns what height it takes beyond a lane."""
    free = [0.0] * TRACKS
    used = 1
    for span in sorted(spans, key=lambda span: span.first):
        x, end = scale.x(span.first), scale.x(span.last) if span.last else float(WIDTH - RIGHT)
        track = next((number for number, begin in enumerate(free) if begin <= x), TRACKS - 1)
        free[track], used = end + 1, max(used, track + 1)
        until = f"to line {span.last}" if span.last else "to the end"
        name = log.name_of(span.actor)
        canvas.open(f"{span.what} of {name} from line {span.first} {until}")
        top = y + track * LANE / 2 - 5
        canvas.rect(x, top, max(2.0, end - x), 10, "victim-fill" if span.what == "pin" else "muted")
        if end - x > WORDS * len(name) + 4:
            canvas.text(x + 3, top + 9, name, "white small")
        canvas.close()
    return (used - 1) * LANE / 2


def _odd(canvas: Canvas, scale: Scale, page: Page, y: float) -> None:
    """Gaps, and records that break a rule."""
    for gap in page.missing:
        canvas.open(f"line {gap.line}: gap: refcount {gap.expected} expected, {gap.found} found")
        canvas.rect(scale.x(gap.line), y - 6, 2, 12, "hostile-fill")
        canvas.close()
    for rule, line, judged, why in page.findings[:ROWS]:
        canvas.open(f"line {line}: {judged}: {rule}: {why}")
        shape = "cross" if judged == VIOLATION else "ring"
        canvas.badge(shape, scale.x(line), y, _badge(shape, "violated"))
        canvas.close()


def _told(seen: Observation, rows: Iterable[Row]) -> Iterable[str]:
    return (f"line {row.line}: {row_text(seen.log, row)}" for row in rows)


def _axes(canvas: Canvas, scale: Scale, points: Sequence[Point]) -> None:
    for tick in scale.ticks():
        canvas.line([(LEFT, scale.y(tick)), (WIDTH - RIGHT, scale.y(tick))], "line faint")
        canvas.text(LEFT - 8, scale.y(tick) + 4, f"{tick:,}", "muted small", "end")
    free = 0.0
    for point in points:
        x = scale.x(point.line)
        if x >= free:
            canvas.text(x, TOP + HEIGHT + 18, time_text(point.time), "muted small", "middle")
            free = x + 120


def _band(canvas: Canvas, scale: Scale, ends: Sequence[tuple[int, tuple[int, int]]], look: str) -> None:
    """A count as steps; where points stand for many changes, from the lowest to the highest."""
    steps: list[tuple[float, float]] = []
    back: list[tuple[float, float]] = []
    for line, (low, high) in ends:
        for way, value in ((steps, high), (back, low)):
            if way:
                way.append((scale.x(line), way[-1][1]))
            way.append((scale.x(line), scale.y(value)))
    if steps:
        canvas.line(steps, f"line {look}")
    if any(low != high for _, (low, high) in ends):
        canvas.line(back, f"line {look} thin")


def _legend(canvas: Canvas) -> None:
    for x, look, text in ((LEFT, "victim", "refcount"), (LEFT + 110, "hostile", "mapcount")):
        canvas.line([(x, 42), (x + 26, 42)], f"line {look}")
        canvas.text(x + 32, 46, text)
    for number, (outcome, (shape, look)) in enumerate(LOOKS.items()):
        x = LEFT + 240 + 110 * number
        canvas.badge(shape, x, 42, _badge(shape, look))
        canvas.text(x + 10, 46, outcome)


def _badge(shape: str, look: str) -> str:
    """The classes of a badge; a ring is drawn by its line alone."""
    return look if shape == "ring" else f"{look} {look}-fill"


def _attempts(canvas: Canvas, scale: Scale, attempts: Sequence[Attempt], y: float) -> None:
    for attempt in attempts:
        shape, look = LOOKS.get(attempt.outcome, ("ring", "at-rest"))
        x = scale.x(attempt.record.line)
        canvas.open(f"line {attempt.record.line}: {attempt.outcome}; {attempt.references} held by others")
        if attempt.end:
            canvas.line([(x, y), (scale.x(attempt.end), y)], f"line {look}")
        canvas.badge(shape, x, y, _badge(shape, look))
        canvas.close()


def _lane(canvas: Canvas, scale: Scale, rows: Iterable[tuple[Row, str]], y: float, look: str) -> None:
    """Rows, with their texts, as bars from their first line to their last."""
    for row, text in rows:
        x = scale.x(row.line)
        canvas.open(f"line {row.line}: {text}")
        canvas.rect(x, y - 6, max(2.0, scale.x(row.end) - x), 12, look)
        canvas.close()


def _in_lane(row: Row, operations: Sequence[str]) -> bool:
    """Whether the row has one of the operations; of no operations, whether it has a note."""
    return bool(row.operations.keys() & set(operations) if operations else row.note)

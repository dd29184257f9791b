"""The timeline of a page of a kernel log: counts, operations and attempts, as a picture and as a page."""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import log2
from typing import Final

from attrs import frozen

from racecheck.observe import lexicon as names
from racecheck.observe.attempts import FAILED, MIGRATED, SKIPPED, Attempt
from racecheck.observe.chronicle import ROWS, Point, Row, merged
from racecheck.observe.watch import Observation, Page
from racecheck.render.observed import row_text
from racecheck.render.palette import style
from racecheck.render.svg import Canvas, clean

WIDTH, LEFT, RIGHT, TOP, HEIGHT, LANE = 1000, 110, 20, 60, 220, 26
LARGE: Final = 64
"""Counts from here on are drawn on a logarithmic scale: a pin is 1024 references."""
LOOKS: Final = {MIGRATED: ("disc", "goal"), SKIPPED: ("square", "at-rest"), FAILED: ("cross", "violated")}
LANES: Final = (
    ("attempts", None),
    ("mapping", (names.MAP, names.UNMAP, names.COPY, names.MAP_OR_GET)),
    ("holding", (names.GET, names.PUT, names.BATCH, names.TRUNCATE)),
    ("pinning", (names.FAST_PIN, names.SLOW_PIN, names.UNPIN)),
    ("migrating", (names.ISOLATE, names.FROZEN, names.REFUSED, names.FAILED, names.MIGRATED, names.FREE)),
    ("notes", ()),
)


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
    for number, (name, operations) in enumerate(LANES):
        y = TOP + HEIGHT + 40 + number * LANE
        canvas.text(LEFT - 8, y + 4, name, "ink", "end")
        canvas.line([(LEFT, y), (WIDTH - RIGHT, y)], "line faint")
        if operations is None:
            _attempts(canvas, scale, page.attempts, y)
        else:
            chosen = [(row, row_text(seen.log, row)) for row in rows if _in_lane(row, operations)]
            _lane(canvas, scale, chosen, y, "kernel-fill" if operations else "hostile-fill")
    height = TOP + HEIGHT + 40 + len(LANES) * LANE
    return canvas.document(WIDTH, height, title, "; ".join(_told(seen, rows[:50])))


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
            canvas.text(x, TOP + HEIGHT + 18, f"{point.time:.6f}", "muted small", "middle")
            free = x + 120


def _band(canvas: Canvas, scale: Scale, ends: Sequence[tuple[int, tuple[int, int]]], look: str) -> None:
    """A count as steps; where points stand for many changes, from the lowest to the highest."""
    steps: list[tuple[float, float]] = []
    back: list[tuple[float, float]] = []
    for line, (low, high) in ends:
        for way, count in ((steps, high), (back, low)):
            if way:
                way.append((scale.x(line), way[-1][1]))
            way.append((scale.x(line), scale.y(count)))
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
        canvas.badge(shape, x, 42, _badge(look))
        canvas.text(x + 10, 46, outcome)


def _badge(look: str) -> str:
    return f"{look} {look}-fill"


def _attempts(canvas: Canvas, scale: Scale, attempts: Sequence[Attempt], y: float) -> None:
    for attempt in attempts:
        shape, look = LOOKS.get(attempt.outcome, ("ring", "muted"))
        x = scale.x(attempt.record.line)
        canvas.open(f"line {attempt.record.line}: {attempt.outcome}; {attempt.references} held by others")
        if attempt.end:
            canvas.line([(x, y), (scale.x(attempt.end), y)], f"line {look}")
        canvas.badge(shape, x, y, _badge(look))
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


CSS = """\
body{font-family:ui-sans-serif,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;color-scheme:light dark}
body{max-width:1040px;margin:1em auto;padding:0 1em}
table{border-collapse:collapse;font-size:13px}
td,th{padding:2px 10px 2px 0;text-align:left;vertical-align:top}
.scroll{overflow-x:auto}
"""


def timeline_html(seen: Observation, page: Page, picture: str, name: str) -> str:
    """The page: picture, what happened, attempts and what each policy would have said. No script."""
    looks = style() + CSS
    digest = base64.b64encode(hashlib.sha256(looks.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    assert page.chronicle is not None
    rows = merged(page.chronicle.rows, ROWS)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>page {page.pfn:#x}</title><style>{looks}</style></head><body>",
        f"<h1>page {page.pfn:#x}</h1><p>{clean(name)}: {page.records:,} records; {_summary(page)}</p>",
        f'<div class="scroll">{picture.replace(f"<style>{style()}</style>", "")}</div>',
        "<h2>operations</h2>",
        _table(("operation", "times"), [(name, f"{n:,}") for name, n in page.operations.items()]),
        "<h2>what happened</h2>",
        _table(("line", "time", "what", "refcount", "mapcount"), [_row(seen, row) for row in rows]),
        *_judged(page),
        *_attempted(seen, page),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _summary(page: Page) -> str:
    gaps = f"{len(page.missing):,} gaps"
    return (
        f"{page.reordered:,} were written in another order, {gaps}, {len(page.unexplained):,} unexplained"
    )


def _row(seen: Observation, row: Row) -> tuple[str, ...]:
    ends = ["" if ends is None else f"{ends[0]}-{ends[1]}" for ends in (row.refs, row.maps)]
    return f"{row.line}", f"{row.time:.6f}", row_text(seen.log, row), *ends


def _judged(page: Page) -> list[str]:
    if not page.findings:
        return ["<h2>invariants</h2><p>none is broken</p>"]
    rows = [(f"{line}", judged, rule, why) for rule, line, judged, why in page.findings]
    return ["<h2>invariants</h2>", _table(("line", "judged", "rule", "why"), rows)]


def _attempted(seen: Observation, page: Page) -> list[str]:
    """The attempts, and which policies would have skipped the page at each."""
    if not page.attempts:
        return []
    rows = []
    for attempt in page.attempts:
        skips = [name for name, skip in seen.judge.answers(attempt).items() if skip]
        counts = f"{attempt.record.refcount}", f"{attempt.record.mapcount}", f"{attempt.references}"
        rows.append((f"{attempt.record.line}", *counts, attempt.outcome, ", ".join(skips) or "none"))
    head = (
        "line",
        "refcount",
        "mapcount",
        "held by others",
        "outcome",
        "policies that would have skipped it",
    )
    return ["<h2>attempts of compaction</h2>", _table(head, rows)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    heads = "".join(f"<th>{clean(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{clean(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{heads}</tr>{body}</table></div>'

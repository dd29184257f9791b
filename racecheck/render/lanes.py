"""The lanes of a trace chart: the value of one word, as a step plot with time downwards."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from racecheck.render.story import Row
from racecheck.render.svg import WORDS, Canvas

NARROW, WIDE = 40, 84
"""Widths of the plot of a flag, and of a word with many values."""


@frozen
class Lane:
    """A word, the range of its values, and its place in the picture."""

    label: str
    low: int
    high: int
    left: float = 0

    @property
    def plot(self) -> float:
        """The width between the lowest and the highest value."""
        return min(WIDE, max(NARROW, 14 * (self.high - self.low)))

    @property
    def width(self) -> float:
        """With room for the head, and for a value written beside the line."""
        owner, _, word = self.label.rpartition(".")
        digits = max(len(f"{v:,}") for v in (self.low, self.high))
        return max(self.plot + 26 + digits * 7, (max(len(owner), len(word)) + 1) * WORDS * 1.2 + 10)

    def at(self, left: float) -> Lane:
        """The same lane in another place."""
        return evolve(self, left=left)

    def x(self, value: int) -> float:
        """Where a value is."""
        return self.left + 12 + self.plot * (value - self.low) / max(1, self.high - self.low)


def lanes_of(values: Sequence[dict[str, int]], labels: Sequence[str]) -> list[Lane]:
    """A lane for each of these words."""
    lanes = []
    for label in labels:
        own = [known[label] for known in values if label in known]
        lanes.append(Lane(label, min(own), max(own)))
    return lanes


def draw_head(canvas: Canvas, lane: Lane, at: tuple[float, float, float], ghost: bool) -> None:
    """The panel of a lane and its name; ``at`` are the top, the height of the head, and the end."""
    top, height, end = at
    owner, _, word = lane.label.rpartition(".")
    canvas.rect(lane.left, top, lane.width, end - top, "panel", radius=6)
    middle = lane.left + lane.width / 2
    owner = f"{owner}." if owner else ""
    canvas.text(middle, top + 15, f"{owner} (ghost)" if ghost else owner, "muted small", "middle")
    canvas.text(middle, top + 30, word, "ink head", "middle")
    for value in sorted({lane.low, lane.high}):
        canvas.line([(lane.x(value), top + height + 4), (lane.x(value), end)], "line faint thin")


def draw_lane(
    canvas: Canvas,
    lane: Lane,
    rows: Sequence[Row],
    tops: Sequence[float],
    values: Sequence[dict[str, int]],
) -> None:
    """The line of the values: it jumps at the middle of the step that changes it."""
    before = values[0].get(lane.label)
    points: list[tuple[float, float]] = []
    if before is not None:
        points = [(lane.x(before), tops[0] - 22)]
        _write(canvas, lane, before, tops[0] - 10)
    for row, top, bottom in zip(rows, tops, tops[1:], strict=False):
        after = values[row.last].get(lane.label)
        middle = (top + bottom - 8) / 2
        if row.told and after is not None and row.last > row.first:
            start = lane.x(after if before is None else before)
            _draw_plot(canvas, [*points, (start, top)], "plot")
            canvas.line([(start, top), (lane.x(after), bottom)], "plot dots")
            points = [(lane.x(after), bottom)]
            if after != before:
                _write(canvas, lane, after, bottom + 3)
        elif after != before and after is not None:
            points += [(lane.x(before), middle)] if before is not None else []
            points.append((lane.x(after), middle))
            _write(canvas, lane, after, middle + 13)
        before = after
    if before is not None:
        _draw_plot(canvas, [*points, (lane.x(before), tops[-1])], "plot")


def _draw_plot(canvas: Canvas, points: list[tuple[float, float]], look: str) -> None:
    if len(points) > 1:
        canvas.line(points, look)


def _write(canvas: Canvas, lane: Lane, value: int, y: float) -> None:
    canvas.text(lane.x(value) + 5, y, f"{value:,}", "ink code small")

"""A trace as the picture that explains the race.

Time runs downwards. Each process has a column, and each word a lane with its value under the schedule.
"""

from __future__ import annotations

from racecheck.render.lanes import draw_head, draw_lane
from racecheck.render.palette import MARKS, css
from racecheck.render.plan import GAP, HEAD, LABEL, LINE, MARGIN, Box, Chart, ending, laid_out, named
from racecheck.render.story import WAITS, Row, Story
from racecheck.render.svg import Canvas


def chart_svg(story: Story) -> str:
    """The chart of a trace. Rounds that repeat are told once; a lasso's cycle has an arrow back."""
    chart, canvas = laid_out(story), Canvas()
    for i, line in enumerate(chart.title):
        canvas.text(MARGIN, MARGIN + 14 + 20 * i, line, "ink title" if i == 0 else "muted")
    for process, column in chart.columns.items():
        _draw_column(canvas, chart, process, column)
    for lane in chart.lanes:
        draw_head(canvas, lane, (chart.head, HEAD, chart.tops[-1]), lane.label in story.ghosts)
    _draw_guides(canvas, chart)
    for process, (left, width) in chart.columns.items():
        for top, bottom in _busy_spans(chart, process):
            middle = left + width / 2
            canvas.line([(middle, top), (middle, bottom)], f"line {chart.look(process)}")
    for lane in chart.lanes:
        draw_lane(canvas, lane, chart.rows, chart.tops, story.values())
    for row, top, bottom in zip(chart.rows, chart.tops, chart.tops[1:], strict=False):
        _draw_row(canvas, chart, row, top, bottom)
    _draw_loop(canvas, chart)
    _draw_ending(canvas, chart)
    trace = story.trace
    name = f"{trace.model.partition('::')[2]}: {trace.verdict} {trace.kind} {trace.property}"
    return canvas.document(chart.width, chart.height, name, "; ".join(map(str, story.steps[:40])))


def _draw_column(canvas: Canvas, chart: Chart, process: str, column: tuple[float, float]) -> None:
    """The panel and the head."""
    left, width = column
    members = chart.members[process]
    role = chart.story.roles.get(members[0])
    look = chart.look(process)
    middle = left + width / 2
    canvas.rect(left, chart.head, width, chart.tops[-1] - chart.head, "panel", radius=6)
    canvas.text(middle, chart.head + 17, named(process, members), "ink head", "middle")
    if role:
        canvas.text(middle, chart.head + 31, role.value, f"{look}-fill small", "middle")
    canvas.line([(left, chart.head + HEAD), (left + width, chart.head + HEAD)], f"line {look}")


def _draw_guides(canvas: Canvas, chart: Chart) -> None:
    """From each step to the lanes of the words that it changes."""
    for row, top, bottom in zip(chart.rows, chart.tops, chart.tops[1:], strict=False):
        step = chart.story.steps[row.first] if not row.told else None
        lefts = [lane.left for lane in chart.lanes if step and lane.label in step.changed]
        if step and lefts:
            left, width = chart.columns[chart.column(step.process)]
            middle = (top + bottom - 8) / 2
            canvas.line([(left + width, middle), (max(lefts), middle)], "line faint dots")


def _busy_spans(chart: Chart, process: str) -> list[tuple[float, float]]:
    """From step to step of a process that is busy in between, over rows that are others' turns."""
    spans = []
    busy, start = chart.story.busy, chart.head + HEAD
    members = set(chart.members[process])
    since: float | None = start if busy and members & busy[0] else None
    for row, top, bottom in zip(chart.rows, chart.tops, chart.tops[1:], strict=False):
        own = any(step.process in members for step in chart.story.steps[row.first : row.last])
        if own and since is not None:
            spans.append((since, top))
        if own:
            after = busy[row.last] if row.last < len(busy) else frozenset()
            since = bottom - 4 if members & after else None
    return [*spans, (since, chart.tops[-1])] if since is not None else spans


def _draw_row(canvas: Canvas, chart: Chart, row: Row, top: float, bottom: float) -> None:
    if row.told == WAITS:
        for process, box in {chart.column(name): box for name, box in chart.waits.items()}.items():
            _draw_box(canvas, chart, process, box, top, border="stuck")
        return
    if row.told:
        canvas.rect(chart.edge + 2, (top + bottom) / 2 - 9, len(row.told) * 6 + 8, 18, "panel")
        canvas.text(chart.edge + 6, (top + bottom) / 2 + 4, row.told, "muted")
        return
    step, box = chart.story.steps[row.first], chart.boxes[row.first]
    last = row.last == len(chart.story.steps) and chart.story.trace.kind in ("always", "assert")
    canvas.open(f"step {row.last}: {step}", class_="step", data_step=row.last)
    canvas.text(chart.edge - 10, top + box.height / 2 + 4, f"{row.last:,}", "muted", "end")
    _draw_box(canvas, chart, step.process, box, top, border="violated" if last else "")
    canvas.close()


def _draw_box(canvas: Canvas, chart: Chart, process: str, box: Box, top: float, *, border: str) -> None:
    column = chart.column(process)
    (left, width), look = chart.columns[column], chart.look(column)
    canvas.rect(left + 5, top, width - 10, box.height, f"{look}-box {border or look}", radius=5)
    at = top + LABEL - 2
    canvas.text(left + GAP, at, box.label, "muted small")
    for lines, shade in ((box.code, "ink"), (box.outcome, f"{look}-fill")):
        for line in lines:
            at += LINE
            canvas.text(left + GAP, at, line, f"{shade} code")


def _draw_loop(canvas: Canvas, chart: Chart) -> None:
    """The arrow from the end of a lasso's cycle back to its start."""
    mark = chart.story.trace.rung
    if mark is None:
        return
    rule = next(i for i, row in enumerate(chart.rows) if row.first == row.last)
    top, bottom = chart.tops[rule] + 17, chart.tops[-1] - 10
    x = MARGIN + 6
    if rule == len(chart.rows) - 1:
        top, bottom = chart.tops[rule] + 8, chart.tops[rule] + 26
    canvas.line([(x + 10, bottom), (x, bottom), (x, top), (x + 10, top)], f"line loop {css(mark)}")
    canvas.arrow((x + 19, top), (x, top), f"{css(mark)}-fill solid", 11)


def _draw_ending(canvas: Canvas, chart: Chart) -> None:
    """The verdict, below the last row."""
    trace = chart.story.trace
    mark = trace.rung or ("stuck" if trace.kind == "deadlock" else "violated")
    y = chart.tops[-1] + 22
    canvas.badge(MARKS[mark].badge, MARGIN + 10, y - 4, f"{css(mark)}-fill {css(mark)}")
    canvas.text(MARGIN + 24, y, ending(chart.story), "ink head")

"""A trace as the picture that explains the race.

Time runs downwards. Each process has a column, and each word a lane with its value under the schedule.
"""

from __future__ import annotations

from attrs import frozen

from racecheck.model import KERNEL
from racecheck.render.columns import count, wrap_code
from racecheck.render.lanes import Lane, draw_head, draw_lane, lanes_of
from racecheck.render.palette import MARKS, css
from racecheck.render.story import WAITS, Row, Story, rows
from racecheck.render.svg import CODE, WORDS, Canvas
from racecheck.trace import TraceStep

MARGIN, LOOP, GAP = 16, 26, 14
HEAD, START = 40, 30
"""Heights of the heads of the columns, and of the row of the values at the start."""
LINE, LABEL, PADDING = 15, 14, 6
WIDEST, NARROWEST = 34, 16
"""Characters of code in a column."""
ROOM = 1280
"""The width that a picture should fit into: columns get narrower for it."""


@frozen
class Box:
    """A step as drawn: the code in lines, and what came of it."""

    label: str
    code: tuple[str, ...]
    outcome: tuple[str, ...]

    @property
    def height(self) -> float:
        """With its padding."""
        return LABEL + LINE * (len(self.code) + len(self.outcome)) + PADDING

    @property
    def width(self) -> float:
        """Of the text."""
        lines = max(map(len, (*self.code, *self.outcome)), default=0) * CODE
        return max(lines, len(self.label) * 6.2)


@frozen
class Chart:
    """Where everything is: the left edge and width of each column, the top of each row."""

    story: Story
    rows: list[Row]
    boxes: dict[int, Box]
    waits: dict[str, Box]
    columns: dict[str, tuple[float, float]]
    lanes: list[Lane]
    title: list[str]
    tops: list[float]
    edge: float

    @property
    def width(self) -> float:
        """Of the whole picture."""
        end = max(
            (left + width for left, width in [*self.columns.values(), *_edges(self.lanes)]), default=0
        )
        longest = max([len(line) * WORDS for line in self.title[1:]], default=0)
        bold = max(len(self.title[0]) * WORDS * 1.3, len(_ending(self.story)) * WORDS * 1.15 + 24)
        return max(end, MARGIN + longest, MARGIN + bold) + MARGIN

    @property
    def head(self) -> float:
        """Where the heads of the columns begin."""
        return MARGIN + 20 * len(self.title) + 8

    @property
    def height(self) -> float:
        """Of the whole picture."""
        return self.tops[-1] + 44


def chart_svg(story: Story) -> str:
    """The chart of a trace. Rounds that repeat are told once; a lasso's cycle has an arrow back."""
    chart, canvas = _laid_out(story), Canvas()
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
            canvas.line([(middle, top), (middle, bottom)], f"line {_look(chart, process)}")
    for lane in chart.lanes:
        draw_lane(canvas, lane, chart.rows, chart.tops, story.values())
    for row, top, bottom in zip(chart.rows, chart.tops, chart.tops[1:], strict=False):
        _draw_row(canvas, chart, row, top, bottom)
    _draw_loop(canvas, chart)
    _draw_ending(canvas, chart)
    trace = story.trace
    name = f"{trace.model.partition('::')[2]}: {trace.verdict} {trace.kind} {trace.property}"
    return canvas.document(chart.width, chart.height, name, "; ".join(map(str, story.steps[:40])))


def _laid_out(story: Story) -> Chart:
    shown = rows(story)
    lanes = lanes_of(story.values(), story.labels())
    digits = max(2, len(f"{len(story.steps):,}"))
    edge = MARGIN + LOOP * (story.trace.kind == "progress") + digits * 8.0 + 10
    room = ROOM - edge - sum(lane.width + GAP for lane in lanes)
    characters = int((room / max(1, len(story.processes())) - 2 * GAP) / CODE)
    characters = min(WIDEST, max(NARROWEST, characters))
    waits = {name: _waits(text, characters) for name, text in story.waiting.items()}
    boxes = {row.first: _box(story, row.first, characters) for row in shown if not row.told}
    columns = _columns(story, boxes, waits, edge)
    left = max((x + width for x, width in columns.values()), default=edge) + GAP
    placed = []
    for lane in lanes:
        placed.append(lane.at(left))
        left += lane.width + GAP
    title = _title(story, left)
    tops = [MARGIN + 20 * len(title) + 8.0 + HEAD + START]
    for row in shown:
        tops.append(tops[-1] + _height(row, boxes, waits))
    return Chart(story, shown, boxes, waits, columns, placed, title, tops, edge)


def _height(row: Row, boxes: dict[int, Box], waits: dict[str, Box]) -> float:
    if row.told == WAITS:
        return max(box.height for box in waits.values()) + 8
    return 34 if row.told else boxes[row.first].height + 8


def _columns(
    story: Story, boxes: dict[int, Box], waits: dict[str, Box], left: float
) -> dict[str, tuple[float, float]]:
    """The left edge and the width of each process's column."""
    columns = {}
    for name in story.processes():
        own = [box.width for i, box in boxes.items() if story.steps[i].process == name]
        own += [waits[name].width] if name in waits else []
        width = max([*own, len(name) * 8.0, 60]) + 2 * GAP
        columns[name] = (left, width)
        left += width + GAP
    return columns


def _edges(lanes: list[Lane]) -> list[tuple[float, float]]:
    return [(lane.left, lane.width) for lane in lanes]


def _title(story: Story, width: float) -> list[str]:
    trace = story.trace
    given = ", ".join(f"{name}={value}" for name, value in trace.parameters.items())
    characters = int((width - 2 * MARGIN) / WORDS)
    lines = wrap_code(given, characters).split("\n") if given else []
    what = f"{trace.property!r} is blocked {trace.rung}" if trace.rung else trace.property
    return [f"{trace.model.partition('::')[2]}: {what}", *lines]


def _box(story: Story, number: int, characters: int) -> Box:
    """A step as text: function and line, operation, then what it chose, returned and reported."""
    step = story.steps[number]
    outcome = [f"chooses {', '.join(map(str, step.choices))}"] * bool(step.choices)
    outcome += [f"→ {_result(step)}"] * (step.result is not None)
    outcome += [f"event {name}" for name in step.events]
    failed = story.trace.kind == "assert" and number == len(story.trace.steps) - 1
    outcome += ["assert fails"] * failed
    lines = [line for text in outcome for line in wrap_code(text, characters).split("\n")]
    label = f"{step.function}:{step.line}"
    return Box(label, tuple(wrap_code(step.operation, characters).split("\n")), tuple(lines))


def _waits(text: str, characters: int) -> Box:
    return Box(WAITS, tuple(wrap_code(text, characters).split("\n")), ())


def _result(step: TraceStep) -> str:
    many = step.result if isinstance(step.result, list) else [step.result]
    return ", ".join(str(one) for one in many if one is not None) or "done"


def _draw_column(canvas: Canvas, chart: Chart, process: str, column: tuple[float, float]) -> None:
    """The panel and the head."""
    left, width = column
    role = chart.story.roles.get(process)
    look = _look(chart, process)
    middle = left + width / 2
    canvas.rect(left, chart.head, width, chart.tops[-1] - chart.head, "panel", radius=6)
    canvas.text(middle, chart.head + 17, process, "ink head", "middle")
    if role:
        canvas.text(middle, chart.head + 31, role.value, f"{look}-fill small", "middle")
    canvas.line([(left, chart.head + HEAD), (left + width, chart.head + HEAD)], f"line {look}")


def _draw_guides(canvas: Canvas, chart: Chart) -> None:
    """From each step to the lanes of the words that it changes."""
    for row, top, bottom in zip(chart.rows, chart.tops, chart.tops[1:], strict=False):
        step = chart.story.steps[row.first] if not row.told else None
        lefts = [lane.left for lane in chart.lanes if step and lane.label in step.changed]
        if step and lefts:
            left, width = chart.columns[step.process]
            middle = (top + bottom - 8) / 2
            canvas.line([(left + width, middle), (max(lefts), middle)], "line faint dots")


def _busy_spans(chart: Chart, process: str) -> list[tuple[float, float]]:
    """From step to step of a process that is busy in between, over rows that are others' turns."""
    spans = []
    busy, start = chart.story.busy, chart.head + HEAD
    since: float | None = start if busy and process in busy[0] else None
    for row, top, bottom in zip(chart.rows, chart.tops, chart.tops[1:], strict=False):
        own = any(step.process == process for step in chart.story.steps[row.first : row.last])
        if own and since is not None:
            spans.append((since, top))
        if own:
            after = busy[row.last] if row.last < len(busy) else ()
            since = bottom - 4 if process in after else None
    return [*spans, (since, chart.tops[-1])] if since is not None else spans


def _draw_row(canvas: Canvas, chart: Chart, row: Row, top: float, bottom: float) -> None:
    if row.told == WAITS:
        for process, box in chart.waits.items():
            _draw_box(canvas, chart, process, box, top, border="stuck")
        return
    if row.told:
        canvas.rect(chart.edge + 2, (top + bottom) / 2 - 9, len(row.told) * WORDS + 8, 18, "panel")
        canvas.text(chart.edge + 6, (top + bottom) / 2 + 4, row.told, "muted")
        return
    step, box = chart.story.steps[row.first], chart.boxes[row.first]
    last = row.last == len(chart.story.steps) and chart.story.trace.kind in ("always", "assert")
    canvas.open(f"step {row.last}: {step}", class_="step", data_step=row.last)
    canvas.text(chart.edge - 10, top + box.height / 2 + 4, f"{row.last:,}", "muted", "end")
    _draw_box(canvas, chart, step.process, box, top, border="violated" if last else "")
    canvas.close()


def _draw_box(canvas: Canvas, chart: Chart, process: str, box: Box, top: float, *, border: str) -> None:
    left, width = chart.columns[process]
    look = _look(chart, process)
    canvas.rect(left + 5, top, width - 10, box.height, f"{look}-box {border or look}", radius=5)
    at = top + LABEL - 2
    canvas.text(left + GAP, at, box.label, "muted small")
    for lines, shade in ((box.code, "ink"), (box.outcome, f"{look}-fill")):
        for line in lines:
            at += LINE
            canvas.text(left + GAP, at, line, f"{shade} code")


def _look(chart: Chart, process: str) -> str:
    """Its role; that of the kernel where it is not known."""
    return chart.story.roles.get(process, KERNEL).value


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


def _ending(story: Story) -> str:
    trace = story.trace
    if trace.kind == "progress":
        return f"{trace.rung}: {trace.property} never happens again"
    return f"{trace.verdict}: {trace.property}, after {count(len(trace.steps), 'step')}"


def _draw_ending(canvas: Canvas, chart: Chart) -> None:
    """The verdict, below the last row."""
    trace = chart.story.trace
    mark = trace.rung or ("stuck" if trace.kind == "deadlock" else "violated")
    y = chart.tops[-1] + 22
    canvas.badge(MARKS[mark].badge, MARGIN + 10, y - 4, f"{css(mark)}-fill {css(mark)}")
    canvas.text(MARGIN + 24, y, _ending(chart.story), "ink head")

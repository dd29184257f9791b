"""Where everything in a chart of a trace goes: columns, lanes, rows, and the text of the boxes."""

from __future__ import annotations

from attrs import frozen

from racecheck.model import KERNEL
from racecheck.render.columns import count, wrap_code
from racecheck.render.lanes import Lane, lanes_of
from racecheck.render.story import WAITS, Row, Story, family, rows
from racecheck.render.svg import CODE, WORDS
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
    members: dict[str, list[str]]
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
        bold = max(len(self.title[0]) * WORDS * 1.3, len(ending(self.story)) * WORDS * 1.15 + 24)
        return max(end, MARGIN + longest, MARGIN + bold) + MARGIN

    def column(self, process: str) -> str:
        """The column that a process is in."""
        return process if process in self.columns else family(process)

    def look(self, column: str) -> str:
        """The role of the processes in a column; that of the kernel where it is not known."""
        return self.story.roles.get(self.members[column][0], KERNEL).value

    @property
    def head(self) -> float:
        """Where the heads of the columns begin."""
        return MARGIN + 20 * len(self.title) + 8

    @property
    def height(self) -> float:
        """Of the whole picture."""
        return self.tops[-1] + 44


def laid_out(story: Story) -> Chart:
    """The chart of a trace; columns get narrower where there are many."""
    shown = rows(story)
    lanes = lanes_of(story.values(), story.labels())
    digits = max(2, len(f"{len(story.steps):,}"))
    edge = MARGIN + LOOP * (story.trace.kind == "progress") + digits * 8.0 + 10
    room = ROOM - edge - sum(lane.width + GAP for lane in lanes)
    characters = int((room / max(1, len(story.columns())) - 2 * GAP) / CODE)
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
    return Chart(story, shown, boxes, waits, columns, story.columns(), placed, title, tops, edge)


def _height(row: Row, boxes: dict[int, Box], waits: dict[str, Box]) -> float:
    if row.told == WAITS:
        return max(box.height for box in waits.values()) + 8
    return 34 if row.told else boxes[row.first].height + 8


def _columns(
    story: Story, boxes: dict[int, Box], waits: dict[str, Box], left: float
) -> dict[str, tuple[float, float]]:
    """The left edge and the width of each process's column."""
    columns = {}
    for name, members in story.columns().items():
        own = [box.width for i, box in boxes.items() if story.steps[i].process in members]
        own += [waits[member].width for member in members if member in waits]
        width = max([*own, len(named(name, members)) * 8.0, 60]) + 2 * GAP
        columns[name] = (left, width)
        left += width + GAP
    return columns


def named(column: str, members: list[str]) -> str:
    """The head of a column."""
    return column if len(members) == 1 else f"{column} ({len(members):,} of them)"


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
    if step.process not in story.columns():
        label = f"{step.process}, {label}"
    return Box(label, tuple(wrap_code(step.operation, characters).split("\n")), tuple(lines))


def _waits(text: str, characters: int) -> Box:
    return Box(WAITS, tuple(wrap_code(text, characters).split("\n")), ())


def _result(step: TraceStep) -> str:
    many = step.result if isinstance(step.result, list) else [step.result]
    return ", ".join(str(one) for one in many if one is not None) or "done"


def ending(story: Story) -> str:
    """The verdict, as it stands below the chart."""
    trace = story.trace
    if trace.kind == "progress":
        return f"{trace.rung}: {trace.property} never happens again"
    return f"{trace.verdict}: {trace.property}, after {count(len(trace.steps), 'step')}"

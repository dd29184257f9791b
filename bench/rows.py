"""What was measured, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from attrs import field, frozen

Cost = tuple[int, int, float, int]
"""States, transitions, seconds, bytes of memory."""
Tool = tuple[str, str, Callable[[], Cost]]
"""Name, options, one run."""


@frozen
class Row:
    """One tool on one case: ``seconds`` are those of the repeats."""

    case: str
    tool: str
    options: str
    states: int
    transitions: int
    seconds: list[float]
    memory: int

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def speed(self) -> float:
        """Transitions a second."""
        return self.transitions / self.best

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "case": self.case,
            "tool": self.tool,
            "options": self.options,
            "states": self.states,
            "transitions": self.transitions,
            "seconds": self.seconds,
            "best": self.best,
            "median": median(self.seconds),
            "states_per_second": self.states / self.best,
            "transitions_per_second": self.speed,
            "bytes_per_state": self.memory / self.states,
        }

    def cells(self) -> list[str]:
        """For a table; a count of transitions that is not known, or not comparable, is 0."""
        return [
            self.case,
            f"{self.tool} {self.options}".strip(),
            f"{self.states:,}",
            f"{self.transitions:,}" if self.transitions else "",
            f"{self.best:.2f}",
            f"{median(self.seconds):.2f}",
            f"{self.states / self.best:,.0f}",
            f"{self.speed:,.0f}" if self.transitions else "",
            f"{self.memory / self.states:,.0f}",
        ]


HEAD = [
    "model",
    "tool",
    "states",
    "transitions",
    "best s",
    "median s",
    "states/s",
    "transitions/s",
    "bytes/state",
]


@frozen
class Ratio:
    """A number that is asked for; ``must`` is the least, or the most, that is accepted."""

    name: str
    value: float | None
    must: float
    aim: float
    at_most: bool = False

    def cells(self) -> list[str]:
        sign = "<=" if self.at_most else ">="
        value = "not measured" if self.value is None else f"{self.value:,.1f}"
        return [self.name, value, f"{sign} {self.must:g}", f"{self.aim:g}"]


@frozen
class Section:
    """A table under its title; ``values`` are the rows for JSON."""

    title: str
    head: list[str]
    cells: list[list[str]]
    values: list[dict[str, Any]]
    notes: list[str] = field(factory=list)


def section(title: str, rows: Sequence[Row], *notes: str) -> Section:
    return Section(title, HEAD, [row.cells() for row in rows], [row.values() for row in rows], list(notes))


def contest(case: str, tools: Sequence[Tool], repeat: int) -> list[Row]:
    """Run the tools in turn, and again: what else the machine does then hits them alike."""
    runs = [[run() for _, _, run in tools] for _ in range(repeat)]
    rows = []
    for (tool, options, _), costs in zip(tools, zip(*runs, strict=True), strict=True):
        states, transitions, _, memory = costs[0]
        assert {cost[:2] for cost in costs} == {(states, transitions)}, f"{tool} differs from run to run"
        rows.append(Row(case, tool, options, states, transitions, [cost[2] for cost in costs], memory))
    return rows


def markdown(found: Section) -> str:
    """A table that is legible as text, too."""
    columns = list(zip(found.head, *found.cells, strict=True))
    table = list(zip(*map(_aligned, columns), strict=True))
    lines = ["| " + " | ".join(row) + " |" for row in table]
    notes = ["", *(f"- {note}" for note in found.notes)] if found.notes else []
    return "\n".join([f"## {found.title}", "", *lines, *notes])


def _aligned(column: tuple[str, ...]) -> list[str]:
    """The column in one width, with the rule under its head; numbers stand at the right."""
    head, *cells = column
    width = max(map(len, column))
    if any(cell[:1].isdigit() for cell in cells):
        return [head.rjust(width), "-" * (width - 1) + ":", *(cell.rjust(width) for cell in cells)]
    return [head.ljust(width), "-" * width, *(cell.ljust(width) for cell in cells)]

"""A trace as text, with one column per process."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from attrs import frozen
from rich.console import Console
from rich.table import Table

from racecheck.trace import Trace, TraceStep

NARROWEST = 16
"""Columns that a process needs; with less the trace is written one turn under another."""
LONGEST_ROUND = 12
"""Steps of a round that is told once and then counted, at most."""
FEWEST_ROUNDS = 4
"""Rounds that are worth counting: fewer are written out."""

Numbered = tuple[int, TraceStep]


def render_trace(trace: Trace, width: int) -> str:
    """The steps, a column for each process that moves, a gap between turns; what changed at the right.

    Rounds that repeat are told once and counted. The cycle of a lasso comes after its way in.
    """
    sheet = _Sheet(trace, width)
    parts = [sheet.render(trace.steps, 1)] if trace.steps else []
    if trace.kind == "progress":
        again = "  and so for ever:" if trace.cycle else "  where nothing can move but processes that rest."
        parts += [again, *([sheet.render(trace.cycle, len(trace.steps) + 1)] if trace.cycle else [])]
    return "\n\n".join(parts) or "  (already so at the start)"


def rounds(steps: Sequence[TraceStep]) -> Iterator[tuple[int, int, int]]:
    """The steps in pieces: from, to, and how often the piece is made, one time after another."""
    keys = [_key(step) for step in steps]
    at = plain = 0
    while at < len(keys):
        length, times = max(
            ((n, _times(keys, at, n)) for n in range(1, LONGEST_ROUND + 1)),
            key=lambda found: ((found[1] >= FEWEST_ROUNDS) * found[0] * found[1], -found[0]),
        )
        if times < FEWEST_ROUNDS:
            at += 1
            continue
        if plain < at:
            yield plain, at, 1
        yield at, at + length, times
        at = plain = at + length * times
    if plain < at:
        yield plain, at, 1


def _key(step: TraceStep) -> tuple[object, ...]:
    return step.process, step.function, step.operation, tuple(step.choices)


def _times(keys: list[tuple[object, ...]], at: int, length: int) -> int:
    """How often the ``length`` steps from here on are made in a row."""
    end = at + length
    while keys[end - length : end] == keys[end : end + length] and end < len(keys):
        end += length
    return (end - at) // length


@frozen(init=False)
class _Sheet:
    """The columns that all steps of a trace are written in."""

    trace: Trace
    width: int
    names: list[str]
    changed: int
    room: int

    def __init__(self, trace: Trace, width: int) -> None:
        steps = [*trace.steps, *trace.cycle]
        names = list(dict.fromkeys(step.process for step in steps))
        changed = max((len(_changes(step)) for step in steps), default=0)
        changed = min(max(changed, 7), width // 3)
        room = (width - 6 - changed) // max(1, len(names)) - 2
        self.__attrs_init__(trace, width, names, changed, room)

    def render(self, steps: Sequence[TraceStep], first: int) -> str:
        """Some steps, numbered from ``first`` on."""
        write = self._vertical if self.room < NARROWEST else self._table
        lines: list[str] = []
        for start, end, times in rounds(steps):
            lines.append(write(list(enumerate(steps[start:end], first + start)), header=not lines))
            if times > 1:
                lines.append(
                    self._repeated(steps[start : start + (end - start) * times], times, first + start)
                )
        return "\n".join(lines)

    def _repeated(self, steps: Sequence[TraceStep], times: int, first: int) -> str:
        values: dict[str, int] = {}
        for step in steps:
            values |= step.changed
        what = ", ".join(f"{label} = {value}" for label, value in values.items())
        same = count(len(steps) // times, "step")
        text = f"the same {same} {times - 1:,} times more, to step {first + len(steps) - 1:,}: {what}"
        return textwrap.fill(
            text,
            self.width,
            initial_indent="      ... ",
            subsequent_indent=" " * 10,
            break_on_hyphens=False,
        )

    def _table(self, steps: list[Numbered], header: bool) -> str:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=header)
        table.add_column("", justify="right", width=4)
        for name in self.names:
            table.add_column(name, width=self._needed(name), overflow="fold")
        table.add_column("changed", width=self.changed, overflow="fold")
        before = steps[0][1].process
        for number, step in steps:
            if step.process != before:
                table.add_row()
            before = step.process
            text = wrap_code(self._cell(number, step), self.room)
            cells = [text if name == step.process else "" for name in self.names]
            table.add_row(str(number), *cells, wrap_code(_changes(step), self.changed))
        return printed(table, self.width)

    def _needed(self, name: str) -> int:
        numbered = enumerate([*self.trace.steps, *self.trace.cycle], 1)
        widest = max(len(self._cell(n, step)) for n, step in numbered if step.process == name)
        return min(max(widest, len(name)), self.room)

    def _vertical(self, steps: list[Numbered], header: bool) -> str:  # noqa: ARG002 - as _table
        lines = []
        for process, turn in groupby(steps, key=lambda item: item[1].process):
            lines.append(f"  {process}")
            for number, step in turn:
                text = f"{number:>6}  {self._cell(number, step)}"
                if step.changed:
                    text += f"  [{_changes(step)}]"
                lines.append(textwrap.fill(text, self.width, subsequent_indent=" " * 10))
        return "\n".join(lines)

    def _cell(self, number: int, step: TraceStep) -> str:
        """A step as its source line and text, with what it chose, returned, reported and broke."""
        text = f"{step.line}: {step.operation}"
        if step.choices:
            text += f" choosing {', '.join(map(str, step.choices))}"
        if step.result is not None:
            text += f" -> {_result(step.result)}"
        text += "".join(f", event {name!r}" for name in step.events)
        fails = self.trace.kind == "assert" and number == len(self.trace.steps)
        return text + ", assert fails" * fails


def wrap_code(text: str, width: int) -> str:
    """Break a line of code where it may be broken: at spaces, after dots and opening brackets."""
    lines = [""]
    for part in re.findall(r"\s+|[^\s.(]+(?:\(\)|[.(])*|[.(]+", text):
        if len(lines[-1]) + len(part.rstrip()) > width and lines[-1].strip():
            lines.append("  " + part.lstrip())
        else:
            lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _result(result: object) -> str:
    if isinstance(result, list):
        return ", ".join(_result(item) for item in result if item is not None) or "done"
    return str(result)


def _changes(step: TraceStep) -> str:
    return ", ".join(f"{label} = {value}" for label, value in step.changed.items())


def count(number: int, what: str) -> str:
    """A number of things: "1,024 states", "1 state"."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def filled(text: str, width: int) -> str:
    """Text in lines of this width, indented from the second on."""
    return textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False)


def printed(table: Table, width: int) -> str:
    """A table as text, without colours."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, color_system=None, markup=False, highlight=False, emoji=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip("\n").split("\n"))

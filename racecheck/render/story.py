"""What a picture of a trace shows: its rows, the values between them, and who is in mid-operation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import evolve, field, frozen

from racecheck.compiler.expr import Bare, walk
from racecheck.compiler.program import Program
from racecheck.explore.path import Run, process_name
from racecheck.model import Role
from racecheck.render.columns import count, rounds
from racecheck.semantics import Duty, State, duty, outcomes
from racecheck.trace import Trace, TraceStep
from racecheck.verdicts.witness import processes

MOST_COLUMNS = 8
"""Processes beyond which those that are alike share a column."""
MOST_ROWS = 80
"""Rows that a picture has; of a longer trace it shows the first and the last ones."""
WAITS = "waits for ever"
"""What is told in the last row of a deadlock."""


@frozen
class Story:
    """A trace and what its model adds: the values at the start, roles, and who is busy after each step.

    A process is busy in the middle of an operation: not at a rest, and not at its end. Without the model
    these are empty. ``ghosts`` are words that no kernel code can see; ``waiting`` tells before what each
    process stands that can't move at the end of a deadlock's trace; ``about`` are the words of the broken
    condition.
    """

    trace: Trace
    initial: dict[str, int] = field(factory=dict)
    roles: dict[str, Role] = field(factory=dict)
    busy: tuple[frozenset[str], ...] = ()
    ghosts: frozenset[str] = frozenset()
    waiting: dict[str, str] = field(factory=dict)
    about: frozenset[str] = frozenset()

    @property
    def steps(self) -> list[TraceStep]:
        """The way in, and then the cycle."""
        return [*self.trace.steps, *self.trace.cycle]

    def columns(self) -> dict[str, list[str]]:
        """Who moves, then who only waits, in order of appearance: a column for each, or for all alike.

        Where there are more than fit, those of one entry ("mapper 1", "mapper 2") share a column.
        """
        names = list(dict.fromkeys([*(step.process for step in self.steps), *self.waiting]))
        if len(names) <= MOST_COLUMNS:
            return {name: [name] for name in names}
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(family(name), []).append(name)
        return found

    def column_of(self) -> dict[str, str]:
        """The column of each process."""
        return {name: column for column, names in self.columns().items() for name in names}

    def labels(self) -> list[str]:
        """The words that change, and those of the broken condition."""
        changed = dict.fromkeys(label for step in self.steps for label in step.changed)
        return [
            label
            for label in dict.fromkeys([*self.initial, *changed])
            if label in changed or label in self.about
        ]

    def values(self) -> list[dict[str, int]]:
        """The known values before the first step, and after each."""
        found = [dict(self.initial)]
        for step in self.steps:
            found.append(found[-1] | step.changed)
        return found


def family(process: str) -> str:
    """The name of a process's entry: "mapper" of "mapper 12"."""
    return re.sub(r" \d+$", "", process)


def story_of(program: Program, trace: Trace, run: Run) -> Story:
    """A trace as its model runs it."""
    labels = [slot.label for slot in program.slots]
    return Story(
        trace,
        dict(zip(labels, run.states[0].shared, strict=True)),
        {name: entry.process.role for entry in program.entries for name in entry.process.instances()},
        tuple(frozenset(_busy(program, state)) for state in run.states),
        frozenset(slot.label for slot in program.slots if slot.kind == "Ghost"),
        dict(_waiting(program, run.states[-1])) if trace.kind == "deadlock" else {},
        frozenset(_condition(program, trace)),
    )


def _busy(program: Program, state: State) -> Iterator[str]:
    for e, number in processes(program):
        if duty(program, program.entries[e], state.places[e][number]) < Duty.REST:
            yield process_name(program, e, number)


def _condition(program: Program, trace: Trace) -> Iterator[str]:
    """The words that the condition of an ``always`` reads."""
    graphs = [c.condition for c in program.claims if c.property.name == trace.property and c.condition]
    for expr in (e for g in graphs for node in g.nodes for use in node.uses() for e in walk(use)):
        if isinstance(expr, Bare):
            yield from (slot.label for slot in program.slots[expr.word.base :][: expr.word.length])


def _waiting(program: Program, state: State) -> Iterator[tuple[str, str]]:
    for e, number in processes(program):
        entry, place = program.entries[e], state.places[e][number]
        able = any(True for _ in outcomes(program, entry, place, state.shared))
        if not able and duty(program, entry, place) < Duty.REST:
            yield process_name(program, e, number), entry.graph.nodes[place.node].site.text


@frozen
class Row:
    """Steps ``first`` to ``last`` (not included): one that is drawn, or several that ``told`` sums up."""

    first: int
    last: int
    told: str = ""


def rows(story: Story) -> list[Row]:
    """The rows of a picture: repeated rounds are told once and counted, what is too long is left out."""
    trace, column = story.trace, story.column_of()
    steps = [evolve(step, process=column[step.process]) for step in story.steps]
    first = len(trace.steps)
    way = _cut(list(_rows(steps[:first], 0)), MOST_ROWS)
    cycle = _cut(list(_rows(steps[first:], first)), MOST_ROWS)
    if story.waiting:
        return [*way, Row(len(trace.steps), len(trace.steps), WAITS)]
    if trace.kind != "progress":
        return way
    again = "and so for ever:" if cycle else "for ever: nothing can move but processes that rest"
    return [*way, Row(len(trace.steps), len(trace.steps), again), *cycle]


def _rows(steps: Sequence[TraceStep], offset: int) -> Iterator[Row]:
    for start, end, times in rounds(steps):
        yield from (Row(offset + i, offset + i + 1) for i in range(start, end))
        if times > 1:
            last = start + (end - start) * times
            same = "the same step" if end - start == 1 else f"the same {count(end - start, 'step')}"
            yield Row(
                offset + end, offset + last, f"{same} {times - 1:,} times more, to step {offset + last:,}"
            )


def _cut(found: list[Row], most: int) -> list[Row]:
    if len(found) <= most:
        return found
    head, tail = found[: most // 3], found[len(found) - most + most // 3 :]
    left_out = count(tail[0].first - head[-1].last, "step")
    return [
        *head,
        Row(head[-1].last, tail[0].first, f"{left_out} left out, to step {tail[0].first:,}"),
        *tail,
    ]

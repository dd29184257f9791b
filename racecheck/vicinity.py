"""The states along a trace, and those that one other move would have led to: a diagram of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from racecheck.compiler.program import Program
from racecheck.diagram import TRACE, Diagram, Link, Node, operation_text
from racecheck.explore.engine import canonical
from racecheck.explore.path import Run
from racecheck.marks import EXCUSED, INITIAL, STUCK, VIOLATED
from racecheck.model import KERNEL
from racecheck.places import places_text
from racecheck.semantics import State, failed_assert, holds, steps
from racecheck.trace import Trace

WAY_IN = 6
"""The last steps of the way into a lasso's cycle that are drawn; of other traces, four times as many."""


def vicinity_of(program: Program, trace: Trace, run: Run) -> Diagram:
    """The last states of the trace, its cycle, and what else could have been done in each.

    Of a long trace the first state is drawn, and what follows is left out but for the end.
    """
    goal = trace.property if trace.kind == "progress" else ""
    diagram = Diagram(program, TRACE, goal=goal)
    numbers = diagram.members
    first = _first(trace)
    kept = [run.states[0], *run.states[first:]] if first else list(run.states)
    for state in kept:
        _add(diagram, numbers, state)
    if first:
        diagram.add(
            Link(0, numbers[canonical(kept[1])], "", KERNEL, False, True), f"{first:,} steps left out"
        )
    for i, move in enumerate(run.moves[first:], first):
        ends = numbers[canonical(run.states[i])], numbers[canonical(move.target)]
        entry = program.entries[move.entry].process
        diagram.add(
            Link(*ends, entry.name, entry.role, goal in move.outcome.events, True),
            f"{i + 1}. {operation_text(move)}",
        )
    for state in run.states[first:]:
        _surround(diagram, numbers, state)
    diagram.states = len(diagram.nodes)
    _mark(diagram, numbers, trace, run)
    return diagram


def _first(trace: Trace) -> int:
    """The first step that is drawn, from 0 on."""
    most = WAY_IN if trace.cycle else 4 * WAY_IN
    return len(trace.steps) - most if len(trace.steps) > most + 2 else 0


def _add(diagram: Diagram, numbers: dict[Hashable, int], state: State) -> int:
    program, key = diagram.program, canonical(state)
    if key not in numbers:
        numbers[key] = len(diagram.nodes)
        values = {slot.label: v for slot, v in zip(program.slots, state.shared, strict=True)}
        node = Node(values, places_text(program, key))
        node.marks.update(_marks(program, key))
        diagram.nodes.append(node)
    return numbers[key]


def _surround(diagram: Diagram, numbers: dict[Hashable, int], state: State) -> None:
    """Add what else could be done in the state, and where that leads."""
    for move in steps(diagram.program, state, by_place=True):
        source, target = numbers[canonical(state)], _add(diagram, numbers, move.target)
        entry = diagram.program.entries[move.entry].process
        goal = diagram.goal in move.outcome.events
        if Link(source, target, entry.name, entry.role, goal, True) not in diagram.links:
            diagram.add(Link(source, target, entry.name, entry.role, goal), operation_text(move))


def _marks(program: Program, state: State) -> Iterator[str]:
    always = [claim.condition for claim in program.claims if claim.property.kind == "always"]
    if failed_assert(program, state) or any(c and not holds(program, c, state) for c in always):
        yield VIOLATED
    if any(claim.unless and holds(program, claim.unless, state) for claim in program.claims):
        yield EXCUSED


def _mark(diagram: Diagram, numbers: dict[Hashable, int], trace: Trace, run: Run) -> None:
    """What the trace itself says of its states."""
    diagram.nodes[0].marks[INITIAL] += 1
    if trace.kind == "deadlock":
        diagram.nodes[numbers[canonical(run.states[-1])]].marks[STUCK] += 1
    if trace.rung is not None:
        for state in run.states[len(trace.steps) :]:
            diagram.nodes[numbers[canonical(state)]].marks[trace.rung] = 1

"""A state graph as it is drawn: its nodes are states, or groups of states that are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

from attrs import define, field, frozen

from racecheck.compiler.program import Program
from racecheck.errors import ModelError, UsageError
from racecheck.explore.engine import Key
from racecheck.explore.search import Space
from racecheck.formula import formula
from racecheck.marks import EXCUSED, INITIAL, STUCK, VIOLATED, Marks
from racecheck.model import Role
from racecheck.places import places_text
from racecheck.semantics import Move, State, steps
from racecheck.verdicts.ladder import LADDER

READABLE = 60
"""Nodes that a person can read in one picture."""
ORDER = (VIOLATED, STUCK, *LADDER, EXCUSED, INITIAL)
"""Marks, the worst first."""
VALUES, RUNG, TRACE, WHOLE = "values", "rung", "trace", ""


@define
class Node:
    """A state, or a group of them: what is written in it, and how many of its states have each mark."""

    values: dict[str, int]
    """The words that all of its states agree on, by name."""
    places: str = ""
    label: str = ""
    states: int = 1
    marks: Counter[str] = field(factory=Counter)

    @property
    def mark(self) -> str | None:
        """The worst mark that any of its states has."""
        return next((mark for mark in ORDER if self.marks[mark]), None)


@frozen
class Link:
    """An arrow: whose moves lead from one node to the other, and whether they come to the goal.

    ``taken`` is whether a trace goes this way.
    """

    source: int
    target: int
    process: str
    role: Role
    goal: bool
    taken: bool = False


@define
class Diagram:
    """Nodes and links, each link with the operations of its moves; ``by`` tells what the nodes are."""

    program: Program
    by: str
    nodes: list[Node] = field(factory=list)
    links: dict[Link, list[str]] = field(factory=dict)
    states: int = 0
    goal: str = ""
    members: dict[Hashable, int] = field(factory=dict)
    """The node of each state, by the engine's key; of those along a trace, by the state itself."""

    def add(self, link: Link, operation: str) -> None:
        """One more operation of a link."""
        known = self.links.setdefault(link, [])
        if operation not in known:
            known.append(operation)


Classify = Callable[[int, Key], tuple[Hashable, str]]
"""The group of a state, from its number and key, and the group's label."""


def diagram_of(space: Space, marks: Marks, by: str) -> Diagram:
    """The states grouped ``by`` "values", "rung" or an expression; each by itself where it is "".

    Raises UsageError for an expression that is not understood. Costs some 30 microseconds a state.
    """
    program = space.program
    classify = _classifier(space, marks, by)
    diagram = Diagram(program, by, states=space.states, goal=marks.goal.event if marks.goal else "")
    numbers: dict[Hashable, int] = {}
    for number, key in enumerate(space.parents):
        group, label = classify(number, key)
        at = diagram.members[key] = numbers.setdefault(group, len(numbers))
        state = space.engine.decode(key) if by in (VALUES, WHOLE) and at == len(diagram.nodes) else None
        if at == len(diagram.nodes):
            diagram.nodes.append(_node(program, by, state, label))
        else:
            diagram.nodes[at].states += 1
        diagram.nodes[at].marks.update(marks.of.get(number, ()))
    _link(space, marks, diagram)
    return diagram


def readable_diagram(space: Space, marks: Marks, by: str, most: int = READABLE) -> Diagram:
    """The diagram, or UsageError with what can be read instead if it has more nodes than ``most``."""
    if count_groups(space, marks, by, most) > most:
        nodes = f"more than {most} groups" if by else f"{space.states:,} states"
        counts = {other: count_groups(space, marks, other, most) for other in _choices(space)}
        instead = ", ".join(f"--by {other} ({n})" for other, n in counts.items() if 1 < n <= most)
        raise UsageError(
            f"{nodes} are too many to read: at most {most}. Choose {instead or 'an expression'} or another "
            "expression over the shared words, smaller parameters, or --by trace with a .trace.json file"
        )
    return diagram_of(space, marks, by)


def count_groups(space: Space, marks: Marks, by: str, most: int) -> int:
    """How many nodes that diagram has; not counted beyond ``most`` and one."""
    if by == WHOLE:
        return space.states
    classify = _classifier(space, marks, by)
    found: set[Hashable] = set()
    for number, key in enumerate(space.parents):
        found.add(classify(number, key)[0])
        if len(found) > most:
            break
    return len(found)


def _choices(space: Space) -> list[str]:
    """Quotients that suit any model."""
    return [RUNG, VALUES, *(slot.label for slot in space.program.slots)]


def _classifier(space: Space, marks: Marks, by: str) -> Classify:
    if by == WHOLE:
        return lambda number, _: (number, "")
    if by == VALUES:
        return lambda _, key: (space.engine.decode(key).shared, "")
    if by == RUNG:
        free = "not blocked" if marks.goal else "no violation"
        return lambda number, _: (_rung(marks, number), _rung(marks, number) or free)
    evaluate = space.engine.evaluator(formula(space.program, by))

    def value(_: int, key: Key) -> tuple[Hashable, str]:
        try:
            found = int(evaluate(key))
        except ModelError as error:
            raise UsageError(f"--by {error.message}") from error
        return found, f"{found:,}"

    return value


def _rung(marks: Marks, number: int) -> str:
    """The group of a state in the quotient by rung."""
    own = marks.of.get(number, ())
    return next((mark for mark in ORDER if mark in own and mark != INITIAL), "")


def _node(program: Program, by: str, state: State | None, label: str) -> Node:
    if state is None:
        return Node({}, label=label)
    values = {slot.label: value for slot, value in zip(program.slots, state.shared, strict=True)}
    return Node(values, places_text(program, state) if by == WHOLE else "", label)


def _link(space: Space, marks: Marks, diagram: Diagram) -> None:
    """Add the links: one move of each kind is found again by the reference, for its operation."""
    program, engine = space.program, space.engine
    whole = diagram.by == WHOLE
    seen: set[tuple[Any, ...]] = set()
    unseen = set(space.frontier)
    for key in space.parents:
        if key in unseen:
            continue
        for spot, _, turns in engine.stands(key, marks.goal):
            for turn in turns:
                ends = diagram.members[key], diagram.members[turn.target]
                if ends[0] == ends[1] and not whole and not turn.goal:
                    continue
                kind = (*ends, spot[0], engine.place(spot).node, turn.goal)
                if kind in seen and not whole:
                    continue
                seen.add(kind)
                entry = program.entries[spot[0]].process
                operation = _operation(space, key, spot[0], turn.target)
                operation = operation if whole else operation.partition(" → ")[0]
                diagram.add(Link(*ends, entry.name, entry.role, turn.goal), operation)


def _operation(space: Space, key: Key, entry: int, target: Key) -> str:
    for move in steps(space.program, space.engine.decode(key), by_place=True):
        if move.entry == entry and space.engine.encode(move.target) == target:
            return operation_text(move)
    raise AssertionError("the reference has every move of the engine")


def operation_text(move: Move) -> str:
    """The operation of a move, and what it returned if anything; of a group, the function that it is in."""
    results = [result for result in move.outcome.results if result is not None]
    text = " ".join(move.outcome.site.text.split())
    if text.startswith("with atomic"):
        return f"{move.outcome.site.function}()"
    return text + f" → {', '.join(map(str, results))}" * bool(results)

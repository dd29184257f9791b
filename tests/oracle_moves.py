"""Who moves how in a model, seen through one progress property: the ground that its oracle stands on.

Places, moves and states of the reference semantics, with what the definitions of progress ask of them:
failed attempts, goals, chances, and which place owes a move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple

from attrs import define, field, frozen

from racecheck import HOSTILE, VICTIM
from racecheck.compiler.ir import (
    Attempt,
    Choose,
    End,
    Enter,
    Event,
    Fail,
    Leave,
    Node,
    Require,
    Rest,
    Step,
    Together,
)
from racecheck.compiler.program import Claim, Program
from racecheck.interpreter import Interpreter, Outcome, Place
from racecheck.semantics import State, after, attempt_begun, failed_assert, holds, initial, outcomes

MOST_STATES = 3000
Process = tuple[int, int]
"""An entry, and a process's number in it."""
Spot = tuple[int, Place]
"""A place, with the entry of the processes that stand there."""


class TooLarge(Exception):
    """More states than anybody waits for."""


class Watched(NamedTuple):
    """A state, and whether the victim is at an attempt, and has had an excuse at some time during it."""

    shared: tuple[int, ...]
    places: tuple[tuple[Place, ...], ...]
    trying: bool
    pardoned: bool


Point = State | Watched


class Edge(NamedTuple):
    """One outcome of one process's move; ``marks`` are "a" where an attempt begins, and "g" at the goal."""

    process: Process
    spot: Spot
    source: Point
    target: Point
    weight: float
    marks: str

    @property
    def goal(self) -> bool:
        """Whether the victim comes to its goal."""
        return "g" in self.marks

    @property
    def failed(self) -> int:
        """The attempts that end in it and before any goal; from a watched state."""
        return max(0, self.marks.partition("g")[0].count("a") - (not self.source.trying))


States = frozenset[Point]
Steps = dict[Process, list[Edge]]
Moves = dict[Point, Steps]


@define(slots=False)
class Machine:
    """A program and one of its progress properties."""

    program: Program
    claim: Claim
    known: dict[tuple[Spot, tuple[int, ...]], list[Outcome]] = field(factory=dict)

    @cached_property
    def victim(self) -> int:
        """The entry of the one victim that emits the event."""
        victims = [e for e, entry in enumerate(self.program.entries) if entry.process.role is VICTIM]
        (found,) = (e for e in victims if any(map(self.is_goal, self.program.entries[e].graph.nodes)))
        return found

    def is_goal(self, node: Node) -> bool:
        """Whether the node emits the event."""
        return isinstance(node, Event) and node.name == self.claim.property.name

    def node(self, spot: Spot) -> Node:
        """What stands next at a place."""
        return self.program.entries[spot[0]].graph.nodes[spot[1].node]

    def is_hostile(self, entry: int) -> bool:
        """Whether the attacker runs it."""
        return self.program.entries[entry].process.role is HOSTILE

    def standing(self, point: Point) -> dict[Process, Spot]:
        """Where each process is."""
        return {
            (e, number): (e, place)
            for e, places in enumerate(point.places)
            for number, place in enumerate(places)
        }

    def rests(self, spot: Spot) -> bool:
        """Whether a process may stay there for ever."""
        return isinstance(self.node(spot), Rest)

    def in_flight(self, state: Point) -> int:
        """How many hostile processes have begun something and not come to a rest or an end."""
        hostile = (spot for spot in self.standing(state).values() if self.is_hostile(spot[0]))
        return sum(not isinstance(self.node(spot), (Rest, End)) for spot in hostile)

    def moves(self, state: State) -> Steps:
        """The edges of each process that can move."""
        standing = self.standing(state).items()
        found = {process: self._edges(state, process, spot) for process, spot in standing}
        return {process: edges for process, edges in found.items() if edges}

    def _edges(self, state: State, process: Process, spot: Spot) -> list[Edge]:
        """A process's moves; its choices are uniform, with the blocked ones left out."""
        ways = self.outcomes(spot, state.shared)
        total = sum(1 / way.ways for way in ways)
        targets = [after(state, *process, way) for way in ways]
        return [
            Edge(process, spot, state, target, 1 / way.ways / total, self.marks(spot, way))
            for target, way in zip(targets, ways, strict=True)
        ]

    def outcomes(self, spot: Spot, shared: tuple[int, ...]) -> list[Outcome]:
        """The outcomes of a move from the place."""
        if (spot, shared) not in self.known:
            entry = self.program.entries[spot[0]]
            self.known[spot, shared] = list(outcomes(self.program, entry, spot[1], shared))
        return self.known[spot, shared]

    def marks(self, spot: Spot, way: Outcome) -> str:
        """What the move means to the victim, if it is its own."""
        if spot[0] != self.victim:
            return ""
        nodes = [self.program.entries[self.victim].graph.nodes[at] for at in way.passed]
        return "".join("g" * self.is_goal(node) + "a" * isinstance(node, Attempt) for node in nodes)

    def lock(self, spot: Spot) -> int | None:
        """The slot of the lock that a process there waits to take."""
        run, first = self._first(spot)
        if isinstance(first, Step) and first.operation.waits:
            return run.slot(first.word)
        return None

    def owes(self, spot: Spot, points: Iterable[Point]) -> bool:
        """Whether a process that stands there all the while must move at some time."""
        if isinstance(self.node(spot), (Rest, End)):
            return False
        if (lock := self.lock(spot)) is not None:
            return any(not point.shared[lock] for point in points)
        if isinstance(self._first(spot)[1], (Require, Choose)):
            return all(self.outcomes(spot, point.shared) for point in points)
        return True

    def _first(self, spot: Spot) -> tuple[Interpreter, Node]:
        """What the step at the place does first, which is what a group of several waits for."""
        graph, (at, values, held) = self.program.entries[spot[0]].graph, spot[1]
        registers = [0] * len(graph.names)
        for register, value in zip(graph.live[at], values, strict=True):
            registers[register] = value
        shared = [slot.initial for slot in self.program.slots]
        run = Interpreter(self.program, graph, shared, registers, held, [])
        if isinstance(graph.nodes[at], Enter):
            while not isinstance(graph.nodes[at], (Step, Together, Require, Choose, Leave, Fail)):
                at = run.execute(at, graph.nodes[at])
        return run, graph.nodes[at]


@frozen(slots=False)
class System:
    """The states that are reached, and who moves how from each."""

    machine: Machine
    moves: Moves

    @cached_property
    def alive(self) -> States:
        """The states that are not behind a failed assert."""
        return frozenset(s for s in self.moves if not failed_assert(self.machine.program, s))

    @cached_property
    def excused(self) -> States:
        """The states in which the victim may fail."""
        unless = self.machine.claim.unless
        return frozenset(s for s in self.moves if unless and holds(self.machine.program, unless, s))

    @cached_property
    def unexcused(self) -> States:
        """U: where a block must lie."""
        return self.alive - self.excused

    @cached_property
    def quiet(self) -> States:
        """The states of U with no hostile process in flight."""
        return frozenset(s for s in self.unexcused if not self.machine.in_flight(s))

    def ways(self, state: Point) -> list[Edge]:
        """Every move from the state."""
        return [edge for edges in self.moves[state].values() for edge in edges]

    def edges(self, states: States) -> list[Edge]:
        """The moves that are no goal between these states."""
        ways = (edge for state in states for edge in self.ways(state))
        return [edge for edge in ways if edge.target in states and not edge.goal]

    def without_attacker(self) -> System:
        """What is reached when no hostile process moves, though each still could."""

        def moves(state: Point) -> Steps:
            found = self.moves[state].items()
            return {p: [] if self.machine.is_hostile(p[0]) else edges for p, edges in found}

        return reached(self.machine, initial(self.machine.program), moves)

    def watched(self) -> System:
        """The same, in states that remember what has happened to the victim's attempt."""

        def target(source: Point, edge: Edge) -> Watched:
            trying = edge.marks.endswith("a") if edge.marks else source.trying
            pardoned = edge.target in self.excused or (source.pardoned and not edge.marks)
            return Watched(*edge.target, trying, pardoned)

        def moves(point: Point) -> Steps:
            found = self.moves[State(point.shared, point.places)].items()
            return {p: [e._replace(source=point, target=target(point, e)) for e in es] for p, es in found}

        start, begun = (
            initial(self.machine.program),
            attempt_begun(self.machine.program, self.machine.victim),
        )
        return reached(self.machine, Watched(*start, begun, start in self.excused), moves)


def reached(
    machine: Machine, start: Point, moves_of: Callable[[Point], dict[Process, list[Edge]]]
) -> System:
    """The states that the first one leads to; behind a failed assert nothing moves."""
    moves: Moves = {}
    todo = [start]
    while todo:
        state = todo.pop()
        if state not in moves:
            moves[state] = {} if failed_assert(machine.program, state) else moves_of(state)
            todo += [edge.target for edges in moves[state].values() for edge in edges]
        if len(moves) > MOST_STATES:
            raise TooLarge
    return System(machine, moves)


def system_of(program: Program, claim: Claim) -> System:
    """All that a program can do, as one of its progress properties sees it."""
    machine = Machine(program, claim)
    return reached(machine, initial(program), machine.moves)

"""The reference engine: the semantics as they stand. Slow, and right by definition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from racecheck.compiler.program import Graph, Program
from racecheck.explore.engine import Goal, Spot, Stand, Turn, canonical, coverage_nodes, examine, told
from racecheck.interpreter import Place
from racecheck.semantics import State, initial, steps, value_of


class ReferenceEngine:
    """States are the semantics' own; with symmetry their places are sorted."""

    name = "reference"
    room = 0

    def __init__(self, program: Program, symmetry: bool, start: State | None = None) -> None:
        self.program = program
        self.symmetry = symmetry
        self.start = initial(program) if start is None else start
        nodes = coverage_nodes(program)
        self.happened = 0
        self._number = {node: i for i, node in enumerate(nodes)}

    def initial(self) -> State:
        """Where the search starts: the initial state, if no other is given."""
        return self.encode(self.start)

    def encode(self, state: State) -> State:
        """The state, sorted under symmetry."""
        return canonical(state) if self.symmetry else state

    def decode(self, key: State) -> State:
        """The state itself."""
        return key

    def expand(self, key: State, out: list[Any]) -> int:
        """Try each process, or under symmetry one of each place."""
        targets = []
        for move in steps(self.program, key, by_place=self.symmetry):
            for node in move.outcome.passed:
                if (move.entry, node) in self._number:
                    self.happened |= 1 << self._number[move.entry, node]
            targets.append(self.encode(move.target))
        out[: len(targets)] = targets
        return len(targets)

    run = expand

    def explain(self, key: State, count: int) -> None:
        """Never needed: ``expand`` raises errors itself."""
        raise NotImplementedError

    def check(self, key: State) -> int:
        """The bits of ``examine``, those of all asserts in one."""
        bits = self.examine(key)
        claims = len(self.program.claims)
        return bits & (1 << claims) - 1 | bool(bits >> claims) << claims

    def examine(self, key: State) -> int:
        """A bit for each claim whose condition is true, then one for each assert that has failed."""
        return examine(self.program, key)

    def stands(self, key: State, goal: Goal | None = None) -> list[Stand]:
        """Each place that is occupied, with the moves of all processes there, or of one under symmetry."""
        found = {
            (e, place): Stand((e, place), count, [])
            for e, places in enumerate(key.places)
            for place, count in Counter(places).items()
        }
        for move in steps(self.program, key, by_place=self.symmetry):
            outcome, nodes = move.outcome, self.program.entries[move.entry].graph.nodes
            tale = told((nodes[at] for at in outcome.passed), goal, move.entry)
            turn = Turn(self.encode(move.target), outcome.ways, *tale)
            found[move.entry, key.places[move.entry][move.number]].turns.append(turn)
        return list(found.values())

    def evaluator(self, condition: Graph) -> Callable[[State], int]:
        """By interpretation."""
        return partial(value_of, self.program, condition)

    def spot(self, entry: int, place: Place) -> Spot:
        """The entry and the place themselves."""
        return entry, place

    def place(self, spot: Spot) -> Place:
        """The place itself."""
        return spot[1]  # type: ignore[return-value]

    def translate(self) -> Any:
        """Never needed: these states have no fields."""
        raise NotImplementedError

    def settle(self) -> None:
        """Nothing to forget."""

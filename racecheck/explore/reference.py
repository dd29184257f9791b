"""The reference engine: the semantics as they stand. Slow, and right by definition."""

from __future__ import annotations

from typing import Any

from racecheck.compiler.ir import End, Fail, Rest
from racecheck.compiler.program import Program
from racecheck.explore.engine import Spot, canonical, coverage_nodes, examine
from racecheck.interpreter import Place
from racecheck.semantics import (
    State,
    failed_assert,
    initial,
    outcomes,
    steps,
)


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

    def spots(self, key: State) -> list[tuple[Spot, bool]]:
        """Each place of a process that has not ended and does not rest, and whether it can move."""
        found: list[tuple[Spot, bool]] = []
        failed = failed_assert(self.program, key)
        for e, entry in enumerate(self.program.entries):
            for place in dict.fromkeys(key.places[e]):
                if not isinstance(entry.graph.nodes[place.node], (End, Fail, Rest)):
                    moves = outcomes(self.program, entry, place, key.shared)
                    found.append(((e, place), not failed and any(True for _ in moves)))
        return found

    def spot(self, entry: int, place: Place) -> Spot:
        """The entry and the place themselves."""
        return entry, place

    def translate(self) -> Any:
        """Never needed: these states have no fields."""
        raise NotImplementedError

    def settle(self) -> None:
        """Nothing to forget."""

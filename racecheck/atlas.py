"""States with what can be said and done in each: what one steps through, in a page or a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field, frozen

from racecheck.compiler.program import Claim, Program
from racecheck.explore.engine import canonical
from racecheck.marks import EXCUSED, STUCK
from racecheck.semantics import Move, State, failed_assert, holds, steps

UNREACHED = -1
"""The number of a state that is not among those of an atlas."""


@frozen
class Truth:
    """What a property says of one state, and whether that is as the property wants it."""

    property: str
    kind: str
    says: str
    good: bool


@define
class Atlas:
    """Some states of a program, numbered; identical processes are not told apart."""

    program: Program
    states: list[State] = field(factory=list)
    numbers: dict[State, int] = field(factory=dict)

    def add(self, states: Iterable[State]) -> None:
        """Number those that are new."""
        for state in map(canonical, states):
            if state not in self.numbers:
                self.numbers[state] = len(self.states)
                self.states.append(state)

    def number(self, state: State) -> int:
        """The number of a state, or UNREACHED."""
        return self.numbers.get(canonical(state), UNREACHED)

    def moves(self, number: int) -> list[Move]:
        """Who could move in a state, and how."""
        return list(steps(self.program, self.states[number], by_place=True))


def truths(program: Program, state: State, marks: Iterable[str] = ()) -> list[Truth]:
    """What each property says of the state; ``marks`` are known of it from a search."""
    marks = set(marks)
    found = [_claim(program, claim, state, marks) for claim in program.claims]
    failed = failed_assert(program, state)
    for name in program.failures():
        if name == failed or name in program.asserts():
            found.append(
                Truth(name, "assert", "fails" if name == failed else "has not failed", name != failed)
            )
    stuck = STUCK in marks
    return [*found, Truth("deadlock", "deadlock", "stuck" if stuck else "not known to be stuck", not stuck)]


def _claim(program: Program, claim: Claim, state: State, marks: set[str]) -> Truth:
    name, kind = claim.property.name, claim.property.kind
    if claim.condition is not None:
        held = holds(program, claim.condition, state)
        return Truth(name, kind, "true" if held else "false", held or kind == "sometimes")
    excused = claim.unless is not None and holds(program, claim.unless, state)
    rung = next((mark for mark in ("at rest", "by strategy", "by racing") if mark in marks), "")
    if excused:
        return Truth(name, kind, EXCUSED, True)
    return Truth(name, kind, f"blocked {rung}" if rung else "not excused", not rung)

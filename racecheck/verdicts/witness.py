"""A lasso, checked against its own fairness: by the reference semantics, on real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from racecheck.compiler.program import Claim, Program
from racecheck.explore.engine import canonical, goal_of
from racecheck.explore.path import Run, process_name
from racecheck.interpreter import Outcome, Place
from racecheck.model import HOSTILE
from racecheck.semantics import Duty, State, after, duty, failed_assert, holds, outcomes, steps

Strategy = Callable[[State, int, Place], Outcome | None]
"""The move that the attacker's process of this entry takes from this place, in this state."""


@frozen
class Lasso:
    """A run of real processes: the moves from number ``start`` on lead from a state back to itself.

    It may have no such moves: then nothing can move but processes that rest. ``strategy`` says what the
    attacker does in each state that any schedule can lead to from there.
    """

    run: Run
    start: int
    strategy: Strategy | None = None

    def way(self) -> Run:
        """The run up to the cycle."""
        return Run(self.run.states[: self.start + 1], self.run.moves[: self.start])

    def cycle(self) -> Run:
        """The cycle."""
        return Run(self.run.states[self.start :], self.run.moves[self.start :])


def inside(program: Program, claim: Claim, state: State) -> bool:
    """Whether a block in this state counts: no excuse, and no assert has failed."""
    excused = claim.unless is not None and holds(program, claim.unless, state)
    return not excused and failed_assert(program, state) is None


def fault(program: Program, claim: Claim, lasso: Lasso, rung: str) -> str:
    """What a lasso lacks of what its rung claims, or ""."""
    states, moves = lasso.cycle().states, lasso.cycle().moves
    goal = goal_of(program, claim)
    if states[0] != states[-1]:
        return "the cycle does not come back to the state that it starts from"
    if not all(inside(program, claim, state) for state in states):
        return "the cycle passes a state that is excused, or behind a failed assert"
    if any(m.entry == goal.entry and goal.event in m.outcome.events for m in moves):
        return f"the cycle comes to {goal.event!r}"
    for who in processes(program):
        moved = any((move.entry, move.number) == who for move in moves)
        if not moved and owes(program, who, states):
            return f"the cycle is not fair: {process_name(program, *who)} could move and never does"
    if rung == "by racing":
        return "" if moves else "nobody can move, so nobody races"
    at_rest = rung == "at rest"
    strategy = None if at_rest else lasso.strategy
    return _escape(program, claim, states[0], strategy or (lambda *_: None), at_rest)


def choices(program: Program, claim: Claim, lasso: Lasso) -> list[tuple[State, int, Place, Outcome]]:
    """What the strategy takes in each state that any schedule can lead to from the cycle's start."""
    taken: list[tuple[State, int, Place, Outcome]] = []

    def recorded(state: State, entry: int, place: Place) -> Outcome | None:
        outcome = lasso.strategy(state, entry, place) if lasso.strategy else None
        if outcome is not None:
            taken.append((state, entry, place, outcome))
        return outcome

    if lasso.strategy is not None:
        _escape(program, claim, lasso.cycle().states[0], recorded, at_rest=False)
    return taken


def processes(program: Program) -> Iterator[tuple[int, int]]:
    """Every real process: its entry and its number there."""
    for e, entry in enumerate(program.entries):
        for number in range(entry.process.count):
            yield e, number


def owes(program: Program, who: tuple[int, int], states: Sequence[State]) -> bool:
    """Whether a process that does not move in these states owes it."""
    e, number = who
    entry, place = program.entries[e], states[0].places[e][number]
    task = duty(program, entry, place)
    if task >= Duty.REST:
        return False
    able = [any(True for _ in outcomes(program, entry, place, state.shared)) for state in states]
    return any(able) if task is Duty.LOCK else all(able)


def _escape(program: Program, claim: Claim, start: State, strategy: Strategy, at_rest: bool) -> str:
    """How some schedule leads from the state out of the block in spite of the attacker, or ""."""
    goal = goal_of(program, claim)
    seen, todo = {canonical(start)}, [canonical(start)]
    while todo:
        state = todo.pop()
        if not inside(program, claim, state):
            return "some schedule leads to a state that is excused, or behind a failed assert"
        for entry, number, outcome in _any_schedule(program, state, strategy):
            if outcome is None:
                what = "is in flight" if at_rest else "has no move that stays, as recorded,"
                return f"{process_name(program, entry, number)} {what} in a state that can follow"
            if entry == goal.entry and goal.event in outcome.events:
                return f"some schedule leads to {goal.event!r}"
            following = canonical(after(state, entry, number, outcome))
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return ""


def _any_schedule(
    program: Program, state: State, strategy: Strategy
) -> Iterator[tuple[int, int, Outcome | None]]:
    """Every move of victim and kernel; of each hostile place in flight what the strategy takes."""
    taken: set[tuple[int, Place]] = set()
    for move in steps(program, state, by_place=True):
        entry, place = program.entries[move.entry], state.places[move.entry][move.number]
        if entry.process.role is not HOSTILE:
            yield move.entry, move.number, move.outcome
        elif (move.entry, place) not in taken and duty(program, entry, place) < Duty.REST:
            taken.add((move.entry, place))
            yield move.entry, move.number, strategy(state, move.entry, place)

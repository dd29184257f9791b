"""From a state that a search has found to a run of real processes that leads to it."""

from __future__ import annotations

from attrs import frozen

from racecheck.compiler.program import Program
from racecheck.explore.engine import Key
from racecheck.explore.search import Space
from racecheck.semantics import Move, State, initial, steps


@frozen
class Run:
    """States of real processes, and the moves between them: one state more than moves."""

    states: tuple[State, ...]
    moves: tuple[Move, ...]


def run_to(space: Space, key: Key) -> Run:
    """A shortest run to the state. Moves are found again by the reference, so engines need not keep them.

    Under symmetry the run is one of real processes; it stays with the process that moved last if it can.
    """
    keys = space.path(key)
    states, moves = [initial(space.program)], list[Move]()
    for following in keys[1:]:
        found = [m for m in steps(space.program, states[-1]) if space.engine.encode(m.target) == following]
        last = (moves[-1].entry, moves[-1].number) if moves else None
        move = next((m for m in found if (m.entry, m.number) == last), found[0])
        moves.append(move)
        states.append(move.target)
    return Run(tuple(states), tuple(moves))


def process_name(program: Program, entry: int, number: int) -> str:
    """The name of a real process: "mapper 2"."""
    return program.entries[entry].process.instances()[number]

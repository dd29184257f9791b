"""From a state that a search has found to a run of real processes that leads to it."""

from __future__ import annotations

from attrs import frozen

from racecheck.compiler.ir import End
from racecheck.compiler.program import Graph, Program
from racecheck.explore.engine import Key
from racecheck.explore.search import Space
from racecheck.interpreter import Place
from racecheck.semantics import Move, State, after, initial, steps


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
        possible = steps(space.program, states[-1], by_place=space.engine.symmetry)
        found = [move for move in possible if space.engine.encode(move.target) == following]
        options = [_by_last(states[-1], move, moves[-1]) for move in found] if moves else found
        move = next((m for m in options if moves and _mover(m) == _mover(moves[-1])), options[0])
        moves.append(move)
        states.append(move.target)
    return Run(tuple(states), tuple(moves))


def _by_last(state: State, move: Move, last: Move) -> Move:
    """The same move, by the process that moved last, where that stands at the same place."""
    places = state.places[move.entry]
    if move.entry != last.entry or places[last.number] != places[move.number]:
        return move
    return Move(last.entry, last.number, move.outcome, after(state, *_mover(last), move.outcome))


def _mover(move: Move) -> tuple[int, int]:
    return move.entry, move.number


def process_name(program: Program, entry: int, number: int) -> str:
    """The name of a real process: "mapper 2"."""
    return program.entries[entry].process.instances()[number]


def place_name(program: Program, entry: int, place: Place) -> str:
    """A place as the step before which a process stands, the locals in use and the locks held.

    Where a process has the same step in several places, they are numbered in the order of the source.
    """
    graph = program.entries[entry].graph
    what = _before(graph, place.node)
    alike = [at for at in sorted(graph.live) if _before(graph, at) == what]
    number = f" #{alike.index(place.node) + 1}" if len(alike) > 1 else ""
    names = [graph.names[register].rstrip("'") or "value" for register in graph.live[place.node]]
    values = "".join(f" {name}={value}" for name, value in zip(names, place.locals, strict=True))
    locks = [slot.label for i, slot in enumerate(program.slots) if place.held >> i & 1]
    return f"{what}{number}{values}{' holding ' * bool(locks)}{', '.join(locks)}"


def _before(graph: Graph, at: int) -> str:
    node = graph.nodes[at]
    return "returned" if isinstance(node, End) else f"{node.site.function}: {node.site.text}"

"""From a block to a run that shows it: a way in, and a fair cycle of real processes."""

from __future__ import annotations

from collections import deque

import numpy as np
from attrs import define, field

from racecheck.explore.engine import canonical
from racecheck.explore.path import Run, run_to
from racecheck.explore.search import Space
from racecheck.interpreter import Outcome, Place
from racecheck.semantics import Duty, Move, State, after, outcomes
from racecheck.verdicts.arena import Arena, Bools, Ints
from racecheck.verdicts.ladder import AT_REST, BY_RACING, fair_parts, strong_parts
from racecheck.verdicts.witness import Lasso, owes, processes

Who = tuple[int, int]
"""A real process: its entry, and its number there."""


def lasso_into(space: Space, arena: Arena, rung: str, block: Bools) -> Lasso:
    """A shortest way into the block, and on to a fair cycle in it."""
    first = int(np.flatnonzero(block)[0])
    edges, strategy = _moves_within(arena, rung, block)
    way = run_to(space, arena.keys[first])
    walker = _Walker(space, arena, edges, first, list(way.states), list(way.moves))
    if rung == BY_RACING:
        parts = fair_parts(arena, block, edges)
    else:
        parts = strong_parts(arena, edges)
        walker.go_to(_final(arena, edges, parts) & block)
    walker.edges &= parts[arena.target] == parts[arena.source]
    start = walker.go_round()
    run = Run(tuple(walker.states), tuple(walker.moves))
    return Lasso(run, start, _Plan(space, arena, strategy).move if len(strategy) else None)


def _moves_within(arena: Arena, rung: str, block: Bools) -> tuple[Bools, Ints]:
    """The edges that a run in the block may take, and the attacker's choices, one a stand in flight."""
    inner = block[arena.source] & block[arena.target] & ~arena.goal
    if rung == BY_RACING:
        return inner, np.zeros(0, np.int64)
    played = np.flatnonzero(inner & arena.flying[arena.edge_stand])
    _, first = np.unique(arena.edge_stand[played], return_index=True)
    chosen = played[first] if rung != AT_REST else played[:0]
    edges = inner & ~arena.hostile
    edges[chosen] = True
    return edges, chosen


def _final(arena: Arena, edges: Bools, parts: Ints) -> Bools:
    """The states of parts that no edge leaves: whatever is enabled there happens there."""
    left = edges & (parts[arena.source] != parts[arena.target])
    return ~np.isin(parts, parts[arena.source[left]])


@define(eq=False)
class _Plan:
    """The attacker's choice in each state, as outcomes of the reference semantics."""

    space: Space
    arena: Arena
    chosen: Ints
    numbers: dict[State, dict[tuple[int, Place], int]] = field(factory=dict)

    def move(self, state: State, entry: int, place: Place) -> Outcome | None:
        """What a process of the entry does from this place in this state; None if it is not planned."""
        if not self.numbers:
            self._index()
        edge = self.numbers.get(canonical(state), {}).get((entry, place))
        if edge is None:
            return None
        return outcome_of(self.space, self.arena, state, edge)[1]

    def _index(self) -> None:
        for edge in self.chosen.tolist():
            state = canonical(self.space.engine.decode(self.arena.keys[self.arena.source[edge]]))
            spot = self.arena.spots[self.arena.place[edge]]
            self.numbers.setdefault(state, {})[spot[0], self.space.engine.place(spot)] = edge


def outcome_of(space: Space, arena: Arena, state: State, edge: int) -> tuple[int, Outcome]:
    """The number of a process that can take this edge in the state, up to symmetry, and how."""
    spot = arena.spots[arena.place[edge]]
    e, place = spot[0], space.engine.place(spot)
    wanted = canonical(space.engine.decode(arena.keys[arena.target[edge]]))
    number = state.places[e].index(place)
    found = [
        outcome
        for outcome in outcomes(space.program, space.program.entries[e], place, state.shared)
        if canonical(after(state, e, number, outcome)) == wanted
    ]
    # A choice may lead to the same state by way of the goal, which these edges do not take.
    quiet = (o for o in found if arena.event not in [(e, name) for name in o.events])
    return number, next(quiet)


@define(eq=False)
class _Walker:
    """A run of real processes along edges of the arena; at one place, first come is first served."""

    space: Space
    arena: Arena
    edges: Bools
    at: int
    states: list[State]
    moves: list[Move]
    taken: list[int] = field(factory=list)
    """The edges taken by this walker: the last moves."""

    moved: dict[Who, int] = field(init=False)
    """Of each process, the number of its last move."""

    def __attrs_post_init__(self) -> None:
        self.moved = {_mover(move): i for i, move in enumerate(self.moves)}

    def take(self, edge: int) -> None:
        """Let the process that has waited longest at the edge's place move along it.

        Of those that rest, which owe nothing, the one that came last: so a cycle needs few of them.
        """
        state = self.states[-1]
        number, outcome = outcome_of(self.space, self.arena, state, edge)
        e = self.arena.spots[self.arena.place[edge]][0]
        place = state.places[e][number]
        waiting = [(e, n) for n, other in enumerate(state.places[e]) if other == place]
        waiting.sort(key=lambda who: self.moved.get(who, -1))
        rests = self.arena.duty[self.arena.place[edge]] == Duty.REST
        who = waiting[-1 if rests else 0]
        target = after(state, *who, outcome)
        self.moved[who] = len(self.moves)
        self.moves.append(Move(*who, outcome, target))
        self.states.append(target)
        self.taken.append(edge)
        self.at = int(self.arena.target[edge])

    def go_to(self, states: Bools, places: Bools | None = None) -> None:
        """Walk to the nearest of the states, or along the nearest edge from one of the places."""
        for edge in self._path(states, places):
            self.take(edge)

    def _path(self, states: Bools, places: Bools | None) -> list[int]:
        if states[self.at]:
            return []
        came: dict[int, tuple[int, int]] = {}
        todo = deque([self.at])
        while todo:
            here = todo.popleft()
            for edge in self.out(here):
                target = int(self.arena.target[edge])
                if states[target] or (places is not None and places[self.arena.place[edge]]):
                    return [*self._back(came, here), edge]
                if target not in came and target != self.at:
                    came[target] = here, edge
                    todo.append(target)
        raise AssertionError("a strongly connected part has a way to each of its states")

    def _back(self, came: dict[int, tuple[int, int]], here: int) -> list[int]:
        path = []
        while here != self.at:
            here, edge = came[here]
            path.append(edge)
        return path[::-1]

    def out(self, state: int) -> list[int]:
        """The edges that a run may take from a state."""
        low, high = self.arena.first_edge[self.arena.first_stand[state : state + 2]].tolist()
        return [edge for edge in range(low, high) if self.edges[edge]]

    def go_round(self) -> int:
        """Go round a cycle until every process that owes a move has moved; the number of its first move."""
        home, start = self.at, len(self.moves)
        if not self.out(home):
            return start
        begun = len(self.taken)
        while not self._is_round(home, start):
            pass
        walk, rounds = self.taken[begun:], [start]
        while True:
            for earlier in rounds:
                same = self.states[earlier] == self.states[-1]
                if same and not self._pending(earlier):
                    return earlier
            rounds.append(len(self.moves))
            for edge in walk:
                self.take(edge)

    def _is_round(self, home: int, start: int) -> bool:
        """Take another part of the way round; True when there is nothing left to do."""
        if pending := self._pending(start):
            self._serve(pending)
        elif self.at != home or len(self.moves) == start:
            self.go_to(np.arange(self.arena.states) == home) if self.at != home else self._any_step()
        else:
            return True
        return False

    def _any_step(self) -> None:
        self.take(self.out(self.at)[0])

    def _pending(self, start: int) -> list[Who]:
        """The processes that owe a move and have made none since then."""
        moved = {_mover(move) for move in self.moves[start:]}
        states = self.states[start:]
        program = self.space.program
        return [who for who in processes(program) if who not in moved and owes(program, who, states)]

    def _serve(self, pending: list[Who]) -> None:
        """Go where one of them can move, or to a state in which it owes nothing since it cannot."""
        state, arena = self.states[-1], self.arena
        spots = {self.space.engine.spot(e, state.places[e][number]) for e, number in pending}
        places = np.array([spot in spots for spot in arena.spots], bool)
        excusing = (arena.duty == Duty.CHOICE) | (arena.duty == Duty.CONDITION)
        free = np.zeros(arena.states, bool)
        free[arena.stand_state[(places & excusing)[arena.stand_place] & ~arena.movable]] = True
        self.go_to(free, places)


def _mover(move: Move) -> Who:
    return move.entry, move.number

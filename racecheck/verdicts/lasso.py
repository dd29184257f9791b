"""From a block to a run that shows it: a way in, and a fair cycle of real processes."""

# ruff: noqa: PLR0917 - compiled code takes its arrays by position
from __future__ import annotations

import numpy as np
from attrs import define, field

from racecheck.explore.engine import canonical
from racecheck.explore.path import Run, run_to
from racecheck.explore.search import Space
from racecheck.interpreter import Outcome, Place
from racecheck.kernels import kernel
from racecheck.semantics import Duty, Move, State, after, outcomes
from racecheck.verdicts.arena import Arena
from racecheck.verdicts.ladder import BY_RACING, BY_STRATEGY
from racecheck.verdicts.parts import fair_parts, strong_parts
from racecheck.verdicts.walks import FORCED, FREE, PLAYS, Bools, Flow, Ints, reached
from racecheck.verdicts.witness import Lasso, owes, processes

Who = tuple[int, int]
"""A real process: its entry, and its number there."""


def lasso_into(space: Space, arena: Arena, rung: str, block: Bools) -> Lasso:
    """A shortest way into the block, and on to a fair cycle in it."""
    first = int(np.flatnonzero(block)[0])
    edges = _moves_within(arena, rung, block)
    way = run_to(space, arena.keys[first])
    walker = _Walker(space, arena, edges, first, list(way.states), list(way.moves))
    inner, leaves = np.zeros(len(edges), np.bool_), np.zeros(arena.states + 1, np.bool_)
    if rung == BY_RACING:
        parts = fair_parts(arena, block, edges)
        look_inside(arena.flow, edges, parts, inner, leaves)
    else:
        parts, _ = strong_parts(arena.flow, block, edges, arena.give_up)
        look_inside(arena.flow, edges, parts, inner, leaves)
        walker.go_to(block & ~leaves[parts])
    walker.edges = inner
    home = walker.at
    start = walker.go_round()
    run = Run(tuple(walker.states), tuple(walker.moves))
    return Lasso(run, start, _Plan(space, arena, edges, home).move if rung == BY_STRATEGY else None)


def _moves_within(arena: Arena, rung: str, block: Bools) -> Bools:
    """The edges that a run in the block may take: the attacker's choice, one a stand in flight, or any."""
    rule = np.full(len(arena.role), FORCED, np.uint8)
    if rung != BY_RACING:
        rule[arena.is_hostile] = FREE
        rule[arena.is_flying] = PLAYS if rung == BY_STRATEGY else FREE
    edges = np.zeros(len(arena.target), np.bool_)
    pick(arena.flow, arena.stand_place, rule, arena.goal, block, edges)
    return edges


@kernel
def pick(flow: Flow, place: Ints, rule: Ints, goal: Bools, block: Bools, edges: Bools) -> None:
    """Take the edges that stay in the block: all, of a place that plays the first, of a free one none."""
    for state in range(len(block)):
        if block[state]:
            for stand in range(flow.first_stand[state], flow.first_stand[state + 1]):
                must = rule[place[stand]]
                if must != FREE:
                    for edge in range(flow.first_edge[stand], flow.first_edge[stand + 1]):
                        if block[flow.target[edge]] and not goal[edge]:
                            edges[edge] = True
                            if must == PLAYS:
                                break


@kernel
def look_inside(flow: Flow, edges: Bools, parts: Ints, inner: Bools, leaves: Bools) -> None:
    """Take the edges that stay in their part, and tell of each part whether one leaves it."""
    for state in range(len(parts)):
        low = flow.first_edge[flow.first_stand[state]]
        high = flow.first_edge[flow.first_stand[state + 1]]
        for edge in range(low, high):
            if edges[edge]:
                inner[edge] = parts[flow.target[edge]] == parts[state]
                if not inner[edge]:
                    leaves[parts[state]] = True


@define(eq=False)
class _Plan:
    """The attacker's choice in each state that can follow ``home``, as the reference semantics has it."""

    space: Space
    arena: Arena
    edges: Bools
    home: int
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
        engine, spots = self.space.engine, self.arena.spots
        for number in np.flatnonzero(
            reached(self.arena.flow, self.edges, self.home, self.arena.give_up)
        ).tolist():
            state = canonical(engine.decode(self.arena.keys[number]))
            chosen = [edge for edge in self.arena.edges_from(number) if self.edges[edge]]
            played = [(self.arena.place_of(edge), edge) for edge in chosen]
            self.numbers[state] = {
                (spots[place][0], engine.place(spots[place])): edge
                for place, edge in played
                if self.arena.is_flying[place]
            }


def outcome_of(space: Space, arena: Arena, state: State, edge: int) -> tuple[int, Outcome]:
    """The number of a process that can take this edge in the state, up to symmetry, and how."""
    spot = arena.spots[arena.place_of(edge)]
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
        e = self.arena.spots[self.arena.place_of(edge)][0]
        place = state.places[e][number]
        waiting = [(e, n) for n, other in enumerate(state.places[e]) if other == place]
        waiting.sort(key=lambda who: self.moved.get(who, -1))
        rests = self.arena.duty[self.arena.place_of(edge)] == Duty.REST
        who = waiting[-1 if rests else 0]
        target = after(state, *who, outcome)
        self.moved[who] = len(self.moves)
        self.moves.append(Move(*who, outcome, target))
        self.states.append(target)
        self.taken.append(edge)
        self.at = int(self.arena.target[edge])

    def go_to(self, states: Bools, places: Bools | None = None) -> None:
        """Walk to the nearest of the states, or along the nearest edge from one of the places."""
        if states[self.at]:
            return
        arena = self.arena
        came, source, todo = (np.zeros(arena.states, np.int32) for _ in range(3))
        places = np.zeros(len(arena.duty), np.bool_) if places is None else places
        todo[0] = self.at
        goals = arena.flow, arena.stand_place, self.edges, states, places
        path = [nearest(*goals, came, source, todo)]
        assert path[0] >= 0, "a strongly connected part has a way to each of its states"
        here = source[self.at]
        while here != self.at:
            path.append(came[here] - 1)
            here = source[here]
        for edge in reversed(path):
            self.take(int(edge))

    def out(self, state: int) -> list[int]:
        """The edges that a run may take from a state."""
        return [edge for edge in self.arena.edges_from(state) if self.edges[edge]]

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
            self.go_to(self._only(home)) if self.at != home else self.take(self.out(home)[0])
        else:
            return True
        return False

    def _only(self, state: int) -> Bools:
        states = np.zeros(self.arena.states, np.bool_)
        states[state] = True
        return states

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
        free = np.zeros(arena.states, np.bool_)
        find_waiting(arena.flow, arena.stand_place, places & excusing, free)
        self.go_to(free, places)


@kernel
def nearest(
    flow: Flow,
    place: Ints,
    edges: Bools,
    states: Bools,
    places: Bools,
    came: Ints,
    source: Ints,
    todo: Ints,
) -> int:
    """The first edge on a walk from ``todo[0]`` that comes to one of the states, or from one of the places.

    ``came`` has one more than the edge by which the walk came to each state, and ``source`` where that
    begins; where the edge that was found begins is in ``source[start]``.
    """
    start, done, size = todo[0], 0, 1
    while done < size:
        here = todo[done]
        done += 1
        for stand in range(flow.first_stand[here], flow.first_stand[here + 1]):
            for edge in range(flow.first_edge[stand], flow.first_edge[stand + 1]):
                if edges[edge]:
                    target = flow.target[edge]
                    if states[target] or places[place[stand]]:
                        source[start] = here
                        return edge
                    if target != start and came[target] == 0:
                        came[target], source[target] = edge + 1, here
                        todo[size] = target
                        size += 1
    return -1


@kernel
def find_waiting(flow: Flow, place: Ints, places: Bools, found: Bools) -> None:
    """Find the states in which a process at one of the places cannot move."""
    for state in range(len(found)):
        for stand in range(flow.first_stand[state], flow.first_stand[state + 1]):
            if places[place[stand]] and flow.first_edge[stand] == flow.first_edge[stand + 1]:
                found[state] = True


def _mover(move: Move) -> Who:
    return move.entry, move.number

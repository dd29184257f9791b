"""One run of a model, steered from outside: a step, a whole operation, or the same operation many times.

Runs are for state spaces that no search can hold. They take the moves of ``racecheck.semantics``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

import networkx as nx
from attrs import define, field

from racecheck.compiler.ir import End, Fail, Rest, is_place
from racecheck.compiler.program import Graph, Program
from racecheck.explore.path import Run
from racecheck.interpreter import Outcome, Place
from racecheck.semantics import Duty, Move, State, after, duty, holds, initial, outcomes
from racecheck.verdicts.safety import DEADLOCK

LONGEST_RUN = 10_000
"""Moves after which a run goes no further."""
LONGEST_OPERATION = 1_000
"""Moves after which an operation is left where it is: it may be a retry loop with nobody to end it."""
KEPT = 1 << 16
"""Moves, and values of conditions, that are remembered."""

Choices = tuple[int | bool, ...]
Pick = tuple[int, int, Choices]
"""A move of a schedule: the entry, the process's number in it, and its choices."""
Chooser = Callable[[Sequence[Outcome]], Outcome | None]
"""Which outcome to take; None for none."""


class Course:
    """What all runs of a program share: its moves, what they have seen, and where operations end.

    ``watched`` names the properties that end a run when they are broken.
    """

    def __init__(self, program: Program, watched: Collection[str]) -> None:
        self.program, self.watched = program, frozenset(watched)
        self.start = initial(program)
        starts = [places[0].node for places in self.start.places]
        self.ends = tuple(_ends(e.graph) | {at} for e, at in zip(program.entries, starts, strict=True))
        self.moves = lru_cache(KEPT)(self._moves)
        self.broken = lru_cache(KEPT)(self._broken)
        self.shown: set[str] = set()
        """The ``sometimes`` claims that some state has shown."""
        self.passed: set[tuple[int, tuple[int, ...]]] = set()
        """Of each move that was made: the entry, and the nodes it went through."""
        self.seen: set[int] = set()
        """A hash of each state; interchangeable processes are not told apart."""
        self.steps = self.runs = self.longest = 0

    def forget(self, names: Collection[str]) -> None:
        """Let runs go on where these properties are broken."""
        self.watched -= set(names)
        self.broken.cache_clear()

    def _moves(self, entry: int, place: Place, shared: tuple[int, ...]) -> tuple[Outcome, ...]:
        return tuple(outcomes(self.program, self.program.entries[entry], place, shared))

    def _broken(self, shared: tuple[int, ...]) -> str | None:
        """The first ``always`` that is broken; notes each ``sometimes`` that holds."""
        state, broken = State(shared, ()), None
        for claim in self.program.claims:
            kind, name = claim.property.kind, claim.property.name
            if claim.condition is None or name in self.shown:
                continue
            held = holds(self.program, claim.condition, state)
            if held and kind == "sometimes":
                self.shown.add(name)
            elif not held and kind == "always" and name in self.watched:
                broken = broken or name
        return broken


@define(eq=False)
class Walk:
    """One run: where it is, the moves so far, and what they have broken."""

    course: Course
    shared: tuple[int, ...] = field(init=False)
    places: list[list[Place]] = field(init=False)
    picks: list[Pick] = field(factory=list)
    broken: str | None = None
    over: bool = False
    """Something is broken, an assert has failed, or the run is too long."""
    _mark: int = 0
    """A sum over the places of all processes: with the shared values it tells states apart."""

    def __attrs_post_init__(self) -> None:
        self.shared = self.course.start.shared
        self.places = [list(places) for places in self.course.start.places]
        self._look(None)

    def moves(self, entry: int, number: int) -> tuple[Outcome, ...]:
        """What this process may do now."""
        if self.over:
            return ()
        return self.course.moves(entry, self.places[entry][number], self.shared)

    def able(self) -> list[tuple[int, int]]:
        """The entry and number of each process that can move; one for each place."""
        found: dict[tuple[int, Place], tuple[int, int]] = {}
        for e, places in enumerate(self.places):
            for number, place in enumerate(places):
                if (e, place) not in found and self.moves(e, number):
                    found[e, place] = e, number
        return list(found.values())

    def take(self, entry: int, number: int, outcome: Outcome) -> None:
        """Make the move, and look at the properties."""
        old, self.shared = self.places[entry][number], outcome.shared
        self.places[entry][number] = outcome.place
        self._mark += hash((entry, outcome.place)) - hash((entry, old))
        self.picks.append((entry, number, outcome.choices))
        self.course.passed.add((entry, outcome.passed))
        self.course.steps += 1
        self._look(outcome.failed)

    def _look(self, failed: str | None) -> None:
        course = self.course
        course.seen.add(hash((self.shared, self._mark)))
        self.broken = course.broken(self.shared)
        if failed in course.watched:
            self.broken = failed
        self.over = self.broken is not None or failed is not None or len(self.picks) >= LONGEST_RUN

    def advance(
        self, entry: int, number: int, choose: Chooser, most: int = LONGEST_OPERATION
    ) -> list[Choices]:
        """Let a process run so many moves: at most to the end of its operation, and not in circles.

        The choices of its moves, in order.
        """
        done: list[Choices] = []
        seen: set[tuple[Place, tuple[int, ...]]] = set()
        while len(done) < most and (options := self.moves(entry, number)):
            outcome = choose(options)
            if outcome is None:
                break
            self.take(entry, number, outcome)
            done.append(outcome.choices)
            here = outcome.place, outcome.shared
            if outcome.place.node in self.course.ends[entry] or here in seen:
                break
            seen.add(here)
        return done

    def burst(self, entry: int, number: int, choose: Chooser, most: int, times: int) -> None:
        """The same moves so many times: by this process if it is back where it was, else by its twins.

        Ends early when they can no longer be made, or when they change nothing.
        """
        start = self.places[entry][number]
        told = self.advance(entry, number, choose, most)
        for _ in range(times - 1):
            place = self.places[entry][number]
            if place.node != start.node or not _first(self.moves(entry, number), told[0]):
                if start not in self.places[entry]:
                    return
                number = self.places[entry].index(start)
            before = self.shared, self.places[entry][number]
            if self.advance(entry, number, _as_told(told), most) != told:
                return
            if before == (self.shared, self.places[entry][number]):
                return

    def in_flight(self) -> int:
        """How many processes stand in the middle of an operation."""
        pairs = zip(self.places, self.course.ends, strict=True)
        return sum(place.node not in ends for places, ends in pairs for place in places)

    def verdict(self) -> str | None:
        """The property that is broken here, of those that end a run."""
        if self.broken is None and DEADLOCK in self.course.watched and self.waiting():
            return DEADLOCK
        return self.broken

    def waiting(self) -> list[tuple[int, int]]:
        """Who waits at a Lock or ``wait_until`` while nobody at all can move: they wait for ever."""
        if self.over or self.able():
            return []
        entries = self.course.program.entries
        return [
            (e, number)
            for e, places in enumerate(self.places)
            for number, place in enumerate(places)
            if duty(self.course.program, entries[e], place) in (Duty.LOCK, Duty.CONDITION)
        ]


def follow(course: Course, picks: Sequence[Pick]) -> Walk:
    """A run along a schedule; moves that are not possible are left out, and it ends where it breaks."""
    walk = Walk(course)
    for entry, number, choices in picks:
        if walk.over:
            break
        outcome = _first(walk.moves(entry, number), choices)
        if outcome is not None:
            walk.take(entry, number, outcome)
    return walk


def places_along(course: Course, picks: Sequence[Pick], entry: int, number: int) -> list[Place]:
    """Where a process stands before each of its moves in a schedule that is possible."""
    walk, places = Walk(course), []
    for e, n, choices in picks:
        if (e, n) == (entry, number):
            places.append(walk.places[e][n])
        if (outcome := _first(walk.moves(e, n), choices)) is not None:
            walk.take(e, n, outcome)
    return places


def run_of(program: Program, picks: Sequence[Pick]) -> Run:
    """A schedule that is possible, with its states."""
    states, moves = [initial(program)], list[Move]()
    for e, number, choices in picks:
        place, shared = states[-1].places[e][number], states[-1].shared
        found = outcomes(program, program.entries[e], place, shared)
        outcome = next(o for o in found if o.choices == choices)
        moves.append(Move(e, number, outcome, after(states[-1], e, number, outcome)))
        states.append(moves[-1].target)
    return Run(tuple(states), tuple(moves))


def _first(options: Sequence[Outcome], choices: Choices) -> Outcome | None:
    return next((outcome for outcome in options if outcome.choices == choices), None)


def _as_told(told: Sequence[Choices]) -> Chooser:
    """Make the same choices again."""
    left = iter(told)

    def choose(options: Sequence[Outcome]) -> Outcome | None:
        choices = next(left, None)
        return None if choices is None else _first(options, choices)

    return choose


def _ends(graph: Graph) -> frozenset[int]:
    """The nodes where an operation is over: a rest, the end, and the first places of outermost loops."""
    nodes = graph.nodes
    flow = nx.DiGraph([(at, to) for at, node in enumerate(nodes) for to in node.successors() if to >= 0])
    found = {at for at, node in enumerate(nodes) if isinstance(node, (Rest, End, Fail))}
    for loop in nx.strongly_connected_components(flow):
        if any(set(flow.succ[at]) & loop for at in loop):
            heads = [at for at in loop if at == graph.entry or set(flow.pred[at]) - loop]
            found |= _places(graph, heads)
    return frozenset(found)


def _places(graph: Graph, todo: list[int]) -> set[int]:
    """The first places from these nodes on."""
    seen, found = set(todo), set()
    while todo:
        node = graph.nodes[at := todo.pop()]
        if is_place(node):
            found.add(at)
            continue
        for to in node.successors():
            if to >= 0 and to not in seen:
                seen.add(to)
                todo.append(to)
    return found

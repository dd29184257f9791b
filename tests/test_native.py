"""Processes run as ordinary Python do what the reference semantics says, move by move."""

import threading
import traceback
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from programs import load_program, programs

from racecheck import (
    HOSTILE,
    Array,
    Atomic,
    Flag,
    Ghost,
    Lock,
    Model,
    ModelError,
    Process,
    Shared,
    UsageError,
    always,
    atomic,
    choose,
    event,
    model,
    progress,
    read_together,
    rest,
    smp_mb,
    wait_until,
)
from racecheck.compiler.compile import compile_model
from racecheck.compiler.ir import End, SetGhost
from racecheck.native import NeedChoice, NotEnabled, World
from racecheck.semantics import after, initial, outcomes, value_of

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
WRONG = (ModelError, ZeroDivisionError, ValueError)
MANY = 40


# Agreement with the reference.


class Walk:
    """A state of the reference, and the moves that lead to it."""

    def __init__(self, program, state, moves=()):
        self.program = program
        self.state = state
        self.moves = moves
        ghosts = {n.slot for e in program.entries for n in e.graph.nodes if isinstance(n, SetGhost)}
        # What no property reads, the reference does not keep.
        slots = enumerate(program.slots)
        self.kept = {i: slot.label for i, slot in slots if slot.kind != "Ghost" or i in ghosts}

    def world(self):
        """A native run that has come to the same state."""
        world = World(self.program.model)
        for process, choices in self.moves:
            world.step(process, choices)
        return world

    def processes(self):
        """Where each process stands in the state, and its name."""
        for e, entry in enumerate(self.program.entries):
            for number, name in enumerate(entry.process.instances()):
                yield e, number, name

    def outcomes(self, e, number):
        """The reference's outcomes of the next move of a process, by their choices."""
        place = self.state.places[e][number]
        found = outcomes(self.program, self.program.entries[e], place, self.state.shared)
        return {outcome.choices: outcome for outcome in islice(found, MANY)}

    def observations(self, name):
        """The native observations of the next move of a process, by their choices."""
        found, todo = {}, [()]
        for _ in range(MANY):
            choices = todo.pop() if todo else None
            if choices is None or choices in found:
                continue
            with self.world() as world:
                try:
                    found[choices] = world.step(name, choices)
                except NotEnabled:
                    pass
                except NeedChoice as need:
                    todo += [(*choices, option) for option in need.options]
        return None if todo else found

    def to(self, e, number, name, outcome):
        """The walk that goes on with an outcome."""
        state = after(self.state, e, number, outcome)
        return Walk(self.program, state, (*self.moves, (name, outcome.choices)))

    def compare_values(self):
        """The words, ghosts and properties are the same."""
        with self.world() as world:
            mine = {label: self.state.shared[slot] for slot, label in self.kept.items()}
            assert mine.items() <= world.values.items()
            for claim in self.program.claims:
                lambdas = [claim.property.condition, claim.property.unless]
                graphs = [claim.condition, claim.unless, *claim.cost]
                for look, graph in zip([*lambdas, *dict(claim.property.cost).values()], graphs, strict=True):
                    if look is not None:
                        assert world.value_of(look) == value_of(self.program, graph, self.state)

    def compare_moves(self):
        """Every process can make the same moves, with the same results; the walks that go on."""
        self.compare_values()
        ways = []
        for e, number, name in self.processes():
            wanted = tried(self.outcomes, e, number)
            found = tried(self.observations, name)
            if found is None:
                continue
            assert isinstance(wanted, str) == isinstance(found, str), (name, wanted, found)
            if isinstance(wanted, str):
                continue
            assert wanted.keys() <= found.keys() or len(wanted) == MANY
            for choices, observation in found.items():
                self.compare(e, wanted.get(choices), observation)
            ways += [self.to(e, number, name, outcome) for outcome in wanted.values()]
        return ways

    def compare(self, e, outcome, observation):
        """One move: no outcome in the reference is a move that changes nothing."""
        changed = {k: v for k, v in observation.changed.items() if k in self.kept.values()}
        if outcome is None:
            assert observation.silent and not changed
            assert not observation.ended and observation.failed is None
            return
        assert observation.results == outcome.results
        assert observation.events == outcome.events
        assert observation.choices == outcome.choices
        assert observation.silent == (not outcome.stepped)
        assert changed == {
            label: outcome.shared[slot]
            for slot, label in self.kept.items()
            if outcome.shared[slot] != self.state.shared[slot]
        }
        node = self.program.entries[e].graph.nodes[outcome.place.node]
        assert observation.ended == isinstance(node, End)
        assert (observation.failed is None) == (outcome.failed is None)
        if outcome.failed is not None:
            message = observation.failed.partition(".unlock()" if ".unlock()" in outcome.failed else "\n")
            assert (message[1] or message[0]) in outcome.failed


def tried(function, *args):
    """What the function gives, or a string if the model goes wrong while it runs."""
    try:
        return function(*args)
    except WRONG as error:
        if "more than" in str(error):
            reject()  # limits of the language that ordinary Python does not have
        return str(error)


def compare_all(built, states=300):
    """Compare every state of a small model, as far as ``states`` goes; how many there were."""
    program = compile_model(built)
    seen, todo = set(), [Walk(program, initial(program))]
    while todo and len(seen) < states:
        walk = todo.pop(0)
        if walk.state not in seen:
            seen.add(walk.state)
            todo += walk.compare_moves()
    return len(seen)


def compare_walk(source, turns):
    """Compare the states along one walk, which turns where the numbers say."""
    try:
        program = compile_model(load_program(source)())
    except ModelError:
        reject()  # what goes wrong with constants, the compiler says
    start = tried(initial, program)
    if isinstance(start, str):
        with pytest.raises(WRONG):
            World(program.model)
        return
    walk = Walk(program, start)
    for turn in turns:
        ways = walk.compare_moves()
        if not ways:
            return
        walk = ways[turn % len(ways)]


TURNS = st.lists(st.integers(0, 23), min_size=3, max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(programs(), TURNS)
def test_agrees_with_the_reference(source, turns):
    """Results, events, values, properties and enabled moves are the same along a random walk."""
    compare_walk(source, turns)


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(programs(errors=True), TURNS)
def test_agrees_on_errors_of_the_model(source, turns):
    """What goes wrong in the reference goes wrong natively at the same move."""
    compare_walk(source, turns)

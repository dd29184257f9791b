"""Lassos: runs that show a block, as traces that replay, and what does not replay any more."""

from collections import Counter

import progress_models as hand
import pytest
from attrs import evolve
from decided import decided, number_of, searched, small
from hypothesis import assume, given, settings
from oracle_moves import MOST_STATES, system_of
from oracle_progress import blocked_at_rest, blocked_by_strategy
from programs import load_program
from progress_models import built
from progress_systems import systems
from test_oracle_progress import CASES

import racecheck as rc
from racecheck.api import report_on
from racecheck.compiler.compile import compile_model
from racecheck.explore.limits import Limits
from racecheck.model import RUNGS
from racecheck.replay import replay, with_native
from racecheck.semantics import initial
from racecheck.trace import load, save
from racecheck.verdicts.witness import fault


def check_by_brute_force(program, lasso, rung):
    """Assert that a lasso is what its rung says, by the oracle's sets of states and moves."""
    claim = program.claims[number_of(program)]
    system = system_of(program, claim)
    machine, unexcused = system.machine, system.unexcused
    assert lasso.run.states[0] == initial(program)
    for state, move, target in zip(lasso.run.states, lasso.run.moves, lasso.run.states[1:], strict=False):
        assert move.target == target
        assert move.target in {edge.target for edge in system.moves[state][move.entry, move.number]}
    cycle = lasso.cycle()
    states = set(cycle.states)
    assert cycle.states[0] == cycle.states[-1]
    assert states <= unexcused
    moved = Counter((move.entry, move.number) for move in cycle.moves)
    for who, spot in machine.standing(cycle.states[0]).items():
        assert who in moved or not machine.owes(spot, states)
    for move in cycle.moves:
        assert move.entry != machine.victim or claim.property.name not in move.outcome.events
    if rung == "at rest":
        assert states <= blocked_at_rest(system, unexcused)
        assert not any(machine.is_hostile(move.entry) for move in cycle.moves)
    elif rung == "by strategy":
        assert states <= blocked_by_strategy(system, unexcused)


@settings(max_examples=60)
@given(systems())
def test_lassos_are_what_their_rungs_say(source):
    """A possible run, a cycle in the oracle's block, without the goal, and fair to each process."""
    program, expected = small(source)
    assume(expected.rung != "never")
    for symmetry in (True, False):
        found = decided(searched(program, symmetry=symmetry))
        assert fault(program, program.claims[number_of(program)], found.lasso, found.rung) == ""
        check_by_brute_force(program, found.lasso, found.rung)


def replayed(trace, model, folder):
    """The replay of a trace that was saved and read, natively too; if it reproduces."""
    save(trace, folder / "x.trace.json")
    assert load(folder / "x.trace.json") == trace
    again = replay(load(folder / "x.trace.json"), model)
    return with_native(again, model) if again.reproduced else again


@settings(max_examples=60)
@given(systems())
def test_traces_replay(tmp_path_factory, source):
    """As they are, also as ordinary Python; not as a worse rung, cut short, or with a choice missing."""
    model = load_program(source)()
    report = report_on(model, only="goal", limits=Limits(MOST_STATES))
    (result,) = report.results
    assume(result.trace and report.stopped is None)
    trace, folder = result.trace, tmp_path_factory.mktemp("traces")
    assert replayed(trace, model, folder).reproduced
    for worse in RUNGS[RUNGS.index(trace.rung) + 1 :]:
        assert not replay(evolve(trace, rung=worse), model).reproduced
    *others, last = trace.cycle or [None]
    if last is not None and last.changed:
        assert not replay(evolve(trace, cycle=others), model).reproduced
    for number in range(len(trace.strategy)):
        fewer = trace.strategy[:number] + trace.strategy[number + 1 :]
        assert not replay(evolve(trace, strategy=fewer), model).reproduced


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][1]["rung"] != "never"])
def test_small_models(name, tmp_path):
    """Of each model that a hand has decided."""
    model, expected = CASES[name]
    (result,) = report_on(model, only="goal").results
    assert (result.trace.rung, result.trace.verdict) == (expected["rung"], "violated")
    assert replayed(result.trace, model(), tmp_path).reproduced
    program = compile_model(model())
    check_by_brute_force(program, result.progress.lasso, result.progress.rung)


SHORTEST = {
    "at rest": (["hostile 0: set(1)"], ["victim: read()"]),
    "by strategy": (["hostile 0: set(1)"], ["victim: read()", "hostile 0: read()"]),
    "by racing": ([], ["hostile 0: set(1)", "victim: read()", "hostile 0: set(0)"]),
}
BLOCKS = {
    "at rest": built(hand.looker, hand.keeper),
    "by strategy": built(hand.looker, hand.spinner),
    "by racing": built(hand.looker, hand.toggler),
}


def trace_of(rung):
    """The trace of the model with that rung."""
    (result,) = report_on(BLOCKS[rung], only="goal").results
    return result.trace


@pytest.mark.parametrize("rung", BLOCKS)
def test_a_lasso_by_hand(rung):
    """The way in and the cycle: busy is set, and the victim looks at it."""
    trace = trace_of(rung)
    shown = [
        [f"{step.process}: {step.operation.removeprefix('page.busy.')}" for step in part]
        for part in (trace.steps, trace.cycle)
    ]
    assert shown == list(SHORTEST[rung])


def test_a_strategy_by_hand():
    """In the one state that can follow, it goes on to spin; leaving busy is the move that it leaves out."""
    (ploy,) = trace_of("by strategy").strategy
    assert ploy.state["page.busy"] == 1
    assert (ploy.process, ploy.operation, ploy.choices) == ("hostile 0", "page.busy.read()", [True])
    assert ploy.places["victim"] == ["looker: page.busy.read()"]


def both_referenced(page):
    """Fails while two hold a reference."""
    while True:
        if page.ref.read() < 3:
            rc.event("goal")


def holder(page):
    """Takes a reference, and spins with it as long as it likes."""
    while True:
        rc.rest()
        page.ref.inc()
        while rc.choose():
            page.ref.read()
        page.ref.dec()


def double_cleaner(page):
    """Fails where busy is set whenever it looks, twice in an attempt."""
    while True:
        if page.busy.xchg(0) == 0 or page.busy.xchg(0) == 0:
            rc.event("goal")


CROWDS = {  # a victim, the function of two hostile processes, and how many of them move in the cycle
    "in flight": (both_referenced, holder, 2),
    "at rest": (double_cleaner, hand.setter, 1),
}


@pytest.mark.parametrize("name", CROWDS)
def test_everybody_who_owes_it_moves(name):
    """Both in flight at a place, by turns; of two that rest, which owe nothing, one does for all."""
    victim, hostile, moving = CROWDS[name]

    @rc.model
    def crowd():
        page = hand.Page()
        return rc.Model(
            rc.Process("victim", victim, page, role=rc.VICTIM),
            rc.Process("hostile", hostile, page, role=rc.HOSTILE, count=2),
            rc.progress("goal"),
        )

    (result,) = report_on(crowd, only="goal").results
    assert len({step.process for step in result.trace.cycle} - {"victim"}) == moving

"""Lassos: runs that show a block, as traces that replay, and what does not replay any more."""

import json
import re
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

from racecheck.api import report_on
from racecheck.compiler.compile import compile_model
from racecheck.errors import TraceError
from racecheck.explore.limits import Limits
from racecheck.model import RUNGS
from racecheck.replay import replay, with_native
from racecheck.semantics import initial, steps
from racecheck.trace import load, save, trace_step
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
        strategy = trace.strategy if worse == "by strategy" else []
        assert not replay(evolve(trace, rung=worse, strategy=strategy), model).reproduced
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


def changed(block, **changes):
    """What the trace of a block lacks of what it claims with other parts; None if nothing."""
    again = replay(evolve(trace_of(block), **changes), BLOCKS[block]())
    return None if again.reproduced else again.expected


def test_the_verdict_must_be_that_of_at_worst():
    """A block that is not allowed for does not hold."""
    assert changed("at rest", verdict="holds") == "'holds'; at_worst='never' makes it 'violated'"


@pytest.mark.parametrize("rung", BLOCKS)
def test_a_cycle_without_its_last_step(rung):
    """It does not close; or, where that step changes nothing, somebody who could move never does."""
    message = changed(rung, cycle=trace_of(rung).cycle[:-1])
    assert message.endswith(
        {
            "at rest": "the cycle is not fair: victim could move and never does",
            "by strategy": "the cycle is not fair: hostile 0 could move and never does",
            "by racing": "the cycle does not come back to the state that it starts from",
        }[rung]
    )


@pytest.mark.parametrize("rung", BLOCKS)
def test_a_cycle_that_is_not_fair(rung):
    """One in which the victim does not move, though it could."""
    cycle = [step for step in trace_of(rung).cycle if step.process != "victim"]
    assert changed(rung, cycle=cycle).endswith("the cycle is not fair: victim could move and never does")


WORSE = {
    ("by racing", "at rest"): "some schedule leads to 'goal'",
    ("by racing", "by strategy"): "some schedule leads to 'goal'",
    ("by strategy", "at rest"): "hostile 0 is in flight in a state that can follow",
}


@pytest.mark.parametrize(("rung", "worse"), WORSE)
def test_a_worse_rung(rung, worse):
    """More is claimed than the cycle shows."""
    assert changed(rung, rung=worse, strategy=[]) == f"a block {worse}: {WORSE[rung, worse]}"


def test_a_strategy_is_not_a_rest():
    """Who must keep choosing does not rest, whatever strategy the trace has beside its rung."""
    assert changed("by strategy", rung="at rest") is not None


def test_a_strategy_with_a_choice_missing():
    """In some state that can follow nothing is recorded, or a move that leaves the block."""
    message = "hostile 0 has no move that stays, as recorded, in a state that can follow"
    assert changed("by strategy", strategy=[]) == f"a block by strategy: {message}"
    (ploy,) = trace_of("by strategy").strategy
    away = evolve(ploy, operation="page.busy.set(0)", choices=[False])
    assert changed("by strategy", strategy=[away]) == "a block by strategy: some schedule leads to 'goal'"


def forged(model, *who, worse="by racing"):
    """What a cycle from the initial state lacks, in which these processes move."""
    program = compile_model(model())
    states, cycle = [initial(program)], []
    for name in who:
        found = [(move, trace_step(program, states[-1], move)) for move in steps(program, states[-1])]
        move, step = next((move, step) for move, step in found if step.process == name)
        cycle.append(step)
        states.append(move.target)
    trace = evolve(trace_of("by racing"), rung=worse, steps=[], cycle=cycle)
    return replay(trace, model()).expected.removeprefix(f"a block {worse}: ")


def test_a_cycle_with_the_goal():
    """The victim is served in it."""
    assert forged(BLOCKS["by racing"], "victim") == "the cycle comes to 'goal'"


def test_a_cycle_with_an_excuse():
    """A round of an attacker that has one at the end."""
    who = ["hostile 0", "hostile 0", "hostile 0"]
    excused = built(hand.unpinned, hand.pinner, excused=True)
    assert forged(excused, *who) == "the cycle passes a state that is excused, or behind a failed assert"
    assert "not fair" in forged(built(hand.unpinned, hand.pinner), *who)


def test_what_waits_owes_what_its_place_says():
    """A lock that is free now and then is owed; a condition that is true now and then may be missed."""
    who = ["hostile 0", "hostile 0", "hostile 0"]
    assert forged(built(hand.locker, hand.lock_user), *who) == (
        "the cycle is not fair: victim could move and never does"
    )
    assert forged(built(hand.waiter, hand.toggler), *who[:2]) == ""
    assert forged(built(hand.waiter, hand.referencer), *who[:2]) == (
        "the cycle is not fair: victim could move and never does"
    )
    assert forged(built(hand.waiter), worse="at rest") == (
        "the cycle is not fair: victim could move and never does"
    )


MALFORMED = {
    "rung": (
        "sometimes",
        "its rung is 'sometimes'; a progress trace has one of by racing",
    ),
    "verdict": ("stuck", "its verdict is 'stuck'; a trace of kind progress shows 'violated' or 'holds'"),
    "kind": ("always", "it has a cycle, a rung or a strategy; only progress traces have these"),
    "cycle": ({}, "expected a list, not a dict"),
    "strategy": ([{"state": {}}], "required field missing @ the trace.strategy[0].places"),
}


@pytest.mark.parametrize("key", MALFORMED)
def test_malformed_traces_are_refused_in_one_line(key, tmp_path):
    """A rung, a verdict or a strategy that cannot be."""
    path = tmp_path / "x.trace.json"
    save(trace_of("by strategy"), path)
    value, message = MALFORMED[key]
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(TraceError, match=re.escape(message)) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: is malformed: ")
    assert "\n" not in str(caught.value)

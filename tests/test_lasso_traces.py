"""Traces of progress that are not what they claim, each with what they lack."""

import json
import re

import progress_models as hand
import pytest
from attrs import evolve
from progress_models import built
from test_lassos import BLOCKS, trace_of
from test_oracle_progress import CASES

import racecheck as rc
from racecheck.api import report_on
from racecheck.compiler.compile import compile_model
from racecheck.errors import TraceError
from racecheck.render.text import render_replay
from racecheck.replay import replay
from racecheck.semantics import initial, steps
from racecheck.trace import load, save, trace_step


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
    """More is claimed than the cycle shows; who has a strategy does not rest."""
    assert changed(rung, rung=worse) == f"a block {worse}: {WORSE[rung, worse]}"


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


def ends_it(page):
    """Goes round, until it excuses the victim, or its assert fails."""
    while True:
        if not rc.choose():
            page.gate.read()
        elif rc.choose():
            page.gate.set(1)
            page.pins = 1
        else:
            page.gate.set(1)
            assert page.gate == 0


@pytest.mark.parametrize("excused", [True, False])
def test_a_schedule_that_leads_out_of_the_block(excused):
    """What the cycle does not show counts as well where the scheduler may do what it likes."""
    model = built(hand.hopeful, kernel=[ends_it], excused=excused)
    message = "some schedule leads to a state that is excused, or behind a failed assert"
    assert forged(model, "victim", "kernel 0", worse="at rest") == message
    assert forged(model, "victim", "kernel 0") == ""


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


def test_a_race_needs_a_cycle():
    """Where nobody can move there is no race; that is "at rest"."""
    model, _ = CASES["deadlock in flight"]
    (result,) = report_on(model, only="goal").results
    assert result.trace.cycle == []
    assert not replay(evolve(result.trace, rung="by racing"), model()).reproduced


def test_a_step_of_the_cycle_that_is_not_possible():
    """Steps are counted through the way in and the cycle: the second of two."""
    trace = trace_of("at rest")
    again = replay(evolve(trace, cycle=[evolve(trace.cycle[0], result=7)]), BLOCKS["at rest"]())
    assert again.step == 1
    assert "step 2 of 2 is not possible" in render_replay(again, "x.trace.json")


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

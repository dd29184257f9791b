"""The oracle for progress, on models small enough for a hand; and what must hold of any answer.

Other deciders of progress can be held against ``CASES`` too: what is known of each answer is written
there, and the reason beside it.
"""

from fractions import Fraction
from operator import mul

import progress_models as small
import pytest
from hypothesis import assume, given, reject, settings
from oracle_chance import best
from oracle_moves import TooLarge, system_of
from oracle_progress import (
    blocked_at_rest,
    blocked_by_racing,
    blocked_by_strategy,
    decide,
    draws,
    fair_sets,
    until_goal,
)
from programs import load_program
from progress_models import built
from progress_systems import systems

from racecheck.compiler.compile import compile_model


def known(rung, busy=None, idle=None, **rest):
    """What is known of an answer: the rung, the least ``busy`` and the least ``-ref`` of it, and more."""
    cost = {} if rung == "never" else {"cost": {"busy": busy, "idle": idle}}
    return {"rung": rung} | cost | rest


def never(**rest):
    """What is known of an answer when nothing blocks the victim."""
    return known("never", cost={}, block_probability=0, no_attacker=False, **rest)


WON = {"block_probability": 1, "expected_attempts": None}
CASES = {
    # Nothing that the attacker does concerns the victim: its first move is the goal.
    "undisturbed": (
        built(small.looker, small.referencer),
        never(stall=None, attempts=1, expected_attempts=1),
    ),
    # A goal ends the attempt: what the victim does between it and the next head is none.
    "goes on after the goal": (
        built(small.reader_after, small.referencer),
        never(stall=None, attempts=1, expected_attempts=1),
    ),
    # Nor is what it does before the first: a loop that ends.
    "prepares": (
        built(small.preparer, small.referencer),
        never(stall=None, attempts=1, expected_attempts=1),
    ),
    # Each of two tests in an attempt may find busy set; but the attempt fails once.
    "tries twice in an attempt": (
        built(small.doubter, small.setter),
        known("by racing", 1, -1, stall=None, attempts=2, block_probability=0),
    ),
    # busy is 1 at the second rest, where the attacker stays; it is never in flight.
    "rests on it": (
        built(small.looker, small.keeper),
        known("at rest", 1, -1, stall=None, attempts=None, no_attacker=False, **WON),
    ),
    # At rest busy is 0 again; but in the inner loop it is 1, and another round is always possible.
    "spins on it": (
        built(small.looker, small.spinner),
        known("by strategy", 1, -1, stall=1, attempts=1, no_attacker=False, **WON),
    ),
    # A: rest, busy 0. B: in flight, busy 1. The attacker must go on from B, and in A the victim succeeds
    # if it is its turn. B = 1/2 (1 + B) + 1/2 A attempts and A = 1/2 B, so A = 1.
    "races": (
        built(small.looker, small.toggler),
        known("by racing", 1, -1, stall=1, attempts=1, expected_attempts=2, no_attacker=False),
    ),
    # busy is 1 in a quiet state, and the victim's attempt that finds it so sets it to 0: one fails. Under
    # chance S1 = 1/2 (1 + S0) + 1/2 S1 and S0 = 1/2 S1, so S1 = 2.
    "undone by the victim": (
        built(small.cleaner, small.setter),
        known("by racing", 1, -1, stall=None, attempts=2, block_probability=0, expected_attempts=3),
    ),
    # The victim waits for a lock that a resting process holds. One in flight that waits for it too cannot
    # move, which is as good as resting; with it in flight ref is 2.
    "waits in flight": (
        built(small.locker, small.lock_keeper, small.lock_waiter),
        known("at rest", 0, -2, stall=1, **WON),
    ),
    # One that spins for the lock does move: "at rest" wants it back at its rest, where ref is 1.
    "spins in flight": (
        built(small.locker, small.lock_keeper, small.lock_spinner),
        known("at rest", 0, -1, stall=1, **WON),
    ),
    # The victim holds lock and waits for other, the attacker the other way round: nobody can move.
    "deadlock in flight": (
        built(small.double_locker, small.crossing_locker),
        known("at rest", 0, -1, stall=1, attempts=1, no_attacker=False, **WON),
    ),
    # busy is 1 only while the attacker is in flight: the victim needs it, and fails without it.
    "needs help": (
        built(small.hopeful, small.toggler),
        known("at rest", 0, -1, stall=None, attempts=None, no_attacker=True, **WON),
    ),
    # A round of the attacker raises ref without an excuse, then has one, and ends with ref 1: no round is
    # inside U. But the victim can look between the first two steps every time, when there is no excuse.
    "excuse comes and goes": (
        built(small.unpinned, small.pinner, excused=True),
        never(stall=1, attempts=1, comes_and_goes=True, tried_while_excused=False),
    ),
    # Without excuses that is a block, with ref 1 at its rest.
    "no excuse": (
        built(small.unpinned, small.pinner),
        known("by racing", 0, -1, stall=1, comes_and_goes=False, tried_while_excused=False),
    ),
    # The excuse is beside the point: this victim looks at something else.
    "excuse for nothing": (
        built(small.looker, small.pinner, excused=True),
        never(stall=None, attempts=1, comes_and_goes=False, tried_while_excused=True),
    ),
    # Two scanners see each other's reference, round after round, one of them holding one at any time; no
    # attacker is there. Either succeeds alone, so it takes a race.
    "twin": (
        built(small.scanner, kernel=[small.scanner]),
        known("by racing", 0, -2, stall=None, attempts=None, block_probability=0, no_attacker=True),
    ),
    # The lock is free again and again, so the victim gets it.
    "lock is fair": (
        built(small.locker, small.lock_user),
        never(stall=1, attempts=1, expected_attempts=1),
    ),
    # busy is 0 again and again, but a victim that waits for that may never look in time. It never fails
    # either: an attempt takes as long as it takes.
    "wait_until is not": (
        built(small.waiter, small.toggler),
        known("by racing", 1, -1, stall=1, attempts=1, expected_attempts=1),
    ),
    # Whenever the lock is free the victim gets it; but the kernel code may find busy set, and keep it.
    "lock is kept": (
        built(small.locker, small.toggler, kernel=[small.busy_locker]),
        known("by racing", 1, -1, stall=1, block_probability=0),
    ),
    # The attacker rests on busy = 1. The victim may always choose to look there, which is a race won; but a
    # strategy must cover the other choice. V = 1/2 (1/2 (1 + V)) + 1/2 V, so V = 1.
    "victim chooses": (
        built(small.chooser, small.keeper),
        known("by racing", 1, -1, stall=None, attempts=None, expected_attempts=2, no_attacker=False),
    ),
    # As before; and the kernel code, before a choice between the lock and the lock, cannot move once the
    # thief has returned with it: it owes nothing.
    "choice without outcome": (
        built(small.chooser, small.lock_thief, kernel=[small.choosing_locker]),
        known("by racing", 1, -1, attempts=None, no_attacker=False),
    ),
    # Behind the failed assert there is nothing to block.
    "failed assert": (
        built(small.looker, small.breaker),
        never(stall=None, attempts=1, expected_attempts=1),
    ),
    # Kernel code sets busy for good, or does not, and returns.
    "toss": (
        built(small.looker, kernel=[small.tosser]),
        known("at rest", 1, -1, attempts=None, block_probability=Fraction(1, 2), no_attacker=True),
    ),
    # Kernel code that emits the event reaches no goal of the victim's.
    "somebody else's goal": (
        built(small.hopeful, kernel=[small.announcer]),
        known("at rest", 0, -1, no_attacker=True, **WON),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_small_models(name):
    """What a hand found of each answer."""
    program, expected = CASES[name]
    answer = decide(program())._asdict()
    assert {word: answer[word] for word in expected} == expected


def system(source):
    """All that a random system can do, if that is not too much."""
    program = compile_model(load_program(source)())
    try:
        return system_of(program, program.claims[0])
    except TooLarge:
        reject()


@settings(max_examples=100)
@given(systems())
def test_ladder(source):
    """What needs no move is a strategy; a strategy is at rest, or a fair schedule wins it too."""
    drawn = system(source)
    at_rest, by_strategy = (f(drawn, drawn.unexcused) for f in (blocked_at_rest, blocked_by_strategy))
    assert at_rest <= by_strategy
    assert not by_strategy or at_rest or blocked_by_racing(drawn, drawn.unexcused)


@settings(max_examples=100)
@given(systems())
def test_fair_by_place_is_fair_by_process(source):
    """Where each place gets its due, each process can have it."""
    drawn = system(source)
    for edges in fair_sets(drawn.machine, drawn.edges(drawn.unexcused)):
        states = {edge.source for edge in edges}
        standing = {item for state in states for item in drawn.machine.standing(state).items()}
        owing = {item for item in standing if drawn.machine.owes(item[1], states)}
        assert owing <= {(edge.process, edge.spot) for edge in edges}


@settings(max_examples=40)
@given(systems())
def test_chance(source):
    """Policy iteration finds what going on and on tends to."""
    drawn = system(source).watched()
    states = drawn.unexcused
    assume(len(states) < 40 and not blocked_by_strategy(drawn, states))
    game = {state: draws(drawn, state, until_goal) for state in states}
    values = {}
    for _ in range(2000):
        values = {at: once(processes, values) for at, processes in game.items()}
    assert values == pytest.approx(best(game, {}), abs=1e-6)


def once(processes, values):
    """What a position is worth, by what those after one move are."""
    total = 0
    for process in processes:
        worth = [way.reward + values.get(way.target, 0) for way in process.ways]
        weights = [way.weight for way in process.ways]
        total += max(worth) if process.hostile else sum(map(mul, worth, weights))
    return total / len(processes)

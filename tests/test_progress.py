"""Progress as it is decided: against brute force, and what must hold of any answer."""

import re
from collections import Counter

import pytest
from decided import CHANCES, WORDS, decided, in_words, number_of, program_of, searched, small
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle_progress import decide as by_brute_force
from progress_models import built, hopeful
from progress_systems import systems
from test_oracle_progress import CASES

import racecheck as rc
from racecheck.compiler.compile import compile_model
from racecheck.explore.engine import goal_of
from racecheck.explore.python import PythonEngine
from racecheck.explore.reference import ReferenceEngine
from racecheck.model import RUNGS
from racecheck.verdicts.filling import arena_of
from racecheck.verdicts.ladder import LADDER, SETS, by_racing
from racecheck.verdicts.progress import (
    COMES_AND_GOES,
    NO_ATTACKER,
    NO_GOAL,
    STALL_ADDS_NOTHING,
    UNKNOWN,
    VICTIM_EXCUSES,
)
from racecheck.verdicts.safety import judge


def agree(found, expected):
    """Assert that an answer is as expected, numbers of chance up to rounding."""
    assert {word: found[word] for word in expected if word in WORDS} == {
        word: value for word, value in expected.items() if word in WORDS
    }
    for word in expected.keys() & CHANCES:
        value = expected[word]
        assert found[word] == (value if value is None else pytest.approx(float(value), rel=1e-6, abs=1e-6))


@settings(max_examples=150)
@given(systems())
def test_agrees_with_brute_force(source):
    """Rung, stall, costs, attempts, chance and notes, with and without symmetry."""
    program, expected = small(source)
    for symmetry in (True, False):
        agree(in_words(decided(searched(program, symmetry=symmetry))), expected._asdict())


@settings(max_examples=30)
@given(systems())
def test_agrees_with_brute_force_on_the_reference_engine(source):
    """The same, from states and moves as the definition gives them."""
    program, expected = small(source)
    for symmetry in (True, False):
        agree(in_words(decided(searched(program, ReferenceEngine, symmetry))), expected._asdict())


@pytest.mark.parametrize("engine", [PythonEngine, ReferenceEngine])
@pytest.mark.parametrize("name", CASES)
def test_small_models(name, engine):
    """What a hand found of each answer."""
    model, expected = CASES[name]
    agree(in_words(decided(searched(compile_model(model()), engine))), expected)


def cautious(page):
    """Its reference may be one of three, unless busy is set."""
    while True:
        page.ref.inc()
        if page.ref.read() < 3 + page.busy.read():
            rc.event("goal")
        page.ref.dec()


def once_at_a_time(page):
    """Takes a reference for a while, and sets busy in the end."""
    while True:
        rc.rest()
        page.ref.inc()
        page.busy.read()
        page.ref.dec()
        rc.rest()
        page.busy.set(1)


def test_a_chance_that_no_iteration_finds():
    """The equations of this model are solved directly; without a word on stderr."""
    model = built(cautious, once_at_a_time, kernel=[cautious])
    agree(in_words(decided(searched(compile_model(model())))), by_brute_force(model())._asdict())


def standing(engine, key, goal):
    """Who stands where in a state and what comes of each move, without the engine's own names."""
    return Counter(
        (
            stand.spot[0],
            engine.place(stand.spot),
            stand.processes,
            frozenset(
                Counter(turn._replace(target=engine.decode(turn.target)) for turn in stand.turns).items()
            ),
        )
        for stand in engine.stands(key, goal)
    )


@settings(max_examples=50)
@given(systems())
def test_engines_tell_the_same_of_moves(source):
    """Targets, chances, heads and goals of every move from every state."""
    program = program_of(source)
    goal = goal_of(program, program.claims[number_of(program)])
    for symmetry in (True, False):
        reference = searched(program, ReferenceEngine, symmetry, most=500)
        assume(reference.complete)
        python = searched(program, PythonEngine, symmetry).engine
        for state in reference.parents:
            expected = standing(reference.engine, state, goal)
            assert standing(python, python.encode(state), goal) == expected


def arena_in(space):
    """The arena of a space's progress property."""
    claim = space.program.claims[number_of(space.program)]
    return arena_of(space, claim, goal_of(space.program, claim), lambda: None)


@settings(max_examples=60)
@given(systems())
def test_rungs_are_in_one_another(source):
    """R is in X, and where X is not empty it is R, or a fair schedule wins as well."""
    arena = arena_in(searched(program_of(source)))
    at_rest, by_strategy = (SETS[rung](arena, arena.inside) for rung in ("at rest", "by strategy"))
    assert not (at_rest & ~by_strategy).any()
    assert at_rest.any() or not by_strategy.any() or by_racing(arena, arena.inside).any()


@settings(max_examples=60)
@given(systems())
def test_costs_are_the_least(source):
    """The rung is there at each cost and not just below; no better one is there instead of it."""
    space = searched(program_of(source))
    arena, found = arena_in(space), decided(space)
    assume(space.complete and found.costs)
    for name, cost in found.costs.items():
        at, below = (arena.inside & (arena.costs[name] <= c) for c in (cost.least, cost.least - 1))
        assert SETS[found.rung](arena, at).any()
        assert not SETS[found.rung](arena, below).any()
        assert cost.length <= space.depth
    assert not any(SETS[worse](arena, arena.inside).any() for worse in LADDER[: LADDER.index(found.rung)])


@settings(max_examples=80)
@given(systems(), st.integers(1, 60))
def test_a_part_of_the_states_never_shows_more_than_all(source, most):
    """What a search that stopped has found is real, and "at least"; it never says "never"."""
    program = program_of(source)
    part, whole = searched(program, most=most), searched(program)
    assume(part.stopped and whole.complete)
    some, full = decided(part), decided(whole)
    assert some.rung in (None, *RUNGS[1:])
    assert some.at_least == (some.rung != "at rest")
    assert UNKNOWN in some.notes
    assert (some.attempts, some.block_probability, some.expected_attempts) == (None, None, None)
    if some.rung is not None:
        assert RUNGS.index(some.rung) <= RUNGS.index(full.rung)
    if some.rung == full.rung:
        assert all(some.costs[name].least >= full.costs[name].least for name in full.costs)
    if some.stall is not None:
        assert full.stall <= some.stall
    (finding,) = judge(part, only="goal")
    assert finding.verdict == ("unfinished" if some.rung is None else "violated")


@settings(max_examples=80)
@given(systems())
def test_a_failed_assert_leaves_doubt(source):
    """Behind it there may be a worse rung, so that only the worst is violated, and nothing holds."""
    source = re.sub(
        r"^( +)page\.map\.set\(1\)$", r"\g<0>\n\1assert page.busy == 0", source, flags=re.MULTILINE
    )
    assume("assert" in source)
    program, expected = small(source)
    space = searched(program)
    assume(any(number >= len(program.claims) for number in space.found))
    (finding,) = judge(space, only="goal")
    assert finding.progress.rung == (expected.rung if expected.rung != "never" else None)
    assert finding.progress.at_least == (expected.rung != "at rest")
    assert finding.verdict == ("violated" if expected.rung == "at rest" else "unfinished")
    assert finding.progress.block_probability is None


def excuses_itself(page):
    """Holds a pin of its own while it looks."""
    while True:
        page.ref.inc()
        page.pins += 1
        page.ref.dec()
        page.pins -= 1
        rc.event("goal")


NOTES = {
    "races": (CASES["races"][0], ()),
    "waits in flight": (CASES["waits in flight"][0], (STALL_ADDS_NOTHING,)),
    "excuse comes and goes": (CASES["excuse comes and goes"][0], (COMES_AND_GOES,)),
    "never there": (built(hopeful), (NO_ATTACKER, NO_GOAL)),
    "excuses itself": (built(excuses_itself, excused=True), (VICTIM_EXCUSES,)),
}


@pytest.mark.parametrize("name", NOTES)
def test_notes(name):
    """What is said beside the rung, and nothing else."""
    model, notes = NOTES[name]
    assert decided(searched(compile_model(model()))).notes == notes


def test_tried_while_excused():
    """It counts where the step to the goal begins: that of its last step, which ends the excuse."""
    found = decided(searched(compile_model(NOTES["excuses itself"][0]())))
    assert found.tried_while_excused

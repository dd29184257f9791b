"""Machine code agrees with the reference: on random programs, on the models, with any workers."""

from collections import Counter

import pytest
from hypothesis import given, settings
from programs import load_program, programs
from test_golden import SMALL, distances, load, name, verdicts
from test_layout import SHAPES, widening

from racecheck.compiler.compile import compile_model
from racecheck.errors import ModelError
from racecheck.explore import sweep as sweeping
from racecheck.explore.bounds import DoesNotFit
from racecheck.explore.compiled import CompiledEngine
from racecheck.explore.limits import Limits
from racecheck.explore.moves import moves_of
from racecheck.explore.python import PythonEngine
from racecheck.explore.reference import ReferenceEngine
from racecheck.explore.search import explore
from racecheck.explore.sweep import sweep

SIZE = 3000
LARGEST = list({case["model"]: case for case in SMALL}.values())
"""Of each model, the last of its small cases."""


def compiled(program, symmetry, warm=300, limits=None):
    """The space that machine code finds; the error's message; None where words may not hold the model."""
    engine = PythonEngine(program, symmetry)
    try:
        explore(engine, Limits(max_states=warm))
        return sweep(CompiledEngine(engine), limits or Limits())
    except ModelError as error:
        return str(error)
    except DoesNotFit:
        return None


def reference(program, symmetry):
    """The same by definition."""
    try:
        return explore(ReferenceEngine(program, symmetry), Limits(max_states=SIZE))
    except ModelError as error:
        return str(error)


def summary(space):
    """What two searches must agree on."""
    lengths = {bit: len(space.path(key)) for bit, key in space.found.items()}
    return space.states, space.transitions, space.depth, lengths, space.engine.happened


def stands(space, key):
    """The places of a state, with what each of their moves leads to and tells."""
    decode, place = space.engine.decode, space.engine.place
    return {
        (spot[0], place(spot)): (many, Counter((decode(t.target), *t[1:]) for t in turns))
        for spot, many, turns in space.engine.stands(key)
    }


def gathered(space):
    """The same of all states, from arrays."""
    moves, engine, keys = moves_of(space, None, lambda: None), space.engine, space.arrays
    found = {}
    for state in range(len(moves.first_stand) - 1):
        here = found[engine.decode(keys.key(state))] = {}
        for stand in range(moves.first_stand[state], moves.first_stand[state + 1]):
            entry, block = moves.spots[moves.stand_place[stand]]
            edges = range(moves.first_edge[stand], moves.first_edge[stand + 1])
            turns = Counter(
                (
                    engine.decode(keys.key(int(moves.target[edge]))),
                    moves.tales[moves.told[edge]][0],
                    0,
                    False,
                    False,
                )
                for edge in edges
            )
            here[entry, engine.place((entry, block))] = int(moves.processes[stand]), turns
    return found


def agree(program, warm=300):
    """Compare with the definition, with and without symmetry; whether machine words held the model."""
    for symmetry in (False, True):
        wanted, found = reference(program, symmetry), compiled(program, symmetry, warm)
        if found is None or (not isinstance(wanted, str) and not wanted.complete):
            return False
        assert isinstance(wanted, str) <= (wanted == found)
        if isinstance(wanted, str):
            continue
        assert summary(wanted) == summary(found)
        assert {found.engine.decode(key) for key in found.parents} == set(wanted.parents)
        assert gathered(found) == {
            state: stands(wanted, state) if not found.engine.layout.has_failed(key) else {}
            for key in found.parents
            for state in [found.engine.decode(key)]
        }
    return True


@settings(max_examples=15)
@given(programs())
def test_random_programs(source):
    """States, transitions, depth, first findings, coverage, and every move."""
    agree(compile_model(load_program(source)()))


@settings(max_examples=8)
@given(programs(errors=True))
def test_errors_of_random_programs(source):
    """The same message, or words may not hold the model."""
    try:
        program = compile_model(load_program(source)())
    except ModelError:
        return
    agree(program)


@pytest.mark.parametrize("shape", SHAPES)
def test_fields_that_grow(shape):
    """Values of every kind, of which few were seen before."""
    agree(compile_model(widening(shape=shape)))


def test_fields_that_the_search_itself_makes_wider():
    """It begins again, and the answer is the same."""
    agree(compile_model(widening(shape="down")), warm=1)


@pytest.mark.parametrize("case", LARGEST, ids=name)
def test_golden_counts(case):
    """States, transitions, verdicts and distances of the brute force."""
    program = load(case)
    for symmetry, counts in ((False, case["plain"]), (True, case["symmetric"])):
        space = compiled(program, symmetry)
        assert {"states": space.states, "transitions": space.transitions} == counts
        assert (space.depth, distances(space), verdicts(space)) == (
            case["depth"],
            case["shortest"],
            case["verdicts"],
        )


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("large", [1, 1 << 40])
def test_workers_find_the_same(monkeypatch, workers, large):
    """Any number of threads, even for a few states, and none."""
    program = load(next(case for case in SMALL if case["model"] == "mapunmap"))
    monkeypatch.setattr(sweeping, "cores", lambda: workers)
    monkeypatch.setattr(sweeping, "LARGE", large)
    assert summary(compiled(program, False)) == summary(reference(program, False))

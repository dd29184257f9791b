"""Every engine must agree with the reference on random programs, with and without symmetry."""

import pytest
from hypothesis import HealthCheck, given, settings
from programs import load_program, programs

from racecheck.compiler.compile import compile_model
from racecheck.errors import ModelError
from racecheck.explore.limits import Limits
from racecheck.explore.python import PythonEngine
from racecheck.explore.reference import ReferenceEngine
from racecheck.explore.search import explore

SIZE = 3000


def summary(space):
    """What two searches of the same program must agree on."""
    lengths = {bit: len(space.path(key)) for bit, key in space.found.items()}
    return (
        space.states,
        space.transitions,
        space.depth,
        lengths,
        space.engine.happened,
        space.complete,
    )


def run(engine_class, program, symmetry):
    try:
        return explore(engine_class(program, symmetry), Limits(max_states=SIZE))
    except ModelError as error:
        return str(error)


def agree(source):
    program = compile_model(load_program(source)())
    for symmetry in (False, True):
        spaces = [run(engine, program, symmetry) for engine in (ReferenceEngine, PythonEngine)]
        if isinstance(spaces[0], str):
            assert spaces[0] == spaces[1]
            continue
        if not spaces[0].complete:
            continue
        assert not isinstance(spaces[1], str), spaces[1]
        assert summary(spaces[0]) == summary(spaces[1])
        decoded = {spaces[1].engine.decode(key) for key in spaces[1].parents}
        assert decoded == set(spaces[0].parents)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(programs())
def test_engines_agree(source):
    """The same states, transitions, depth, first findings and coverage."""
    agree(source)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(programs(errors=True))
def test_engines_agree_on_errors_of_the_model(source):
    """The same message for an index outside its array, a division by zero, a wild shift."""
    agree(source)


if __name__ == "__main__":
    pytest.main([__file__])

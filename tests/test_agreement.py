"""Every engine must agree with the reference on random programs, with and without symmetry."""

from hypothesis import assume, given, reject, settings
from programs import load_program, programs

from racecheck.compiler.compile import compile_model
from racecheck.compiler.ir import End, Rest
from racecheck.errors import ModelError
from racecheck.explore.engine import can_wait
from racecheck.explore.limits import Limits
from racecheck.explore.python import PythonEngine
from racecheck.explore.reference import ReferenceEngine
from racecheck.explore.search import explore
from racecheck.replay import replay
from racecheck.report import build_report
from racecheck.semantics import failed_assert, initial, steps
from racecheck.verdicts.safety import judge

SIZE = 3000


def run(engine_class, program, symmetry):
    """The searched space, or the message of the model's error."""
    try:
        return explore(engine_class(program, symmetry), Limits(max_states=SIZE))
    except ModelError as error:
        return str(error)


def summary(space):
    """What two searches of the same program must agree on."""
    lengths = {bit: len(space.path(key)) for bit, key in space.found.items()}
    return space.states, space.transitions, space.depth, lengths, space.engine.happened


def verdicts(space):
    """Each property with its verdict and the length of its shortest trace."""
    return {f.property: (f.verdict, f.run and len(f.run.moves)) for f in judge(space)}


def compare_engines(program):
    """Search with both engines, with and without symmetry."""
    for symmetry in (False, True):
        reference, python = (run(engine, program, symmetry) for engine in (ReferenceEngine, PythonEngine))
        if isinstance(reference, str) or not reference.complete:
            assert isinstance(reference, str) <= (reference == python)
            continue
        assert summary(reference) == summary(python)
        assert {python.engine.decode(key) for key in python.parents} == set(reference.parents)


@settings(max_examples=150)
@given(programs())
def test_engines_agree(source):
    """The same states, transitions, depth, first findings and coverage."""
    compare_engines(compile_model(load_program(source)()))


@settings(max_examples=50)
@given(programs(errors=True))
def test_engines_agree_on_errors_of_the_model(source):
    """The same message for an index outside its array, a division by zero, a wild shift."""
    try:
        program = compile_model(load_program(source)())
    except ModelError:
        reject()  # of constants, the compiler sees it
    compare_engines(program)


@settings(max_examples=80)
@given(programs())
def test_symmetry_and_engine_change_no_verdict(source):
    """Verdicts and the lengths of shortest traces are the same, and every trace replays."""
    model = load_program(source)()
    program = compile_model(model)
    spaces = [run(engine, program, s) for engine in (ReferenceEngine, PythonEngine) for s in (False, True)]
    assume(all(not isinstance(space, str) and space.complete for space in spaces))
    assert all(verdicts(space) == verdicts(spaces[0]) for space in spaces)
    for result in build_report(spaces[3], judge(spaces[3]), 0).results:
        assert result.trace is None or replay(result.trace, model).reproduced


def stuck_by_definition(program):
    """Whether some process waits for ever: each state's future, searched for each waiting process."""
    moves, todo = {}, [initial(program)]
    while todo:
        state = todo.pop()
        if state not in moves and len(moves) < SIZE:
            moves[state] = [] if failed_assert(program, state) else list(steps(program, state))
            todo += [move.target for move in moves[state]]
    return any(
        not failed_assert(program, state) and waits_for_ever(program, moves, state, e, number)
        for state in moves
        for e, places in enumerate(state.places)
        for number in range(len(places))
    )


def waits_for_ever(program, moves, state, e, number):
    """Whether this process has not come to a rest or an end, and no continuation moves it."""
    node = program.entries[e].graph.nodes[state.places[e][number].node]
    if isinstance(node, (End, Rest)):
        return False
    seen, todo = set(), [state]
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        if any((m.entry, m.number) == (e, number) for m in moves[at]):
            return False
        todo += [move.target for move in moves[at]]
    return True


@settings(max_examples=60)
@given(programs())
def test_stuck_agrees_with_its_definition(source):
    """One backward pass over places finds what a forward search for every process finds."""
    program = compile_model(load_program(source)())
    assume(can_wait(program))
    space, plain = (run(PythonEngine, program, symmetry) for symmetry in (True, False))
    assume(not isinstance(plain, str) and plain.complete and plain.states < 600)
    (finding,) = judge(space, only="deadlock")
    assert (finding.verdict == "stuck") == stuck_by_definition(program)

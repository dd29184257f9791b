"""Loops over arrays: compiled, as plain Python, and a little at a time, they come to the same."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from threading import Event, Timer, main_thread

import numpy as np
import pytest
from arenas import drawn
from decided import decided, in_words, program_of, searched, small
from hypothesis import given, settings
from progress_models import built, lock_user, locker, looker, toggler
from progress_systems import systems
from test_chance import ENDS, EXPECTED, PROBABILITIES
from test_progress import agree

from racecheck import kernels
from racecheck.compiler.compile import compile_model
from racecheck.errors import RacecheckError
from racecheck.kernels import Kernel, kernel
from racecheck.model import RUNGS
from racecheck.verdicts import arena, filling, game, ladder, parts, waits, walks
from racecheck.verdicts.attempts import in_attempts
from racecheck.verdicts.chance import block_probability, expected_attempts
from racecheck.verdicts.deadlock import find_stuck
from racecheck.verdicts.ladder import by_strategy

LOOPS = [
    loop for module in (walks, parts, game) for loop in vars(module).values() if isinstance(loop, Kernel)
]


@contextmanager
def compiled():
    """Nothing is small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "FEW", 0)
        yield


@contextmanager
def a_little_at_a_time():
    """As plain Python, which asks after almost each edge whether to give up."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (walks, parts, game):
            patch.setattr(module, "BATCH", 8)
        for loop in LOOPS:
            patch.setitem(
                loop.__dict__, "plain", loop._calling({n: o.plain for n, o in loop._called().items()})
            )
        yield


WAYS = [compiled, a_little_at_a_time]


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=40)
@given(systems())
def test_progress_agrees_with_brute_force(way, source):
    """Every answer; and chance by rounds, which small models otherwise solve by policies."""
    program, expected = small(source)
    with way():
        agree(in_words(decided(searched(program))), expected._asdict())


@pytest.mark.parametrize("name", EXPECTED)
def test_expected_attempts_by_rounds(name):
    """As by hand."""
    picture, number = EXPECTED[name]
    with compiled():
        assert expected_attempts(in_attempts(picture)) == pytest.approx(float(number), abs=1e-9)


@pytest.mark.parametrize("name", PROBABILITIES)
def test_block_probability_by_rounds(name):
    """As by hand."""
    picture, probability = PROBABILITIES[name]
    picture = drawn(picture + ENDS, excused="E")
    with compiled():
        found = block_probability(picture, by_strategy(picture, picture.inside))
    assert found == pytest.approx(float(probability), abs=1e-9)


@settings(max_examples=60)
@given(systems())
def test_the_first_states_show_no_more_than_all(source):
    """What they lead to is outside, however far on it is."""
    space = searched(program_of(source))
    everything = decided(space)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "PATIENCE", 0)
        patch.setattr(filling, "LOOK", 8)
        looks = iter([False])
        found = decided(space, lambda: next(looks, True))
    assert found.rung is None or RUNGS.index(found.rung) <= RUNGS.index(everything.rung)


@settings(max_examples=60)
@given(systems())
def test_deadlock_is_the_same_in_each_way(source):
    """In lots of one place, too."""
    space = searched(program_of(source))
    expected = find_stuck(space)
    for way in WAYS:
        with way(), pytest.MonkeyPatch.context() as patch:
            assert find_stuck(space) == expected
            patch.setattr(waits, "LOT", 1)
            assert find_stuck(space) == expected


@pytest.mark.parametrize("most", [1, 2, 3])
def test_nobody_is_stuck_where_states_are_left(most):
    """Whoever holds the lock may give it back in one that was not expanded."""
    program = compile_model(built(locker, lock_user)())
    assert not searched(program, most=most).complete
    assert find_stuck(searched(program, most=most)) is None


@kernel
def adds(numbers, limit):
    """A loop of its own."""
    total = 0
    for i in range(limit):
        total += numbers[i]
    return total


def test_a_long_loop_leaves_the_main_thread_free(monkeypatch):
    """It gives the same; what goes wrong in it is raised; Ctrl-C is heard before it ends."""
    monkeypatch.setattr(kernels, "LONG", 0)
    with compiled():
        assert adds(np.arange(5), 5) == 10
    with pytest.raises(ZeroDivisionError):
        kernels.aside(lambda: 1 // 0)
    ends = Event()
    Timer(0.05, signal.pthread_kill, [main_thread().ident, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        kernels.aside(ends.wait, 30)
    ends.set()


def test_no_kernel_counts_references():
    """Two locked instructions at each use of an array would cost more than all the rest."""
    numbers = np.arange(5)
    with compiled():
        adds(numbers, 5)
    assert not any("NRT_incref" in code for code in adds.compiled.inspect_llvm().values())


STUCK = {
    # Nobody ever gives the lock back in B; in A it may still be had.
    "one": ("A k@ -> B\n A v -> B\n B k1@\n B v2@", (1, [2, 3])),
    "nobody": ("A k@ -> B\n A v -> B\n B k@\n B v -> A", None),
    # It can be left in C, but there is no way from B to C.
    "elsewhere": ("A v -> B\n A k@\n B v1 -> B\n B k@\n C k@ -> A", (0, [1])),
    "at rest": ("A h~\n A k.", None),
}


@pytest.mark.parametrize("name", STUCK)
def test_places_that_are_never_left(name):
    """The first state, and the numbers of the places in it."""
    picture, expected = STUCK[name]
    assert waits.first_stuck(drawn(picture)) == expected


def test_states_that_were_not_expanded_free_all():
    """B was reached and no more: what waits in A may go on there."""
    picture = drawn("A v -> B\n A k@\n B v1@")
    picture.expanded = 1
    assert waits.first_stuck(picture) is None


def test_a_small_model_loads_no_compiler():
    """It takes longer to load than the model takes."""
    code = """
import sys
from racecheck.api import report_on
from progress_models import built, lock_user, locker, looker, toggler
assert report_on(built(looker, toggler)).results
assert not {"numba", "llvmlite"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd="tests", env={"PYTHONPATH": "."})


def test_loops_compile_where_nothing_can_be_written(monkeypatch):
    """numba then refuses to keep what it has compiled."""
    import numba

    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function 'twice': no locator available")
        return made(**options)

    made = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    loop = kernel(lambda numbers: numbers[0] * 2)
    assert loop.compiled(np.array([21])) == 42


def marked(text, scale=1):
    """The mark of a kernel that calls one with this body."""
    names = {"kernel": kernel, "SCALE": scale}
    exec(f"@kernel\ndef called(x): return {text}\n@kernel\ndef calls(x): return called(x) * SCALE", names)
    return names["calls"].mark


def test_what_is_kept_is_not_used_when_what_it_calls_has_changed():
    """Nor when a number that it names has."""
    assert marked("x + 1") == marked("x + 1")
    assert len({marked("x + 1"), marked("x + 2"), marked("x - 1"), marked("x + 1", scale=2)}) == 4


def test_too_many_moves_are_refused(monkeypatch):
    """Where 32 bits would not number them."""
    monkeypatch.setattr(arena, "MOST", 3)
    with pytest.raises(
        RacecheckError, match=r"\d+ states or moves are too many to decide progress or deadlock; at most 3"
    ):
        decided(searched(compile_model(built(looker, toggler)())))


QUESTIONS = {
    "at rest": lambda arena: ladder.at_rest(arena, arena.inside),
    "by racing": lambda arena: ladder.by_racing(arena, arena.inside),
    "attempts": in_attempts,
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_user_can_stop_each_question(name):
    """It asks whether to give up while it works."""
    chain = drawn("\n".join(f"{i} v -> {i + 1}" for i in range(50)))
    chain.give_up = lambda: True
    with a_little_at_a_time(), pytest.raises(walks.GaveUp):
        QUESTIONS[name](chain)

"""Progress as racecheck decides it, in the oracle's words."""

from hypothesis import reject
from oracle_moves import MOST_STATES, TooLarge
from oracle_progress import decide as by_brute_force
from programs import load_program

from racecheck.compiler.compile import compile_model
from racecheck.explore.limits import Limits
from racecheck.explore.python import PythonEngine
from racecheck.explore.search import explore
from racecheck.verdicts.progress import COMES_AND_GOES, NO_ATTACKER, decide

WORDS = ["rung", "stall", "cost", "attempts", "no_attacker", "comes_and_goes", "tried_while_excused"]
CHANCES = ["block_probability", "expected_attempts"]


def program_of(source):
    """The compiled program of a random system."""
    return compile_model(load_program(source)())


def small(source):
    """The program of a random system, and the oracle's answer; skipped if that takes too long."""
    model = load_program(source)()
    try:
        return compile_model(model), by_brute_force(model)
    except TooLarge:
        reject()


def searched(program, engine=PythonEngine, symmetry=True, most=MOST_STATES):
    """All states of a program, or of one that has more than ``most`` the first."""
    return explore(engine(program, symmetry), Limits(max_states=most))


def number_of(program):
    """The number of its progress property."""
    return next(i for i, claim in enumerate(program.claims) if claim.property.kind == "progress")


def decided(space, give_up=lambda: None):
    """What is known of its progress property."""
    return decide(space, number_of(space.program), space.stopped or "", give_up)


def in_words(found):
    """What was decided, by the oracle's words."""
    return {
        "rung": found.rung,
        "stall": found.stall,
        "cost": {name: cost.least for name, cost in found.costs.items()},
        "attempts": found.attempts,
        "block_probability": found.block_probability,
        "expected_attempts": found.expected_attempts,
        "no_attacker": NO_ATTACKER in found.notes,
        "comes_and_goes": COMES_AND_GOES in found.notes,
        "tried_while_excused": found.tried_while_excused,
    }

"""State counts, verdicts and distances equal those of the brute force over hand-written tables."""

import json
from pathlib import Path

import pytest

from racecheck.compiler.compile import compile_model
from racecheck.explore.limits import Limits
from racecheck.explore.python import PythonEngine
from racecheck.explore.reference import ReferenceEngine
from racecheck.explore.search import explore
from racecheck.load import load_model
from racecheck.verdicts.deadlock import find_stuck

ROOT = Path(__file__).parents[1]
CASES = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
SMALL = [case for case in CASES if case["plain"]["states"] < 2_000]
LARGEST = 50_000


def name(case):
    """The model and its parameters: "mapunmap n=2"."""
    return " ".join([case["model"], *(f"{key}={value}" for key, value in case["parameters"].items())])


def load(case):
    folder = "bench/models" if case["model"] == "mapunmap" else "models"
    values = [f"{key}={value}" for key, value in case["parameters"].items()]
    return compile_model(load_model(str(ROOT / folder / f"{case['model']}.py"), values))


def distances(space):
    """The moves to the first state in which each claim is broken, or is seen to happen."""
    claims = [claim.property.name for claim in space.program.claims]
    return {claims[bit]: len(space.path(key)) - 1 for bit, key in space.found.items()}


def verdicts(space):
    """Each claim's verdict."""
    found = {}
    for bit, claim in enumerate(space.program.claims):
        if claim.property.kind != "progress":
            happens = claim.property.kind == "sometimes"
            found[claim.property.name] = "holds" if (bit in space.found) == happens else "violated"
    return {**found, "deadlock": "holds" if find_stuck(space) is None else "stuck"}


def compare(case, engine):
    """Search a case with and without symmetry."""
    program = load(case)
    for symmetry, counts in ((False, case["plain"]), (True, case["symmetric"])):
        if counts["states"] > LARGEST:
            continue
        space = explore(engine(program, symmetry), Limits())
        assert {"states": space.states, "transitions": space.transitions} == counts
        assert space.depth == case["depth"]
        assert distances(space) == case["shortest"]
        assert verdicts(space) == case["verdicts"]


@pytest.mark.parametrize("case", CASES, ids=name)
def test_generated_engine(case):
    compare(case, PythonEngine)


@pytest.mark.parametrize("case", SMALL, ids=name)
def test_reference_engine(case):
    compare(case, ReferenceEngine)

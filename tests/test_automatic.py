"""Which engine searches, and what is known when one is stopped."""

import pytest

from racecheck.compiler.compile import compile_model
from racecheck.errors import UsageError
from racecheck.explore import automatic
from racecheck.explore.automatic import search
from racecheck.explore.limits import Limits
from racecheck.load import load_model

MAPUNMAP = "bench/models/mapunmap.py"


def run(name="auto", values=("n=6",), file=MAPUNMAP, **limits):
    program = compile_model(load_model(file, values))
    return search(name, program, symmetry=False, limits=Limits(**limits), watch=lambda _: None)


def test_short_searches_stay_in_python():
    assert run(values=["n=3"]).engine.name == "python"


def test_long_ones_are_handed_over(monkeypatch):
    monkeypatch.setattr(automatic, "PAYS", 0.0)
    space = run()
    assert (space.engine.name, space.states, space.remark) == ("compiled", 40_960, "")


def test_what_words_may_not_hold_stays_in_python(monkeypatch, tmp_path):
    """And the space says why; asked for, it is refused."""
    monkeypatch.setattr(automatic, "PAYS", 0.0)
    path = tmp_path / "wide.py"
    path.write_text(WIDE)
    space = run(file=str(path), values=[])
    assert (space.engine.name, space.complete) == ("python", True)
    assert "u64() of values from" in space.remark
    with pytest.raises(UsageError, match="use --engine python"):
        run("compiled", file=str(path), values=[])


WIDE = """
from racecheck import Atomic, Model, Process, Shared, model, u64

class Words(Shared):
    x = Atomic(0)

def taker(words):
    for _ in range(30):
        far = u64(words.x.dec_return())
        words.x.set(far - u64(-1))
        words.x.dec()

@model
def wide():
    words = Words()
    return Model(Process("taker", taker, words, count=2))
"""


def test_what_python_had_found_is_not_lost(monkeypatch):
    """Where machine code is stopped before it comes as far."""
    monkeypatch.setattr(automatic, "PAYS", 0.05)
    full = automatic._compiled

    def stopped(engine, _, watch, folder):
        return full(engine, Limits(max_states=1), watch, folder)

    monkeypatch.setattr(automatic, "_compiled", stopped)
    space = run(values=["n=9"])
    assert (space.engine.name, space.stopped) == ("python", "--max-states 1")
    assert space.states > 1000


def test_no_room_to_compile(monkeypatch):
    monkeypatch.setattr(automatic, "PAYS", 0.0)
    space = run(max_memory=100 << 20)
    assert space.engine.name == "python"
    assert "which compiling may take" in space.remark

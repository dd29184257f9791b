"""Values that leave their fields: the generated engine widens its layout, and agrees with the reference."""

import pytest

from racecheck import (
    Array,
    Atomic,
    Flag,
    Ghost,
    Lock,
    Model,
    Process,
    Shared,
    always,
    atomic,
    choose,
    model,
    s32,
    sometimes,
    u32,
)
from racecheck.compiler.compile import compile_model
from racecheck.errors import ModelError
from racecheck.explore import source
from racecheck.explore.engine import canonical
from racecheck.explore.limits import Limits
from racecheck.explore.python import PythonEngine
from racecheck.explore.reference import ReferenceEngine
from racecheck.explore.search import explore
from racecheck.load import load_model
from racecheck.semantics import steps


class Words(Shared):
    low = Atomic(0)
    high = Atomic(2**31 - 4)
    wide = Atomic(2**63 - 3, bits=64)
    cells = Array(Atomic(0), 3)
    lock = Lock()
    flag = Flag()
    seen = Ghost(0)


def down(words):
    for _ in range(20):
        words.low.dec()


def up_and_down(words):
    for _ in range(6):
        words.low.add(7)
        words.low.sub(13)


def up(words):
    words.low.add(1000)
    words.low.sub(1)


def around(words):
    for _ in range(4):
        words.high.add(3)
    words.high.sub((1 << 31) - 1)
    words.high.fetch_sub((1 << 31) - 1)


def around_64(words):
    for _ in range(3):
        words.wide.inc_return()
        words.wide.add(1 << 40)
    words.wide.andnot(-1)
    words.wide.dec()


def bits(words):
    words.low.or_(1 << 30)
    words.low.xor(-1)
    words.high.and_(0xFF)
    old = words.high.xchg(-(1 << 31))
    if words.low.try_cmpxchg(~(1 << 30), old):
        words.low.set((1 << 31) + 5)


def ghosts(words):
    for step in range(4):
        with atomic():
            words.low.inc()
            words.seen = words.seen * -1000 - step
    for _ in range(3):
        words.low.dec()
        words.seen += 1 << 40


def sums(words):
    """Locals that grow, both ways, while identical processes stay sorted."""
    total = far = 0
    for _ in range(3):
        got = words.low.fetch_add(5)
        total -= got * got
        far = far * 50 + got
        if choose():
            total = -total
    words.low.set(total - far)


def conversions(words):
    got = words.low.dec_return()
    plain = u32(got)
    words.low.set(got)
    words.wide.set(plain * 3)
    words.high.set(s32(plain * 5) - 1)
    words.high.inc()


def indexed(words):
    at = 0
    for _ in range(4):
        old = words.cells[at].fetch_add(-9 if choose() else 30)
        at = (at + old) % 3
    words.cells[2 - at].dec_if_positive()


def locked(words):
    for turn in range(3):
        words.lock.lock()
        words.low.add(turn * 11 - 9)
        if words.flag.test_and_set():
            words.flag.clear()
        words.lock.unlock()


def at_once(words):
    """The value leaves its field in the middle of a group."""
    for _ in range(3):
        with atomic():
            words.low.add(100)
            words.high.sub(words.low.read())
            words.cells[1].set(words.high.read())


def holding(words):
    rounds = 0
    while rounds < 2:
        words.low.inc()
        assert words.low < 3, "low stays small"
        words.low.sub(40)
        rounds += 1


SHAPES = {
    "down": [(down, 1), (up_and_down, 1)],
    "up_and_down": [(up_and_down, 2)],
    "around": [(around, 2)],
    "around_64": [(around_64, 2)],
    "bits": [(bits, 2), (around, 1)],
    "ghosts": [(ghosts, 2)],
    "sums": [(sums, 1), (up, 1)],
    "identical sums": [(sums, 2)],
    "conversions": [(conversions, 3)],
    "indexed": [(indexed, 1), (indexed, 1)],
    "identical indexed": [(indexed, 2)],
    "locked": [(locked, 3)],
    "at_once": [(at_once, 2), (down, 1)],
    "holding": [(holding, 3)],
}


@model
def widening(shape="down"):
    words = Words()
    entries = [Process(f"p{i}", code, words, count=n) for i, (code, n) in enumerate(SHAPES[shape])]
    return Model(
        *entries,
        always("seen is not negative", lambda: words.seen >= 0),
        always("low is above -10", lambda: words.low > -10),
        sometimes("wide is negative", lambda: words.wide < 0),
        sometimes("high is negative", lambda: words.high < 0),
    )


def summary(space):
    lengths = {bit: len(space.path(key)) for bit, key in space.found.items()}
    return space.states, space.transitions, space.depth, lengths, space.engine.happened


def agree(program, symmetry):
    """Both engines search the program; returns the generated one's space."""
    reference = explore(ReferenceEngine(program, symmetry), Limits())
    python = explore(PythonEngine(program, symmetry), Limits())
    assert summary(python) == summary(reference)
    assert {python.engine.decode(key) for key in python.parents} == set(reference.parents)
    return python


@pytest.mark.parametrize("symmetry", [False, True], ids=["plain", "symmetric"])
@pytest.mark.parametrize("shape", SHAPES)
def test_widening(shape, symmetry):
    space = agree(compile_model(widening(shape=shape)), symmetry)
    assert space.states > 10
    normal = canonical if symmetry else lambda state: state
    for key, parent in list(space.parents.items())[1:]:
        moves = steps(space.program, space.engine.decode(parent))
        assert any(normal(move.target) == space.engine.decode(key) for move in moves)


@pytest.mark.parametrize("shape", SHAPES)
def test_code_in_a_loop_over_processes(shape, monkeypatch):
    monkeypatch.setattr(source, "UNROLLED", 0)
    agree(compile_model(widening(shape=shape)), symmetry=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_layout_was_widened(shape):
    engine = PythonEngine(compile_model(widening(shape=shape)), symmetry=True)
    before = list(engine.layout.fields)
    explore(engine, Limits())
    assert engine.layout.fields != before


@pytest.mark.parametrize(("shape", "claim"), [("around_64", "wide"), ("around", "high")])
def test_words_wrap_around(shape, claim):
    program = compile_model(widening(shape=shape))
    space = explore(PythonEngine(program, symmetry=False), Limits())
    found = {program.claims[bit].property.name for bit in space.found}
    assert f"{claim} is negative" in found


def test_error_of_a_condition():
    """The model's error is found where a property is looked at, not where a process runs."""

    def mover(words):
        words.low.add(3)

    @model
    def outside():
        words = Words()
        return Model(
            Process("mover", mover, words),
            always("cells are empty", lambda: words.cells[words.low] == 0),
        )

    program = compile_model(outside())
    for engine in (ReferenceEngine, PythonEngine):
        with pytest.raises(ModelError, match="index 3 is outside 0 to 2"):
            explore(engine(program, symmetry=False), Limits())


HEAD = """
from racecheck import Atomic, Model, Process, Shared, always, choose, model

class Words(Shared):
    x = Atomic(0)

@model
def m():
    words = Words()
    return Model(Process("p", p, words, count=2), always("small", lambda: words.x < 40))
"""


def load_text(tmp_path, text):
    path = tmp_path / "text.py"
    path.write_text(HEAD + text)
    return compile_model(load_model(str(path)))


def joins(tmp_path, count):
    """So many choices before one step, each of which two ways lead on from."""
    choices = "".join(f"    if choose():\n        total += {i}\n" for i in range(count))
    return load_text(tmp_path, f"def p(words):\n    total = 0\n{choices}    words.x.add(total)\n")


def test_source_grows_with_the_model(tmp_path):
    """Not with the number of ways through it."""
    sizes = [len(PythonEngine(joins(tmp_path, n), symmetry=True).source) for n in (6, 12)]
    assert sizes[1] < 2.5 * sizes[0]
    agree(joins(tmp_path, 6), symmetry=False)


@pytest.mark.parametrize("value", ["words.x.read()", "choose(0, 1, 60, 119, 120)"], ids=["step", "choice"])
def test_long_chain(tmp_path, value):
    """Deeper than Python lets code be indented."""
    chain = "".join(f"    elif x == {i}:\n        words.x.set({i + 1})\n" for i in range(1, 120))
    first = f"    x = {value}\n    if x == 0:\n        words.x.inc()\n"
    text = f"def p(words):\n{first}{chain}    words.x.dec()\n"
    for symmetry in (False, True):
        agree(load_text(tmp_path, text), symmetry)

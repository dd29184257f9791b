"""Local code between steps, drawn at random, must do what Python does: copies, swaps, calls, returns."""

from hypothesis import given, settings
from hypothesis import strategies as st
from programs import load_program

from racecheck.compiler.compile import compile_model
from racecheck.native import World
from racecheck.semantics import initial, steps

NAMES = ("a", "b", "c", "n")
HEAD = """
from racecheck import Atomic, Model, Process, Shared, choose, model

class Words(Shared):
    x = Atomic(3)
    out = Atomic(0)

def keep(n):
    m = n - 1
    return m

def swap(n, m):
    n, m = m, n
    return n, m

def late(words, n):
    m = n + 1
    n = words.x.fetch_add(1)
    return m

def worker(words, n):
    a = 5
    b = a
    c = 7
"""
TAIL = """
@model
def program():
    words = Words()
    return Model(Process("worker", worker, words, 2))
"""

name = st.sampled_from(NAMES)
local = name | st.integers(-2, 9).map(str)
value = st.one_of(
    local,
    st.tuples(local, st.sampled_from("+-*&"), local).map(" ".join),
    local.map("keep({})".format),
    local.map("late(words, {})".format),
    local.map("words.x.xchg({})".format),
    st.tuples(name, local, local).map("({0[1]} if {0[0]} > 3 else {0[2]})".format),
    st.tuples(local, local).map("({0[0]} or {0[1]})".format),
)
line = st.one_of(
    st.tuples(name, value).map("{0[0]} = {0[1]}".format),
    st.tuples(name, name, value, value).map("{0[0]}, {0[1]} = {0[2]}, {0[3]}".format),
    st.tuples(name, name, local, local).map("{0[0]}, {0[1]} = swap({0[2]}, {0[3]})".format),
    st.tuples(name, st.sampled_from("+-*"), value).map("{0[0]} {0[1]}= {0[2]}".format),
    st.tuples(name, name).map("for {0[0]} in range({0[1]} & 3): c += {0[0]}".format),
    st.tuples(name, name, value).map("if {0[0]} == 5: {0[1]} = {0[2]}".format),
    st.just("words.out.inc()"),
)


@st.composite
def sources(draw):
    """A model of one process with a few lines of local code, all locals written out at the end."""
    lines = draw(st.lists(line, min_size=1, max_size=8))
    lines += [f"words.out.set({name})" for name in NAMES]
    return HEAD + "".join(f"    {text}\n" for text in lines) + TAIL


def by_interpreter(model):
    """What each step changes and returns, in the compiled graph."""
    program, seen = compile_model(model), []
    state = initial(program)
    while moves := list(steps(program, state)):
        (move,) = moves
        state = move.target
        seen.append((move.outcome.results, state.shared))
    return seen


def as_python(model, count):
    """The same, running the function itself."""
    with World(model) as world:
        return [(world.step("worker").results, tuple(world.values.values())) for _ in range(count)]


@settings(max_examples=300)
@given(sources())
def test_local_code_does_what_python_does(source):
    """Every result and every value after every step."""
    model = load_program(source)()
    seen = by_interpreter(model)

    assert as_python(model, len(seen)) == seen

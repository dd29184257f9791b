"""Machine code agrees with the reference: on random programs, on the models, with any workers."""

from collections import Counter

import pytest
from hypothesis import given, settings
from programs import load_program, programs
from test_golden import SMALL, distances, load, name, verdicts

from racecheck import (
    Array,
    Atomic,
    Ghost,
    Lock,
    Model,
    Process,
    Shared,
    always,
    atomic,
    choose,
    model,
    sometimes,
    u64,
)
from racecheck.compiler.compile import compile_model
from racecheck.errors import ModelError
from racecheck.explore import compiled as engines
from racecheck.explore import layout
from racecheck.explore import source as writing
from racecheck.explore import store as storing
from racecheck.explore import sweep as sweeping
from racecheck.explore.bounds import DoesNotFit
from racecheck.explore.compiled import CompiledEngine
from racecheck.explore.limits import Limits
from racecheck.explore.moves import moves_of
from racecheck.explore.python import PythonEngine
from racecheck.explore.reference import ReferenceEngine
from racecheck.explore.search import explore
from racecheck.explore.store import Store
from racecheck.explore.sweep import sweep
from racecheck.load import load_model

SIZE = 3000
LARGEST = list({case["model"]: case for case in SMALL}.values())
"""Of each model, the last of its small cases."""


def compiled(program, symmetry, warm=SIZE, limits=None):
    """The space that machine code finds; the error's message; None where words may not hold the model."""
    engine = PythonEngine(program, symmetry)
    try:
        explore(engine, Limits(max_states=warm))
        return sweep(CompiledEngine(engine), limits or Limits())
    except ModelError as error:
        return str(error)
    except DoesNotFit:
        return None


def reference(program, symmetry, most=SIZE):
    """The same by definition."""
    try:
        return explore(ReferenceEngine(program, symmetry), Limits(max_states=most))
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


def compare(wanted, found):
    """All that a search can say."""
    assert summary(wanted) == summary(found)
    assert {found.engine.decode(key) for key in found.parents} == set(wanted.parents)
    assert gathered(found) == {
        state: stands(wanted, state) if not found.engine.layout.has_failed(key) else {}
        for key in found.parents
        for state in [found.engine.decode(key)]
    }


def agree(program):
    """Compare with the definition, with and without symmetry, if machine words hold the model."""
    for symmetry in (False, True):
        wanted, found = reference(program, symmetry), compiled(program, symmetry)
        if found is None or (not isinstance(wanted, str) and not wanted.complete):
            return
        assert isinstance(wanted, str) <= (wanted == found)
        if not isinstance(wanted, str):
            compare(wanted, found)


@settings(max_examples=6)
@given(programs())
def test_random_programs(source):
    """States, transitions, depth, first findings, coverage, and every move."""
    agree(compile_model(load_program(source)()))


@settings(max_examples=3)
@given(programs(errors=True))
def test_errors_of_random_programs(source):
    """The same message, or words may not hold the model."""
    try:
        program = compile_model(load_program(source)())
    except ModelError:
        return
    agree(program)


class Table(Shared):
    locks = Array(Lock(), 3)
    cells = Array(Atomic(0), 3)
    low = Atomic(0)
    seen = Ghost(0)


def counter(table):
    at = 0
    for _ in range(2):
        table.locks[at].lock()
        old = table.cells[at].fetch_add(30 if choose() else -9)
        with atomic():
            table.low.sub(7)
            table.seen = table.seen * -5 + old
        assert table.low > -60, "low is not too low"
        table.locks[at].unlock()
        at = (at + old) % 3


@model
def counters(n=2):
    table = Table()
    return Model(
        Process("counter", counter, table, count=n),
        Process("other", counter, table),
        always("cells are small", lambda: u64(table.cells[table.low & 1] + 9) < 60),
        sometimes("seen", lambda: table.seen > 100),
    )


def sinker(table):
    for _ in range(20):
        table.low.dec()
        table.low.add(choose(-3, 2))


@model
def growing():
    return Model(Process("sinker", sinker, Table()))


@pytest.mark.parametrize("unrolled", [0, 500])
@pytest.mark.parametrize("room", [63, 31])
def test_arrays_locks_and_ghosts(monkeypatch, room, unrolled):
    """In several words, in which arrays and rows of processes go on; also code in a loop."""
    for module in (layout, engines):
        monkeypatch.setattr(module, "ROOM", room)
    monkeypatch.setattr(writing, "UNROLLED", unrolled)
    program = compile_model(counters())
    for symmetry in {False, room == 63}:
        found = compiled(program, symmetry)
        assert found.engine.layout.words > 1
        compare(reference(program, symmetry, None), found)


def test_fields_that_the_search_itself_makes_wider():
    """It begins again, and the answer is the same."""
    program = compile_model(growing())
    compare(reference(program, False, None), compiled(program, False, warm=1))


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


def numbered(space):
    """The states in their order, each with the one that it was first reached from."""
    return [(key, space.parents[key]) for key in space.parents]


@pytest.fixture
def swept(monkeypatch):
    """A search by so many workers that do little at a time: rounds are short, and the table is full.

    The step is compiled once for all searches of a program.
    """
    known = {}

    def search(program, count, share, room, limits=None):
        if id(program) not in known:
            engine = PythonEngine(program, symmetry=False)
            explore(engine, Limits(max_states=SIZE))
            known[id(program)] = engine = CompiledEngine(engine)
            sweep(engine, Limits())
            step, checker = engine.step(), engine.checker()
            monkeypatch.setattr(engine, "step", lambda: step)
            monkeypatch.setattr(engine, "checker", lambda: checker)
        for what, value in {"SHARE": share, "ROOM": room, "CHUNK": 2}.items():
            monkeypatch.setattr(sweeping, what, value)
        monkeypatch.setattr(sweeping, "cores", lambda: count)
        monkeypatch.setattr(storing, "FIRST", 16)
        return sweep(known[id(program)], limits or Limits())

    return search


@pytest.mark.parametrize("case", LARGEST, ids=name)
def test_workers_number_states_alike(swept, case):
    """Any number of threads finds them in the order of plain Python, even if there are few states."""
    program, plain = load(case), None
    for count in 1, 2, 3:
        for share, room in (1, 1), (7, 100), (100, 1000):
            space = swept(program, count, share, room)
            plain = plain or explore(space.engine, Limits())
            assert numbered(space) == numbered(plain)
            assert summary(space) == summary(plain)


OPTIONS = ["policy=wilcox_difference", "mappings=300"]


def test_threads_may_meet_anywhere(swept):
    """Each run of two threads is another schedule; they come to the same states.

    Had one that finds a free entry taken by another state meanwhile, and believed it to be its own, one run
    in ten would lose states.
    """
    program = compile_model(load_model("models/compaction.py", OPTIONS))
    once = swept(program, 1, 50, 1000)
    for _ in range(100):
        again = swept(program, 2, 50, 1000)
        assert (again.states, again.transitions) == (once.states, once.transitions)
        assert (again.arrays.rows == once.arrays.rows).all()
        assert (again.arrays.parents == once.arrays.parents).all()


def test_no_room_for_what_is_new(swept, monkeypatch):
    """A worker that has none makes all go back to where the round began, and take smaller steps."""
    program = load(next(case for case in LARGEST if case["model"] == "mapunmap"))
    forgotten = []
    forget = Store.forget
    monkeypatch.setattr(Store, "forget", lambda store, count: forgotten.append(forget(store, count)))
    assert summary(swept(program, 2, 64, 1)) == summary(reference(program, False))
    assert forgotten


def test_a_search_that_is_stopped_finds_all_that_it_has(swept, monkeypatch):
    """Whenever it is told to stop: even while the table grows, which goes on to its end."""
    program = compile_model(load_model("models/compaction.py", OPTIONS))
    swept(program, 1, 50, 1000)
    monkeypatch.setattr(storing, "SLICE", 1000)
    for after in range(1, 40):
        asked = iter(range(1000))
        space = swept(program, 2, 50, 1000, Limits(interrupted=lambda: next(asked) >= after))  # noqa: B023
        assert space.stopped in {"interrupted", None}
        step = 1 + space.states // 2000
        for number in range(0, space.states, step):
            assert space.arrays.number(space.arrays.key(number)) == number


def test_less_memory_than_compiling_takes(swept):
    """The search ends with the first state, and says why."""
    program = load(next(case for case in LARGEST if case["model"] == "mapunmap"))
    space = swept(program, 1, 50, 1000, Limits(max_memory=1))
    assert (space.states, space.stopped[:6]) == (1, "memory")


def test_nobody_waits_for_a_thread_that_was_interrupted(swept, monkeypatch):
    """Ctrl-C may be heard before the first thread is in machine code, where the others wait for it."""
    program = load(next(case for case in LARGEST if case["model"] == "mapunmap"))
    swept(program, 1, 50, 1000)

    def interrupted(self, me):
        if me == 0:
            raise KeyboardInterrupt
        return walk(self, me)

    walk = sweeping.Sweep._walk
    monkeypatch.setattr(sweeping.Sweep, "_walk", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swept(program, 2, 50, 1000)


class Limited(Shared):
    limit = Atomic(5)
    same, other = Array(Atomic(3), 2), Array(Atomic(0), 2)
    used = Atomic(0)


def use(shared):
    for _ in range(2):
        i = shared.used.read() & 1
        if shared.same[i].read() + shared.other[i].read() + i < shared.limit.read():
            shared.used.inc()


def test_what_nobody_writes_takes_no_bits():
    """Words, and the elements of an array that are alike; those that are not have to be looked up."""

    @model
    def limited():
        shared = Limited(other=[0, 1])
        return Model(
            Process("user", use, shared, count=2), always("few", lambda: shared.used <= shared.limit)
        )

    program = compile_model(limited())
    fields = PythonEngine(program, True).layout.fields
    widths = {field.name.partition(".")[2]: field.width for field in fields}
    assert widths["limit"] == widths["same[0]"] == 0
    assert widths["used"] and widths["other[0]"]
    assert len(compiled(program, True).parents) == len(reference(program, True).parents)


def test_machine_code_counts_no_references():
    """Two locked instructions at each use of an array would cost ten times as much as the rest."""
    engine = CompiledEngine(PythonEngine(load(LARGEST[0]), symmetry=True))
    for made in (engine.step(), engine.checker()):
        assert not any("NRT_incref" in code for code in made.inspect_llvm().values())

"""Processes run as ordinary Python do what the reference semantics says, move by move."""

import threading
import traceback
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from programs import load_program, programs

from racecheck import (
    HOSTILE,
    Array,
    Atomic,
    Flag,
    Ghost,
    Lock,
    Model,
    ModelError,
    Process,
    Shared,
    UsageError,
    always,
    atomic,
    choose,
    event,
    model,
    progress,
    read_together,
    rest,
    smp_mb,
    wait_until,
)
from racecheck.api import state_space
from racecheck.compiler.compile import compile_model
from racecheck.compiler.ir import End, SetGhost
from racecheck.explore.limits import Limits
from racecheck.load import models_in
from racecheck.native import NeedChoice, NotEnabled, World
from racecheck.semantics import after, initial, outcomes, value_of

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
WRONG = (ModelError, ZeroDivisionError, ValueError)
MANY = 40
ROOT = Path(__file__).parents[1]


# Agreement with the reference.


class Walk:
    """A state of the reference, and the moves that lead to it."""

    def __init__(self, program, state, moves=()):
        self.program = program
        self.state = state
        self.moves = moves
        ghosts = {n.slot for e in program.entries for n in e.graph.nodes if isinstance(n, SetGhost)}
        # What no property reads, the reference does not keep.
        slots = enumerate(program.slots)
        self.kept = {i: slot.label for i, slot in slots if slot.kind != "Ghost" or i in ghosts}

    def world(self):
        """A native run that has come to the same state."""
        world = World(self.program.model)
        for process, choices in self.moves:
            world.step(process, choices)
        return world

    def processes(self):
        """Where each process stands in the state, and its name."""
        for e, entry in enumerate(self.program.entries):
            for number, name in enumerate(entry.process.instances()):
                yield e, number, name

    def outcomes(self, e, number):
        """The reference's outcomes of the next move of a process, by their choices."""
        place = self.state.places[e][number]
        found = outcomes(self.program, self.program.entries[e], place, self.state.shared)
        return {outcome.choices: outcome for outcome in islice(found, MANY)}

    def observations(self, name):
        """The native observations of the next move of a process, by their choices."""
        found, todo = {}, [()]
        for _ in range(MANY):
            choices = todo.pop() if todo else None
            if choices is None or choices in found:
                continue
            with self.world() as world:
                try:
                    found[choices] = world.step(name, choices)
                except NotEnabled:
                    pass
                except NeedChoice as need:
                    todo += [(*choices, option) for option in need.options]
        return None if todo else found

    def to(self, e, number, name, outcome):
        """The walk that goes on with an outcome."""
        state = after(self.state, e, number, outcome)
        return Walk(self.program, state, (*self.moves, (name, outcome.choices)))

    def compare_values(self):
        """The words, ghosts and properties are the same."""
        with self.world() as world:
            mine = {label: self.state.shared[slot] for slot, label in self.kept.items()}
            assert mine.items() <= world.values.items()
            for claim in self.program.claims:
                lambdas = [claim.property.condition, claim.property.unless]
                graphs = [claim.condition, claim.unless, *claim.cost]
                for look, graph in zip(
                    [*lambdas, *dict(claim.property.cost).values()], graphs, strict=True
                ):
                    if look is not None:
                        assert world.value_of(look) == value_of(self.program, graph, self.state)

    def compare_moves(self):
        """Every process can make the same moves, with the same results; the walks that go on."""
        self.compare_values()
        ways = []
        for e, number, name in self.processes():
            wanted = tried(self.outcomes, e, number)
            found = tried(self.observations, name)
            if found is None:
                continue
            assert isinstance(wanted, str) == isinstance(found, str), (name, wanted, found)
            if isinstance(wanted, str):
                continue
            assert wanted.keys() <= found.keys() or len(wanted) == MANY
            for choices, observation in found.items():
                self.compare(e, wanted.get(choices), observation)
            ways += [self.to(e, number, name, outcome) for outcome in wanted.values()]
        return ways

    def compare(self, e, outcome, observation):
        """One move: no outcome in the reference is a move that changes nothing."""
        changed = {k: v for k, v in observation.changed.items() if k in self.kept.values()}
        if outcome is None:
            assert observation.silent and not changed
            assert not observation.ended and observation.failed is None
            return
        assert observation.results == outcome.results
        assert observation.events == outcome.events
        assert observation.choices == outcome.choices
        assert observation.silent == (not outcome.stepped)
        assert changed == {
            label: outcome.shared[slot]
            for slot, label in self.kept.items()
            if outcome.shared[slot] != self.state.shared[slot]
        }
        node = self.program.entries[e].graph.nodes[outcome.place.node]
        assert observation.ended == isinstance(node, End)
        assert (observation.failed is None) == (outcome.failed is None)
        if outcome.failed is not None:
            message = observation.failed.partition(".unlock()" if ".unlock()" in outcome.failed else "\n")
            assert (message[1] or message[0]) in outcome.failed


def tried(function, *args):
    """What the function gives, or a string if the model goes wrong while it runs."""
    try:
        return function(*args)
    except WRONG as error:
        if "more than" in str(error):
            reject()  # limits of the language that ordinary Python does not have
        return str(error)


def compare_all(built, states=300):
    """Compare every state of a small model, as far as ``states`` goes; how many there were."""
    program = compile_model(built)
    seen, todo = set(), [Walk(program, initial(program))]
    while todo and len(seen) < states:
        walk = todo.pop(0)
        if walk.state not in seen:
            seen.add(walk.state)
            todo += walk.compare_moves()
    return len(seen)


def compare_walk(source, turns):
    """Compare the states along one walk, which turns where the numbers say."""
    try:
        program = compile_model(load_program(source)())
    except ModelError:
        reject()  # what goes wrong with constants, the compiler says
    start = tried(initial, program)
    if isinstance(start, str):
        with pytest.raises(WRONG):
            World(program.model)
        return
    walk = Walk(program, start)
    for turn in turns:
        ways = walk.compare_moves()
        if not ways:
            return
        walk = ways[turn % len(ways)]


# Python 3.12 and later advise against what C does all the time.
INVERTED = pytest.mark.filterwarnings("ignore:Bitwise inversion:DeprecationWarning")
TURNS = st.lists(st.integers(0, 23), min_size=3, max_size=8)


@INVERTED
@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(programs(), TURNS)
def test_agrees_with_the_reference(source, turns):
    """Results, events, values, properties and enabled moves are the same along a random walk."""
    compare_walk(source, turns)


@INVERTED
@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(programs(errors=True), TURNS)
def test_agrees_on_errors_of_the_model(source, turns):
    """What goes wrong in the reference goes wrong natively at the same move."""
    compare_walk(source, turns)


MODELS = [
    file
    for folder in ("models", "bench/models")
    for file in sorted(ROOT.joinpath(folder).glob("*.py"))
    if "\n@model\n" in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.stem)
def test_agrees_on_the_models(file):
    """The first states of each protocol, as far as there are so many."""
    for built in models_in(str(file)).values():
        states = state_space(built, limits=Limits(max_states=12)).states
        assert compare_all(built(), states=12) == min(12, states)


# Rule by rule.


class Page(Shared):
    refs = Atomic(1)
    maps = Atomic(0)
    slots = Array(Atomic(0), 3)
    dirty = Flag()
    lock = Lock()
    pins = Ghost(0)


def built(*functions, role=HOSTILE, claims=()):
    """A model with a process for each function, called p1, p2..., over one Page."""

    @model
    def small():
        page = Page()
        processes = (Process(f"p{i}", f, page, role=role) for i, f in enumerate(functions, 1))
        return Model(*processes, *(always(f"claim {i}", claim(page)) for i, claim in enumerate(claims)))

    return small()


def played(world, *moves):
    """The observations of moves, each a process and its choices."""
    return [world.step(process, choices) for process, *choices in moves]


def inc(page):
    page.refs.inc()


def inc_twice(page):
    page.refs.inc()
    page.maps.inc_return()


def test_processes_and_values_have_the_names_of_the_model():
    @model
    def two():
        page = Page(slots=[4, 5, 6], pins=7)
        return Model(
            Process("a", inc, page, count=2), Process("none", inc, page, count=0), Process("b", inc, page)
        )

    with World(two()) as world:
        assert world.processes == ["a 1", "a 2", "b"]
        names = ["refs", "maps", "slots[0]", "slots[1]", "slots[2]", "dirty", "lock", "pins"]
        assert world.values == dict(
            zip([f"page.{n}" for n in names], [1, 0, 4, 5, 6, 0, 0, 7], strict=True)
        )
        world.step("a 2")
        with pytest.raises(UsageError, match="no process 'a'; there are a 1, a 2, b"):
            world.step("a")


def test_a_move_is_one_step():
    with World(built(inc_twice, inc_twice)) as world:
        first, other, second = played(world, ["p1"], ["p2"], ["p1"])
        assert first.changed == {"page.refs": 2} and first.results == (None,) and not first.ended
        assert other.changed == {"page.refs": 3}
        assert second.changed == {"page.maps": 1} and second.results == (1,) and second.ended
        with pytest.raises(NotEnabled, match="p1 has ended"):
            world.step("p1")


def chooser(page):
    page.refs.inc()
    if choose():
        page.refs.add(choose(5, page.maps.read(), 5))
    event("done")


def test_a_choice_is_made_with_the_step_after_it():
    with World(built(chooser)) as world:
        assert played(world, ["p1", True])[0].choices == ()
        move, last = played(world, ["p1", True], ["p1", 0])
        assert (move.choices, move.results, move.events) == ((True,), (0,), ())
        assert (last.choices, last.changed, last.events) == ((0,), {}, ("done",))
    assert compare_all(built(chooser)) == 5


def test_too_few_choices_and_one_that_is_no_option():
    for choices, error in (((), NeedChoice), ((True, 3), NotEnabled)):
        with World(built(chooser)) as world:
            world.step("p1")
            before = dict(world.values)
            if error is NotEnabled:
                world.step("p1", (True,))
            with pytest.raises(error) as caught:
                world.step("p1", choices[1:])
            assert world.values == before
            if error is NeedChoice:
                assert (caught.value.options, caught.value.width) == ((False, True), 2)
            with pytest.raises(NotEnabled, match="p1 was stopped"):
                world.step("p1", (True,))


def resting(page):
    while True:
        rest()
        if choose():
            page.refs.xor(1)
            event("flipped")
        rest()


def test_leaving_a_rest_goes_with_the_step_and_a_silent_move_has_none():
    with World(built(resting)) as world:
        step, silent, back, idle = played(world, ["p1", True], ["p1"], ["p1", False], ["p1"])
        assert step.changed == {"page.refs": 0} and step.events == ("flipped",) and not step.silent
        assert all(move.silent and not move.changed for move in (silent, back, idle))
        assert back.choices == (False,)
    assert compare_all(built(resting)) == 4


def grouped(page):
    for i in range(2):
        with atomic():
            page.pins += 1
            if page.refs.inc_return() > 3:
                return
            with atomic():
                page.slots[i].add(choose(1, 2))
            page.refs.read()
        smp_mb()
    page.maps.inc()


def test_a_group_is_one_step():
    with World(built(grouped, inc_twice)) as world:
        move, _, last = played(world, ["p1", 2], ["p2"], ["p1"])
        assert move.results == (2, None, 2) and move.choices == (2,)
        assert move.changed == {"page.refs": 2, "page.slots[0]": 2, "page.pins": 1}
        assert last.results == (4,) and last.ended
    assert compare_all(built(grouped, inc_twice)) > 10


def locker(page):
    page.lock.lock()
    page.refs.inc()
    page.lock.unlock()


def trier(page):
    if not page.lock.trylock():
        page.dirty.set()
    page.lock.unlock()


def test_a_lock_waits_and_only_its_holder_releases_it():
    with World(built(locker, locker)) as world:
        world.step("p1")
        with pytest.raises(NotEnabled, match=r"p2 waits: page\.lock is taken"):
            world.step("p2")
        assert played(world, ["p1"], ["p1"])[1].changed == {"page.lock": 0}
    with World(built(locker, trier)) as world:
        _, tried_it, _, unlock = played(world, ["p1"], ["p2"], ["p2"], ["p2"])
        assert tried_it.results == (False,)
        assert unlock.failed == "page.lock.unlock() by its holder"
        assert unlock.results == () and not unlock.ended and not unlock.silent
    assert compare_all(built(locker, locker, trier)) > 30


def releases_twice(page):
    with atomic():
        page.pins += 1
        page.lock.lock()
    page.lock.unlock()
    page.lock.unlock()


def test_a_released_lock_is_not_held_and_a_group_that_waits_does_nothing():
    with World(built(releases_twice, locker)) as world:
        moves = played(world, ["p1"], ["p1"], ["p1"])
        assert [move.failed is not None for move in moves] == [False, False, True]
    with World(built(releases_twice, locker)) as world:
        world.step("p2")
        with pytest.raises(NotEnabled):
            world.step("p1")
        assert world.values["page.pins"] == 0
    assert compare_all(built(releases_twice, locker, releases_twice)) > 20


def waiter(page):
    least = page.refs.read()
    wait_until(lambda: page.refs > least)
    with atomic():
        wait_until(lambda: page.maps == 1)
        page.dirty.test_and_set()


def test_wait_until_is_a_step_where_its_condition_holds():
    with World(built(waiter, inc_twice)) as world:
        world.step("p1")
        with pytest.raises(NotEnabled, match="p1 waits until its condition holds"):
            world.step("p1")
    with World(built(waiter, inc_twice)) as world:
        _, _, waited, _, group = played(world, ["p1"], ["p2"], ["p1"], ["p2"], ["p1"])
        assert waited.results == () and not waited.silent
        assert group.results == (False,) and group.changed == {"page.dirty": 1}


def careful(page):
    page.refs.dec()
    page.pins -= 1
    assert page.refs > 0, "a reference is left"
    page.maps.inc()


def test_a_failed_assert_ends_the_process_alone():
    with World(built(careful, inc_twice)) as world:
        (failure,) = played(world, ["p1"])
        assert failure.failed.startswith("a reference is left") and not failure.ended
        assert failure.changed == {"page.refs": 0, "page.pins": -1}
        with pytest.raises(NotEnabled, match="p1 was stopped"):
            world.step("p1")
        assert world.step("p2").failed is None


def arithmetic(page):
    page.refs.add(2**31 - 1)
    low, high = read_together(page.refs, page.maps)
    page.pins = 2**70 - low + high
    page.slots[page.dirty.test_and_set() + 1].set(2**32 + 3)


def test_words_wrap_and_ghosts_do_not():
    with World(built(arithmetic)) as world:
        add, load, flag, store = played(world, ["p1"], ["p1"], ["p1"], ["p1"])
        assert add.changed == {"page.refs": -(2**31)}
        assert load.results == ((-(2**31), 0),) and load.changed == {"page.pins": 2**70 + 2**31}
        assert flag.results == (False,)
        assert store.changed == {"page.slots[1]": 3}


def outside(page):
    at = page.refs.read()
    page.slots[at + 2].inc()


def apart(page):
    at = page.maps.read()
    read_together(page.slots[at], page.slots[at + 2])


def divides(page):
    page.slots[1 // page.maps.read()].inc()


def test_what_goes_wrong_in_a_process_comes_out_of_the_step_with_its_traceback():
    wrong = {
        outside: (ModelError, "index 3 is outside page.slots, which has 3 elements"),
        divides: (ZeroDivisionError, "by zero"),
    }
    for function, (kind, message) in wrong.items():
        with World(built(inc_twice, function)) as world, pytest.raises(kind, match=message) as caught:
            world.step("p2")
        assert function.__name__ in [
            frame.name for frame in traceback.extract_tb(caught.value.__traceback__)
        ]
    with World(built(apart)) as world:
        world.step("p1")
        with pytest.raises(ModelError, match=r"declared next to each other, not .*slots\[0\].*slots\[2\]"):
            world.step("p1")


def bad_start(page):
    page.slots[4].inc()


def test_an_error_before_the_first_place_ends_all_threads():
    before = threading.active_count()
    with pytest.raises(ModelError, match="index 4 is outside"):
        World(built(inc, bad_start))
    assert threading.active_count() == before


def steps_in_a_condition(page):
    wait_until(lambda: page.refs.read() > 0)


def test_a_condition_takes_no_step():
    with World(built(steps_in_a_condition)) as world, pytest.raises(ModelError, match="takes no step"):
        world.step("p1")
    small = built(inc, claims=[lambda page: lambda: page.refs.inc() is None])
    with World(small) as world, pytest.raises(ModelError, match="takes no step"):
        world.holds(small.properties[0])


def test_a_word_of_another_model_is_refused():
    @model
    def other():
        return Model(Process("p", inc, Page(name="elsewhere")))

    stranger = other().processes[0].args[0]
    with (
        World(built(inc)) as world,
        pytest.raises(ModelError, match=r"elsewhere\.refs belongs to another model"),
    ):
        world.value_of(lambda: stranger.refs)


def test_properties_are_looked_at_in_the_state():
    claims = [
        lambda page: lambda: page.refs > page.maps + 1,
        lambda page: lambda: not page.dirty and sum(slot + 1 for slot in page.slots) == 3,
    ]
    small = built(inc, inc_twice, claims=claims)
    with World(small) as world:
        assert [world.holds(claim) for claim in small.properties] == [False, True]
        world.step("p1")
        assert [world.holds(claim) for claim in small.properties] == [True, True]
        assert world.value_of(lambda: 10 * small.shared[0].refs + small.shared[0].pins) == 20
        with pytest.raises(AssertionError, match="progress"):
            world.holds(progress("event"))


def test_closing_ends_every_thread_once_and_for_all():
    before = threading.active_count()
    with World(built(resting, chooser, locker)) as world:
        world.step("p2")
        assert threading.active_count() == before + 3
    assert threading.active_count() == before
    world.close()
    with pytest.raises(NotEnabled, match="p1 was stopped"):
        world.step("p1", (True,))
    assert not any(thread.name.startswith("p1") for thread in threading.enumerate())


def test_worlds_of_one_model_are_apart():
    small = built(inc_twice)
    with World(small) as one, World(small) as two:
        one.step("p1")
        assert (one.values["page.refs"], two.values["page.refs"]) == (2, 1)

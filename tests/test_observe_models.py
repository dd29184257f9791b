"""The models' operations as words, and runs of the models found again in the logs that they would leave."""

from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest
from kernel_log import log_of, record

from racecheck import Atomic, Flag, Model, Process, Shared, UsageError, choose, model
from racecheck.compiler.compile import compile_model
from racecheck.load import load_model
from racecheck.observe import lexicon as names
from racecheck.observe.lexicon import lexicon_of, models_folder
from racecheck.observe.project import Change, Projection
from racecheck.observe.records import FREEZE, MOD, TEST, UNFREEZE, UNLESS
from racecheck.observe.watch import Watch
from racecheck.semantics import initial, steps

MODELS = Path(__file__).parents[1] / "models"
KINDS = {"add_unless": UNLESS, "add": MOD, "inc": MOD, "dec_and_test": TEST, "sub_and_test": TEST}


class Folio(Shared):
    refcount = Atomic(2)
    mapped = Flag()


def projection(function):
    @model
    def operation():
        return Model(Process("operation", function, Folio()))

    return Projection(operation(), "folio.refcount")


def spelled(words):
    return {tuple((change.kind, change.val, change.ret) for change in word) for word in words}


def test_results_are_followed_through_branches():
    """What a step came to decides what may follow; other words may have any value."""

    def lookup(folio):
        if not folio.refcount.add_unless(1, 0):
            return
        if folio.mapped.test():
            folio.refcount.add(1023)
        folio.refcount.dec_and_test()

    got = UNLESS, 1, 1
    assert spelled(projection(lookup).words(3)) == {
        ((UNLESS, 1, 0),),
        *((got, (TEST, -1, ret)) for ret in (0, 1)),
        *((got, (MOD, 1023, -1), (TEST, -1, ret)) for ret in (0, 1)),
    }


def test_a_compared_count_is_followed():
    """After a freeze that failed nothing is unfrozen; what is unfrozen may be any count."""

    def freeze(folio):
        if folio.refcount.cmpxchg(2, 0) == 2:
            folio.refcount.set_release(1)

    assert spelled(projection(freeze).words(3)) == {
        ((FREEZE, 2, 0),),
        ((FREEZE, 2, 1), (UNFREEZE, None, -1)),
    }


def test_a_loop_is_one_round():
    """A process that runs for ever has made an operation when it comes round."""

    def holder(folio):
        while True:
            if folio.refcount.add_unless(1, 0):
                folio.refcount.dec_and_test()

    assert spelled(projection(holder).words(3)) == {
        ((UNLESS, 1, 0),),
        *(((UNLESS, 1, 1), (TEST, -1, ret)) for ret in (0, 1)),
    }


def test_choices_and_loops_are_followed():
    """An automaton says where the process may stand, however long the sequence is."""

    def passes(folio):
        while choose():
            folio.refcount.dec_and_test()

    automaton, states = projection(passes), None
    states = automaton.start
    for _ in range(50):
        states = automaton.after(states, record(1, 1, TEST, -1, 0, 1))
        assert automaton.ended(states)
    assert not automaton.after(states, record(1, 1, MOD, 1, -1, 1))


def test_a_change_fits_a_record():
    """Any value, and any result of an event that returns the count."""
    assert Change(UNFREEZE, None, -1).fits(record(1, 1, UNFREEZE, 7, -1, 7))
    assert not Change(TEST, -1, 0).fits(record(1, 1, TEST, -1, 1, 0))


@cache
def words():
    return lexicon_of(models_folder(None))


def test_words_of_the_models():
    """The operations of the project's models, as sequences of the refcount's changes."""
    got, put, more = (UNLESS, 1, 1), (TEST, -1, 0), (MOD, 1, -1)
    table = words().words
    assert table[(got,)] >= {names.MAP, names.GET}
    assert table[(put,)] >= {names.UNMAP, names.PUT}
    assert table[(got, (MOD, 1023, -1))] == {names.FAST_PIN}
    assert table[((MOD, 1024, -1),)] == {names.SLOW_PIN}
    assert table[((TEST, -1024, 0),)] == {names.UNPIN}
    assert table[(more, put, put)] == {names.COPY}
    assert table[(more, put)] == {names.REFUSED_FORK}
    assert table[(got, put, put)] == {names.TRUNCATE}
    assert (((UNLESS, 2, 1),)) not in table
    assert words().leads[(got,)] >= {names.FAST_PIN, names.TRUNCATE}


def test_a_folder_without_models(tmp_path):
    """Says in one line what is missing."""
    with pytest.raises(UsageError, match=r"no folio\.py here") as error:
        models_folder(str(tmp_path))
    assert "\n" not in str(error.value)


def run_of(seed, length, **parameters):
    """A random run of models/folio.py: its changes of the refcount in their order.

    Each is the process, the event, what was read at once, and the function that made it.
    """
    random, program = Random(seed), compiled(tuple(sorted(parameters.items())))
    slots = {slot.label: number for number, slot in enumerate(program.slots)}
    refs, maps = slots["folio.refcount"], slots["folio.mapcount"]
    state, changes = initial(program), []
    for _ in range(length):
        move = random.choice(list(steps(program, state)))
        graph = program.entries[move.entry].graph
        for number in move.outcome.passed:
            node = graph.nodes[number]
            if getattr(node, "word", None) is not None and node.word.base == refs:
                name = node.operation.name
                if name in KINDS:
                    val = move.target.shared[refs] - state.shared[refs]
                    ret = int(bool(move.outcome.results[0])) if KINDS[name] != MOD else -1
                    who = 10 * move.entry + move.number
                    read = move.target.shared[refs], move.target.shared[maps]
                    changes.append((who, KINDS[name], val, ret, *read, node.site.function))
        state = move.target
    return changes


@cache
def compiled(parameters):
    return compile_model(load_model(str(MODELS / "folio.py"), [f"{k}={v}" for k, v in parameters]))


def written(changes, seed, delay):
    """The changes as records: each is read and then written before the task's next, and soon.

    After it at most ``delay`` others are made; the first is written at once.
    """
    random, waiting, records = Random(seed), [], []
    for number, (who, *_) in enumerate([*changes, (None,)]):
        for one in [one for one in waiting if one[1] <= number or who in (None, changes[one[0]][0])]:
            waiting.remove(one)
            change = changes[one[0]]
            refs, maps = changes[random.randint(one[0], number - 1)][4:6]
            records.append(record(len(records) + 1, *change[:4], refs, maps))
        waiting.append((number, number + 1 + random.randint(0, delay) * (number > 0)))
    return records


def watched(records):
    return Watch(words()).follow([log_of(records)])


def truth(changes):
    """How many pins of each sort, and unpins, the run has."""
    made = Counter((function, val) for _, _, val, _, _, _, function in changes)
    return {
        names.FAST_PIN: made["try_grab_folio", 1023],
        names.SLOW_PIN: made["follow_page_pte", 1024],
        names.UNPIN: made["gup_put_folio", -1024],
    }


@pytest.mark.parametrize("page", ["file", "anon"])
@pytest.mark.parametrize("delay", [0, 4])
def test_a_run_of_the_model_is_found_in_its_log(page, delay):
    """Records in another order: no gap, every record is of an operation, and the pins are those made."""
    for seed in range(10):
        changes = run_of(seed, 250, page=page, mappers=2, getters=1, pinners=1)
        seen = watched(written(changes, seed, delay))

        (found,) = seen.pages.values()
        assert found.records == len(changes)
        assert not found.missing
        assert not found.unexplained
        assert not [finding for finding in found.findings if finding.judged == "violation"]
        assert {name: found.operations.get(name, 0) for name in truth(changes)} == truth(changes)


def test_lost_records_of_a_run_are_gaps():
    """Where a record is lost, a gap as large is seen there, or at one of the next few records."""
    for seed in range(10):
        changes = run_of(seed, 250, mappers=1, getters=0, pinners=0)
        records = written(changes, seed, 0)
        lost = len(records) // 2

        (found,) = watched(records[:lost] + records[lost + 1 :]).pages.values()

        (gap,) = found.missing
        assert 0 <= gap.line - records[lost].line < 8
        assert gap.found - gap.expected == records[lost].val

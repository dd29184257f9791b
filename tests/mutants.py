"""Planted bugs: at least one for each model of the repo, and those that everybody writes.

Each is a model of its own, so that its traces replay: one of ``models/`` with other steps in one place,
or with parameters that are known to break a claim. ``MUTANTS`` says which property finds it.
"""

from pathlib import Path

from racecheck import (
    VICTIM,
    Atomic,
    Flag,
    Ghost,
    Lock,
    Model,
    Process,
    Shared,
    always,
    model,
)
from racecheck.load import module_of

MODELS = Path(__file__).parents[1] / "models"


def repo(name, **planted):
    """A fresh copy of a model file of the repo, with some of its functions replaced."""
    module = module_of(str(MODELS / f"{name}.py"))
    vars(module).update(planted)
    return module


class Object(Shared):
    refcount = Atomic(1)
    freed = Flag()
    lock = Lock()
    list_lock = Lock()
    found = Ghost(0)


def put(page):
    if page.refcount.dec_and_test():
        page.freed.set()


def lookup(page):
    if page.refcount.read() > 0:  # the bug: a test, and then an increment
        page.refcount.inc()
        assert not page.freed, "uses a freed object"
        put(page)


@model
def increment_after_a_test(readers=3):
    page = Object()
    return Model(Process("owner", put, page), Process("reader", lookup, page, count=readers))


def put_in_two_steps(page):
    references = page.refcount.read() - 1
    page.refcount.set(references)  # the bug: another put may have come in between
    if references == 0:
        page.freed.set()


def user(page):
    page.refcount.inc()
    put_in_two_steps(page)


@model
def decrement_in_two_steps(users=3):
    page = Object(refcount=users)
    done = always("an object in use is not freed", lambda: not page.freed or page.refcount == 0)
    return Model(
        Process("user", user, page, count=users),
        done,
        always("references add up", lambda: page.refcount >= users - 1),
    )


def add(page):
    page.lock.lock()
    page.list_lock.lock()
    page.refcount.inc()
    page.list_lock.unlock()
    page.lock.unlock()


def remove(page):  # the bug: the locks in the other order
    page.list_lock.lock()
    page.lock.lock()
    page.refcount.dec()
    page.lock.unlock()
    page.list_lock.unlock()


@model
def locks_in_the_other_order():
    page = Object()
    return Model(Process("add", add, page, count=2), Process("remove", remove, page))


# models/folio.py


@model
def pincount_first():
    return repo("folio").folio(size="large", page="anon", pinners=2, swapped="pin")


def zap_drops_the_reference(folio):
    folio.refcount.sub_and_test(1)
    folio.mapcount.sub_return(1)


@model
def unmap_drops_the_reference_first():
    return repo("folio", zap_pte_range=zap_drops_the_reference).folio(page="anon")


def pin_without_a_second_look(folio, swapped):  # noqa: ARG001 - as the original
    if not folio.pte.test():
        return False
    folio.refcount.add_unless(1, 0)
    folio.refcount.add(folio.bias - 1)
    folio.pins += 1
    return True


@model
def gup_fast_without_a_second_look():
    return repo("folio", gup_pte_range=pin_without_a_second_look).folio(page="anon")


# models/snapshot.py


@model
def two_loads():
    return repo("snapshot").snapshot(page="file", maps=3)


def copy_counts_the_mapping(folio):
    folio.mapcount.inc()
    folio.refcount.inc()


@model
def fork_counts_the_mapping_first():
    planted = repo("snapshot", copy_present_pte=copy_counts_the_mapping)
    return planted.snapshot(read_order="together", maps=3)


# models/compaction.py, policies.py and attackers.py, with the kernel's constants: 1022 mappings it takes


def scan(folio, policy):
    while True:
        if folio.refcount.add_unless(1, 0):
            if policy(folio):
                folio.tried = folio.pins == 0  # skipped, though nobody has a pin
            folio.refcount.dec_and_test()


def believed(folio):
    return always("the test is never true on an unpinned folio", lambda: not folio.tried)


@model
def mappings_look_like_a_pin(mappings=1100):
    compaction = repo("compaction")
    folio = compaction.folio_at_rest(1, "anon", "order0", False, False, False, movable=False, bias=1024)
    policy = compaction.compaction.parameters["policy"].resolve("maybe_dma_pinned")[0]
    sizes = compaction.Sizes(1, mappings, 1, ())
    return Model(
        Process("scanner", scan, folio, policy, role=VICTIM),
        compaction.mapper(folio, sizes),
        compaction.pinner(folio, sizes),
        believed(folio),
    )


# models/preempted.py: as many mappers, each stopped between its two increments


@model
def stopped_mappers_look_like_a_pin(mappers=1100):
    preempted = repo("preempted")
    folio = preempted.folio_at_rest(1, "anon", "order0", False, False, False, movable=False, bias=1024)
    policy = preempted.preempted.parameters["policy"].resolve("wilcox_signed")[0]
    mappers = preempted.hostile(
        "mapper", preempted.filemap_map_pages, folio, preempted.Mappers(), mappers, True
    )
    return Model(Process("scanner", scan, folio, policy, role=VICTIM), mappers, believed(folio))


# models/migration.py


def migrate_without_freezing(folio):
    expected = 2  # the page cache's and compaction's
    if folio.refcount.read() != expected:
        return False
    folio.refcount.set(expected)  # the bug: it may have changed
    return True


@model
def migration_without_freezing():
    migration = repo("migration", folio_migrate_mapping=migrate_without_freezing)
    given = {"policy": migration.POLICIES[0], "attackers": migration.ATTACKERS[0], "page": "file"}
    built = migration.migration.function(**given, size="order0")
    folio = built.shared[0]
    kept = always("the page cache keeps its reference", lambda: folio.refcount > folio.mapcount)
    return Model(*built.processes, kept)


# models/one_look.py


@model
def difference_wraps():
    return repo("one_look").one_look(policy="wilcox_difference", maps=3)


# models/exact.py


@model
def references_below_the_bias():
    return repo("exact").exact(policy="maybe_dma_pinned", who="holder")


# models/subtraction.py


@model
def unsigned_difference():
    return repo("subtraction").subtraction(constant="signed", maps=3)


# models/split.py


@model
def scan_without_a_reference():
    split = repo("split")
    return split.split(scan=split.scan_without.__name__)


# models/ksm.py


def splice_without_a_second_look(folio):
    if folio.pte.read() == 2:  # DIRTY
        folio.refcount.add_unless(1, 0)
        folio.held += 1


@model
def splice_into_ksm():
    planted = repo("ksm", vmsplice=splice_without_a_second_look)
    return planted.ksm(held="by_gup_fast", processes=2)


MUTANTS = [
    (increment_after_a_test, "lookup: uses a freed object"),
    (decrement_in_two_steps, "references add up"),
    (locks_in_the_other_order, "deadlock"),
    (pincount_first, "pincount never exceeds refcount"),
    (unmap_drops_the_reference_first, "refcount covers mapcount"),
    (gup_fast_without_a_second_look, "no pin is returned on a folio taken away"),
    (two_loads, "no snapshot shows refcount below mapcount"),
    (fork_counts_the_mapping_first, "no snapshot shows refcount below mapcount"),
    (mappings_look_like_a_pin, "the test is never true on an unpinned folio"),
    (stopped_mappers_look_like_a_pin, "the test is never true on an unpinned folio"),
    (migration_without_freezing, "the page cache keeps its reference"),
    (difference_wraps, "an unpinned folio is not skipped"),
    (references_below_the_bias, "it skips if and only if somebody else holds a reference"),
    (unsigned_difference, "being unsigned changes no outcome"),
    (scan_without_a_reference, "both counters are of one folio"),
    (splice_into_ksm, "it does not pass while a reference is held"),
]

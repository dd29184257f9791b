"""Compaction's scanner tries to isolate an order-0 folio that user space maps and pins.

What must user space do so that the scanner skips the folio for ever? The policy is the scanner's
test, run with a reference and without any lock; a pin that is really held excuses a skip. A mapper
holds at most ``mappings`` mappings at a time.

Sources: Linux 6.1.192; mainline's check is the same up to 2026.
"""

from racecheck import (
    HOSTILE,
    VICTIM,
    Atomic,
    Ghost,
    Model,
    Process,
    Shared,
    always,
    choose,
    event,
    model,
    one_of,
    progress,
    rest,
    sometimes,
)


class Folio(Shared):
    mapcount = Atomic(0)  # as users see it: the raw _mapcount + 1
    refcount = Atomic(1)  # the page cache's, or the owner's mapping
    mapping = False  # True: page cache; False: anon, and not in the swap cache
    bias = 1024  # GUP_PIN_COUNTING_BIAS
    pins = Ghost(0)  # how many pins are really held


def always_try(folio):  # noqa: ARG001 - a policy gets the folio
    return False


def mainline_check(folio):  # mm/compaction.c:isolate_migratepages_block
    # C leaves the order of the two reads open; here the left one comes first.
    return not folio.mapping and folio.refcount.read() - 1 > folio.mapcount.read()


def isolate_migratepages_block(folio, policy):  # mm/compaction.c
    while True:
        if folio.refcount.add_unless(1, 0):  # get_page_unless_zero
            if policy(folio):
                event("skipped")
            else:
                event("isolated")
            folio.refcount.dec_and_test()


def copy_present_pte(folio):  # mm/memory.c, fork; a fault on a file page has the same order in 6.1
    folio.refcount.inc()
    folio.mapcount.inc()


def zap_pte_range(folio):  # mm/memory.c, munmap and exit
    folio.mapcount.dec_return()
    folio.refcount.dec_and_test()


def hostile_mapper(folio, mappings):
    held = 0
    while True:
        rest()
        if held < mappings and choose():
            copy_present_pte(folio)
            held += 1
        elif held > 0:
            zap_pte_range(folio)
            held -= 1


def hostile_pinner(folio):
    while True:
        rest()
        folio.refcount.add(folio.bias)  # mm/gup.c:try_grab_page
        folio.pins += 1
        rest()
        folio.refcount.sub_and_test(folio.bias)  # mm/gup.c:gup_put_folio
        folio.pins -= 1


@model
def compaction(
    policy=one_of(always_try, mainline_check),
    page=one_of("anon", "file"),
    mappers=1,
    mappings=2,
    pinners=1,
):
    owner = int(page == "anon")  # an anon folio's owner maps it throughout
    folio = Folio(mapcount=owner, mapping=page == "file")
    return Model(
        Process("scanner", isolate_migratepages_block, folio, policy, role=VICTIM),
        Process("mapper", hostile_mapper, folio, mappings, role=HOSTILE, count=mappers),
        Process("pinner", hostile_pinner, folio, role=HOSTILE, count=pinners),
        always("refcount covers mapcount", lambda: folio.refcount >= folio.mapcount),
        sometimes("every mapping is made", lambda: folio.mapcount == owner + mappers * mappings),
        progress(
            "isolated",
            unless=lambda: folio.pins > 0,
            cost={"mappings": lambda: folio.mapcount},
        ),
    )

"""A reader takes a snapshot of the mapcount and the refcount of an order-0 folio.

Others map and unmap the folio meanwhile. Of each snapshot three things are asked: does it show
fewer references than mappings (c03 to c06), does it hide a reference that somebody holds, does it
show one that nobody holds (c06)? Each of ``maps`` mappers completes ``cycles`` maps and unmaps
(0: without end). It has one mapping at a time, so the smallest ``maps`` that breaks a claim is the
number of maps or unmaps that must fall between the two loads.

Sources: Linux 6.1.192 and 6.12.117 ("6.6" here: the order that fault-around has had since 6.6).
"""

from racecheck import (
    Atomic,
    Ghost,
    Lock,
    Model,
    Process,
    Shared,
    always,
    choose,
    model,
    one_of,
    read_together,
    sometimes,
)


class Folio(Shared):
    mapcount = Atomic(1)  # as users see it: the raw _mapcount + 1; the owner maps it throughout
    refcount = Atomic(1)  # next to _mapcount in struct page: one aligned 8-byte load covers both
    pg_locked = Lock()
    surplus = Ghost(0)  # the snapshot's refcount - mapcount - references that are not mappings


def copy_present_pte(folio):  # mm/memory.c, fork: takes no folio lock, for anon and for file pages
    folio.refcount.inc()
    folio.mapcount.inc()


def filemap_map_pages(folio):  # mm/filemap.c, 6.1; finish_fault keeps this order, later too
    folio.refcount.add_unless(1, 0)  # folio_try_get: becomes the page table's reference
    folio.pg_locked.lock()  # fault-around only tries; the fault that follows a failure waits
    folio.mapcount.inc_return()
    folio.pg_locked.unlock()


def filemap_map_order0_folio(folio):  # mm/filemap.c, since 6.6: mapcount first
    folio.refcount.add_unless(1, 0)  # the lookup's own
    folio.pg_locked.lock()
    folio.mapcount.inc_return()  # set_pte_range
    folio.refcount.inc()
    folio.pg_locked.unlock()
    folio.refcount.dec_and_test()


def zap_pte_range(folio):  # mm/memory.c, munmap and exit: takes no folio lock
    folio.mapcount.dec_return()
    folio.refcount.dec_and_test()


FAULT = {"6.1": filemap_map_pages, "6.6": filemap_map_order0_folio}


def map_and_unmap(folio, fault, paths):
    if paths != "forks" and (paths == "faults" or choose()):
        fault(folio)
    else:
        copy_present_pte(folio)
    zap_pte_range(folio)


def mapper(folio, fault, paths, cycles):
    if cycles == 0:
        while True:
            map_and_unmap(folio, fault, paths)
    for _ in range(cycles):
        map_and_unmap(folio, fault, paths)


def reader(folio, read_order, locked, others):
    folio.refcount.add_unless(1, 0)  # get_page_unless_zero
    if locked == "true":
        folio.pg_locked.lock()
    if read_order == "together":
        maps, refs = read_together(folio.mapcount, folio.refcount)
    elif read_order == "mapcount_first":
        maps = folio.mapcount.read()
        refs = folio.refcount.read()
    else:
        refs = folio.refcount.read()
        maps = folio.mapcount.read()
    folio.surplus = refs - maps - others
    if locked == "true":
        folio.pg_locked.unlock()
    folio.refcount.dec_and_test()


@model
def snapshot(
    read_order=one_of("mapcount_first", "refcount_first", "together"),
    locked=one_of("false", "true"),
    page=one_of("anon", "file"),
    kernel=one_of("6.1", "6.6"),
    maps=2,
    cycles=1,
    paths=one_of("all", "faults", "forks"),
):
    """Anon pages are mapped by fork alone; ``paths`` says how file pages are."""
    if page == "anon":
        paths, cache = "forks", 0
    else:
        cache = 1  # the page cache's reference
    others = cache + 1  # references that are not mappings, the reader's own included
    folio = Folio(refcount=cache + 1)
    return Model(
        Process("mapper", mapper, folio, FAULT[kernel], paths, cycles, count=maps),
        Process("reader", reader, folio, read_order, locked, others),
        always("no snapshot shows refcount below mapcount", lambda: folio.surplus >= -others),
        always("no snapshot hides a held reference", lambda: folio.surplus >= 0),
        always("no snapshot shows a reference that nobody holds", lambda: folio.surplus <= 0),
        sometimes("every mapper maps it at once", lambda: folio.mapcount == maps + 1),
    )

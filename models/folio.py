"""The order of every operation on a folio's refcount, mapcount and pincount.

Mappers, plain references, pins and a migration that gives up (anon) work on one folio, which its
owner maps from the start. The properties say what the counters promise at every instant, with no
reader involved: refcount and mapcount (c01: order0, file and anon; c02: kernel=6.6, size=large),
the pin test (c22), and pincount (c23: size=large, page=anon, pinners=2, each value of swapped).

Sources: Linux 6.1.192 and 6.12.117 ("6.6" here: the orders that hold since 6.6). vm_insert_page,
swapin and KSM's replace_page keep the order of copy_present_pte; try_to_unmap_one that of
zap_pte_range. A large folio has ``pages`` pages, each mapped by a PTE (file), or all by one PMD
(anon); mapcount is the sum over its pages, which 6.1 adds up from one counter a page.
"""

from racecheck import (
    Atomic,
    Flag,
    Ghost,
    Lock,
    Model,
    Process,
    Shared,
    always,
    choose,
    model,
    one_of,
    smp_mb,
    smp_mb__after_atomic,
    sometimes,
    u32,
)


class Folio(Shared):
    mapcount = Atomic(1)  # as users see it: the raw _mapcount + 1
    refcount = Atomic(1)
    pincount = Atomic(0)  # large folios only
    pg_locked = Lock()
    ptl = Lock()  # of the owner's page table
    pte = Flag(True)  # the owner's entry is present
    nr = 1  # pages
    entries = 1  # page table entries that map it once
    batch = 1  # entries that one step counts: 6.1 goes one by one
    bias = 1024  # GUP_PIN_COUNTING_BIAS
    held = Ghost(0)  # references that are neither a mapping's nor a page fault's lookup
    lookups = Ghost(0)  # references that page faults took to look the folio up
    grabbing = Ghost(0)  # pins between the first and the second of their two steps
    pins = Ghost(0)  # pins that were returned to their user
    away = Ghost(0)  # migration saw no pin and took the owner's entry


def copy_present_pte(folio, page):  # mm/memory.c, fork of the owner: no folio lock
    folio.ptl.lock()
    if not folio.pte.test():
        folio.ptl.unlock()
        return False
    for _ in range(folio.entries // folio.batch):
        folio.refcount.add(folio.batch)
        if page == "anon" and maybe_dma_pinned(folio):  # page_try_dup_anon_rmap: -EBUSY
            folio.refcount.sub_and_test(folio.batch)  # the child gets a copy of its own
            folio.ptl.unlock()
            return False
        folio.mapcount.add(folio.batch)
    folio.ptl.unlock()
    return True


def filemap_map_pages(folio):  # mm/filemap.c, 6.1; finish_fault keeps this order, later too
    folio.refcount.add_unless(1, 0)  # next_uptodate_page
    folio.lookups += 1
    folio.pg_locked.lock()
    folio.mapcount.inc_return()  # do_set_pte: the lookup's reference becomes the page table's
    folio.lookups -= 1
    for _ in range(folio.entries - 1):
        folio.refcount.inc()
        folio.mapcount.inc_return()
    folio.pg_locked.unlock()


def filemap_map_folio_range(folio):  # mm/filemap.c, since 6.6; filemap_map_order0_folio is the same
    folio.refcount.add_unless(1, 0)  # next_uptodate_folio
    folio.lookups += 1
    folio.pg_locked.lock()
    folio.mapcount.add_return(folio.entries)  # set_pte_range
    folio.refcount.add(folio.entries)
    folio.pg_locked.unlock()
    folio.refcount.dec_and_test()
    folio.lookups -= 1


def zap_pte_range(folio):  # mm/memory.c; the references go later, by mm/swap.c:release_pages
    for _ in range(folio.entries // folio.batch):
        folio.mapcount.sub_return(folio.batch)
    for _ in range(folio.entries // folio.batch):
        folio.refcount.sub_and_test(folio.batch)


def wp_page_copy(folio):  # mm/memory.c: a write to an order-0 folio that is mapped read-only
    folio.refcount.inc()  # do_wp_page
    folio.held += 1
    folio.mapcount.dec_return()
    folio.refcount.dec_and_test()
    folio.held -= 1
    folio.refcount.dec_and_test()


def mapper(folio, page, fault):
    while True:
        if page == "file" and choose():
            fault(folio)
        elif not copy_present_pte(folio, page):
            continue
        if folio.nr == 1 and choose():
            wp_page_copy(folio)
        else:
            zap_pte_range(folio)


def folio_try_get(folio):  # include/linux/page_ref.h; "the folio is never freed": it can't fail
    folio.refcount.add_unless(1, 0)
    folio.held += 1


def folio_get(folio):  # include/linux/mm.h
    folio.refcount.inc()
    folio.held += 1


def folio_put(folio):  # include/linux/mm.h
    folio.refcount.dec_and_test()
    folio.held -= 1


def getter(folio):
    while True:
        folio_try_get(folio)
        folio_put(folio)


def maybe_dma_pinned(folio):  # include/linux/mm.h:folio_maybe_dma_pinned
    if folio.nr > 1:
        return folio.pincount.read() > 0
    return u32(folio.refcount.read()) >= folio.bias


def grab_large(folio, get, swapped):  # mm/gup.c: refcount before pincount, unless swapped
    if swapped == "pin":
        folio.pincount.inc()
        get(folio)
    else:
        get(folio)
        folio.grabbing += 1
        folio.pincount.inc()
        folio.grabbing -= 1


def try_grab_folio(folio, swapped):  # mm/gup.c, GUP-fast; try_grab_folio_fast in 6.12
    if folio.nr > 1:
        grab_large(folio, folio_try_get, swapped)
    else:
        folio_try_get(folio)
        folio.grabbing += 1
        folio.refcount.add(folio.bias - 1)
        folio.held += folio.bias - 1
        folio.grabbing -= 1
    smp_mb__after_atomic()


def gup_pte_range(folio, swapped):  # mm/gup.c, GUP-fast: no lock; backs off if the entry changed
    if not folio.pte.test():
        return False
    try_grab_folio(folio, swapped)
    if folio.pte.test():
        folio.pins += 1
        return True
    gup_put_folio(folio, swapped, returned=0)
    return False


def follow_page_pte(folio, swapped):  # mm/gup.c, under the page table lock
    folio.ptl.lock()
    if not folio.pte.test():
        folio.ptl.unlock()
        return False
    if folio.nr > 1:
        grab_large(folio, folio_get, swapped)
    else:
        folio.refcount.add(folio.bias)  # try_grab_page
        folio.held += folio.bias
    folio.pins += 1
    folio.ptl.unlock()
    return True


def gup_put_folio(folio, swapped, returned=1):  # mm/gup.c: pincount before refcount, unless swapped
    if folio.nr == 1:
        folio.refcount.sub_and_test(folio.bias)
        folio.held -= folio.bias
        folio.pins -= returned
    elif swapped == "unpin":
        folio_put(folio)
        folio.pins -= returned
        folio.pincount.dec()
    else:
        folio.pincount.dec()
        folio.pins -= returned
        folio_put(folio)


def pinner(folio, swapped):
    while True:
        if (choose() and gup_pte_range(folio, swapped)) or follow_page_pte(folio, swapped):
            gup_put_folio(folio, swapped)


def try_to_migrate_one(folio):  # mm/rmap.c
    folio.ptl.lock()
    folio.pte.clear()
    smp_mb()
    if maybe_dma_pinned(folio):  # include/linux/rmap.h:page_try_share_anon_rmap
        folio.pte.set()
        folio.ptl.unlock()
        return False
    folio.away += 1
    folio.mapcount.dec_return()
    folio.refcount.dec_and_test()
    folio.ptl.unlock()
    return True


def remove_migration_pte(folio):  # mm/migrate.c
    folio.ptl.lock()
    folio.refcount.inc()
    folio.mapcount.inc_return()
    folio.pte.set()
    folio.away -= 1
    folio.ptl.unlock()


def migrate_pages(folio):  # mm/migrate.c: gives up late, and maps the old folio again
    while True:
        folio_try_get(folio)  # mm/compaction.c:isolate_migratepages_block
        folio.pg_locked.lock()
        if try_to_migrate_one(folio):
            remove_migration_pte(folio)
        folio.pg_locked.unlock()
        folio_put(folio)


@model
def folio(
    kernel=one_of("6.1", "6.6"),
    size=one_of("order0", "large"),
    page=one_of("file", "anon"),
    mappers=2,
    getters=1,
    pinners=1,
    pages=2,
    swapped=one_of("none", "pin", "unpin"),  # this one does its two steps in the other order
):
    nr = pages if size == "large" else 1
    cache, entries = (nr, nr) if page == "file" else (0, 1)
    batch, fault = (1, filemap_map_pages) if kernel == "6.1" else (entries, filemap_map_folio_range)
    folio = Folio(
        mapcount=entries, refcount=cache + entries, held=cache, nr=nr, entries=entries, batch=batch
    )
    return Model(
        Process("mapper", mapper, folio, page, fault, count=mappers),
        Process("getter", getter, folio, count=getters),
        Process("pinner", pinner, folio, swapped, count=pinners),
        Process("migration", migrate_pages, folio, count=int(page == "anon")),
        always("refcount covers mapcount", lambda: folio.refcount >= folio.mapcount),
        always(
            "refcount covers mappings and held references",
            lambda: folio.refcount >= folio.mapcount + folio.held,
        ),
        always(
            "refcount covers the faults' lookups too",
            lambda: folio.refcount >= folio.mapcount + folio.held + folio.lookups,
        ),
        always("the folio is never freed", lambda: folio.refcount > 0),
        always("pincount never exceeds refcount", lambda: folio.pincount <= folio.refcount),
        always(
            "a returned pin tests as pinned",
            lambda: (
                folio.pins == 0 or (folio.pincount > 0 if nr > 1 else u32(folio.refcount) >= folio.bias)
            ),
        ),
        always("no pin is returned on a folio taken away", lambda: folio.pins * folio.away == 0),
        sometimes(
            "the pin test misses a pin in its two steps",
            lambda: (
                folio.grabbing > 0 and (folio.pincount == 0 if nr > 1 else u32(folio.refcount) < folio.bias)
            ),
        ),
        sometimes("everybody maps it", lambda: folio.mapcount == (1 + mappers) * entries),
        sometimes("everybody pins it", lambda: folio.pins == pinners),
    )

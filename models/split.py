"""The check of compaction on a page that is split off its compound page, or freed, meanwhile.

Before commit 829ae0f81ce0 (2022) the scanner compared page_count() with page_mapcount() without holding a
reference; since then it takes one, but after its look at PG_lru. ``life`` changes when the page becomes
another folio: by the split, or by being freed and allocated again, here by slab, which keeps other things
where the mapcount was. A comparison is of one folio only if both loads fall into one life.

Sources: Linux 6.1.192; the order-1 folio stands for any compound one, mapped by one PTE a page.
"""

from racecheck import Atomic, Flag, Ghost, Lock, Model, Process, Shared, always, model, one_of, sometimes

WHOLE, HEAD, FREE, SLAB = range(4)  # lives of the page


class Page(Shared):
    mapcount = Atomic(2)  # of the whole folio, as total_mapcount() adds it up
    refcount = Atomic(2)
    lru = Flag(True)  # PG_lru
    pg_locked = Lock()
    life = Ghost(WHOLE)
    first = Ghost(WHOLE)  # the life that the first load fell into
    torn = Ghost(0)  # the second load fell into another
    misread = Ghost(0)  # the mapcount of a page that slab has


def compare(page):  # mm/compaction.c: page_count(page) and total_mapcount(page), in either order
    page.refcount.read()
    page.first = page.life
    page.mapcount.read()
    page.torn = page.first != page.life
    page.misread = page.life == SLAB


def scan_with_reference(page):  # mm/compaction.c:isolate_migratepages_block
    if page.lru.test() and page.refcount.add_unless(1, 0):  # get_page_unless_zero
        compare(page)
        put_page(page)


def scan_without(page):  # the same before 2022
    if page.lru.test():
        compare(page)


def put_page(page):  # include/linux/mm.h
    if page.refcount.dec_and_test():
        page.lru.clear()  # mm/swap.c:__page_cache_release


def split_huge_page_to_list(page):  # mm/huge_memory.c
    page.refcount.inc()  # its caller's reference
    page.pg_locked.lock()
    page.mapcount.sub_return(2)  # unmap_folio: to migration entries
    page.refcount.sub_and_test(2)
    split = page.refcount.cmpxchg(1, 0) == 1  # folio_ref_freeze(folio, 1 + extra_pins)
    if split:
        page.refcount.set_release(1)  # of the head, which is a folio of its own now
        page.life = HEAD
    entries = 1 if split else 2
    page.refcount.add(entries)  # remap_page
    page.mapcount.add_return(entries)
    page.pg_locked.unlock()
    put_page(page)


def exit_and_reuse(page):  # the last process that maps it exits
    page.mapcount.sub_return(2)  # mm/memory.c:zap_pte_range
    if page.refcount.sub_and_test(2):  # mm/swap.c:release_pages
        page.life = FREE
        page.lru.clear()
        page.refcount.set(1)  # mm/slub.c:allocate_slab
        page.life = SLAB
        page.mapcount.set(1_000)  # whatever slab keeps there


MEANWHILE = {"split": split_huge_page_to_list, "free": exit_and_reuse}


@model
def split(scan=one_of(scan_with_reference, scan_without), meanwhile=one_of("split", "free")):
    page = Page()
    return Model(
        Process("scanner", scan, page),
        Process("splitter" if meanwhile == "split" else "owner", MEANWHILE[meanwhile], page),
        always("both counters are of one folio", lambda: not page.torn),
        always("the mapcount is a folio's", lambda: not page.misread),
        sometimes("the page becomes another folio", lambda: page.life != WHOLE),
    )

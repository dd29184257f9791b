"""KSM's check that nobody else holds a reference, in mm/ksm.c:write_protect_page, behind its own gate.

KSM holds the folio lock, a reference, and the mmap_lock and the page table lock of the process whose page
it merges, which so cannot fork; it has cleared and flushed that entry before it loads the counts. Others
that map the folio have page tables of their own. May the check pass while somebody holds another reference,
one taken before the entry was cleared? Who writes through it writes into a page that is shared by then.

Source: Linux 6.1.192; 6.12.117 is the same.
"""

from racecheck import Atomic, Flag, Ghost, Lock, Model, Process, Shared, always, model, one_of, sometimes

NONE, CLEAN, DIRTY = range(3)  # a page table entry; DIRTY stands for writable, too: others KSM leaves alone


class Folio(Shared):
    mapcount = Atomic(1)
    refcount = Atomic(2)  # the mapping's and KSM's
    pte = Atomic(DIRTY)  # of the process that KSM looks at
    swapcache = Flag()
    pg_locked = Lock()
    ptl = Lock()  # of that process
    passed = Ghost(0)
    held = Ghost(0)  # references from before the entry was cleared


def write_protect_page(folio, order):  # mm/ksm.c
    folio.pg_locked.lock()  # try_to_merge_one_page
    folio.ptl.lock()  # page_vma_mapped_walk
    swapped = folio.swapcache.test()
    if folio.pte.read() == DIRTY:
        entry = folio.pte.xchg(NONE)  # ptep_clear_flush
        if order == "mapcount_first":
            maps = folio.mapcount.read()
            refs = folio.refcount.read()
        else:
            refs = folio.refcount.read()
            maps = folio.mapcount.read()
        if maps + 1 + swapped == refs:
            entry = CLEAN
            folio.passed = 1
        folio.pte.set(entry)  # set_pte_at
    folio.ptl.unlock()
    folio.pg_locked.unlock()


def copy_present_pte(folio):  # mm/memory.c, fork by one of the others: not under this page table lock
    folio.refcount.inc()
    folio.mapcount.inc()


def zap_pte_range(folio):  # mm/memory.c
    folio.mapcount.dec_return()
    folio.refcount.dec_and_test()


def other(folio):  # forks, and so maps the folio twice, and then exits
    copy_present_pte(folio)
    zap_pte_range(folio)
    zap_pte_range(folio)


def vmsplice(folio):  # mm/gup.c:gup_pte_range with FOLL_GET: no lock; backs off if the entry changed
    if folio.pte.read() == DIRTY:
        folio.refcount.add_unless(1, 0)
        if folio.pte.read() == DIRTY:
            folio.held += 1
        else:
            folio.refcount.dec_and_test()


def reclaim(folio):  # mm/vmscan.c:shrink_folio_list, then mm/swapfile.c:try_to_free_swap
    folio.refcount.add_unless(1, 0)
    folio.pg_locked.lock()
    folio.refcount.inc()  # mm/swap_state.c:add_to_swap_cache
    folio.swapcache.set()
    folio.pg_locked.unlock()
    folio.pg_locked.lock()
    folio.swapcache.clear()  # delete_from_swap_cache
    folio.refcount.dec()
    folio.pg_locked.unlock()
    folio.refcount.dec_and_test()


@model
def ksm(
    order=one_of("mapcount_first", "refcount_first"),
    processes=1,  # that map the folio
    held=one_of("throughout", "by_gup_fast"),  # the other reference
    reclaimed=False,
):
    others = processes - 1
    early = int(held == "throughout")
    folio = Folio(mapcount=processes, refcount=processes + 1 + early, held=early)
    return Model(
        Process("ksmd", write_protect_page, folio, order),
        Process("other", other, folio, count=others),
        Process("vmsplice", vmsplice, folio, count=1 - early),
        Process("reclaim", reclaim, folio, count=int(reclaimed)),
        always("it does not pass while a reference is held", lambda: not (folio.passed and folio.held)),
        sometimes("a reference is held", lambda: folio.held),
    )

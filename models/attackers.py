"""Who works on a folio while compaction looks at it: user space, and kernel code that it can set off.

Each attacker is a process function, and below them a builder of the same attacker's Process. At
``rest()`` it is back in user mode, or in a place where nothing makes it go on, and may stay there. The
orders of steps are those of Linux 6.1.192.
"""

from typing import Any, NamedTuple

from policies import maybe_dma_pinned

from racecheck import HOSTILE, Process, UsageError, atomic, choose, rest, smp_mb__after_atomic


class Sizes(NamedTuple):
    """How many of whom, and what a second scanner runs: a function and its arguments."""

    mappers: int
    mappings: int
    pinners: int
    scan: tuple[Any, ...]


def filemap_map_pages(folio):  # mm/filemap.c; finish_fault has the same order
    if not folio.refcount.add_unless(1, 0):  # next_uptodate_page; fails while migration has it frozen
        return False
    if folio.migrates:
        folio.pg_locked.lock()
    folio.mapcount.inc_return()  # do_set_pte: the lookup's reference becomes the page table's
    if folio.migrates:
        folio.pg_locked.unlock()
    return True


def page_try_dup_anon_rmap(folio):  # include/linux/rmap.h
    with atomic():  # the page table lock and write_protect_seq keep GUP out
        shared = not (folio.anon_exclusive.test() and maybe_dma_pinned(folio))
        if shared:
            folio.anon_exclusive.clear()
            folio.mapcount.inc()
    return shared


def copy_present_pte(folio):  # mm/memory.c, fork
    folio.refcount.inc()
    if folio.page != "anon":
        folio.mapcount.inc()  # page_dup_file_rmap
    elif not page_try_dup_anon_rmap(folio):
        folio.refcount.dec_and_test()  # pinned: the child gets a copy of its own
        return False
    return True


def copy_pte(folio):  # mm/memory.c:copy_pte_range
    if not folio.migrates:
        return copy_present_pte(folio)
    folio.ptl.lock()
    if folio.mapcount.read() > 0:
        copied = copy_present_pte(folio)
    else:
        folio.entries.inc()  # copy_nonpresent_pte: a migration entry holds no reference
        copied = True
    folio.ptl.unlock()
    return copied


def map_page(folio):  # new mappings of an anon folio come by fork only
    return copy_pte(folio) if folio.page == "anon" else filemap_map_pages(folio)


def zap_pte_range(folio):  # mm/memory.c, munmap and exit
    if folio.migrates:
        folio.ptl.lock()
        if (folio.mapcount.read() == 0 or choose()) and folio.entries.dec_if_positive() >= 0:
            folio.ptl.unlock()
            return
    folio.mapcount.dec_return()  # page_remove_rmap
    if folio.migrates:
        folio.ptl.unlock()
    folio.refcount.dec_and_test()  # mm/swap.c:release_pages, after the TLB flush


def maps_and_unmaps(folio, new_mapping, most):
    held = 0
    while True:
        rest()
        if held < most and choose():
            if new_mapping(folio):
                held += 1
        elif held > 0:
            zap_pte_range(folio)
            held -= 1


def foll_get(folio):  # mm/gup.c:try_get_folio; vmsplice keeps the reference as long as its pipe
    while True:
        rest()
        if folio.refcount.add_unless(1, 0):
            rest()
            folio.refcount.dec_and_test()


def folio_activate(folio):  # mm/swap.c: on a CPU whose batch is drained much later; PG_lru stays set
    while True:
        rest()
        if folio.refcount.add_unless(1, 0):  # folio_batch_add_and_move, by who looked the folio up
            rest()
            folio.refcount.dec_and_test()  # folio_batch_move_lru


def vmsplice(folio):  # fs/splice.c: one call, the same page again and again, its pipe being drained
    while True:
        rest()
        if folio.refcount.add_unless(1, 0):  # mm/gup.c:try_get_folio
            while choose():
                folio.refcount.add_unless(1, 0)  # the next before the previous one is dropped
                folio.refcount.dec_and_test()
            folio.refcount.dec_and_test()


def grab_exclusive(folio, references):  # gup_must_unshare: of anon, only exclusive pages are pinned
    with atomic():  # the page table lock keeps fork out
        exclusive = folio.anon_exclusive.test()
        if exclusive:
            folio.refcount.add(references)
    return exclusive


def try_grab_page(folio):  # mm/gup.c, slow GUP
    references = folio.bias if folio.nr == 1 else 1
    if folio.page != "anon":
        folio.refcount.add(references)
    elif not grab_exclusive(folio, references):
        return False
    if folio.nr > 1:
        folio.pincount.inc()
    folio.pins += 1
    return True


def follow_page_pte(folio):  # mm/gup.c, slow GUP
    if not folio.migrates:
        return try_grab_page(folio)
    folio.ptl.lock()
    grabbed = folio.mapcount.read() > 0 and try_grab_page(folio)
    folio.ptl.unlock()
    return grabbed


def gup_pte_range(folio):  # mm/gup.c, GUP-fast: no lock, so it looks again after it has the pin
    if not folio.refcount.add_unless(1, 0):  # try_get_folio
        return False
    if folio.nr > 1:
        folio.pincount.inc()
    else:
        folio.refcount.add(folio.bias - 1)
    smp_mb__after_atomic()
    changed = folio.migrates and folio.mapcount.read() == 0
    if changed or (folio.page == "anon" and not folio.anon_exclusive.test()):
        gup_put_folio(folio, returned=0)
        return False
    folio.pins += 1
    return True


def gup_put_folio(folio, returned=1):  # mm/gup.c
    if folio.nr > 1:
        folio.pincount.dec()
        folio.pins -= returned
        folio.refcount.dec_and_test()
    else:
        folio.refcount.sub_and_test(folio.bias)
        folio.pins -= returned


def pins_and_unpins(folio, pin):
    while True:
        rest()
        if pin(folio):
            rest()
            gup_put_folio(folio)


def truncate_inode_pages_range(folio):  # mm/truncate.c: its folio is not mapped
    if not folio.refcount.add_unless(1, 0):  # find_lock_entries
        return False
    if folio.migrates:
        folio.pg_locked.lock()
    if folio.private.test_and_clear():  # folio_detach_private
        folio.refcount.dec_and_test()
    folio.mapping.clear()  # page_cache_delete
    folio.refcount.sub_and_test(folio.nr)  # filemap_free_folio
    if folio.migrates:
        folio.pg_locked.unlock()
    folio.refcount.dec_and_test()
    return True


def filemap_add_folio(folio):  # mm/filemap.c: if the page is free, the file may get it again
    with atomic():  # the scanner sees it when it comes to the LRU
        added = folio.refcount.cmpxchg(0, folio.nr) == 0
        if added:
            folio.mapping.set()
    return added


def truncates_and_reads(folio):
    cached = True
    while True:
        rest()
        cached = not truncate_inode_pages_range(folio) if cached else filemap_add_folio(folio)


def hostile(name, function, *args, count=1):
    return Process(name, function, *args, role=HOSTILE, count=count)


def mapper(folio, sizes):
    """Maps the folio up to ``mappings`` times: by page faults, or by fork (anon)."""
    return hostile("mapper", maps_and_unmaps, folio, map_page, sizes.mappings, count=sizes.mappers)


def processes(folio, sizes):
    """So many processes as the mapper has mappings, with one each."""
    return hostile("process", maps_and_unmaps, folio, map_page, 1, count=sizes.mappings)


def forker(folio, sizes):
    """Forks, for each mapping once."""
    return hostile("forker", maps_and_unmaps, folio, copy_pte, sizes.mappings, count=sizes.mappers)


def pinner(folio, sizes):
    """Pins by slow GUP."""
    return hostile("pinner", pins_and_unpins, folio, follow_page_pte, count=sizes.pinners)


def fast_pinner(folio, sizes):
    """Pins by GUP-fast."""
    return hostile("fast pinner", pins_and_unpins, folio, gup_pte_range, count=sizes.pinners)


def holder(folio, sizes):  # noqa: ARG001 - builders are called alike
    """Holds a plain reference."""
    return hostile("holder", foll_get, folio)


def lru_batch(folio, sizes):  # noqa: ARG001
    """Leaves a reference in the LRU batch of another CPU."""
    return hostile("other CPU", folio_activate, folio)


def relay(folio, sizes):  # noqa: ARG001
    """Holds a reference for as long as it chooses to, without ever stopping while it does."""
    return hostile("vmsplice", vmsplice, folio)


def truncation(folio, sizes):  # noqa: ARG001
    """Truncates the file, and reads the page in again."""
    if folio.page == "anon" or folio.swapcache:
        raise UsageError("truncation is for folios in the page cache: page=file or page=shmem")
    return hostile("truncation", truncates_and_reads, folio)


def twin(folio, sizes):  # noqa: ARG001
    """A second scanner with the same policy: kernel code, which never rests."""
    return Process("second scanner", *sizes.scan)


ATTACKERS = (
    (mapper, pinner),
    (),
    (mapper,),
    (processes,),
    (forker,),
    (pinner,),
    (fast_pinner,),
    (mapper, fast_pinner),
    (holder,),
    (lru_batch,),
    (relay,),
    (twin,),
    (mapper, twin),
    (truncation,),
    (truncation, holder),
)


def most_mappings(attackers, sizes):
    """How many mappings they can have at once."""
    several = sizes.mappers * sizes.mappings
    each = {mapper: several, forker: several, processes: sizes.mappings}
    return sum(each.get(attacker, 0) for attacker in attackers)


def most_pins(attackers, sizes):
    """How many pins they can have at once."""
    return sizes.pinners if {pinner, fast_pinner} & set(attackers) else 0

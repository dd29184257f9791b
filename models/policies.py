"""The tests by which compaction's scanner might skip a folio: mainline's, the mailing list's, and one load.

A policy gets the folio and returns True for "skip". It loads what its source loads, in that order, one
step a load. Where the refcount and the mapcount are operands of one comparison, C leaves their order
open: a policy loads the left operand first, and a second one of its name with ``_mapcount_first`` or
``_refcount_first`` the other. The scanner holds a reference, except for those in ``UNREFERENCED``.

Sources: Linux 6.1.192, and the linux-mm thread "mm, compaction: Skip all non-migratable pages during
scan" of May 2023.
"""

from racecheck import Atomic, Flag, Ghost, Lock, Shared, UsageError, read_together, s32, u32, u64


class Folio(Shared):
    """Constants are what no attacker changes. A large folio is mapped by one entry each time, a PMD."""

    mapcount = Atomic(0)  # as users see it: the raw _mapcount + 1; _large_mapcount + 1 since 6.10
    refcount = Atomic(1)  # next to _mapcount in struct page, in an order-0 folio
    pincount = Atomic(0)  # large folios only
    mapping = Flag()  # folio->mapping is an address_space: the folio is in the page cache
    private = Flag()  # PG_private: the file system keeps data with it
    anon_exclusive = Flag()  # PageAnonExclusive: no other process can have it mapped
    page = "anon"
    swapcache = False  # PG_swapcache
    nr = 1  # folio_nr_pages: so many references each from the page cache and the swap cache
    movable = False  # in ZONE_MOVABLE or CMA
    bias = 1024  # GUP_PIN_COUNTING_BIAS
    limit = 32  # of the skip_folio_in_isolation sketches
    migrates = False  # models/migration.py: mappings become migration entries, and the locks count
    entries = Atomic(0)  # migration entries
    lru = Flag(True)  # PG_lru
    ptl = Lock()  # one for all page tables
    pg_locked = Lock()
    pins = Ghost(0)  # how many pins are really held
    tried = Ghost(0)  # the scanner has isolated it


def folio_at_rest(owner, page, size, private, swapcache, longterm, **constants):
    """The folio that nobody works on; ``owner`` of its mappings are not the attackers'."""
    for wrong, why in (
        (private and page != "file", "private data is for page=file"),
        (swapcache and page == "file", "the swap cache is for page=anon and page=shmem"),
        (longterm and constants["movable"], "movable memory holds no long-term pins"),
    ):
        if wrong:
            raise UsageError(why)
    nr = 512 if size == "large" else 1
    cached = page != "anon" and not swapcache  # shmem in the swap cache has left the page cache
    pin = constants["bias"] if size == "order0" else 1
    return Folio(
        mapcount=owner,
        refcount=owner + (cached + swapcache) * nr + private + longterm * pin,
        pincount=longterm if size == "large" else 0,
        mapping=cached,
        private=private,
        anon_exclusive=page == "anon",
        page=page,
        swapcache=swapcache,
        nr=nr,
        pins=int(longterm),
        **constants,
    )


def folio_mapping(folio):  # mm/util.c: not NULL in the swap cache, NULL for other anon folios
    return folio.swapcache or folio.mapping.test()


def refcount_first(folio):
    refs = folio.refcount.read()
    return refs, folio.mapcount.read()


def mapcount_first(folio):
    maps = folio.mapcount.read()
    return folio.refcount.read(), maps


def always_try(folio):  # noqa: ARG001 - a policy gets the folio
    return False


def mainline_check(folio, counts=refcount_first):  # mm/compaction.c:isolate_migratepages_block
    if folio_mapping(folio):
        return False
    refs, maps = counts(folio)
    return refs - 1 > maps


def mainline_check_mapcount_first(folio):
    return mainline_check(folio, mapcount_first)


def unreferenced_check(folio, counts=refcount_first):  # the same before commit 829ae0f81ce0
    if folio_mapping(folio):
        return False
    refs, maps = counts(folio)
    return refs > maps


def unreferenced_check_mapcount_first(folio):
    return unreferenced_check(folio, mapcount_first)


def aziz_v2(folio, counts=refcount_first):  # is_pinned_page in v1, page_has_extrarefs in v2
    extra = 1 + folio.private.test() if folio_mapping(folio) else int(folio.swapcache)
    refs, maps = counts(folio)
    return u64(refs - extra) > u64(maps)


def aziz_v2_mapcount_first(folio):
    return aziz_v2(folio, mapcount_first)


def aziz_v3(folio, counts=refcount_first):  # page_has_extra_refs
    extra = 1 + folio.swapcache if folio.page == "anon" else 2 + folio.private.test()
    refs, maps = counts(folio)
    return u64(refs - extra) > u64(maps)


def aziz_v3_mapcount_first(folio):
    return aziz_v3(folio, mapcount_first)


def folio_expected_refs(folio, mapping):  # mm/migrate.c
    return 1 + folio.nr + folio.private.test() if mapping else 1


def aziz_v4(folio, counts=refcount_first):  # page_has_extra_refs, for all but cc->alloc_contig
    mapping = folio_mapping(folio)  # by the caller
    if folio.movable:
        return False
    extra = folio_expected_refs(folio, mapping)
    refs, maps = counts(folio)
    return u64(refs - extra) > u64(maps)


def aziz_v4_mapcount_first(folio):
    return aziz_v4(folio, mapcount_first)


def maybe_dma_pinned(folio):  # include/linux/mm.h:folio_maybe_dma_pinned
    if folio.nr > 1:
        return folio.pincount.read() > 0
    return u32(folio.refcount.read()) >= folio.bias


def wilcox_difference(folio, counts=refcount_first):  # the mail of 29 May 2023
    if folio.nr > 1:
        return folio.pincount.read() > 0
    refs, maps = counts(folio)
    return u32(refs - maps) >= folio.bias


def wilcox_difference_mapcount_first(folio):
    return wilcox_difference(folio, mapcount_first)


def wilcox_signed(folio, counts=refcount_first):  # the same without the cast, and with a signed bias
    if folio.nr > 1:
        return folio.pincount.read() > 0
    refs, maps = counts(folio)
    return s32(refs - maps) >= folio.bias


def wilcox_signed_mapcount_first(folio):
    return wilcox_signed(folio, mapcount_first)


def longterm_pinned(folio):  # Hildenbrand's folio_maybe_dma_longterm_pinned
    if folio.movable or folio.page == "file":
        return False
    return maybe_dma_pinned(folio)


# His skip_folio_in_isolation, with either test, and with either operator of its garbled last line
# "folio_order(folio) != 0 || && total_mappings <= 32".


def few_mappings(folio):
    return folio.mapcount.read() <= folio.limit


def skip_longterm_or(folio):
    return longterm_pinned(folio) and (folio.nr > 1 or few_mappings(folio))


def skip_longterm_and(folio):
    return longterm_pinned(folio) and folio.nr > 1 and few_mappings(folio)


def skip_pinned_or(folio):
    return maybe_dma_pinned(folio) and (folio.nr > 1 or few_mappings(folio))


def skip_pinned_and(folio):
    return maybe_dma_pinned(folio) and folio.nr > 1 and few_mappings(folio)


def ksm_check(folio, counts=mapcount_first):  # mm/ksm.c:write_protect_page, there under locks
    refs, maps = counts(folio)
    return maps + 1 + folio.swapcache != refs


def ksm_check_refcount_first(folio):
    return ksm_check(folio, refcount_first)


def anon_exclusive_shortcut(folio):  # folio_maybe_dma_pinned with commit 0575860d0646, never merged
    if folio.nr == 1 and folio.page == "anon" and not folio.anon_exclusive.test():
        return False
    return maybe_dma_pinned(folio)


def folio_expected_ref_count(folio):  # include/linux/mm.h, since 6.16
    if folio.page == "anon":
        return folio.swapcache * folio.nr + folio.mapcount.read()
    cache = folio.swapcache * folio.nr + folio.mapping.test() * folio.nr
    return cache + folio.private.test() + folio.mapcount.read()


def expected_ref_count(folio):  # as mm/gup.c and mm/migrate.c compare it
    refs = folio.refcount.read()
    return refs != folio_expected_ref_count(folio) + 1


def expected_ref_count_mapcount_first(folio):
    expected = folio_expected_ref_count(folio)
    return folio.refcount.read() != expected + 1


def one_load(folio):  # no kernel has it: the difference, of one load that covers both words
    if folio.nr > 1:  # whose counters are in no single word
        return folio.pincount.read() > 0
    refs, maps = read_together(folio.refcount, folio.mapcount)
    return u32(refs - maps) >= folio.bias


UNREFERENCED = (unreferenced_check, unreferenced_check_mapcount_first)
REFCOUNT_AGAINST_BIAS = (
    maybe_dma_pinned,
    longterm_pinned,
    skip_longterm_or,
    skip_pinned_or,
    anon_exclusive_shortcut,
)
DIFFERENCE_AGAINST_BIAS = (wilcox_signed, wilcox_signed_mapcount_first)  # and does not wrap

POLICIES = (
    always_try,
    mainline_check,
    mainline_check_mapcount_first,
    *UNREFERENCED,
    aziz_v2,
    aziz_v2_mapcount_first,
    aziz_v3,
    aziz_v3_mapcount_first,
    aziz_v4,
    aziz_v4_mapcount_first,
    maybe_dma_pinned,
    wilcox_difference,
    wilcox_difference_mapcount_first,
    wilcox_signed,
    wilcox_signed_mapcount_first,
    longterm_pinned,
    skip_longterm_or,
    skip_longterm_and,
    skip_pinned_or,
    skip_pinned_and,
    ksm_check,
    ksm_check_refcount_first,
    anon_exclusive_shortcut,
    expected_ref_count,
    expected_ref_count_mapcount_first,
    one_load,
)

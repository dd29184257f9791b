"""What C makes of the subtractions in pin tests, when the folio changes between their loads.

The difference of refcount and mapcount is compared with GUP_PIN_COUNTING_BIAS (Wilcox), or the refcount
less the references that are expected with the mapcount (Aziz, v3 and v4, in unsigned long). A reader with
a reference and no lock evaluates one of them once, in whole numbers as well. ``race`` says what goes on
meanwhile: ``maps`` mappers that map and unmap the folio once each, or one task that takes an expected
reference away.

Sources: Linux 6.1.192, and the linux-mm thread of May 2023.
"""

from racecheck import (
    Atomic,
    Flag,
    Ghost,
    Model,
    Process,
    Shared,
    UsageError,
    always,
    model,
    one_of,
    read_together,
    s32,
    u32,
    u64,
)


class Folio(Shared):
    mapcount = Atomic(1)
    refcount = Atomic(1)
    mapping = Flag()  # folio->mapping is an address_space
    private = Flag()  # PG_private
    swapcache = Flag()  # PG_swapcache
    bias = 1024  # GUP_PIN_COUNTING_BIAS
    wrapped = Ghost(0)  # the subtraction went below 0
    changed = Ghost(0)  # the cast changed the outcome


def refcount_first(folio):
    refs = folio.refcount.read()
    return refs, folio.mapcount.read()


def mapcount_first(folio):
    maps = folio.mapcount.read()
    return folio.refcount.read(), maps


def together(folio):  # no kernel has it
    return read_together(folio.refcount, folio.mapcount)


def difference(folio, counts, constant):  # (unsigned)(refcount - mapcount) >= GUP_PIN_COUNTING_BIAS
    refs, maps = counts(folio)
    without = s32(refs - maps)  # int, and compared as int with a signed constant;
    if constant == "unsigned":  # with 1U << 10 the comparison itself makes it unsigned
        without = u32(without)
    folio.changed = (u32(refs - maps) >= folio.bias) != (without >= folio.bias)
    folio.wrapped = refs < maps


def v3(folio, counts, page):  # page_has_extra_refs
    extra = 1 + (folio.swapcache.test() if page == "anon" else 1 + folio.private.test())
    return extra_refs(folio, counts, extra)


def v4(folio, counts, page):  # noqa: ARG001 - folio_expected_refs asks for a mapping alone
    extra = 1 + (1 + folio.private.test() if folio.mapping.test() or folio.swapcache.test() else 0)
    return extra_refs(folio, counts, extra)


def extra_refs(folio, counts, extra):  # refcount - extra > mapcount; extra is unsigned long
    refs, maps = counts(folio)
    folio.changed = (u64(refs - extra) > u64(maps)) != (refs - extra > maps)
    folio.wrapped = refs < extra


def evaluate(folio, expression, counts, argument):
    folio.refcount.add_unless(1, 0)
    expression(folio, counts, argument)


def map_and_unmap(folio):  # mm/memory.c:copy_present_pte and zap_pte_range
    folio.refcount.inc()
    folio.mapcount.inc()
    folio.mapcount.dec_return()
    folio.refcount.dec_and_test()


def truncate(folio):  # mm/truncate.c:truncate_inode_pages_range
    folio.refcount.add_unless(1, 0)  # find_lock_entries
    if folio.private.test_and_clear():  # folio_detach_private
        folio.refcount.dec_and_test()
    folio.mapping.clear()  # page_cache_delete
    folio.refcount.dec_and_test()  # filemap_free_folio
    folio.refcount.dec_and_test()


def release_private(folio):  # mm/filemap.c:filemap_release_folio, by who looked the folio up
    folio.refcount.add_unless(1, 0)
    folio.private.clear()
    folio.refcount.dec_and_test()  # folio_detach_private
    folio.refcount.dec_and_test()


def free_swap(folio):  # mm/swap_state.c:delete_from_swap_cache, by who looked the folio up
    folio.refcount.add_unless(1, 0)
    folio.swapcache.clear()
    folio.refcount.dec()
    folio.refcount.dec_and_test()


COUNTS = {"refcount_first": refcount_first, "mapcount_first": mapcount_first, "together": together}
EXPRESSIONS = {"difference": difference, "v3": v3, "v4": v4}
RACES = {"maps": map_and_unmap, "truncation": truncate, "private": release_private, "swap": free_swap}


@model
def subtraction(
    expression=one_of("difference", "v3", "v4"),
    constant=one_of("unsigned", "signed"),  # GUP_PIN_COUNTING_BIAS, of the difference
    read_order=one_of("refcount_first", "mapcount_first", "together"),
    page=one_of("anon", "file"),
    race=one_of("maps", "truncation", "private", "swap"),
    maps=2,
    mapped=1,  # throughout
):
    if race == "truncation" and mapped:
        raise UsageError("truncation finds the folio unmapped: mapped=0")
    if page == "anon" and race == "maps" and not mapped:
        raise UsageError(
            "nothing keeps an anon folio that is neither mapped nor in the swap cache: mapped=1"
        )
    if (race in ("truncation", "private")) > (page == "file") or (race == "swap") > (page == "anon"):
        raise UsageError(f"race={race} does not befall page={page}")
    private, swapcache = page == "file" and race != "maps", race == "swap"
    cache = page == "file"
    folio = Folio(
        mapcount=mapped,
        refcount=mapped + cache + private + swapcache,
        mapping=cache,
        private=private,
        swapcache=swapcache,
    )
    argument = constant if expression == "difference" else page
    return Model(
        Process("reader", evaluate, folio, EXPRESSIONS[expression], COUNTS[read_order], argument),
        Process(race, RACES[race], folio, count=maps if race == "maps" else 1),
        always("the subtraction does not go below 0", lambda: not folio.wrapped),
        always("being unsigned changes no outcome", lambda: not folio.changed),
    )

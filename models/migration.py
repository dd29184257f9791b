"""Compaction to its end: a folio that was isolated must be migrated, or it has failed all the same.

The scanner's attempt goes on where ``compaction`` ends: lock the folio, turn its mappings into migration
entries, compare its references with the expected ones, move it, map it again. "migrated" is what its
attackers must prevent, by whatever: a skip, a lost comparison, a mapping that comes back. The folio that
is mapped again stands for the new one, and becomes what the scanner finds next. Somebody who takes no
other part maps the folio from the start; of the page table locks there is one for all.

Sources: Linux 6.1.192, where an anon folio outside the swap cache is compared and not frozen.
"""

from attackers import ATTACKERS, Sizes, most_mappings, most_pins, truncation
from compaction import scanner_of
from policies import POLICIES, folio_at_rest, folio_expected_refs, folio_mapping, maybe_dma_pinned

from racecheck import VICTIM, Model, Process, always, atomic, event, model, one_of, progress, sometimes


def isolate_and_migrate(folio):  # mm/compaction.c:isolate_migratepages_block, and then migrate_pages
    if folio.lru.test_and_clear():
        event("isolated")
        unmap_and_move(folio)
        folio.lru.set()  # putback_lru_page


def unmap_and_move(folio):  # mm/migrate.c
    folio.pg_locked.lock()
    try_to_migrate(folio)
    moved = folio.mapcount.read() == 0 and folio_migrate_mapping(folio)
    event("migrated" if moved else "failed")
    remove_migration_ptes(folio)
    folio.pg_locked.unlock()


def try_to_migrate(folio):  # mm/rmap.c
    while try_to_migrate_one(folio):
        pass


def try_to_migrate_one(folio):  # mm/rmap.c: False when no mapping is left, or the folio is pinned
    folio.ptl.lock()
    with atomic():  # it clears the entry and looks for pins; GUP-fast pins and looks at the entry
        left = folio.mapcount.read() > 0 and not pinned_exclusively(folio)
        if left:
            folio.mapcount.dec_return()
    if left:
        with atomic():  # the entries are nobody's business but the page table lock's
            folio.refcount.dec_and_test()
            folio.entries.inc()
    folio.ptl.unlock()
    return left


def pinned_exclusively(folio):  # include/linux/rmap.h:page_try_share_anon_rmap
    return folio.page == "anon" and folio.anon_exclusive.test() and maybe_dma_pinned(folio)


def folio_migrate_mapping(folio):  # mm/migrate.c
    mapping = folio_mapping(folio)
    expected = folio_expected_refs(folio, mapping)
    if not mapping:
        return folio.refcount.read() == expected
    if folio.refcount.cmpxchg(expected, 0) != expected:  # page_ref_freeze
        return False
    folio.refcount.set_release(expected)  # page_ref_unfreeze; the new folio has as many
    return True


def remove_migration_ptes(folio):  # mm/migrate.c
    while remove_migration_pte(folio):
        pass


def remove_migration_pte(folio):  # mm/migrate.c: False when no entry is left
    folio.ptl.lock()
    left = folio.entries.dec_if_positive() >= 0
    if left:
        folio.refcount.inc()
        folio.mapcount.inc_return()
    folio.ptl.unlock()
    return left


@model
def migration(
    policy=one_of(*POLICIES),
    attackers=one_of(*ATTACKERS, compared=False),
    page=one_of("anon", "file", "shmem", compared=False),
    size=one_of("order0", "large", compared=False),
    private=False,
    swapcache=False,
    longterm=False,  # somebody else holds a long-term pin, from the start and for ever
    movable=False,
    mappers=1,
    mappings=2,  # of each mapper
    pinners=1,
    bias=1024,
    limit=32,
):
    owner = int(truncation not in attackers)
    folio = folio_at_rest(
        owner, page, size, private, swapcache, longterm,
        movable=movable, bias=bias, limit=limit, migrates=True,
    )  # fmt: skip
    scan = scanner_of(policy), folio, policy, isolate_and_migrate
    sizes = Sizes(mappers, mappings, pinners, scan)
    forked = not (longterm and page == "anon")  # who forks a pinned folio gets a copy
    most = owner + forked * most_mappings(attackers, sizes)
    pins = longterm + most_pins(attackers, sizes)
    return Model(
        Process("compaction", *scan, role=VICTIM),
        *(attacker(folio, sizes) for attacker in attackers),
        always("refcount covers mapcount", lambda: folio.refcount >= folio.mapcount),
        always("migration entries are for a locked folio", lambda: not folio.entries or folio.pg_locked),
        sometimes("every mapping is made", lambda: folio.mapcount == most),
        sometimes("every pin is taken", lambda: folio.pins == pins),
        progress(
            "migrated",
            unless=lambda: folio.pins > 0 or (folio.refcount == 0 and not folio.pg_locked),
            cost={"mappings": lambda: folio.mapcount + folio.entries - owner},
        ),
    )

"""Is a policy exact at rest, wherever the others have stopped?

The look is one step here, so that nobody moves during it: what is left is what the policy computes. It is
exact if it skips the folio just when somebody else holds a reference: somebody other than mappings, caches,
private data and the reader. Whoever takes an expected reference away holds one himself while he does.

Sources: Linux 6.1.192.
"""

from policies import POLICIES, folio_at_rest

from racecheck import Ghost, Model, Process, Shared, UsageError, always, atomic, model, one_of


class Others(Shared):
    hold = Ghost(0)  # references
    misjudged = Ghost(0)


def look(folio, policy, others):  # mm/compaction.c:isolate_migratepages_block
    if folio.refcount.add_unless(1, 0):  # get_page_unless_zero
        with atomic():
            skipped = policy(folio)
            others.misjudged = skipped != (others.hold > 0)
        folio.refcount.dec_and_test()


def hold(folio, others):  # mm/gup.c:try_get_folio
    folio.refcount.add_unless(1, 0)
    others.hold += 1
    folio.refcount.dec_and_test()
    others.hold -= 1


def truncate(folio, others):  # mm/truncate.c:truncate_inode_pages_range
    folio.refcount.add_unless(1, 0)  # find_lock_entries
    others.hold += 1
    if folio.private.test_and_clear():  # folio_detach_private
        folio.refcount.dec_and_test()
    folio.mapping.clear()  # page_cache_delete
    folio.refcount.sub_and_test(folio.nr)  # filemap_free_folio
    folio.refcount.dec_and_test()
    others.hold -= 1


WHO = {"nobody": hold, "holder": hold, "truncation": truncate}


@model
def exact(
    policy=one_of(*POLICIES),
    page=one_of("anon", "file", "shmem", compared=False),
    size=one_of("order0", "large", compared=False),
    private=False,
    swapcache=False,
    who=one_of("nobody", "holder", "truncation", compared=False),
):
    if who == "truncation" and (page == "anon" or swapcache):
        raise UsageError("truncation is for folios in the page cache: page=file or page=shmem")
    mapped = int(who != "truncation")
    folio = folio_at_rest(mapped, page, size, private, swapcache, longterm=False, movable=False, bias=1024)
    others = Others()
    return Model(
        Process("reader", look, folio, policy, others),
        Process(who, WHO[who], folio, others, count=int(who != "nobody")),
        always("it skips if and only if somebody else holds a reference", lambda: not others.misjudged),
    )

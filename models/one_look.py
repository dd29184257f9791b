"""One look at a folio: what does a policy say of it, at rest or while others map and unmap it?

At rest are ``mapped`` mappings and whatever else the parameters name; each of ``maps`` mappers maps and
unmaps the folio once, at any time. A look that skips a folio which nobody but mappings, caches and the
reader hold is a false positive; one that lets a folio pass which somebody pins all the time a false
negative.

Sources: as in policies.py and attackers.py.
"""

from attackers import map_page, zap_pte_range
from policies import POLICIES, folio_at_rest

from racecheck import Ghost, Model, Process, Shared, UsageError, always, model, one_of, sometimes


class Look(Shared):
    skipped = Ghost(0)


def scan_once(folio, policy, referenced, look):  # mm/compaction.c:isolate_migratepages_block
    if referenced:
        folio.refcount.add_unless(1, 0)  # get_page_unless_zero
    if policy(folio):
        look.skipped = 1
    else:
        folio.tried = 1


def map_and_unmap(folio):
    if map_page(folio):
        zap_pte_range(folio)


@model
def one_look(
    policy=one_of(*POLICIES),
    page=one_of("anon", "file", "shmem", compared=False),
    size=one_of("order0", "large", compared=False),
    private=False,
    swapcache=False,
    longterm=False,  # somebody holds a long-term pin all the time
    movable=False,
    referenced=True,  # the reader has a reference of its own
    mapped=1,  # throughout
    maps=0,  # come and go
    bias=1024,
    limit=32,
):
    if page == "anon" and mapped > 1:
        raise UsageError(f"mapped={mapped} with page=anon: it is forked to others with maps")
    folio = folio_at_rest(
        mapped, page, size, private, swapcache, longterm, movable=movable, bias=bias, limit=limit
    )
    seen = Look()
    most = mapped + maps * (not (longterm and page == "anon"))  # who forks a pinned folio gets a copy
    return Model(
        Process("reader", scan_once, folio, policy, referenced, seen),
        Process("mapper", map_and_unmap, folio, count=maps),
        always("a pinned folio is skipped", lambda: not (folio.tried and folio.pins)),
        always("an unpinned folio is not skipped", lambda: folio.pins or not seen.skipped),
        sometimes("everybody maps it at once", lambda: folio.mapcount == most),
    )

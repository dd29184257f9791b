"""Compaction's scanner tries to isolate a folio that others map, pin and hold references to.

What must they do so that the scanner skips the folio for ever? The policy is the scanner's test, run
without any lock. A pin that is really held excuses a skip, and so does a folio that is free: it is what
compaction wants.

Sources: Linux 6.1.192; large folios as in 6.12, where they reach the test. The scanner's attempt has
not changed up to 2026.
"""

from attackers import ATTACKERS, Sizes, forker, mapper, most_mappings, most_pins, pinner, processes
from policies import (
    DIFFERENCE_AGAINST_BIAS,
    POLICIES,
    REFCOUNT_AGAINST_BIAS,
    UNREFERENCED,
    anon_exclusive_shortcut,
    folio_at_rest,
    longterm_pinned,
    skip_longterm_or,
)

from racecheck import VICTIM, Model, Process, always, event, model, one_of, progress, sometimes


def isolate_migratepages_block(folio, policy, isolate):  # mm/compaction.c
    while True:
        if folio.refcount.add_unless(1, 0):  # get_page_unless_zero
            if policy(folio):
                event("skipped")
            else:
                isolate(folio)
            folio.refcount.dec_and_test()


def isolate_without_reference(folio, policy, isolate):  # the same before commit 829ae0f81ce0
    while True:
        if not folio.lru.test():
            continue
        if policy(folio):
            event("skipped")
        elif folio.refcount.add_unless(1, 0):
            isolate(folio)
            folio.refcount.dec_and_test()


def scanner_of(policy):
    return isolate_without_reference if policy in UNREFERENCED else isolate_migratepages_block


def isolated(folio):  # and put back at once; models/migration.py goes on from here
    event("isolated")
    folio.tried = 1


@model
def compaction(
    policy=one_of(*POLICIES),
    attackers=one_of(*ATTACKERS, compared=False),
    page=one_of("anon", "file", "shmem", compared=False),
    size=one_of("order0", "large", compared=False),
    private=False,
    swapcache=False,
    longterm=False,  # somebody else holds a long-term pin, from the start and for ever
    movable=False,
    mappers=1,
    mappings=1100,  # of each mapper
    pinners=1,
    bias=1024,
    limit=32,
):
    owner = int(page == "anon")  # an anon folio's owner maps it throughout
    folio = folio_at_rest(
        owner, page, size, private, swapcache, longterm, movable=movable, bias=bias, limit=limit
    )
    scan = scanner_of(policy), folio, policy, isolated
    sizes = Sizes(mappers, mappings, pinners, scan)
    forked = not (longterm and page == "anon")  # who forks a pinned folio gets a copy
    most = owner + forked * most_mappings(attackers, sizes)
    pins = longterm + most_pins(attackers, sizes)
    return Model(
        Process("scanner", *scan, role=VICTIM),
        *(attacker(folio, sizes) for attacker in attackers),
        always("refcount covers mapcount", lambda: folio.refcount >= folio.mapcount),
        sometimes("every mapping is made", lambda: folio.mapcount == most),
        sometimes("every pin is taken", lambda: folio.pins == pins),
        *([always("a pinned folio is not tried", lambda: not folio.tried)] if longterm else []),
        progress(
            "isolated",
            unless=lambda: folio.pins > 0 or folio.refcount == 0,
            cost={"mappings": lambda: folio.mapcount - owner},
        ),
    )


def counted(policy, page, private, swapcache, movable):
    """The references that the policy compares with the bias and that are no attacker's mappings.

    None where the bias decides nothing: the policy compares none, or its subtraction wraps long before.
    """
    others = 1 + (page != "anon" or swapcache) + private  # the first is the scanner's
    if policy in DIFFERENCE_AGAINST_BIAS:
        return others
    if policy in (longterm_pinned, skip_longterm_or) and (movable or page == "file"):
        return None
    if policy is anon_exclusive_shortcut and page == "anon":  # a fork makes it shared
        return None
    return others + (page == "anon") if policy in REFCOUNT_AGAINST_BIAS else None  # the owner's mapping


def small(policy, attackers, page, size, private, swapcache, longterm, movable, **_):
    """Below and at the number of mappings that reaches the bias, alone or in the scanner's two loads."""
    own = counted(policy, page, private, swapcache, movable)
    mapping = {mapper, forker, processes} & set(attackers)
    if own is None or size == "large" or longterm or not mapping or set(attackers) - mapping - {pinner}:
        return None
    reached = 8 - own
    return tuple(
        {"mappers": 1, "mappings": mappings, "bias": 8, "limit": 2} for mappings in (reached - 1, reached)
    )


compaction = compaction.scaled(small)

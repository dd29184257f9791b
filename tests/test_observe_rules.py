"""What breaks a rule and what does not; what is no attempt of compaction; what a log cannot tell."""

import pytest
from kernel_log import changes, page_of

from racecheck.observe import lexicon as names
from racecheck.observe.records import FREEZE, HEAD, LOCKED, LRU, MOD, SET, TEST, UNFREEZE, UNLESS


def test_a_scanner_is_known_without_events():
    """Isolation shows by the flags: the page leaves the LRU, and is locked when it is unmapped."""
    page = page_of(
        changes(
            (1, UNLESS, 1, 1, 3, 1, LRU),
            (1, TEST, -1, 0, 2, 0, LOCKED),
            (1, FREEZE, 2, 1, 0, 0, LOCKED),
            (1, UNFREEZE, 1, -1, 1, 0, LOCKED),
            (1, TEST, -1, 1, 0, 0, 0),
        )
    )

    assert page.operations == {names.ISOLATE: 1, names.FROZEN: 1, names.MIGRATED: 1}
    assert [attempt.outcome for attempt in page.attempts] == ["migrated"]


def test_a_torn_read():
    """A refcount that was read before another mapping, and a mapcount after it."""
    page = page_of(
        changes(
            (1, MOD, 1, -1, 3, 3, 0),
            (2, MOD, 1, -1, 3, 4, 0),
            (1, MOD, 1, -1, 5, 3, 0),
            (2, MOD, 1, -1, 6, 4, 0),
        )
    )

    assert [(f.rule, f.line, f.judged) for f in page.findings] == [
        ("refcount covers mapcount", 2, "torn read")
    ]
    assert "by 1 at least" in page.findings[0].why


@pytest.mark.parametrize(
    ("rule", "items"),
    [
        (
            "refcount covers mapcount",
            [(1, MOD, 1, -1, 3, 5, 0), (1, TEST, -1, 0, 2, 5, 0), (1, MOD, 1, -1, 3, 2, 0)],
        ),
        ("a free or frozen page does not change", [(1, TEST, -1, 1, 0, 0, 0), (1, MOD, 1, -1, 1, 0, 0)]),
        ("no count is negative", [(1, MOD, -1, -1, 1, 0, 0), (1, MOD, -2, -1, -1, 0, 0)]),
        (
            "only a pin is given back by an unpin",
            [(1, MOD, 1, -1, 1030, 100, 0), (1, TEST, -1024, 0, 6, 100, 0)],
        ),
    ],
)
def test_violations(rule, items):
    """Counts that no torn read explains."""
    page = page_of(changes(*items))

    assert (rule, "violation") in {(finding.rule, finding.judged) for finding in page.findings}


def test_reclaim_is_no_attempt():
    """Reclaim isolates a page as compaction does; it adds it to the swap cache, or freezes it for ever."""
    swapped = changes(
        (1, UNLESS, 1, 1, 2, 1, LRU),
        (1, MOD, 1, -1, 3, 1, LOCKED),
        (1, TEST, -1, 0, 2, 0, LOCKED),
        (1, TEST, -1, 0, 1, 0, LRU),
    )
    freed = changes((1, UNLESS, 1, 1, 2, 0, LRU), (1, FREEZE, 2, 1, 0, 0, LOCKED), (2, SET, 1, -1, 1, 0, 0))

    one, other = page_of(swapped), page_of(freed)

    assert not one.attempts
    assert not one.unexplained
    assert not other.attempts
    assert other.operations == {names.RECLAIM: 1, names.ALLOCATE: 1}


def test_where_events_tell_flags_do_not():
    """In a log with events of compaction, who isolates without them does something else."""
    begin = " rg-59 [000] ..... 0.5: mm_compaction_begin: zone_start=0x0\n"
    isolated = changes(
        (1, UNLESS, 1, 1, 3, 1, LRU), (1, TEST, -1, 0, 2, 0, LOCKED), (1, FREEZE, 2, 1, 0, 0, LOCKED)
    )

    assert page_of(isolated).attempts
    assert not page_of(isolated, begin).attempts


def test_a_huge_page_is_split():
    """The head is frozen and gets its reference by an increment; each tail page is thawed."""
    head = changes(
        (1, MOD, 511, -1, 513, 1, HEAD),
        (1, FREEZE, 513, 1, 0, 0, HEAD | LOCKED),
        (1, MOD, 1, -1, 1, 0, LOCKED),
        (1, TEST, -1, 1, 0, 0, 0),
    )
    tail = changes((1, UNFREEZE, 1, -1, 1, 0, LOCKED), (1, TEST, -1, 1, 0, 0, 0))

    one, other = page_of(head), page_of(tail)

    assert one.operations == {names.PMD_SPLIT: 1, names.SPLIT: 1, names.FREE: 1}
    assert other.operations == {names.SPLIT: 1, names.FREE: 1}
    assert not one.findings + other.findings


def test_a_pin_that_was_read_late_breaks_nothing():
    """Another's unpin came between a pin and its read: that is no torn read, and no violation."""
    page = page_of(
        changes(
            (1, MOD, 1024, -1, 1026, 1, 0),
            (2, MOD, 1024, -1, 1026, 1, 0),
            (1, TEST, -1024, 0, 1026, 1, 0),
            (2, TEST, -1024, 0, 2, 1, 0),
        )
    )

    assert page.late
    assert not page.findings


def test_near_a_gap_the_order_convicts_nobody():
    """A count that comes out negative by a guess at what the log lacks is no violation."""
    ups = [(1, MOD, 1, -1, n, 0, 0) for n in range(3, 9)]
    gap = [(2, TEST, -1, 0, 1, 0, 0), (1, TEST, -1, 1, 0, 0, 0), (2, MOD, 1, -1, 1, 0, 0)]
    page = page_of(changes(*ups, *gap))

    assert page.missing
    assert not page.findings


def test_a_held_pin_shows():
    """A pin is 1024 references: after it the refcount is no less."""
    good = changes((1, MOD, 1024, -1, 1026, 1, 0), (1, TEST, -1024, 0, 2, 1, 0), (1, MOD, 1, -1, 3, 1, 0))
    bad = changes((1, MOD, 1024, -1, 1026, 1, 0), (1, TEST, -1000, 0, 26, 1, 0), (1, TEST, -24, 0, 2, 1, 0))

    assert not page_of(good).findings
    assert {finding.rule for finding in page_of(bad).findings} == {"a held pin shows in the refcount"}


@pytest.mark.xfail(
    strict=True, reason="the pincount of a large folio has no tracepoint: its pins read as gets"
)
def test_pins_of_large_folios_are_seen():
    """docs/kernel-traces.md says so, too."""
    page = page_of(changes((1, UNLESS, 1, 1, 3, 1, HEAD), (1, TEST, -1, 0, 2, 1, HEAD)))

    assert page.operations == {names.FAST_PIN: 1, names.UNPIN: 1}


@pytest.mark.xfail(
    strict=True, reason="the head's mapcount does not tell how often the other pages are mapped"
)
def test_mappings_of_a_split_pmd_are_not_held():
    """A huge page that PTEs map 512 times, and nobody else: what compaction would find held."""
    begin = " 101-101 [001] ..... 0.5: mm_compaction_begin: zone_start=0x0\n"
    page = page_of(changes((2, MOD, 511, -1, 512, 1, HEAD), (1, UNLESS, 1, 1, 513, 1, HEAD | LRU)), begin)

    (attempt,) = page.attempts
    assert attempt.references == 0

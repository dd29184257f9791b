"""What the thread says of its patches and sketches."""

from itertools import product

from claims_of_policies import FALSE_SKIP, REAL, SKETCHES, blocked, look, mappings
from compaction import compaction
from exact import exact
from one_look import one_look

from racecheck.claims import Case, Claim, Least

MISSED_PIN = "a pinned folio is skipped"

c15 = Claim(
    "c15",
    "Hildenbrand",
    """
    folio_maybe_dma_longterm_pinned() is never true of a page cache page that is not shmem (a shared
    library); of a shmem page with many mappings it is.
    """,
    [
        blocked("longterm_pinned", rung, page=page, size=size, movable=movable, attackers="mapper")
        for page, size, movable, rung in (
            ("file", "order0", False, "never"),
            ("file", "large", False, "never"),
            ("shmem", "order0", False, "at rest"),
            ("shmem", "large", False, "never"),
            ("shmem", "order0", True, "never"),
        )
    ],
    [
        mappings(
            "mappings that make a shmem page look pinned",
            "longterm_pinned",
            page="shmem",
            attackers="mapper",
        )
    ],
    scope=f"""
    Large folios have a pincount, and movable memory no long-term pins. {REAL}
    """,
)  # fmt: skip

c16 = Claim(
    "c16",
    "Hildenbrand",
    """
    With a limit of 32 mappings the skip_folio_in_isolation() sketches skip no unpinned page, and so
    cannot be exploited; a pinned shmem page with more mappings is still tried.
    """,
    [
        look(policy, FALSE_SKIP, page="shmem", mapped=mapped)
        for policy, mapped in product(SKETCHES, (32, 33, 1023, 1100))
    ]
    + [
        look(policy, MISSED_PIN, verdict, page="shmem", longterm=True, mapped=mapped)
        for policy, (mapped, verdict) in product(SKETCHES, ((32, "holds"), (33, "violated")))
    ]
    + [blocked(policy, page="shmem", attackers="mapper") for policy in SKETCHES],
    [
        Least("mappings from which on a pinned shmem page is tried", one_look,
              {"policy": "skip_longterm_or", "page": "shmem", "longterm": True}, MISSED_PIN, "mapped", 40),
        mappings("mappings that an attacker needs to block it by racing", "skip_longterm_or", page="shmem",
                 attackers="mapper"),
    ],
    scope=f"""
    The sketches with || in their garbled line. {REAL}
    """,
)  # fmt: skip

READINGS = ("skip_longterm_or", "skip_longterm_and", "skip_pinned_or", "skip_pinned_and")

c17 = Claim(
    "c17",
    "Hildenbrand",
    """
    The garbled last line does what the comment above it says: a pinned page is skipped, but an order-0
    page with many mappings is tried.
    """,
    [
        look(policy, MISSED_PIN, "violated" if (size, mapped) == ("order0", 33) else "holds", page="shmem",
             size=size, longterm=True, mapped=mapped)
        for policy, size, mapped in product(READINGS, ("order0", "large"), (32, 33))
    ],
    scope="""
    'folio_order(folio) != 0 || && total_mappings <= 32': one of the operators is a slip, and each is
    read in turn.
    """,
)  # fmt: skip

KINDS = (
    {"page": "anon"},
    {"page": "file"},
    {"page": "file", "private": True},
    {"page": "anon", "swapcache": True},
    {"page": "shmem"},
    {"page": "shmem", "swapcache": True},
)

EXACT = "it skips if and only if somebody else holds a reference"

c19 = Claim(
    "c19",
    "Aziz",
    "Patch v4 is exact at rest: it skips a page if and only if somebody else holds a reference.",
    [
        Case(exact, {"policy": "aziz_v4", "who": who, "size": size, **kind}, EXACT, verdict="holds")
        for who, size, kind in product(("nobody", "holder"), ("order0", "large"), KINDS)
    ]
    + [
        Case(
            exact, {"policy": "aziz_v4", "who": "truncation", "size": size, **kind}, EXACT, verdict="holds"
        )
        for size, kind in product(("order0", "large"), KINDS[1:3])
    ],
    scope="""
    Truncation clears folio->mapping first and drops the page cache's reference later; all the while it
    holds one of its own. What the check does while the page is truncated under it is in c21.
    """,
)

c20 = Claim(
    "c20",
    "Aziz",
    "Patches v1 and v2 skip only pages to which somebody else holds a reference.",
    [Case(exact, {"policy": "aziz_v2", "who": "nobody", **kind}, EXACT, verdict="holds") for kind in KINDS],
    scope="They do not count the scanner's own reference.",
)

c25 = Claim(
    "c25",
    "Hildenbrand",
    """
    For order-0 anon pages a shortcut is exact: not exclusive means not pinned. Many forks no longer
    look like a pin, and no pin is missed. For the page cache it does nothing.
    """,
    [
        Case(compaction, {"policy": "anon_exclusive_shortcut", "page": "anon", "longterm": True,
                          "attackers": attackers}, "a pinned folio is not tried", verdict="holds")
        for attackers in ("mapper", "forker", "mapper+fast_pinner")
    ]
    + [
        blocked("anon_exclusive_shortcut", rung, page=page, attackers="forker")
        for page, rung in (("anon", "never"), ("file", "at rest"))
    ],
    [mappings("forks that make an anon page look pinned without it", "maybe_dma_pinned", page="anon",
              attackers="forker")],
    scope=f"""
    Commit 0575860d0646, never merged. {REAL} Sequential consistency: in the kernel it needs the barriers
    of page_try_share_anon_rmap() and GUP-fast.
    """,
)  # fmt: skip

PATCHES = [c15, c16, c17, c19, c20, c25]

"""What the thread says of expressions in C that subtract one count from another."""

from itertools import product

from claims_of_counts import WEAK_LOADS
from compaction import compaction
from one_look import one_look
from subtraction import subtraction

from racecheck.claims import Case, Claim, Least, Measure

UNSIGNED = "being unsigned changes no outcome"
ABOVE_ZERO = "the subtraction does not go below 0"

c07 = Claim(
    "c07",
    "Hildenbrand",
    """
    The unsigned cast in Wilcox's expression neither helps nor solves anything: without it each outcome
    is the same.
    """,
    [
        Case(subtraction, {"constant": constant, "read_order": order, "page": page, "maps": 3}, UNSIGNED,
             verdict="holds")
        for constant, order, page in product(
            ("unsigned", "signed"), ("refcount_first", "mapcount_first", "together"), ("anon", "file")
        )
    ],
    scope=f"""
    GUP_PIN_COUNTING_BIAS is 1U << 10, and by C's own rules a comparison with it is unsigned; with a
    signed constant it would be signed. {WEAK_LOADS}
    """,
)  # fmt: skip

DIFFERENCES = ("wilcox_difference", "wilcox_difference_mapcount_first")

c08 = Claim(
    "c08",
    "Wilcox",
    "Comparing refcount - mapcount with the bias is OK: it calls no unpinned order-0 page pinned.",
    [
        Case(one_look, {"policy": policy, "page": page, "maps": maps}, "an unpinned folio is not skipped",
             verdict="holds")
        for policy, page, maps in product(DIFFERENCES, ("anon", "file"), (1, 2, 3))
    ],
    [
        Least(f"racing maps or unmaps for one wrong answer, {page}", one_look,
              {"policy": "wilcox_difference", "page": page}, "an unpinned folio is not skipped", "maps", 4)
        for page in ("anon", "file")
    ],
    scope=f"""
    An int below 0 is, as unsigned, above the bias. What an attacker can make of the test is in c11.
    {WEAK_LOADS}
    """,
)  # fmt: skip

c09 = Claim(
    "c09",
    "Wilcox",
    "It misses no page that is pinned during the whole check; nor does folio_maybe_dma_pinned.",
    [
        Case(one_look, {"policy": policy, "page": page, "longterm": True, "maps": 3},
             "a pinned folio is skipped", verdict="holds")
        for policy, page in product((*DIFFERENCES, "maybe_dma_pinned"), ("anon", "file"))
    ],
    [
        Least("racing maps or unmaps that hide a pin, file", one_look,
              {"policy": "wilcox_difference", "page": "file", "longterm": True},
              "a pinned folio is skipped", "maps", 4)
    ],
    scope=f"""
    An anon page that is pinned is exclusive: who forks it gets a copy, so nobody can race. {WEAK_LOADS}
    """,
)  # fmt: skip

c21 = Claim(
    "c21",
    "Aziz",
    "refcount - extra, in unsigned long in patches v3 and v4, does not wrap.",
    [
        Case(subtraction, {"expression": expression, "page": page, "race": race, "mapped": mapped}, about,
             verdict="holds")
        for expression, about, (page, race, mapped) in product(
            ("v3", "v4"),
            (ABOVE_ZERO, UNSIGNED),
            (
                ("anon", "maps", 1), ("file", "maps", 0), ("file", "maps", 1), ("file", "truncation", 0),
                ("file", "private", 0), ("file", "private", 1), ("anon", "swap", 0), ("anon", "swap", 1),
            ),
        )
    ],
    [Measure("attempts needed beside a truncation, patch v4", compaction,
             {"policy": "aziz_v4", "page": "file", "attackers": "truncation"}, "isolated", "attempts")],
    scope="""
    Expected references go away by truncation, by release of private data, or from the swap cache,
    between the load of the flags and that of the count. Being unsigned changes an outcome where the
    wrapped value is above the mapcount.
    """,
)  # fmt: skip

EXPRESSIONS = [c07, c08, c09, c21]

"""What the thread says of the counters themselves, of snapshots of them, and of the code around them."""

from itertools import product

from folio import folio
from ksm import ksm
from snapshot import snapshot
from split import split

from racecheck.claims import Case, Claim, Least

COVERS = "refcount covers mapcount"
COVERS_ALL = "refcount covers mappings and held references"
COVERS_LOOKUPS = "refcount covers the faults' lookups too"
BELOW = "no snapshot shows refcount below mapcount"
HIDES = "no snapshot hides a held reference"
SHOWS = "no snapshot shows a reference that nobody holds"
PINCOUNT = "pincount never exceeds refcount"
ONE_FOLIO = "both counters are of one folio"
A_FOLIO = "the mapcount is a folio's"
NO_PASS = "it does not pass while a reference is held"
WEAK = (
    "Sequential consistency. Fork raises the two counters by atomic operations that order nothing, so a "
    "weakly ordered machine may show the mapcount first; that half is not asked here."
)
WEAK_LOADS = "Sequential consistency: a weakly ordered machine may also swap the reader's two loads."

c01 = Claim(
    "c01",
    "Hildenbrand",
    """
    Mapping a page raises the refcount before the mapcount, unmapping drops it after: an order-0 folio
    has refcount >= mapcount at every instant, and even refcount >= mapcount + all other references.
    """,
    [
        Case(folio, {"page": page}, about, verdict="holds")
        for page, about in product(("anon", "file"), (COVERS, COVERS_ALL, COVERS_LOOKUPS))
    ],
    scope=f"""
    Linux 6.1, every path of mapping and unmapping that models/folio.py names; two mappers, one pin,
    one reference. {WEAK} (The mail says it the wrong way round: 'the mapcount is supposed to be always
    larger'.)
    """,
)

c02 = Claim(
    "c02",
    "Hildenbrand",
    "The same with the fault-around of Linux 6.6 and later, for order-0 and for large folios.",
    [
        Case(folio, {"kernel": "6.6", "size": size}, about, verdict="holds")
        for size, about in product(("order0", "large"), (COVERS, COVERS_ALL, COVERS_LOOKUPS))
    ],
    [
        Least(
            "pages from which on mapcount + cache + other holders can exceed the refcount",
            folio,
            {"kernel": "6.6", "size": "large"},
            COVERS_ALL,
            "pages",
            3,
            start=1,
        )
    ],
    scope=f"set_pte_range() comes before folio_ref_add() there; a page cache folio of two pages. {WEAK}",
)


def first_tear(read_order, page, what):
    return Least(
        f"complete {what}s between the two loads, {page}",
        snapshot,
        {"read_order": read_order, "page": page},
        BELOW,
        "maps",
        4,
    )


c03 = Claim(
    "c03",
    "Wilcox",
    """
    Who holds a reference and no lock, and reads the mapcount and then the refcount, can see refcount <
    mapcount: both need only be decremented in between.
    """,
    [
        Case(
            snapshot,
            {"read_order": "mapcount_first", "page": page, "maps": maps},
            BELOW,
            verdict="violated",
        )
        for page, maps in product(("anon", "file"), (1, 2, 3))
    ],
    [first_tear("mapcount_first", page, "unmap") for page in ("anon", "file")],
    scope=f"""
    The reader's reference and the page cache's are in the refcount, and in no mapcount. {WEAK_LOADS}
    """,
)

c04 = Claim(
    "c04",
    "Hildenbrand",
    "Other than by a bug nobody sees refcount < mapcount: who reads the refcount first does not.",
    [
        Case(snapshot, {"read_order": "refcount_first", "page": page, "maps": maps}, BELOW, verdict="holds")
        for page, maps in product(("anon", "file"), (1, 2, 3))
    ],
    [first_tear("refcount_first", page, "map") for page in ("anon", "file")],
    scope=f"Maps by fork, and by page fault. {WEAK_LOADS}",
)

c05 = Claim(
    "c05",
    "Wilcox",
    "If the caller has the folio lock, refcount < mapcount is not possible.",
    [
        Case(
            snapshot,
            {
                "locked": "true",
                "read_order": order,
                "page": page,
                "paths": paths,
                "kernel": kernel,
                "maps": n,
            },
            BELOW,
            verdict="holds",
        )
        for order, kernel, (page, paths, n) in product(
            ("mapcount_first", "refcount_first"),
            ("6.1", "6.6"),
            (("anon", "forks", 2), ("file", "forks", 3), ("file", "faults", 3)),
        )
    ],
    scope=f"Page faults take the folio lock; fork, munmap and exit do not. {WEAK_LOADS}",
)

c06 = Claim(
    "c06",
    "asked here",
    """
    One load that covers both words shows no refcount < mapcount, hides no held reference, and shows
    none that nobody holds.
    """,
    [
        Case(snapshot, {"read_order": "together", "page": page, "maps": maps}, about, verdict="holds")
        for page, maps, about in product(("anon", "file"), (1, 3), (BELOW, HIDES, SHOWS))
    ],
    scope="""
    Order-0 folios on 64-bit: a large folio's counters are in no single word. An operation in progress
    holds a reference that no mapping stands for. No kernel reads both at once, and the kernel's memory
    model leaves loads of mixed size out.
    """,
)

c13 = Claim(
    "c13",
    "Hildenbrand",
    """
    Who compares the counts must hold a reference, so that a compound page cannot be split meanwhile;
    then the comparison is of one folio.
    """,
    [
        Case(split, {"scan": "scan_with_reference", "meanwhile": meanwhile}, about, verdict="holds")
        for meanwhile, about in product(("split", "free"), (ONE_FOLIO, A_FOLIO))
    ]
    + [
        Case(split, {"scan": "scan_without", "meanwhile": meanwhile}, ONE_FOLIO, verdict="violated")
        for meanwhile in ("split", "free")
    ],
    scope="""
    The scanner looks at PG_lru before it takes its reference, and again only after the check.
    Sequential consistency.
    """,
)

c22 = Claim(
    "c22",
    "the kernel",
    """
    GUP-fast pins an order-0 page in two steps, +1 and +1023; the pin test misses it in between, and
    that hurts nobody, since GUP-fast looks at the page table entry again.
    """,
    [
        Case(folio, {"page": "anon"}, about, verdict="holds")
        for about in (
            "the pin test misses a pin in its two steps",
            "a returned pin tests as pinned",
            "no pin is returned on a folio taken away",
        )
    ],
    scope="""
    Anon pages, where a missed pin would break copy-on-write. It needs full barriers on both sides,
    which sequential consistency takes for granted.
    """,
)

c23 = Claim(
    "c23",
    "the kernel",
    """
    A large folio has pincount <= refcount at every instant, and that takes the order of both, pin and
    unpin.
    """,
    [
        Case(folio, {"size": "large", "page": "anon", "pinners": 2, "swapped": swapped}, PINCOUNT,
             verdict=verdict)
        for swapped, verdict in (("none", "holds"), ("pin", "violated"), ("unpin", "violated"))
    ],
    scope="Slow and fast GUP. Sequential consistency: of pin's two steps the second orders nothing.",
)  # fmt: skip

c24 = Claim(
    "c24",
    "Hildenbrand",
    """
    KSM's comparison of the counts has been used forever and is stable: it does not pass while somebody
    holds another reference.
    """,
    [
        Case(ksm, {"order": order, "held": held, "processes": processes, "reclaimed": reclaimed}, NO_PASS,
             verdict="holds")
        for order, held, processes, reclaimed in product(
            ("mapcount_first", "refcount_first"), ("throughout", "by_gup_fast"), (1, 2), (False, True)
        )
    ],
    [Least("processes that map it", ksm, {}, NO_PASS, "processes", 3, start=1)],
    scope="""
    A plain reference (FOLL_GET) to a folio that fork shared; a pin is of an exclusive page, and its
    1024 references cannot be made up for. Page table lock, folio lock and the flush are in the model;
    on a weakly ordered machine they are barriers too.
    """,
)  # fmt: skip

COUNTS = [c01, c02, c03, c04, c05, c06, c13, c22, c23, c24]

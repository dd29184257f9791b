"""What the thread says of the tests by which compaction might skip a page, and of who can abuse them."""

from itertools import product

from compaction import compaction
from one_look import one_look
from preempted import preempted
from snapshot import snapshot

from racecheck.claims import Case, Claim, Cost, Least, Like, Measure

REAL = "The bias is 1024 and the limit 32, as in the kernel, and the mapper has up to 1,100 mappings."
FALSE_SKIP = "an unpinned folio is not skipped"
EXTRA_REFERENCES = ("mainline_check", "aziz_v3", "aziz_v4", "ksm_check", "expected_ref_count")
SKETCHES = ("skip_longterm_or", "skip_pinned_or")
PIN_TESTS = (
    "maybe_dma_pinned",
    "wilcox_difference",
    "longterm_pinned",
    *SKETCHES,
    "anon_exclusive_shortcut",
)


def blocked(policy, rung="never", **parameters):
    """What an attacker needs to keep compaction from isolating the folio."""
    return Case(compaction, {"policy": policy, **parameters}, "isolated", rung=rung)


def look(policy, about, verdict="holds", **parameters):
    return Case(one_look, {"policy": policy, **parameters}, about, verdict=verdict)


def mappings(name, policy, **parameters):
    return Cost(name, compaction, {"policy": policy, **parameters}, "isolated", "mappings")


def needed(name, key, policy, **parameters):
    return Measure(name, compaction, {"policy": policy, **parameters}, "isolated", key)


c10 = Claim(
    "c10",
    "Hubbard",
    """
    It takes a user with 1024 processes to make folio_maybe_dma_pinned() true of a page cache page that
    nobody pins.
    """,
    [
        look("maybe_dma_pinned", FALSE_SKIP, page=page, private=private, mapped=1023)
        for page, private in (("file", False), ("file", True), ("shmem", False))
    ]
    + [blocked("maybe_dma_pinned", page="file", attackers="mapper")],
    [
        mappings("mappings, page cache", "maybe_dma_pinned", page="file", attackers="mapper"),
        mappings("mappings, with private data", "maybe_dma_pinned", page="file", private=True,
                 attackers="mapper"),
        *(
            Least(f"mappings, {name} and without the scanner's own reference", one_look,
                  {"policy": "maybe_dma_pinned", "page": "file", "private": private, "referenced": False},
                  FALSE_SKIP, "mapped", 1030, start=1000)
            for name, private in (("page cache", False), ("private data", True))
        ),
    ],
    scope="""
    One process may map the same page again and again: max_map_count is 65,530 by default. The case with
    attackers=mapper has up to 1,100 mappings; the last two numbers are sought from 1,000 on.
    """,
)  # fmt: skip

AT_REST = {("maybe_dma_pinned", "anon"), ("maybe_dma_pinned", "file"), ("longterm_pinned", "anon"),
           ("anon_exclusive_shortcut", "file")}  # fmt: skip

c11 = Claim(
    "c11",
    "Hildenbrand",
    """
    Only folio_maybe_dma_pinned(), and what is made of it for pages with many mappings, can be made to
    block compaction consistently; no other test lets a hostile process block it for ever.
    """,
    [
        blocked(policy, "at rest" if (policy, page) in AT_REST else "never", page=page)
        for policy, page in product(
            (*EXTRA_REFERENCES, "aziz_v2", *PIN_TESTS, "skip_longterm_and", "skip_pinned_and", "one_load"),
            ("anon", "file"),
        )
        if (policy, page) != ("ksm_check", "file")  # KSM has anon pages only
    ],
    [
        mappings(
            f"mappings needed against {policy}, {page}", policy, page=page, attackers="mapper", **sizes
        )
        for policy, page, sizes in (
            ("mainline_check", "anon", {"mappings": 3}),
            ("aziz_v2", "anon", {"mappings": 3}),
            ("aziz_v4", "anon", {"mappings": 3}),
            ("aziz_v4", "file", {"mappings": 3}),
            ("wilcox_difference", "anon", {"mappings": 4}),
            ("wilcox_difference", "file", {"mappings": 4}),
            ("maybe_dma_pinned", "anon", {}),
            ("longterm_pinned", "shmem", {}),
            ("skip_pinned_or", "file", {}),
        )
    ],
    scope=f"""
    A mapper and somebody who pins now and then; a pin excuses a skip. {REAL} The numbers are for a mapper
    alone.
    """,
)

c12 = Claim(
    "c12",
    "Hildenbrand",
    """
    The check for extra references may make the wrong call once, but works on the next attempt: it
    cannot be made to block for ever.
    """,
    [
        Case(compaction, {"policy": policy, "page": "anon", "attackers": attackers, "mappings": 2},
             "isolated", **predicted)
        for policy, attackers, predicted in product(
            ("mainline_check", "aziz_v4"), ("mapper", "twin"), ({"attempts": 2}, {"rung": "never"})
        )
    ]
    + [blocked(policy, page="anon", attackers="none") for policy in ("mainline_check", "aziz_v4")],
    [
        needed("attempts expected against the best mapper", "expected_attempts", "aziz_v4",
               attackers="mapper", mappings=2),
        needed("chance that this mapper blocks it for good", "block_probability", "aziz_v4",
               attackers="mapper", mappings=2),
        needed("attempts expected beside a second scanner", "expected_attempts", "aziz_v4",
               attackers="twin"),
    ],
    scope="""
    By racing means that a scheduler must help on every single attempt. The twin is a second scanner,
    and no attacker.
    """,
)  # fmt: skip

c14 = Claim(
    "c14",
    "asked here",
    """
    C leaves open which operand of (refcount - 1) > mapcount is loaded first, and the verdicts are the
    same.
    """,
    [
        Case(compaction,
             {"policy": "mainline_check_mapcount_first", "page": "anon", "attackers": attackers},
             "isolated", **{key: Like(policy="mainline_check")})
        for attackers, key in product(
            ("mapper", "mapper+pinner", "twin", "holder", "relay"),
            ("rung", "cost", "attempts", "stall", "tried_while_excused"),
        )
    ]
    + [
        Case(snapshot, {"read_order": "mapcount_first", "locked": locked, "page": page, "paths": paths,
                        "maps": 1}, f"no snapshot {what}", verdict=Like(read_order="refcount_first"))
        for locked, (page, paths), what in product(
            ("false", "true"),
            (("anon", "forks"), ("file", "forks"), ("file", "faults")),
            ("hides a held reference", "shows a reference that nobody holds"),
        )
    ],
    scope=f"""
    Compaction does not hold the folio lock. {REAL} A weakly ordered machine may swap the loads anyway.
    """,
)  # fmt: skip

c18 = Claim(
    "c18",
    "Hildenbrand",
    """
    The pin tests ignore a page that is held by FOLL_GET alone; comparing mapcount and refcount does
    not.
    """,
    [
        blocked(policy, rung, page=page, attackers="holder")
        for policies, rung in ((PIN_TESTS, "never"), (EXTRA_REFERENCES, "at rest"))
        for policy, page in product(policies, ("anon", "file"))
        if (policy, page) != ("ksm_check", "file")
    ],
    scope="'At rest' is the right answer here: the page cannot be migrated while the reference is held.",
)

STOPPED = (
    *EXTRA_REFERENCES[:3], "maybe_dma_pinned", "wilcox_difference", "skip_pinned_or", "one_load",
)  # fmt: skip

c26 = Claim(
    "c26",
    "Hildenbrand",
    """
    Even if the wrong call is made once, the next attempt works: nobody blocks it by stopping in the
    middle of mapping the page.
    """,
    [
        Case(preempted, {"policy": policy, "page": page, "mappers": 1100, "resume": False}, "isolated",
             rung="never")
        for policy, page in product(STOPPED, ("anon", "file"))
    ]
    + [Case(preempted, {"policy": "mainline_check", "page": "file", "mappers": 1100}, "isolated",
            rung="never")],
    [
        Cost(f"mappers stopped in the middle, {policy}, {page}", preempted,
             {"policy": policy, "page": page, "mappers": 1100, "resume": False}, "isolated", "stopped")
        for policy, page in product(
            ("aziz_v4", "wilcox_difference", "one_load", "maybe_dma_pinned", "skip_pinned_or"),
            ("anon", "file"),
        )
    ],
    scope="""
    Preempted between its two increments a mapper holds a reference that no mapping stands for yet; the
    block ends when they go on. 1,100 mappers, a bias of 1024 and a limit of 32. With resume=false nobody
    goes on, so that it is the stopped that block; whoever may go on may stop as well, so these blocks are
    there with resume=true, too. What is never blocked is asked with both.
    """,
)  # fmt: skip

POLICIES = [c10, c11, c12, c14, c18, c26]
